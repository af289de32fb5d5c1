// SPDX-License-Identifier: MIT
//
// A call: one request of one thread, from channel_call to its reply.
//
//   IDLE     no request: belongs to its thread
//   QUEUED   stands in the port's queue (delivered before: RETRY)
//   TAKEN    a server has it. It is *current* while the thread that took it has not waited again
//            (thread.current_token), parked afterwards
//   HELD     its server died; waits for the successor
//   FILLING  taken, and its handles are just being installed in the server's table
//   REPLYING the server is answering, handles are being installed
//
// While it is REPLYING, or a window is being copied (`copies`), a call is *pinned*: its caller
// stays where it is, because others work on its table or its memory without a lock. What would end
// the call meanwhile is put off (`doomed`, `leave`) until the pin is gone; a reply that succeeds
// overrides it.
//
// A call owns a copy of the message and nodes for its handles, so that it can be delivered again to
// a successor. (thread id, call number, sub) is its request id, stamped by the kernel.
//
// Every field is guarded by the lock of the port it stands at, except while IDLE. Whoever ends a
// call under that lock only unlinks it; the handles it held and the slots promised to its reply are
// released by its own thread on the way out of the kernel (PENDING_CALL), because those locks are
// outer. A call whose caller has gone (orphan: `caller` null) lives on until a server answers it;
// then whoever ends it frees it. A stale token may find a call that has just been freed: its memory
// stays until the grace period is over, and it is IDLE, at no port.
#pragma once

#include <abi/message.h>
#include <ipc/port.h>
#include <mm/reap.h>
#include <object/handle.h>

struct thread;
struct channel;
struct aspace;
struct process;

#define CALL_CRASHES_MAX 2

enum call_state {
    CALL_IDLE,
    CALL_QUEUED,
    CALL_TAKEN,
    CALL_HELD,
    CALL_FILLING,
    CALL_REPLYING,
};

struct call {
    struct port_item item;        // as a PACKET_CALL
    struct port_item cancel_item; // as a PACKET_CANCELLED
    struct list_node taken_node;  // in port->taken or port->held
    struct thread *caller;        // null: orphan
    struct job *job;              // fixed; charged for it, holds a reference
    struct reap_item reap;        // once it is freed
    struct port *port;            // null while IDLE; kept alive by the channel
    struct channel *channel;      // holds a reference on its client end while not IDLE
    uint64_t id;                  // in the id table; also the token of the present delivery
    struct id_slot *slot;         // fixed; of the id
    uint64_t server_process;      // TAKEN: who may read, write and answer
    uint64_t age;                 // order of arrival at the port
    uint8_t state;                // enum call_state
    bool cancel;                  // the caller wants to go on
    bool abandon;                 // flag WAIT_ABANDON: it does not wait for the server's consent
    bool current;                 // it was the current call of the thread by which its server died
    bool doomed;                  // FILLING or pinned: to be ended with PEER_CLOSED afterwards
    bool forwarded;
    uint8_t crashes;
    uint8_t handle_count; // nodes in use
    uint32_t deliveries;
    uint32_t copies; // of its windows, under way now
    status_t leave;  // pinned: its caller is to go on with this afterwards; OK: it is not
    struct call_origin stamp;
    instant_t deadline;
    struct handle handles[MESSAGE_HANDLES]; // kind HANDLE_MESSAGE
    struct message message;
};

// Whether the caller must stay where it is. port->lock held.
static inline bool call_pinned(const struct call *call) {
    return call->state == CALL_REPLYING || call->copies != 0;
}

// Allocates a call, charged to the job. NO_MEMORY, LIMIT.
[[nodiscard]] status_t call_create(struct job *job, struct call **out);
// Frees an IDLE call, after a grace period. Any lock may be held.
void call_destroy(struct call *call);

// Sends the calling thread's message; see the native call channel_call. `origin` null: in its own
// name.
int64_t call_send(struct thread *self, struct channel *channel, instant_t deadline, uint32_t flags,
                  const struct call_origin *origin);
// Asks the call of a parked thread to end: `status` is what its caller would get, STATUS_RESTART
// when the caller is to die. `seq` is the number of the wait. Called by thread_abort_wait with a
// reference on the port and no lock.
void call_cancel(struct thread *thread, struct port *port, uint64_t seq, status_t status);
// Releases what the thread's ended call held. On the way out of the kernel.
void call_cleanup(struct thread *thread);
// The calling thread is the reason, by a fault or a hang, why its process dies: notes that of its
// current call. No lock held.
void call_blame_current(struct thread *self);
// Frees the thread's call at its end.
void call_thread_gone(struct thread *thread);

// Answers a call with the message in the calling thread's block. On OK *client is the caller to be
// made runnable by thread_unpark(client, OK), or null. Errors as for port_reply_wait.
[[nodiscard]] status_t call_reply(struct thread *self, struct port *port, uint64_t token,
                                  struct thread **client);

// Ends a call under port->lock without waking: unlinks it everywhere and drops what it held in
// the port. Returns the caller, to be made runnable, or null: then the orphan is on *orphans,
// linked by taken_node, to be freed with call_free_orphans once the lock is dropped.
struct thread *call_end(struct call *call, struct list *orphans);
void call_free_orphans(struct list *orphans);
// Does what was put off while the call was pinned or FILLING, unless it still is. May end it.
// port->lock held.
void call_settle(struct call *call, struct list *orphans);

// The windows of a call that this process has taken. See call_read, call_write.
int64_t call_window_read(uint64_t token, uint64_t offset, vaddr_t buffer, size_t size);
int64_t call_window_write(uint64_t token, uint64_t offset, vaddr_t buffer, size_t size);
// Identity of a taken call, for call_for. STALE_TOKEN.
[[nodiscard]] status_t call_identity(uint64_t token, struct call_origin *out);

// Installs children of the message's nodes in the server's table. A handle for which there is no
// place, or that was revoked, arrives as 0 and the packet is flagged TRUNCATED.
void call_install(struct call *call, struct thread *server);
