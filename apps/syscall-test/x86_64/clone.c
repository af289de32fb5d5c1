// SPDX-License-Identifier: MIT
//
// process_clone: what a clone has of its maker and what not. The maker is a child with the small
// libos; a role returns 0 or the line of what went wrong, and so does the clone by its exit status.

#include "libos.h"

#include "roles.h"

#include <sys/start.h>

static_assert(LIBOS_RECORD == MINI_RECORD, "libos.h");

static const struct process_options options = {.label = "embryo"};

struct embryo {
    handle_t aspace;
    handle_t process;
};

static struct embryo embryo_make(handle_t job) {
    struct embryo embryo;
    embryo.aspace = (handle_t)sys_aspace_create(job, 0);
    embryo.process = (handle_t)sys_process_create(job, embryo.aspace, HANDLE_NONE, 0, &options);
    return embryo;
}

static void embryo_close(const struct embryo *embryo) {
    (void)!sys_handle_close(embryo->aspace);
    (void)!sys_handle_close(embryo->process);
}

// Clones this process into the embryo, checking all registers in both. Returns a line of something
// wrong, 0 in the maker, -1 in the clone.
static int64_t embryo_fill(const struct embryo *embryo) {
    uint64_t maker = thread_block()->process;
    EXPECT(mini_call_checked(embryo->process, NUMBER_CLONE) == 0);
    EXPECT(thread_block()->masked == 0);
    if (thread_block()->process != maker) {
        return -1;
    }
    EXPECT(mini_status == OK);
    return 0;
}

static int64_t embryo_status(const struct embryo *embryo) {
    struct process_info info;
    EXPECT(sys_object_wait(embryo->process, SIGNAL_PROCESS_ENDED, in(PATIENCE), 0) ==
           (SIGNAL_PROCESS_ENDED | SIGNAL_PROCESS_STARTED | SIGNAL_PROCESS_LEFT_ASPACE));
    EXPECT(sys_object_get(embryo->process, &info, sizeof(info)) == OK);
    EXPECT(info.cause == EXIT_VOLUNTARY);
    return info.status;
}

// ---- memory

static volatile uint64_t *map(uint32_t flags) {
    handle_t vmo = (handle_t)sys_vmo_create(HANDLE_NONE, 4 * PAGE_SIZE, 0);
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, 4 * PAGE_SIZE, flags);
    (void)!sys_handle_close(vmo);
    return (volatile uint64_t *)addr;
}

enum word { CLONE_LOOKED = 0, MAKER_WROTE, WORDS };

static bool wait_for(volatile uint64_t *word) {
    instant_t end = in(PATIENCE);
    while (*word == 0 && now() < end) {
        (void)!sys_thread_sleep(in(MICROSECONDS(100)), 0);
    }
    return *word != 0;
}

static int64_t look_at_memory(volatile uint64_t *own, volatile uint64_t *shared,
                              const volatile uint64_t *dropped) {
    EXPECT(own[0] == 11 && own[512] == 0);
    own[0] = 33;
    own[1024] = 34;
    shared[CLONE_LOOKED] = 1;
    EXPECT(wait_for(&shared[MAKER_WROTE]));
    EXPECT(own[0] == 33 && own[512] == 0 && own[1024] == 34);
    EXPECT(sys_random_get((void *)dropped, 8) == ERR_FAULT);
    EXPECT(sys_random_get((void *)own, 8) == OK);
    struct mapping_info info;
    EXPECT(sys_aspace_query(HANDLE_NONE, (vaddr_t)shared, &info) == OK);
    EXPECT(info.addr == (vaddr_t)shared && (info.flags & MAP_INHERIT_SHARE) != 0);
    return 0;
}

ROLE(clone_memory) {
    volatile uint64_t *own = map(MAP_READ | MAP_WRITE);
    volatile uint64_t *shared = map(MAP_READ | MAP_WRITE | MAP_INHERIT_SHARE);
    volatile uint64_t *dropped = map(MAP_READ | MAP_WRITE | MAP_INHERIT_DROP);
    struct embryo embryo = embryo_make(suite.job);
    EXPECT(mini_install() == OK);
    own[0] = 11;
    dropped[0] = 22;
    int64_t side = embryo_fill(&embryo);
    if (side < 0) {
        sys_process_exit(look_at_memory(own, shared, dropped));
    }
    EXPECT(side == 0);
    own[512] = 44;
    EXPECT(wait_for(&shared[CLONE_LOOKED]));
    EXPECT(own[0] == 11 && own[1024] == 0 && own[512] == 44 && dropped[0] == 22);
    own[0] = 55;
    shared[MAKER_WROTE] = 1;
    EXPECT(embryo_status(&embryo) == 0);
    EXPECT(own[0] == 55 && own[512] == 44 && own[1024] == 0);
    return 0;
}

static void run_role(const char *role) {
    struct spawned child;
    REQUIRE(child_simple(&child, role, NULL));
    CHECK_EQ(child_finish(&child), 0);
}

TEST(libos_clone_has_its_own_memory) {
    run_role("clone_memory");
}

// What is mapped in the embryo before stays, and one that keeps the block out makes it fail.
ROLE(clone_mapped) {
    volatile uint64_t *own = map(MAP_READ | MAP_WRITE);
    struct embryo embryo = embryo_make(suite.job);
    struct embryo other = embryo_make(suite.job);
    handle_t vmo = (handle_t)sys_vmo_create(HANDLE_NONE, 4 * PAGE_SIZE, 0);
    uint64_t seven = 7;
    EXPECT(sys_vmo_write(vmo, 0, &seven, sizeof(seven)) == sizeof(seven));
    EXPECT(sys_aspace_map(embryo.aspace, vmo, 0, (vaddr_t)own, 4 * PAGE_SIZE,
                          MAP_READ | MAP_WRITE | MAP_FIXED) == (int64_t)own);
    EXPECT(sys_aspace_map(other.aspace, vmo, 0, (vaddr_t)thread_block(), PAGE_SIZE,
                          MAP_READ | MAP_FIXED) > 0);
    EXPECT(mini_install() == OK);
    own[0] = 11;
    int64_t side = embryo_fill(&embryo);
    if (side < 0) {
        sys_process_exit((int64_t)own[0]);
    }
    EXPECT(side == 0);
    EXPECT(embryo_status(&embryo) == 7);
    (void)mini_linux_call(NUMBER_CLONE, other.process);
    EXPECT(mini_status == ERR_FAULT);
    (void)mini_linux_call(NUMBER_CLONE, other.process);
    EXPECT(mini_status == ERR_BAD_STATE);
    EXPECT(sys_object_wait(other.process, UINT32_MAX, 0, 0) == ERR_TIMED_OUT);
    return 0;
}

TEST(libos_clone_leaves_what_is_mapped) {
    run_role("clone_mapped");
}

// ---- handles

static int64_t look_at_handles(handle_t event, handle_t doomed, handle_t kept, handle_t bare,
                               const struct handle_info *before, volatile uint64_t *shared) {
    struct handle_info info;
    EXPECT(sys_handle_info(event, &info) == OK);
    EXPECT(memcmp(&info, before, sizeof(info)) == 0);
    EXPECT(sys_handle_info(bare, &info) == ERR_BAD_HANDLE);
    EXPECT(sys_handle_info(suite.job, &info) == ERR_BAD_HANDLE);
    EXPECT(sys_handle_info(suite.log, &info) == OK);
    EXPECT(sys_event_signal(event, 0, 4) == 0);
    EXPECT(sys_handle_info(doomed, &info) == OK);
    shared[CLONE_LOOKED] = 1;
    EXPECT(wait_for(&shared[MAKER_WROTE]));
    EXPECT(sys_handle_info(doomed, &info) == ERR_BAD_HANDLE);
    EXPECT(sys_handle_info(kept, &info) == OK);
    handle_t fresh = (handle_t)sys_event_create();
    EXPECT(fresh != HANDLE_NONE && fresh != event);
    return 0;
}

ROLE(clone_handles) {
    volatile uint64_t *shared = map(MAP_READ | MAP_WRITE | MAP_INHERIT_SHARE);
    for (int i = 0; i < 300; i++) { // so that generations are not 0
        EXPECT(sys_handle_close((handle_t)sys_event_create()) == OK);
    }
    handle_t event = (handle_t)sys_event_create();
    handle_t root = (handle_t)sys_event_create();
    handle_t doomed = (handle_t)sys_handle_duplicate(root, RIGHTS_EVENT);
    handle_t bare = (handle_t)sys_handle_duplicate(root, RIGHT_WAIT | RIGHT_TRANSFER);
    struct handle_info info;
    struct embryo embryo = embryo_make(suite.job);
    EXPECT(sys_handle_info(event, &info) == OK);
    EXPECT(mini_install() == OK);
    int64_t side = embryo_fill(&embryo);
    if (side < 0) {
        sys_process_exit(look_at_handles(event, doomed, root, bare, &info, shared));
    }
    EXPECT(side == 0);
    EXPECT(wait_for(&shared[CLONE_LOOKED]));
    EXPECT(sys_object_wait(event, 4, 0, 0) == 4);
    // The copies are siblings: what is derived from the maker's handle is not derived from them.
    EXPECT(sys_handle_revoke(event) == OK);
    EXPECT(sys_handle_revoke(root) == OK);
    shared[MAKER_WROTE] = 1;
    EXPECT(embryo_status(&embryo) == 0);
    EXPECT(sys_handle_close(event) == OK);
    return 0;
}

TEST(libos_clone_has_equal_handles) {
    run_role("clone_handles");
}

// ---- errors

ROLE(clone_errors) {
    struct embryo embryo = embryo_make(suite.job);
    EXPECT(sys_process_clone(embryo.process, 0) == ERR_BAD_STATE); // no entry
    EXPECT(mini_install() == OK);
    struct embryo with_thread = embryo_make(suite.job);
    EXPECT(thread_region_map(with_thread.aspace, BLOCK_REGION_BYTES) == OK);
    handle_t thread = (handle_t)sys_thread_create(with_thread.process, BLOCK_REGION_BYTES);
    EXPECT(sys_process_clone(with_thread.process, 0) == ERR_BAD_STATE);
    (void)!sys_handle_close(thread);
    struct embryo dead = embryo_make(suite.job);
    EXPECT(sys_task_kill(dead.process, 0, 0) == OK);
    EXPECT(sys_process_clone(dead.process, 0) == ERR_BAD_STATE);
    handle_t weak = (handle_t)sys_handle_duplicate(embryo.process, RIGHTS_PROCESS & ~RIGHT_CREATE);
    EXPECT(sys_process_clone(weak, 0) == ERR_ACCESS_DENIED);
    int64_t side = embryo_fill(&embryo);
    if (side < 0) {
        sys_process_exit(9);
    }
    EXPECT(sys_process_clone(embryo.process, 0) == ERR_BAD_STATE);
    EXPECT(embryo_status(&embryo) == 9);
    EXPECT(sys_process_clone(embryo.process, 0) == ERR_BAD_STATE);
    return 0;
}

TEST(libos_clone_checks) {
    run_role("clone_errors");
}

// Whatever limit the embryo's job has: it works or says so, and nothing is left.
ROLE(clone_limits) {
    EXPECT(mini_install() == OK);
    uint32_t failed = 0;
    for (uint64_t limit = 1; limit < 4096; limit += 1 + limit / 64) {
        handle_t job = job_with(limit, limit, 1, 1);
        struct embryo embryo = {.aspace = HANDLE_NONE};
        int64_t aspace = sys_aspace_create(job, 0);
        int64_t process = aspace < 0
                              ? aspace
                              : sys_process_create(job, (handle_t)aspace, HANDLE_NONE, 0, &options);
        if (process > 0) {
            embryo = (struct embryo){(handle_t)aspace, (handle_t)process};
            uint64_t maker = thread_block()->process;
            (void)mini_linux_call(NUMBER_CLONE, embryo.process);
            if (thread_block()->process != maker) {
                sys_process_exit(0);
            }
            EXPECT(mini_status == OK || mini_status == ERR_LIMIT);
            failed += mini_status == ERR_LIMIT;
            EXPECT(mini_status != OK || embryo_status(&embryo) >= 0);
        }
        embryo_close(&embryo);
        EXPECT(sys_handle_close(job) == OK);
    }
    // Each number of pages between what an embryo takes and what its filling takes was tried.
    EXPECT(failed > 3 && mini_status == OK);
    return 0;
}

TEST(libos_clone_keeps_to_limits) {
    run_role("clone_limits");
}

// ---- again and again, while others of the process go on, and while it is killed

static int64_t churn(void *stop) {
    while (__atomic_load_n((uint32_t *)stop, __ATOMIC_ACQUIRE) == 0) {
        uint64_t *pages = pages_map(2);
        pages[0] = 1;
        pages[512] = 2;
        drop((handle_t)sys_event_create());
        pages_unmap(pages, 2);
        (void)!sys_thread_sleep(in(MICROSECONDS(200)), 0);
    }
    return 0;
}

ROLE(clone_storm) {
    static uint32_t stop;
    struct task task;
    uint64_t random = suite.seed;
    EXPECT(mini_install() == OK);
    task_start(&task, churn, &stop);
    for (uint32_t i = 0; i < 60; i++) {
        struct embryo embryo = embryo_make(suite.job);
        bool killed = test_random_below(&random, 3) == 0;
        int64_t side = embryo_fill(&embryo);
        if (side < 0) {
            sys_process_exit((int64_t)i);
        }
        EXPECT(side == 0);
        if (killed) {
            (void)!sys_task_kill(embryo.process, 0, 0);
        } else {
            EXPECT(embryo_status(&embryo) == (int64_t)i);
        }
        embryo_close(&embryo);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    EXPECT(task_join(&task) == 0);
    return 0;
}

TEST(libos_clone_again_and_again) {
    run_role("clone_storm");
}

// ---- moving to another aspace

#define SWAP_CODE 0x10000000UL
#define SWAP_BLOCK 0x20000000UL

// An aspace with the code of mini_after_swap and a block that names the event.
static handle_t swap_target(handle_t event) {
    handle_t aspace = (handle_t)sys_aspace_create(HANDLE_NONE, 0);
    handle_t code = (handle_t)sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0);
    handle_t block = (handle_t)sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0);
    uint64_t bytes = (uint64_t)(mini_after_swap_end - mini_after_swap);
    struct thread_block content = {.masked = 7, .latched = 4, .redirect = {.rax = event}};
    bool good = sys_vmo_write(code, 0, mini_after_swap, bytes) == (int64_t)bytes &&
                sys_vmo_write(block, 0, &content, sizeof(content)) == (int64_t)sizeof(content) &&
                sys_aspace_map(aspace, code, 0, SWAP_CODE, PAGE_SIZE,
                               MAP_READ | MAP_EXECUTE | MAP_FIXED) > 0 &&
                sys_aspace_map(aspace, block, 0, SWAP_BLOCK, PAGE_SIZE,
                               MAP_READ | MAP_WRITE | MAP_FIXED) > 0;
    (void)!sys_handle_close(code);
    (void)!sys_handle_close(block);
    return good ? aspace : HANDLE_NONE;
}

static int64_t do_nothing(void *argument) {
    (void)argument;
    return 0;
}

ROLE(swap) {
    handle_t event = start_handle("event");
    handle_t target = swap_target(event);
    struct task task;
    EXPECT(target != HANDLE_NONE);
    EXPECT(sys_aspace_swap(target, 0xffff800000000000, SWAP_BLOCK) == ERR_INVALID_ARGUMENT);
    EXPECT(sys_aspace_swap(target, SWAP_CODE, SWAP_BLOCK + 8) == ERR_INVALID_ARGUMENT);
    EXPECT(sys_aspace_swap(target, SWAP_CODE, SWAP_BLOCK + PAGE_SIZE) == ERR_FAULT);
    EXPECT(sys_aspace_swap(target, SWAP_CODE, SWAP_CODE) == ERR_FAULT);
    task_start(&task, do_nothing, NULL);
    EXPECT(sys_object_wait(task.thread.handle, SIGNAL_THREAD_ENDED, in(PATIENCE), 0) > 0);
    EXPECT(task_join(&task) == 0);
    struct thread thread;
    EXPECT(thread_prepare(&thread) == OK);
    EXPECT(sys_aspace_swap(target, SWAP_CODE, SWAP_BLOCK) == ERR_BAD_STATE);
    EXPECT(sys_handle_close(thread.handle) == OK);
    EXPECT(mini_call_checked(1, NUMBER_PLAIN) != 0); // uses vectors
    __asm__ volatile("wrfsbase %0" : : "r"(0x1234UL));
    thread_block()->latched = 1;
    return sys_aspace_swap(target, SWAP_CODE, SWAP_BLOCK);
}

TEST(libos_swap_begins_anew) {
    handle_t event = expect_handle(sys_event_create());
    struct spawned child;
    const struct child_options swapper = {
        .role = "swap", .handle_count = 1, .handles = {{"event", event, RIGHTS_EVENT}}};
    REQUIRE(child_start(&child, &swapper));
    int64_t seen = sys_object_wait(child.process, SIGNAL_PROCESS_LEFT_ASPACE, in(PATIENCE), 0);
    CHECK_EQ(seen, SIGNAL_PROCESS_STARTED | SIGNAL_PROCESS_LEFT_ASPACE);
    CHECK_EQ(child_finish(&child), 0);
    CHECK_EQ(sys_object_wait(event, 2, 0, 0), 2);
    drop(event);
}

// ---- the price

#define PRICE_CLONES 100

ROLE(clone_price) {
    EXPECT(mini_install() == OK);
    duration_t inside = 0;
    for (uint32_t i = 0; i < PRICE_CLONES; i++) {
        struct embryo embryo = embryo_make(suite.job);
        instant_t start = now();
        int64_t side = embryo_fill(&embryo);
        if (side < 0) {
            sys_process_exit(0);
        }
        inside += now() - start;
        EXPECT(side == 0 && embryo_status(&embryo) == 0);
        embryo_close(&embryo);
    }
    return inside / PRICE_CLONES;
}

TEST(libos_clone_has_a_price) {
    struct spawned child;
    REQUIRE(child_simple(&child, "clone_price", NULL));
    int64_t price = child_finish(&child);
    CHECK(price > 1000); // else it is a line
    test_figure("a clone takes its maker %ld us", price / 1000);
}
