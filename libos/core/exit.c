// SPDX-License-Identifier: MIT
//
// The way back to the program when there is something to do first, and what a signal does. Only
// here handlers are entered and default actions taken.
//
// A call that a signal ended has one of the results LINUX_ERESTART. Without a handler it is made
// again: rip goes back to the `syscall` instruction, rax is its number. With one it is made again
// behind the handler's frame, or ends with EINTR, as SA_RESTART says. C libraries look at rip for
// exactly that.

#include <core/exit.h>

#include <abi/linux/calls.h>
#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <core/threads.h>
#include <remote/proc.h>
#include <string.h>
#include <sys/calls.h>

#define SYSCALL_BYTES 2

static uint64_t fs_base_read(void) {
    uint64_t base;
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static uint64_t gs_base_read(void) {
    uint64_t base;
    __asm__ volatile("rdgsbase %0" : "=r"(base));
    return base;
}

void registers_of_call(struct linux_thread *self, struct registers *registers) {
    const struct thread_block *block = self->block;
    *registers = block->redirect;
    memcpy(registers->args, self->args, sizeof(registers->args));
    registers->rip = registers->rcx = block->redirect_rip;
    registers->r11 = registers->rflags;
    registers->fs_base = fs_base_read();
    registers->gs_base = gs_base_read();
}

enum default_action { ACTION_END, ACTION_IGNORE, ACTION_STOP };

static enum default_action default_action(int32_t number) {
    switch (number) {
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
        return ACTION_IGNORE;
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return ACTION_STOP;
    default:
        return ACTION_END;
    }
}

// What the registers say of an interrupted call when a handler with these flags runs.
static void settle_call(struct registers *registers, uint32_t number, int64_t result, bool handler,
                        uint64_t flags) {
    if (result > -LINUX_RESTART_FIRST || result < -LINUX_RESTART_LAST) {
        return;
    }
    bool again = !handler || result == -LINUX_ERESTARTNOINTR ||
                 (result == -LINUX_ERESTARTSYS && (flags & SA_RESTART) != 0);
    if (!again) {
        registers->rax = (uint64_t)-LINUX_EINTR;
        return;
    }
    registers->rax = result == -LINUX_ERESTART_BLOCK ? LINUX_CALL_RESTART_SYSCALL : number;
    registers->rip -= SYSCALL_BYTES;
}

// Sets up the handler of a signal; without a stack for it the program gets SIGSEGV, or ends.
static void enter_handler(struct linux_thread *self, struct registers *registers,
                          const struct signal_info *info, const struct signal_action *action,
                          const struct thread_block *upcall) {
    struct signal_frame_options options = {
        .info = info,
        .action = action,
        .mask = self->restore_mask ? self->saved_mask : self->signals->blocked,
        .upcall = upcall,
    };
    if (!frame_push(self, registers, &options)) {
        process_end(LINUX_STATUS_SIGNAL(SIGSEGV));
    }
    self->restore_mask = false;
    uint64_t own = (action->flags & SA_NODEFER) == 0 ? signal_bit(info->number) : 0;
    signal_set_mask(self, self->signals->blocked | action->mask | own);
}

// The action of a signal; resets it if it asked for that.
static struct signal_action action_for(int32_t number) {
    struct signal_actions *actions = &process_current()->actions;
    mutex_lock(&actions->lock);
    struct signal_action action = actions->of[number - 1];
    if (action.handler > SIGNAL_IGNORE && (action.flags & SA_RESETHAND) != 0) {
        actions->of[number - 1].handler = SIGNAL_DEFAULT;
        signal_publish_one(number);
    }
    mutex_unlock(&actions->lock);
    return action;
}

bool signal_deliver(struct linux_thread *self, struct registers *registers, int64_t restart) {
    uint32_t number = (uint32_t)self->block->redirect.rax;
    struct signal_info info;
    bool entered = false;
    while (signal_take(self, ~self->signals->blocked, &info)) {
        struct signal_action action = action_for(info.number);
        if (action.handler > SIGNAL_IGNORE) {
            settle_call(registers, number, restart, true, action.flags);
            restart = 0;
            enter_handler(self, registers, &info, &action, NULL);
            entered = true;
            continue;
        }
        if (action.handler == SIGNAL_IGNORE) {
            continue;
        }
        switch (default_action(info.number)) {
        case ACTION_IGNORE:
            break;
        case ACTION_STOP:
            proc_stop_self(info.number);
            break;
        case ACTION_END:
            process_end(LINUX_STATUS_SIGNAL(info.number));
        }
    }
    settle_call(registers, number, restart, false, 0);
    if (!entered && self->restore_mask) {
        self->restore_mask = false;
        signal_set_mask(self, self->saved_mask);
        return signal_deliver(self, registers, 0);
    }
    return entered;
}

void signal_force(struct linux_thread *self, struct registers *registers,
                  const struct signal_info *info, const struct thread_block *upcall) {
    struct signal_action action = action_for(info->number);
    if (action.handler <= SIGNAL_IGNORE ||
        (self->signals->blocked & signal_bit(info->number)) != 0) {
        process_end(LINUX_STATUS_SIGNAL(info->number));
    }
    enter_handler(self, registers, info, &action, upcall);
}

// Takes what is latched. Does not come back when the thread has to leave.
static void latch_take(struct linux_thread *self) {
    uint32_t bits = __atomic_exchange_n(&self->block->latched, 0, __ATOMIC_SEQ_CST);
    if ((bits & INTERRUPT_EXIT) != 0 || self->leaving) {
        thread_leave(self);
    }
}

void exit_work(struct linux_thread *self) {
    struct registers registers;
    latch_take(self);
    registers_of_call(self, &registers);
    registers.rax = (uint64_t)self->result;
    if (signal_deliver(self, &registers, self->result)) {
        program_resume(self, &registers);
    }
    // At most the call is made again: the short way does that.
    self->result = (int64_t)registers.rax;
    self->block->redirect_rip = registers.rip;
}

void program_resume(struct linux_thread *self, struct registers *registers) {
    latch_take(self);
    (void)signal_deliver(self, registers, 0);
    // What is latched meanwhile enters the upcall at once.
    status_t status = sys_thread_resume(registers);
    (void)status;
    process_end(LINUX_STATUS_SIGNAL(SIGSEGV)); // a handler or frame with an impossible address
}
