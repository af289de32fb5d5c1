// SPDX-License-Identifier: MIT
//
// Futexes: each outcome by itself, then a lock and a turnstile built on them by CPUs that race: a
// lost wake-up hangs, a wake-up too many is counted.
//
// host-sources: kernel/sched/futex.c kernel/sched/wait.c kernel/sched/spinlock.c
// host-sources: kernel/object/object.c kernel/time/timer_queue.c lib/ds/tree.c
// host-sources: kernel/test/host/host_memory.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_reap.c
// host-sources: kernel/test/host/host_user.c kernel/test/host/host_thread.c lib/test/test.c
// host-sources: lib/test/test/host_main.c
#include <abi/flags.h>
#include <host.h>
#include <host_thread.h>
#include <mm/aspace.h>
#include <mm/user.h>
#include <object/process.h>
#include <sched/futex.h>
#include <test/host.h>
#include <test/test.h>
#include <time/timer_queue.h>

#define CPUS 4

static struct thread *threads[CPUS];
static uint32_t words[4];
static uint32_t (*on_load)(uint32_t value); // sees what a waiter loads

static vaddr_t word_addr(int index) {
    return (vaddr_t)&words[index];
}

status_t user_load32(vaddr_t addr, uint32_t *out) {
    if (addr < USER_MIN) {
        return ERR_FAULT;
    }
    *out = __atomic_load_n((uint32_t *)addr, __ATOMIC_ACQUIRE);
    if (on_load != NULL) {
        *out = on_load(*out);
    }
    return OK;
}

// Shared futexes of words 2 and 3 are those of words 0 and 1.
status_t aspace_futex_key(struct aspace *aspace, vaddr_t addr, uint64_t key[2]) {
    (void)aspace;
    if (addr < USER_MIN) {
        return ERR_FAULT;
    }
    key[0] = 1ULL << 40;
    key[1] = (addr - word_addr(0)) % (2 * sizeof(words[0]));
    return OK;
}

static void begin(uint32_t cpu_total) {
    host_cpus_init(cpu_total);
    host_now = 1000;
    on_load = NULL;
    memset(words, 0, sizeof(words));
    futex_init();
    for (uint32_t i = 0; i < cpu_total; i++) {
        threads[i] = host_thread_create(i);
    }
}

static void end(uint32_t cpu_total) {
    for (uint32_t i = 0; i < cpu_total; i++) {
        CHECK(threads[i]->futex_bucket == NULL);
        host_thread_destroy(threads[i]);
    }
}

struct wait {
    int word;
    uint32_t expected;
    uint32_t mask;
    instant_t deadline;
    uint32_t flags;
};

static int64_t do_wait(void *context) {
    struct wait *wait = context;
    return futex_wait(word_addr(wait->word), wait->expected, wait->mask, wait->deadline,
                      wait->flags);
}

// Parks the thread of a CPU.
static void park(uint32_t cpu, int word, uint32_t mask, uint32_t flags) {
    struct wait wait = {word, words[word], mask, 2000, flags};
    host_cpu_use(cpu);
    CHECK_EQ(host_thread_try(do_wait, &wait), STATUS_PARKED);
}

static void expect_woken(uint32_t cpu, int64_t result) {
    host_cpu_use(cpu);
    REQUIRE(host_thread_woken(threads[cpu]));
    CHECK_EQ(host_thread_resume(threads[cpu]), result);
}

TEST(wait_looks_at_the_word) {
    begin(1);
    struct wait wait = {0, 1, 1, 2000, 0};
    CHECK_EQ(do_wait(&wait), ERR_WOULD_BLOCK);
    wait = (struct wait){0, 0, 1, 0, 0};
    CHECK_EQ(do_wait(&wait), ERR_TIMED_OUT); // a poll
    CHECK_EQ(futex_wait(16, 0, 1, 0, 0), ERR_FAULT);
    CHECK_EQ(futex_wait(16, 0, 1, 0, FUTEX_SHARED), ERR_FAULT);
    end(1);
}

TEST(wake_takes_the_oldest_with_a_common_bit) {
    begin(4);
    park(0, 0, 1, 0);
    park(1, 0, 2, 0);
    park(2, 0, 3, 0);
    park(3, 1, 3, 0);
    CHECK_EQ(futex_wake(word_addr(0), 1, 2, 0), 1);
    expect_woken(1, OK);
    CHECK_EQ(futex_wake(word_addr(0), 9, UINT32_MAX, 0), 2);
    expect_woken(0, OK);
    expect_woken(2, OK);
    CHECK_EQ(futex_wake(word_addr(0), 9, UINT32_MAX, 0), 0);
    CHECK_EQ(futex_wake(word_addr(1), 0, UINT32_MAX, 0), 0);
    CHECK_EQ(futex_wake(word_addr(1), 1, UINT32_MAX, 0), 1);
    expect_woken(3, OK);
    end(4);
}

TEST(shared_and_private_waiters_are_apart) {
    begin(3);
    park(0, 0, 1, FUTEX_SHARED);
    park(1, 0, 1, 0);
    CHECK_EQ(futex_wake(word_addr(2), 9, 1, FUTEX_SHARED), 1); // the same page elsewhere
    expect_woken(0, OK);
    CHECK_EQ(futex_wake(word_addr(2), 9, 1, 0), 0);
    park(2, 0, 1, FUTEX_SHARED);
    futex_wake_address(threads[0]->process->aspace, word_addr(0), 2);
    expect_woken(1, OK);
    expect_woken(2, OK);
    end(3);
}

TEST(waits_end_from_outside) {
    begin(2);
    park(0, 0, 1, FUTEX_INTERRUPTIBLE);
    park(1, 0, 1, 0);
    uint64_t seq = threads[0]->wait_seq;
    thread_abort_wait(threads[1], 0, ERR_INTERRUPTED); // not interruptible
    CHECK(!host_thread_woken(threads[1]));
    threads[0]->block->latched = 1;
    thread_abort_wait(threads[0], 0, ERR_INTERRUPTED);
    expect_woken(0, ERR_INTERRUPTED);
    threads[0]->block->latched = 0;
    park(0, 0, 1, 0);
    futex_abort(threads[0], seq, ERR_TIMED_OUT); // comes late, for the wait before
    CHECK(!host_thread_woken(threads[0]));
    for (uint32_t i = 0; i < 2; i++) {
        host_cpu_use(i);
        timer_queue_run(2000);
        expect_woken(i, ERR_TIMED_OUT);
    }
    CHECK_EQ(futex_wake(word_addr(0), 9, 1, 0), 0);
    threads[0]->block->latched = 1;
    struct wait wait = {0, 0, 1, 5000, FUTEX_INTERRUPTIBLE};
    host_cpu_use(0);
    CHECK_EQ(do_wait(&wait), ERR_INTERRUPTED);
    threads[0]->pending = PENDING_KILL;
    CHECK_EQ(do_wait(&wait), STATUS_RESTART);
    end(2);
}

TEST(requeue_moves_and_the_moved_are_woken_there) {
    begin(4);
    for (uint32_t i = 0; i < 4; i++) {
        park(i, 0, 1, 0);
    }
    CHECK_EQ(futex_requeue(word_addr(0), 1, word_addr(1), 2, 1, 0), ERR_WOULD_BLOCK);
    CHECK_EQ(futex_requeue(word_addr(0), 1, word_addr(0), 2, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(futex_requeue(word_addr(0), 1, word_addr(1), 2, 0, 0), 3);
    expect_woken(0, OK);
    CHECK_EQ(futex_wake(word_addr(0), 9, 1, 0), 1);
    expect_woken(3, OK);
    thread_abort_wait(threads[1], 0, ERR_TIMED_OUT); // found in its new place
    expect_woken(1, ERR_TIMED_OUT);
    CHECK_EQ(futex_wake(word_addr(1), 9, 1, 0), 1);
    expect_woken(2, OK);
    end(4);
}

// What happens between a waiter's queueing and its second look.
static int looks;

static uint32_t wake_at_second_look(uint32_t value) {
    if (++looks == 2) {
        CHECK_EQ(futex_wake(word_addr(0), 1, 1, 0), 1);
    }
    return value;
}

static uint32_t change_at_second_look(uint32_t value) {
    return ++looks == 2 ? value + 1 : value;
}

static uint32_t move_at_second_look(uint32_t value) {
    if (++looks == 2) {
        CHECK_EQ(futex_requeue(word_addr(0), 0, word_addr(1), 1, 0, 0), 1);
    }
    return value;
}

TEST(between_queueing_and_parking) {
    begin(1);
    struct wait wait = {0, 0, 1, 2000, 0};
    looks = 0;
    on_load = wake_at_second_look;
    CHECK_EQ(do_wait(&wait), OK);
    looks = 0;
    on_load = change_at_second_look;
    CHECK_EQ(do_wait(&wait), ERR_WOULD_BLOCK);
    looks = 0;
    on_load = move_at_second_look;
    CHECK_EQ(do_wait(&wait), STATUS_PARKED);
    on_load = NULL;
    CHECK_EQ(futex_wake(word_addr(0), 9, 1, 0), 0);
    CHECK_EQ(futex_wake(word_addr(1), 9, 1, 0), 1);
    expect_woken(0, OK);
    end(1);
}

// Somebody arrives after the word has changed, between a requeue's look and its turn at the lock.
static uint32_t arrive_after_look(uint32_t value) {
    on_load = NULL;
    words[0] = 1;
    park(1, 0, 1, 0);
    host_cpu_use(0);
    return value;
}

TEST(requeue_moves_nobody_who_came_too_late) {
    begin(2);
    on_load = arrive_after_look;
    CHECK_EQ(futex_requeue(word_addr(0), 0, word_addr(1), 9, 0, 0), ERR_WOULD_BLOCK);
    CHECK_EQ(futex_wake(word_addr(1), 9, 1, 0), 0);
    CHECK_EQ(futex_wake(word_addr(0), 9, 1, 0), 1);
    expect_woken(1, OK);
    end(2);
}

// ---- races

#define ROUNDS 5000

static uint64_t counter; // guarded by a lock in words[0]: 0 free, 1 held, 2 held and waited for

static void lock_word(void) {
    uint32_t free = 0;
    if (__atomic_compare_exchange_n(&words[0], &free, 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
        return;
    }
    while (__atomic_exchange_n(&words[0], 2, __ATOMIC_ACQUIRE) != 0) {
        struct wait wait = {0, 2, UINT32_MAX, INSTANT_NEVER, 0};
        int64_t result = host_thread_call(do_wait, &wait);
        CHECK(result == OK || result == ERR_WOULD_BLOCK);
    }
}

static void unlock_word(void) {
    if (__atomic_exchange_n(&words[0], 0, __ATOMIC_RELEASE) == 2) {
        int64_t woken = futex_wake(word_addr(0), 1, UINT32_MAX, 0);
        CHECK(woken >= 0 && woken <= 1);
    }
}

static void count_up(void *context) {
    (void)context;
    for (int i = 0; i < ROUNDS; i++) {
        lock_word();
        counter++;
        unlock_word();
    }
}

TEST(a_lock_loses_no_wake_up) {
    begin(CPUS);
    counter = 0;
    host_cpus_run(CPUS, count_up, NULL);
    CHECK_EQ(counter, CPUS * ROUNDS);
    end(CPUS);
}

// CPU 0 opens the turnstile in words[0] step by step and requeues those who wait to words[1], where
// it wakes them; deadlines come in between.
static uint32_t finished;

static void turnstile(void *context) {
    (void)context;
    if (cpu_this()->index != 0) {
        for (int i = 0; i < ROUNDS; i++) {
            instant_t now = clock_now();
            struct wait wait = {0, __atomic_load_n(&words[0], __ATOMIC_ACQUIRE), UINT32_MAX,
                                i % 3 == 0 ? now + 20 : INSTANT_NEVER, 0};
            int64_t result = host_thread_call(do_wait, &wait);
            CHECK(result == OK || result == ERR_WOULD_BLOCK || result == ERR_TIMED_OUT);
        }
        __atomic_fetch_add(&finished, 1, __ATOMIC_RELEASE);
        return;
    }
    while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) != CPUS - 1) {
        uint32_t step = __atomic_add_fetch(&words[0], 1, __ATOMIC_ACQ_REL);
        int64_t count = futex_requeue(word_addr(0), 1, word_addr(1), UINT32_MAX, step, 0);
        CHECK(count >= 0 || count == STATUS_RESTART);
        CHECK(futex_wake(word_addr(1), UINT32_MAX, UINT32_MAX, 0) >= 0);
    }
}

static instant_t shared_now = 1000;

instant_t clock_now(void) {
    return cpu_count == 1 ? host_now : __atomic_add_fetch(&shared_now, 1, __ATOMIC_RELAXED);
}

TEST(requeue_races_with_deadlines) {
    begin(CPUS);
    finished = 0;
    host_cpus_run(CPUS, turnstile, NULL);
    end(CPUS);
}
