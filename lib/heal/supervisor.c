// SPDX-License-Identifier: MIT

#include <heal/supervisor.h>

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

// TRANSFER: without it a handle can not be given.
#define VAULT_RIGHTS (RIGHT_TRANSFER | RIGHT_READ | RIGHT_WRITE | RIGHT_MAP)
#define HANDLES_MAX 16
#define ARGUMENT_BYTES 48
#define KEY_TIMER 100
#define KEY_STOP 101
#define REFUSALS_MAX 8
// The program itself, which kills and measures, has init.priority=24: so it can strike in the
// middle of a service's work, and never waits for its turn behind the clients that it disturbs.
// Those are threads and processes that begin at 10.
#define PRIORITY_WATCHER 24
#define PRIORITY_SERVICE 20

struct service {
    const char *name;
    const char *path;
    const struct service_plan *plan;
    struct spawned running;
    handle_t vault, heartbeat, channel;
    struct spawn_handle handles[HANDLES_MAX]; // after the first start: numbers in its table
    uint32_t handle_count;
    char arguments[2][ARGUMENT_BYTES];
    const char *die_stage; // of each instance, null for none
    const char *die_how;
    uint32_t die_after;
    const char *once_stage; // of the next instance alone
    uint32_t once_nth;
    uint32_t starts, hangs, faults, missed;
    uint32_t refusals; // ends in a row because it could not start
    const char *after; // why there is a successor
};

static struct service services[SERVICES_MAX];
static uint32_t service_count;
static struct mutex lock; // guards the services; held while one is started or killed
static struct archive archive;
static handle_t port, timer, stop_event;
static struct thread watcher;

static handle_t must(int64_t result, const char *what) {
    if (result < 0) {
        panic("heal: %s: %s", what, status_name(result));
    }
    return (handle_t)result;
}

static void must_do(status_t status, const char *what) {
    (void)must(status, what);
}

// ---- starting

static void add_handle(struct service *service, const char *name, handle_t handle,
                       uint32_t rights) {
    service->handles[service->handle_count++] = (struct spawn_handle){name, handle, rights};
}

// Makes port, vault, heartbeat and root channel of a service that was never started.
static void prepare(struct service *service) {
    service->vault =
        must(sys_vmo_create(start_handle("job"), service->plan->vault_bytes, 0), "a vault");
    service->heartbeat = must(sys_event_create(), "an event");
    handle_t own_port = must(sys_port_create(), "a port");
    int64_t pair = sys_channel_create(own_port, 0, 0);
    (void)must(pair < 0 ? pair : OK, "a channel");
    service->channel = handle_pair_first(pair);
    add_handle(service, SERVER_PORT, own_port, SPAWN_MOVE);
    add_handle(service, SERVER_VAULT, service->vault, VAULT_RIGHTS);
    add_handle(service, SERVER_HEARTBEAT, service->heartbeat, RIGHT_TRANSFER | RIGHT_SIGNAL);
    add_handle(service, "log", start_handle("log"), RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_WRITE);
    add_handle(service, "endpoint", handle_pair_second(pair), SPAWN_MOVE);
    for (uint32_t i = 0; i < service->plan->grant_count; i++) {
        const struct spawn_handle *grant = &service->plan->grants[i];
        add_handle(service, grant->name, grant->handle, grant->rights);
    }
}

// Lets one service call another, in the name of its own callers.
static void connect(uint32_t to, uint32_t from) {
    int64_t pair = sys_channel_create(services[to].handles[0].handle, 0, CHANNEL_FORWARDER);
    (void)must(pair < 0 ? pair : OK, "a channel");
    add_handle(&services[to], "endpoint", handle_pair_second(pair), SPAWN_MOVE);
    add_handle(&services[from], services[to].name, handle_pair_first(pair), SPAWN_MOVE);
}

// The arguments of the next start.
static uint32_t arguments_fill(struct service *service, const char *list[5], char text[2][64]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < 2; i++) {
        if (service->arguments[i][0] != '\0') {
            list[count++] = service->arguments[i];
        }
    }
    struct vault_summary summary = {0};
    // A vault that was never made has no calls.
    (void)!vault_inspect(service->vault, &summary);
    if (service->once_stage != NULL) {
        text_format(text[0], 64, "die-at=%lu:%s", summary.messages + service->once_nth,
                    service->once_stage);
        list[count++] = text[0];
        service->once_stage = NULL;
    } else if (service->die_stage != NULL) {
        uint32_t spread = service->plan->spread;
        uint64_t at =
            summary.messages + service->die_after + (spread != 0 ? service->starts % spread : 0);
        text_format(text[0], 64, "die-at=%lu+:%s", at, service->die_stage);
        text_format(text[1], 64, "die-how=%s", service->die_how);
        list[count++] = text[0];
        list[count++] = text[1];
    }
    if (service->after != NULL) {
        list[count++] = service->after;
    }
    return count;
}

// Starts an instance, on the table of the dead one when there was one.
static void start(struct service *service) {
    const char *arguments[5];
    char text[2][64];
    handle_t given[HANDLES_MAX];
    struct spawned before = service->running;
    struct spawn_options options = {
        .archive = &archive,
        .path = service->path,
        .job = start_handle("job"),
        .predecessor = before.process,
        .flags = PROCESS_KEEP,
        .provider = (uint64_t)(service - services) + 1, // each its own, as init gives them
        .arguments = arguments,
        .argument_count = arguments_fill(service, arguments, text),
        .handles = service->handles,
        .handle_count = service->handle_count,
        .given = given,
    };
    must_do(spawn_prepare(&options, &service->running), "spawning a service");
    for (uint32_t i = 0; i < service->handle_count; i++) {
        service->handles[i].handle = given[i];
        service->handles[i].rights = SPAWN_KEPT;
    }
    must_do(sys_object_bind(service->running.process, port, (uint64_t)(service - services),
                            SIGNAL_PROCESS_ENDED),
            "binding a process");
    must_do(sys_thread_set_priority(service->running.thread, PRIORITY_SERVICE),
            "the priority of a service (init.priority=24?)");
    must_do(spawn_start(&service->running), "starting a service");
    service->starts++;
    service->missed = 0;
    if (before.process != HANDLE_NONE) {
        spawned_close(&before);
    }
}

// ---- watching

static void ended(struct service *service) {
    struct process_info info;
    must_do(sys_object_get(service->running.process, &info, sizeof(info)), "a process");
    if (info.cause == EXIT_RUNNING) {
        return; // the packet was a predecessor's
    }
    service->faults += info.cause == EXIT_FAULT;
    service->after = info.cause == EXIT_FAULT  ? "after=fault"
                     : info.cause == EXIT_HANG ? "after=hang"
                                               : NULL;
    bool refused = info.cause == EXIT_VOLUNTARY && info.status >= SERVER_EXIT_START;
    service->refusals = refused ? service->refusals + 1 : 0;
    if (refused) {
        log_printf("heal: %s gave up with status %ld", service->name, info.status);
    }
    if (service->refusals == REFUSALS_MAX) {
        panic("heal: %s can't start", service->name);
    }
    start(service);
}

static void check_beats(void) {
    for (uint32_t i = 0; i < service_count; i++) {
        struct service *service = &services[i];
        int64_t before = sys_event_signal(service->heartbeat, SERVER_BEAT, 0);
        service->missed = (before & SERVER_BEAT) != 0 ? 0 : service->missed + 1;
        if (service->missed >= SERVER_BEATS_MISSED) {
            service->missed = 0;
            service->hangs++;
            // It may have ended by itself just now.
            (void)!sys_task_kill(service->running.process, 0, KILL_HANG);
        }
    }
}

static void watch(void *argument) {
    (void)argument;
    for (;;) {
        status_t status = sys_port_reply_wait(port, 0, INSTANT_NEVER, 0);
        must_do(status, "waiting");
        const struct packet packet = thread_block()->packet;
        if (packet.key == KEY_STOP) {
            return;
        }
        mutex_lock(&lock);
        if (packet.key == KEY_TIMER) {
            (void)sys_timer_ack(timer);
            check_beats();
        } else {
            ended(&services[packet.key]);
        }
        mutex_unlock(&lock);
    }
}

void services_start(const struct service_plan *plans, uint32_t count) {
    service_count = count;
    must_do(archive_map(start_handle("archive"), &archive), "mapping the boot archive");
    port = must(sys_port_create(), "a port");
    timer = must(sys_timer_create(), "a timer");
    stop_event = must(sys_event_create(), "an event");
    must_do(sys_object_bind(timer, port, KEY_TIMER, SIGNAL_TIMER_EXPIRED), "binding the timer");
    must_do(sys_object_bind(stop_event, port, KEY_STOP, 1), "binding an event");
    for (uint32_t i = 0; i < service_count; i++) {
        services[i] =
            (struct service){.name = plans[i].name, .path = plans[i].path, .plan = &plans[i]};
        if (plans[i].argument != NULL) {
            (void)text_copy(services[i].arguments[0], ARGUMENT_BYTES, plans[i].argument);
        }
        prepare(&services[i]);
    }
    for (uint32_t i = 0; i < count * count; i++) {
        if ((plans[i / count].forwards & 1u << i % count) != 0) {
            connect(i % count, i / count);
        }
    }
    for (uint32_t i = 0; i < service_count; i++) {
        start(&services[i]);
    }
    instant_t now = (instant_t)sys_clock_get();
    must_do(sys_timer_set(timer, now + SERVER_BEAT_NS, SERVER_BEAT_NS, 0), "setting the timer");
    must_do(thread_run(&watcher, watch, NULL), "a thread");
    must_do(sys_thread_set_priority(watcher.handle, PRIORITY_WATCHER),
            "the priority of a supervisor (init.priority=24?)");
}

void services_stop(void) {
    (void)sys_event_signal(stop_event, 0, 1);
    thread_join(&watcher);
    for (uint32_t i = 0; i < service_count; i++) {
        struct service *service = &services[i];
        (void)!sys_task_kill(service->running.process, 0, 0);
        (void)sys_object_wait(service->running.process, SIGNAL_PROCESS_ENDED, INSTANT_NEVER, 0);
        (void)!sys_process_discard(service->running.process);
        spawned_close(&service->running);
        (void)!sys_handle_close(service->channel);
        (void)!sys_handle_close(service->vault);
        (void)!sys_handle_close(service->heartbeat);
    }
    (void)!sys_handle_close(timer);
    (void)!sys_handle_close(stop_event);
    (void)!sys_handle_close(port);
    archive_unmap(&archive);
}

// ---- what the tests ask for

handle_t grant_job(void) {
    const struct job_limits limits = {JOB_UNLIMITED, JOB_UNLIMITED, JOB_UNLIMITED, JOB_UNLIMITED,
                                      0};
    int64_t job = sys_job_create(start_handle("job"), &limits);
    return job < 0 ? HANDLE_NONE : (handle_t)job;
}

handle_t grant_unserved(void) {
    int64_t own_port = sys_port_create();
    int64_t pair = own_port < 0 ? own_port : sys_channel_create((handle_t)own_port, 0, 0);
    return pair < 0 ? HANDLE_NONE : handle_pair_first(pair);
}

handle_t service_channel(uint32_t id) {
    return services[id].channel;
}

bool service_kill(uint32_t id, uint32_t flags) {
    mutex_lock(&lock);
    status_t status = sys_task_kill(services[id].running.process, 0, flags);
    mutex_unlock(&lock);
    return status == OK;
}

void service_restart(uint32_t id) {
    uint32_t before = service_starts(id);
    while (!service_kill(id, 0)) {
        (void)!sys_thread_sleep((instant_t)sys_clock_get() + MICROSECONDS(200), 0);
    }
    while (service_starts(id) == before) {
        (void)!sys_thread_sleep((instant_t)sys_clock_get() + MICROSECONDS(200), 0);
    }
}

static uint32_t read_counter(const uint32_t *counter) {
    mutex_lock(&lock);
    uint32_t value = *counter;
    mutex_unlock(&lock);
    return value;
}

uint32_t service_starts(uint32_t id) {
    return read_counter(&services[id].starts);
}

uint32_t service_hangs(uint32_t id) {
    return read_counter(&services[id].hangs);
}

uint32_t service_faults(uint32_t id) {
    return read_counter(&services[id].faults);
}

struct vault_summary service_summary(uint32_t id) {
    struct vault_summary summary = {0};
    status_t status = vault_inspect(services[id].vault, &summary);
    if (status != ERR_CORRUPT || service_starts(id) > 1) {
        must_do(status, "looking into a vault");
    }
    return summary;
}

void service_argument(uint32_t id, const char *first, const char *second) {
    struct service *service = &services[id];
    mutex_lock(&lock);
    (void)text_copy(service->arguments[0], ARGUMENT_BYTES, first != NULL ? first : "");
    (void)text_copy(service->arguments[1], ARGUMENT_BYTES, second != NULL ? second : "");
    mutex_unlock(&lock);
}

void service_die_once(uint32_t id, uint32_t nth, const char *stage) {
    mutex_lock(&lock);
    services[id].once_nth = nth;
    services[id].once_stage = stage;
    mutex_unlock(&lock);
}

void service_die_each(uint32_t id, uint32_t after, const char *stage, const char *how) {
    mutex_lock(&lock);
    services[id].die_after = after;
    services[id].die_stage = stage;
    services[id].die_how = how;
    mutex_unlock(&lock);
}
