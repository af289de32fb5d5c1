// SPDX-License-Identifier: MIT
#include <arch/clock.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <object/handle.h>
#include <object/job.h>
#include <object/system.h>
#include <sched/cpu.h>

static struct slab_cache system_cache = SLAB_CACHE(struct object, "system"); // it holds nothing

static const struct object_ops system_ops = {
    .name = "system",
    .type = OBJECT_SYSTEM,
    .cache = &system_cache,
};

status_t system_object_create(struct job *job, struct object **out) {
    return object_create(&system_ops, job, 0, out);
}

static uint64_t used(enum job_resource resource) {
    return __atomic_load_n(&job_root->counters[resource].used, __ATOMIC_RELAXED);
}

void system_describe(struct system_info *info) {
    *info = (struct system_info){
        .total_pages = page_total_count(),
        .free_pages = page_free_count(),
        .kernel_pages = slab_page_count(),
        .objects = object_count(),
        .handles = handle_count(),
        .processes = used(RESOURCE_PROCESSES),
        .threads = used(RESOURCE_THREADS),
        .cpus = cpu_count,
#ifdef DEBUG
        .debug = 1,
#endif
        .now = clock_now(),
    };
    for (uint32_t i = 0; i < cpu_count; i++) {
        const struct cpu *cpu = cpus[i];
        info->entries += __atomic_load_n(&cpu->entries, __ATOMIC_RELAXED);
        info->aspace_switches += __atomic_load_n(&cpu->aspace_switches, __ATOMIC_RELAXED);
        info->calls += __atomic_load_n(&cpu->slow_calls, __ATOMIC_RELAXED);
        info->fast_calls += __atomic_load_n(&cpu->fast_calls, __ATOMIC_RELAXED);
    }
    info->calls += info->fast_calls;
}
