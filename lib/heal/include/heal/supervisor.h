// SPDX-License-Identifier: MIT
//
// A small supervisor for test programs: it starts some services, watches for their end and for
// their heartbeats, and starts successors at once, with the arguments that the tests ask for. init
// does this in earnest (servers/init); here the tests can say when and how a service is to die.
#pragma once

#include <abi/info.h>
#include <abi/types.h>
#include <server/inspect.h>
#include <stdbool.h>
#include <sys/spawn.h>

#define SERVICES_MAX 4
#define SERVICE_GRANTS_MAX 6

// What a service is. Beside the handles of the contract (server/start.h) it gets its grants.
struct service_plan {
    const char *name;
    const char *path; // in the boot archive
    uint64_t vault_bytes;
    const char *argument; // of every start until service_argument; null: none
    uint32_t forwards;    // bits of the services that it calls in the name of its callers
    // Over how many calls service_die_each spreads the deaths, 0 for always the same. Where several
    // clients wait theirs come again first, and must not be all that is served.
    uint32_t spread;
    uint32_t grant_count;
    struct spawn_handle grants[SERVICE_GRANTS_MAX]; // `rights` of a duplicate each
};

// Handles for grants: a job without limits of the service's own, since procd ends whatever runs in
// its job at its first start; a channel that nobody serves, for what must be there and is not used.
// HANDLE_NONE when there was no memory.
handle_t grant_job(void);
handle_t grant_unserved(void);

// Starts the services, which are known by their places in `plans` from then on, and the thread that
// watches them. Ends the program when that fails.
void services_start(const struct service_plan *plans, uint32_t count);
// Discards them: their tables are closed, and all that they had is freed.
void services_stop(void);

// The root channel of a service.
handle_t service_channel(uint32_t service);

// Kills the instance that runs now, with these flags (KILL_HANG or 0). Returns whether there was
// one.
bool service_kill(uint32_t service, uint32_t flags);
// Kills it and waits until a successor is being started, with the present arguments.
void service_restart(uint32_t service);
// How often it has been started, how often a kill was for a hang that the supervisor saw, and how
// many times it ended by a fault.
uint32_t service_starts(uint32_t service);
uint32_t service_hangs(uint32_t service);
uint32_t service_faults(uint32_t service);

// The service's vault; all zero before its first instance has made it.
struct vault_summary service_summary(uint32_t service);

// Arguments of every start from now on; null: none. The texts are copied.
void service_argument(uint32_t service, const char *first, const char *second);
// The next instance dies at this stage of the `nth` call that it takes.
void service_die_once(uint32_t service, uint32_t nth, const char *stage);
// From now on each instance dies at a stage (see server/die.h): of one of the calls from the
// `after`-th on that it takes itself, or of the first one after that which gets there. Null: no
// more.
void service_die_each(uint32_t service, uint32_t after, const char *stage, const char *how);
