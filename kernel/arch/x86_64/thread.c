// SPDX-License-Identifier: MIT
//
// The machine state of threads: their registers as the kernel and other programs see them, and what
// is swapped at a switch. General registers are saved at each entry anyway (entry.S); segment bases
// and vector registers stay in the CPU while their thread is the current one.
#include <mm/aspace.h>
#include <sched/thread.h>
#include <x86/cpu.h>

#define FLAGS_FIXED (RFLAGS_ONE | RFLAGS_IF)
#define FLAGS_USER                                                                                 \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF |           \
     RFLAGS_OF | RFLAGS_AC | RFLAGS_ID)
#define ADDRESS_BITS 48

bool arch_user_address(vaddr_t addr) {
    return addr < USER_MAX;
}

static bool is_canonical(uint64_t addr) {
    return (uint64_t)((int64_t)(addr << (64 - ADDRESS_BITS)) >> (64 - ADDRESS_BITS)) == addr;
}

void arch_thread_init(struct thread *thread, vaddr_t pc, vaddr_t sp, uint64_t arg0, uint64_t arg1) {
    assert(arch_user_address(pc));
    thread->arch.registers = (struct registers){
        .args = {arg0, arg1},
        .rip = pc,
        .rsp = sp,
        .rflags = FLAGS_FIXED,
    };
    thread->arch.entered = ENTERED_BY_TRAP;
}

void arch_thread_destroy(struct thread *thread) {
    vectors_free(thread);
}

status_t arch_thread_clone(struct thread *child, vaddr_t pc) {
    const struct thread *self = cpu_this_thread();
    if (self->arch.vectors != NULL) {
        status_t status = vectors_copy(child);
        if (status != OK) {
            return status;
        }
    }
    void *vectors = child->arch.vectors;
    child->arch = self->arch;
    child->arch.vectors = vectors;
    bases_save(&child->arch.registers);
    arch_thread_enter(&child->arch, pc, child->block_addr);
    return OK;
}

void arch_thread_reset(struct thread *self, vaddr_t pc, vaddr_t block, uint64_t arg1) {
    vectors_free(self);
    arch_thread_init(self, pc, 0, block, arg1);
    self->arch.registers.rcx = block;
    arch_thread_load(self);
}

void arch_thread_get_registers(const struct thread *thread, struct registers *regs) {
    *regs = thread->arch.registers;
    if (thread == cpu_this_thread()) {
        bases_save(regs);
    }
    if (thread->arch.entered == ENTERED_BY_CALL) {
        regs->rcx = regs->rip;
        regs->r11 = regs->rflags;
    }
}

status_t arch_thread_set_registers(struct thread *thread, const struct registers *regs) {
    struct arch_thread *arch = &thread->arch;
    if (!arch_user_address(regs->rip) || !is_canonical(regs->rsp) || !is_canonical(regs->fs_base) ||
        !is_canonical(regs->gs_base)) {
        return ERR_INVALID_ARGUMENT;
    }
    arch->registers = *regs;
    arch->registers.rflags = (regs->rflags & FLAGS_USER) | FLAGS_FIXED;
    arch->entered = ENTERED_BY_TRAP;
    if (thread == cpu_this_thread()) {
        bases_load(regs);
    }
    return OK;
}
