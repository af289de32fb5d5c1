// SPDX-License-Identifier: MIT
//
// Waiting on words of memory.

#include "suite.h"

#include <sys/mutex.h>

static int64_t wake(const uint32_t *word, uint32_t count) {
    return sys_futex_wake((vaddr_t)word, count, 1, 0);
}

TEST(futexes_check) {
    static uint32_t words[2];
    vaddr_t addr = (vaddr_t)words;
    CHECK_EQ(sys_futex_wait(addr + 1, 0, 1, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_futex_wait(addr + 2, 0, 1, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_futex_wait(addr, 0, 0, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_futex_wake(addr + 1, 1, 1, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_futex_wake(addr, 1, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_futex_requeue(addr + 1, 1, addr, 1, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_futex_requeue(addr, 1, addr + 3, 1, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_futex_requeue(addr, 1, addr, 1, 0, 0), ERR_INVALID_ARGUMENT);
    const vaddr_t bad[] = {0, unmapped_address(1), 0xffff800000000000, 0x0000800000000000};
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_EQ(sys_futex_wait(bad[i], 0, 1, 0, 0), ERR_FAULT);
        CHECK_EQ(sys_futex_wait(bad[i], 0, 1, 0, FUTEX_SHARED), ERR_FAULT);
        CHECK_EQ(sys_futex_requeue(bad[i], 1, addr, 1, 0, 0), ERR_FAULT);
    }
}

TEST(futexes_wait_compares) {
    static uint32_t word = 5;
    CHECK_EQ(sys_futex_wait((vaddr_t)&word, 6, 1, INSTANT_NEVER, 0), ERR_WOULD_BLOCK);
    CHECK_EQ(sys_futex_wait((vaddr_t)&word, 5, 1, 0, 0), ERR_TIMED_OUT);
    instant_t deadline = in(MILLISECONDS(2));
    CHECK_EQ(sys_futex_wait((vaddr_t)&word, 5, 1, deadline, 0), ERR_TIMED_OUT);
    CHECK(now() >= deadline);
    CHECK_EQ(wake(&word, 1), 0);
}

// A thread that waits on a word, and what it was told.
struct sleeper {
    vaddr_t addr;
    uint32_t expected;
    uint32_t mask;
    uint32_t flags;
    instant_t deadline;
    uint32_t order; // when it was woken, of all that use `counter`
    uint32_t *counter;
    struct task task;
};

static int64_t sleeper_main(void *argument) {
    struct sleeper *s = argument;
    int64_t result = sys_futex_wait(s->addr, s->expected, s->mask, s->deadline, s->flags);
    if (s->counter != NULL) {
        s->order = __atomic_fetch_add(s->counter, 1, __ATOMIC_SEQ_CST);
    }
    return result;
}

static void sleeper_start(struct sleeper *s, const void *word, uint32_t mask, uint32_t flags) {
    *s = (struct sleeper){
        .addr = (vaddr_t)word, .mask = mask, .flags = flags, .deadline = INSTANT_NEVER};
    task_start(&s->task, sleeper_main, s);
    CHECK(task_blocks(&s->task));
}

TEST(futexes_wake_counts) {
    static uint32_t word;
    struct sleeper sleepers[5];
    for (size_t i = 0; i < COUNT(sleepers); i++) {
        sleeper_start(&sleepers[i], &word, 1, 0);
    }
    CHECK_EQ(wake(&word, 0), 0);
    CHECK_EQ(wake(&word, 2), 2);
    CHECK_EQ(task_join(&sleepers[0].task), OK); // oldest first
    CHECK_EQ(task_join(&sleepers[1].task), OK);
    CHECK_EQ(wake(&word, UINT32_MAX), 3);
    for (size_t i = 2; i < COUNT(sleepers); i++) {
        CHECK_EQ(task_join(&sleepers[i].task), OK);
    }
    CHECK_EQ(wake(&word, 1), 0);
}

TEST(futexes_masks_select) {
    static uint32_t word;
    struct sleeper a;
    struct sleeper b;
    sleeper_start(&a, &word, 1, 0);
    sleeper_start(&b, &word, 6, 0);
    CHECK_EQ(sys_futex_wake((vaddr_t)&word, 10, 8, 0), 0);
    CHECK_EQ(sys_futex_wake((vaddr_t)&word, 10, 4, 0), 1);
    CHECK_EQ(task_join(&b.task), OK);
    CHECK_EQ(sys_futex_wake((vaddr_t)&word, 10, UINT32_MAX, 0), 1);
    CHECK_EQ(task_join(&a.task), OK);
}

TEST(futexes_neighbours_are_apart) {
    static uint32_t words[64];
    struct sleeper sleeper;
    sleeper_start(&sleeper, &words[32], 1, 0);
    for (size_t i = 0; i < COUNT(words); i++) {
        if (i != 32) {
            CHECK_EQ(wake(&words[i], 10), 0);
        }
    }
    CHECK_EQ(wake(&words[32], 10), 1);
    CHECK_EQ(task_join(&sleeper.task), OK);
}

TEST(futexes_interruption) {
    static uint32_t word;
    struct sleeper sleeper;
    sleeper_start(&sleeper, &word, 1, FUTEX_INTERRUPTIBLE);
    CHECK_EQ(sys_thread_interrupt(sleeper.task.thread.handle, 1), OK);
    CHECK_EQ(task_join(&sleeper.task), ERR_INTERRUPTED);
    CHECK_EQ(wake(&word, 10), 0);
}

TEST(futexes_requeue) {
    static uint32_t from = 3;
    static uint32_t to;
    struct sleeper sleepers[4];
    vaddr_t a = (vaddr_t)&from;
    vaddr_t b = (vaddr_t)&to;
    for (size_t i = 0; i < COUNT(sleepers); i++) {
        sleepers[i] =
            (struct sleeper){.addr = a, .expected = 3, .mask = 1, .deadline = INSTANT_NEVER};
        task_start(&sleepers[i].task, sleeper_main, &sleepers[i]);
        CHECK(task_blocks(&sleepers[i].task));
    }
    CHECK_EQ(sys_futex_requeue(a, 1, b, 10, 4, 0), ERR_WOULD_BLOCK);
    CHECK_EQ(sys_futex_requeue(a, 1, b, 2, 3, 0), 3);
    CHECK_EQ(task_join(&sleepers[0].task), OK);
    CHECK_EQ(wake(&from, 10), 1); // the one that was left
    CHECK_EQ(task_join(&sleepers[3].task), OK);
    CHECK_EQ(wake(&to, 10), 2);
    CHECK_EQ(task_join(&sleepers[1].task), OK);
    CHECK_EQ(task_join(&sleepers[2].task), OK);
    CHECK_EQ(sys_futex_requeue(a, 1, b, 1, 3, 0), 0);
}

// Shared ones meet on the memory behind two addresses, private ones do not.
TEST(futexes_shared_and_private) {
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0));
    int64_t a = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    int64_t b = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    REQUIRE(a > 0 && b > 0);
    struct sleeper sleeper;
    sleeper_start(&sleeper, (const void *)a, 1, FUTEX_SHARED);
    CHECK_EQ(sys_futex_wake((vaddr_t)a, 10, 1, 0), 0);
    CHECK_EQ(sys_futex_wake((vaddr_t)b + 4, 10, 1, FUTEX_SHARED), 0);
    CHECK_EQ(sys_futex_wake((vaddr_t)b, 10, 1, FUTEX_SHARED), 1);
    CHECK_EQ(task_join(&sleeper.task), OK);
    sleeper_start(&sleeper, (const void *)a, 1, 0);
    CHECK_EQ(sys_futex_wake((vaddr_t)b, 10, 1, 0), 0);
    CHECK_EQ(sys_futex_wake((vaddr_t)a, 10, 1, 0), 1);
    CHECK_EQ(task_join(&sleeper.task), OK);
    pages_unmap((void *)a, 1);
    pages_unmap((void *)b, 1);
    drop(vmo);
}

// ---- a mutex on top

#define MUTEX_THREADS 4
#define MUTEX_ROUNDS 500

static struct mutex mutex;
static volatile uint64_t guarded;

static int64_t add_many(void *argument) {
    (void)argument;
    for (int i = 0; i < MUTEX_ROUNDS; i++) {
        mutex_lock(&mutex);
        uint64_t value = guarded;
        if (i % 16 == 0) {
            (void)!sys_thread_sleep(0, 0); // others find it locked
        }
        guarded = value + 1;
        mutex_unlock(&mutex);
    }
    return 0;
}

TEST(futexes_carry_a_mutex) {
    struct task tasks[MUTEX_THREADS];
    guarded = 0;
    for (size_t i = 0; i < MUTEX_THREADS; i++) {
        task_start(&tasks[i], add_many, NULL);
    }
    for (size_t i = 0; i < MUTEX_THREADS; i++) {
        CHECK_EQ(task_join(&tasks[i]), 0);
    }
    CHECK_EQ(guarded, MUTEX_THREADS * MUTEX_ROUNDS);
}

// ---- robust lists

#define ROBUST_TID 77u
#define ROBUST_DIED 0xc0000000u

struct robust_lock {
    uint64_t next;
    uint32_t word;
};

struct robust {
    uint64_t head[3]; // next, offset, pending
    struct robust_lock locks[4];
    uint32_t ready; // atomic
};

static int64_t hold_robust(void *argument) {
    struct robust *robust = argument;
    CHECK_EQ(sys_robust_list((vaddr_t)robust->head, ROBUST_TID), OK);
    __atomic_store_n(&robust->ready, 1, __ATOMIC_RELEASE);
    return sys_thread_sleep(INSTANT_NEVER, 0);
}

static void kill_holder(struct robust *robust) {
    struct task task;
    task_start(&task, hold_robust, robust);
    CHECK(task_blocks(&task));
    CHECK_EQ(robust->ready, 1);
    CHECK_EQ(sys_task_kill(task.thread.handle, 0, 0), OK);
    CHECK_EQ(task_join(&task), ERR_BAD_STATE);
}

static int64_t wait_for_word(void *argument) {
    uint32_t *word = argument;
    return sys_futex_wait((vaddr_t)word, *word, 1, in(PATIENCE), 0);
}

TEST(futexes_robust_ones_are_released_at_death) {
    struct robust robust = {
        .head = {(uint64_t)&robust.locks[0], offsetof(struct robust_lock, word),
                 (uint64_t)&robust.locks[3]},
        .locks = {{(uint64_t)&robust.locks[1], ROBUST_TID},
                  {(uint64_t)&robust.locks[2] | 1, ROBUST_TID + 1},
                  {(uint64_t)robust.head, ROBUST_TID | 0x80000000},
                  {0, ROBUST_TID}},
    };
    struct task waiter;
    task_start(&waiter, wait_for_word, &robust.locks[2].word);
    CHECK(task_blocks(&waiter));
    kill_holder(&robust);
    CHECK_EQ(task_join(&waiter), OK);
    CHECK_EQ(robust.locks[0].word, ROBUST_DIED);
    CHECK_EQ(robust.locks[1].word, ROBUST_TID + 1);
    CHECK_EQ(robust.locks[2].word, ROBUST_DIED);
    CHECK_EQ(robust.locks[3].word, ROBUST_DIED);
}

TEST(futexes_robust_lists_may_be_nonsense) {
    const uint64_t bad[] = {1, 0x1000, 0x0000800000000000, 0xffff800000000000, UINT64_MAX};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct robust robust = {.head = {bad[i], bad[i], bad[i]}};
        kill_holder(&robust);
        robust = (struct robust){.head = {(uint64_t)&robust.locks[0], 8, 0},
                                 .locks = {{bad[i], ROBUST_TID}}};
        kill_holder(&robust);
    }
    // A circle that the head is not in.
    struct robust robust = {.head = {(uint64_t)&robust.locks[0], 8, 0},
                            .locks = {{(uint64_t)&robust.locks[0], ROBUST_TID}}};
    kill_holder(&robust);
    CHECK_EQ(robust.locks[0].word, ROBUST_DIED);
}
