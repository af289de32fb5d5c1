// SPDX-License-Identifier: MIT
//
// The boot, step by step. When it comes here, the boot CPU has its own stack and segment tables,
// all RAM is mapped, and boot_info is filled in (arch/*/start.c). Interrupts are off, as always in
// the kernel.
#include <arch/boot.h>
#include <arch/clock.h>
#include <arch/cpu.h>
#include <boot/start.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <mm/page.h>
#include <object/job.h>
#include <sched/futex.h>
#include <sched/sched.h>

#ifdef DEBUG
#define BUILD "debug"
#else
#define BUILD "release"
#endif

struct cpu *cpus[CPU_MAX];
uint32_t cpu_count;

static bool released; // the other CPUs may schedule; atomic

static void log_memory(void) {
    for (uint32_t i = 0; i < boot_info.range_count; i++) {
        const struct boot_range *range = &boot_info.ranges[i];
        log_line("memory: 0x%lx-0x%lx %s", range->base, range->base + range->size,
                 range->usable ? "usable" : "reserved");
    }
}

static void cpu_start(struct cpu *cpu) {
    if (sched_init_cpu(cpu) != OK) {
        panic("no memory for CPU %u", cpu->index);
    }
    arch_clock_init_cpu();
    __atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
}

void smp_cpu_main(struct cpu *cpu) {
    cpu_start(cpu);
    while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE)) {
        cpu_mailbox_poll();
        arch_pause();
    }
    sched_idle();
}

void kernel_main(void) {
    log_line("Prunella %s (%s)", PRUNELLA_VERSION, BUILD);
    log_memory();
    log_line("command line: %s", boot_info.command);
    stack_guard_init();
    page_init();
    job_init_root(page_total_count());
    futex_init();
    arch_platform_init(); // firmware tables, interrupt controllers
    arch_clock_init();
    cpu_start(cpu_this());
    arch_smp_start();
    log_line("%u CPU%s online", cpu_count, cpu_count == 1 ? "" : "s");
    provoke_run();
    if (boot_start_init(NULL) != OK) {
        log_line("boot: no first process: the machine is turned off");
        arch_power_off();
    }
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
    sched_idle();
}
