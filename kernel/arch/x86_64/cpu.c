// SPDX-License-Identifier: MIT
//
// What is turned on in each CPU (Intel SDM volume 3, 2.5; volume 2, SYSCALL): the kernel can't
// execute or read user memory by mistake (SMEP, SMAP), can't write to what is read-only (WP) or
// execute what is not text (NX), and programs can't read the addresses of its tables (UMIP). Each
// is on wherever the CPU has it; a bit that does not stay set is a panic, not a slow discovery.
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/thread.h>
#include <debug/log.h>
#include <sched/cpu.h>
#include <x86/cpu.h>
#include <x86/regs.h>
#include <x86/smap.h>
#include <x86/trap.h>

// CPUID 1 ecx and 7 ebx, ecx; 0x80000001 edx.
#define LEAF1_ECX_X2APIC 21
#define LEAF1_ECX_TSC_DEADLINE 24
#define LEAF1_ECX_XSAVE 26
#define LEAF1_ECX_RDRAND 30
#define LEAF7_EBX_FSGSBASE 0
#define LEAF7_EBX_SMEP 7
#define LEAF7_EBX_SMAP 20
#define LEAF7_ECX_UMIP 2
#define EXTENDED_EDX_NX 20
#define RANDOM_TRIES 10
#define NOP 0x90

struct cpu_features cpu_features;
extern uint8_t *const smap_sites_start[], *const smap_sites_end[];

static bool bit(uint32_t word, uint32_t number) {
    return (word >> number & 1) != 0;
}

void cpu_features_init(void) {
    struct cpuid base = cpuid_read(1, 0);
    struct cpuid more = {0};
    if (cpuid_read(0, 0).eax >= 7) {
        more = cpuid_read(7, 0);
    }
    cpu_features = (struct cpu_features){
        .nx = bit(cpuid_read(0x80000001, 0).edx, EXTENDED_EDX_NX),
        .smep = bit(more.ebx, LEAF7_EBX_SMEP),
        .smap = bit(more.ebx, LEAF7_EBX_SMAP),
        .umip = bit(more.ecx, LEAF7_ECX_UMIP),
        .fsgsbase = bit(more.ebx, LEAF7_EBX_FSGSBASE),
        .xsave = bit(base.ecx, LEAF1_ECX_XSAVE),
        .x2apic = bit(base.ecx, LEAF1_ECX_X2APIC),
        .tsc_deadline = bit(base.ecx, LEAF1_ECX_TSC_DEADLINE),
        .rdrand = bit(base.ecx, LEAF1_ECX_RDRAND),
    };
    arch_has_fsgsbase = cpu_features.fsgsbase;
    for (uint8_t *const *site = smap_sites_start; !cpu_features.smap && site < smap_sites_end;
         site++) {
        memset(*site, NOP, SMAP_SITE_BYTES);
    }
}

static void protections_init(void) {
    uint64_t on = (cpu_features.smep ? CR4_SMEP : 0) | (cpu_features.smap ? CR4_SMAP : 0) |
                  (cpu_features.umip ? CR4_UMIP : 0) | (cpu_features.fsgsbase ? CR4_FSGSBASE : 0) |
                  CR4_PGE;
    cr4_write(cr4_read() | on);
    cr0_write((cr0_read() | CR0_WP | CR0_NE | CR0_MP) & ~(uint64_t)CR0_EM);
    uint64_t efer = EFER_SCE | (cpu_features.nx ? EFER_NXE : 0);
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
    const struct cpu_features *f = &cpu_features;
    log_line("cpu: on: WP%s%s%s%s%s%s", f->nx ? " NX" : "", f->smep ? " SMEP" : "",
             f->smap ? " SMAP" : "", f->umip ? " UMIP" : "", f->fsgsbase ? " FSGSBASE" : "",
             f->xsave ? " XSAVE" : "");
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
