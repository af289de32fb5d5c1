// SPDX-License-Identifier: MIT
//
// The header of every kernel object, its life, and the derivation tree of its handles.
//
// An object is created with one reference, which passes to its first handle (or to whoever created
// it inside the kernel). Each handle node, each mapping, each parked thread and each binding holds
// a reference. When the last *handle* goes, the type's `handles_gone` runs (a channel tells its
// peer); when the last reference goes, the object is put on the reap list and `destroy` runs after
// a grace period, in preemptible steps, under no lock.
//
// A look-up takes neither lock nor reference: the grace period keeps the memory readable until the
// kernel entry ends. Whoever parks, or stores the pointer, takes a reference with object_try_ref,
// which fails once the count has reached zero.
#pragma once

#include <abi/objects.h>
#include <base.h>
#include <mm/reap.h>
#include <sched/spinlock.h>

struct object;
struct job;
struct handle;

struct slab_cache;
struct source;

struct object_ops {
    const char *name;
    uint8_t type;        // enum object_type (OBJECT_ of <abi/objects.h>)
    uint8_t packet_kind; // of what its signals post; 0: PACKET_SIGNAL
    // Where object_create takes the struct that the object begins (but see `offset`), and where it
    // goes back to after `destroy`. Null: `destroy` frees it, and ends with object_fini.
    struct slab_cache *cache;
    size_t offset; // of the object in its struct
    // The last handle was closed. No lock is held. May be null. Never runs inside another
    // handles_gone: what one of them closes is told when it has returned.
    void (*handles_gone)(struct object *object);
    // Takes the object apart, whose source has no binding any more, or does a bounded step towards
    // it and returns false to be called again. Runs from the reap list with no lock held, after a
    // grace period. May be null. Of two objects in one struct only the last one is taken apart.
    bool (*destroy)(struct object *object);
};

struct object {
    const struct object_ops *ops;
    uint8_t type;              // enum object_type (OBJECT_ of <abi/objects.h>)
    bool gone_put_off;         // atomic: some CPU has handles_gone still to run, see handle_release
    uint32_t refs;             // atomic
    uint32_t handles;          // atomic: handle nodes that count as open handles (not mappings)
    uint64_t id;               // unique over a boot
    uint64_t provider;         // provider stamp of the process that made it
    struct job *job;           // charged for it; holds a reference on the job
    struct source *source;     // of its signals, see source_init; null when it has none
    uint32_t *sharers;         // atomic: how many objects its struct still has; null: it is alone
    struct spinlock tree_lock; // RANK_TREE, guards the nodes below:
    struct handle *first_node; // nodes without a parent, linked by `next`
    struct reap_item reap;     // its node is in a reap list, or in that of a handles_gone put off
};

// Prepares the header: one reference, no handles, a fresh id; charges nothing. `job` may be null
// for objects of the kernel itself; otherwise a reference on it is taken.
void object_init(struct object *object, const struct object_ops *ops, uint8_t type, struct job *job,
                 uint64_t provider);

// Allocates the struct of an object and prepares the header: the rest is zero. LIMIT, NO_MEMORY.
[[nodiscard]] status_t object_create(const struct object_ops *ops, struct job *job,
                                     uint64_t provider, struct object **out);
// The same for two objects of one struct, which begins with the 32-bit count of them, and goes when
// both have gone. Both have one cache.
[[nodiscard]] status_t object_create_pair(const struct object_ops *first_ops,
                                          const struct object_ops *second_ops, struct job *job,
                                          uint64_t provider, struct object **first,
                                          struct object **second);
// The struct that holds the object.
static inline void *object_struct(struct object *object) {
    return (char *)object - object->ops->offset;
}
// Frees what object_create has made, at once, and drops the reference on its job: for objects that
// nobody has seen yet.
void object_free(struct object *object);

static inline void object_ref(struct object *object) {
    uint32_t before = __atomic_fetch_add(&object->refs, 1, __ATOMIC_RELAXED);
    assert(before != 0);
    (void)before;
}

// Takes a reference unless the object is dying. Returns whether it did.
[[nodiscard]] static inline bool object_try_ref(struct object *object) {
    uint32_t refs = __atomic_load_n(&object->refs, __ATOMIC_RELAXED);
    do {
        if (unlikely(refs == 0)) {
            return false;
        }
    } while (unlikely(!__atomic_compare_exchange_n(&object->refs, &refs, refs + 1, true,
                                                   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)));
    return true;
}

// The last reference has gone: for object_unref alone.
void object_unreferenced(struct object *object);

// Drops a reference; the last one puts the object on this CPU's reap list. Any lock may be held.
static inline void object_unref(struct object *object) {
    uint32_t left = __atomic_sub_fetch(&object->refs, 1, __ATOMIC_ACQ_REL);
    assert(left != UINT32_MAX);
    if (unlikely(left == 0)) {
        object_unreferenced(object);
    }
}

// Several references at once. The caller of object_ref_many has one of its own.
void object_ref_many(struct object *object, uint32_t count);
void object_unref_many(struct object *object, uint32_t count);

// The last act of a destroy function that has freed the object itself: counts it out and drops the
// reference on its job (null: none).
void object_fini(struct job *job);

// Number of objects alive, for leak checks.
uint64_t object_count(void);
