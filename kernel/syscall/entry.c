// SPDX-License-Identifier: MIT
//
// What happens between the architecture's entry code and the handlers, and on the way back out.
//
// An entry runs on the CPU's one kernel stack with interrupts off, and ends with entry_leave, after
// which the architecture resumes cpu->thread, whoever that now is. The exit path is where threads
// die, stop, clean up after waits, and are preempted; so all of that happens with no lock held and
// nothing half done.
#include <abi/calls.h>
#include <arch/clock.h>
#include <debug/log.h>
#include <ipc/call.h>
#include <ipc/fastpath.h>
#include <mm/aspace.h>
#include <mm/reap.h>
#include <sched/sched.h>
#include <syscall/syscall.h>

// Works off what waits for the running thread.
static void serve_pending(struct thread *thread) {
    assert(thread == cpu_this()->thread && spin_none_held());
    uint32_t pending = __atomic_load_n(&thread->pending, __ATOMIC_SEQ_CST);
    if ((pending & PENDING_CLEANUP) != 0) {
        source_wait_cleanup(thread);
    }
    if ((pending & PENDING_CALL) != 0) {
        call_cleanup(thread);
    }
    if ((pending & PENDING_UPCALL) != 0) {
        __atomic_fetch_and(&thread->pending, ~(uint32_t)PENDING_UPCALL, __ATOMIC_SEQ_CST);
        upcall_interrupt(thread);
    }
    if ((pending & PENDING_KILL) != 0) {
        thread_die(thread);
    } else if ((pending & PENDING_SUSPEND) != 0) {
        thread_stop_self(thread);
    }
}

// The general way out: chooses who goes on, until that is a thread with nothing pending.
static void leave_slowly(struct cpu *cpu) {
    assert(spin_none_held());
    if (cpu->reap_count != 0) {
        (void)reap_work();
    }
    for (;;) {
        if (unlikely(__atomic_load_n(&cpu->mailbox, __ATOMIC_RELAXED) != 0)) {
            cpu_mailbox_poll();
        }
        while (cpu->parked || cpu->reschedule) {
            schedule();
        }
        struct thread *thread = cpu->thread;
        if (unlikely(thread == cpu->idle)) {
            arch_run_on_stack(cpu, (void (*)(void))sched_idle);
        }
        if (likely(__atomic_load_n(&thread->pending, __ATOMIC_RELAXED) == 0)) {
            return;
        }
        serve_pending(thread);
    }
}

// The short way out, for when there is nothing to do.
static inline void leave(void) {
    struct cpu *cpu = cpu_this();
    const struct thread *thread = cpu->thread;
    uint64_t work = cpu->reap_count | __atomic_load_n(&cpu->mailbox, __ATOMIC_RELAXED) |
                    cpu->parked | cpu->reschedule | (thread == cpu->idle) |
                    __atomic_load_n(&thread->pending, __ATOMIC_RELAXED);
    if (unlikely(work != 0)) {
        leave_slowly(cpu);
    }
}

void entry_leave(void) {
    leave();
}

void entry_syscall_general(struct thread *thread) {
    uint64_t number = arch_thread_call_number(&thread->arch);
    int64_t result = syscall_dispatch(number, arch_thread_arguments(&thread->arch));
    switch (result) {
    case STATUS_PARKED: // whoever woke it, perhaps already on another CPU, owns its registers
    case STATUS_RESUMED:
        break;
    case STATUS_RESTART:
        arch_thread_restart(&thread->arch);
        break;
    case STATUS_PAGE_WAIT: // no pagers yet
        result = ERR_FAULT;
        // fall through
    default:
        arch_thread_set_result(&thread->arch, result);
        break;
    }
    leave();
}

void entry_syscall(struct thread *thread) {
    assert(thread == cpu_this()->thread);
    uint64_t number = arch_thread_call_number(&thread->arch);
    if (number == CALL_CHANNEL_CALL) {
        fastpath_call(thread);
    } else if (number == CALL_PORT_REPLY_WAIT) {
        fastpath_reply_wait(thread);
    } else {
        entry_syscall_general(thread);
    }
}

// The thread's own fault that nothing handles ends its process.
static void die_of_fault(struct thread *thread, uint32_t vector, vaddr_t addr) {
    struct registers regs;
    arch_thread_get_registers(thread, &regs);
    log_line("fault: process %lu (%s) vector %u at pc 0x%lx address 0x%lx", thread->process->id,
             thread->process->label, vector, regs.rip, addr);
    process_fault(thread, vector, addr);
}

static void exception(struct thread *thread, uint32_t vector, uint64_t code, vaddr_t addr,
                      status_t status) {
    assert(thread == cpu_this()->thread);
    assert(spin_none_held());
    if (!upcall_exception(thread, vector, code, addr, status)) {
        die_of_fault(thread, vector, addr);
    }
    entry_leave();
}

void entry_page_fault(struct thread *thread, vaddr_t addr, uint32_t access, uint64_t code) {
    assert(thread == cpu_this()->thread);
    status_t status = aspace_fault(thread->aspace, addr, access);
    if (status == OK) {
        entry_leave();
    } else {
        exception(thread, ARCH_VECTOR_PAGE_FAULT, code, addr, status);
    }
}

status_t entry_user_copy_fault(vaddr_t addr, uint32_t access) {
    assert(spin_none_held());
    status_t status = aspace_fault(self_aspace(), addr, access);
    return status == ERR_NEEDS_PAGE ? STATUS_PAGE_WAIT : status;
}

void entry_exception(struct thread *thread, uint32_t vector, uint64_t code, vaddr_t addr) {
    exception(thread, vector, code, addr, ERR_FAULT);
}

void entry_interrupt_done(struct thread *thread) {
    struct cpu *cpu = cpu_this();
    if (thread == NULL) {
        cpu->reschedule = true; // idle, or a window: looked at soon, with no handler's stack above
        return;
    }
    sched_tick(clock_now());
    entry_leave();
}
