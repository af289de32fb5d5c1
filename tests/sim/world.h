// SPDX-License-Identifier: MIT
//
// The services under test with their small supervisor, the plan of their deaths, and the verdict.
#pragma once

#include "kernel.h"

// A world has the first three, or procd alone, or tmpfsd alone.
enum service_id { BANK, QUEUE, RELAY, SERVICES, PROCD = SERVICES, TMPFSD, SERVICES_ALL };

struct service {
    const char *name;
    int64_t (*main)(struct thread_block *block);
    struct sim_process *process; // null while it is down
    struct sim_table *table;     // while it is down
    struct sim_vmo *vault;
    struct sim_object *heartbeat;
    struct sim_port *port;
    struct start_record start;
    uint32_t fixed_arguments; // of the record: those of every start
    uint32_t fixed_text;
    enum exit_cause cause; // of the last death
    int64_t status;        // that it returned, -1: it did not
    instant_t up_at;       // when it is to be started again
    bool reset;            // start with vault=reset
    bool may_refuse;       // it may find its vault corrupt: then it is started with vault=reset
    uint32_t baseline;     // handles in the table when it is idle
    uint64_t points, starts, deaths;
    instant_t died_at;
};

// A death to come: at the n-th point that a service passes from the moment the death before it
// came.
struct death {
    enum service_id service;
    uint64_t countdown;
    enum exit_cause cause;
};

#define DEATHS_MAX 4

struct world {
    struct service services[SERVICES_ALL]; // those without a main are not there
    struct death deaths[DEATHS_MAX];
    uint32_t death_count, next_death;
    uint64_t kills;      // that happened
    bool storm;          // deaths at random
    uint64_t storm_next; // points until the next one
    bool spoilt;         // a vault was spoilt on purpose: servers may complain
    char failure[256];   // empty: none so far
};
extern struct world world;
extern bool world_proposed; // of every world to come: see struct sim

// Builds a machine with the three services, which are to start at once; and lets them start until
// they are idle.
void world_create(uint64_t seed);
// The same with procd alone; world_begin's work is then done by world_ready.
void world_create_procd(uint64_t seed);
// The same with tmpfsd alone, and its boot archive.
void world_create_files(uint64_t seed, const uint8_t *archive, size_t bytes);
void world_ready(void);
void world_begin(uint64_t seed);
// Gives the memory back.
void world_end(void);
// Argument for every start of a service.
void world_argument(enum service_id service, const char *text);
// Lets the world go one step on, with the supervisor's work. Returns false when it failed.
bool world_step(void);
// Runs until all services are up and nothing has happened for a while. Returns false when it
// failed.
bool world_settle(void);
void world_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline bool world_failed(void) {
    return world.failure[0] != '\0';
}
// Plans a death, after those that are planned already.
void world_plan(enum service_id service, uint64_t countdown, enum exit_cause cause);
// Kills a service from outside, wherever its threads are.
void world_kill(enum service_id service, enum exit_cause cause);
// Gives a client's table the root channels, in this order: handles 1, 2, 3 name bank, queue, relay;
// or handle 1 procd or tmpfsd.
void world_connect(struct sim_table *table);

// Items that were put into the queue, and taken out of it, so far, by its vault.
struct queue_counts {
    uint64_t put, taken;
};
struct queue_counts world_queue(void);
// After world_settle with no clients left: nothing has leaked and nothing is left over.
void world_check_flat(void);
