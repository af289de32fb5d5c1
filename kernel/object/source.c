// SPDX-License-Identifier: MIT
//
// Signal sources: waiting threads and bound ports.
//
// Waiting. A thread may wait for many sources and no lock spans them, so it links a waiter to each
// under that source's lock, looking at the bits as it does, and parks afterwards with no lock held.
// What is set in between is not lost: whoever fires a waiter first sets thread->wait_fired and then
// takes the thread's lock to wake it; thread_park looks at the flag under that same lock. Either
// the thread is found BLOCKED and woken, or it finds the flag and does not park. Waiters are
// unlinked by their own thread alone, before its call restarts (source_wait_cleanup, by
// PENDING_CLEANUP), so a thread that is linked waits for signals or is about to, and nothing else.
// Each waiter holds a reference on its object.
//
// Bindings. A binding stands in two lists, the source's and the port's, and is made and taken apart
// under both locks, source before port. It belongs to the source: whoever takes it out of the
// source's list frees it and drops its reference on the port. Its three invariants:
//
//   1. A binding in its source's list keeps its port alive.
//   2. A binding in its port's list has a live object: source_detach takes it out first. So the
//      port's side, which meets the binding under the port's lock, may look at the source there, or
//      take a reference on the object (which fails when the object is dying), let go, and lock in
//      order.
//   3. An item is posted only under the source's lock by a binding in the source's list, or under
//      the port's lock by one in the port's list. So one that is in neither is in no queue.
//
// A watch (caller_watch) is a binding to a process that it outlives: when the process ends, the
// watch leaves the source's list, its `source` is null from then on, and it belongs to the port, at
// the head of whose list those stand.
//
// A server that has taken an item looks at the binding without a lock for a moment. So bindings are
// freed after a grace period: they have an object header for that and for nothing else.
#include <abi/flags.h>
#include <abi/message.h>
#include <mm/slab.h>
#include <object/id.h>
#include <object/job.h>
#include <object/process.h>
#include <object/source.h>
#include <object/timer.h>
#include <sched/thread.h>

// Waiters that are taken from a slab at once; larger waits get pages.
#define SMALL_WAIT 32

struct small_wait {
    struct source_waiter waiters[SMALL_WAIT];
};

static struct slab_cache small_wait_cache = SLAB_CACHE(struct small_wait, "wait");
static struct slab_cache binding_cache = SLAB_CACHE(struct binding, "binding");

void source_init(struct source *source, struct object *object, uint32_t signals) {
    assert(object->source == NULL);
    object->source = source;
    spin_init(&source->lock, RANK_SOURCE);
    source->signals = signals;
    source->binding_count = 0;
    source->edges = 1; // what is set already counts as one
    list_init(&source->waiters);
    list_init(&source->bindings);
}

// ---- signals

void source_wake_locked(struct source *source, uint32_t signals) {
    assert(spin_held(&source->lock));
    list_for_each(node, &source->waiters) {
        struct source_waiter *waiter = list_entry(node, struct source_waiter, node);
        if ((waiter->signals & signals) != 0) {
            __atomic_store_n(&waiter->thread->wait_fired, true, __ATOMIC_RELAXED);
            // It waits for signals if it waits at all, and such a wait takes no lock but the
            // thread's.
            thread_abort_wait(waiter->thread, 0, STATUS_RESTART);
        }
    }
}

static bool is_watch(const struct binding *binding) {
    return binding->item.kind == PACKET_CALLER_GONE;
}

// The watched process has ended: the watch passes to its port, which is told. source->lock held.
static void watch_over(struct binding *binding) {
    assert(spin_held(&binding->source->lock) && binding->source->binding_count != 0);
    struct port *port = binding->port;
    list_remove(&binding->source_node);
    binding->source->binding_count--;
    spin_lock(&port->lock);
    binding->source = NULL;
    assert(list_node_linked(&binding->port_node)); // the object is alive: invariant 2
    list_remove(&binding->port_node);
    list_push_front(&port->bindings, &binding->port_node);
    port_post_locked(port, &binding->item);
    spin_unlock(&port->lock);
}

uint32_t source_update_locked(struct source *source, uint32_t clear, uint32_t set) {
    assert(spin_held(&source->lock));
    uint32_t before = source->signals;
    __atomic_store_n(&source->signals, (before & ~clear) | set, __ATOMIC_RELEASE);
    if (set == 0) {
        return before;
    }
    __atomic_store_n(&source->edges, source->edges + 1, __ATOMIC_RELEASE);
    source_wake_locked(source, set);
    list_for_each_safe(node, &source->bindings) {
        struct binding *binding = list_entry(node, struct binding, source_node);
        if ((binding->signals & set) == 0) {
            continue;
        }
        if (is_watch(binding)) {
            watch_over(binding);
        } else {
            port_post(binding->port, &binding->item);
        }
    }
    return before;
}

uint32_t source_update(struct source *source, uint32_t clear, uint32_t set) {
    spin_lock(&source->lock);
    uint32_t before = source_update_locked(source, clear, set);
    spin_unlock(&source->lock);
    return before;
}

// ---- bindings

static const struct object_ops binding_ops = {
    .name = "binding",
    .cache = &binding_cache,
};

// Takes the binding away from its port. port->lock held.
static void hide_from_port(struct port *port, struct binding *binding) {
    assert(spin_held(&port->lock));
    if (list_node_linked(&binding->port_node)) {
        list_remove(&binding->port_node);
    }
    port_withdraw_locked(&binding->item);
}

// Takes the binding apart. source->lock held.
static void binding_remove_locked(struct source *source, struct binding *binding) {
    assert(source->binding_count != 0 && binding->source == source);
    struct port *port = binding->port;
    assert(spin_held(&source->lock));
    list_remove(&binding->source_node);
    source->binding_count--;
    spin_lock(&port->lock);
    hide_from_port(port, binding);
    spin_unlock(&port->lock);
    object_unref(&port->object);
    object_unref(&binding->header);
}

void source_detach(struct source *source) {
    spin_lock(&source->lock);
    assert(list_empty(&source->waiters));
    struct list_node *node;
    while ((node = list_first(&source->bindings)) != NULL) {
        binding_remove_locked(source, list_entry(node, struct binding, source_node));
    }
    spin_unlock(&source->lock);
}

// The binding (`watch`: or the watch) with this key to `port`, or (null) to any port in `table`.
// source->lock held.
static struct binding *find(const struct source *source, const struct port *port,
                            const struct handle_table *table, uint64_t key, bool watch) {
    assert(spin_held(&source->lock));
    list_for_each(node, &source->bindings) {
        struct binding *binding = list_entry(node, struct binding, source_node);
        bool right = port != NULL
                         ? binding->port == port
                         : __atomic_load_n(&binding->port->table, __ATOMIC_RELAXED) == table;
        if (right && binding->key == key && is_watch(binding) == watch) {
            return binding;
        }
    }
    return NULL;
}

// Whether another binding may be added. source->lock held.
static status_t may_bind(const struct source *source, const struct binding *binding) {
    assert(source->binding_count <= SOURCE_BINDINGS_MAX);
    if (is_watch(binding) && (source->signals & binding->signals) != 0) {
        return ERR_CALLER_GONE;
    }
    if (find(source, binding->port, NULL, binding->key, is_watch(binding)) != NULL) {
        return ERR_ALREADY_EXISTS;
    }
    return source->binding_count < SOURCE_BINDINGS_MAX ? OK : ERR_LIMIT;
}

// Links a new binding on both sides and posts at once if its condition holds. On failure drops its
// reference on the port.
static status_t binding_insert(struct source *source, struct binding *binding) {
    assert(!list_node_linked(&binding->source_node));
    struct port *port = binding->port;
    spin_lock(&source->lock);
    status_t status = may_bind(source, binding);
    if (status == OK) {
        spin_lock(&port->lock);
        if (port->dead) {
            status = ERR_BAD_HANDLE; // its last handle was closed since it was looked up
        } else {
            list_push_back(&port->bindings, &binding->port_node);
        }
        spin_unlock(&port->lock);
    }
    if (status == OK) {
        list_push_back(&source->bindings, &binding->source_node);
        source->binding_count++;
        if ((source->signals & binding->signals) != 0) {
            port_post(port, &binding->item);
        }
    }
    spin_unlock(&source->lock);
    if (status != OK) {
        object_unref(&port->object);
    }
    return status;
}

status_t source_bind(struct object *object, struct port *port, uint64_t key, uint32_t signals,
                     uint16_t packet_kind) {
    assert(spin_none_held());
    struct source *source = object->source;
    struct job *job = port->object.job;
    if (source == NULL) {
        return ERR_NOT_SUPPORTED;
    }
    struct object *header;
    status_t status = object_create(&binding_ops, job, 0, &header);
    if (status != OK) {
        return status;
    }
    struct binding *binding = container_of(header, struct binding, header);
    binding->item.kind = (uint8_t)packet_kind;
    binding->port = port;
    binding->source = source;
    binding->object = object;
    binding->key = key;
    binding->signals = signals;
    status = object_try_ref(&port->object) ? binding_insert(source, binding) : ERR_BAD_HANDLE;
    if (status != OK) {
        object_free(header);
    }
    return status;
}

// Takes the binding that `find` finds apart. NOT_FOUND.
static status_t unbind(struct source *source, const struct port *port,
                       const struct handle_table *table, uint64_t key, bool watch) {
    assert(spin_none_held());
    spin_lock(&source->lock);
    struct binding *binding = find(source, port, table, key, watch);
    if (binding != NULL) {
        binding_remove_locked(source, binding);
    }
    spin_unlock(&source->lock);
    return binding != NULL ? OK : ERR_NOT_FOUND;
}

status_t source_unbind(struct object *object, struct handle_table *table, uint64_t key) {
    struct source *source = object->source;
    return source == NULL ? ERR_NOT_SUPPORTED : unbind(source, NULL, table, key, false);
}

// Takes a watch that its process has left to the port apart. port->lock held.
static void watch_remove_locked(struct port *port, struct binding *watch) {
    assert(spin_held(&port->lock) && watch->port == port);
    assert(watch->source == NULL && is_watch(watch));
    hide_from_port(port, watch);
    object_unref(&port->object);
    object_unref(&watch->header);
}

status_t source_forget(struct port *port, uint64_t id) {
    assert(spin_none_held());
    struct process *process = id_lookup(ID_PROCESS, id);
    if (process != NULL && unbind(&process->source, port, NULL, id, true) == OK) {
        return OK;
    }
    status_t status = ERR_NOT_FOUND;
    spin_lock(&port->lock);
    list_for_each_safe(node, &port->bindings) {
        struct binding *binding = list_entry(node, struct binding, port_node);
        if (binding->source != NULL) {
            break; // those that have ended stand first
        }
        if (binding->key == id) {
            watch_remove_locked(port, binding);
            status = OK;
            break;
        }
    }
    spin_unlock(&port->lock);
    return status;
}

// Takes one binding of a port out of the port's list, or all of it apart. Returns false when there
// was none.
static bool drop_first(struct port *port) {
    assert(port->dead);
    spin_lock(&port->lock);
    struct list_node *node = list_first(&port->bindings);
    if (node == NULL) {
        spin_unlock(&port->lock);
        return false;
    }
    struct binding *binding = list_entry(node, struct binding, port_node);
    struct source *source = binding->source;
    struct object *object = binding->object;
    bool alive = false;
    if (source == NULL) {
        watch_remove_locked(port, binding);
    } else if (object_try_ref(object)) {
        alive = true;
    } else {
        hide_from_port(port, binding); // source_detach does the rest
    }
    spin_unlock(&port->lock);
    if (alive) {
        spin_lock(&source->lock);
        if (list_node_linked(&binding->source_node)) {
            binding_remove_locked(source, binding);
        }
        spin_unlock(&source->lock);
        object_unref(object);
    }
    return true;
}

void bindings_drop(struct port *port) {
    assert(port->dead);
    while (drop_first(port)) {
    }
}

bool binding_holds(const struct binding *binding) {
    assert(spin_held(&binding->port->lock));
    return binding->source == NULL || (source_signals(binding->source) & binding->signals) != 0;
}

void binding_fill_packet(struct binding *binding, struct packet *packet) {
    assert(spin_none_held());
    struct port *port = binding->port;
    packet->key = binding->key;
    packet->kind = binding->item.kind;
    packet->signals = 0;
    spin_lock(&port->lock);
    if (!list_node_linked(&binding->port_node)) {
        spin_unlock(&port->lock);
        return;
    }
    switch (binding->item.kind) {
    case PACKET_CALLER_GONE:
        packet->process = binding->key;
        break;
    case PACKET_TIMER:
        packet->count = timer_count(binding->object);
        break;
    case PACKET_EXIT:
        if ((source_signals(binding->source) & SIGNAL_PROCESS_ENDED) != 0) {
            packet->status = process_from(binding->object)->status;
            packet->process = process_from(binding->object)->id;
            break;
        }
        packet->kind = PACKET_SIGNAL;
        // fall through
    default:
        packet->signals = source_signals(binding->source) & binding->signals;
        break;
    }
    spin_unlock(&port->lock);
}

// ---- waiting

static status_t link_waiter(struct source_waiter *waiter, struct object *object,
                            struct source *source, uint32_t signals) {
    assert(spin_held(&source->lock) && waiter->source == NULL);
    if (!object_try_ref(object)) {
        return ERR_BAD_HANDLE;
    }
    waiter->source = source;
    waiter->object = object;
    waiter->thread = thread_self();
    waiter->signals = signals;
    list_push_back(&source->waiters, &waiter->node);
    return OK;
}

static void unlink_waiter(struct source_waiter *waiter) {
    assert(waiter->source == NULL || waiter->thread != NULL);
    struct source *source = waiter->source;
    if (source != NULL) {
        assert(waiter->thread == thread_self());
        spin_lock(&source->lock);
        list_remove(&waiter->node);
        spin_unlock(&source->lock);
        waiter->source = NULL;
        object_unref(waiter->object);
    }
}

static status_t allocate_waiters(struct thread *self, uint32_t count) {
    assert(self->waiters == NULL && count > 1);
    struct job *job = self->process->job;
    void *memory;
    status_t status = count <= SMALL_WAIT
                          ? slab_alloc(&small_wait_cache, job, &memory)
                          : kpages_alloc(job, count * sizeof(struct source_waiter), &memory);
    if (status == OK) {
        self->waiters = memory;
        self->wait_count = count;
    }
    return status;
}

static void free_waiters(struct thread *self) {
    assert(self->waiters != NULL && self->wait_count > 1);
    struct job *job = self->process->job;
    if (self->wait_count <= SMALL_WAIT) {
        slab_free(&small_wait_cache, job, self->waiters);
    } else {
        kpages_free(job, self->waiters, self->wait_count * sizeof(struct source_waiter));
    }
    self->waiters = NULL;
    self->wait_count = 0;
}

void source_wait_cleanup(struct thread *thread) {
    assert(spin_none_held());
    unlink_waiter(&thread->waiter);
    if (thread->waiters != NULL) {
        for (uint32_t i = 0; i < thread->wait_count; i++) {
            unlink_waiter(&thread->waiters[i]);
        }
        free_waiters(thread);
    }
    // Nobody can fire a waiter any more.
    __atomic_store_n(&thread->wait_fired, false, __ATOMIC_RELAXED);
    __atomic_fetch_and(&thread->pending, ~(uint32_t)PENDING_CLEANUP, __ATOMIC_RELAXED);
}

static void note_cleanup(struct thread *self) {
    __atomic_fetch_or(&self->pending, PENDING_CLEANUP, __ATOMIC_RELAXED);
}

status_t source_link_locked(struct object *object, struct source *source, uint32_t signals) {
    assert(spin_held(&source->lock));
    struct thread *self = thread_self();
    note_cleanup(self);
    return link_waiter(&self->waiter, object, source, signals);
}

int64_t source_park(uint8_t kind, struct object *object, instant_t deadline, bool interruptible) {
    assert(spin_none_held());
    struct thread *self = thread_self();
    status_t status = thread_park(self, kind, object, deadline, interruptible);
    if (status == OK) {
        return STATUS_PARKED; // it may run on another CPU by now
    }
    source_wait_cleanup(self);
    return status;
}

// Whether what the item waits for shows; fills in what is observed. A signal that is set meanwhile
// may show with the edge before its own, and then shows again.
__attribute__((always_inline)) static inline bool item_shows(const struct source *source,
                                                             struct wait_item *item) {
    uint32_t edge = __atomic_load_n(&source->edges, __ATOMIC_ACQUIRE) | WAIT_EDGE;
    item->observed = item->edge == edge ? 0 : source_signals(source);
    bool shows = (item->observed & item->signals) != 0;
    if (item->edge != 0) {
        item->edge = shows ? edge : item->edge;
        item->observed = shows ? item->observed : 0;
    }
    return shows;
}

// Looks at every object. Returns how many are signalled, or NOT_SUPPORTED.
static int64_t look(struct object *const *objects, struct wait_item *items, uint32_t count) {
    int64_t ready = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct source *source = objects[i]->source;
        if (source == NULL) {
            return ERR_NOT_SUPPORTED;
        }
        ready += item_shows(source, &items[i]);
    }
    return ready;
}

// Links the calling thread to every object, until one is signalled (RESTART).
static status_t link_all(struct thread *self, struct object *const *objects,
                         struct wait_item *items, uint32_t count) {
    assert(count == 1 || self->wait_count == count);
    struct source_waiter *waiters = count == 1 ? &self->waiter : self->waiters;
    status_t status = OK;
    for (uint32_t i = 0; i < count && status == OK; i++) {
        struct source *source = objects[i]->source;
        spin_lock(&source->lock);
        status = item_shows(source, &items[i])
                     ? STATUS_RESTART
                     : link_waiter(&waiters[i], objects[i], source, items[i].signals);
        spin_unlock(&source->lock);
    }
    return status;
}

int64_t source_wait(struct object *const *objects, struct wait_item *items, uint32_t count,
                    instant_t deadline, uint32_t flags) {
    struct thread *self = thread_self();
    assert(count >= 1);
    int64_t ready = look(objects, items, count);
    if (ready != 0) {
        return ready;
    }
    if (deadline_passed(deadline)) {
        return ERR_TIMED_OUT;
    }
    if (count > 1) {
        status_t status = allocate_waiters(self, count);
        if (status != OK) {
            return status;
        }
    }
    note_cleanup(self);
    status_t status = link_all(self, objects, items, count);
    if (status != OK) {
        source_wait_cleanup(self);
        return status;
    }
    return source_park(WAIT_SIGNALS, objects[0], deadline, (flags & WAIT_INTERRUPTIBLE) != 0);
}
