// SPDX-License-Identifier: MIT
//
// The machine state of threads: their registers as the kernel and other programs see them, and what
// is swapped at a switch. General registers are saved at each entry anyway (entry.S); segment bases
// and vector registers stay in the CPU while their thread is the current one.
#include <mm/aspace.h>
#include <sched/thread.h>
#include <x86/cpu.h>
#include <x86/regs.h>

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
    struct arch_thread *arch = &thread->arch;
    void *vectors = arch->vectors;
    *arch = (struct arch_thread){
        .args = {arg0, arg1},
        .rip = pc,
        .rsp = sp,
        .rflags = FLAGS_FIXED,
        .entered = ENTERED_BY_TRAP,
        .vectors = vectors,
    };
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
    bases_save(&child->arch);
    arch_thread_enter(&child->arch, pc, child->block_addr);
    return OK;
}

void arch_thread_reset(struct thread *self, vaddr_t pc, vaddr_t block, uint64_t arg1) {
    vectors_free(self);
    arch_thread_init(self, pc, 0, block, arg1);
    self->arch.rcx = block;
    arch_thread_load(self);
}

void arch_thread_get_registers(const struct thread *thread, struct registers *regs) {
    struct arch_thread arch = thread->arch;
    if (thread == cpu_this_thread()) {
        bases_save(&arch);
    }
    bool by_call = arch.entered == ENTERED_BY_CALL;
    *regs = (struct registers){
        .rax = arch.rax,
        .rbx = arch.rbx,
        .rcx = by_call ? arch.rip : arch.rcx,
        .rdx = arch.args[2],
        .rsi = arch.args[1],
        .rdi = arch.args[0],
        .rbp = arch.rbp,
        .rsp = arch.rsp,
        .r8 = arch.args[4],
        .r9 = arch.args[5],
        .r10 = arch.args[3],
        .r11 = by_call ? arch.rflags : arch.r11,
        .r12 = arch.r12,
        .r13 = arch.r13,
        .r14 = arch.r14,
        .r15 = arch.r15,
        .rip = arch.rip,
        .rflags = arch.rflags,
        .fs_base = arch.fs_base,
        .gs_base = arch.gs_base,
    };
}

status_t arch_thread_set_registers(struct thread *thread, const struct registers *regs) {
    struct registers r = *regs;
    if (!arch_user_address(r.rip) || !is_canonical(r.rsp) || !is_canonical(r.fs_base) ||
        !is_canonical(r.gs_base)) {
        return ERR_INVALID_ARGUMENT;
    }
    struct arch_thread *arch = &thread->arch;
    *arch = (struct arch_thread){
        .args = {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9},
        .rax = r.rax,
        .rbx = r.rbx,
        .rbp = r.rbp,
        .r12 = r.r12,
        .r13 = r.r13,
        .r14 = r.r14,
        .r15 = r.r15,
        .rsp = r.rsp,
        .rip = r.rip,
        .rflags = (r.rflags & FLAGS_USER) | FLAGS_FIXED,
        .rcx = r.rcx,
        .r11 = r.r11,
        .entered = ENTERED_BY_TRAP,
        .fs_base = r.fs_base,
        .gs_base = r.gs_base,
        .vectors = arch->vectors,
    };
    if (thread == cpu_this_thread()) {
        bases_load(arch);
    }
    return OK;
}
