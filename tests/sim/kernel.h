// SPDX-License-Identifier: MIT
//
// A small kernel for the simulator: handles that outlive processes, ports, calls with all their
// states, events, timers, futexes. It is written after kernel/ipc, state by state, so that a server
// that survives here survives there, but one thing at a time: a native call is a function on a
// coroutine, and a call that blocks leaves to the scheduler.
//
// Every native call is a point where the process may be killed, before it and after it, and where
// another thread may run.
#pragma once

#include <abi/block.h>
#include <abi/flags.h>
#include <abi/info.h>
#include <abi/objects.h>
#include <abi/rights.h>
#include <abi/status.h>
#include <ds/list.h>
#include <stdbool.h>
#include <sys/start.h>

struct coroutine;
struct sim_port;
struct sim_call;
struct sim_process;

// Results that never leave the kernel.
#define SIM_RESTART (-2000)

// ---- objects

struct sim_object {
    uint32_t type;    // OBJECT_
    uint32_t refs;    // handles, and what else points here
    uint32_t handles; // in tables and messages
    uint64_t id;
    uint32_t signals;
    struct list bindings; // struct sim_binding.source_node
};

struct sim_vmo {
    struct sim_object object;
    size_t bytes;
    uint8_t *memory;
};

struct sim_timer {
    struct sim_object object;
    struct list_node node; // in sim.timers while armed
    instant_t deadline;
    duration_t interval;
    uint64_t count;
};

enum sim_item_kind { ITEM_CALL, ITEM_CANCEL, ITEM_CLOSED, ITEM_BINDING };

struct sim_item {
    struct list_node node;
    enum sim_item_kind kind;
    bool queued;
};

struct sim_binding {
    struct sim_item item;
    struct sim_object *object;
    struct sim_port *port;
    uint64_t key;
    uint32_t signals;
    struct list_node source_node, port_node;
};

struct sim_channel {
    struct sim_object client; // first
    struct sim_object server;
    struct sim_port *port;
    uint64_t key;
    bool forwarder, client_closed, server_closed;
    struct sim_item closed_item;
    struct list_node port_node;
};

struct sim_quarantine {
    uint64_t key, process, thread, number, sub;
};

struct sim_port {
    struct sim_object object;
    struct list_node node; // in sim.ports
    struct list queue, taken, held, waiters, bindings, channels;
    uint64_t next_age;
    bool orphaned, dead;
    struct sim_quarantine quarantined[8];
    uint32_t quarantined_count;
};

// ---- calls

enum sim_call_state { CALL_QUEUED, CALL_TAKEN, CALL_HELD };

struct sim_call {
    struct sim_item item, cancel_item;
    struct list_node taken_node;
    struct sim_thread *caller; // null: orphan
    struct sim_channel *channel;
    uint64_t token, server_process, age;
    enum sim_call_state state;
    bool cancel, abandon, current, forwarded, last_retry;
    uint32_t crashes, deliveries, handle_count;
    uint64_t process, thread, number, acked, cookie, sub;
    instant_t deadline, cancelled_at;
    struct sim_object *handles[MESSAGE_HANDLES];
    struct message message;
};

// ---- handle tables, processes, threads

struct sim_slot {
    struct sim_object *object; // null: free
    uint32_t generation;
};

struct sim_table {
    struct sim_slot *slots;
    uint32_t capacity, used, next;
};

struct sim_mapping {
    struct list_node node;
    struct sim_vmo *vmo;
};

struct sim_process {
    struct sim_object object;
    struct list_node node; // in sim.processes
    uint64_t id;
    // Of those that a server has made by process_create (processes.c); they live until the last
    // handle is closed and they have ended.
    bool made, started;
    uint32_t suspended;
    int64_t status;
    uint64_t cookie;
    struct sim_vmo *identity, *signals;
    struct sim_table *table;
    bool keep, dead;
    enum exit_cause cause;
    struct list mappings;
    const struct start_record *start;
    void *owner; // of whoever made it
};

enum sim_wait { WAIT_NOTHING, WAIT_PORT, WAIT_CALL, WAIT_FUTEX, WAIT_SLEEP, WAIT_OBJECT };

struct sim_thread {
    struct list_node node; // in sim.threads
    struct sim_process *process;
    struct coroutine *coroutine;
    uint64_t id;
    bool blocked, dead, interruptible;
    enum sim_wait wait;
    instant_t deadline;
    int64_t result;
    struct list_node wait_node;
    struct sim_port *port;
    struct sim_call *call;
    uintptr_t futex;
    struct sim_object *object;
    uint32_t signals;
    uint64_t call_number, current_token, cookie;
    uint32_t latched;
    void (*function)(void *argument);
    void *argument;
};

// The machine.
struct sim {
    struct list threads, processes, timers, ports;
    struct sim_thread *current;
    uint64_t random; // state of the generator
    uint64_t next_id;
    uint64_t steps;
    instant_t now;
    uint64_t objects; // alive
    uint32_t preempt; // of 256 native calls so many let somebody else run
    // Two proposals that the present kernel does not have: call_for is refused when its origin has
    // become an orphan, and CANCELLED packets go to the head of the queue.
    bool proposed;
    bool trace; // native calls go to standard error
    // Called at each point of a thread's life; may kill its process by sim_die.
    void (*point)(struct sim_thread *thread);
};
extern struct sim sim;

uint64_t sim_random(uint64_t bound);

// Forgets everything and begins anew.
void sim_reset(uint64_t seed);
// Runs one runnable thread, or lets time pass. Returns false when nothing will ever happen again.
bool sim_step(void);

// ---- processes and threads (machine.c)

struct sim_process *sim_process_create(struct sim_table *table, bool keep);
struct sim_thread *sim_thread_create(struct sim_process *process, void (*function)(void *argument),
                                     void *argument);
// Ends a process, wherever its threads are. Does not return when the caller is one of them.
void sim_process_end(struct sim_process *process, enum exit_cause cause);
// The calling thread's process dies.
_Noreturn void sim_die(enum exit_cause cause);
_Noreturn void sim_thread_exit(void);
bool sim_alive(uint64_t id);
void sim_thread_interrupt(struct sim_thread *thread);

// Waits. Returns what sim_wake was given.
int64_t sim_block(enum sim_wait wait, instant_t deadline, bool interruptible);
void sim_wake(struct sim_thread *thread, int64_t result);

// ---- processes that a server makes (processes.c)

// Native calls about them; false when it is another one.
bool sim_process_call(uint32_t number, const uint64_t a[6], int64_t *result);
// Lets a made process begin with a thread of its own; as process_clone does. Returns whether it had
// not begun.
bool sim_process_start(struct sim_process *process, void (*function)(void *argument),
                       void *argument);
struct sim_process *sim_process_of(struct sim_object *object);
void sim_process_ref(struct sim_process *process);
// A made process has ended: tells those who wait for it.
void sim_process_ended(struct sim_process *process);
// Its last handle is closed; its last reference is gone.
void sim_process_handles_gone(struct sim_process *process);
void sim_process_free(struct sim_process *process);

// ---- objects (objects.c)

struct sim_table *sim_table_create(void);
void sim_table_destroy(struct sim_table *table);
handle_t sim_handle_insert(struct sim_table *table, struct sim_object *object);
struct sim_object *sim_handle_lookup(const struct sim_table *table, handle_t handle, uint32_t type);
status_t sim_handle_close(struct sim_table *table, handle_t handle);
status_t sim_handle_next(const struct sim_table *table, handle_t cursor, struct handle_info *info);

void sim_object_init(struct sim_object *object, uint32_t type);
void sim_object_unref(struct sim_object *object);
// A handle node of the object goes.
void sim_object_close(struct sim_object *object);
void sim_signal(struct sim_object *object, uint32_t clear, uint32_t set);
status_t sim_bind(struct sim_object *object, struct sim_port *port, uint64_t key, uint32_t signals);
void sim_binding_fill(const struct sim_binding *binding, struct packet *packet);

struct sim_vmo *sim_vmo_create(size_t bytes);
// Its memory, made when it is first used.
uint8_t *sim_vmo_memory(struct sim_vmo *vmo);
struct sim_object *sim_event_create(void);
struct sim_timer *sim_timer_create(void);
void sim_timer_set(struct sim_timer *timer, instant_t deadline, duration_t interval);
void sim_timers_expire(void);
instant_t sim_timers_next(void);
void *sim_map(struct sim_process *process, struct sim_vmo *vmo);
void sim_unmap_all(struct sim_process *process, const void *memory);

// ---- ports and calls (ipc.c)

struct sim_port *sim_port_create(void);
struct sim_channel *sim_channel_create(struct sim_port *port, uint64_t key, bool forwarder);
void sim_port_post(struct sim_port *port, struct sim_item *item);
// The same, before everything else.
void sim_port_post_first(struct sim_port *port, struct sim_item *item);
void sim_port_withdraw(struct sim_item *item);
int64_t sim_port_reply_wait(struct sim_port *port, uint64_t token, instant_t deadline);
int64_t sim_channel_call(struct sim_channel *channel, instant_t deadline, uint32_t flags,
                         const struct sim_call *origin);
// The call that this process has taken, or null.
struct sim_call *sim_call_find(uint64_t token);
void sim_call_cancel(struct sim_thread *thread, int64_t status);
void sim_port_orphan(struct sim_port *port, uint64_t process, bool crashed);
void sim_port_discard(struct sim_port *port);
// Callbacks of objects.c: the last handle of a channel's end, or its last reference, is gone.
void sim_client_gone(struct sim_channel *channel);
void sim_server_gone(struct sim_channel *channel);
void sim_channel_unref(struct sim_channel *channel);
