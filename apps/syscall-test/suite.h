// SPDX-License-Identifier: MIT
//
// What the tests of native calls share. Each file tests one group of calls; its tests are named
// after the group. The program runs as a child of init and starts itself again in other roles
// (roles.h).
#pragma once

#include <abi/limits.h>
#include <abi/names.h>
#include <stdbool.h>
#include <sys/calls.h>
#include <sys/spawn.h>
#include <sys/string.h>
#include <sys/thread.h>
#include <test/test.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
// How long anything may take that must happen soon; far more than it needs on a busy machine.
#define PATIENCE SECONDS(20)

// What the program was given.
struct suite {
    handle_t job;
    handle_t log;
    handle_t system;
    handle_t archive_vmo;
    struct archive archive;
    uint64_t seed;   // of the random tests, printed
    uint64_t rounds; // of the races, all together
};

extern struct suite suite;

// ---- expecting

// Checks that a call has returned a handle. Returns it, or HANDLE_NONE.
handle_t expect_handle(int64_t result);
// Closes a handle and checks that it was one; HANDLE_NONE is left alone.
void drop(handle_t handle);
// A duplicate with these rights.
handle_t narrowed(handle_t handle, uint32_t rights);
// Whether a handle still names something.
bool handle_is_live(handle_t handle);

// ---- time

instant_t now(void);
// The instant `from_now` from here.
instant_t in(duration_t from_now);
void sleep_for(duration_t span);
// Waits, with sleeps, until condition(argument) holds; returns whether it did in PATIENCE.
bool eventually(bool (*condition)(void *argument), void *argument);

// ---- memory

// Maps fresh zeroed pages, readable and writable. Null when that fails (which counts as a failure).
void *pages_map(size_t count);
void pages_unmap(void *pages, size_t count);
// An address in a page that is not mapped, with `count` unmapped pages from there on.
vaddr_t unmapped_address(size_t count);
// Whether the kernel may write to (read from) this address on behalf of the program.
bool kernel_can_write(vaddr_t addr);
bool kernel_can_read(vaddr_t addr);

// ---- objects

// A job below the program's own with these limits (0: no limit).
handle_t job_with(uint64_t memory_pages, uint64_t handles, uint64_t threads, uint64_t processes);
struct system_info system_counters(void);
struct job_usage job_usage_of(handle_t job);

// ---- ports and channels

// A port with one channel on it.
struct service {
    handle_t port;
    handle_t client;
    handle_t server;
};

#define SERVICE_KEY 0x5e41ce5e41ceUL

struct service service_create(void);
void service_close(struct service *service);
// Takes the next packet off a port, with PATIENCE; returns the status of the wait.
status_t packet_take(handle_t port);
// Answers with an empty message.
void reply_empty(handle_t port, uint64_t token, uint32_t op);

// ---- threads that do one thing and keep the result

// Runs function(argument) in a thread and keeps what it returned.
struct task {
    struct thread thread;
    int64_t (*function)(void *argument);
    void *argument;
    int64_t result;
    uint32_t finished; // atomic
};

void task_start(struct task *task, int64_t (*function)(void *argument), void *argument);
// Waits for its end. Returns what the function returned, or ERR_BAD_STATE when it was killed.
int64_t task_join(struct task *task);
// Waits until the task's thread blocks in the kernel; returns whether it did in PATIENCE.
bool task_blocks(const struct task *task);
