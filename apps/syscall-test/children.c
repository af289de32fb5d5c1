// SPDX-License-Identifier: MIT

#include "roles.h"

#define PROGRAM_PATH "bin/syscall-test"
#define ARGUMENT_BYTES 64

static bool add_option(char text[ARGUMENT_BYTES], const char *key, const char *value) {
    size_t length = strlen(key);
    memcpy(text, key, length);
    return text_copy(text + length, ARGUMENT_BYTES - length, value);
}

bool child_prepare(struct spawned *child, const struct child_options *options) {
    char role[ARGUMENT_BYTES];
    char argument[ARGUMENT_BYTES];
    const char *arguments[] = {role, argument};
    handle_t job = options->job != HANDLE_NONE ? options->job : suite.job;
    struct spawn_handle handles[CHILD_OWN_HANDLES + CHILD_HANDLES_MAX] = {
        {"log", suite.log, RIGHTS_LOG},
        {"job", job, RIGHTS_JOB},
        {"archive", suite.archive_vmo, RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_MAP},
    };
    memcpy(&handles[CHILD_OWN_HANDLES], options->handles, sizeof(options->handles));
    bool successor = options->predecessor != HANDLE_NONE;
    for (uint32_t i = 0; successor && i < COUNT(handles); i++) {
        handles[i].handle = options->numbers->handles[i];
        handles[i].rights = SPAWN_KEPT;
    }
    CHECK(add_option(role, "--role=", options->role));
    CHECK(add_option(argument, "--arg=", options->argument != NULL ? options->argument : ""));
    const struct spawn_options spawn_options = {
        .archive = &suite.archive,
        .path = PROGRAM_PATH,
        .label = options->role,
        .job = job,
        .predecessor = options->predecessor,
        .flags = options->flags,
        .cookie = options->cookie,
        .provider = options->provider,
        .arguments = arguments,
        .argument_count = COUNT(arguments),
        .handles = handles,
        .handle_count = CHILD_OWN_HANDLES + options->handle_count,
        .given = options->numbers != NULL ? options->numbers->handles : NULL,
    };
    status_t status = spawn_prepare(&spawn_options, child);
    CHECK_EQ(status, OK);
    return status == OK;
}

bool child_start(struct spawned *child, const struct child_options *options) {
    if (!child_prepare(child, options)) {
        return false;
    }
    status_t status = spawn_start(child);
    CHECK_EQ(status, OK);
    return status == OK;
}

bool child_simple(struct spawned *child, const char *role, const char *argument) {
    const struct child_options options = {.role = role, .argument = argument};
    return child_start(child, &options);
}

struct process_info child_wait(const struct spawned *child) {
    struct process_info info = {0};
    int64_t ended = sys_object_wait(child->process, SIGNAL_PROCESS_ENDED, in(PATIENCE), 0);
    CHECK(ended > 0 && (ended & SIGNAL_PROCESS_ENDED) != 0);
    CHECK_EQ(sys_object_get(child->process, &info, sizeof(info)), OK);
    return info;
}

int64_t child_finish(struct spawned *child) {
    struct process_info info = child_wait(child);
    CHECK_EQ(info.cause, EXIT_VOLUNTARY);
    spawned_close(child);
    return info.cause == EXIT_VOLUNTARY ? info.status : -1;
}

void child_kill(struct spawned *child) {
    (void)!sys_task_kill(child->process, 0, 0);
    (void)child_wait(child);
    spawned_close(child);
}
