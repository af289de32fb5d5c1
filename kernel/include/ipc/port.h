// SPDX-License-Identifier: MIT
//
// Ports: a server's one place to wait. Calls and notices stand in one FIFO; a server takes them
// with port_reply_wait. A port belongs to a handle table and passes with it to a successor: calls
// that the dead server had taken are held, and go back to the head of the queue when the successor
// first waits.
#pragma once

#include <abi/message.h>
#include <base.h>
#include <ds/list.h>
#include <object/object.h>
#include <sched/spinlock.h>

struct thread;
struct handle_table;
struct source;
struct channel;

#define PORT_QUARANTINE_MAX 8

// Anything that can stand in a port's queue.
struct port_item {
    struct list_node node;
    uint8_t kind; // enum packet_kind
    bool queued;  // in port->queue
};

// The stamp of a call: who makes it, or in whose name it is made (call_for).
struct call_origin {
    uint64_t process, thread, number, acked, cookie, sub;
};

// A quarantined request that the successor is to be told of.
struct quarantine {
    uint64_t key;
    struct call_origin stamp;
};

struct port {
    struct object object;
    struct spinlock lock; // RANK_PORT, guards everything below and the state of calls at this port
    struct list queue;    // struct port_item.node: queued calls and posted notices
    struct list taken;    // struct call.taken_node: TAKEN
    struct list held;     // struct call.taken_node: HELD, oldest first
    struct list waiters;  // struct thread.wait_node: threads in port_reply_wait
    struct list bindings; // struct binding.port_node
    struct list channels; // struct channel.port_node
    uint64_t next_age;    // of the next call that arrives
    bool orphaned;        // its server died; the successor has not waited yet
    bool dead;            // discarded: no more calls
    struct handle_table *table; // where its handle lives, null once closed; guarded by RANK_TABLE
    struct list_node table_node;
    struct quarantine quarantined[PORT_QUARANTINE_MAX];
    uint32_t quarantined_count;
};

// Ties a source (or a channel's closing) to a port. Allocated when bound, charged to the port's
// job.
struct binding {
    struct object header;  // for its grace period: a server may still look at what it took
    struct port_item item; // guarded by the port's lock
    struct port *port;     // holds a reference
    // Alive while port_node is linked; null once a watched process has ended. Guarded by both
    // locks.
    struct source *source;
    struct object *object; // the source's object; no reference: source_detach comes first
    uint64_t key;
    uint32_t signals;             // wanted
    struct list_node source_node; // guarded by the source's lock
    struct list_node port_node;   // guarded by the port's lock
};

[[nodiscard]] status_t port_create(struct job *job, uint64_t provider, struct port **out);

// Queues a notice unless it is queued already, and wakes a waiting server. port->lock held by
// nobody.
void port_post(struct port *port, struct port_item *item);
// Takes an item out of the queue if it stands there. port->lock held.
static inline void port_withdraw_locked(struct port_item *item) {
    if (item->queued) {
        list_remove(&item->node);
        item->queued = false;
    }
}

// See the native call port_reply_wait.
int64_t port_reply_wait(struct thread *self, struct port *port, uint64_t token, instant_t deadline,
                        uint32_t flags);
// Ends wait number `seq` of a parked server; see thread_abort_wait.
void port_abort_wait(struct thread *thread, struct port *port, uint64_t seq, status_t status);
// Ends every call of a channel (null: of the port) with `status`. No lock held.
void port_end_calls(struct port *port, const struct channel *channel, status_t status);
// The same with port->lock held by the caller.
void port_post_locked(struct port *port, struct port_item *item);

// A thread of a process with this table dies. It may have been woken to take a packet: if another
// thread waits at one of the table's ports where packets stand, that one is woken instead. No lock
// held.
void ports_pass_on(struct handle_table *table);
// The server is gone; `crashed` when by a fault or a hang. Calls it had taken are held (its current
// one counts a crash, see kernel.md section 3), and all of them stay for the successor. Orphans
// that end here are on *orphans, for call_free_orphans. No lock of rank PORT or inner held.
void port_orphan(struct port *port, uint64_t process, bool crashed, struct list *orphans);
// The port is given up: every call ends with PEER_CLOSED.
void port_discard(struct port *port);

static inline struct port *port_from(struct object *object) {
    return container_of(object, struct port, object);
}

static inline struct object *port_object(struct port *port) {
    return &port->object;
}
