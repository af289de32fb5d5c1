// SPDX-License-Identifier: MIT
//
// Jobs and what is charged to them.
//
// Of each resource a job uses `used` and its parent pays share(used) = max(used, reserved) for it.
// Many CPUs charge at once, without a lock. The invariant is that the parent has been charged
// exactly share(used) when no charge is under way, and at least that for all charges that have
// ended: where there is a reservation, an increase is paid for before `used` grows, and a decrease
// is refunded after `used` has shrunk; where there is none, shares are the same as charges, in
// whatever order they arrive. No counter can go below zero. The price is that a charge under way
// holds its room in the ancestors before it is sure of its own: close to a limit one of two racing
// charges may be refused although the other gives its room back a moment later.
#include <object/job.h>

#include <mm/slab.h>

static struct slab_cache job_cache = SLAB_CACHE(struct job, "job");
static struct job root;
struct job *job_root = &root;

static uint64_t share(const struct job_counter *counter, uint64_t used) {
    return MAX(used, counter->reserved);
}

static void counter_uncharge(struct job *job, enum job_resource resource, uint64_t count) {
    assert(resource < RESOURCE_COUNT);
    while (job != NULL && count != 0) {
        struct job_counter *counter = &job->counters[resource];
        uint64_t before = __atomic_fetch_sub(&counter->used, count, __ATOMIC_RELAXED);
        assert(before >= count);
        count = share(counter, before) - share(counter, before - count);
        job = job->parent;
    }
}

// Recursive, at most JOB_DEPTH_MAX deep.
static status_t charge_reserved(struct job *job, enum job_resource resource, uint64_t count) {
    if (job == NULL || count == 0) {
        return OK;
    }
    struct job_counter *counter = &job->counters[resource];
    assert(job->depth < JOB_DEPTH_MAX);
    uint64_t used = __atomic_load_n(&counter->used, __ATOMIC_RELAXED);
    uint64_t paid = 0; // charged to the parent for this
    status_t status = OK;
    do {
        if (count > counter->limit || used > counter->limit - count) {
            status = ERR_LIMIT;
            break;
        }
        uint64_t due = share(counter, used + count) - share(counter, used);
        if (due < paid) {
            counter_uncharge(job->parent, resource, paid - due);
            paid = due;
        } else if (due > paid) {
            status = charge_reserved(job->parent, resource, due - paid);
            if (status != OK) {
                break;
            }
            paid = due;
        }
    } while (!__atomic_compare_exchange_n(&counter->used, &used, used + count, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    if (status != OK) {
        counter_uncharge(job->parent, resource, paid);
    }
    return status;
}

// A job without a reservation passes everything on, so nothing has to be worked out beforehand: it
// counts first, and takes that back when it or an ancestor refuses.
static status_t counter_charge(struct job *job, enum job_resource resource, uint64_t count) {
    struct job *at = job;
    status_t status = OK;
    for (; at != NULL && count != 0; at = at->parent) {
        struct job_counter *counter = &at->counters[resource];
        assert(at->depth < JOB_DEPTH_MAX);
        if (counter->reserved != 0) {
            status = charge_reserved(at, resource, count);
            break;
        }
        if (count > counter->limit) {
            status = ERR_LIMIT;
            break;
        }
        uint64_t before = __atomic_fetch_add(&counter->used, count, __ATOMIC_RELAXED);
        if (before > counter->limit - count) {
            (void)__atomic_fetch_sub(&counter->used, count, __ATOMIC_RELAXED);
            status = ERR_LIMIT;
            break;
        }
    }
    for (struct job *back = job; status != OK && back != at; back = back->parent) {
        (void)__atomic_fetch_sub(&back->counters[resource].used, count, __ATOMIC_RELAXED);
    }
    return status;
}

status_t job_charge(struct job *job, enum job_resource resource, uint64_t count) {
    status_t status = counter_charge(job, resource, count);
    if (status == OK && job != NULL) {
        assert(count <= UINT32_MAX);
        object_ref_many(&job->object, (uint32_t)count);
    }
    return status;
}

void job_uncharge(struct job *job, enum job_resource resource, uint64_t count) {
    assert(count <= UINT32_MAX);
    if (job != NULL && count != 0) {
        counter_uncharge(job, resource, count);
        object_unref_many(&job->object, (uint32_t)count);
    }
}

static uint64_t pages_of(uint64_t bytes) {
    return ALIGN_UP(bytes, PAGE_SIZE) / PAGE_SIZE;
}

status_t job_charge_bytes(struct job *job, size_t bytes) {
    if (job == NULL) {
        return OK;
    }
    uint64_t before = __atomic_load_n(&job->bytes, __ATOMIC_RELAXED);
    for (;;) {
        uint64_t pages = pages_of(before + bytes) - pages_of(before);
        status_t status = job_charge(job, RESOURCE_PAGES, pages);
        if (status != OK) {
            return status;
        }
        if (__atomic_compare_exchange_n(&job->bytes, &before, before + bytes, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            return OK;
        }
        job_uncharge(job, RESOURCE_PAGES, pages);
    }
}

void job_uncharge_bytes(struct job *job, size_t bytes) {
    if (job == NULL) {
        return;
    }
    uint64_t before = __atomic_fetch_sub(&job->bytes, bytes, __ATOMIC_RELAXED);
    assert(before >= bytes);
    job_uncharge(job, RESOURCE_PAGES, pages_of(before) - pages_of(before - bytes));
}

// What the header's is not.
static void set_up(struct job *job, struct job *parent, const struct job_limits *limits) {
    assert(parent == NULL || parent->depth + 1 < JOB_DEPTH_MAX);
    spin_init(&job->lock, RANK_JOB);
    list_init(&job->children);
    list_init(&job->processes);
    job->parent = parent;
    job->depth = parent != NULL ? parent->depth + 1 : 0;
    job->counters[RESOURCE_PAGES].limit = limits->memory_pages;
    job->counters[RESOURCE_PAGES].reserved = limits->reserved_pages;
    job->counters[RESOURCE_HANDLES].limit = limits->handles;
    job->counters[RESOURCE_THREADS].limit = limits->threads;
    job->counters[RESOURCE_PROCESSES].limit = limits->processes;
}

static bool job_destroy(struct object *object) {
    struct job *job = job_from(object);
    struct job *parent = job->parent;
    assert(list_empty(&job->children) && list_empty(&job->processes) && job->bytes == 0);
    spin_lock(&parent->lock);
    list_remove(&job->node);
    spin_unlock(&parent->lock);
    for (int i = 0; i < RESOURCE_COUNT; i++) {
        assert(job->counters[i].used == 0);
        counter_uncharge(parent, i, job->counters[i].reserved);
    }
    return true;
}

static bool root_destroy(struct object *object) {
    (void)object;
    panic("the root job was released");
}

void job_init_root(uint64_t pages) {
    static const struct object_ops ops = {.name = "job", .destroy = root_destroy};
    const struct job_limits limits = {
        .memory_pages = pages,
        .handles = JOB_UNLIMITED,
        .threads = JOB_UNLIMITED,
        .processes = JOB_UNLIMITED,
    };
    root = (struct job){0};
    object_init(&root.object, &ops, OBJECT_JOB, NULL, 0);
    set_up(&root, NULL, &limits);
}

status_t job_create(struct job *parent, const struct job_limits *limits, struct job **out) {
    assert(!spin_held(&parent->lock));
    static const struct object_ops ops = {
        .name = "job", .type = OBJECT_JOB, .cache = &job_cache, .destroy = job_destroy};
    if (limits->reserved_pages > limits->memory_pages) {
        return ERR_INVALID_ARGUMENT;
    }
    if (parent->depth + 1 >= JOB_DEPTH_MAX) {
        return ERR_LIMIT;
    }
    struct object *object;
    status_t status = object_create(&ops, parent, 0, &object);
    if (status != OK) {
        return status;
    }
    status = counter_charge(parent, RESOURCE_PAGES, limits->reserved_pages);
    if (status != OK) {
        object_free(object);
        return status;
    }
    struct job *job = job_from(object);
    set_up(job, parent, limits);
    spin_lock(&parent->lock);
    job->killed = __atomic_load_n(&parent->killed, __ATOMIC_RELAXED);
    list_push_back(&parent->children, &job->node);
    spin_unlock(&parent->lock);
    *out = job;
    return OK;
}

static uint64_t used_of(struct job *job, enum job_resource resource) {
    return __atomic_load_n(&job->counters[resource].used, __ATOMIC_RELAXED);
}

void job_describe(struct job *job, struct job_usage *usage) {
    const struct job_counter *counters = job->counters;
    *usage = (struct job_usage){
        .memory_pages = used_of(job, RESOURCE_PAGES),
        .handles = used_of(job, RESOURCE_HANDLES),
        .threads = used_of(job, RESOURCE_THREADS),
        .processes = used_of(job, RESOURCE_PROCESSES),
        .limits =
            {
                .memory_pages = counters[RESOURCE_PAGES].limit,
                .handles = counters[RESOURCE_HANDLES].limit,
                .threads = counters[RESOURCE_THREADS].limit,
                .processes = counters[RESOURCE_PROCESSES].limit,
                .reserved_pages = counters[RESOURCE_PAGES].reserved,
            },
    };
}
