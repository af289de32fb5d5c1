// SPDX-License-Identifier: MIT
//
// Spin locks: exclusion between real threads, and what the checks of debug builds refuse.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/sched/spinlock.c
#include "../../test/host/host.h"

#include <test/test.h>

static struct spinlock locks[2] = {SPINLOCK_INIT(RANK_TABLE), SPINLOCK_INIT(RANK_TABLE)};
static uint64_t counter; // guarded by both locks
static uint32_t polls;

void cpu_mailbox_poll(void) {
    __atomic_fetch_add(&polls, 1, __ATOMIC_RELAXED);
}

static void count(void *context) {
    (void)context;
    for (int i = 0; i < 20000; i++) {
        bool swapped = (i & 1) != 0;
        spin_lock_pair(&locks[swapped], &locks[!swapped]);
        counter++;
        spin_unlock_pair(&locks[swapped], &locks[!swapped]);
    }
}

TEST(spinlock_excludes) {
    host_cpus_init(4);
    counter = 0;
    host_cpus_run(4, count, NULL);
    CHECK_EQ(counter, 80000);
    CHECK_EQ(locks[0].word, 0);
}

static void hold_until_polled(void *context) {
    static bool held;
    (void)context;
    if (cpu_this()->index == 0) {
        spin_lock(&locks[0]);
        __atomic_store_n(&held, true, __ATOMIC_RELEASE);
        while (__atomic_load_n(&polls, __ATOMIC_RELAXED) < 3) {
            arch_pause();
        }
    } else {
        while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE)) {
            arch_pause();
        }
        spin_lock(&locks[0]);
    }
    spin_unlock(&locks[0]);
}

TEST(spinlock_polls_the_mailbox) {
    host_cpus_init(2);
    polls = 0;
    host_cpus_run(2, hold_until_polled, NULL);
    CHECK(polls >= 3);
}

TEST(spinlock_same_lock_twice_in_a_pair) {
    host_cpus_init(1);
    spin_lock_pair(&locks[0], &locks[0]);
    CHECK(locks[0].word == 1 && spin_held(&locks[0]));
    CHECK(!spin_trylock(&locks[0]));
    spin_unlock_pair(&locks[0], &locks[0]);
    CHECK(spin_trylock(&locks[0]));
    spin_unlock(&locks[0]);
}

#ifdef DEBUG
TEST(spinlock_checks) {
    struct spinlock outer, inner, beside, never = {0};
    host_cpus_init(2);
    spin_init(&outer, RANK_TABLE);
    spin_init(&beside, RANK_TABLE);
    spin_init(&inner, RANK_TREE);
    CHECK(HOST_PANICS(spin_lock(&never)));
    CHECK(HOST_PANICS(spin_unlock(&outer)));

    spin_lock(&outer);
    CHECK(HOST_PANICS(spin_lock(&outer)));
    CHECK(HOST_PANICS(spin_lock(&beside)));
    spin_lock_nested(&beside);
    spin_unlock(&beside);
    spin_lock(&inner);
    CHECK(HOST_PANICS(spin_lock(&beside)));
    CHECK(spin_trylock(&beside)); // against the order, without waiting
    spin_unlock(&beside);
    CHECK(spin_held(&inner));

    // Another CPU neither holds it nor is bound by what this one holds.
    host_cpu_use(1);
    CHECK(!spin_held(&inner));
    CHECK(HOST_PANICS(spin_unlock(&inner)));
    spin_lock(&beside);
    spin_unlock(&beside);
    host_cpu_use(0);
    spin_unlock(&outer);
    CHECK(HOST_PANICS(spin_lock(&outer))); // `inner` is still held
    spin_unlock(&inner);
    CHECK(!HOST_PANICS(spin_lock(&outer)));
    spin_unlock(&outer);
}
#endif
