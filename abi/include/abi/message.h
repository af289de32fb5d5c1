// SPDX-License-Identifier: MIT
//
// What a call carries, and what a server's port hands out. Both structs live in the thread block
// (abi/block.h), pinned and mapped in the kernel, so that IPC never touches pageable memory. The
// kernel reads each word of a message once, and trusts none.
#pragma once

#include <abi/types.h>

#define MESSAGE_BODY_BYTES 256
#define MESSAGE_HANDLES 4

// A range of the caller's memory that the server may read (in) or write (out) while the call lasts.
struct window {
    uint64_t addr;
    uint64_t bytes;
};

struct message {
    uint32_t op;          // protocol << 16 | operation; in a reply: free for the protocol
    uint16_t body_bytes;  // at most MESSAGE_BODY_BYTES
    uint8_t handle_count; // handles that travel with this message, at most MESSAGE_HANDLES
    uint8_t accept_count; // in a call: handles that the reply may bring, at most MESSAGE_HANDLES
    struct window in;     // read by the server with call_read
    struct window out;    // written by the server with call_write
    handle_t handles[MESSAGE_HANDLES];
    uint8_t body[MESSAGE_BODY_BYTES];
};
static_assert(sizeof(struct message) == 312, "struct message is ABI");
static_assert(offsetof(struct message, body) == 56, "struct message is ABI");

// Kinds of packets. All but CALL are levels: they report a condition that stays readable in its
// object, and are posted again to a successor while the condition holds.
enum packet_kind {
    PACKET_CALL = 1,      // a call; the message stands in the thread block
    PACKET_CANCELLED = 2, // the caller of `token` wants to go on: answer soon
    PACKET_QUARANTINED =
        3,             // request (thread, call_number) crashed this service twice and was failed
    PACKET_SIGNAL = 4, // bound signals are set; `signals` says which
    PACKET_PEER_CLOSED = 5, // the last client handle of the channel bound with `key` is closed
    PACKET_CALLER_GONE = 6, // a watched process has ended; `process` says which
    PACKET_TIMER = 7,       // a bound timer has expired; `count` says how often
    PACKET_INTERRUPT = 8,   // a bound interrupt is pending; acknowledge with interrupt_ack
    PACKET_PAGE = 9,        // a page of a paged vmo is wanted; `offset` says which
    PACKET_EXIT = 10,       // a bound process has ended; `status` says how
};

// Flags of a packet.
enum packet_flags {
    PACKET_RETRY = 1 << 0,      // a call that an earlier instance had already taken
    PACKET_CANCEL = 1 << 1,     // its caller wants to go on already
    PACKET_ORPHAN = 1 << 2,     // its caller is gone: windows are closed, a reply reaches nobody
    PACKET_LAST_RETRY = 1 << 3, // no older redelivered call follows this packet
    PACKET_FORWARDED = 1 << 4,  // the stamp is that of the request that a forwarder serves
    PACKET_TRUNCATED = 1 << 5,  // handles of the message found no place in the table and are 0
};

struct packet {
    uint64_t key;        // of the binding or of the channel
    uint16_t kind;       // enum packet_kind
    uint16_t flags;      // enum packet_flags
    uint32_t deliveries; // how often this call was handed out, this time included
    union {
        uint64_t token;   // CALL, CANCELLED: names the call; valid for this delivery only
        uint64_t signals; // SIGNAL, INTERRUPT
        uint64_t offset;  // PAGE
        uint64_t count;   // TIMER: expiries not acknowledged yet
        int64_t status;   // EXIT
    };
    // The stamp: who calls. Believe this, never an identity that a message claims.
    uint64_t process;
    uint64_t thread;
    uint64_t call_number; // (thread, call_number, sub) is the request id
    uint64_t acked;       // call numbers up to this one are answered and known to the caller
    uint64_t cookie;
    uint64_t sub;      // sub-request of a forwarder, 0 otherwise
    uint64_t in_bytes; // sizes of the caller's windows
    uint64_t out_bytes;
    instant_t deadline;
};
static_assert(sizeof(struct packet) == 96, "struct packet is ABI");
