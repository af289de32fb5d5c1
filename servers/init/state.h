// SPDX-License-Identifier: MIT
//
// What init must not forget, in its vault: one record for each service, and one for itself.
// Everything else that init knows it learns again from the boot archive and the command line.
//
// A record names every handle that init holds for a service. What no record names when init starts
// is the left-over of a step that was cut off: adopt.c takes it apart. So the order is always: make
// things, commit the record that names them, let them loose; and backwards: commit the record that
// names them no more, close them.
#pragma once

#include "ladder.h"
#include "manifest.h"

#include <server/vault.h>

#define STATE_SERVICES 33 // SERVICES_MAX and the program of the command line
// port, vault, heartbeat; two server ends a channel; grants; channels it uses; devices
#define STATE_GIVEN_MAX                                                                            \
    (3 + 2 * MANIFEST_PROVIDES_MAX + 6 + MANIFEST_USES_MAX + MANIFEST_DEVICES_MAX)

enum state_table { STATE_INIT = 0, STATE_SERVICE = 1, STATE_TABLES };

struct init_record {
    struct vault_head head;
    handle_t port;     // where everything arrives
    handle_t endpoint; // server end of the channel svc
    handle_t client;   // its client end
    handle_t services; // the job in which those of all services are
    uint64_t starts;   // instances of init
};
static_assert(sizeof(struct init_record) == 32, "records have whole words");

enum service_flags {
    SERVICE_FROZEN = 1 << 0, // suspended by `freeze`
    SERVICE_RESET = 1 << 1,  // its next instance begins with an empty vault
    SERVICE_CHECK = 1 << 2,  // its next instance checks everything
    SERVICE_RENEW = 1 << 3,  // it starts anew with nothing
};

struct service_record {
    struct vault_head head;
    char name[MANIFEST_NAME_BYTES];
    uint32_t state; // enum svc_state
    uint32_t flags; // enum service_flags
    // HANDLE_NONE when there is none.
    handle_t job;     // all that the service makes
    handle_t core;    // a job within, with what is reserved: the process itself, and its vault
    handle_t process; // running, or ended and waiting for its successor
    handle_t thread;  // the first of the process
    handle_t vault;
    handle_t heartbeat;
    handle_t clients[MANIFEST_PROVIDES_MAX];    // client ends of what it provides
    handle_t forwarders[MANIFEST_PROVIDES_MAX]; // the same, for those who may forward
    handle_t grants[MANIFEST_USES_MAX];         // parents of the channels that it was given
    uint32_t revoked;                           // bit k: grants[k] was taken away
    uint32_t given_count;
    handle_t given[STATE_GIVEN_MAX]; // numbers in its own table
    struct ladder ladder;
    // For thread_start.
    uint64_t entry, stack, block, start_record;
    // For people.
    uint64_t process_id;
    uint64_t instance, crashes, kills, hangs;
    instant_t started_at;
    instant_t next_start; // SVC_STATE_DOWN: not before
    uint64_t last_pc, last_addr;
    int64_t last_status;
    uint32_t last_cause;
    uint32_t refusals; // starts in a row for which there was not room enough
};
static_assert(sizeof(struct service_record) % 8 == 0, "records have whole words");

extern const struct vault_layout state_layout;

// Changes a record, in a step of its own: all of it, or none of it. `place` lies in the vault.
void state_set_service(struct vault *vault, const struct service_record *place,
                       const struct service_record *wanted);
void state_set_init(struct vault *vault, const struct init_record *place,
                    const struct init_record *wanted);

// Takes all handles out of a record and puts them into `out`; returns how many.
#define STATE_HANDLES_MAX (6 + 2 * MANIFEST_PROVIDES_MAX + MANIFEST_USES_MAX)
uint32_t state_take_handles(struct service_record *record, handle_t out[STATE_HANDLES_MAX]);
