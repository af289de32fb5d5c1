// SPDX-License-Identifier: MIT

#include "supervisor.h"

#include <abi/names.h>
#include <ds/format.h>
#include <server/start.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/mutex.h>
#include <sys/spawn.h>
#include <sys/start.h>
#include <sys/string.h>
#include <sys/thread.h>

#define VAULT_BYTES (2UL << 20)
#define VAULT_RIGHTS (RIGHT_TRANSFER | RIGHT_READ | RIGHT_WRITE | RIGHT_MAP)
#define KEY_ENDED 1
#define KEY_STOP 2
#define HANDLES_MAX 8
#define POLL MICROSECONDS(200)

static struct {
    struct mutex lock; // guards all that changes after the start
    struct spawned running;
    handle_t vault, heartbeat, root, port, stop;
    struct spawn_handle handles[HANDLES_MAX]; // after the first start: numbers in its table
    uint32_t handle_count, starts;
    char folder[40];
    const char *once, *each; // stages
    uint32_t once_nth, each_nth;
    struct archive archive;
    struct thread watcher;
} files;

static handle_t must(int64_t result, const char *what) {
    if (result < 0) {
        panic("fs-test: %s: %s", what, status_name(result));
    }
    return (handle_t)result;
}

static void add(const char *name, handle_t handle, uint32_t rights) {
    files.handles[files.handle_count++] = (struct spawn_handle){name, handle, rights};
}

static void prepare(void) {
    files.vault = must(sys_vmo_create(start_handle("job"), VAULT_BYTES, 0), "a vault");
    files.heartbeat = must(sys_event_create(), "an event");
    handle_t port = must(sys_port_create(), "a port");
    int64_t pair = sys_channel_create(port, 0, 0);
    (void)must(pair < 0 ? pair : OK, "a channel");
    files.root = handle_pair_first(pair);
    add(SERVER_PORT, port, SPAWN_MOVE);
    add(SERVER_VAULT, files.vault, VAULT_RIGHTS);
    add(SERVER_HEARTBEAT, files.heartbeat, RIGHT_TRANSFER | RIGHT_SIGNAL);
    add("log", start_handle("log"), RIGHT_TRANSFER | RIGHT_WRITE);
    add("archive", start_handle("archive"), RIGHT_TRANSFER | RIGHT_READ | RIGHT_MAP);
    add("endpoint", handle_pair_second(pair), SPAWN_MOVE);
}

// Starts an instance, on the table of the dead one when there was one.
static void start(void) {
    char die[64];
    const char *arguments[2] = {files.folder, die};
    const char *stage = files.once != NULL ? files.once : files.each;
    uint32_t nth = files.once != NULL ? files.once_nth : files.each_nth;
    struct vault_summary summary = {0};
    // A vault that was never made has no calls.
    (void)!vault_inspect(files.vault, &summary);
    text_format(die, sizeof(die), "die-at=%lu%s:%s", summary.messages + nth,
                files.once != NULL ? "" : "+", stage != NULL ? stage : "");
    files.once = NULL;
    handle_t given[HANDLES_MAX];
    struct spawned before = files.running;
    struct spawn_options options = {
        .archive = &files.archive,
        .path = "sbin/tmpfsd",
        .job = start_handle("job"),
        .predecessor = before.process,
        .flags = PROCESS_KEEP,
        .arguments = arguments,
        .argument_count = stage != NULL ? 2 : 1,
        .handles = files.handles,
        .handle_count = files.handle_count,
        .given = given,
    };
    (void)must(spawn_prepare(&options, &files.running), "spawning tmpfsd");
    for (uint32_t i = 0; i < files.handle_count; i++) {
        files.handles[i].handle = given[i];
        files.handles[i].rights = SPAWN_KEPT;
    }
    (void)must(sys_object_bind(files.running.process, files.port, KEY_ENDED, SIGNAL_PROCESS_ENDED),
               "binding a process");
    (void)!sys_thread_set_priority(files.running.thread, 20);
    (void)must(spawn_start(&files.running), "starting tmpfsd");
    files.starts++;
    if (before.process != HANDLE_NONE) {
        spawned_close(&before);
    }
}

static void ended(void) {
    struct process_info info;
    (void)must(sys_object_get(files.running.process, &info, sizeof(info)), "a process");
    if (info.cause == EXIT_RUNNING) {
        return; // the packet was a predecessor's
    }
    if (info.cause == EXIT_FAULT || (info.cause == EXIT_VOLUNTARY && info.status >= 120)) {
        panic("fs-test: tmpfsd ended by itself: cause %u, status %ld, at %lx", info.cause,
              info.status, info.fault_pc);
    }
    start();
}

static void watch(void *argument) {
    (void)argument;
    for (;;) {
        (void)must(sys_port_reply_wait(files.port, 0, INSTANT_NEVER, 0), "waiting");
        if (thread_block()->packet.key == KEY_STOP) {
            return;
        }
        mutex_lock(&files.lock);
        ended();
        mutex_unlock(&files.lock);
    }
}

void files_start(const char *folder) {
    (void)must(archive_map(start_handle("archive"), &files.archive), "mapping the boot archive");
    files.port = must(sys_port_create(), "a port");
    files.stop = must(sys_event_create(), "an event");
    (void)must(sys_object_bind(files.stop, files.port, KEY_STOP, 1), "binding an event");
    text_format(files.folder, sizeof(files.folder), "folder=%s", folder);
    files.running = (struct spawned){0};
    files.handle_count = files.starts = 0;
    files.once = files.each = NULL;
    prepare();
    start();
    (void)must(thread_run(&files.watcher, watch, NULL), "a thread");
    (void)!sys_thread_set_priority(files.watcher.handle, 24);
}

void files_stop(void) {
    (void)sys_event_signal(files.stop, 0, 1);
    thread_join(&files.watcher);
    (void)!sys_task_kill(files.running.process, 0, 0);
    (void)sys_object_wait(files.running.process, SIGNAL_PROCESS_ENDED, INSTANT_NEVER, 0);
    (void)!sys_process_discard(files.running.process);
    spawned_close(&files.running);
    const handle_t own[] = {files.root, files.vault, files.heartbeat, files.stop, files.port};
    for (uint32_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        (void)!sys_handle_close(own[i]);
    }
    archive_unmap(&files.archive);
}

handle_t files_root(void) {
    return files.root;
}

bool files_kill(void) {
    mutex_lock(&files.lock);
    status_t status = sys_task_kill(files.running.process, 0, 0);
    mutex_unlock(&files.lock);
    return status == OK;
}

uint32_t files_starts(void) {
    mutex_lock(&files.lock);
    uint32_t starts = files.starts;
    mutex_unlock(&files.lock);
    return starts;
}

void files_restart(void) {
    uint32_t before = files_starts();
    while (!files_kill()) {
        (void)!sys_thread_sleep((instant_t)sys_clock_get() + POLL, 0);
    }
    while (files_starts() == before) {
        (void)!sys_thread_sleep((instant_t)sys_clock_get() + POLL, 0);
    }
}

struct vault_summary files_summary(void) {
    struct vault_summary summary = {0};
    (void)must(vault_inspect(files.vault, &summary), "looking into the vault");
    return summary;
}

void files_die_once(uint32_t nth, const char *stage) {
    mutex_lock(&files.lock);
    files.once_nth = nth;
    files.once = stage;
    mutex_unlock(&files.lock);
}

void files_die_each(uint32_t nth, const char *stage) {
    mutex_lock(&files.lock);
    files.each_nth = nth;
    files.each = stage;
    mutex_unlock(&files.lock);
}
