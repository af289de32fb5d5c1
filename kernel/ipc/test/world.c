// SPDX-License-Identifier: MIT
#include "world.h"

#include "../../test/host/host.h"

#include <mm/aspace.h>
#include <object/job.h>
#include <pthread.h>
#include <sched/futex.h>
#include <sched/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <syscall/syscall.h>

#define RECORDS_MAX 400000

struct world world;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool pthreads;

// With fibers nobody else runs between two points, and none is inside.
void world_lock(void) {
    if (pthreads) {
        pthread_mutex_lock(&mutex);
    }
}

void world_unlock(void) {
    if (pthreads) {
        pthread_mutex_unlock(&mutex);
    }
}

bool chance(uint64_t bound) {
    return machine_chance(bound);
}

uint64_t pick(uint64_t bound) {
    return machine_random(bound);
}

bool user_dies(const struct user *user) {
    const struct world_config *config = &world.config;
    return user->killed || (user->client != NULL && user->client->killed) ||
           user->thread->state == THREAD_DEAD ||
           (user->service != NULL && (config->server_kills || config->server_faults));
}

// ---- messages

static uint8_t body_byte(uint64_t number, uint64_t nonce, uint32_t at) {
    return (uint8_t)((number * 7 + nonce * 13 + at * 31) >> 2);
}

void body_fill(uint8_t *body, uint32_t bytes, uint64_t number, uint64_t nonce) {
    memcpy(body, &number, 8);
    memcpy(body + 8, &nonce, 8);
    for (uint32_t i = BODY_LEAST; i < bytes; i++) {
        body[i] = body_byte(number, nonce, i);
    }
}

bool body_check(const uint8_t *body, uint32_t bytes, uint64_t *number, uint64_t *nonce) {
    memcpy(number, body, 8);
    memcpy(nonce, body + 8, 8);
    bool right = bytes >= BODY_LEAST && *number < world.record_count;
    for (uint32_t i = BODY_LEAST; i < bytes; i++) {
        right = right && body[i] == body_byte(*number, *nonce, i);
    }
    return right;
}

// ---- things: what handles name

static void thing_gone(struct object *object) {
    (void)object;
#ifdef DEBUG
    CHECK_EQ(cpu_this()->ranks_held, 0);
#endif
}

static bool thing_destroy(struct object *object) {
    struct job *job = object->job;
    free(object);
    object_fini(job);
    return true;
}

void thing_create(handle_t *out, struct handle_table *table) {
    static const struct object_ops ops = {
        .name = "thing", .handles_gone = thing_gone, .destroy = thing_destroy};
    struct object *object = calloc(1, sizeof(*object));
    object_init(object, &ops, OBJECT_EVENT, world.job, 0);
    CHECK_EQ(handle_insert(table, object, RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ, out), OK);
}

// ---- users

struct user *user_create(struct process *process, void (*next)(struct user *user, int64_t result)) {
    struct user *user = aligned_alloc(1024, ALIGN_UP(sizeof(*user), 1024));
    memset(user, 0, sizeof(*user));
    memset(user->out, 0xee, sizeof(user->out));
    CHECK_EQ(thread_create(process, PAGE_SIZE, &user->thread), OK);
    user->thread->block->reserved[0] = (uint64_t)user;
    user->next = next;
    user->next_user = world.all_users;
    world.all_users = user;
    return user;
}

void user_start(struct user *user) {
    status_t status = thread_start(user->thread, PAGE_SIZE, PAGE_SIZE, 0, 0);
    CHECK(status == OK || status == ERR_BAD_STATE); // the first may have ended the process already
}

// Whether the kernel has unlinked and released everything that the last wait of a thread used.
static void check_clean(const struct thread *thread) {
    uint32_t pending = __atomic_load_n(&thread->pending, __ATOMIC_RELAXED);
    CHECK((pending & (PENDING_CALL | PENDING_CLEANUP)) == 0);
    CHECK(thread->reserved_slots == 0 && thread->waiter.source == NULL);
    CHECK(!list_node_linked(&thread->wait_node) && thread->timer.cpu == NULL);
    CHECK(thread->state == THREAD_RUNNING && thread->on_cpu);
    CHECK(thread->call == NULL ||
          (thread->call->state == CALL_IDLE && thread->call->handle_count == 0));
}

enum machine_step machine_user(struct thread *thread) {
    struct user *user = (struct user *)thread->block->reserved[0];
    struct arch_thread *arch = &thread->arch;
    CHECK(user != NULL && user->thread == thread);
    check_clean(thread);
    world_lock();
    uint64_t number = user->number;
    user->number = 0;
    if (!user->started) {
        user->started = true;
        user->next(user, 0);
    } else if (arch->results != user->results) {
        CHECK_EQ(arch->results, user->results + 1);
        CHECK_EQ(arch->restarts, user->restarts);
        user->next(user, arch->result);
    } else {
        CHECK_EQ(arch->restarts, user->restarts + 1);
        user->number = number;
    }
    arch->call_number = user->number;
    user->results = arch->results;
    user->restarts = arch->restarts;
    bool fault = user->fault;
    world_unlock();
    return fault ? MACHINE_FAULT : MACHINE_CALL;
}

int64_t syscall_dispatch(uint64_t number, const uint64_t args[6]) {
    (void)number;
    (void)args;
    struct thread *self = thread_self();
    struct user *user = (struct user *)self->block->reserved[0];
    return user->op(user);
}

// ---- native calls

int64_t op_sleep(struct user *user) {
    if (clock_now() >= user->deadline) {
        return OK;
    }
    status_t status = thread_park(thread_self(), WAIT_SLEEP, NULL, user->deadline,
                                  (user->flags & WAIT_INTERRUPTIBLE) != 0);
    return status == OK ? STATUS_PARKED : status;
}

int64_t op_close(struct user *user) {
    return handle_close(self_table(), user->handle);
}

int64_t op_revoke(struct user *user) {
    return handle_revoke(self_table(), user->handle);
}

int64_t op_thread_exit(struct user *user) {
    (void)user;
    __atomic_fetch_or(&thread_self()->pending, PENDING_KILL, __ATOMIC_SEQ_CST);
    return STATUS_RESUMED;
}

int64_t op_process_exit(struct user *user) {
    (void)user;
    process_kill(self_process(), EXIT_VOLUNTARY, 0);
    return STATUS_RESUMED;
}

int64_t op_futex(struct user *user) {
    vaddr_t word = (vaddr_t)&world.word;
    return user->handle == 0 ? futex_wake(word, 1, UINT32_MAX, 0)
                             : futex_wait(word, 0, UINT32_MAX, user->deadline, user->flags);
}

int64_t op_call(struct user *user) {
    struct handle_entry entry;
    status_t status = self_lookup(user->handle, OBJECT_CHANNEL, RIGHT_CALL, &entry);
    if (status != OK) {
        return status;
    }
    struct thread *self = thread_self();
    return call_send(self, channel_from(entry.object), user->deadline, user->flags, NULL);
}

int64_t op_call_for(struct user *user) {
    struct handle_entry entry;
    struct call_origin origin;
    status_t status = self_lookup(user->handle, OBJECT_CHANNEL, RIGHT_CALL, &entry);
    if (status == OK) {
        status = call_identity(user->token, &origin);
    }
    if (status != OK) {
        return status;
    }
    origin.sub = SUB;
    return call_send(thread_self(), channel_from(entry.object), user->deadline, user->flags,
                     &origin);
}

// ---- windows: plain memory of the caller, which it uses for itself while no call is under way

static struct user *window_owner(vaddr_t addr) {
    return (struct user *)ALIGN_DOWN(addr, 1024);
}

static void check_window(const struct user *user) {
    CHECK(__atomic_load_n(&user->window_open, __ATOMIC_SEQ_CST) != 0);
    CHECK(__atomic_load_n(&user->thread->state, __ATOMIC_SEQ_CST) == THREAD_BLOCKED);
}

static int64_t copy(vaddr_t to, vaddr_t from, size_t size, const struct user *user) {
    check_window(user);
    memcpy((void *)to, (const void *)from, size / 2);
    for (uint64_t i = pick(8); i > 0; i--) {
        machine_yield();
    }
    memcpy((char *)to + size / 2, (const char *)from + size / 2, size - size / 2);
    check_window(user);
    return (int64_t)size;
}

int64_t aspace_read_user(struct aspace *aspace, vaddr_t addr, vaddr_t buffer, size_t size) {
    CHECK(window_owner(addr)->thread->aspace == aspace);
    return copy(buffer, addr, size, window_owner(addr));
}

int64_t aspace_write_user(struct aspace *aspace, vaddr_t addr, vaddr_t buffer, size_t size) {
    CHECK(window_owner(addr)->thread->aspace == aspace);
    return copy(addr, buffer, size, window_owner(addr));
}

// ---- a run

void machine_release(struct spinlock *lock) {
    for (struct service *service = world.all_services; service != NULL;
         service = service->next_service) {
        if (lock == &service->port->lock) {
            check_port(service->port);
        }
    }
}

static const char *state_name(const struct thread *thread) {
    static const char *const names[] = {"new", "ready", "running", "blocked", "suspended", "dead"};
    return names[thread->state];
}

void machine_stuck(void) {
    for (struct user *user = world.all_users; user != NULL; user = user->next_user) {
        struct thread *thread = user->thread;
        if (thread != NULL && thread->state != THREAD_DEAD) {
            fprintf(stderr, "thread %lx of process %lx: %s pending %x wait %u record %ld%s%s\n",
                    thread->id, thread->process->id, state_name(thread), thread->pending,
                    thread->wait_kind, user->calling != NULL ? (long)user->calling->token : -1,
                    user->client != NULL ? " client" : "", user->service != NULL ? " server" : "");
        }
    }
    for (struct service *service = world.all_services; service != NULL;
         service = service->next_service) {
        fprintf(stderr, "service: instance %u%s%s%s parked %u state %u\n", service->instance,
                service->gone ? " gone" : "", service->lame ? " lame" : "",
                service->hung ? " hung" : "", service->parked_count,
                service->process != NULL ? service->process->state : 99);
    }
}

static void world_create(const struct world_config *config) {
    struct process_options options = {.label = "manager"};
    world = (struct world){.config = *config};
    world.records = calloc(RECORDS_MAX, sizeof(*world.records));
    struct job_limits limits = {JOB_UNLIMITED, JOB_UNLIMITED, JOB_UNLIMITED, JOB_UNLIMITED, 0};
    CHECK_EQ(job_create(job_root, &limits, &world.job), OK);
    struct aspace *aspace = machine_aspace_create(world.job);
    CHECK_EQ(process_create(world.job, aspace, NULL, 0, &options, &world.manager), OK);
    object_unref(aspace_object(aspace));
    world.manager->priority = PRIORITY_SERVER;
    world.manager_user = user_create(world.manager, manager_next);
    user_start(world.manager_user);
}

static void release_users(void) {
    while (world.all_users != NULL) {
        struct user *user = world.all_users;
        world.all_users = user->next_user;
        free(user);
    }
    while (world.all_clients != NULL) {
        struct client *client = world.all_clients;
        world.all_clients = client->next_client;
        free(client);
    }
    while (world.all_services != NULL) {
        struct service *service = world.all_services;
        world.all_services = service->next_service;
        free(service);
    }
    for (uint64_t i = 0; i < world.record_count; i++) {
        free(world.records[i]);
    }
    free(world.records);
}

// Everybody's last references, dropped when no CPU can be looking any more.
static void drop_references(void) {
    for (struct user *user = world.all_users; user != NULL; user = user->next_user) {
        CHECK_EQ(user->thread->state, THREAD_DEAD);
        object_unref(&user->thread->object);
    }
    for (struct client *client = world.all_clients; client != NULL; client = client->next_client) {
        object_unref(&client->process->object);
        object_unref(&client->job->object);
    }
    for (struct service *service = world.all_services; service != NULL;
         service = service->next_service) {
        CHECK(list_empty(&service->port->queue) && list_empty(&service->port->taken));
        object_unref(&service->port->object);
        object_unref(&service->process->object);
    }
    object_unref(&world.manager->object);
    object_unref(&world.job->object);
}

static void reap_all(void) {
    for (uint32_t i = 0; i < cpu_count; i++) {
        cpus[i]->entry_seq &= ~1ull; // out of the kernel
    }
    for (uint32_t i = 0; i < cpu_count; i++) {
        host_cpu = cpus[i];
        while (reap_work()) {
        }
    }
    host_cpu = cpus[0];
}

void world_run(const struct machine_config *machine, const struct world_config *config) {
    pthreads = machine->pthreads;
    machine_create(machine);
    uint64_t objects = object_count();
    uint64_t memory = host_memory_live();
    world_create(config);
    machine_run();
    drop_references();
    reap_all();
    machine_memory_destroy();
    machine_destroy();
    CHECK_EQ(handle_count(), 0);
    CHECK_EQ(object_count(), objects);
    CHECK(host_memory_live() <= memory + 16); // pages of the id table stay
    for (int i = 0; i < RESOURCE_COUNT; i++) {
        CHECK_EQ(job_root->counters[i].used, 0);
    }
    CHECK_EQ(job_root->object.refs, 1);
    release_users();
}
