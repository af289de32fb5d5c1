// SPDX-License-Identifier: MIT
//
// Threads. A blocked thread is this struct and nothing else: its registers are saved in it at each
// kernel entry, and it has no kernel stack. So it can be woken, killed, inspected or moved to
// another CPU at any time.
//
// Parking: whoever blocks puts the thread on the object's list under the object's lock and calls
// thread_park, which takes the thread's lock, refuses when the thread is to die or to stop, and
// otherwise makes it BLOCKED; the entry then returns STATUS_PARKED and touches the thread no more.
// Waking: whoever makes the condition true takes the thread off the list under the object's lock
// and calls thread_unpark. There are two kinds of waits: *completing* ones, whose waker writes the
// result (IPC, futex), and *restarting* ones, whose call simply runs again (signals, streams,
// pages, sleep). Ending a wait from outside (deadline, interruption, kill) goes through
// thread_abort_wait, which reads what the thread waits on, takes a reference, drops the thread's
// lock, and lets the object's own code decide under the object's lock.
#pragma once

#include <abi/block.h>
#include <abi/info.h>
#include <abi/libos.h>
#include <arch/cpu.h>
#include <arch/thread.h>
#include <base.h>
#include <ds/list.h>
#include <object/object.h>
#include <object/source.h>
#include <sched/spinlock.h>
#include <time/timer_queue.h>

struct process;
struct aspace;
struct cpu;
struct call;
struct port;

enum thread_state {
    THREAD_NEW,
    THREAD_READY,
    THREAD_RUNNING,
    THREAD_BLOCKED,
    THREAD_SUSPENDED,
    THREAD_DEAD,
};

enum wait_kind {
    WAIT_NONE,
    WAIT_PORT,    // in port_reply_wait; object: the port; completing
    WAIT_CALL,    // in channel_call; object: the port; completing
    WAIT_SIGNALS, // object_wait; restarting
    WAIT_STREAM,  // restarting
    WAIT_FUTEX,   // completing
    WAIT_SLEEP,   // restarting
    WAIT_PAGE,    // restarting
};

// Bits of thread.pending: looked at before each return to user mode and before each park.
enum thread_pending {
    PENDING_KILL = 1 << 0,
    PENDING_SUSPEND = 1 << 1,
    PENDING_CLEANUP = 1 << 2, // source waiters to unlink
    PENDING_CALL = 1 << 4,    // handles and slots of an ended call to release
    PENDING_UPCALL = 1 << 3,  // something was latched: enter the upcall entry if not masked
};

struct thread {
    struct arch_thread arch;    // first: assembly saves registers through this pointer
    struct thread_block *block; // kernel address of the pinned page; assembly knows these three
    vaddr_t block_addr;         // in the process
    const struct aspace_entry *entry; // of the aspace: all 0 until it has one
    struct object object;
    struct process *process; // holds a reference; fixed
    struct aspace *aspace;   // of the process; holds a reference until the thread dies
    uint64_t id;
    uint64_t cookie;  // atomic
    uint32_t pending; // atomic, enum thread_pending

    struct spinlock lock; // RANK_THREAD, guards:
    uint8_t state;        // enum thread_state
    uint8_t wait_kind;    // enum wait_kind, while BLOCKED
    bool interruptible;   // the wait ends for a latched interruption
    uint32_t suspends;    // how often suspended
    bool released;        // dying: its block is no longer pinned
    bool prepared;        // its first registers are set already; fixed before anybody knows it
    struct object *wait_object; // holds a reference while BLOCKED, but for ports: see thread_park
    uint64_t wait_seq;          // counts parks: tells one wait from the next

    uint8_t priority; // atomic
    bool on_cpu;      // atomic: its registers are still live on a CPU; see thread_switch
    uint32_t last_cpu;
    struct list_node run_node; // guarded by the run queue's lock
    struct cpu *queued_on;     // run queue it stands in, or null; guarded by that queue's lock
    uint8_t queued_priority;   // the list it stands in; likewise
    duration_t slice_left;     // when not running
    uint64_t cpu_cycles;       // that it has run, in arch_cycles; atomic, written by its CPU alone

    struct timer_node timer; // the deadline of its wait; guarded by the timer queue's lock

    // For waits; guarded by the lock of the object waited on.
    struct list_node wait_node;
    struct source_waiter waiter;   // object_wait of one object
    struct source_waiter *waiters; // object_wait_many: allocated, wait_count of them
    uint32_t wait_count;
    bool wait_fired; // atomic: a linked waiter has fired, so thread_park refuses; cleared
                     // when they are unlinked (source_wait_cleanup)
    struct futex_bucket *futex_bucket; // atomic: where it is queued, or null
    bool futex_parked;                 // queued there, and parked
    uint64_t futex_key[2];
    uint32_t futex_mask;
    uint64_t page_offset; // WAIT_PAGE
    vaddr_t exit_clear;   // thread_exit: word to clear and wake; its own alone
    vaddr_t exit_unmap;
    uint64_t exit_unmap_size;
    vaddr_t robust_head; // robust_list; its own alone
    uint32_t robust_tid;

    // IPC.
    struct call *call; // its one outstanding call
    uint64_t call_number;
    uint64_t current_token;        // the call it took last and has not answered; its own alone
    uint8_t reserved_slots;        // promised in its table to the reply of its call
    struct source source;          // SIGNAL_THREAD_ENDED
    struct list_node process_node; // guarded by process->lock
};

// Creates a thread in NEW state. `block_addr` as in the native call thread_create.
[[nodiscard]] status_t thread_create(struct process *process, vaddr_t block_addr,
                                     struct thread **out);
[[nodiscard]] status_t thread_start(struct thread *thread, vaddr_t pc, vaddr_t sp, uint64_t arg0,
                                    uint64_t arg1);
// Ends the calling thread: never to be returned to. Called with no lock held, before schedule().
void thread_die(struct thread *self);
// Asks a thread to end, wherever it is.
void thread_kill(struct thread *thread);
void thread_suspend(struct thread *thread);
// The calling thread, whose PENDING_SUSPEND is set, stops here unless it was resumed meanwhile.
void thread_stop_self(struct thread *self);
// Latches bits in the thread's block, see the native call. BAD_STATE.
[[nodiscard]] status_t thread_interrupt(struct thread *thread, uint32_t bits);
// See the native call. STATUS_RESUMED, or its errors. No lock held.
int64_t aspace_swap(struct aspace *aspace, vaddr_t pc, vaddr_t block);
// A thread that was never started ends.
void thread_drop_new(struct thread *thread);
void thread_describe(struct thread *thread, struct thread_info *info);
// The idle thread of a CPU: a struct to be current, without registers of its own. Null: no memory.
struct thread *thread_create_idle(struct cpu *cpu);
// Expiry of thread.timer.
void thread_timer_expired(struct timer_node *node, uint64_t seq, instant_t now);
void thread_resume_one(struct thread *thread);

// Parks the calling thread; see above. The caller holds the lock of `object` (rank outer to
// THREAD), or none for sleep. Returns OK, or why not: ERR_INTERRUPTED (interruptible and latched),
// or STATUS_RESTART (it is to die or stop: the caller undoes its queueing and returns
// STATUS_RESTART).
[[nodiscard]] status_t thread_park(struct thread *self, enum wait_kind kind, struct object *object,
                                   instant_t deadline, bool interruptible);
// Makes a parked thread runnable; the caller has taken it off the list of what it waited on, under
// that object's lock, which makes it the only one who may. With `result` not STATUS_RESTART the
// call's result is written; otherwise it restarts.
void thread_unpark(struct thread *thread, int64_t result);
// As thread_unpark, but the thread is not queued: the caller switches to it with
// sched_switch_direct. False when it is suspended instead and can't run.
[[nodiscard]] bool thread_unpark_direct(struct thread *thread, int64_t result);
// Whether the thread is parked in wait number `seq`. True stays true as long as the caller holds
// the lock under which alone that wait can end.
[[nodiscard]] bool thread_in_wait(struct thread *thread, uint64_t seq);
// Ends a wait from outside with `status` (TIMED_OUT, INTERRUPTED, or STATUS_RESTART for kill and
// suspend), if the thread still is in wait number `seq` (0: in any). No lock held.
void thread_abort_wait(struct thread *thread, uint64_t seq, status_t status);

// Whether an interruption is latched for the thread.
static inline bool thread_latched(const struct thread *thread) {
    return __atomic_load_n(&thread->block->latched, __ATOMIC_ACQUIRE) != 0;
}

static inline struct thread *thread_from(struct object *object) {
    return container_of(object, struct thread, object);
}

// The thread that runs on this CPU.
static inline struct thread *thread_self(void) {
    return cpu_this_thread();
}
