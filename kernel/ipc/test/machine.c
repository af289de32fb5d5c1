// SPDX-License-Identifier: MIT
//
// CPUs as fibers or pthreads, each with the endless loop of a CPU: user mode, entry, exit, idle.
#include "machine.h"

#include "../../test/host/host.h"

#include <arch/clock.h>
#include <arch/cpu.h>
#include <debug/log.h>
#include <mm/reap.h>
#include <object/job.h>
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <sched/futex.h>
#include <sched/sched.h>
#include <setjmp.h>
#include <stdlib.h>
#include <syscall/syscall.h>
#include <test/test.h>

#define STACK_BYTES (512 << 10)
#define STUCK_YIELDS 2000000 // in a row, with nobody in user mode
#define GENERAL_PROTECTION 13
#define ROOT_PAGES 1000000

enum where { AT_IDLE = 1, AT_USER, AT_END };

struct fiber {
    char *stack;
    void *sp;   // while it does not run
    void *fake; // the sanitizer's
    jmp_buf base;
    uint64_t random;
    bool halted;     // in arch_idle
    bool over;       // has left the machine
    bool kicked;     // atomic
    instant_t armed; // atomic
};

static struct machine_config machine;
static struct fiber fibers[CPU_MAX + 1]; // the last one is the pthread that called machine_run
static uint32_t current;                 // fiber that runs
static const void *main_stack;
static size_t main_stack_bytes;
static instant_t now;  // atomic
static uint64_t calls; // atomic
static bool stopping;  // atomic: nobody will want anything more
static bool ending;    // atomic: and nothing is left to do
static uint64_t idle_yields;
static _Thread_local bool in_interrupt; // pthreads: a handler runs
static struct cpu cpu_memory[CPU_MAX];

#define MAIN CPU_MAX

static struct fiber *self(void) {
    return &fibers[host_cpu->index];
}

uint64_t machine_random(uint64_t bound) {
    return test_random_below(&self()->random, bound);
}

bool machine_chance(uint64_t bound) {
    return machine_random(bound) == 0;
}

// ---- clock, timer, kicks

instant_t clock_now(void) {
    return __atomic_load_n(&now, __ATOMIC_ACQUIRE);
}

duration_t clock_span(uint64_t cycles) {
    return (duration_t)cycles;
}

void machine_clock_advance(duration_t by) {
    __atomic_fetch_add(&now, by, __ATOMIC_ACQ_REL);
}

void arch_timer_arm(instant_t deadline) {
    __atomic_store_n(&self()->armed, deadline, __ATOMIC_RELEASE);
}

void arch_cpu_kick(struct cpu *cpu) {
    __atomic_store_n(&fibers[cpu->index].kicked, true, __ATOMIC_SEQ_CST);
    machine_point();
}

void cpu_mailbox_poll(void) {
    bool idle = cpu_this()->thread == cpu_this()->idle && !in_interrupt;
    if (idle && __atomic_load_n(&ending, __ATOMIC_ACQUIRE)) {
        longjmp(self()->base, AT_END); // from the idle loop
    }
    machine_yield();
    uint32_t bits = __atomic_exchange_n(&cpu_this()->mailbox, 0, __ATOMIC_SEQ_CST);
    if ((bits & MAIL_RESCHEDULE) != 0) {
        cpu_this()->reschedule = true;
    }
}

static bool interrupt_pending(const struct fiber *fiber) {
    return __atomic_load_n(&fiber->kicked, __ATOMIC_SEQ_CST) ||
           clock_now() >= __atomic_load_n(&fiber->armed, __ATOMIC_ACQUIRE);
}

// Takes a pending interrupt, as the handlers of the architecture do.
static void interrupt(struct thread *thread) {
    struct fiber *fiber = self();
    in_interrupt = machine.pthreads;
    if (__atomic_exchange_n(&fiber->kicked, false, __ATOMIC_SEQ_CST)) {
        cpu_mailbox_poll();
    }
    in_interrupt = false;
    if (clock_now() >= fiber->armed) {
        fiber->armed = INSTANT_NEVER; // it fires once
    }
    entry_interrupt_done(thread);
}

// Faults are many, and wanted.
void log_line(const char *format, ...) {
    (void)format;
}

// ---- changing fibers

// void change_stack(void **save, void *load): like swapcontext, but without system calls, which
// would take most of the time.
void change_stack(void **save, void *load);
__asm__(".text\n"
        "change_stack:\n"
        "    push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
        "    ret\n");

static void switch_fiber(uint32_t to) {
    uint32_t from = current;
    const void *bottom = to == MAIN ? main_stack : fibers[to].stack;
    size_t bytes = to == MAIN ? main_stack_bytes : STACK_BYTES;
    current = to;
    if (to != MAIN) {
        host_cpu = cpus[to];
    }
    __sanitizer_start_switch_fiber(&fibers[from].fake, bottom, bytes);
    change_stack(&fibers[from].sp, fibers[to].sp);
    __sanitizer_finish_switch_fiber(fibers[from].fake, NULL, NULL);
}

static bool all_reaped(void) {
    for (uint32_t i = 0; i < machine.cpus; i++) {
        if (cpus[i]->reap_count != 0) {
            return false;
        }
    }
    return true;
}

// The next moment at which a timer fires.
static instant_t next_timer(void) {
    instant_t next = INSTANT_NEVER;
    for (uint32_t i = 0; i < machine.cpus; i++) {
        next = MIN(next, fibers[i].armed);
    }
    return next;
}

// All CPUs halt and no interrupt is pending. Returns false when that is the end.
static bool wake_somebody(void) {
    instant_t next = next_timer();
    if (next != INSTANT_NEVER) {
        now = MAX(now, next);
        return true;
    }
    if (!all_reaped()) {
        for (uint32_t i = 0; i < machine.cpus; i++) {
            fibers[i].kicked = true;
        }
        return true;
    }
    return false;
}

static uint32_t runnable_fibers(uint32_t list[CPU_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < machine.cpus; i++) {
        if (!fibers[i].over && (!fibers[i].halted || ending || interrupt_pending(&fibers[i]))) {
            list[count++] = i;
        }
    }
    return count;
}

static void give_up(void) {
    test_check(__FILE__, __LINE__, "the machine goes on", false);
    machine_stuck();
    abort();
}

void machine_yield(void) {
    if (machine.pthreads) {
        if (machine_chance(16)) {
            sched_yield();
        }
        return;
    }
    uint32_t list[CPU_MAX];
    uint32_t count;
    while ((count = runnable_fibers(list)) == 0) {
        if (!wake_somebody()) {
            if (!stopping) {
                give_up();
            }
            ending = true;
        }
    }
    if (++idle_yields > STUCK_YIELDS) {
        give_up();
    }
    uint32_t to = list[machine_random(count)];
    if (to != current) {
        switch_fiber(to);
    }
}

void machine_point(void) {
    if (!machine.pthreads && current != MAIN && machine_chance(machine.calmness)) {
        machine_yield();
    }
}

// ---- a CPU

void arch_run_on_stack(struct cpu *cpu, void (*function)(void)) {
    CHECK(function == (void (*)(void))sched_idle && cpu == cpu_this());
    longjmp(self()->base, AT_IDLE);
}

void arch_enter_user(void) {
    longjmp(self()->base, AT_USER);
}

static void count_entry(void) {
    __atomic_fetch_add(&cpu_this()->entry_seq, 1, __ATOMIC_SEQ_CST);
}

static bool at_the_end(void) {
    return __atomic_load_n(&stopping, __ATOMIC_ACQUIRE) && all_reaped();
}

void arch_idle(void) {
    struct fiber *fiber = self();
    __atomic_store_n(&fiber->halted, true, __ATOMIC_SEQ_CST);
    while (!interrupt_pending(fiber) && !__atomic_load_n(&ending, __ATOMIC_ACQUIRE)) {
        if (!machine.pthreads) {
            machine_yield();
        } else if (at_the_end()) {
            __atomic_store_n(&ending, true, __ATOMIC_RELEASE);
        } else {
            // Time passes by itself, so that timers fire when all are idle.
            machine_clock_advance(MICROSECONDS(5));
            sched_yield();
            if (!all_reaped()) {
                break;
            }
        }
    }
    __atomic_store_n(&fiber->halted, false, __ATOMIC_SEQ_CST);
    CHECK((cpu_this()->entry_seq & 1) == 0);
    if (!__atomic_load_n(&ending, __ATOMIC_ACQUIRE)) {
        count_entry();
        interrupt(NULL);
        count_entry();
    }
}

void arch_interrupt_window(void) {
    machine_point();
    if (interrupt_pending(self()) && machine_chance(2)) {
        interrupt(NULL);
    }
}

static void user_mode(void) {
    count_entry();
    for (;;) {
        idle_yields = 0;
        machine_clock_advance((duration_t)machine_random(MICROSECONDS(20)));
        struct thread *thread = thread_self();
        CHECK((cpu_this()->entry_seq & 1) == 0 && !cpu_this()->parked);
        CHECK(thread != cpu_this()->idle);
        if (interrupt_pending(self()) && machine_chance(2)) {
            count_entry();
            interrupt(thread);
            count_entry();
            machine_yield();
            continue;
        }
        enum machine_step step = machine_user(thread);
        if (step != MACHINE_SPIN) {
            __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
            count_entry();
            if (step == MACHINE_FAULT) {
                entry_exception(thread, GENERAL_PROTECTION, 0, 0);
            } else {
                entry_syscall(thread);
            }
            count_entry();
        }
        machine_yield();
    }
}

static void cpu_loop(void) {
    switch (setjmp(self()->base)) {
    case AT_USER:
        user_mode();
        break;
    case AT_END:
        return;
    default:
        sched_idle();
    }
}

static void fiber_main(void) {
    const void *bottom;
    size_t bytes;
    __sanitizer_finish_switch_fiber(NULL, &bottom, &bytes);
    if (main_stack == NULL) { // the very first comes from there
        main_stack = bottom;
        main_stack_bytes = bytes;
    }
    cpu_loop();
    self()->over = true;
    for (uint32_t i = 0; i < machine.cpus; i++) {
        if (!fibers[i].over) {
            switch_fiber(i);
        }
    }
    switch_fiber(MAIN);
}

static void pthread_main(void *context) {
    (void)context;
    cpu_loop();
}

// ---- life

void machine_create(const struct machine_config *config) {
    machine = *config;
    stopping = false;
    ending = false;
    calls = 0;
    idle_yields = 0;
    memset(cpu_memory, 0, sizeof(cpu_memory));
    memset(fibers, 0, sizeof(fibers));
    memset(cpus, 0, sizeof(struct cpu *) * CPU_MAX);
    cpu_count = config->cpus;
    uint64_t seed = config->seed;
    for (uint32_t i = 0; i < cpu_count; i++) {
        cpus[i] = &cpu_memory[i];
        cpus[i]->index = i;
        cpus[i]->online = true;
        cpus[i]->entry_seq = 1;
        fibers[i].random = test_random(&seed);
        fibers[i].armed = INSTANT_NEVER;
    }
    host_cpu = cpus[0];
    current = MAIN;
    job_init_root(ROOT_PAGES);
    futex_init();
    for (uint32_t i = 0; i < cpu_count; i++) {
        CHECK_EQ(sched_init_cpu(cpus[i]), OK);
    }
}

static void fiber_prepare(struct fiber *fiber) {
    fiber->stack = aligned_alloc(16, STACK_BYTES);
    // Six registers, then where to return to, with the stack as a call would leave it.
    void **sp = (void **)(fiber->stack + STACK_BYTES) - 2;
    *--sp = NULL;
    *--sp = (void *)fiber_main;
    memset(sp - 6, 0, 6 * sizeof(*sp));
    fiber->sp = sp - 6;
}

static void run_fibers(void) {
    for (uint32_t i = 0; i < machine.cpus; i++) {
        fiber_prepare(&fibers[i]);
    }
    switch_fiber(0);
    for (uint32_t i = 0; i < machine.cpus; i++) {
        free(fibers[i].stack);
    }
}

void machine_run(void) {
    if (machine.pthreads) {
        host_cpus_run(machine.cpus, pthread_main, NULL);
    } else {
        run_fibers();
    }
    host_cpu = cpus[0];
    current = MAIN;
}

// The idle threads have no owner in a kernel that never ends.
void machine_destroy(void) {
    for (uint32_t i = 0; i < machine.cpus; i++) {
        CHECK(cpus[i]->thread == cpus[i]->idle && cpus[i]->run.count == 0);
#ifdef DEBUG
        CHECK_EQ(cpus[i]->ranks_held, 0);
#endif
        CHECK(cpus[i]->timers.root == NULL);
        free(cpus[i]->idle);
    }
}

void machine_stop(void) {
    __atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
}

uint64_t machine_calls(void) {
    return __atomic_load_n(&calls, __ATOMIC_RELAXED);
}
