// SPDX-License-Identifier: MIT
//
// A server sets a bit of its heartbeat event at least every SERVER_BEAT_NS; here it is cleared and
// looked at once in `heartbeat-ms`. What counts as missed is a look at which the bit was not set
// and the server's first thread was not excused: one that waits in its port is idle, whatever the
// bit says; one that waits for another service's answer, or for a page that a pager brings, suffers
// from somebody else's failure. After `missed-max` misses in a row the process is killed as hung,
// or, when `svc freeze` had stopped it, as an ordered kill; then the exit packet comes and all goes
// its way.
//
// A look that comes much too late says nothing about the servers: the whole machine stood still. It
// is not counted.

#include "watch.h"

#include "supervise.h"

#include <server/start.h>
#include <sys/calls.h>
#include <sys/log.h>

static duration_t interval(const struct service *service) {
    return MILLISECONDS(service->entry->manifest.heartbeat_ms);
}

void watch_begin(struct service *service) {
    service->missed = 0;
    service->next_beat =
        service->record->heartbeat == HANDLE_NONE ? INSTANT_NEVER : time_now() + interval(service);
}

// What a silent server's first thread is doing.
enum look { LOOK_BUSY, LOOK_IDLE, LOOK_EXCUSED };

static enum look look_at_thread(handle_t thread) {
    struct thread_info info;
    if (sys_object_get(thread, &info, sizeof(info)) != OK || info.state != THREAD_INFO_BLOCKED) {
        return LOOK_BUSY;
    }
    switch (info.waits) {
    case THREAD_WAIT_PORT:
        return LOOK_IDLE;
    case THREAD_WAIT_CALL:
    case THREAD_WAIT_PAGE:
        return LOOK_EXCUSED;
    default:
        return LOOK_BUSY;
    }
}

// It misses its heartbeats: ends it.
static void end_hung(struct init *init, struct service *service) {
    struct service_record next = *service->record;
    bool frozen = (next.flags & SERVICE_FROZEN) != 0;
    next.hangs++;
    service_commit(init, service, &next);
    log_printf("init: %s %s: no heartbeat for %u looks", next.name, frozen ? "is frozen" : "hangs",
               service->missed);
    (void)!sys_task_kill(next.process, 0, frozen ? 0 : KILL_HANG);
    service->next_beat = INSTANT_NEVER; // until its successor begins
}

static void look(struct init *init, struct service *service, instant_t now) {
    int64_t signals = sys_event_signal(service->record->heartbeat, SERVER_BEAT, 0);
    bool late = now - service->next_beat > interval(service);
    service->next_beat = now + interval(service);
    if (signals > 0 && (signals & SERVER_BEAT) != 0) {
        service->missed = 0;
        return;
    }
    switch (look_at_thread(service->record->thread)) {
    case LOOK_IDLE:
        service->missed = 0;
        break;
    case LOOK_EXCUSED:
        break;
    case LOOK_BUSY:
        service->missed += !late;
    }
    if (service->missed >= service->entry->manifest.missed_max) {
        end_hung(init, service);
    }
}

instant_t watch_all(struct init *init) {
    instant_t now = time_now();
    instant_t next = INSTANT_NEVER;
    for (uint32_t i = 0; i < init->service_count; i++) {
        struct service *service = &init->services[i];
        if (service->record->state != SVC_STATE_RUNNING) {
            continue;
        }
        if (service->next_beat <= now) {
            look(init, service, now);
        }
        next = service->next_beat < next ? service->next_beat : next;
    }
    return next;
}
