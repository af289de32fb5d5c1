// SPDX-License-Identifier: MIT
//
// The states of a service:
//
//   STOPPED -> WAITING -> RUNNING -> DOWN -> RUNNING ...        as the ladder says
//                            |         \--> FAILED
//                            \--> DONE      `restart never`
//
// Everything here may be cut off by init's death between any two steps, and is then done again from
// the record: so each function looks at what is, and not at what it expects. An exit packet says
// only that it is time to look.

#include "supervise.h"

#include "launch.h"
#include "run.h"

#include <abi/names.h>
#include <server/start.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>

void service_commit(struct init *init, struct service *service,
                    const struct service_record *wanted) {
    init_point(init);
    state_set_service(&init->vault, service->record, wanted);
    init_point(init);
}

struct service *service_find(struct init *init, const char *name) {
    for (uint32_t i = 0; i < init->service_count; i++) {
        if (strcmp(init->services[i].record->name, name) == 0) {
            return &init->services[i];
        }
    }
    return NULL;
}

bool service_is_up(const struct service *service) {
    uint32_t state = service->record->state;
    return state == SVC_STATE_RUNNING || state == SVC_STATE_DOWN || state == SVC_STATE_DONE;
}

// ---- ends

void service_clear(struct init *init, struct service *service, uint32_t state) {
    struct service_record next = *service->record;
    handle_t handles[STATE_HANDLES_MAX];
    if (next.job != HANDLE_NONE) {
        (void)!sys_task_kill(next.job, 0, 0);
    }
    if (next.process != HANDLE_NONE) {
        // When it has not ended yet, its table goes with its last handle.
        (void)!sys_process_discard(next.process);
    }
    uint32_t count = state_take_handles(&next, handles);
    next.state = state;
    next.process_id = 0;
    next.flags = 0;
    service_commit(init, service, &next);
    for (uint32_t i = 0; i < count; i++) {
        (void)!sys_handle_close(handles[i]);
        init_point(init);
    }
}

static void log_end(const struct service_record *record, const struct process_info *info) {
    if (info->cause == EXIT_FAULT) {
        log_printf("init: %s faulted: trap %ld at pc 0x%lx, address 0x%lx", record->name,
                   info->status, info->fault_pc, info->fault_addr);
    } else if (info->cause == EXIT_HANG) {
        log_printf("init: %s hung", record->name);
    } else if (info->cause == EXIT_VOLUNTARY) {
        log_printf("init: %s exited with status %ld", record->name, info->status);
    }
}

static void log_verdict(const struct service_record *record, struct ladder_verdict verdict) {
    const char *name = record->name;
    long delay_ms = verdict.delay / MILLISECONDS(1);
    switch (verdict.step) {
    case LADDER_EMPTY:
        log_printf("init: %s: STATE DISCARDED: restarting with an empty vault in %ld ms (level 3)",
                   name, delay_ms);
        break;
    case LADDER_RENEW:
        log_printf("init: %s: STATE AND CONNECTIONS DISCARDED: starting anew in %ld ms (level 3)",
                   name, delay_ms);
        break;
    case LADDER_FAILED:
        log_printf("init: %s: FAILED: it stays down (level 4); `svc start %s` tries again", name,
                   name);
        break;
    default:
        log_printf("init: %s: restarting in %ld ms (level %u)", name, delay_ms,
                   ladder_level(verdict.step));
    }
}

void service_crashed(struct init *init, struct service *service, struct service_record *next,
                     uint32_t least_step) {
    instant_t now = time_now();
    struct ladder_verdict verdict = ladder_crash(&next->ladder, next->started_at, now);
    if (verdict.step < least_step) {
        verdict.step = next->ladder.step = least_step;
    }
    next->crashes++;
    next->state = verdict.step == LADDER_FAILED ? SVC_STATE_FAILED : SVC_STATE_DOWN;
    next->next_start = now + verdict.delay;
    next->flags &= SERVICE_RENEW; // a renewal that failed is tried again as one
    if (verdict.step == LADDER_RENEW) {
        next->flags |= SERVICE_RENEW;
    } else if (verdict.step == LADDER_EMPTY) {
        next->flags |= SERVICE_RESET;
    } else if (verdict.step >= LADDER_CHECK) {
        next->flags |= SERVICE_CHECK;
    }
    service_commit(init, service, next);
    log_verdict(next, verdict);
    if (verdict.step == LADDER_FAILED) {
        service_clear(init, service, SVC_STATE_FAILED);
    }
}

// What an end means: ordered ones come back at once, others climb the ladder.
static void decide(struct init *init, struct service *service, const struct process_info *info) {
    struct service_record next = *service->record;
    next.last_cause = info->cause;
    next.last_status = info->status;
    next.last_pc = info->fault_pc;
    next.last_addr = info->fault_addr;
    next.process_id = 0;
    next.flags &= ~(uint32_t)SERVICE_FROZEN;
    log_end(&next, info);
    if (info->cause == EXIT_KILLED) {
        next.kills++;
        next.state = SVC_STATE_DOWN;
        next.next_start = 0;
        service_commit(init, service, &next);
    } else {
        bool corrupt = info->cause == EXIT_VOLUNTARY && info->status == SERVER_EXIT_CORRUPT;
        service_crashed(init, service, &next, corrupt ? LADDER_EMPTY : LADDER_RESTART);
    }
}

void service_check(struct init *init, struct service *service) {
    struct process_info info;
    if (service->record->state != SVC_STATE_RUNNING) {
        return;
    }
    status_t status = sys_object_get(service->record->process, &info, sizeof(info));
    if (status != OK) {
        // Somebody has taken the handle away. What is left of the service is ended with its job.
        log_printf("init: %s: ITS PROCESS IS LOST: it starts anew", service->record->name);
        service_clear(init, service, SVC_STATE_WAITING);
        return;
    }
    if (info.cause == EXIT_RUNNING) {
        return;
    }
    if (service->bare) {
        run_ended(init, &info);
        return;
    }
    if (service->entry->manifest.restart == RESTART_NEVER) {
        log_end(service->record, &info);
        service_clear(init, service, SVC_STATE_DONE);
    } else {
        decide(init, service, &info);
    }
}

// ---- starts

static bool needs_are_up(const struct init *init, const struct service *service) {
    for (uint32_t i = 0; i < init->catalog.count; i++) {
        if ((service->entry->depends & 1UL << i) != 0 && !service_is_up(&init->services[i])) {
            return false;
        }
    }
    return true;
}

// What a dead instance had comes back to its job only when no CPU can be looking at it any more
// (mm/reap.h): a limit may refuse a successor that follows at once, and it is no crash that it did.
#define ROOM_AGAIN MILLISECONDS(2)
#define REFUSALS_MAX 50

static bool wait_for_room(struct init *init, struct service *service, status_t status) {
    struct service_record next = *service->record;
    if ((status != ERR_LIMIT && status != ERR_NO_MEMORY) || next.refusals >= REFUSALS_MAX) {
        return false;
    }
    next.refusals++;
    next.state = SVC_STATE_DOWN;
    next.next_start = time_now() + ROOM_AGAIN;
    next.flags |= next.process == HANDLE_NONE ? (uint32_t)SERVICE_RENEW : 0;
    service_commit(init, service, &next);
    return true;
}

static void start_failed(struct init *init, struct service *service, status_t status) {
    if (!service->bare && wait_for_room(init, service, status)) {
        return;
    }
    struct service_record next = *service->record;
    log_printf("init: can't start %s: %s", next.name, status_name(status));
    if (service->bare && !run_has_recovery(init)) {
        run_end_machine(false);
    }
    if (service->bare) {
        // What it uses is down, and comes back or fails for good.
        next.state = SVC_STATE_DOWN;
        next.next_start = time_now() + RUN_AGAIN;
        service_commit(init, service, &next);
        return;
    }
    if (next.process == HANDLE_NONE) {
        next.flags |= SERVICE_RENEW; // there is nothing to succeed to
    }
    next.refusals = 0;
    service_crashed(init, service, &next, LADDER_RESTART);
}

static void start_first(struct init *init, struct service *service) {
    status_t status = service_create(init, service);
    if (status != OK) {
        start_failed(init, service, status);
    } else if (!service->bare) {
        log_printf("init: %s started: process %lu", service->record->name,
                   service->record->process_id);
    }
}

static void start_again(struct init *init, struct service *service) {
    if ((service->record->flags & SERVICE_RENEW) != 0 || service->record->process == HANDLE_NONE) {
        service_clear(init, service, SVC_STATE_WAITING);
        return; // what it needs may be down by now
    }
    status_t status = service_succeed(init, service);
    if (status != OK) {
        start_failed(init, service, status);
    } else {
        log_printf("init: %s restarted: process %lu, instance %lu", service->record->name,
                   service->record->process_id, service->record->instance);
    }
}

// Starts a service if it is due. Returns whether it did.
static bool advance(struct init *init, struct service *service) {
    const struct service_record *record = service->record;
    if (record->state == SVC_STATE_WAITING && needs_are_up(init, service)) {
        start_first(init, service);
        return true;
    }
    if (record->state == SVC_STATE_DOWN && record->next_start <= time_now()) {
        start_again(init, service);
        return true;
    }
    return false;
}

instant_t services_advance(struct init *init) {
    bool started;
    do {
        started = false;
        for (uint32_t i = 0; i < init->service_count; i++) {
            started |= advance(init, &init->services[i]);
        }
    } while (started);
    instant_t next = INSTANT_NEVER;
    for (uint32_t i = 0; i < init->service_count; i++) {
        const struct service_record *record = init->services[i].record;
        if (record->state == SVC_STATE_DOWN && record->next_start < next) {
            next = record->next_start;
        }
    }
    return next;
}

// ---- orders

static void order_one(struct init *init, struct service *service) {
    struct service_record next = *service->record;
    if (next.state == SVC_STATE_DOWN) {
        next.next_start = 0;
    } else if (next.state == SVC_STATE_STOPPED || next.state == SVC_STATE_FAILED ||
               next.state == SVC_STATE_DONE) {
        next.state = SVC_STATE_WAITING;
        next.ladder = (struct ladder){0};
    } else {
        return;
    }
    service_commit(init, service, &next);
}

status_t service_order_start(struct init *init, struct service *service) {
    if (service->record->state == SVC_STATE_REFUSED) {
        return ERR_BAD_STATE;
    }
    // What it depends on, and what that depends on.
    uint64_t wanted = 1UL << service->index | service->entry->depends;
    uint64_t before;
    do {
        before = wanted;
        for (uint32_t i = 0; i < init->catalog.count; i++) {
            wanted |= (wanted & 1UL << i) != 0 ? init->services[i].entry->depends : 0;
        }
    } while (wanted != before);
    for (uint32_t i = 0; i < init->service_count; i++) {
        if ((wanted & 1UL << i) != 0 &&
            !(i != service->index && service_is_up(&init->services[i]))) {
            order_one(init, &init->services[i]);
        }
    }
    return OK;
}

void service_order_stop(struct init *init, struct service *service) {
    if (service->record->state != SVC_STATE_REFUSED) {
        service_clear(init, service, SVC_STATE_STOPPED);
        log_printf("init: %s stopped", service->record->name);
    }
}

void service_order_kill(const struct service *service) {
    (void)!sys_task_kill(service->record->process, 0, 0);
}

status_t service_order_freeze(struct init *init, struct service *service) {
    struct service_record next = *service->record;
    if (next.state != SVC_STATE_RUNNING || next.heartbeat == HANDLE_NONE) {
        return ERR_BAD_STATE; // without a heartbeat nobody would find out
    }
    if ((next.flags & SERVICE_FROZEN) != 0) {
        return OK;
    }
    // First the mark: a process that is suspended without it would count as hung.
    next.flags |= SERVICE_FROZEN;
    service_commit(init, service, &next);
    return sys_process_suspend(next.process);
}
