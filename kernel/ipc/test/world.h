// SPDX-License-Identifier: MIT
//
// A little world of programs that use IPC at random, and what they know of each other: client
// processes whose threads call services, services whose processes die and are succeeded, and a
// manager that makes and breaks all of that. Each request has a record that lives till the end of
// the run; both sides check there that what they see is allowed.
//
// What programs know is changed in user mode only, by one CPU at a time (world_lock); what is about
// to happen is noted before the native call that makes it happen.
#pragma once

#include "machine.h"

#include <abi/flags.h>
#include <abi/rights.h>
#include <ipc/call.h>
#include <ipc/channel.h>
#include <object/process.h>
#include <test/test.h>

#define CLIENTS 4
#define CLIENT_THREADS 3
#define SERVICES 3
#define SERVER_THREADS 2
#define CHANNELS 3 // of a service
#define WINDOW_BYTES 256
#define PARKED_MAX 64
#define STALE_MAX 64
#define RECEIVED_MAX 32
#define NONCES 8

struct user;
struct service;
struct client;

// What may happen in a run.
struct world_config {
    uint64_t calls;    // native calls until everything is taken down
    bool server_kills; // killed, alone or thread by thread
    bool server_faults;
    bool hangs; // then crashes are counted by the kernel alone
    bool client_kills;
    bool suspends;
    bool closes;  // ends, ports, tables, revoking
    bool starves; // there is no memory now and then
    bool single;  // services have one thread
};

// A request.
struct record {
    uint64_t index;
    struct service *service; // which is asked
    uint32_t channel;
    struct user *user;
    uint64_t process, thread, number, cookie; // the stamp
    const struct record *origin;              // in whose name the call is made, or null
    instant_t deadline;
    uint32_t flags;
    uint32_t body_bytes, in_bytes, out_bytes;
    uint32_t handle_count, accept_count;
    bool ended;          // its caller has a result
    int64_t status;      // which
    uint32_t deliveries; // seen by a server
    uint64_t token;      // of the last one
    uint32_t accepted;   // replies that the kernel took
    uint64_t nonces[NONCES];
    uint32_t nonce_count;
    uint32_t crashes; // of its service while it was current, for sure
    bool hurry;       // a server was asked to end it
};

struct user {
    uint8_t in[WINDOW_BYTES];
    uint8_t out[WINDOW_BYTES];
    struct thread *thread; // holds a reference
    struct client *client; // whose thread, or null
    struct service *service;
    int64_t (*op)(struct user *user);                // the present native call
    void (*next)(struct user *user, int64_t result); // chooses the one after it
    bool fault;                                      // instead of the call
    bool started;
    uint32_t results, restarts; // of the kernel, seen
    uint32_t window_open;       // atomic: a call is under way
    uint32_t interrupts;        // sent to it
    bool killed;                // or about to be
    bool kill_done;             // atomic: the kernel has been told
    struct record *calling;     // the call under way
    struct record *record;      // servers: what is served, if it was the last to be taken
    uint64_t number;            // of the native call, for the fast path, or 0
    uint64_t token;             // of what is served or is being answered
    struct record *answering;
    bool stale; // the token is known to be stale
    handle_t handle;
    handle_t owned; // received with a reply
    instant_t deadline;
    uint32_t flags;
    struct user *next_user;
};

struct client {
    struct job *job;         // holds a reference
    struct process *process; // likewise
    handle_t process_handle; // of the manager
    struct user *users[CLIENT_THREADS];
    struct service *services[SERVICES];
    handle_t channels[SERVICES][CHANNELS]; // 0: gone
    handle_t thing;
    bool killed;               // or about to be
    bool kill_done;            // atomic: the kernel has been told
    instant_t suspended_until; // 0: it is not
    struct client *next_client;
};

struct parked {
    uint64_t token;
    struct record *record;
};

// A service from its creation to its giving up, whatever the number of its instances.
struct service {
    bool keep;
    bool gone; // it is given up, or about to be
    struct process *process;
    handle_t process_handle; // of the manager
    struct port *port;       // holds a reference
    handle_t port_handle;
    struct {
        handle_t client; // of the manager
        handle_t server;
        bool closed; // the server end is, or is about to be
    } channels[CHANNELS];
    handle_t thing;
    struct service *below; // which it asks in its clients' names, or null
    handle_t below_channel;
    uint32_t instance;
    struct user *users[SERVER_THREADS];
    uint32_t user_count;
    bool last_retry;   // this instance has seen the last of the redelivered calls
    bool more_retries; // it was told to expect more of them
    bool lame;         // a thread of it was killed
    bool hung;
    bool killed;
    struct parked parked[PARKED_MAX];
    uint32_t parked_count;
    uint64_t stale[STALE_MAX];
    uint32_t stale_count;
    handle_t received[RECEIVED_MAX];
    uint32_t received_count;
    instant_t suspended_until;
    struct service *next_service;
};

struct world {
    struct world_config config;
    struct job *job;
    struct process *manager;
    struct user *manager_user;
    struct client *clients[CLIENTS];
    struct service *services[SERVICES];
    struct user *all_users;
    struct client *all_clients;
    struct service *all_services;
    struct record **records; // by number
    uint64_t record_count;
    uint64_t nonce;
    uint32_t word;         // a futex
    bool draining;         // atomic
    uint64_t finished[64]; // calls by -status
};

extern struct world world;

void world_lock(void);
void world_unlock(void);
// Whether the user's thread is dead, or somebody is about to kill it.
bool user_dies(const struct user *user);
bool chance(uint64_t bound);
uint64_t pick(uint64_t bound);

// Runs a world on a machine until all is taken down, and checks that nothing is left over.
void world_run(const struct machine_config *machine, const struct world_config *config);

// The body of a message about a record: its number, then bytes that follow from it.
void body_fill(uint8_t *body, uint32_t bytes, uint64_t number, uint64_t nonce);
bool body_check(const uint8_t *body, uint32_t bytes, uint64_t *number, uint64_t *nonce);
#define BODY_LEAST 16
// The channel of each service that forwarders use, and the number of their sub-requests.
#define FORWARDED 2
#define SUB 77

// Makes a user thread of a process that is not running yet, beginning with next(user, 0).
struct user *user_create(struct process *process, void (*next)(struct user *user, int64_t result));
void user_start(struct user *user);
void thing_create(handle_t *out, struct handle_table *table);

// Native calls, as the handlers in syscall/ make them. They want `handle`, `deadline`, `flags`.
int64_t op_sleep(struct user *user);
int64_t op_close(struct user *user);
int64_t op_revoke(struct user *user);
int64_t op_thread_exit(struct user *user);
int64_t op_process_exit(struct user *user);
// Futexes queue threads by the same node as ports do. `handle` 0 wakes.
int64_t op_futex(struct user *user);
int64_t op_call(struct user *user);
// call_for; `token` is the origin's.
int64_t op_call_for(struct user *user);

// Begins a call to a channel of a service: fills the block and the record.
void request_prepare(struct user *user, struct service *service, uint32_t channel, handle_t handle,
                     handle_t thing);
// Checks its result.
void request_check_result(struct user *user, int64_t result);

void client_next(struct user *user, int64_t result);
void server_next(struct user *user, int64_t result);
void manager_next(struct user *user, int64_t result);
void check_port(struct port *port);
