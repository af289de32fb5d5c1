// SPDX-License-Identifier: MIT
//
// A supervisor in a few lines: it makes port, vault and channels before the first start, and starts
// each successor on the table of the dead instance, after a random while.

#include "world.h"

#include <server/inspect.h>
#include <server/start.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/server/vault_internal.h"
#include "log.h"

#define VAULT_BYTES (256 * 1024) // procd has small tables here
#define FILES_VAULT_BYTES (512 * 1024)
#define RESTART_MAX_NS MICROSECONDS(300)
#define SETTLE_NS MILLISECONDS(20) // in which every leftover is found
#define STUCK_NS SECONDS(60)       // nobody's call takes that long
#define CANCEL_MAX_NS SECONDS(5)   // a caller that wants to go on, does

int64_t bank_main(struct thread_block *block);
int64_t queue_main(struct thread_block *block);
int64_t relay_main(struct thread_block *block);
int64_t procd_main(struct thread_block *block);
int64_t tmpfsd_main(struct thread_block *block);

struct world world;
bool world_proposed;

// Channels of clients to each service.
static struct sim_object *roots[SERVICES_ALL];

void world_fail(const char *format, ...) {
    va_list args;
    if (world_failed()) {
        return;
    }
    va_start(args, format);
    vsnprintf(world.failure, sizeof(world.failure), format, args);
    va_end(args);
    sim_note("the run has failed here");
}

// ---- deaths

static struct service *service_of(const struct sim_thread *thread) {
    return thread->process->owner;
}

static uint64_t next_storm(void) {
    // Often right after the last one, to meet the restart itself.
    return sim_random(4) == 0 ? 1 + sim_random(60) : 1 + sim_random(1500);
}

static void note_death(struct service *service) {
    sim_note("%s dies", service->name);
    sim_tell("%s dies", service->name);
    world.kills++;
}

static void point(struct sim_thread *thread) {
    struct service *service = service_of(thread);
    if (service == NULL) {
        return;
    }
    service->points++;
    enum exit_cause cause = EXIT_KILLED;
    if (world.next_death < world.death_count) {
        struct death *death = &world.deaths[world.next_death];
        if (&world.services[death->service] != service || --death->countdown != 0) {
            return;
        }
        world.next_death++;
        cause = death->cause;
    } else if (world.storm && --world.storm_next == 0) {
        world.storm_next = next_storm();
    } else {
        return;
    }
    note_death(service);
    sim_die(cause);
}

void world_plan(enum service_id id, uint64_t countdown, enum exit_cause cause) {
    world.deaths[world.death_count++] = (struct death){id, countdown, cause};
}

void world_kill(enum service_id id, enum exit_cause cause) {
    struct service *service = &world.services[id];
    if (service->process != NULL) {
        note_death(service);
        sim_process_end(service->process, cause);
    }
}

// ---- starting

static void service_thread(void *argument) {
    struct service *service = argument;
    service->status = service->main(NULL);
    sim_die(EXIT_VOLUNTARY);
}

static void add_argument(struct start_record *record, const char *text) {
    size_t bytes = strlen(text) + 1;
    memcpy(&record->text[record->text_bytes], text, bytes);
    record->arguments[record->argument_count++] = (uint16_t)record->text_bytes;
    record->text_bytes += (uint32_t)bytes;
}

static void service_start(struct service *service) {
    service->start.argument_count = (uint16_t)service->fixed_arguments;
    service->start.text_bytes = service->fixed_text;
    if (service->cause == EXIT_FAULT || service->cause == EXIT_HANG) {
        add_argument(&service->start, service->cause == EXIT_FAULT ? "after=fault" : "after=hang");
    }
    if (service->reset) {
        add_argument(&service->start, "vault=reset");
    }
    service->reset = false;
    service->status = -1;
    service->process = sim_process_create(service->table, true);
    service->process->owner = service;
    service->process->start = &service->start;
    service->table = NULL;
    service->starts++;
    (void)sim_thread_create(service->process, service_thread, service);
}

static void give(struct service *service, const char *name, struct sim_object *object) {
    struct start_named_handle *place = &service->start.handles[service->start.handle_count++];
    snprintf(place->name, sizeof(place->name), "%s", name);
    place->handle = sim_handle_insert(service->table, object);
}

static void connect(enum service_id to, enum service_id from) {
    struct sim_channel *channel = sim_channel_create(world.services[to].port, 0, true);
    give(&world.services[to], "endpoint", &channel->server);
    give(&world.services[from], world.services[to].name, &channel->client);
}

static void service_prepare(enum service_id id, const char *name,
                            int64_t (*main)(struct thread_block *)) {
    struct service *service = &world.services[id];
    *service = (struct service){.name = name, .main = main};
    service->table = sim_table_create();
    service->vault = sim_vmo_create(id == TMPFSD ? FILES_VAULT_BYTES : VAULT_BYTES);
    service->heartbeat = sim_event_create();
    service->port = sim_port_create();
    struct sim_channel *root = sim_channel_create(service->port, 0, false);
    give(service, SERVER_PORT, &service->port->object);
    give(service, SERVER_VAULT, &service->vault->object);
    give(service, SERVER_HEARTBEAT, service->heartbeat);
    give(service, "endpoint", &root->server);
    roots[id] = &root->client;
    root->client.refs++;
    root->client.handles++; // the supervisor's own
}

void world_connect(struct sim_table *table) {
    for (uint32_t i = 0; i < SERVICES_ALL; i++) {
        if (world.services[i].main != NULL) {
            (void)sim_handle_insert(table, roots[i]);
        }
    }
}

void world_argument(enum service_id id, const char *text) {
    struct service *service = &world.services[id];
    service->start.argument_count = (uint16_t)service->fixed_arguments;
    service->start.text_bytes = service->fixed_text;
    add_argument(&service->start, text);
    service->fixed_arguments = service->start.argument_count;
    service->fixed_text = service->start.text_bytes;
}

static void clear(uint64_t seed) {
    sim_reset(seed);
    sim_log_clear();
    world = (struct world){0};
    sim.point = point;
    sim.proposed = world_proposed;
}

void world_create_procd(uint64_t seed) {
    clear(seed);
    service_prepare(PROCD, "procd", procd_main);
    // Jobs have no limits here.
    struct sim_object *job = calloc(1, sizeof(*job));
    sim_object_init(job, OBJECT_JOB);
    give(&world.services[PROCD], "job", job);
    world.services[PROCD].up_at = sim.now;
    world.storm_next = next_storm();
}

void world_create_files(uint64_t seed, const uint8_t *archive, size_t bytes) {
    clear(seed);
    struct sim_vmo *vmo = sim_vmo_create(bytes);
    memcpy(sim_vmo_memory(vmo), archive, bytes);
    service_prepare(TMPFSD, "tmpfsd", tmpfsd_main);
    give(&world.services[TMPFSD], "archive", &vmo->object);
    world_argument(TMPFSD, "inodes=256");
    world_argument(TMPFSD, "names=512");
    world_argument(TMPFSD, "descriptions=64");
    world.services[TMPFSD].up_at = sim.now;
    world.storm_next = next_storm();
}

void world_create(uint64_t seed) {
    clear(seed);
    service_prepare(BANK, "bank", bank_main);
    service_prepare(QUEUE, "queue", queue_main);
    service_prepare(RELAY, "relay", relay_main);
    connect(BANK, RELAY);
    connect(QUEUE, RELAY);
    for (uint32_t i = 0; i < SERVICES; i++) {
        world.services[i].up_at = sim.now;
    }
    world.storm_next = next_storm();
}

void world_ready(void) {
    if (!world_settle()) {
        return;
    }
    for (uint32_t i = 0; i < SERVICES_ALL; i++) {
        struct service *service = &world.services[i];
        if (service->main != NULL) {
            service->baseline = service->process->table->used;
            service->points = 0;
        }
    }
}

void world_begin(uint64_t seed) {
    world_create(seed);
    world_ready();
}

void world_end(void) {
    sim.point = NULL;
    for (uint32_t i = 0; i < SERVICES_ALL; i++) {
        struct service *service = &world.services[i];
        if (service->table != NULL) {
            sim_table_destroy(service->table);
        }
        if (service->main != NULL) {
            sim_object_close(roots[i]);
        }
    }
    sim_reset(0);
}

// ---- watching

static void service_ended(struct service *service) {
    struct sim_process *process = service->process;
    service->cause = process->cause;
    service->table = process->table;
    service->process = NULL;
    service->deaths++;
    service->died_at = sim.now;
    service->up_at = sim.now + (duration_t)sim_random(RESTART_MAX_NS);
    if (service->cause == EXIT_VOLUNTARY && service->status >= 0) {
        service->reset = service->status == SERVER_EXIT_CORRUPT && service->may_refuse;
        if (!service->reset) {
            world_fail("%s ended by itself with status %ld", service->name, service->status);
        }
    }
    list_remove(&process->node);
    free(process);
}

static void supervise(void) {
    for (uint32_t i = 0; i < SERVICES_ALL; i++) {
        struct service *service = &world.services[i];
        if (service->main == NULL) {
            continue;
        }
        if (service->process != NULL && service->process->dead) {
            service_ended(service);
        }
        if (service->process == NULL && service->up_at <= sim.now) {
            service_start(service);
        }
    }
}

static void check_cancels(void) {
    list_for_each(node, &sim.threads) {
        const struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        const struct sim_call *call = thread->call;
        if (call != NULL && call->cancel && sim.now - call->cancelled_at > CANCEL_MAX_NS) {
            world_fail("thread %lu wants to go on and does not get away from call %lu.%lu.%lu",
                       thread->id, call->thread, call->number, call->sub);
        }
    }
}

bool world_step(void) {
    supervise();
    if (sim.steps % 256 == 0) {
        check_cancels();
    }
    if (!sim_step()) {
        sim.now += RESTART_MAX_NS; // only the supervisor has something to do
    }
    return !world_failed();
}

bool world_settle(void) {
    instant_t until = sim.now + SETTLE_NS;
    while (!world_failed()) {
        bool up = true;
        for (uint32_t i = 0; i < SERVICES_ALL; i++) {
            const struct service *service = &world.services[i];
            up &= service->main == NULL || (service->process != NULL && !service->process->dead);
        }
        until = up ? until : sim.now + SETTLE_NS;
        if (sim.now >= until) {
            return true;
        }
        (void)world_step();
    }
    return false;
}

// ---- what is left over

struct queue_counts world_queue(void) {
    const uint8_t *base = world.services[QUEUE].vault->memory;
    struct vault_places places;
    struct queue_counts counts;
    vault_place(&((const struct vault_state *)base)->sizes, &places);
    // servers/queue: the one record of its first table, after the head.
    memcpy(&counts, base + places.tables[0] + sizeof(struct vault_head), sizeof(counts));
    return counts;
}

void world_check_flat(void) {
    for (uint32_t i = 0; i < SERVICES_ALL; i++) {
        const struct service *service = &world.services[i];
        struct vault_summary counts = {0};
        if (service->main == NULL) {
            continue;
        }
        if (vault_summarize(service->vault->memory, service->vault->bytes, &counts) != OK) {
            world_fail("%s: its vault can't be read", service->name);
        }
        uint32_t left = counts.direct + counts.forwarded + counts.intents + counts.suspects;
        if (left != 0) {
            world_fail("%s: left over: %u direct and %u forwarded replies, %u intents, %u suspects",
                       service->name, counts.direct, counts.forwarded, counts.intents,
                       counts.suspects);
        }
        if (service->process->table->used != service->baseline) {
            world_fail("%s: %u handles, %u at the beginning", service->name,
                       service->process->table->used, service->baseline);
        }
    }
}
