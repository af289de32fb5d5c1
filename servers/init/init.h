// SPDX-License-Identifier: MIT
//
// What all files of init share. Pointers into the vault are to const: records are changed through
// service_commit alone.
//
//   main.c       the loop
//   adopt.c      the beginning of an instance: what it takes over, what it clears away
//   supervise.c  which service is to be started, restarted, given up
//   launch.c     making a service's first instance, and its successors
//   grant.c      the handles that a service gets
//   watch.c      heartbeats
//   serve.c      the protocol svc
//   run.c        the program of the command line
//
// init calls nobody, and waits nowhere but at its own port.
#pragma once

#include "catalog.h"
#include "command.h"
#include "state.h"

#include <abi/proto/svc.h>
#include <sys/archive.h>

// Keys of packets: KEY_SVC for calls of the protocol svc, KEY_SERVICE + index for the exit of a
// service.
#define KEY_SVC 0
#define KEY_SERVICE 1

struct service {
    uint8_t index;
    bool bare; // the program of the command line: no port, no vault, never restarted
    const struct catalog_entry *entry;
    const struct service_record *record;
    // Its heartbeat; volatile.
    instant_t next_beat;
    uint32_t missed;
};

struct init {
    struct vault vault;
    const struct init_record *own;
    struct archive archive;
    struct command command;
    struct catalog catalog;
    struct catalog_entry run_entry;
    uint32_t service_count; // those of the catalog, and the program
    struct service services[STATE_SERVICES];
    struct service *run;   // null without init.run=
    instant_t started_at;  // this instance
    handle_t reply_handle; // went out with the last answer: to be closed
};

instant_t time_now(void);
// Pages that all services have among them: the machine's, without those of init itself.
uint64_t services_pages(void);

// Where a test may have init die, in the last bytes of its vault vmo. Obeyed with init.test=1 only.
struct init_points {
    uint64_t die_at; // die at this many points from now; 0: not
    uint64_t then;   // what die_at becomes at that death
    uint64_t count;  // points since die_at was set
    uint64_t deaths;
};
// A place between two steps. Called wherever dying makes a difference.
void init_point(struct init *init);
