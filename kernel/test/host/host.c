// SPDX-License-Identifier: MIT
//
// Fake CPUs, and the parts of the architecture contract that kernel code under test calls.
// Everything that a machine would do is recorded or ignored.
#include "host.h"

#include <arch/boot.h>
#include <arch/clock.h>
#include <arch/mmu.h>
#include <arch/thread.h>
#include <debug/log.h>
#include <object/handle.h>
#include <pthread.h>
#include <sched/thread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WEAK __attribute__((weak))

WEAK struct cpu *cpus[CPU_MAX];
WEAK uint32_t cpu_count;
_Thread_local struct cpu *host_cpu;
uint32_t host_jitter;
_Thread_local uint32_t host_jitter_count;

char host_ram[HOST_RAM_BYTES] __attribute__((aligned(2 << 20)));
WEAK instant_t host_now;
instant_t host_timer_armed = INSTANT_NEVER;
jmp_buf *host_panic_jump;
char host_panic_text[256];
static struct cpu host_cpus[CPU_MAX];

void host_cpus_init(uint32_t count) {
    assert(count >= 1 && count <= CPU_MAX);
    memset(host_cpus, 0, sizeof(host_cpus));
    memset(cpus, 0, sizeof(cpus));
    cpu_count = count;
    host_jitter = 0;
    for (uint32_t i = 0; i < count; i++) {
        cpus[i] = &host_cpus[i];
        cpus[i]->index = i;
        cpus[i]->online = true;
        list_init(&cpus[i]->reap);
        cpus[i]->timer_lock = (struct spinlock)SPINLOCK_INIT(RANK_TIMER_QUEUE);
        cpus[i]->timer_armed = INSTANT_NEVER;
    }
    host_cpu_use(0);
}

void host_cpu_use(uint32_t index) {
    assert(index < cpu_count);
    host_cpu = cpus[index];
}

struct host_run {
    uint32_t index;
    void (*function)(void *context);
    void *context;
};

static void *run_on_cpu(void *argument) {
    struct host_run *run = argument;
    host_cpu_use(run->index);
    run->function(run->context);
    return NULL;
}

void host_cpus_run(uint32_t count, void (*function)(void *context), void *context) {
    pthread_t threads[CPU_MAX];
    struct host_run runs[CPU_MAX];
    for (uint32_t i = 0; i < count; i++) {
        runs[i] = (struct host_run){i, function, context};
    }
    for (uint32_t i = 1; i < count; i++) {
        if (pthread_create(&threads[i], NULL, run_on_cpu, &runs[i]) != 0) {
            abort();
        }
    }
    run_on_cpu(&runs[0]);
    for (uint32_t i = 1; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

struct thread *cpu_this_thread(void) {
    return host_cpu->thread;
}

WEAK void panic(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(host_panic_text, sizeof(host_panic_text), format, args);
    va_end(args);
    if (host_panic_jump != NULL) {
        longjmp(*host_panic_jump, 1);
    }
    fprintf(stderr, "panic: %s\n", host_panic_text);
    abort();
}

WEAK void log_line(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

WEAK instant_t clock_now(void) {
    return host_now;
}

WEAK void arch_timer_arm(instant_t deadline) {
    host_timer_armed = deadline;
}

WEAK void cpu_mailbox_poll(void) {
}

WEAK void cpu_mail(struct cpu *cpu, uint32_t bits) {
    __atomic_fetch_or(&cpu->mailbox, bits, __ATOMIC_RELEASE);
    if (cpu != host_cpu) {
        arch_cpu_kick(cpu);
    }
}

WEAK void arch_cpu_kick(struct cpu *cpu) {
    __atomic_fetch_add(&cpu->arch.kicks, 1, __ATOMIC_RELAXED);
}

WEAK void arch_idle(void) {
}

WEAK void arch_interrupt_window(void) {
}

WEAK void arch_stop(void) {
    panic("arch_stop");
}

WEAK bool arch_random(uint64_t *out) {
    *out = (uint64_t)random() << 32 | (uint32_t)random();
    return true;
}

// Where mm/ is not linked: no mapping to take away.
WEAK void handle_node_drop(struct handle *node);

WEAK void mapping_revoked(struct handle *node) {
    if (handle_node_drop != NULL) {
        handle_node_drop(node);
    }
}

WEAK void arch_thread_init(struct thread *thread, vaddr_t pc, vaddr_t sp, uint64_t arg0,
                           uint64_t arg1) {
    thread->arch = (struct arch_thread){
        .registers = {.rip = pc, .rsp = sp, .rdi = arg0, .rsi = arg1},
    };
}

WEAK void arch_thread_get_registers(const struct thread *thread, struct registers *regs) {
    *regs = thread->arch.registers;
}

WEAK status_t arch_thread_set_registers(struct thread *thread, const struct registers *regs) {
    if (!arch_user_address(regs->rip)) {
        return ERR_INVALID_ARGUMENT;
    }
    thread->arch.registers = *regs;
    return OK;
}

WEAK void arch_thread_save(struct thread *from) {
    (void)from;
}

WEAK void arch_thread_load(struct thread *to) {
    (void)to;
}

WEAK void arch_thread_swap(struct thread *from, struct thread *to) {
    (void)from;
    (void)to;
}

WEAK void arch_thread_destroy(struct thread *thread) {
    (void)thread;
}

WEAK bool arch_user_address(vaddr_t addr) {
    return addr < 0x0000800000000000;
}
