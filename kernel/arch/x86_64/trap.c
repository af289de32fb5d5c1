// SPDX-License-Identifier: MIT
//
// What each trap means: the user's own fault, a user copy that met an absent page, an interrupt, or
// the end. entry.S comes here with interrupts off.
#include <mm/aspace.h>
#include <sched/cpu.h>
#include <sched/thread.h>
#include <syscall/syscall.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/regs.h>
#include <x86/trap.h>

// Page fault error code.
#define CODE_WRITE (1 << 1)
#define CODE_USER (1 << 2)
#define CODE_FETCH (1 << 4)

struct fixup {
    uint64_t at, to;
};
extern const struct fixup fixup_table_start[], fixup_table_end[];

uint32_t fault_access(uint64_t code) {
    if ((code & CODE_FETCH) != 0) {
        return FAULT_EXECUTE;
    }
    return (code & CODE_WRITE) != 0 ? FAULT_WRITE : FAULT_READ;
}

void trap_user(struct thread *thread, uint64_t vector, uint64_t code) {
    assert(thread == cpu_this_thread());
    if (vector >= TRAP_COUNT) {
        interrupt_dispatch((uint32_t)vector);
        entry_interrupt_done(thread);
    } else if (vector == TRAP_PAGE_FAULT && (code & CODE_USER) == 0) {
        // The processor's own access for an instruction (a descriptor, a far return): no mapping
        // of user mode can satisfy it, so it would fault for ever.
        entry_exception(thread, (uint32_t)vector, code, cr2_read());
    } else if (vector == TRAP_PAGE_FAULT) {
        entry_page_fault(thread, cr2_read(), fault_access(code), code);
    } else if (vector == TRAP_NO_VECTORS && thread->arch.vectors == NULL &&
               vectors_first_use(thread)) {
        return;
    } else {
        entry_exception(thread, (uint32_t)vector, code, 0);
    }
}

static const struct fixup *fixup_find(uint64_t pc) {
    for (const struct fixup *fixup = fixup_table_start; fixup < fixup_table_end; fixup++) {
        if (fixup->at == pc) {
            return fixup;
        }
    }
    return NULL;
}

// Whether the fault was one of a user copy, and is dealt with.
static bool mend_user_copy(struct trap_frame *frame) {
    vaddr_t addr = cr2_read();
    const struct fixup *fixup = fixup_find(frame->rip);
    if (fixup == NULL || addr >= USER_MAX) {
        return false;
    }
    status_t status = entry_user_copy_fault(addr, fault_access(frame->code));
    if (status != OK) {
        frame->rax = (uint32_t)status;
        frame->rip = fixup->to;
    }
    return true;
}

// An interrupt that the idle loop or a preemption point let in. The idle loop has left the kernel,
// as far as grace periods go; what a handler looks up is a kernel entry of its own.
static void interrupt_kernel(uint32_t vector) {
    assert(spin_none_held());
    struct cpu *cpu = cpu_this();
    bool outside = (__atomic_load_n(&cpu->entry_seq, __ATOMIC_ACQUIRE) & 1) == 0;
    if (outside) {
        __atomic_fetch_add(&cpu->entry_seq, 1, __ATOMIC_SEQ_CST);
    }
    interrupt_dispatch(vector);
    entry_interrupt_done(NULL);
    if (outside) {
        __atomic_fetch_add(&cpu->entry_seq, 1, __ATOMIC_SEQ_CST);
    }
}

void trap_kernel(struct trap_frame *frame) {
    if (frame->vector >= TRAP_COUNT) {
        interrupt_kernel((uint32_t)frame->vector);
    } else if (frame->vector != TRAP_PAGE_FAULT || !mend_user_copy(frame)) {
        trap_panic(frame);
    }
}

void trap_critical(struct trap_frame *frame) {
    if (frame->vector == TRAP_NMI) {
        cpu_this()->arch.nmi_count++;
        if ((__atomic_load_n(&cpu_this()->mailbox, __ATOMIC_RELAXED) & MAIL_STOP) != 0) {
            arch_stop();
        }
        return;
    }
    trap_panic(frame);
}
