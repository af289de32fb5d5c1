// SPDX-License-Identifier: MIT
//
// The vault: a vmo that outlives its server, with everything that a client could miss.
//
// It holds small records of fixed size in tables, never pointers and never a heap: offsets, indices
// and handle numbers, which stay valid because the handle table passes to the successor too.
//
//   header | state of the step | undo log | reply records | intents | the service's own tables
//
// A change goes in steps. A step logs the old bytes of what it changes (undo log), changes it,
// writes the reply record of the call that it serves, and then stores one word, `committed`: before
// that store it has not happened, after it has. A server killed in between leaves a step that was
// begun and not committed; its successor puts the old bytes back, last first, before it does
// anything else.
//
// The successor believes nothing of what it finds. A header or step state that does not check out
// is ERR_CORRUPT, for the caller to decide on; a record that does not is dropped and reported. Each
// record carries a CRC32C, so does each entry of the undo log. Handles that a record names must
// exist and be of the declared type.
//
// A service reads its records through pointers to const and changes them with vault_set alone, so a
// change that is not logged does not compile.
#pragma once

#include <abi/message.h>
#include <abi/status.h>
#include <abi/types.h>
#include <server/point.h>
#include <stdbool.h>

struct die;

#define VAULT_TABLES_MAX 8
#define VAULT_FIELDS_MAX 6    // handles that a record may name
#define VAULT_STEP_RECORDS 32 // records that one step may change: tmpfsd renames long names
#define VAULT_STEP_CHANGES 96 // vault_set in one step, and one more for each record
#define VAULT_STEP_HANDLES 8  // handles that one step may make, and close
#define VAULT_SUSPECTS 8      // requests that made a predecessor crash

// The request id: stamped by the kernel, never the client's word.
struct call_id {
    uint64_t thread, call_number, sub;
};

// The first member of each record of a service.
struct vault_head {
    uint32_t check; // CRC32C of the rest; kept by vault_set
    uint16_t used;  // 0: free, 1: used
    uint16_t spare; // the service's own
};

// Where a record names a handle, and what that must be. An offset of 0 ends the list.
struct vault_field {
    uint16_t offset;
    uint16_t type; // OBJECT_ of <abi/objects.h>; the handle may be HANDLE_NONE
};

struct vault_table {
    const char *name;
    uint32_t record_bytes; // a multiple of 8; begins with a struct vault_head
    uint32_t count;
    struct vault_field handles[VAULT_FIELDS_MAX];
    // Whether the values of a used record make sense by themselves. Null: all do.
    bool (*check)(uint32_t index, const void *record);
    // Sparse: for large tables of which little is used. Records past vault_touched were never
    // changed; nobody looks at them, also not at adoption, and the service must not either, but to
    // take one that vault_find_free gives it and write all of it. Their memory is taken when they
    // are first given, and may be refused then.
    bool sparse;
};

struct vault_layout {
    uint32_t service;       // which service: four letters
    uint32_t version;       // of its tables; a vault of another version is ERR_CORRUPT
    uint32_t undo_bytes;    // of the undo log: a multiple of 8, 24 + the bytes changed a field
    uint32_t calls_max;     // calls in service at once, those that wait included
    uint32_t forwarded_max; // reply records for calls that forwarders make
    uint32_t intents_max;   // nested calls at once, 0 when the service makes none
    uint32_t table_count;
    const struct vault_table *tables;
};

// What adopting a vault found.
struct vault_report {
    bool fresh;       // no step was ever committed
    bool rolled_back; // an unfinished step was undone
    uint32_t dropped; // records of all kinds that failed their check
};

struct reply_index;

// A place in a record of a table.
struct record_place {
    uint32_t table, index;
    uint32_t within; // offset in the record
    struct vault_head *head;
};

// The open vault of this instance. Fields are the library's.
struct vault {
    const struct vault_layout *layout;
    uint8_t *base;
    struct vault_state *state;
    uint8_t *undo;
    struct reply_record *replies;
    uint32_t reply_count;
    uint32_t reply_direct;     // of these for calls that came straight from their thread
    struct reply_index *index; // volatile: one for each reply record
    uint32_t *buckets;         // volatile: chains of the records of a thread, index + 1
    uint32_t reply_free[2];    // chains of free records, index + 1: direct ones, forwarded ones
    uint32_t forwarded_count;
    uint32_t doom_next; // where to look next for records of dead threads
    struct intent_record *intents;
    uint8_t *tables[VAULT_TABLES_MAX];
    uint32_t next_free[VAULT_TABLES_MAX]; // no record before it is free
    uint32_t touched[VAULT_TABLES_MAX];   // records from here on were never changed
    uint32_t backed[VAULT_TABLES_MAX];    // sparse: records below this have their memory
    // Takes memory for bytes of the vault, all of them zero from then on; OK, or why there is none.
    // Null: they have it. Set after vault_open.
    status_t (*back)(struct vault *vault, size_t offset, size_t bytes);
    handle_t vmo; // for that
    struct vault_report report;
    struct die *die;
    uint64_t committed; // number of the last committed step
    uint32_t suspect_count;
    bool strict; // a step that is too large is a panic and not ERR_NO_SPACE
    // The step under way.
    bool open;    // changes are allowed
    bool started; // something was logged
    bool overflow;
    uint32_t tail; // bytes used in the undo log
    uint32_t change_count;
    uint32_t record_count, made_count, close_count;
    struct record_place records[VAULT_STEP_RECORDS]; // that are changed
    handle_t made[VAULT_STEP_HANDLES];
    handle_t closing[VAULT_STEP_HANDLES];
    struct reply_record *reply; // written by this step
};

// Bytes that a vault of this layout needs. The supervisor may make it larger.
size_t vault_bytes(const struct vault_layout *layout);

// Adopts the vault in `memory`, or makes it when it is blank or `reset` is set: all earlier state
// is then gone. Undoes what a predecessor left unfinished, and drops records that fail their check.
//   ERR_OUT_OF_RANGE  the memory is too small
//   ERR_CORRUPT       header or step state fails its check; the log says which; nothing was changed
[[nodiscard]] status_t vault_open(struct vault *vault, const struct vault_layout *layout,
                                  void *memory, size_t bytes, bool reset);

// The record of a table, null when the index is too large.
static inline const void *vault_record(const struct vault *vault, uint32_t table, uint32_t index) {
    const struct vault_table *t = &vault->layout->tables[table];
    return index < t->count ? vault->tables[table] + (size_t)t->record_bytes * index : NULL;
}
// Records of a table that were ever changed are below this index. Of a table that is not sparse:
// all.
static inline uint32_t vault_touched(const struct vault *vault, uint32_t table) {
    const struct vault_table *t = &vault->layout->tables[table];
    return t->sparse ? vault->touched[table] : t->count;
}
// The first free record of a table: its index, or -1 when the table is full or, if it is sparse,
// has no memory for another. Low ones come first, so that a table reaches no further than it was
// ever filled.
int32_t vault_find_free(struct vault *vault, uint32_t table);
// Whether a table of which `used` records are in use has room for so many `more`, and the memory:
// then vault_find_free gives them.
bool vault_room(struct vault *vault, uint32_t table, uint32_t used, uint32_t more);

// Changes a field of a record, within a step: vault_set(vault, &account->balance, 5).
#define vault_set(vault, place, value)                                                             \
    do {                                                                                           \
        const __typeof__(*(place)) vault_value_ = (value);                                         \
        vault_set_bytes(vault, place, &vault_value_, sizeof(vault_value_));                        \
    } while (0)
void vault_set_bytes(struct vault *vault, const void *place, const void *data, size_t bytes);

// A handle that this step has made: closed when the step is undone.
void step_made(struct vault *vault, handle_t handle);
// A handle that the records name no more: closed once the step is committed.
void step_close(struct vault *vault, handle_t handle);

// ---- The frame of a step. The loop does this around each handler.

// Allows changes. Nothing is stored before the first vault_set.
void step_begin(struct vault *vault);

// What the reply record of a step is to hold.
struct step_reply {
    struct call_id id;
    bool forwarded;
    uint64_t hash; // of the request, for forwarded calls
    const struct message *answer;
};
// Makes the changes of the step, and the reply record when there is one, happen. ERR_NO_SPACE: the
// step was too large for the undo log and was undone.
[[nodiscard]] status_t step_commit(struct vault *vault, const struct step_reply *reply);
// Undoes the step.
void step_undo(struct vault *vault);
// The records that the last step changed, from number 0 on: whether there is one of this number;
// its table and index.
bool step_changed(const struct vault *vault, uint32_t number, uint32_t *table, uint32_t *index);
