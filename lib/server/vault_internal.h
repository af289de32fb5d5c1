// SPDX-License-Identifier: MIT
//
// What lies in a vault, byte by byte, and what the files of this library know of each other.
//
// Three kinds of records check themselves: reply records, intents, and the service's own. `used` is
// stored last when one is made, alone when it is freed. Reply records carry the number of the step
// that wrote them, so one of a step that was not committed counts for nothing.
#pragma once

#include <server/crc32c.h>
#include <server/memory.h>
#include <server/server.h>

#define VAULT_MAGIC 0x544c4156u      // "VALT"
#define VAULT_FORMATTING 0x464c4156u // "VALF": being made
#define VAULT_FORMAT 2
#define VAULT_ALIGN 64u
#define VAULT_STATE_BYTES 1024u

struct suspect {
    struct call_id id; // thread 0: none
    uint32_t crashes;
    uint32_t check; // of the above
};

// The sizes that say where things lie. A tool can read any vault by them.
struct vault_sizes {
    uint32_t undo_bytes, calls_max, forwarded_max, intents_max, table_count, reserved;
    struct {
        uint32_t record_bytes, count;
    } tables[VAULT_TABLES_MAX];
};

// The beginning of a vault. What is `sealed` holds a 48-bit number and 16 bits of check in one
// word, so that a single store changes both.
struct vault_state {
    uint32_t magic;
    uint32_t check; // of the following four
    uint32_t format;
    uint32_t service;
    uint32_t version;
    uint32_t spare;
    struct vault_sizes sizes;
    // Changes all the time.
    uint64_t begun;     // sealed: the number of the step under way, or of the last one committed
    uint64_t committed; // sealed
    uint64_t undo_tail; // sealed: bytes of the undo log that belong to step `begun`
    uint64_t touched[VAULT_TABLES_MAX]; // sealed: only rises, before the first change of a record
    uint64_t drops; // records dropped since a service last began its work with all of them known
    // Only told, never relied on.
    uint64_t generation;    // instances so far
    uint64_t messages;      // calls taken by all of them
    struct call_id serving; // the call whose handler runs; thread 0: none
    struct suspect suspects[VAULT_SUSPECTS];
};
static_assert(sizeof(struct vault_state) <= VAULT_STATE_BYTES, "the state has its place");

struct undo_entry {
    uint32_t offset; // of the bytes in the vault
    uint32_t bytes;
    uint32_t step;  // low half of its number
    uint32_t check; // of the data, seeded by the above
    uint8_t data[]; // the bytes before, padded to 8
};

struct reply_head {
    uint32_t check; // of what follows `used`, as far as the body reaches
    uint16_t used;
    uint8_t forwarded;
    uint8_t handle_count;
    struct call_id id;
    uint64_t step; // that wrote it
    uint64_t hash; // of the request, when it was forwarded
    uint32_t op;   // of the answer: its result
    uint32_t body_bytes;
    handle_t handles[MESSAGE_HANDLES];
};

struct reply_record {
    struct reply_head head;
    uint8_t body[MESSAGE_BODY_BYTES];
};
static_assert(sizeof(struct reply_head) % 8 == 0, "reply records are aligned");

struct intent_record {
    uint32_t check;
    uint16_t used;
    uint16_t spare;
    struct call_id id; // sub: that of the nested call
    uint64_t hash;
};

// One for each reply record, volatile.
struct reply_index {
    uint32_t next;  // in the chain of its thread's bucket, or of the free ones: index + 1
    uint32_t users; // calls of this instance that are still to be answered from it
    bool doomed;    // its thread is dead: freed when the queue was seen empty
    bool inherited; // a predecessor wrote it
};

static inline bool call_id_equal(const struct call_id *a, const struct call_id *b) {
    return a->thread == b->thread && a->call_number == b->call_number && a->sub == b->sub;
}

static inline struct call_id request_id(const struct request *request) {
    return (struct call_id){request->packet.thread, request->packet.call_number,
                            request->packet.sub};
}

#define SEAL_BITS 16

// Sealed numbers: 48 bits, and 16 bits of check below them.
static inline uint64_t vault_seal(uint64_t number) {
    return number << SEAL_BITS | (number + 1) * 0x9e3779b97f4a7c15 >> (64 - SEAL_BITS);
}

// Returns whether the check is right.
static inline bool vault_unseal(uint64_t sealed, uint64_t *number) {
    *number = sealed >> SEAL_BITS;
    return vault_seal(*number) == sealed;
}

// Where the parts lie.
struct vault_places {
    size_t undo, replies, intents, tables[VAULT_TABLES_MAX], bytes;
    uint32_t reply_count;
    uint32_t reply_direct; // the first of these are for calls that came straight from their thread
};
void vault_place(const struct vault_sizes *sizes, struct vault_places *places);
uint32_t vault_header_check(const struct vault_state *state);

// Drops a record that failed its check, and says so.
void vault_drop(struct vault *vault, uint16_t *used, const char *table, uint32_t index,
                const char *why);
uint32_t record_check(const struct vault_head *record, uint32_t bytes, uint32_t seed);
// Check of the service's tables: contents and handles. Returns nothing: what fails is dropped.
void tables_adopt(struct vault *vault);

// Finds the record of a table that holds the bytes at an offset of the vault; false when there is
// none.
bool vault_locate(const struct vault *vault, size_t offset, size_t bytes,
                  struct record_place *found);
static inline size_t vault_offset(const struct vault *vault, const void *place) {
    return (size_t)((uintptr_t)place - (uintptr_t)vault->base);
}
// Begins to store, even though nothing may change.
void step_start(struct vault *vault);
// Puts the old bytes of an uncommitted step back; entries that fail their check are left out.
// Returns whether all were good.
bool undo_apply(struct vault *vault, uint64_t step, uint32_t tail);

// Reply records. `index` is volatile memory: reply_count entries; `buckets` a power of two.
#define REPLY_BUCKETS 64u
void replies_adopt(struct vault *vault, struct reply_index *index, uint32_t *buckets);
struct reply_record *reply_find(const struct vault *vault, const struct call_id *id);
// Whether a record of this kind can still be made.
bool reply_room(const struct vault *vault, bool forwarded);
// Writes a record for the step under way; there is room.
void reply_write(struct vault *vault, const struct step_reply *reply);
// Frees a record and closes the handles that it holds.
void reply_free(struct vault *vault, struct reply_record *record);
// The thread has seen the answers of all its calls up to this one.
void replies_acked(struct vault *vault, uint64_t thread, uint64_t acked);
// Marks some records of threads that have died. Returns whether there are any.
bool replies_doom(struct vault *vault);
// All calls that a predecessor had taken have come back: frees what it left behind for others.
void replies_returned(struct vault *vault);
// The queue was seen empty: no call for a doomed record is under way any more, either.
void replies_settle(struct vault *vault);
// A call of this instance is to be answered from the record; it has been.
void reply_claim(struct vault *vault, const struct reply_record *record);
void reply_release(struct vault *vault, struct reply_record *record);

// Intents.
void intents_adopt(struct vault *vault);
// Notes a nested call, or finds the note of a predecessor. OK, LIMIT, BAD_STATE (another hash).
[[nodiscard]] status_t intent_note(struct vault *vault, const struct call_id *id, uint64_t hash);
// Frees the intents of a request; `id` is that of the served call.
void intents_free(struct vault *vault, const struct call_id *id);
// Frees those that belong to no call in service.
void intents_settle(struct server *server);

// Closes every handle of the table that neither the start record nor any record names.
void server_sweep(struct vault *vault);

// ---- The loop (loop.c)

#define NESTED_DONE 1u // signal of server->event: a helper has an answer

[[nodiscard]] status_t loop_prepare(struct server *server);
// One turn. BAD_STATE: the port was discarded.
[[nodiscard]] status_t loop_turn(struct server *server);

// ---- Requests (request.c)

const struct operation_info *operation_find(const struct protocol_info *protocol, uint32_t op);
// Whether there is room for this request to wait.
bool request_can_wait(const struct request *request);

// A call packet was taken; its message stands in the thread's block. Afterwards server->answer may
// be set.
void request_take(struct server *server, const struct packet *packet);
// The caller of a taken call wants to go on.
void request_cancel(struct server *server, const struct packet *packet);
// Runs every request whose condition came true, until none is left.
void requests_run(struct server *server);
// Wakes what waits for the conditions that the last step brought about.
void wakes_apply(struct server *server);
// The answer of a request was sent, or nobody waits for it any more.
void request_finish(struct request *request);
// Puts the answer that stands in the thread's block aside, in the outbox.
void answer_set_aside(struct server *server);
// Runs a callback that may change the vault within a step of its own.
#define SERVER_STEP(server, callback)                                                              \
    do {                                                                                           \
        step_begin(&(server)->vault);                                                              \
        callback;                                                                                  \
        server_step_end(server);                                                                   \
    } while (0)
void server_step_end(struct server *server);

// Requests that made the server crash.
void blame_adopt(struct vault *vault);
uint32_t blame_crashes(const struct vault *vault, const struct call_id *id);
void blame_clear(struct vault *vault, const struct call_id *id);
void blame_settle(struct server *server);
void blame_serving(struct vault *vault, const struct call_id *id);
void blame_served(struct vault *vault);

// Nested calls.
[[nodiscard]] status_t nested_start(struct server *server);
bool nested_begun(const struct request *request);
// Wakes the requests whose answers are there, and gives waiting calls to idle helpers.
void nested_collect(struct server *server);
void nested_reset(struct request *request);
size_t nested_bytes(void);
