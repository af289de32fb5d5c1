// SPDX-License-Identifier: MIT
#include "host_thread.h"

#include "host.h"

#include <ipc/call.h>
#include <ipc/port.h>
#include <mm/aspace.h>
#include <object/process.h>
#include <sched/sched.h>
#include <stdlib.h>
#include <time/timer_queue.h>

#define WEAK __attribute__((weak))

static bool host_thread_kept(struct object *object) {
    (void)object;
    return true;
}

static const struct object_ops host_thread_ops = {.name = "thread", .destroy = host_thread_kept};
static const struct object_ops host_aspace_ops = {.name = "aspace", .destroy = host_thread_kept};

// An aspace is an object and no more here; all threads share it.
static struct object host_aspace;

WEAK struct object *aspace_object(struct aspace *aspace) {
    (void)aspace;
    return &host_aspace;
}

struct thread *host_thread_create(uint32_t index) {
    struct thread *thread = calloc(1, sizeof(*thread));
    thread->process = calloc(1, sizeof(*thread->process));
    thread->block = calloc(1, sizeof(*thread->block));
    if (host_aspace.ops == NULL) {
        object_init(&host_aspace, &host_aspace_ops, OBJECT_ASPACE, NULL, 0);
    }
    thread->process->aspace = (struct aspace *)&host_aspace;
    thread->process->id = 1000 + index;
    thread->id = 100 + index;
    spin_init(&thread->lock, RANK_THREAD);
    spin_init(&cpus[index]->timer_lock, RANK_TIMER_QUEUE);
    object_init(&thread->object, &host_thread_ops, OBJECT_THREAD, NULL, 0);
    thread->timer.expire = thread_timer_expired;
    thread->state = THREAD_RUNNING;
    cpus[index]->thread = thread;
    return thread;
}

void host_thread_destroy(struct thread *thread) {
    assert(thread->state != THREAD_BLOCKED && thread->timer.cpu == NULL);
    assert(thread->waiters == NULL && thread->waiter.source == NULL);
    free(thread->block);
    free(thread->process);
    free(thread);
}

bool host_thread_woken(struct thread *thread) {
    spin_lock(&thread->lock);
    bool woken = thread->state == THREAD_READY;
    spin_unlock(&thread->lock);
    return woken;
}

int64_t host_thread_resume(struct thread *thread) {
    uint32_t results = thread->arch.results;
    spin_lock(&thread->lock);
    assert(thread->state == THREAD_READY);
    thread->state = THREAD_RUNNING;
    spin_unlock(&thread->lock);
    if ((thread->pending & PENDING_CLEANUP) != 0) {
        source_wait_cleanup(thread);
    }
    thread->arch.results = 0;
    return results != 0 ? thread->arch.result : STATUS_RESTART;
}

WEAK void source_wait_cleanup(struct thread *thread) {
    (void)thread;
    panic("source_wait_cleanup without object/source.c");
}

int64_t host_thread_try(int64_t (*call)(void *context), void *context) {
    int64_t result;
    do {
        result = call(context);
    } while (result == STATUS_RESTART);
    return result;
}

int64_t host_thread_call(int64_t (*call)(void *context), void *context) {
    struct thread *self = thread_self();
    int64_t result = host_thread_try(call, context);
    while (result == STATUS_PARKED) {
        while (!host_thread_woken(self)) {
            timer_queue_run(clock_now());
            arch_pause();
        }
        result = host_thread_resume(self);
        if (result == STATUS_RESTART) {
            result = host_thread_try(call, context);
        }
    }
    return result;
}

WEAK void sched_enqueue(struct thread *thread) {
    (void)thread;
}

WEAK void port_abort_wait(struct thread *thread, struct port *port, uint64_t seq, status_t status) {
    (void)thread;
    (void)port;
    (void)seq;
    (void)status;
    panic("port_abort_wait");
}

WEAK void call_cancel(struct thread *thread, struct port *port, uint64_t seq, status_t status) {
    (void)thread;
    (void)port;
    (void)seq;
    (void)status;
    panic("call_cancel");
}

WEAK void futex_abort(struct thread *thread, uint64_t seq, status_t status);
WEAK void futex_abort(struct thread *thread, uint64_t seq, status_t status) {
    (void)thread;
    (void)seq;
    (void)status;
    panic("futex_abort without sched/futex.c");
}
