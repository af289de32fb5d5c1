// SPDX-License-Identifier: MIT
//
// What the kernel keeps for each CPU: the thread that runs, the run queue, the mailbox, the grace
// period counter. cpu_this() is the only way to it; there is no global "current".
//
// The grace period: `entry_seq` is odd while the CPU is in the kernel and even in user mode or
// idle. Memory that was unlinked from every table may be freed once each CPU that was in the kernel
// then has left it (mm/reap.h). So whatever a kernel entry looked up stays readable until the entry
// ends.
#pragma once

#include <arch/cpu.h>
#include <base.h>
#include <ds/list.h>
#include <ds/tree.h>
#include <sched/spinlock.h>

#define CPU_MAX 32
#define PRIORITY_COUNT 32
#define PRIORITY_IDLE 0
#define PRIORITY_PROGRAM 10
#define PRIORITY_SERVER 20
#define PRIORITY_MAX 31

struct thread;
struct aspace;

// Bits of cpu.mailbox, set by other CPUs, followed by arch_cpu_kick.
enum mailbox {
    MAIL_RESCHEDULE = 1 << 0, // look at the run queues and the running thread's pending bits
    MAIL_SHOOTDOWN = 1 << 1,  // flush the TLB and acknowledge
    MAIL_STOP = 1 << 2,       // another CPU panics: halt
};

struct run_queue {
    struct spinlock lock;
    uint32_t ready; // bit p: queue[p] is not empty
    uint32_t count;
    struct list queue[PRIORITY_COUNT];
};

struct cpu {
    struct arch_cpu arch; // first: assembly reaches it through the segment base
    uint32_t index;
    bool online;
    uint64_t entry_seq;    // grace period, see above; written by this CPU alone
    struct thread *thread; // running now; the idle thread when there is nothing to do
    uint64_t entries;      // from user mode, a counter; assembly knows the places of these three

    struct thread *idle;
    struct aspace
        *aspace;         // whose page tables are loaded; may be another than the thread's when idle
    bool reschedule;     // run schedule() before leaving the kernel
    uint8_t priority;    // of `thread`, for others to compare; atomic
    bool parked;         // `thread` has parked or died here and must not go on on this CPU; its
                         // state field may already say RUNNING again, for another CPU
    instant_t slice_end; // when the running thread's slice is over
    instant_t looked_at; // when schedule() last ran here
    uint64_t switched_at; // arch_cycles when it was switched to, for its CPU time

    struct run_queue run; // own lock

    struct spinlock timer_lock; // RANK_TIMER_QUEUE, guards:
    struct tree timers;         // struct timer_node.tree, by deadline
    instant_t timer_armed;      // what the hardware is set to; written by this CPU alone
    instant_t timer_also;       // armed for besides the queue: timer_queue_rearm; this CPU's alone

    uint32_t mailbox;        // enum mailbox, atomic
    uint64_t shootdown_done; // number of the last shoot-down acknowledged

    struct list reap; // objects and memory waiting for their grace period, this CPU's alone
    uint32_t reap_count;

    uint64_t aspace_switches, slow_calls, fast_calls; // counters
#ifdef DEBUG
    uint32_t ranks_held; // bit r: a lock of rank r is held
    uint32_t rank_counts[RANK_COUNT];
#endif
};

// All CPUs; entries 0 to cpu_count - 1 are valid once smp_start has returned.
extern struct cpu *cpus[CPU_MAX];
extern uint32_t cpu_count;

// Acts on this CPU's mailbox: acknowledges shoot-downs, notes a reschedule, stops. Interrupts off;
// takes no lock; called from every spin loop and from the kick interrupt.
void cpu_mailbox_poll(void);

// Sets bits in the CPU's mailbox and kicks it unless it is this one.
void cpu_mail(struct cpu *cpu, uint32_t bits);
