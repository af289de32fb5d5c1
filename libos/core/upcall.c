// SPDX-License-Identifier: MIT
//
// Upcalls: what happens to a program while it runs its own code. An exception becomes a signal
// that can't be put off, with the siginfo that Linux gives (Intel SDM volume 3, chapter 6, for
// vectors and error codes).

#include <core/exit.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/vsyscall.h>

enum trap {
    TRAP_DIVIDE = 0,
    TRAP_DEBUG = 1,
    TRAP_BREAKPOINT = 3,
    TRAP_OVERFLOW = 4,
    TRAP_BOUND = 5,
    TRAP_INVALID_OPCODE = 6,
    TRAP_STACK = 12,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_X87 = 16,
    TRAP_ALIGNMENT = 17,
    TRAP_SIMD = 19,
};

enum fault_code {
    FPE_INTDIV = 1,
    FPE_FLTDIV = 3,
    FPE_FLTINV = 7,
    ILL_ILLOPN = 2,
    SEGV_MAPERR = 1,
    SEGV_ACCERR = 2,
    BUS_ADRALN = 1,
    BUS_ADRERR = 2,
    TRAP_BRKPT = 1,
    TRAP_TRACE = 2,
};

static void set(struct signal_info *info, int32_t number, int32_t code, uint64_t addr) {
    info->number = number;
    info->code = code;
    info->fault.addr = addr;
}

// A page fault: where nothing is mapped, where the access is not allowed, or beyond the end of
// what is mapped.
static void page_fault_info(struct signal_info *info, const struct thread_block *block) {
    uint64_t addr = block->upcall_addr;
    struct mapping mapping;
    struct memory *memory = &process_current()->memory;
    mutex_lock(&memory->lock);
    bool mapped = memory_lookup(memory, addr, &mapping);
    mutex_unlock(&memory->lock);
    bool write = (block->upcall_code & 2) != 0, fetch = (block->upcall_code & 16) != 0;
    uint32_t needed = write ? PROT_WRITE : fetch ? PROT_EXEC : PROT_READ;
    if (!mapped) {
        set(info, SIGSEGV, SEGV_MAPERR, addr);
    } else if ((mapping.protection & needed) == 0) {
        set(info, SIGSEGV, SEGV_ACCERR, addr);
    } else {
        set(info, SIGBUS, BUS_ADRERR, addr);
    }
}

static void exception_info(struct signal_info *info, const struct thread_block *block) {
    uint64_t rip = block->upcall.rip;
    switch (block->upcall_vector) {
    case TRAP_DIVIDE:
        return set(info, SIGFPE, FPE_INTDIV, rip);
    case TRAP_X87:
    case TRAP_SIMD:
        return set(info, SIGFPE, FPE_FLTINV, rip);
    case TRAP_DEBUG:
        return set(info, SIGTRAP, TRAP_TRACE, rip);
    case TRAP_BREAKPOINT:
        return set(info, SIGTRAP, SI_KERNEL, 0);
    case TRAP_INVALID_OPCODE:
        return set(info, SIGILL, ILL_ILLOPN, rip);
    case TRAP_ALIGNMENT:
        return set(info, SIGBUS, BUS_ADRALN, 0);
    case TRAP_STACK:
        return set(info, SIGBUS, SI_KERNEL, 0);
    case TRAP_PAGE_FAULT:
        return page_fault_info(info, block);
    default:
        return set(info, SIGSEGV, SI_KERNEL, 0);
    }
}

void upcall_handle(struct linux_thread *self) {
    struct thread_block *block = self->block;
    struct registers registers = block->upcall;
    if (block->upcall_kind == UPCALL_EXCEPTION && !vsyscall_emulate(self, &registers)) {
        struct signal_info info = {0};
        exception_info(&info, block);
        signal_force(self, &registers, &info, block);
    }
    program_resume(self, &registers);
}
