// SPDX-License-Identifier: MIT
//
// Clients of the three services, each a process with one thread, and what they know: the journal.
// Every client checks each answer against what it has done itself; the journal of the queue is
// common, because what one puts another takes.
#pragma once

#include "world.h"

#define CLIENTS_MAX 16
#define BANK_CAPITAL 1000000

enum role {
    ROLE_BANKER,   // moves money between accounts of its own, opens and closes them
    ROLE_PRODUCER, // puts items
    ROLE_CONSUMER, // takes items
    ROLE_PAYER,    // pays through the relay
    ROLES,
    ROLE_BLIND = ROLES, // calls anything, and believes no answer
};

struct client {
    struct sim_process *process; // null: the place is free
    struct sim_thread *thread;
    enum role role;
    uint64_t name;
    bool busy;          // in a call
    instant_t since;    // when the call was begun
    uint64_t calls;     // answered
    uint64_t calls_max; // then it ends by itself; 0: when it is told to
    uint64_t item;      // that the call under way puts, 0 for none
    bool taking;
    uint64_t taken_before; // items that were taken when it began to take
    // Two accounts: number, what they must hold, the owner's channel.
    struct {
        bool open;
        uint32_t number;
        uint64_t balance;
        handle_t owner;
    } accounts[2];
};

extern struct client clients[CLIENTS_MAX];

void clients_begin(void);
// A process that is no client: its thread runs a function of its own, with the channels of
// world_connect. Lets the world run until it has ended; fails the world when it does not.
void outsider_run(void (*function)(void *argument), void *argument);
// The same with a handle table that is made already.
void outsider_run_with(struct sim_table *table, void (*function)(void *argument), void *argument);
// Starts one; `calls_max` 0: until clients_stop.
void client_start(enum role role, uint64_t calls_max);
// Kills one, in the middle of whatever it does.
void client_kill(struct client *client);
// Interrupts a wait, as a signal would.
void client_interrupt(struct client *client);
// All are to come to an end; consumers empty the queue first.
void clients_stop(void);
// Collects the dead. Returns how many are alive; fails the world when one is stuck.
uint32_t clients_watch(void);
uint64_t clients_calls(void);
// When all have ended: what was put against what was taken, and the last look at the bank.
void clients_check(void);
