// SPDX-License-Identifier: MIT
//
// A start goes in three moves. First everything is made, the process not yet started. If init dies
// here, nothing names these things, and adopt.c clears them away; only the kept table of a service
// that is being succeeded must not get lost: adopt.c finds the process that has it. Then the record
// is committed. Last the thread is started; if init dies in between, adoption does it.

#include "launch.h"

#include "grant.h"
#include "run.h"
#include "supervise.h"
#include "watch.h"

#include <abi/boot.h>
#include <abi/names.h>
#include <ds/format.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/spawn.h>
#include <sys/string.h>

// What a job may have beyond the limits of the manifest: while a service is replaced, its dead
// instance is still there, and the successor's program is loaded.
#define SLACK_PAGES 512
#define SLACK_PROCESSES 3
#define SLACK_HANDLES 64

#define EXTRA_ARGUMENTS 4
#define EXTRA_BYTES 32

struct arguments {
    const char *items[COMMAND_ARGUMENTS_MAX + MANIFEST_ARGUMENTS_MAX + EXTRA_ARGUMENTS];
    uint32_t count;
    char extra[EXTRA_ARGUMENTS][EXTRA_BYTES];
    uint32_t extra_count;
};

// ---- arguments

static void add_extra(struct arguments *list, const char *key, const char *value) {
    char *text = list->extra[list->extra_count++];
    text_format(text, EXTRA_BYTES, "%s=%s", key, value);
    list->items[list->count++] = text;
}

// What a successor is told of the end of its predecessor (server/start.h).
static void add_history(const struct service_record *record, struct arguments *list) {
    static const char *const causes[] = {
        [EXIT_VOLUNTARY] = "exit",
        [EXIT_KILLED] = "kill",
        [EXIT_FAULT] = "fault",
        [EXIT_HANG] = "hang",
    };
    if (record->last_cause < sizeof(causes) / sizeof(causes[0]) &&
        causes[record->last_cause] != NULL) {
        add_extra(list, "after", causes[record->last_cause]);
    }
    if ((record->flags & SERVICE_RESET) != 0) {
        add_extra(list, "vault", "reset");
    }
    if ((record->flags & SERVICE_CHECK) != 0) {
        add_extra(list, "check", "full");
    }
}

static void fill_arguments(const struct init *init, const struct service *service, bool successor,
                           struct arguments *list) {
    const struct manifest *manifest = &service->entry->manifest;
    list->count = list->extra_count = 0;
    for (uint32_t i = 0; service->bare && i < init->command.argument_count; i++) {
        list->items[list->count++] = init->command.arguments[i];
    }
    for (uint32_t i = 0; i < manifest->argument_count; i++) {
        list->items[list->count++] = manifest->arguments[i];
    }
    if (successor) {
        add_history(service->record, list);
    }
    if (!service->bare && manifest->max_service_ms != 0) {
        char number[EXTRA_BYTES - 16];
        text_format(number, sizeof(number), "%u", manifest->max_service_ms);
        add_extra(list, "max-service-ms", number);
    }
}

// ---- the process

static status_t make_job(handle_t parent, const struct job_limits *limits, handle_t *job) {
    int64_t made = sys_job_create(parent, limits);
    *job = made < 0 ? HANDLE_NONE : (handle_t)made;
    return made < 0 ? (status_t)made : OK;
}

// The job with the limits of the manifest, and in it that of the process itself: what is reserved
// is there for a successor whatever else the service has made of its memory, or others of theirs.
static status_t make_jobs(struct init *init, const struct service *service,
                          struct service_record *next) {
    const struct manifest *manifest = &service->entry->manifest;
    struct job_limits limits = {
        .memory_pages = manifest_pages_of(manifest->memory_pages, services_pages()) + SLACK_PAGES,
        .handles = manifest->handles + SLACK_HANDLES,
        .threads = 2 * manifest->threads + 1,
        .processes = manifest->processes + SLACK_PROCESSES,
    };
    if (service->bare) {
        status_t status = run_limits(&limits);
        return status == OK ? make_job(init->own->services, &limits, &next->job) : status;
    }
    status_t status = make_job(init->own->services, &limits, &next->job);
    init_point(init);
    uint64_t reserved = manifest_pages_of(manifest->reserved_pages, services_pages());
    limits.reserved_pages = reserved < limits.memory_pages ? reserved : limits.memory_pages;
    return status == OK ? make_job(next->job, &limits, &next->core) : status;
}

static handle_t job_of_process(const struct service_record *record) {
    return record->core != HANDLE_NONE ? record->core : record->job;
}

static status_t make_vault_and_heartbeat(const struct service *service,
                                         struct service_record *next) {
    const struct manifest *manifest = &service->entry->manifest;
    if (manifest->vault_bytes != 0) {
        int64_t vault = sys_vmo_create(next->core, manifest->vault_bytes, 0);
        if (vault < 0) {
            return (status_t)vault;
        }
        next->vault = (handle_t)vault;
    }
    if (manifest->heartbeat_ms != 0) {
        int64_t heartbeat = sys_event_create();
        if (heartbeat < 0) {
            return (status_t)heartbeat;
        }
        next->heartbeat = (handle_t)heartbeat;
    }
    return OK;
}

// Notes the process in the record and has its end reported.
static status_t take_process(struct init *init, const struct service *service,
                             struct spawned *child, struct service_record *next) {
    const struct manifest *manifest = &service->entry->manifest;
    struct process_info info;
    status_t status = sys_object_get(child->process, &info, sizeof(info));
    if (status == OK && manifest->priority != 0) {
        status = sys_thread_set_priority(child->thread, manifest->priority);
    }
    if (status == OK) {
        status = sys_object_bind(child->process, init->own->port, KEY_SERVICE + service->index,
                                 SIGNAL_PROCESS_ENDED);
    }
    if (status != OK) {
        return status;
    }
    next->process = child->process;
    next->thread = child->thread;
    next->entry = child->entry;
    next->stack = child->stack;
    next->block = child->block;
    next->start_record = child->record;
    next->process_id = info.id;
    next->started_at = time_now();
    next->state = SVC_STATE_RUNNING;
    next->instance++;
    next->refusals = 0;
    next->flags &= ~(uint32_t)(SERVICE_RESET | SERVICE_CHECK | SERVICE_RENEW | SERVICE_FROZEN);
    (void)!sys_handle_close(child->aspace);
    return OK;
}

// Makes the process with the handles of the list.
static status_t prepare(struct init *init, const struct service *service, handle_t predecessor,
                        const struct grant_list *list, struct service_record *next,
                        struct spawned *child) {
    struct arguments arguments;
    fill_arguments(init, service, predecessor != HANDLE_NONE, &arguments);
    const struct spawn_options options = {
        .archive = &init->archive,
        .path = service->bare ? init->command.run : service->entry->manifest.program,
        .label = service->bare ? NULL : service->entry->manifest.name,
        .job = job_of_process(next),
        .predecessor = predecessor,
        .flags = service->bare ? 0 : PROCESS_KEEP,
        .provider = service->bare ? 0 : service->index + 1u,
        .arguments = arguments.items,
        .argument_count = arguments.count,
        .handles = list->items,
        .handle_count = list->count,
        .given = predecessor == HANDLE_NONE ? next->given : NULL,
    };
    status_t status = spawn_prepare(&options, child);
    init_point(init);
    if (status == OK) {
        next->given_count = list->count;
    }
    return status;
}

void service_go(const struct service_record *record) {
    status_t status = sys_thread_start(record->thread, record->entry, record->stack, record->block,
                                       record->start_record);
    if (status != OK && status != ERR_BAD_STATE) {
        log_printf("init: can't start the thread of %s: %s", record->name, status_name(status));
    }
}

static void let_go(struct init *init, struct service *service, const struct service_record *next) {
    service_commit(init, service, next);
    service_go(next);
    init_point(init);
    watch_begin(service);
}

// ---- first instances

// Makes all that a record names, with the process last.
static status_t make_all(struct init *init, struct service *service, struct grant_ends *ends,
                         struct service_record *next) {
    struct grant_list list;
    struct spawned child;
    status_t status = make_jobs(init, service, next);
    init_point(init);
    if (!service->bare) {
        status = status == OK ? grant_make_ends(init, service, ends, next) : status;
        init_point(init);
        status = status == OK ? make_vault_and_heartbeat(service, next) : status;
    }
    status = status == OK ? grant_make_uses(init, service, next) : status;
    if (status != OK) {
        return status;
    }
    init_point(init);
    grant_fill(service, next, ends, &list);
    status = prepare(init, service, HANDLE_NONE, &list, next, &child);
    if (status != OK) {
        return status;
    }
    status = take_process(init, service, &child, next);
    if (status != OK) {
        spawned_close(&child);
    }
    init_point(init);
    return status;
}

static void close_ends(const struct grant_ends *ends) {
    // Those that have moved into the process are no handles of ours any more.
    (void)!sys_handle_close(ends->port);
    for (uint32_t k = 0; k < MANIFEST_PROVIDES_MAX; k++) {
        (void)!sys_handle_close(ends->endpoints[k]);
        (void)!sys_handle_close(ends->forwarder_endpoints[k]);
    }
}

status_t service_create(struct init *init, struct service *service) {
    struct grant_ends ends = {0};
    struct service_record next = *service->record;
    next.revoked = 0;
    status_t status = make_all(init, service, &ends, &next);
    if (status != OK) {
        handle_t handles[STATE_HANDLES_MAX];
        uint32_t count = state_take_handles(&next, handles);
        for (uint32_t i = 0; i < count; i++) {
            (void)!sys_handle_close(handles[i]);
        }
        close_ends(&ends);
        return status;
    }
    let_go(init, service, &next);
    return OK;
}

// ---- successors

status_t service_succeed(struct init *init, struct service *service) {
    struct service_record next = *service->record;
    struct grant_list list;
    struct spawned child;
    handle_t before = next.process;
    handle_t thread_before = next.thread;
    grant_fill(service, &next, NULL, &list);
    if (list.count != next.given_count) {
        return ERR_CORRUPT; // the record does not fit the manifest
    }
    status_t status = prepare(init, service, before, &list, &next, &child);
    if (status == OK) {
        status = take_process(init, service, &child, &next);
        if (status != OK) {
            // It has the table: it stands in for the predecessor.
            (void)!sys_task_kill(child.process, 0, 0);
            handle_t heir = child.process;
            child.process = HANDLE_NONE;
            spawned_close(&child);
            child.process = heir;
        }
    }
    if (status != OK && child.process == HANDLE_NONE) {
        return status; // nothing has changed
    }
    if (status != OK) {
        next.process = child.process;
        next.thread = HANDLE_NONE;
        service_commit(init, service, &next);
    } else {
        let_go(init, service, &next);
    }
    (void)!sys_handle_close(before);
    init_point(init);
    (void)!sys_handle_close(thread_before);
    init_point(init);
    return status;
}
