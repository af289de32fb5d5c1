// SPDX-License-Identifier: MIT
//
// Protection: whatever a program does to memory that is not its own, or to the machine, ends that
// process with EXIT_FAULT, and nothing else happens. Each attempt is made by a child; a sentinel
// goes on beside all of them, and its memory is looked at in the end.

#include "roles.h"
#include "violations.h"

#include <ds/format.h>
#include <sys/start.h>

ROLE(violate) {
    uint64_t index = (uint64_t)role_argument();
    if (index < violation_count) {
        violations[index].attempt();
    }
    return 0; // nobody stopped it
}

ROLE(oddity) {
    uint64_t index = (uint64_t)role_argument();
    return index < oddity_count ? oddities[index].run() : 1;
}

static bool start_numbered(struct spawned *child, const char *role, size_t index) {
    char number[24];
    text_format(number, sizeof(number), "%zu", index);
    return child_simple(child, role, number);
}

// ---- the sentinel

#define SENTINEL_WORDS 1024
#define SENTINEL_WORD(i) (0x5e47147e1UL * ((i) + 1))

// Keeps a pattern in its memory, looks at it again and again, and counts the rounds; ends when it
// sees anything else.
ROLE(sentinel) {
    static volatile uint64_t pattern[SENTINEL_WORDS];
    volatile uint64_t *rounds = (volatile uint64_t *)sys_aspace_map(
        HANDLE_NONE, start_handle("rounds"), 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    for (uint64_t i = 0; i < SENTINEL_WORDS; i++) {
        pattern[i] = SENTINEL_WORD(i);
    }
    for (;;) {
        for (uint64_t i = 0; i < SENTINEL_WORDS; i++) {
            if (pattern[i] != SENTINEL_WORD(i)) {
                return 1;
            }
        }
        (*rounds)++;
        (void)!sys_thread_sleep(in(MICROSECONDS(500)), 0);
    }
}

struct sentinel {
    struct spawned process;
    handle_t vmo;
};

static uint64_t sentinel_rounds(const struct sentinel *sentinel) {
    uint64_t rounds = 0;
    CHECK_EQ(sys_vmo_read(sentinel->vmo, 0, &rounds, sizeof(rounds)), sizeof(rounds));
    return rounds;
}

static bool sentinel_start(struct sentinel *sentinel) {
    sentinel->vmo = expect_handle(sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0));
    struct child_options options = {
        .role = "sentinel", .handle_count = 1, .handles = {{"rounds", sentinel->vmo, RIGHTS_VMO}}};
    return child_start(&sentinel->process, &options);
}

static bool goes_on(void *argument) {
    const struct sentinel *sentinel = argument;
    static uint64_t before;
    uint64_t seen = sentinel_rounds(sentinel);
    bool more = before != 0 && seen > before;
    before = more ? 0 : seen;
    return more;
}

static void sentinel_end(struct sentinel *sentinel) {
    CHECK(eventually(goes_on, sentinel));
    struct process_info info;
    CHECK_EQ(sys_object_get(sentinel->process.process, &info, sizeof(info)), OK);
    CHECK_EQ(info.cause, EXIT_RUNNING);
    child_kill(&sentinel->process);
    drop(sentinel->vmo);
}

// ---- the tests

static void check_violation(size_t index) {
    const struct violation *violation = &violations[index];
    struct spawned child;
    REQUIRE(start_numbered(&child, "violate", index));
    struct process_info info = child_wait(&child);
    bool expected = info.cause == EXIT_FAULT &&
                    (info.status == violation->trap || info.status == violation->other_trap);
    if (!expected) {
        test_figure("%s: cause %u, trap %ld, not %ld", violation->name, info.cause, info.status,
                    violation->trap);
    }
    CHECK(expected);
    spawned_close(&child);
}

TEST(protection_violations_end_their_process_alone) {
    struct sentinel sentinel;
    REQUIRE(sentinel_start(&sentinel));
    for (size_t i = 0; i < violation_count; i++) {
        check_violation(i);
    }
    test_figure("%zu violations stopped", violation_count);
    sentinel_end(&sentinel);
}

TEST(protection_odd_states_do_no_harm) {
    struct sentinel sentinel;
    REQUIRE(sentinel_start(&sentinel));
    for (size_t i = 0; i < oddity_count; i++) {
        struct spawned child;
        REQUIRE(start_numbered(&child, "oddity", i));
        struct process_info info = child_wait(&child);
        bool expected = info.cause == EXIT_VOLUNTARY && info.status == 0;
        if (!expected) {
            test_figure("%s: cause %u, status %ld", oddities[i].name, info.cause, info.status);
        }
        CHECK(expected);
        spawned_close(&child);
    }
    sentinel_end(&sentinel);
}

// Several at a time, on all CPUs.
TEST(protection_many_violations_at_once) {
    enum { AT_ONCE = 8 };
    struct sentinel sentinel;
    struct spawned children[AT_ONCE];
    REQUIRE(sentinel_start(&sentinel));
    for (size_t first = 0; first < violation_count; first += AT_ONCE) {
        size_t count = violation_count - first < AT_ONCE ? violation_count - first : AT_ONCE;
        for (size_t i = 0; i < count; i++) {
            REQUIRE(start_numbered(&children[i], "violate", first + i));
        }
        for (size_t i = 0; i < count; i++) {
            CHECK_EQ(child_wait(&children[i]).cause, EXIT_FAULT);
            spawned_close(&children[i]);
        }
    }
    sentinel_end(&sentinel);
}

static int64_t fault_in_a_thread(void *argument) {
    return *(volatile int64_t *)argument;
}

// A fault of one thread ends all threads of its process.
ROLE(fault_with_threads) {
    static struct task tasks[4];
    for (size_t i = 0; i < COUNT(tasks); i++) {
        task_start(&tasks[i], fault_in_a_thread, (void *)(i == 3 ? 8UL : (uint64_t)tasks));
    }
    (void)!sys_thread_sleep(INSTANT_NEVER, 0);
    return 0;
}

TEST(protection_fault_ends_all_threads) {
    struct spawned child;
    REQUIRE(child_simple(&child, "fault_with_threads", NULL));
    struct process_info info = child_wait(&child);
    CHECK_EQ(info.cause, EXIT_FAULT);
    CHECK_EQ(info.threads, 0);
    CHECK_EQ(info.fault_addr, 8);
    CHECK(info.fault_pc >= (vaddr_t)fault_in_a_thread &&
          info.fault_pc < (vaddr_t)fault_in_a_thread + 64);
    spawned_close(&child);
}

// A process can use what its job allows and not more; the fault tells it when that is used up.
ROLE(touch_all_memory) {
    uint64_t size = 1UL << 30;
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, size, 0));
    volatile uint8_t *memory =
        (volatile uint8_t *)sys_aspace_map(HANDLE_NONE, vmo, 0, 0, size, MAP_READ | MAP_WRITE);
    for (uint64_t at = 0; at < size; at += PAGE_SIZE) {
        memory[at] = 1;
    }
    return 0;
}

TEST(protection_memory_hog_ends_alone) {
    struct sentinel sentinel;
    REQUIRE(sentinel_start(&sentinel));
    struct child_options options = {.role = "touch_all_memory", .job = job_with(2000, 0, 0, 0)};
    struct spawned child;
    REQUIRE(child_start(&child, &options));
    CHECK_EQ(child_wait(&child).cause, EXIT_FAULT);
    spawned_close(&child);
    instant_t end = in(PATIENCE);
    while (job_usage_of(options.job).memory_pages != 0 && now() < end) {
        sleep_for(MILLISECONDS(2));
    }
    CHECK_EQ(job_usage_of(options.job).memory_pages, 0);
    drop(options.job);
    sentinel_end(&sentinel);
}
