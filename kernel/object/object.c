// SPDX-License-Identifier: MIT
//
// The life of an object: counts, and the way to the reap list.
#include <object/object.h>

#include <mm/slab.h>
#include <object/job.h>
#include <object/source.h>

static uint64_t last_id; // atomic
static uint64_t alive;   // atomic

void object_init(struct object *object, const struct object_ops *ops, uint8_t type, struct job *job,
                 uint64_t provider) {
    assert(job == NULL || job->object.refs != 0);
    *object = (struct object){
        .ops = ops,
        .type = type,
        .refs = 1,
        .id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED),
        .provider = provider,
        .job = job,
    };
    spin_init(&object->tree_lock, RANK_TREE);
    if (job != NULL) {
        object_ref(&job->object);
    }
    __atomic_fetch_add(&alive, 1, __ATOMIC_RELAXED);
}

status_t object_create(const struct object_ops *ops, struct job *job, uint64_t provider,
                       struct object **out) {
    assert(ops->cache != NULL);
    assert(ops->offset % sizeof(uint64_t) == 0);
    void *memory;
    status_t status = slab_alloc(ops->cache, job, &memory);
    if (status == OK) {
        *out = (struct object *)((char *)memory + ops->offset);
        object_init(*out, ops, ops->type, job, provider);
    }
    return status;
}

status_t object_create_pair(const struct object_ops *first_ops, const struct object_ops *second_ops,
                            struct job *job, uint64_t provider, struct object **first,
                            struct object **second) {
    assert(first_ops->cache == second_ops->cache && first_ops->offset != second_ops->offset);
    status_t status = object_create(first_ops, job, provider, first);
    if (status == OK) {
        uint32_t *sharers = object_struct(*first);
        *second = (struct object *)((char *)sharers + second_ops->offset);
        object_init(*second, second_ops, second_ops->type, job, provider);
        (*first)->sharers = (*second)->sharers = sharers;
        *sharers = 2;
    }
    return status;
}

void object_free(struct object *object) {
    assert(object->refs <= 1 && object->handles == 0);
    struct job *job = object->job;
    slab_free(object->ops->cache, job, object_struct(object));
    object_fini(job);
}

static bool object_reap(struct reap_item *item) {
    struct object *object = container_of(item, struct object, reap);
    assert(object->refs == 0 && spin_none_held());
    const struct object_ops *ops = object->ops;
    if (object->source != NULL) {
        source_detach(object->source); // has an effect the first time
    }
    if (object->sharers != NULL) {
        struct job *job = object->job; // read before the other one may free both
        if (__atomic_sub_fetch(object->sharers, 1, __ATOMIC_ACQ_REL) != 0) {
            object_fini(job);
            return true;
        }
        object->sharers = NULL;
    }
    if (ops->destroy != NULL && !ops->destroy(object)) {
        return false;
    }
    if (ops->cache != NULL) {
        object_free(object);
    }
    return true;
}

void object_ref_many(struct object *object, uint32_t count) {
    uint32_t before = __atomic_fetch_add(&object->refs, count, __ATOMIC_RELAXED);
    assert(before != 0 && before + count >= before);
    (void)before;
}

// Release: what this holder did to the object comes before its destruction; acquire: the destroyer
// sees what all other holders did.
void object_unref_many(struct object *object, uint32_t count) {
    uint32_t before = __atomic_fetch_sub(&object->refs, count, __ATOMIC_ACQ_REL);
    assert(before >= count);
    if (before == count && count != 0) {
        object_unreferenced(object);
    }
}

void object_unreferenced(struct object *object) {
    assert(object->refs == 0);
    assert(object->handles == 0 && object->first_node == NULL);
    reap_add(&object->reap, object_reap);
}

void object_fini(struct job *job) {
    assert(__atomic_load_n(&alive, __ATOMIC_RELAXED) != 0);
    __atomic_fetch_sub(&alive, 1, __ATOMIC_RELAXED);
    if (job != NULL) {
        object_unref(&job->object);
    }
}

uint64_t object_count(void) {
    return __atomic_load_n(&alive, __ATOMIC_RELAXED);
}
