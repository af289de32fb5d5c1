// SPDX-License-Identifier: MIT
//
// Client threads that use the three services and check every answer against what they have done
// themselves, as the clients of the simulator do (tests/sim/clients.c).
#pragma once

#include <abi/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/thread.h>

#include <heal/supervisor.h>

enum service_id { BANK, QUEUE, RELAY, SERVICES };

#define CAPITAL 1000000 // of the bank

enum role {
    ROLE_BANKER,   // moves money between two accounts of its own, opens and closes them
    ROLE_PRODUCER, // puts items
    ROLE_CONSUMER, // takes items, until it is told that no more will come and the queue is empty
    ROLE_PAYER,    // pays through the relay
    ROLES,
};

struct client {
    struct thread thread;
    enum role role;
    uint64_t name; // and the source of its items
    uint64_t random;
    uint32_t rounds; // then it ends by itself; 0: when it is told to
    uint64_t calls;
    struct {
        bool open;
        uint32_t number;
        uint64_t balance;
        handle_t owner;
    } accounts[2];
};

#define CLIENTS_MAX 16

// Clears the journal of the queue, for a new set of clients.
void clients_begin(void);
// Starts a client; they are numbered from 0.
void client_start(enum role role, uint32_t rounds);
// Tells all to end, waits for them, consumers last, and checks what went through the queue and that
// the bank has its money. Failures are counted as failed checks. Returns the number of calls.
uint64_t clients_finish(void);
// A fixed script of so many rounds for one service, played by the calling thread: every operation,
// each answer checked. Returns the number of calls.
uint32_t script_play(enum service_id service, uint32_t rounds);
// Calls answered so far.
uint64_t clients_calls(void);
