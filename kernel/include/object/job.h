// SPDX-License-Identifier: MIT
//
// Jobs: a tree of limits. Everything that is allocated is charged to a job, and through it to its
// ancestors: a child's charge reaches the parent as max(used, reserved), so a reservation is paid
// for at once and use within it costs the parent nothing.
//
// Charging is lock-free: the ancestors are charged first, then the job's own counter by
// compare-and-swap; what an ancestor was charged goes back when the job refuses. See object/job.c
// for why that is exact. A job object lives until its last reference and its last charge have gone:
// each unit charged holds a reference.
#pragma once

#include <abi/info.h>
#include <base.h>
#include <object/object.h>

enum job_resource {
    RESOURCE_PAGES,   // 4 KiB pages: user memory, page tables, slabs of its objects
    RESOURCE_HANDLES, // handle table entries
    RESOURCE_THREADS,
    RESOURCE_PROCESSES,
    RESOURCE_COUNT,
};

#define JOB_DEPTH_MAX 16

struct job_counter {
    uint64_t used; // atomic
    uint64_t limit;
    uint64_t reserved;
};

struct job {
    struct object object;
    struct job *parent; // fixed; null for the root
    uint32_t depth;
    bool killed; // atomic: nothing new may start in it
    struct job_counter counters[RESOURCE_COUNT];
    uint64_t bytes;       // atomic: slab bytes charged; whole pages of it count in RESOURCE_PAGES
    struct spinlock lock; // RANK_JOB, guards:
    struct list children; // struct job.node
    struct list_node node;
    struct list processes; // struct process.job_node
};

extern struct job *job_root;

// Creates the root job: everything there is.
void job_init_root(uint64_t pages);

// See the native call job_create. A job created in a killed one is born killed. LIMIT, NO_MEMORY,
// INVALID_ARGUMENT.
[[nodiscard]] status_t job_create(struct job *parent, const struct job_limits *limits,
                                  struct job **out);

// Charges `count` of a resource to the job (null: to nobody) and its ancestors; each unit is a
// reference on the job, so any split of it may be uncharged. Any lock may be held. LIMIT: while
// others charge the same jobs, also when what they have asked for and not got would not leave room.
[[nodiscard]] status_t job_charge(struct job *job, enum job_resource resource, uint64_t count);
void job_uncharge(struct job *job, enum job_resource resource, uint64_t count);

// The same for object memory by the byte: begun PAGE_SIZE bytes of all of it together cost a page.
// LIMIT.
[[nodiscard]] status_t job_charge_bytes(struct job *job, size_t bytes);
void job_uncharge_bytes(struct job *job, size_t bytes);

// Fills in the usage record.
void job_describe(struct job *job, struct job_usage *usage);

static inline struct job *job_from(struct object *object) {
    return container_of(object, struct job, object);
}
