// SPDX-License-Identifier: MIT
//
// Threads: their life, their blocks, and ending them wherever they are.

#include "roles.h"

#include <sys/message.h>

static int64_t return_argument(void *argument) {
    return (int64_t)argument;
}

TEST(threads_run_and_end) {
    struct task task;
    task_start(&task, return_argument, (void *)1234);
    CHECK_EQ(task_join(&task), 1234);
}

static int64_t look_at_own_block(void *argument) {
    uint64_t *found = argument;
    const struct thread_block *block = thread_block();
    found[0] = block->self == (uint64_t)block;
    found[1] = block->thread;
    found[2] = block->process;
    return 0;
}

TEST(threads_find_their_block) {
    uint64_t found[3];
    struct thread_info info;
    struct task task;
    task_start(&task, look_at_own_block, found);
    CHECK_EQ(sys_object_get(task.thread.handle, &info, sizeof(info)), OK);
    CHECK_EQ(task_join(&task), 0);
    CHECK_EQ(found[0], 1);
    CHECK_EQ(found[1], info.id);
    CHECK_EQ(found[2], info.process);
    CHECK_EQ(found[2], thread_block()->process);
}

TEST(threads_many_at_once) {
    enum { THREADS = 100 };
    static struct task tasks[THREADS];
    for (int64_t i = 0; i < THREADS; i++) {
        task_start(&tasks[i], return_argument, (void *)i);
    }
    for (int64_t i = 0; i < THREADS; i++) {
        CHECK_EQ(task_join(&tasks[i]), i);
    }
}

// ---- creating and starting

static void exit_later(void *argument) {
    (void)argument;
    sleep_for(MILLISECONDS(2));
}

TEST(threads_create_checks_the_block) {
    uint8_t *pages = pages_map(2);
    CHECK_EQ(sys_thread_create(HANDLE_NONE, (vaddr_t)pages + 8), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_thread_create(HANDLE_NONE, (vaddr_t)pages + 1), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_thread_create(HANDLE_NONE, unmapped_address(1)), ERR_FAULT);
    CHECK_EQ(sys_thread_create(HANDLE_NONE, 0), ERR_FAULT);
    CHECK_EQ(sys_thread_create(HANDLE_NONE, 0x00007ffffffff000), ERR_FAULT);
    CHECK_EQ(sys_thread_create(HANDLE_NONE, 0xffff800000000000), ERR_FAULT);
    CHECK_EQ(sys_thread_create(HANDLE_NONE, 0xfffffffffffff000), ERR_FAULT);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, (vaddr_t)pages, PAGE_SIZE, MAP_READ), OK);
    CHECK_EQ(sys_thread_create(HANDLE_NONE, (vaddr_t)pages), ERR_FAULT);
    vaddr_t text = (vaddr_t)&return_argument & ~(PAGE_SIZE - 1);
    CHECK_EQ(sys_thread_create(HANDLE_NONE, text), ERR_FAULT);
    pages_unmap(pages, 2);
}

TEST(threads_start_checks) {
    struct thread thread;
    REQUIRE_EQ(thread_prepare(&thread), OK);
    vaddr_t sp = thread_region_stack(thread.region);
    const vaddr_t bad[] = {0x0000800000000000, 0xffff800000000000, 0xffffffff80000000, UINT64_MAX};
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_EQ(sys_thread_start(thread.handle, bad[i], sp, 0, 0), ERR_INVALID_ARGUMENT);
        CHECK_EQ(sys_thread_start(thread.handle, 0x400000, bad[i], 0, 0), ERR_INVALID_ARGUMENT);
    }
    CHECK_EQ(thread_begin(&thread, exit_later, NULL), OK);
    CHECK_EQ(sys_thread_start(thread.handle, 0x400000, sp, 0, 0), ERR_BAD_STATE);
    thread_join(&thread);
}

TEST(threads_never_started_go_with_their_handle) {
    struct thread thread;
    REQUIRE_EQ(thread_prepare(&thread), OK);
    struct thread_info info;
    CHECK_EQ(sys_object_get(thread.handle, &info, sizeof(info)), OK);
    CHECK_EQ(info.state, THREAD_INFO_NEW);
    drop(thread.handle);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, thread.region, BLOCK_REGION_BYTES), OK);
}

// A block stays where the kernel has pinned it.
TEST(threads_block_is_pinned) {
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0));
    int64_t block = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    REQUIRE(block > 0);
    handle_t thread = expect_handle(sys_thread_create(HANDLE_NONE, (vaddr_t)block));
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, (vaddr_t)block, PAGE_SIZE), ERR_BUSY);
    CHECK_EQ(sys_vmo_decommit(vmo, 0, PAGE_SIZE), ERR_BUSY);
    CHECK_EQ(sys_aspace_map(HANDLE_NONE, vmo, 0, (vaddr_t)block, PAGE_SIZE, MAP_READ | MAP_FIXED),
             ERR_BUSY);
    CHECK_EQ(((struct thread_block *)block)->self, (uint64_t)block);
    drop(thread);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, (vaddr_t)block, PAGE_SIZE), OK);
    drop(vmo);
}

// The kernel goes on using the pinned page itself; a clone gets a copy of it at once.
TEST(threads_block_survives_a_clone) {
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0));
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    REQUIRE(addr > 0);
    struct thread_block *block = (struct thread_block *)addr;
    handle_t thread = expect_handle(sys_thread_create(HANDLE_NONE, (vaddr_t)addr));
    handle_t clone = expect_handle(sys_vmo_clone(vmo, 0, PAGE_SIZE, 0));
    CHECK_EQ(sys_thread_interrupt(thread, 0x30), OK);
    CHECK_EQ(__atomic_exchange_n(&block->latched, 0x1, __ATOMIC_SEQ_CST), 0x30);
    CHECK_EQ(sys_thread_interrupt(thread, 0x2), OK);
    CHECK_EQ(__atomic_load_n(&block->latched, __ATOMIC_SEQ_CST), 0x3);
    uint32_t cloned = 1;
    CHECK_EQ(sys_vmo_read(clone, offsetof(struct thread_block, latched), &cloned, 4), 4);
    CHECK_EQ(cloned, 0);
    drop(thread);
    drop(clone);
    pages_unmap(block, 1);
    drop(vmo);
}

// ---- ending

static uint32_t clear_word;

static void exit_and_clear(void *argument) {
    sys_thread_exit((vaddr_t)&clear_word, (vaddr_t)argument, PAGE_SIZE);
}

TEST(threads_exit_clears_wakes_and_unmaps) {
    struct thread thread;
    void *page = pages_map(1);
    __atomic_store_n(&clear_word, 1, __ATOMIC_SEQ_CST);
    REQUIRE_EQ(thread_run(&thread, exit_and_clear, page), OK);
    while (__atomic_load_n(&clear_word, __ATOMIC_SEQ_CST) != 0) {
        status_t status = sys_futex_wait((vaddr_t)&clear_word, 1, 1, in(PATIENCE), 0);
        REQUIRE(status == OK || status == ERR_WOULD_BLOCK);
    }
    thread_join(&thread);
    CHECK(!kernel_can_write((vaddr_t)page));
}

static void exit_with_nonsense(void *argument) {
    const vaddr_t *values = argument;
    sys_thread_exit(values[0], values[1], values[2]);
}

TEST(threads_exit_survives_nonsense) {
    vaddr_t values[][3] = {
        {0xffff800000000000, 0, 0},
        {1, 0, 0},
        {0, 0xffff800000000000, PAGE_SIZE},
        {0, 0x1001, PAGE_SIZE},
        {0, PAGE_SIZE, UINT64_MAX},
        {0, 0, UINT64_MAX & ~0xfffUL},
        {unmapped_address(1), unmapped_address(1), PAGE_SIZE},
    };
    for (size_t i = 0; i < COUNT(values); i++) {
        struct thread thread;
        REQUIRE_EQ(thread_run(&thread, exit_with_nonsense, values[i]), OK);
        thread_join(&thread);
    }
}

TEST(threads_last_exit_ends_the_process) {
    struct spawned child;
    REQUIRE(child_simple(&child, "last_thread", NULL));
    struct process_info info = child_wait(&child);
    CHECK_EQ(info.cause, EXIT_VOLUNTARY);
    CHECK_EQ(info.status, 0);
    CHECK_EQ(info.threads, 0);
    spawned_close(&child);
}

ROLE(last_thread) {
    static struct thread threads[3];
    for (size_t i = 0; i < COUNT(threads); i++) {
        if (thread_run(&threads[i], exit_later, NULL) != OK) {
            return 1;
        }
    }
    sys_thread_exit(0, 0, 0);
}

// Kills a task wherever it is, and checks that it went.
static void check_killed(struct task *task) {
    CHECK_EQ(sys_task_kill(task->thread.handle, 0, 0), OK);
    CHECK_EQ(sys_object_wait(task->thread.handle, SIGNAL_THREAD_ENDED, in(PATIENCE), 0),
             SIGNAL_THREAD_ENDED);
    CHECK_EQ(sys_task_kill(task->thread.handle, 0, 0), ERR_BAD_STATE);
    CHECK_EQ(sys_thread_interrupt(task->thread.handle, 1), ERR_BAD_STATE);
    struct thread_info info;
    CHECK_EQ(sys_object_get(task->thread.handle, &info, sizeof(info)), OK);
    CHECK_EQ(info.state, THREAD_INFO_DEAD);
    CHECK_EQ(task_join(task), ERR_BAD_STATE);
}

static int64_t spin(void *argument) {
    volatile uint64_t *counter = argument;
    for (;;) {
        (*counter)++;
    }
    return 0;
}

static int64_t sleep_forever(void *argument) {
    (void)argument;
    return sys_thread_sleep(INSTANT_NEVER, 0);
}

static int64_t wait_futex(void *argument) {
    return sys_futex_wait((vaddr_t)argument, 0, 1, INSTANT_NEVER, 0);
}

static int64_t wait_event(void *argument) {
    return sys_object_wait(*(handle_t *)argument, 1, INSTANT_NEVER, 0);
}

static int64_t wait_port(void *argument) {
    return sys_port_reply_wait(*(handle_t *)argument, 0, INSTANT_NEVER, 0);
}

static int64_t wait_call(void *argument) {
    message_begin(1);
    return sys_channel_call(*(handle_t *)argument, INSTANT_NEVER, 0);
}

static int64_t wait_stream(void *argument) {
    char c;
    return sys_stream_read(*(handle_t *)argument, &c, 1, INSTANT_NEVER, 0);
}

TEST(threads_killed_while_running) {
    struct task task;
    uint64_t counter = 0;
    task_start(&task, spin, &counter);
    while (__atomic_load_n(&counter, __ATOMIC_RELAXED) == 0) {
        sleep_for(MICROSECONDS(100));
    }
    check_killed(&task);
    uint64_t before = __atomic_load_n(&counter, __ATOMIC_RELAXED);
    sleep_for(MILLISECONDS(2));
    CHECK_EQ(__atomic_load_n(&counter, __ATOMIC_RELAXED), before);
}

TEST(threads_killed_before_their_start) {
    struct thread thread;
    REQUIRE_EQ(thread_prepare(&thread), OK);
    CHECK_EQ(sys_task_kill(thread.handle, 0, 0), OK);
    status_t status = sys_thread_start(thread.handle, 0x400000, 0x400000, 0, 0);
    CHECK_EQ(status, ERR_BAD_STATE);
    drop(thread.handle);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, thread.region, BLOCK_REGION_BYTES), OK);
}

TEST(threads_killed_in_each_wait) {
    struct service service = service_create();
    handle_t event = expect_handle(sys_event_create());
    int64_t streams = sys_stream_create(STREAM_MIN_BYTES, 0);
    REQUIRE(streams > 0);
    handle_t reader = handle_pair_first(streams);
    uint32_t word = 0;
    struct service idle = service_create();
    struct {
        int64_t (*function)(void *);
        void *argument;
    } waits[] = {
        {sleep_forever, NULL},      {wait_futex, &word},       {wait_event, &event},
        {wait_port, &service.port}, {wait_call, &idle.client}, {wait_stream, &reader},
    };
    for (size_t i = 0; i < COUNT(waits); i++) {
        struct task task;
        task_start(&task, waits[i].function, waits[i].argument);
        CHECK(task_blocks(&task));
        check_killed(&task);
    }
    // What they waited on works for others.
    CHECK_EQ(sys_futex_wake((vaddr_t)&word, 10, 1, 0), 0);
    CHECK_EQ(sys_port_reply_wait(idle.port, 0, 0, 0), ERR_TIMED_OUT);
    drop(reader);
    drop(handle_pair_second(streams));
    drop(event);
    service_close(&idle);
    service_close(&service);
}

// ---- interruption

struct sleeper {
    instant_t deadline;
    uint32_t flags;
    uint32_t go; // atomic
};

static int64_t sleep_as_told(void *argument) {
    struct sleeper *sleeper = argument;
    while (__atomic_load_n(&sleeper->go, __ATOMIC_ACQUIRE) == 0) {
    }
    int64_t result = sys_thread_sleep(sleeper->deadline, sleeper->flags);
    return result == OK ? (int64_t)thread_block()->latched : result;
}

TEST(threads_interrupt_ends_a_sleep) {
    struct sleeper sleeper = {.deadline = INSTANT_NEVER, .flags = WAIT_INTERRUPTIBLE, .go = 1};
    struct task task;
    task_start(&task, sleep_as_told, &sleeper);
    CHECK(task_blocks(&task));
    CHECK_EQ(sys_thread_interrupt(task.thread.handle, 0x10), OK);
    CHECK_EQ(task_join(&task), ERR_INTERRUPTED);
}

// An interruption that comes before the wait is not lost.
TEST(threads_interrupt_latches) {
    struct sleeper sleeper = {.deadline = INSTANT_NEVER, .flags = WAIT_INTERRUPTIBLE};
    struct task task;
    task_start(&task, sleep_as_told, &sleeper);
    CHECK_EQ(sys_thread_interrupt(task.thread.handle, 0x1), OK);
    CHECK_EQ(sys_thread_interrupt(task.thread.handle, 0x100), OK);
    const struct thread_block *block = (const struct thread_block *)task.thread.region;
    CHECK_EQ(__atomic_load_n(&block->latched, __ATOMIC_SEQ_CST), 0x101);
    __atomic_store_n(&sleeper.go, 1, __ATOMIC_RELEASE);
    CHECK_EQ(task_join(&task), ERR_INTERRUPTED);
}

TEST(threads_interrupt_leaves_other_waits) {
    struct sleeper sleeper = {.deadline = in(MILLISECONDS(200)), .go = 1};
    struct task task;
    task_start(&task, sleep_as_told, &sleeper);
    CHECK(task_blocks(&task));
    CHECK_EQ(sys_thread_interrupt(task.thread.handle, 2), OK);
    CHECK_EQ(task_join(&task), 2); // slept to its end, and the bit is there
    CHECK(now() >= sleeper.deadline);
    CHECK_EQ(sys_thread_interrupt(suite.log, 1), ERR_WRONG_TYPE);
}

// The same by the thread's id, with a handle of the process alone.
TEST(threads_are_interrupted_through_their_process) {
    struct spawned child;
    REQUIRE(child_simple(&child, "interruptible", NULL));
    struct thread_info info = {0};
    CHECK_EQ(sys_object_get(child.thread, &info, sizeof(info)), OK);
    CHECK_EQ(sys_process_interrupt(child.process, info.id, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_process_interrupt(child.process, UINT64_MAX, 1), ERR_NOT_FOUND);
    CHECK_EQ(sys_process_interrupt(child.process, thread_block()->thread, 1), ERR_NOT_FOUND);
    handle_t weak = narrowed(child.process, RIGHTS_PROCESS & ~RIGHT_INTERRUPT);
    CHECK_EQ(sys_process_interrupt(weak, info.id, 1), ERR_ACCESS_DENIED);
    drop(weak);
    CHECK_EQ(sys_process_interrupt(child.process, info.id, 4), OK);
    CHECK_EQ(sys_process_interrupt(child.process, 0, 2), OK);
    struct process_info end = child_wait(&child);
    CHECK_EQ(end.status, 6);
    CHECK_EQ(sys_process_interrupt(child.process, 0, 2), ERR_NOT_FOUND);
    CHECK(sys_process_interrupt(child.process, info.id, 2) < 0);
    spawned_close(&child);
}

ROLE(interruptible) {
    struct thread_block *block = thread_block();
    instant_t end = in(PATIENCE);
    while (__atomic_load_n(&block->latched, __ATOMIC_SEQ_CST) != 6 && now() < end) {
        sleep_for(MICROSECONDS(200));
    }
    return (int64_t)block->latched;
}

TEST(threads_interrupt_wants_bits) {
    struct sleeper sleeper = {.deadline = 0};
    struct task task;
    task_start(&task, sleep_as_told, &sleeper);
    CHECK_EQ(sys_thread_interrupt(task.thread.handle, 0), ERR_INVALID_ARGUMENT);
    __atomic_store_n(&sleeper.go, 1, __ATOMIC_RELEASE);
    CHECK_EQ(task_join(&task), 0);
}

TEST(threads_sleep_to_their_deadline) {
    for (int i = 1; i <= 5; i++) {
        instant_t deadline = in(MICROSECONDS(700 * i));
        CHECK_EQ(sys_thread_sleep(deadline, 0), OK);
        CHECK(now() >= deadline);
    }
    instant_t start = now();
    CHECK_EQ(sys_thread_sleep(1, 0), OK);
    CHECK_EQ(sys_thread_sleep(start - 1, 0), OK);
    CHECK_EQ(sys_thread_sleep(INT64_MIN, 0), OK);
    CHECK(now() - start < PATIENCE);
}

// ---- cookies, priorities, information

TEST(threads_cookie_is_set_with_the_right_only) {
    struct task task;
    task_start(&task, sleep_forever, NULL);
    struct thread_info info;
    CHECK_EQ(sys_thread_set_cookie(suite.job, task.thread.handle, 0xc00c1e), OK);
    CHECK_EQ(sys_object_get(task.thread.handle, &info, sizeof(info)), OK);
    CHECK_EQ(info.cookie, 0xc00c1e);
    handle_t other = job_with(0, 0, 0, 0);
    status_t status = sys_thread_set_cookie(other, task.thread.handle, 1);
    CHECK_EQ(status, ERR_ACCESS_DENIED);
    drop(other);
    CHECK(task_blocks(&task));
    CHECK_EQ(sys_task_kill(task.thread.handle, 0, 0), OK);
    CHECK_EQ(sys_object_wait(task.thread.handle, SIGNAL_THREAD_ENDED, in(PATIENCE), 0),
             SIGNAL_THREAD_ENDED);
    CHECK_EQ(sys_thread_set_cookie(suite.job, task.thread.handle, 2), ERR_BAD_STATE);
    (void)task_join(&task);
}

TEST(threads_priority_has_bounds) {
    struct task task;
    task_start(&task, sleep_forever, NULL);
    CHECK_EQ(sys_thread_set_priority(task.thread.handle, 32), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_thread_set_priority(task.thread.handle, UINT32_MAX), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_thread_set_priority(task.thread.handle, 31), ERR_ACCESS_DENIED);
    CHECK_EQ(sys_thread_set_priority(task.thread.handle, 1), OK);
    CHECK(task_blocks(&task));
    check_killed(&task);
}

TEST(threads_info_tells_the_state) {
    handle_t event = expect_handle(sys_event_create());
    struct handle_info event_info;
    CHECK_EQ(sys_handle_info(event, &event_info), OK);
    struct task task;
    task_start(&task, wait_event, &event);
    CHECK(task_blocks(&task));
    struct thread_info info;
    CHECK_EQ(sys_object_get(task.thread.handle, &info, sizeof(info)), OK);
    CHECK_EQ(info.state, THREAD_INFO_BLOCKED);
    CHECK_EQ(info.waits_on, event_info.id);
    CHECK(info.waits != 0);
    CHECK_EQ(sys_event_signal(event, 0, 1), 0);
    CHECK_EQ(task_join(&task), 1);
    drop(event);
}

TEST(threads_cpu_time_grows) {
    struct task task;
    uint64_t counter = 0;
    task_start(&task, spin, &counter);
    struct thread_info info;
    instant_t end = in(PATIENCE);
    do {
        sleep_for(MILLISECONDS(5));
        CHECK_EQ(sys_object_get(task.thread.handle, &info, sizeof(info)), OK);
    } while (info.cpu_time < MILLISECONDS(5) && now() < end);
    CHECK(info.cpu_time >= MILLISECONDS(5));
    check_killed(&task);
}
