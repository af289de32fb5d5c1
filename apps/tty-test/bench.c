// SPDX-License-Identifier: MIT

#include "bench.h"

#include <abi/names.h>
#include <ds/format.h>
#include <server/inspect.h>
#include <server/start.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/mutex.h>
#include <sys/spawn.h>
#include <sys/start.h>
#include <sys/string.h>
#include <sys/thread.h>

#include "peers.h"

#define VAULT_BYTES (512UL * 1024)
#define VAULT_RIGHTS (RIGHT_TRANSFER | RIGHT_READ | RIGHT_WRITE | RIGHT_MAP)
#define KEY_ENDED 1
#define KEY_STOP 2
#define HANDLES 7

static struct spawned running;
static struct spawn_handle handles[HANDLES];
static handle_t vault, channel, port, stop_event;
static struct archive archive;
static struct thread watcher;
static struct mutex lock; // guards what follows, and the running instance
static uint32_t starts;
static char die_at[64];
static const char *each_stage; // null: none
static uint32_t each_nth;

handle_t must(int64_t result, const char *what) {
    if (result < 0) {
        panic("tty-test: %s: %s", what, status_name(result));
    }
    return (handle_t)result;
}

// ---- the instances

static void prepare(void) {
    vault = must(sys_vmo_create(start_handle("job"), VAULT_BYTES, 0), "a vault");
    handle_t own_port = must(sys_port_create(), "a port");
    int64_t pair = sys_channel_create(own_port, 0, 0);
    (void)must(pair < 0 ? pair : OK, "a channel");
    channel = handle_pair_first(pair);
    const struct spawn_handle list[HANDLES] = {
        {SERVER_PORT, own_port, SPAWN_MOVE},
        {SERVER_VAULT, vault, VAULT_RIGHTS},
        {SERVER_HEARTBEAT, must(sys_event_create(), "an event"), SPAWN_MOVE},
        {"log", start_handle("log"), RIGHT_TRANSFER | RIGHT_WRITE},
        {"endpoint", handle_pair_second(pair), SPAWN_MOVE},
        {"uart", peers_uart(), SPAWN_MOVE},
        {"proc", peers_proc(), SPAWN_MOVE},
    };
    memcpy(handles, list, sizeof(list));
}

static void start(void) {
    handle_t given[HANDLES];
    struct spawned before = running;
    if (each_stage != NULL) {
        text_format(die_at, sizeof(die_at), "die-at=%lu+:%s", ttyd_messages() + each_nth,
                    each_stage);
    }
    const char *arguments[1] = {die_at};
    struct spawn_options options = {
        .archive = &archive,
        .path = "sbin/ttyd",
        .job = start_handle("job"),
        .predecessor = before.process,
        .flags = PROCESS_KEEP,
        .arguments = arguments,
        .argument_count = die_at[0] != '\0',
        .handles = handles,
        .handle_count = HANDLES,
        .given = given,
    };
    (void)must(spawn_prepare(&options, &running), "spawning ttyd");
    for (uint32_t i = 0; i < HANDLES; i++) {
        handles[i].handle = given[i];
        handles[i].rights = SPAWN_KEPT;
    }
    (void)must(sys_object_bind(running.process, port, KEY_ENDED, SIGNAL_PROCESS_ENDED),
               "a binding");
    (void)!sys_thread_set_priority(running.thread, 20);
    (void)must(spawn_start(&running), "starting ttyd");
    die_at[0] = '\0';
    starts++;
    if (before.process != HANDLE_NONE) {
        spawned_close(&before);
    }
}

static void watch(void *argument) {
    (void)argument;
    for (;;) {
        (void)must(sys_port_reply_wait(port, 0, INSTANT_NEVER, 0), "waiting");
        if (thread_block()->packet.key == KEY_STOP) {
            return;
        }
        mutex_lock(&lock);
        struct process_info info;
        (void)must(sys_object_get(running.process, &info, sizeof(info)), "a process");
        if (info.cause != EXIT_RUNNING) {
            if (info.cause != EXIT_KILLED && info.cause != EXIT_VOLUNTARY) {
                log_printf("tty-test: ttyd ended by itself: cause %u", info.cause);
            }
            if (info.cause == EXIT_VOLUNTARY && info.status >= SERVER_EXIT_START) {
                panic("tty-test: ttyd gave up with status %ld", info.status);
            }
            start();
        }
        mutex_unlock(&lock);
    }
}

void bench_start(void) {
    (void)must(archive_map(start_handle("archive"), &archive), "mapping the boot archive");
    port = must(sys_port_create(), "a port");
    stop_event = must(sys_event_create(), "an event");
    (void)must(sys_object_bind(stop_event, port, KEY_STOP, 1), "binding an event");
    peers_start();
    prepare();
    start();
    (void)must(thread_run(&watcher, watch, NULL), "a thread");
    (void)!sys_thread_set_priority(watcher.handle, 24);
}

void bench_stop(void) {
    (void)sys_event_signal(stop_event, 0, 1);
    thread_join(&watcher);
    (void)!sys_task_kill(running.process, 0, 0);
    (void)sys_object_wait(running.process, SIGNAL_PROCESS_ENDED, INSTANT_NEVER, 0);
    (void)!sys_process_discard(running.process);
    spawned_close(&running);
}

handle_t ttyd_channel(void) {
    return channel;
}

bool ttyd_kill(void) {
    mutex_lock(&lock);
    status_t status = sys_task_kill(running.process, 0, 0);
    mutex_unlock(&lock);
    return status == OK;
}

uint32_t ttyd_starts(void) {
    mutex_lock(&lock);
    uint32_t value = starts;
    mutex_unlock(&lock);
    return value;
}

void ttyd_restart(void) {
    uint32_t before = ttyd_starts();
    while (!ttyd_kill()) {
        sleep_for(MICROSECONDS(200));
    }
    while (ttyd_starts() == before) {
        sleep_for(MICROSECONDS(200));
    }
}

uint64_t ttyd_messages(void) {
    struct vault_summary summary = {0};
    // A vault that was never made has no calls.
    (void)!vault_inspect(vault, &summary);
    return summary.messages;
}

void ttyd_die_once(uint32_t nth, const char *stage) {
    mutex_lock(&lock);
    text_format(die_at, sizeof(die_at), "die-at=%lu:%s", ttyd_messages() + nth, stage);
    mutex_unlock(&lock);
}

void ttyd_die_each(uint32_t nth, const char *stage) {
    mutex_lock(&lock);
    each_nth = nth;
    each_stage = stage;
    mutex_unlock(&lock);
}
