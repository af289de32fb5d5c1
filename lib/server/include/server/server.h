// SPDX-License-Identifier: MIT
//
// The loop of a server that heals.
//
// A service describes itself (struct server_program) and calls server_run from native_main. The
// loop takes packets from the port, runs the handlers of the protocol's operations through the
// generated dispatch, and sends the answers. It keeps the promise that a server may be killed
// between any two instructions and no client notices:
//
//   - A handler runs within a step of the vault. When it returns 0 or above, its changes and, for
//   an
//     operation of class record, the answer are committed in one store; when it returns a status,
//     PROTOCOL_LATER or a PROTOCOL_TOUCH_ value, its changes are undone.
//   - A call that a predecessor had taken comes again. If its reply record is there it is answered
//     from that; if not, it was never done.
//   - A handler that can't answer yet says on what it waits (request_wait) and returns
//     PROTOCOL_LATER. When some later step has brought that about (server_wake), the same
//     handler runs again from its beginning. So nothing of a waiting call lives in the vault. Only
//     operations that are declared `may_block` can: the library keeps their request, also from
//     where calls that the handler makes put their answers.
//   - Handlers never wait in a call of their own; see server/nested.h.
//
// A handler gets `&request->packet`; request_of gives the request. There is no other state between
// two runs of a handler than what the vault holds. A handler that returns a status must have kept
// none of the handles that came with the request; one that returns 0 or above gives the handles of
// its answer away: the library keeps them until the client has its own, then closes them.
//
// What a service finds at its start, the arguments that the library reads, and how it exits:
// server/start.h.
#pragma once

#include <abi/message.h>
#include <abi/protocol.h>
#include <ds/list.h>
#include <server/die.h>
#include <server/vault.h>

struct server;
struct nested;
struct helper;

enum request_state {
    REQUEST_FREE,
    REQUEST_RUNNING,  // its handler runs, or its answer stands in the thread's block
    REQUEST_PARKED,   // waits for a condition
    REQUEST_JOINED,   // waits for another call of the same id, see server_run
    REQUEST_READY,    // parked, and to be run again
    REQUEST_ANSWERED, // its answer waits to be sent
};

// A call in service.
struct request {
    struct packet packet; // first
    struct server *server;
    const struct operation_info *info; // null: there is no such operation
    struct list_node node;             // in server->parked or server->outbox
    uint8_t state;                     // enum request_state
    bool cancelled;                    // its caller wants to go on
    bool orphan;                       // its caller is gone
    bool again;                        // it has run before in this instance
    uint64_t wait;                     // the condition
    uint64_t number;                   // counted over all instances
    uint64_t hash;                     // of a forwarded request
    struct reply_record *reply;
    struct nested *nested; // NESTED_MAX of them, null when the service makes no nested calls
    uint32_t handle_count; // of its answer, to be closed when it is sent
    handle_t handles[MESSAGE_HANDLES];
    struct message message; // the request while it waits, the answer when it is ANSWERED
};

// The request of a packet that a handler was given.
static inline struct request *request_of(const struct packet *packet) {
    return (struct request *)(uintptr_t)packet;
}

// What a service is. Callbacks that are null are not called.
struct server_program {
    const char *name; // for the log
    const struct protocol_info *protocol;
    const struct vault_layout *vault;
    uint32_t helpers; // threads for nested calls
    // Begins the work of this instance, within a step that is always committed: fills a fresh
    // vault, or looks whether the records of an adopted one fit together. Not OK: the instance
    // exits with SERVER_EXIT_CORRUPT.
    status_t (*start)(struct server *server, bool fresh);
    // Runs the generated dispatch of the protocol.
    int64_t (*dispatch)(struct server *server, const struct packet *packet,
                        struct message *message);
    // A step with changes of a handler or callback was committed, and its answer is not sent yet:
    // for what can't be undone, such as giving memory back. It may never run: then the successor's
    // `start` has to do it.
    void (*committed)(struct server *server);
    // The last client handle of a channel with this key is closed: drop its objects, step_close its
    // server end. Within a step. Comes again to a successor until the server end is closed.
    void (*closed)(struct server *server, uint64_t key);
    // Handles of an answer are closed here when the client has them: at once, which costs an entry
    // into the kernel and keeps the client waiting; or, where this is set, when the next packet
    // comes, the timer's at the latest, and before that is looked at. `handed_over` comes then,
    // within a step: what the client has closed meanwhile can be dropped there, without a notice.
    // Only for handles to which it means nothing that they live so much longer.
    void (*handed_over)(struct server *server);
    // A handler that has changed no record, made no handle and closed none has done nothing: after
    // a death it may run again, and its answer is not kept.
    bool repeats_unchanged;
    // A signal, timer, interrupt, page or exit packet that the service has bound with a key of
    // its own, below SERVER_KEYS. Within a step.
    void (*notice)(struct server *server, const struct packet *packet);
};

// Keys of object_bind from here on are the library's.
#define SERVER_KEYS ((uint64_t)1 << 63)

#define SERVER_WAKES_MAX 8

struct server {
    const struct server_program *program;
    struct vault vault;
    // The library's:
    handle_t port, heartbeat, timer, event;
    struct message *message; // of the loop's thread
    struct request *requests;
    uint32_t request_count;
    uint32_t request_top;             // places from here on were never used: not touched yet
    uint8_t *nested_memory;           // of the places, null when the service makes no nested calls
    struct request *answer;           // its answer stands in the thread's block
    struct list parked;               // by age
    struct list outbox;               // ANSWERED, first come first served
    bool settling;                    // poll, and settle when the queue is empty
    bool returning;                   // calls that a predecessor had taken may still come
    uint64_t wakes[SERVER_WAKES_MAX]; // conditions that the step under way brings about
    uint32_t wake_count;
    struct helper *helpers;
    uint32_t helper_count;
    struct die die;
};

// Runs the service until its port is discarded or something is wrong from the start. Returns one of
// enum server_exit. `server` may lie on the stack.
[[nodiscard]] int64_t server_run(struct server *server, const struct server_program *program);

// The handler of this request waits for a condition, any number but 0, and will return
// PROTOCOL_LATER.
void request_wait(struct request *request, uint64_t condition);
// The whole in window of a request, where its message has it; null: it is to be read from the
// caller. Valid until the handler makes a call of its own.
const void *request_inline(const struct request *request);
// Whether its caller wants to go on. A handler that would wait may then return what it has so far;
// if it returns PROTOCOL_LATER again, the call is answered with ERR_NOT_DONE.
static inline bool request_cancelled(const struct request *request) {
    return request->cancelled;
}
// The step under way makes a condition true: once it is committed, every request that waits for
// it runs again, in the order of arrival, before any new packet is taken.
void server_wake(struct server *server, uint64_t condition);

// Commits what the step under way has changed so far, and begins another one: for work that is too
// large for one step, or that must not become visible before its record is there. What the handler
// or notice does must be such that it can run again from its beginning after that. It can't fail
// but for a step that was too large, which panics.
void server_checkpoint(struct server *server);

// Makes a channel on the service's port, within a step: both ends are closed if the step is undone.
// Errors of channel_create.
[[nodiscard]] status_t server_channel(struct server *server, uint64_t key, uint32_t flags,
                                      handle_t *client, handle_t *endpoint);
