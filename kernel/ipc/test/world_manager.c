// SPDX-License-Identifier: MIT
//
// The manager: makes clients and services, replaces what has died, and disturbs them all.
// Everything that it does is one native call of its one thread, made of several calls inside the
// kernel.
#include "world.h"

#include "../../test/host/host.h"

#include <mm/aspace.h>
#include <object/job.h>
#include <sched/sched.h>
#include <stdlib.h>

#define DRAIN_STEPS_MAX 20000

static struct handle_table *own_table(void) {
    return world.manager->table;
}

static bool ended(const struct process *process) {
    return __atomic_load_n(&process->state, __ATOMIC_ACQUIRE) == PROCESS_ENDED;
}

static struct process *make_process(struct job *job, struct process *predecessor, bool keep,
                                    handle_t *handle) {
    struct process_options options = {.label = "p", .cookie = pick(1000)};
    struct aspace *aspace = machine_aspace_create(job);
    struct process *process;
    status_t status =
        process_create(job, aspace, predecessor, keep ? PROCESS_KEEP : 0, &options, &process);
    CHECK_EQ(status, OK);
    object_unref(aspace_object(aspace));
    object_ref(&process->object);
    CHECK_EQ(handle_insert(own_table(), &process->object, RIGHT_MANAGE | RIGHT_KILL, handle), OK);
    return process;
}

static void close_own(handle_t *handle) {
    if (*handle != 0) {
        CHECK_EQ(handle_close(own_table(), *handle), OK);
        *handle = 0;
    }
}

// ---- services

static void start_instance(struct service *service) {
    service->user_count = world.config.single ? 1 : 1 + (uint32_t)pick(SERVER_THREADS);
    service->parked_count = 0;
    service->last_retry = false;
    service->more_retries = false;
    service->lame = false;
    service->hung = false;
    service->killed = false;
    for (uint32_t i = 0; i < service->user_count; i++) {
        service->users[i] = user_create(service->process, server_next);
        service->users[i]->service = service;
    }
    for (uint32_t i = 0; i < service->user_count; i++) {
        user_start(service->users[i]);
    }
}

static void make_channel(struct service *service, uint32_t index) {
    struct object *client;
    struct object *server;
    struct handle_table *table = service->process->table;
    uint32_t flags = index == FORWARDED ? CHANNEL_FORWARDER : 0;
    CHECK_EQ(channel_create(world.job, service->port, index, flags, 0, &client, &server), OK);
    CHECK_EQ(handle_insert(table, server, RIGHT_MANAGE, &service->channels[index].server), OK);
    CHECK_EQ(handle_insert(own_table(), client, RIGHT_CALL | RIGHT_DUPLICATE | RIGHT_TRANSFER,
                           &service->channels[index].client),
             OK);
}

// Lets a service ask another, so that calls go down only.
static void give_service_below(struct service *service, struct service *below) {
    handle_t handle;
    handle_t root = below != NULL ? below->channels[FORWARDED].client : 0;
    if (root != 0) {
        CHECK_EQ(handle_derive(own_table(), root, RIGHT_CALL | RIGHT_TRANSFER, &handle), OK);
        CHECK_EQ(
            handle_move(own_table(), handle, service->process->table, 0, &service->below_channel),
            OK);
        service->below = below;
    }
}

static struct service *make_service(uint32_t index) {
    struct service *service = calloc(1, sizeof(*service));
    service->keep = !chance(4);
    service->process = make_process(world.job, NULL, service->keep, &service->process_handle);
    CHECK_EQ(port_create(world.job, 0, &service->port), OK);
    object_ref(&service->port->object);
    service->next_service = world.all_services;
    __atomic_store_n(&world.all_services, service, __ATOMIC_RELEASE);
    CHECK_EQ(handle_insert(service->process->table, &service->port->object,
                           RIGHT_READ | RIGHT_MANAGE, &service->port_handle),
             OK);
    for (uint32_t i = 0; i < CHANNELS; i++) {
        make_channel(service, i);
    }
    thing_create(&service->thing, service->process->table);
    give_service_below(service, index != 0 ? world.services[index - 1] : NULL);
    start_instance(service);
    return service;
}

// What the dead instance's last words say about the call that it served.
static void count_crash(const struct process *process) {
    if (process->cause == EXIT_FAULT) {
        struct record *record = (struct record *)process->fault_pc;
        record->crashes++;
        CHECK(record->crashes <= CALL_CRASHES_MAX || world.config.hangs);
    }
}

static void note_all_stale(struct service *service) {
    for (uint32_t i = 0; i < service->parked_count; i++) {
        service->stale[service->stale_count++ % STALE_MAX] = service->parked[i].token;
    }
    service->parked_count = 0;
}

static void succeed(struct service *service) {
    struct process *old = service->process;
    handle_t old_handle = service->process_handle;
    service->process = make_process(world.job, old, true, &service->process_handle);
    service->instance++;
    CHECK_EQ(handle_close(own_table(), old_handle), OK);
    object_unref(&old->object);
    start_instance(service);
}

static void give_up(struct service *service) {
    service->gone = true;
    if (service->keep && chance(2)) {
        CHECK_EQ(process_discard(service->process), OK);
    }
    close_own(&service->process_handle);
    for (uint32_t i = 0; i < CHANNELS; i++) {
        close_own(&service->channels[i].client);
    }
}

static int64_t op_replace_service(struct user *user) {
    uint32_t index = user->flags;
    struct service *service = world.services[index];
    count_crash(service->process);
    note_all_stale(service);
    bool draining = world.draining;
    if (service->keep && !(world.config.closes && chance(10))) {
        succeed(service);
        return OK;
    }
    give_up(service);
    world.services[index] = draining ? NULL : make_service(index);
    return OK;
}

// ---- clients

static void give_channel(struct client *client, uint32_t service, uint32_t channel) {
    handle_t handle;
    handle_t root = world.services[service]->channels[channel].client;
    status_t status = root == 0
                          ? ERR_BAD_HANDLE
                          : handle_derive(own_table(), root, RIGHT_CALL | RIGHT_TRANSFER, &handle);
    if (status == OK) {
        status = handle_move(own_table(), handle, client->process->table, 0,
                             &client->channels[service][channel]);
    }
    CHECK(status == OK || root == 0);
}

static struct job *make_job(struct job *parent) {
    struct job_limits limits = {JOB_UNLIMITED, JOB_UNLIMITED, JOB_UNLIMITED, JOB_UNLIMITED, 0};
    struct job *job;
    CHECK_EQ(job_create(parent, &limits, &job), OK);
    return job;
}

// A thread that nobody will ever start: it goes with its handle or with its process.
static void make_spare_thread(struct client *client) {
    handle_t handle;
    struct thread *thread;
    CHECK_EQ(thread_create(client->process, PAGE_SIZE, &thread), OK);
    CHECK_EQ(handle_insert(own_table(), &thread->object, RIGHT_MANAGE, &handle), OK);
    if (chance(2)) {
        CHECK_EQ(handle_close(own_table(), handle), OK);
    }
}

static void start_client(struct client *client) {
    bool suspended = world.config.suspends && chance(4);
    if (suspended) {
        CHECK_EQ(process_suspend(client->process), OK);
        client->suspended_until = 1;
    }
    if (chance(4)) {
        client->users[0]->killed = true;
        thread_kill(client->users[0]->thread);
    }
    for (uint32_t i = 0; i < CLIENT_THREADS; i++) {
        user_start(client->users[i]);
    }
    CHECK(!client->users[0]->killed || client->users[0]->thread->state != THREAD_SUSPENDED);
}

static struct client *make_client(void) {
    struct client *client = calloc(1, sizeof(*client));
    client->job = make_job(world.job);
    struct job *inner = make_job(client->job);
    client->process = make_process(inner, NULL, false, &client->process_handle);
    object_unref(&inner->object);
    for (uint32_t i = 0; i < SERVICES; i++) {
        client->services[i] = world.services[i];
        for (uint32_t j = 0; j < CHANNELS; j++) {
            give_channel(client, i, j);
        }
    }
    thing_create(&client->thing, client->process->table);
    for (uint32_t i = 0; i < CLIENT_THREADS; i++) {
        client->users[i] = user_create(client->process, client_next);
        client->users[i]->client = client;
    }
    make_spare_thread(client);
    start_client(client);
    client->next_client = world.all_clients;
    world.all_clients = client;
    return client;
}

static int64_t op_replace_client(struct user *user) {
    struct client *client = world.clients[user->flags];
    if (client != NULL) {
        client->killed = true;
        close_own(&client->process_handle);
    }
    world.clients[user->flags] = world.draining ? NULL : make_client();
    return OK;
}

// ---- disturbing

static int64_t op_kill_client(struct user *user) {
    struct client *client = world.clients[user->flags];
    client->killed = true;
    if (world.config.suspends && chance(2)) {
        (void)process_suspend(client->process); // its threads meet both at once
    }
    if (chance(2)) {
        job_kill(client->job, 1);
    }
    // Also waits for another CPU that had begun to kill it already.
    process_kill(client->process, EXIT_KILLED, 1);
    __atomic_store_n(&client->kill_done, true, __ATOMIC_RELEASE);
    return OK;
}

static int64_t op_kill_client_thread(struct user *user) {
    struct user *victim = world.clients[user->flags]->users[pick(CLIENT_THREADS)];
    victim->killed = true;
    thread_kill(victim->thread);
    __atomic_store_n(&victim->kill_done, true, __ATOMIC_RELEASE);
    return OK;
}

static int64_t op_interrupt(struct user *user) {
    struct user *victim = world.clients[user->flags]->users[pick(CLIENT_THREADS)];
    status_t status = thread_interrupt(victim->thread, 1);
    CHECK(status == OK || status == ERR_BAD_STATE);
    return OK;
}

static int64_t op_interrupt_server(struct user *user) {
    const struct service *service = world.services[user->flags];
    status_t status = thread_interrupt(service->users[pick(service->user_count)]->thread, 1);
    CHECK(status == OK || status == ERR_BAD_STATE);
    return OK;
}

static int64_t op_kill_server(struct user *user) {
    struct service *service = world.services[user->flags];
    service->gone |= !service->keep;
    service->killed = true;
    process_kill(service->process, service->hung ? EXIT_HANG : EXIT_KILLED, 1);
    return OK;
}

static int64_t op_kill_server_thread(struct user *user) {
    struct service *service = world.services[user->flags];
    service->lame = true; // what it was serving is lost
    service->gone |= !service->keep;
    thread_kill(service->users[pick(service->user_count)]->thread);
    return OK;
}

static instant_t *suspension(uint32_t index, struct process **process) {
    if (index < CLIENTS) {
        *process = world.clients[index]->process;
        return &world.clients[index]->suspended_until;
    }
    *process = world.services[index - CLIENTS]->process;
    return &world.services[index - CLIENTS]->suspended_until;
}

static int64_t op_suspend(struct user *user) {
    struct process *process;
    instant_t *until = suspension(user->flags, &process);
    if (*until == 0 && process_suspend(process) == OK) {
        *until = clock_now() + (instant_t)pick(MICROSECONDS(500));
    }
    return OK;
}

static int64_t op_resume(struct user *user) {
    struct process *process;
    *suspension(user->flags, &process) = 0;
    status_t status = process_resume(process);
    CHECK(status == OK || status == ERR_BAD_STATE);
    return OK;
}

static int64_t op_priority(struct user *user) {
    const struct client *client = world.clients[user->flags];
    sched_set_priority(client->users[pick(CLIENT_THREADS)]->thread, (uint8_t)(1 + pick(30)));
    return OK;
}

static int64_t op_revoke_channel(struct user *user) {
    const struct service *service = world.services[user->flags];
    handle_t root = service->channels[pick(CHANNELS)].client;
    return root != 0 ? handle_revoke(own_table(), root) : OK;
}

// A process that is never started: it goes with its handle, or is killed.
static int64_t op_unborn(struct user *user) {
    (void)user;
    handle_t handle;
    struct job *job = make_job(world.job);
    struct process *process = make_process(job, NULL, chance(2), &handle);
    struct thread *thread;
    CHECK_EQ(thread_create(process, PAGE_SIZE, &thread), OK);
    object_unref(&thread->object);
    if (chance(2)) {
        job_kill(job, 3);
        CHECK(ended(process));
        struct process_options options = {.label = "p"};
        struct process *late;
        struct aspace *aspace = machine_aspace_create(job);
        CHECK_EQ(process_create(job, aspace, NULL, 0, &options, &late), ERR_BAD_STATE);
        object_unref(aspace_object(aspace));
    }
    CHECK_EQ(handle_close(own_table(), handle), OK);
    CHECK(ended(process) && process->table == NULL);
    object_unref(&process->object);
    object_unref(&job->object);
    return OK;
}

static int64_t op_describe(struct user *user) {
    const struct client *client = world.clients[user->flags];
    struct process_info process;
    struct thread_info thread;
    process_describe(client->process, &process);
    thread_describe(client->users[0]->thread, &thread);
    CHECK(process.id == client->process->id && thread.process == process.id);
    return OK;
}

// When its last derived handle goes too, the service is told.
static int64_t op_close_root(struct user *user) {
    close_own(&world.services[user->flags]->channels[pick(CHANNELS)].client);
    return OK;
}

// A level: the service is told of the client's end, and each successor again.
static int64_t op_bind(struct user *user) {
    struct service *service = world.services[user->flags];
    struct client *client = world.clients[pick(CLIENTS)];
    status_t status =
        source_bind(&client->process->object, service->port, 7, SIGNAL_PROCESS_ENDED, PACKET_EXIT);
    CHECK(status == OK || status == ERR_ALREADY_EXISTS || status == ERR_BAD_HANDLE);
    return OK;
}

// No memory for a while; the manager itself does nothing meanwhile.
static int64_t op_starve(struct user *user) {
    host_fail_after = 0;
    user->flags = 0;
    user->deadline = clock_now() + (instant_t)pick(MICROSECONDS(200));
    user->op = op_sleep;
    return op_sleep(user);
}

// ---- deciding

static void act(struct user *user, int64_t (*op)(struct user *user), uint32_t index) {
    user->op = op;
    user->flags = index;
}

static void rest(struct user *user) {
    user->op = op_sleep;
    user->flags = 0;
    user->deadline = clock_now() + (instant_t)pick(MICROSECONDS(400));
}

// What has to be done sooner or later. Returns whether it is now.
static bool repair(struct user *user) {
    for (uint32_t i = 0; i < CLIENTS + SERVICES; i++) {
        struct process *process;
        if ((i < CLIENTS ? (void *)world.clients[i] : (void *)world.services[i - CLIENTS]) ==
            NULL) {
            continue;
        }
        instant_t until = *suspension(i, &process);
        if (until != 0 && (clock_now() >= until || world.draining)) {
            act(user, op_resume, i);
            return true;
        }
    }
    for (uint32_t i = 0; i < CLIENTS; i++) {
        if (world.clients[i] != NULL && ended(world.clients[i]->process)) {
            act(user, op_replace_client, i);
            return true;
        }
    }
    for (uint32_t i = 0; i < SERVICES; i++) {
        const struct service *service = world.services[i];
        if (service != NULL && ended(service->process)) {
            act(user, op_replace_service, i);
            return true;
        }
        if (service != NULL && (service->hung || (service->lame && chance(20))) &&
            !service->killed) {
            act(user, op_kill_server, i);
            return true;
        }
    }
    return false;
}

static void disturb_clients(struct user *user) {
    const struct world_config *config = &world.config;
    uint32_t index = (uint32_t)pick(CLIENTS);
    if (config->client_kills && chance(8)) {
        act(user, op_kill_client, index);
    } else if (config->client_kills && chance(10)) {
        act(user, op_kill_client_thread, index);
    } else if (chance(4)) {
        act(user, op_priority, index);
    } else if (chance(10)) {
        act(user, op_unborn, 0);
    } else if (chance(10)) {
        act(user, op_describe, index);
    } else {
        act(user, op_interrupt, index);
    }
}

static void disturb_services(struct user *user) {
    const struct world_config *config = &world.config;
    uint32_t index = (uint32_t)pick(SERVICES);
    if (config->server_kills && chance(6)) {
        act(user, op_kill_server, index);
    } else if (config->server_kills && chance(10)) {
        act(user, op_kill_server_thread, index);
    } else if (config->closes && chance(20)) {
        act(user, op_revoke_channel, index);
    } else if (config->closes && chance(10)) {
        act(user, op_close_root, index);
    } else if (chance(4)) {
        act(user, op_bind, index);
    } else {
        act(user, op_interrupt_server, index);
    }
}

static void drain(struct user *user) {
    static uint32_t steps;
    bool clients = false;
    bool services = false;
    for (uint32_t i = 0; i < CLIENTS; i++) {
        clients |= world.clients[i] != NULL;
    }
    for (uint32_t i = 0; i < SERVICES; i++) {
        struct service *service = world.services[i];
        services |= service != NULL;
        if (!clients && service != NULL && !service->killed) {
            service->keep = false; // no successor any more
            act(user, op_kill_server, i);
            return;
        }
    }
    steps++;
    if (!clients && !services) {
        steps = 0;
        machine_stop();
        user->op = op_process_exit;
    } else if (steps > DRAIN_STEPS_MAX) {
        CHECK(false);
        machine_stuck();
        abort();
    } else {
        rest(user);
    }
}

static int64_t op_begin(struct user *user) {
    (void)user;
    for (uint32_t i = 0; i < SERVICES; i++) {
        world.services[i] = make_service(i);
    }
    for (uint32_t i = 0; i < CLIENTS; i++) {
        world.clients[i] = make_client();
    }
    return OK;
}

void manager_next(struct user *user, int64_t result) {
    CHECK_EQ(result, OK);
    host_fail_after = HOST_FAIL_NEVER;
    if (world.services[0] == NULL && !world.draining) {
        user->op = op_begin;
        return;
    }
    if (machine_calls() >= world.config.calls) {
        __atomic_store_n(&world.draining, true, __ATOMIC_RELAXED);
    }
    if (repair(user)) {
        return;
    }
    if (world.draining) {
        drain(user);
    } else if (world.config.suspends && chance(20)) {
        act(user, op_suspend, (uint32_t)pick(CLIENTS + SERVICES));
    } else if (world.config.starves && chance(20)) {
        user->op = op_starve;
    } else if (chance(2)) {
        rest(user);
    } else if (chance(2)) {
        disturb_clients(user);
    } else {
        disturb_services(user);
    }
}
