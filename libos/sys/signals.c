// SPDX-License-Identifier: MIT
//
// Dispositions, masks, waiting for signals, sending them.

#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <core/threads.h>
#include <linux/handlers.h>
#include <remote/proc.h>
#include <sys/calls.h>

#define SET_BYTES 8

// What is ignored from now on is dropped, also what waits behind a mask.
static void drop_ignored(struct linux_thread *self, int32_t number) {
    struct signal_info info;
    if ((signal_page_current()->ignored & signal_bit(number)) != 0) {
        while (signal_take(self, signal_bit(number), &info)) {
        }
    }
}

int64_t linux_rt_sigaction(struct linux_thread *self, const uint64_t args[6]) {
    int32_t number = (int32_t)args[0];
    struct signal_actions *actions = &process_current()->actions;
    struct signal_action new;
    if (args[3] != SET_BYTES || number < 1 || number > SIGNAL_COUNT ||
        (args[1] != 0 && (SIGNALS_UNBLOCKABLE & signal_bit(number)) != 0)) {
        return -LINUX_EINVAL;
    }
    if (args[1] != 0 && !copy_in(&new, args[1], sizeof(new))) {
        return -LINUX_EFAULT;
    }
    mutex_lock(&actions->lock);
    struct signal_action old = actions->of[number - 1];
    if (args[1] != 0) {
        new.mask &= ~SIGNALS_UNBLOCKABLE;
        actions->of[number - 1] = new;
        signal_publish_one(number);
    }
    mutex_unlock(&actions->lock);
    if (args[1] != 0) {
        drop_ignored(self, number);
    }
    return args[2] == 0 || copy_out(args[2], &old, sizeof(old)) ? 0 : -LINUX_EFAULT;
}

enum mask_change { SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2 };

int64_t linux_rt_sigprocmask(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t old = self->signals->blocked, set = 0;
    if (args[3] != SET_BYTES) {
        return -LINUX_EINVAL;
    }
    if (args[1] != 0) {
        if (!load_user64(args[1], &set)) {
            return -LINUX_EFAULT;
        }
        switch ((int32_t)args[0]) {
        case SIG_BLOCK:
            signal_set_mask(self, old | set);
            break;
        case SIG_UNBLOCK:
            signal_set_mask(self, old & ~set);
            break;
        case SIG_SETMASK:
            signal_set_mask(self, set);
            break;
        default:
            return -LINUX_EINVAL;
        }
    }
    return args[2] == 0 || store_user64(args[2], old) ? 0 : -LINUX_EFAULT;
}

int64_t linux_rt_sigpending(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t pending =
        (self->signals->pending | signal_page_current()->pending) & self->signals->blocked;
    return args[1] > SET_BYTES                            ? -LINUX_EINVAL
           : copy_out(args[0], &pending, (size_t)args[1]) ? 0
                                                          : -LINUX_EFAULT;
}

int64_t linux_rt_sigreturn(struct linux_thread *self, const uint64_t args[6]) {
    struct registers registers;
    (void)args;
    registers_of_call(self, &registers);
    if (!frame_pop(self, &registers)) {
        const struct signal_info info = {.number = SIGSEGV, .code = SI_KERNEL};
        signal_force(self, &registers, &info, NULL);
    }
    program_resume(self, &registers);
}

// Sleeps until a signal wants the thread.
static int64_t wait_for_signal(struct linux_thread *self) {
    for (;;) {
        status_t status = sys_thread_sleep(INSTANT_NEVER, WAIT_INTERRUPTIBLE);
        if (status == ERR_INTERRUPTED && signal_interrupts(self)) {
            return -LINUX_ERESTARTNOHAND;
        }
    }
}

int64_t linux_pause(struct linux_thread *self, const uint64_t args[6]) {
    (void)args;
    return wait_for_signal(self);
}

int64_t linux_rt_sigsuspend(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t mask;
    if (args[1] != SET_BYTES) {
        return -LINUX_EINVAL;
    }
    if (!load_user64(args[0], &mask)) {
        return -LINUX_EFAULT;
    }
    signal_set_mask_for_call(self, mask);
    return wait_for_signal(self);
}

// The wanted signals are blocked as a rule, so an interruption is all that tells of them.
int64_t linux_rt_sigtimedwait(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t wanted;
    int64_t ns = INT64_MAX;
    if (args[3] != SET_BYTES) {
        return -LINUX_EINVAL;
    }
    if (!load_user64(args[0], &wanted)) {
        return -LINUX_EFAULT;
    }
    int64_t result = args[2] == 0 ? 0 : time_in(args[2], &ns);
    if (result < 0) {
        return result;
    }
    int64_t deadline = deadline_after(ns);
    struct signal_info info;
    uint64_t mask = self->signals->blocked;
    wanted &= ~SIGNALS_UNBLOCKABLE;
    // While it waits, the thread admits them, so that a sender chooses it.
    signal_set_mask(self, mask & ~wanted);
    for (;;) {
        if (signal_take(self, wanted, &info)) {
            result = info.number;
            break;
        }
        status_t status = sys_thread_sleep(deadline, WAIT_INTERRUPTIBLE);
        if (status == OK) {
            result = -LINUX_EAGAIN;
            break;
        }
        __atomic_store_n(&self->block->latched, 0, __ATOMIC_SEQ_CST);
        bool other =
            ((self->signals->pending | signal_page_current()->pending) & ~mask & ~wanted) != 0;
        if (self->leaving || (other && signal_deliverable(self))) {
            result = -LINUX_EINTR;
            break;
        }
    }
    self->signals->blocked = mask;
    signal_look(self);
    if (result > 0 && args[1] != 0 && !copy_out(args[1], &info, sizeof(info))) {
        return -LINUX_EFAULT;
    }
    return result;
}

enum { STACK_ON = 1, STACK_DISABLE = 2, STACK_LEAST = 2048 };
#define STACK_AUTODISARM 0x80000000u

struct stack_argument {
    uint64_t addr;
    uint32_t flags, pad;
    uint64_t bytes;
};

int64_t linux_sigaltstack(struct linux_thread *self, const uint64_t args[6]) {
    const struct signal_stack *now = &self->stack;
    uint64_t rsp = self->block->redirect.rsp;
    bool on = rsp > now->addr && rsp - now->addr <= now->bytes;
    struct stack_argument new,
        old = {
            .addr = now->addr,
            .flags = now->bytes == 0 ? STACK_DISABLE : now->flags | (on ? STACK_ON : 0),
            .bytes = now->bytes,
        };
    if (args[0] != 0) {
        if (!copy_in(&new, args[0], sizeof(new))) {
            return -LINUX_EFAULT;
        }
        if (on && (now->flags & STACK_AUTODISARM) == 0) {
            return -LINUX_EPERM;
        }
        uint32_t mode = new.flags & ~STACK_AUTODISARM;
        if (mode > STACK_DISABLE) {
            return -LINUX_EINVAL;
        }
        if (mode != STACK_DISABLE && new.bytes < STACK_LEAST) {
            return -LINUX_ENOMEM;
        }
        self->stack = mode == STACK_DISABLE
                          ? (struct signal_stack){0}
                          : (struct signal_stack){new.addr, new.bytes, new.flags &STACK_AUTODISARM};
    }
    return args[1] == 0 || copy_out(args[1], &old, sizeof(old)) ? 0 : -LINUX_EFAULT;
}

// A signal from this process to a thread of it, or to the whole of it.
static int64_t send_within(struct linux_thread *self, int32_t tid, struct signal_info *info) {
    struct threads *threads = &process_current()->threads;
    int64_t result = -LINUX_ESRCH;
    if (info->number == SIGKILL) {
        process_end(LINUX_STATUS_SIGNAL(SIGKILL));
    }
    if (tid == 0 || tid == self->tid) {
        return info->number == 0 ? 0 : signal_send(self, tid == 0 ? NULL : self, info);
    }
    mutex_lock(&threads->lock);
    struct linux_thread *target = thread_find(tid);
    if (target != NULL) {
        result = info->number == 0 ? 0 : signal_send(self, target, info);
    }
    mutex_unlock(&threads->lock);
    return result;
}

// Stopping is procd's, all else to oneself stays within the process.
static bool is_within(int32_t pid, int32_t number) {
    return pid == identity_current()->pid && number != SIGSTOP && number != SIGCONT;
}

static int64_t send(struct linux_thread *self, int32_t pid, int32_t tid, struct signal_info *info) {
    if (info->number < 0 || info->number > SIGNAL_COUNT) {
        return -LINUX_EINVAL;
    }
    return is_within(pid, info->number) ? send_within(self, tid, info)
                                        : proc_send(self, pid, tid, info);
}

static struct signal_info info_of(int32_t number, int32_t code) {
    return (struct signal_info){
        .number = number,
        .code = code,
        .sent = {.pid = identity_current()->pid, .uid = identity_current()->uid},
    };
}

int64_t linux_kill(struct linux_thread *self, const uint64_t args[6]) {
    struct signal_info info = info_of((int32_t)args[1], SI_USER);
    return send(self, (int32_t)args[0], 0, &info);
}

int64_t linux_tkill(struct linux_thread *self, const uint64_t args[6]) {
    struct signal_info info = info_of((int32_t)args[1], SI_TKILL);
    int32_t tid = (int32_t)args[0];
    return tid <= 0 ? -LINUX_EINVAL : send(self, identity_current()->pid, tid, &info);
}

int64_t linux_tgkill(struct linux_thread *self, const uint64_t args[6]) {
    struct signal_info info = info_of((int32_t)args[2], SI_TKILL);
    int32_t pid = (int32_t)args[0], tid = (int32_t)args[1];
    return pid <= 0 || tid <= 0 ? -LINUX_EINVAL : send(self, pid, tid, &info);
}

static int64_t send_queued(struct linux_thread *self, int32_t pid, int32_t tid, int32_t number,
                           uint64_t from) {
    struct signal_info info;
    if (!copy_in(&info, from, sizeof(info))) {
        return -LINUX_EFAULT;
    }
    info.number = number;
    if ((info.code >= 0 || info.code == SI_TKILL) && pid != identity_current()->pid) {
        return -LINUX_EPERM;
    }
    return send(self, pid, tid, &info);
}

int64_t linux_rt_sigqueueinfo(struct linux_thread *self, const uint64_t args[6]) {
    return send_queued(self, (int32_t)args[0], 0, (int32_t)args[1], args[2]);
}

int64_t linux_rt_tgsigqueueinfo(struct linux_thread *self, const uint64_t args[6]) {
    return send_queued(self, (int32_t)args[0], (int32_t)args[1], (int32_t)args[2], args[3]);
}
