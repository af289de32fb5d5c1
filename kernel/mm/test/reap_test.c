// SPDX-License-Identifier: MIT
//
// The reap list: nothing goes before its grace period is over, everything goes after it.
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_boot.c kernel/mm/page.c
// host-sources: kernel/mm/page_init.c kernel/mm/slab.c kernel/mm/reap.c kernel/sched/spinlock.c
// host-sources: kernel/object/object.c kernel/object/job.c
#include "fixture.h"

struct thing {
    struct object object;
    struct reap_item item;
    int steps; // that destroy wants
};

static int destroyed;
static int released;

static bool thing_destroy(struct object *object) {
    struct thing *thing = container_of(object, struct thing, object);
    if (thing->steps-- > 0) {
        return false;
    }
    destroyed++;
    free(thing);
    object_fini(job_root);
    return true;
}

static bool thing_release(struct reap_item *item) {
    released++;
    free(container_of(item, struct thing, item));
    return true;
}

static struct thing *thing_create(int steps) {
    static const struct object_ops ops = {.name = "thing", .destroy = thing_destroy};
    struct thing *thing = calloc(1, sizeof(*thing));
    object_init(&thing->object, &ops, OBJECT_EVENT, job_root, 0);
    thing->steps = steps;
    return thing;
}

static void begin(void) {
    fixture_begin(3, 1000);
    destroyed = 0;
    released = 0;
}

TEST(reap_waits_for_its_own_entry) {
    begin();
    struct cpu *cpu = cpu_this();
    CHECK(!reap_work());
    cpu->entry_seq = 7;
    object_unref(&thing_create(0)->object);
    reap_add(&((struct thing *)calloc(1, sizeof(struct thing)))->item, thing_release);
    CHECK(reap_work());
    CHECK(reap_work());
    CHECK_EQ(destroyed + released, 0);
    cpu->entry_seq = 9;
    CHECK(!reap_work());
    CHECK_EQ(destroyed, 1);
    CHECK_EQ(released, 1);
    CHECK_EQ(cpu->reap_count, 0);
    fixture_end();
}

TEST(reap_waits_for_other_cpus) {
    begin();
    cpus[1]->entry_seq = 101;
    cpus[2]->entry_seq = 200; // in user mode
    object_unref(&thing_create(0)->object);
    CHECK(reap_work());
    cpus[2]->entry_seq = 201;
    CHECK(reap_work());
    CHECK_EQ(destroyed, 0);
    // What comes later waits for those who are in now.
    object_unref(&thing_create(0)->object);
    cpus[1]->entry_seq = 103;
    CHECK(reap_work());
    CHECK_EQ(destroyed, 1);
    CHECK(reap_work());
    CHECK_EQ(destroyed, 1);
    cpus[1]->entry_seq = 104;
    cpus[2]->entry_seq = 202;
    CHECK(!reap_work());
    CHECK_EQ(destroyed, 2);
    fixture_end();
}

TEST(reap_works_in_bounded_steps) {
    begin();
    for (int i = 0; i < 1000; i++) {
        object_unref(&thing_create(i % 10 == 0 ? 5 : 0)->object);
    }
    int calls = 0;
    while (reap_work()) {
        int before = destroyed;
        calls++;
        cpu_this()->entry_seq += 2;
        reap_work();
        CHECK(destroyed - before <= 32);
    }
    CHECK(calls > 10);
    CHECK_EQ(destroyed, 1000);
    fixture_end();
}

TEST(reap_of_what_reaping_reaps) {
    begin();
    struct job *job;
    struct job_limits limits = {10, 10, 10, 10, 0};
    REQUIRE_EQ(job_create(job_root, &limits, &job), OK);
    struct job *inner;
    REQUIRE_EQ(job_create(job, &limits, &inner), OK);
    object_unref(&job->object);
    object_unref(&inner->object);
    fixture_end();
}
