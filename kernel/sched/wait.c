// SPDX-License-Identifier: MIT
//
// Parking, waking, and ending a wait from outside. sched/thread.h states the rules.
//
// References: a parked thread keeps what it waits on alive. For ports it need not take one: a
// call's channel holds the port, and a port whose last handle goes wakes its waiting servers first.
// So thread_abort_wait, which comes from outside, uses object_try_ref for those: when it fails,
// somebody else is ending the wait already.
#include <ipc/call.h>
#include <ipc/port.h>
#include <sched/futex.h>
#include <sched/sched.h>
#include <sched/thread.h>

// Whether a wait of this kind holds a reference on its object.
static bool wait_holds_reference(uint8_t kind, const struct object *object) {
    return object != NULL && kind != WAIT_PORT && kind != WAIT_CALL;
}

void thread_timer_expired(struct timer_node *node, uint64_t seq, instant_t now) {
    (void)now;
    thread_abort_wait(container_of(node, struct thread, timer), seq, ERR_TIMED_OUT);
}

status_t thread_park(struct thread *self, enum wait_kind kind, struct object *object,
                     instant_t deadline, bool interruptible) {
    assert(self == thread_self());
    assert(kind != WAIT_NONE);
    status_t status = OK;
    spin_lock(&self->lock);
    assert(self->state == THREAD_RUNNING);
    uint32_t pending = __atomic_load_n(&self->pending, __ATOMIC_RELAXED);
    if ((pending & (PENDING_KILL | PENDING_SUSPEND)) != 0 ||
        __atomic_load_n(&self->wait_fired, __ATOMIC_RELAXED)) {
        status = STATUS_RESTART;
    } else if (interruptible && thread_latched(self)) {
        status = ERR_INTERRUPTED;
    } else {
        self->state = THREAD_BLOCKED;
        self->wait_kind = (uint8_t)kind;
        self->wait_object = object;
        self->interruptible = interruptible;
        self->wait_seq++;
        if (wait_holds_reference(self->wait_kind, object)) {
            object_ref(object);
        }
        if (deadline != INSTANT_NEVER) {
            timer_queue_add(&self->timer, deadline, 0, self->wait_seq);
        }
        cpu_this()->parked = true;
    }
    spin_unlock(&self->lock);
    return status;
}

// Ends the wait and writes the result. thread->lock held. Returns whether the thread may run.
static bool finish_wait(struct thread *thread, int64_t result) {
    assert(spin_held(&thread->lock));
    assert(thread->state == THREAD_BLOCKED);
    // Acquire: what the CPU that popped the node did to it comes before it is added anew.
    if (__atomic_load_n(&thread->timer.cpu, __ATOMIC_ACQUIRE) != NULL) {
        timer_queue_remove(&thread->timer);
    }
    if (wait_holds_reference(thread->wait_kind, thread->wait_object)) {
        object_unref(thread->wait_object);
    }
    thread->wait_kind = WAIT_NONE;
    thread->wait_object = NULL;
    if (result == STATUS_RESTART) {
        arch_thread_restart(&thread->arch);
    } else {
        arch_thread_set_result(&thread->arch, result);
    }
    uint32_t pending = __atomic_load_n(&thread->pending, __ATOMIC_RELAXED);
    return (pending & PENDING_SUSPEND) == 0 || (pending & PENDING_KILL) != 0;
}

static void unpark_locked(struct thread *thread, int64_t result) {
    assert(spin_held(&thread->lock));
    if (finish_wait(thread, result)) {
        thread->state = THREAD_READY;
        sched_enqueue(thread);
    } else {
        thread->state = THREAD_SUSPENDED;
    }
}

void thread_unpark(struct thread *thread, int64_t result) {
    spin_lock(&thread->lock);
    unpark_locked(thread, result);
    spin_unlock(&thread->lock);
}

bool thread_unpark_direct(struct thread *thread, int64_t result) {
    spin_lock(&thread->lock);
    bool runs = finish_wait(thread, result);
    thread->state = runs ? THREAD_RUNNING : THREAD_SUSPENDED;
    spin_unlock(&thread->lock);
    return runs;
}

bool thread_in_wait(struct thread *thread, uint64_t seq) {
    spin_lock(&thread->lock);
    bool in = thread->state == THREAD_BLOCKED && thread->wait_seq == seq;
    spin_unlock(&thread->lock);
    return in;
}

// What an abort of this wait needs; nothing when the wait is over or goes on.
struct abort_plan {
    uint8_t kind;
    uint64_t seq;          // of the wait that is to end
    struct object *object; // holds a reference, or null
};

// Decides under thread->lock. Restarting waits that have no list are ended right here.
static struct abort_plan plan_abort(struct thread *thread, uint64_t seq, status_t status) {
    assert(spin_held(&thread->lock));
    struct abort_plan plan = {.kind = WAIT_NONE, .seq = thread->wait_seq};
    if (thread->state != THREAD_BLOCKED || (seq != 0 && thread->wait_seq != seq)) {
        return plan;
    }
    // Since it was latched the thread may have seen to the interruption, and begun another wait.
    if (status == ERR_INTERRUPTED && !(thread->interruptible && thread_latched(thread))) {
        return plan;
    }
    switch (thread->wait_kind) {
    case WAIT_SIGNALS:
    case WAIT_STREAM:
    case WAIT_SLEEP:
    case WAIT_PAGE:
        unpark_locked(thread, STATUS_RESTART);
        return plan;
    case WAIT_PORT:
    case WAIT_CALL:
        if (!object_try_ref(thread->wait_object)) {
            return plan;
        }
        plan.object = thread->wait_object;
        break;
    default:
        break;
    }
    plan.kind = thread->wait_kind;
    return plan;
}

void thread_abort_wait(struct thread *thread, uint64_t seq, status_t status) {
    assert(!spin_held(&thread->lock));
    spin_lock(&thread->lock);
    struct abort_plan plan = plan_abort(thread, seq, status);
    spin_unlock(&thread->lock);
    switch (plan.kind) {
    case WAIT_PORT:
        port_abort_wait(thread, port_from(plan.object), plan.seq, status);
        break;
    case WAIT_CALL:
        call_cancel(thread, port_from(plan.object), plan.seq, status);
        break;
    case WAIT_FUTEX:
        futex_abort(thread, plan.seq, status);
        break;
    default:
        break;
    }
    if (plan.object != NULL) {
        object_unref(plan.object);
    }
}
