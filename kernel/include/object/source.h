// SPDX-License-Identifier: MIT
//
// Signal sources: the part of an object that threads wait for and that ports are bound to.
//
// A source has 32 signal bits. Setting one wakes the threads that wait for it (they restart their
// call and look again) and posts the packets of the bindings that want it. Bits are levels: they
// stay until their owner clears them, so a wake-up can't be missed and a spurious one is harmless.
#pragma once

#include <abi/info.h>
#include <base.h>
#include <ds/list.h>
#include <ipc/port.h>
#include <sched/spinlock.h>

struct thread;
struct object;

// Enough for each server that a process calls to watch it, and for the sets of epoll that a stream
// is in; so few that a look at all of them is short.
#define SOURCE_BINDINGS_MAX 64

struct source {
    struct spinlock lock; // RANK_SOURCE, guards everything here
    uint32_t signals;
    struct list waiters;  // struct source_waiter.node
    struct list bindings; // struct binding.source_node
    uint32_t binding_count;
    uint32_t edges; // how often signals were set; atomic
};

// A thread's place in the list of one source. Unlinked by the thread itself when it runs again.
struct source_waiter {
    struct list_node node;
    struct source *source; // null when not linked
    struct object *object; // holds a reference while linked
    struct thread *thread;
    uint32_t signals;
};

// Makes it the source of an object that is initialised.
void source_init(struct source *source, struct object *object, uint32_t signals);

// The signals that are set now. Any lock may be held.
static inline uint32_t source_signals(const struct source *source) {
    return __atomic_load_n(&source->signals, __ATOMIC_ACQUIRE);
}

// Clears, then sets bits; wakes and posts. The caller holds no lock of rank SOURCE or inner.
// Returns the bits before.
uint32_t source_update(struct source *source, uint32_t clear, uint32_t set);
// The same with source->lock held by the caller.
uint32_t source_update_locked(struct source *source, uint32_t clear, uint32_t set);
// Wakes the threads that wait for any of the signals, whether these are set or not. source->lock
// held.
void source_wake_locked(struct source *source, uint32_t signals);

// Takes every binding away, because the object is being destroyed.
void source_detach(struct source *source);

// Binds to a port, see the native calls object_bind and (PACKET_CALLER_GONE: a watch of a process,
// whose id is the key) caller_watch. LIMIT, ALREADY_EXISTS, NO_MEMORY; CALLER_GONE for a watch.
[[nodiscard]] status_t source_bind(struct object *object, struct port *port, uint64_t key,
                                   uint32_t signals, uint16_t packet_kind);
// Takes away the binding with this key to a port in `table`, so that nobody can unbind what is
// somebody else's. NOT_FOUND, NOT_SUPPORTED.
[[nodiscard]] status_t source_unbind(struct object *object, struct handle_table *table,
                                     uint64_t key);
// Takes the watch of a process away, which may have ended. NOT_FOUND. No lock held.
[[nodiscard]] status_t source_forget(struct port *port, uint64_t process);

// The port's side of bindings; see the opening of object/source.c.
// Takes every binding of a dead port away. No lock held.
void bindings_drop(struct port *port);
// Whether the binding's condition holds. port->lock held.
bool binding_holds(const struct binding *binding);
// Fills in the packet of a binding whose item was taken from its port's queue in this kernel entry.
// The binding may have gone since: then the packet says that nothing is set. No lock held.
void binding_fill_packet(struct binding *binding, struct packet *packet);

// Waits, see object_wait_many; `count` is at least 1. Fills in `observed` and returns how many
// items are signalled, or: STATUS_PARKED; TIMED_OUT; INTERRUPTED; NOT_SUPPORTED (an object without
// signals); BAD_HANDLE (closed meanwhile); LIMIT, NO_MEMORY (for more than one); STATUS_RESTART.
// The call restarts after the wait. No lock held.
int64_t source_wait(struct object *const *objects, struct wait_item *items, uint32_t count,
                    instant_t deadline, uint32_t flags);
// The two steps of a wait for one source, for objects whose condition is more than a signal. First,
// with source->lock held and the condition seen false, the calling thread is linked: it will not
// miss what source_wake_locked and source_update do from then on. BAD_HANDLE: the object is dying.
[[nodiscard]] status_t source_link_locked(struct object *object, struct source *source,
                                          uint32_t signals);
// Then it parks; `kind` is an enum wait_kind. STATUS_PARKED, INTERRUPTED, STATUS_RESTART. No lock
// held.
int64_t source_park(uint8_t kind, struct object *object, instant_t deadline, bool interruptible);
// Unlinks the thread's waiters after a wait. Called before the thread's call restarts.
void source_wait_cleanup(struct thread *thread);
