// SPDX-License-Identifier: MIT
//
// What is turned on in each CPU (Intel SDM volume 3, 2.5; volume 2, SYSCALL): the kernel can't
// execute or read user memory by mistake (SMEP, SMAP), can't write to what is read-only (WP) or
// execute what is not text (NX), and programs can't read the addresses of its tables (UMIP). A CPU
// that lacks one of these is refused, but for UMIP (docs/limits.md); a bit that does not stay set
// is a panic, not a slow discovery.
#include <arch/boot.h>
#include <arch/cpu.h>
#include <debug/log.h>
#include <sched/cpu.h>
#include <x86/cpu.h>
#include <x86/regs.h>
#include <x86/trap.h>

// CPUID 1 ecx and 7 ebx, ecx; 0x80000001 edx.
#define LEAF1_ECX_XSAVE 26
#define LEAF1_ECX_RDRAND 30
#define LEAF7_EBX_FSGSBASE 0
#define LEAF7_EBX_SMEP 7
#define LEAF7_EBX_SMAP 20
#define LEAF7_ECX_UMIP 2
#define EXTENDED_EDX_NX 20
#define RANDOM_TRIES 10

struct cpu_features cpu_features;

static bool bit(uint32_t word, uint32_t number) {
    return (word >> number & 1) != 0;
}

void cpu_features_init(void) {
    struct cpuid base = cpuid_read(1, 0);
    struct cpuid more = {0};
    if (cpuid_read(0, 0).eax >= 7) {
        more = cpuid_read(7, 0);
    }
    if (!bit(cpuid_read(0x80000001, 0).edx, EXTENDED_EDX_NX) || !bit(more.ebx, LEAF7_EBX_SMEP) ||
        !bit(more.ebx, LEAF7_EBX_SMAP) || !bit(more.ebx, LEAF7_EBX_FSGSBASE) ||
        !bit(base.ecx, LEAF1_ECX_XSAVE)) {
        panic("the CPU lacks one of NX, SMEP, SMAP, FSGSBASE, XSAVE");
    }
    cpu_features.umip = bit(more.ecx, LEAF7_ECX_UMIP);
    cpu_features.rdrand = bit(base.ecx, LEAF1_ECX_RDRAND);
}

static void protections_init(void) {
    uint64_t on = CR4_SMEP | CR4_SMAP | CR4_FSGSBASE | CR4_PGE | (cpu_features.umip ? CR4_UMIP : 0);
    cr4_write(cr4_read() | on);
    cr0_write((cr0_read() | CR0_WP | CR0_NE | CR0_MP) & ~(uint64_t)CR0_EM);
    uint64_t efer = EFER_SCE | EFER_NXE;
    msr_write(MSR_EFER, msr_read(MSR_EFER) | efer);
    if ((cr4_read() & on) != on || (cr0_read() & CR0_WP) == 0 ||
        (msr_read(MSR_EFER) & efer) != efer) {
        panic("CPU %u refuses a protection: cr0 %lx cr4 %lx efer %lx", cpu_this()->index,
              cr0_read(), cr4_read(), msr_read(MSR_EFER));
    }
}

static void syscall_init(void) {
    msr_write(MSR_STAR, (uint64_t)(SYSRET_BASE | 3) << 48 | (uint64_t)KERNEL_CS << 32);
    msr_write(MSR_LSTAR, (uint64_t)syscall_entry);
    msr_write(MSR_SFMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC);
}

void cpu_init(void) {
    protections_init();
    syscall_init();
    vectors_init_cpu();
}

void cpu_log_features(void) {
    log_line("cpu: on: WP NX SMEP SMAP%s FSGSBASE XSAVE", cpu_features.umip ? " UMIP" : "");
}

// The instruction after sti still runs with interrupts off: one that is pending wakes hlt.
void arch_idle(void) {
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

void arch_interrupt_window(void) {
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

void arch_stop(void) {
    __atomic_store_n(&cpu_this()->online, false, __ATOMIC_RELEASE);
    for (;;) {
        __asm__ volatile("cli; hlt" ::: "memory");
    }
}

bool arch_random(uint64_t *out) {
    for (int i = 0; cpu_features.rdrand && i < RANDOM_TRIES; i++) {
        bool done;
        __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(done));
        if (done) {
            return true;
        }
    }
    return false;
}
