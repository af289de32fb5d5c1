// SPDX-License-Identifier: MIT
//
// fork. procd makes the record and an embryo, the kernel fills it with a copy of this process and
// of the calling thread (process_clone). All locks of the libos are held over the copy, so that the
// child finds whole records; its first act is to let them go and to forget the other threads.
//
// vfork: the same, but all of the program's memory is shared and not copied, so that the parent,
// which waits, sees what the child stores. The libos is copied as ever: it lies above. So the child
// runs in an address space of its own, and what it maps or unmaps is its own affair, other than on
// Linux.

#include <core/fork.h>

#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/status.h>
#include <core/threads.h>
#include <files/epoll.h>
#include <proto/proc_client.h>
#include <sys/calls.h>

// entry/entry.S
int64_t entry_process_clone(handle_t embryo, uint64_t share_end);

static void lock_all(void) {
    struct linux_process *process = process_current();
    epolls_lock();
    mutex_lock(&process->alarms.lock);
    mutex_lock(&process->threads.lock);
    mutex_lock(&process->files.lock);
    files_share();
    deferrals_lock();
    mutex_lock(&process->views.lock);
    mutex_lock(&process->memory.lock);
    mutex_lock(&process->actions.lock);
    mutex_lock(&process->heap.lock);
}

static void unlock_all(void) {
    struct linux_process *process = process_current();
    mutex_unlock(&process->heap.lock);
    mutex_unlock(&process->actions.lock);
    mutex_unlock(&process->memory.lock);
    mutex_unlock(&process->views.lock);
    deferrals_unlock();
    mutex_unlock(&process->files.lock);
    mutex_unlock(&process->threads.lock);
    mutex_unlock(&process->alarms.lock);
    epolls_unlock();
}

static void clear_handlers(void) {
    struct signal_actions *actions = &process_current()->actions;
    mutex_lock(&actions->lock);
    for (uint32_t i = 0; i < SIGNAL_COUNT; i++) {
        if (actions->of[i].handler > SIGNAL_IGNORE) {
            actions->of[i].handler = SIGNAL_DEFAULT;
        }
    }
    mutex_unlock(&actions->lock);
}

// The child's own part. It holds all locks, as its maker did, whose mask it gets: what the signal
// page says of one is not copied.
static int64_t begin_child(struct linux_thread *self, const struct fork_options *options,
                           uint64_t mask) {
    struct linux_process *process = process_current();
    unlock_all();
    threads_forget_others(self);
    alarms_forget();
    files_begin_child();
    epolls_begin_child();
    views_begin_child();
    self->handle = HANDLE_NONE; // handles of threads are not copied
    self->started = clock_now();
    self->tid = self->shown.tid = identity_current()->pid;
    self->clear_tid = options->clear_tid;
    self->robust_head = 0;
    self->restore_mask = false;
    process->has_locks = false; // they are the parent's
    process->children_time = process->children_kib = process->threads.ended_time = 0;
    // What these name are the parent's pages.
    if (process->signals_vmo != HANDLE_NONE) {
        (void)!sys_handle_close(process->signals_vmo);
        (void)!sys_handle_close(process->identity_vmo);
        process->signals_vmo = process->identity_vmo = HANDLE_NONE;
    }
    thread_publish(self, mask);
    if (options->clear_handlers) {
        clear_handlers();
        signal_publish();
    } else {
        signal_publish_again();
    }
    signal_look(self);
    if (options->child_tid != 0) {
        (void)!store_user32(options->child_tid, (uint32_t)self->tid);
    }
    if (options->stack != 0) {
        self->block->redirect.rsp = options->stack;
    }
    if (options->set_tls) {
        __asm__ volatile("wrfsbase %0" : : "r"(options->tls));
    }
    return 0;
}

int64_t process_fork(struct linux_thread *self, const struct fork_options *options) {
    struct linux_process *process = process_current();
    const struct proc_fork_request request = {.tid_parent = self->tid};
    struct proc_fork_reply reply;
    const uint64_t mask = self->signals->blocked;
    handle_t embryo;
    if (process->alone) {
        return -LINUX_ENOSYS;
    }
    int64_t result = proc_fork(process->proc, &request, &reply, &embryo, INSTANT_NEVER);
    if (result < 0) {
        return result == ERR_LIMIT ? -LINUX_EAGAIN : linux_result(result);
    }
    threads_drop_left();
    lock_all();
    result = entry_process_clone(embryo, options->share ? LINUX_ADDR_MAX : 0);
    if (result == 1) {
        return begin_child(self, options, mask);
    }
    unlock_all();
    if (result < 0) {
        const struct proc_fork_failed_request failed = {.pid = reply.pid};
        (void)!proc_fork_failed(process->proc, &failed, INSTANT_NEVER);
    } else if (options->parent_tid != 0) {
        (void)!store_user32(options->parent_tid, (uint32_t)reply.pid);
    }
    if (result == 0 && options->wait) {
        (void)!sys_object_wait(embryo, SIGNAL_PROCESS_ENDED | SIGNAL_PROCESS_LEFT_ASPACE,
                               INSTANT_NEVER, 0);
    }
    (void)!sys_handle_close(embryo);
    return result < 0 ? (result == ERR_LIMIT ? -LINUX_EAGAIN : -LINUX_ENOMEM) : reply.pid;
}
