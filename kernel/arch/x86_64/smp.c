// SPDX-License-Identifier: MIT
//
// Starting the other CPUs (Intel SDM volume 3, 9.4): one after the other, so that they can share
// the words that tell each where its stack and its struct cpu are. One that does not come is put to
// sleep again, since those words then mean another, and the system goes on without it.
#include <arch/boot.h>
#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <debug/log.h>
#include <mm/slab.h>
#include <sched/cpu.h>
#include <x86/acpi.h>
#include <x86/apic.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/regs.h>
#include <x86/smp.h>
#include <x86/tables.h>

// The specification's 10 ms between INIT and the start are for processors of the nineties.
#define INIT_WAIT MICROSECONDS(200)
#define STARTUP_WAIT MICROSECONDS(500)
#define ONLINE_WAIT SECONDS(2)

// Read by pvh.S.
uint64_t ap_root, ap_stack, ap_cpu;
uint32_t ap_efer;

static uint64_t ap_tsc; // when it arrived; atomic
extern const char trampoline_start[], trampoline_end[];

static void trampoline_place(void) {
    void *page = paging_map_device(TRAMPOLINE_ADDR, PAGE_SIZE);
    memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
}

static struct cpu *cpu_create(uint32_t index, uint32_t id) {
    assert(index < CPU_MAX && cpus[index] == NULL);
    void *memory;
    if (kpages_alloc(NULL, sizeof(struct cpu_memory), &memory) != OK) {
        panic("no memory for CPU %u", index);
    }
    struct cpu_memory *both = memory;
    struct cpu *cpu = &both->cpu;
    cpu->index = index;
    cpu->arch.tables = &both->tables;
    cpu->arch.apic_id = id;
    cpu->entry_seq = 1; // in the kernel
    stacks_map(cpu);
    return cpu;
}

static bool wait_online(const struct cpu *cpu, duration_t time) {
    instant_t end = clock_now() + time;
    while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
        if (clock_now() > end) {
            return false;
        }
        cpu_mailbox_poll();
        arch_pause();
    }
    return true;
}

// All CPUs must agree on the time; we have no second counter to mend it with.
static void check_tsc(const struct cpu *cpu, uint64_t before, uint64_t after) {
    if (ap_tsc < before || ap_tsc > after) {
        log_line("clock: the TSC of CPU %u differs: time will not be the same there", cpu->index);
    }
}

static bool cpu_boot(struct cpu *cpu) {
    uint32_t id = cpu->arch.apic_id;
    ap_stack = cpu->arch.stack_top;
    __atomic_store_n(&ap_cpu, (uint64_t)cpu, __ATOMIC_SEQ_CST);
    uint64_t before = arch_cycles();
    apic_send_init(id);
    clock_wait(INIT_WAIT);
    apic_send_startup(id, TRAMPOLINE_ADDR >> PAGE_SHIFT);
    if (!wait_online(cpu, STARTUP_WAIT)) {
        apic_send_startup(id, TRAMPOLINE_ADDR >> PAGE_SHIFT);
        if (!wait_online(cpu, ONLINE_WAIT)) {
            apic_send_init(id);
            return false;
        }
    }
    check_tsc(cpu, before, arch_cycles());
    return true;
}

void arch_smp_start(void) {
    trampoline_place();
    ap_root = mmu_kernel_root;
    ap_efer = (uint32_t)msr_read(MSR_EFER);
    for (uint32_t i = 0; i < acpi_info.cpu_count; i++) {
        uint32_t id = acpi_info.apic_ids[i];
        if (id == cpu_this()->arch.apic_id || cpu_count == CPU_MAX) {
            continue;
        }
        struct cpu *cpu = cpu_create(cpu_count, id);
        cpus[cpu_count] = cpu;
        if (cpu_boot(cpu)) {
            cpu_count++;
        } else {
            log_line("smp: the CPU with APIC id %u does not start", id);
        }
    }
}

void smp_start_here(struct cpu *cpu) {
    tables_load(cpu);
    cpu_init();
    apic_init_cpu();
    ap_tsc = arch_cycles();
    smp_cpu_main(cpu);
}
