// SPDX-License-Identifier: MIT
//
// Processes that the tests start: this program again, in a role.
#pragma once

#include "suite.h"

// The handles given to the child beside "log", "job" and "archive".
#define CHILD_HANDLES_MAX 8
#define CHILD_OWN_HANDLES 3

// Numbers of a child's handles in its own table; its successor finds them under the same.
struct child_numbers {
    handle_t handles[CHILD_OWN_HANDLES + CHILD_HANDLES_MAX];
};

struct child_options {
    const char *role;
    const char *argument; // --arg=, null for none
    handle_t job;         // HANDLE_NONE: the program's own
    uint32_t flags;       // PROCESS_KEEP
    handle_t predecessor; // the child inherits its table; then `numbers` says what is there
    struct child_numbers *numbers; // null, or filled in
    uint64_t cookie;
    uint64_t provider;
    uint32_t handle_count;
    struct spawn_handle handles[CHILD_HANDLES_MAX];
};

// Starts a child (child_prepare: without letting it run). Returns whether that worked; if not, it
// counts as a failure.
bool child_prepare(struct spawned *child, const struct child_options *options);
bool child_start(struct spawned *child, const struct child_options *options);
// A child with nothing but a role and an argument.
bool child_simple(struct spawned *child, const char *role, const char *argument);
// Waits until it has ended; info.cause stays EXIT_RUNNING when it does not in PATIENCE.
struct process_info child_wait(const struct spawned *child);
// Waits, closes the handles, and returns the status of a voluntary end; anything else counts as a
// failure and gives -1.
int64_t child_finish(struct spawned *child);
// Kills it and waits for the end.
void child_kill(struct spawned *child);

// ---- the other side: what a child does

struct role {
    const char *name;
    int64_t (*run)(void);
};

// Defines a role. What its function returns is the exit status: 0 is well unless the role says
// otherwise. The linker gathers the pointers in one section.
#define ROLE(role_name)                                                                            \
    static int64_t role_run_##role_name(void);                                                     \
    static const struct role role_##role_name = {#role_name, role_run_##role_name};                \
    static const struct role *const role_entry_##role_name                                         \
        __attribute__((section("roles"), used)) = &role_##role_name;                               \
    static int64_t role_run_##role_name(void)

// The number that the parent gave as the argument.
int64_t role_argument(void);
// Runs the role of this name and returns its exit status.
int64_t role_main(const char *name);
