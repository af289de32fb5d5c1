// SPDX-License-Identifier: MIT

#include "suite.h"

#include <sys/message.h>

struct suite suite;

// ---- expecting

handle_t expect_handle(int64_t result) {
    bool good = result > 0 && result <= INT32_MAX;
    if (!good) {
        CHECK_EQ(result, OK); // shows the status
        return HANDLE_NONE;
    }
    return (handle_t)result;
}

void drop(handle_t handle) {
    if (handle != HANDLE_NONE) {
        CHECK_EQ(sys_handle_close(handle), OK);
    }
}

handle_t narrowed(handle_t handle, uint32_t rights) {
    return expect_handle(sys_handle_duplicate(handle, rights));
}

bool handle_is_live(handle_t handle) {
    struct handle_info info;
    return sys_handle_info(handle, &info) == OK;
}

// ---- time

instant_t now(void) {
    return sys_clock_get();
}

instant_t in(duration_t from_now) {
    return now() + from_now;
}

void sleep_for(duration_t span) {
    CHECK_EQ(sys_thread_sleep(in(span), 0), OK);
}

bool eventually(bool (*condition)(void *argument), void *argument) {
    instant_t end = in(PATIENCE);
    duration_t pause = MICROSECONDS(100);
    while (!condition(argument)) {
        if (now() > end) {
            return false;
        }
        sleep_for(pause);
        pause = pause < MILLISECONDS(20) ? pause * 2 : pause;
    }
    return true;
}

// ---- memory

void *pages_map(size_t count) {
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, count * PAGE_SIZE, 0));
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, count * PAGE_SIZE, MAP_READ | MAP_WRITE);
    drop(vmo);
    CHECK(addr > 0);
    return addr > 0 ? (void *)addr : NULL;
}

void pages_unmap(void *pages, size_t count) {
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, (vaddr_t)pages, count * PAGE_SIZE), OK);
}

vaddr_t unmapped_address(size_t count) {
    void *pages = pages_map(count);
    pages_unmap(pages, count);
    return (vaddr_t)pages;
}

bool kernel_can_write(vaddr_t addr) {
    status_t status = sys_random_get((void *)addr, 1);
    CHECK(status == OK || status == ERR_FAULT);
    return status == OK;
}

bool kernel_can_read(vaddr_t addr) {
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0));
    int64_t result = sys_vmo_write(vmo, 0, (const void *)addr, 1);
    drop(vmo);
    CHECK(result == 1 || result == ERR_FAULT);
    return result == 1;
}

// ---- objects

static uint64_t or_unlimited(uint64_t limit) {
    return limit == 0 ? JOB_UNLIMITED : limit;
}

handle_t job_with(uint64_t memory_pages, uint64_t handles, uint64_t threads, uint64_t processes) {
    struct job_limits limits = {
        .memory_pages = or_unlimited(memory_pages),
        .handles = or_unlimited(handles),
        .threads = or_unlimited(threads),
        .processes = or_unlimited(processes),
    };
    return expect_handle(sys_job_create(suite.job, &limits));
}

struct system_info system_counters(void) {
    struct system_info info = {0};
    CHECK_EQ(sys_object_get(suite.system, &info, sizeof(info)), OK);
    return info;
}

struct job_usage job_usage_of(handle_t job) {
    struct job_usage usage = {0};
    CHECK_EQ(sys_object_get(job, &usage, sizeof(usage)), OK);
    return usage;
}

// ---- ports and channels

struct service service_create(void) {
    struct service service = {.port = expect_handle(sys_port_create())};
    int64_t pair = sys_channel_create(service.port, SERVICE_KEY, 0);
    CHECK(pair > 0);
    if (pair > 0) {
        service.client = handle_pair_first(pair);
        service.server = handle_pair_second(pair);
    }
    return service;
}

void service_close(struct service *service) {
    drop(service->client);
    drop(service->server);
    drop(service->port);
    *service = (struct service){0};
}

status_t packet_take(handle_t port) {
    return sys_port_reply_wait(port, 0, in(PATIENCE), 0);
}

void reply_empty(handle_t port, uint64_t token, uint32_t op) {
    message_begin(op);
    CHECK_EQ(sys_port_reply_wait(port, token, 0, 0), ERR_TIMED_OUT);
}

// ---- tasks

static void task_main(void *argument) {
    struct task *task = argument;
    task->result = task->function(task->argument);
    __atomic_store_n(&task->finished, 1, __ATOMIC_RELEASE);
}

void task_start(struct task *task, int64_t (*function)(void *argument), void *argument) {
    *task = (struct task){.function = function, .argument = argument};
    CHECK_EQ(thread_run(&task->thread, task_main, task), OK);
}

int64_t task_join(struct task *task) {
    if (task->thread.handle == HANDLE_NONE) {
        return ERR_BAD_STATE;
    }
    thread_join(&task->thread);
    return __atomic_load_n(&task->finished, __ATOMIC_ACQUIRE) != 0 ? task->result : ERR_BAD_STATE;
}

static bool is_blocked(void *argument) {
    const struct task *task = argument;
    struct thread_info info;
    status_t status = sys_object_get(task->thread.handle, &info, sizeof(info));
    return status == OK && info.state == THREAD_INFO_BLOCKED;
}

bool task_blocks(const struct task *task) {
    return eventually(is_blocked, (void *)task);
}
