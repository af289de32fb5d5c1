// SPDX-License-Identifier: MIT

#include "run.h"

#include "devices.h"
#include "supervise.h"

#include <abi/boot.h>
#include <abi/names.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>

#define MEMORY_SHARE(pages) ((pages) / 8 * 7)
#define HANDLES 100000
#define THREADS 4096
#define PROCESSES 1024

_Noreturn void run_end_machine(bool success) {
    uint32_t op = success ? SYSTEM_POWER_OFF : SYSTEM_EXIT;
    int64_t result = sys_system_control(INIT_SYSTEM, op, success ? 0 : RUN_FAILED);
    panic("init: can't end the machine: %s", status_name(result));
}

status_t run_limits(struct job_limits *limits) {
    struct system_info info;
    status_t status = sys_object_get(INIT_SYSTEM, &info, sizeof(info));
    *limits = (struct job_limits){
        .memory_pages = MEMORY_SHARE(info.free_pages),
        .handles = HANDLES,
        .threads = THREADS,
        .processes = PROCESSES,
    };
    return status;
}

static _Noreturn void refuse(const struct init *init, const char *what, const char *which) {
    log_printf("init: can't start %s: %s %s", init->command.run, what, which);
    run_end_machine(false);
}

static uint32_t read_priority(const struct init *init) {
    const char *text = init->command.priority;
    uint32_t value = 0;
    while (*text >= '0' && *text <= '9' && value <= MANIFEST_PRIORITY_HIGHEST) {
        value = value * 10 + (uint32_t)(*text++ - '0');
    }
    if (*text != '\0' || value < MANIFEST_PRIORITY_LOWEST || value > MANIFEST_PRIORITY_HIGHEST) {
        refuse(init, "there is no priority", init->command.priority);
    }
    return value;
}

// What the program uses: as by lines `uses CHANNEL` of a manifest.
static void resolve_uses(struct init *init, struct catalog_entry *entry) {
    const struct command_list *uses = &init->command.uses;
    for (uint32_t i = 0; i < uses->count; i++) {
        uint8_t k = entry->manifest.use_count;
        if (k == MANIFEST_USES_MAX) {
            refuse(init, "too many channels:", uses->items[i]);
        }
        uint8_t provider =
            catalog_find_channel(&init->catalog, uses->items[i], &entry->use_channel[k]);
        if (provider == SERVICE_NONE && init->command.recovery != NULL) {
            // It starts without, ends badly, and the recovery follows.
            log_printf("init: no service provides channel %s", uses->items[i]);
            continue;
        }
        if (provider == SERVICE_NONE) {
            refuse(init, "no service provides channel", uses->items[i]);
        }
        entry->use_entry[k] = provider;
        entry->depends |= provider == SERVICE_INIT ? 0 : 1UL << provider;
        text_copy(entry->manifest.uses[k].channel, MANIFEST_NAME_BYTES, uses->items[i]);
        text_copy(entry->manifest.uses[k].as, MANIFEST_NAME_BYTES, uses->items[i]);
        entry->manifest.use_count++;
    }
}

void run_prepare(struct init *init) {
    struct catalog_entry *entry = &init->run_entry;
    if (init->command.run == NULL) {
        return;
    }
    *entry = (struct catalog_entry){0};
    text_copy(entry->manifest.name, MANIFEST_NAME_BYTES, "run");
    entry->manifest.restart = RESTART_NEVER;
    entry->manifest.start = START_BOOT;
    entry->manifest.grants = GRANT_JOB | GRANT_LOG | GRANT_SYSTEM | GRANT_ARCHIVE | GRANT_CLOCK;
    for (uint32_t i = 0; i < init->command.grants.count; i++) {
        const char *word = init->command.grants.items[i];
        uint32_t bit = manifest_grant_bit(word);
        if (device_find(word) != HANDLE_NONE &&
            entry->manifest.device_count < MANIFEST_DEVICES_MAX) {
            text_copy(entry->manifest.devices[entry->manifest.device_count++], MANIFEST_NAME_BYTES,
                      word);
        } else if (bit == 0) {
            refuse(init, "there is no grant", word);
        }
        entry->manifest.grants |= bit;
    }
    if (init->command.priority != NULL) {
        entry->manifest.priority = read_priority(init);
    }
    resolve_uses(init, entry);
    init->run = &init->services[init->service_count];
    *init->run = (struct service){
        .index = (uint8_t)init->service_count,
        .bare = true,
        .entry = entry,
    };
    init->service_count++;
}

// A service that the program stands on, directly or not, and that will not come; null: none.
static const struct service *failed_need(const struct init *init) {
    uint64_t needs = init->run->entry->depends, before;
    do {
        before = needs;
        for (uint32_t i = 0; i < init->catalog.count; i++) {
            needs |= (needs & 1UL << i) != 0 ? init->services[i].entry->depends : 0;
        }
    } while (needs != before);
    for (uint32_t i = 0; i < init->catalog.count; i++) {
        uint32_t state = init->services[i].record->state;
        if ((needs & 1UL << i) != 0 && (state == SVC_STATE_FAILED || state == SVC_STATE_REFUSED)) {
            return &init->services[i];
        }
    }
    return NULL;
}

// The service of init.recovery=, null when there is none that can start.
static struct service *recovery_of(struct init *init) {
    const char *name = init->command.recovery;
    struct service *recovery = name != NULL ? service_find(init, name) : NULL;
    bool able = recovery != NULL && !recovery->bare && recovery->record->state != SVC_STATE_REFUSED;
    return able ? recovery : NULL;
}

bool run_has_recovery(struct init *init) {
    return recovery_of(init) != NULL;
}

// Starts the recovery. What it answers to is only looked at, so that this may be
// done again at any time. Returns whether there is one.
static bool recover(struct init *init, const char *why, const char *which) {
    struct service *recovery = recovery_of(init);
    if (recovery != NULL && recovery->record->state == SVC_STATE_STOPPED) {
        log_printf("init: %s %s %s: RECOVERY", init->command.run, why, which);
        return service_order_start(init, recovery) == OK;
    }
    return recovery != NULL;
}

void run_advance(struct init *init) {
    if (init->run == NULL) {
        return;
    }
    const struct service *failed = failed_need(init);
    uint32_t state = init->run->record->state;
    if (state == SVC_STATE_DONE) {
        (void)recover(init, "has ended", "badly");
    } else if (failed != NULL) {
        bool helped = recover(init, "stands on a failed service:", failed->record->name);
        if (!helped && state == SVC_STATE_WAITING) {
            refuse(init, "it uses a service that has failed:", failed->record->name);
        }
    }
}

void run_ended(struct init *init, const struct process_info *info) {
    const char *name = init->command.run;
    switch (info->cause) {
    case EXIT_FAULT:
        log_printf("init: %s faulted: trap %ld at pc 0x%lx, address 0x%lx", name, info->status,
                   info->fault_pc, info->fault_addr);
        break;
    case EXIT_VOLUNTARY:
        log_printf("init: %s ended with status %ld", name, info->status);
        break;
    default:
        log_printf("init: %s was killed with status %ld", name, info->status);
        break;
    }
    bool good = info->cause == EXIT_VOLUNTARY && info->status == 0;
    if (good || !run_has_recovery(init)) {
        run_end_machine(good);
    }
    service_clear(init, init->run, SVC_STATE_DONE);
    run_advance(init);
}
