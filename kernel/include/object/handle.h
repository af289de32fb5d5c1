// SPDX-License-Identifier: MIT
//
// Handles and handle tables.
//
// A handle node names an object with rights, and is at once a node of that object's derivation
// tree. Nodes live in handle tables, in mappings (mm/mapping.h) and in messages that are under way
// (ipc/call.h), so that handle_revoke reaches all of them. first_child, next and prev make a tree
// in which closing a node splices its children into its place in constant time
// (object/handle_tree.c).
//
// A handle table is an object that belongs to a job and may outlive its process (PROCESS_KEEP).
// Look-up takes no lock, see object/handle.c. Nodes of a table never move and are freed with it
// only.
//
// A node dies in one of two ways. Its owner closes it; or revoke kills it, from whatever CPU, under
// nothing but the tree's lock: then it is unlinked and `dead`, look-ups of it fail at once, and
// what is left to do depends on the kind. A table's slot is freed by the revoking CPU. A mapping is
// taken away by it through mapping_revoked. A message node has lost its object, and its owner finds
// that out.
#pragma once

#include <abi/info.h>
#include <abi/rights.h>
#include <base.h>
#include <object/object.h>

#define HANDLE_INDEX_BITS 20
#define HANDLE_INDEX(h) ((h) & ((1u << HANDLE_INDEX_BITS) - 1))
#define HANDLE_CHUNK 64        // nodes a chunk: one page
#define HANDLE_TABLE_MAX 65536 // indices a table; index 0 is never used
#define HANDLE_CHUNKS_INLINE 4 // chunks that need no directory page

struct handle_table;

enum handle_kind {
    HANDLE_FREE = 0,
    HANDLE_TABLE_ENTRY, // in a table; counts in object.handles
    HANDLE_MAPPING,     // embedded in a struct mapping
    HANDLE_MESSAGE,     // embedded in a struct call; counts in object.handles
};

struct handle {
    struct object *object; // null when free
    union {
        struct {
            uint32_t value; // entries: the handle_t; bit 31 set while free or dead
            uint16_t rights;
            uint16_t round; // counts how often the generation in `value` has wrapped
        };
        uint64_t tag; // all of that at once, for look-ups
    };
    struct handle_table *table; // entries: whose; fixed
    uint64_t parent_process;    // id of the process whose handle it was derived from, 0 unknown
    uint32_t depth;             // derivation depth when it was derived
    uint8_t kind;               // enum handle_kind
    bool revoking; // revoke works on what is derived from it: no new derivations (BUSY)
    bool dead;     // killed by revoke
    union {
        // Guarded by object->tree_lock, as are object, revoking and dead of a linked node.
        struct {
            struct handle *first_child;
            uintptr_t next;
            uintptr_t prev;
        };
        struct list_node free_node; // guarded by the table's lock
    };
};
static_assert(sizeof(struct handle) == CACHE_LINE, "a look-up touches one cache line of nodes");
static_assert(RIGHTS_ALL <= UINT16_MAX, "rights fit in a node");

struct handle_table {
    struct object object; // refcounted; type 0, never named by a handle itself
    // Read without a lock, written with it: a directory of chunks, in which some may be missing.
    struct handle **chunks;
    uint32_t chunk_limit;                              // entries of the directory
    struct handle *first_chunks[HANDLE_CHUNKS_INLINE]; // the directory of a small table

    struct spinlock lock; // RANK_TABLE, guards:
    uint32_t next_chunk;  // all chunks below are there
    uint32_t used;        // slots in use or reserved
    uint32_t reserved;    // slots promised to replies under way
    uint32_t free_count;  // nodes in `free`: at least `reserved`
    struct list free;     // struct handle.free_node, the one free for longest first
    struct list ports;    // ports whose handle lives here (struct port.table_node), for keeping

    uint32_t sweep;   // where handle_table_clear goes on; belongs to whoever clears
    uint64_t process; // id of the process that uses it now
};

// Creates an empty table charged to `job`. LIMIT, NO_MEMORY.
[[nodiscard]] status_t handle_table_create(struct job *job, struct handle_table **out);

// Closes up to `budget` handles. Returns true when the table is empty; it is not yet while another
// CPU's revoke has slots of it to free. One caller at a time, no lock held.
bool handle_table_clear(struct handle_table *table, uint32_t budget);

// What a look-up saw: the node, and its tag and object at that moment.
struct handle_entry {
    struct handle *node;
    struct object *object;
    uint64_t tag;
};

static inline uint32_t handle_entry_rights(const struct handle_entry *entry) {
    return (uint16_t)(entry->tag >> 32);
}

// Looks a handle up. `type` 0 accepts every type. No lock is taken and no reference: the object
// stays readable until this kernel entry ends. Returns OK, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED.
[[nodiscard]] status_t handle_lookup(struct handle_table *table, handle_t value, uint8_t type,
                                     uint32_t rights, struct handle_entry *out);

// Inserts the first handle of an object, taking over the caller's reference (also on failure it is
// dropped). LIMIT, NO_MEMORY.
[[nodiscard]] status_t handle_insert(struct handle_table *table, struct object *object,
                                     uint32_t rights, handle_t *out);
// Puts another object in the place of a live handle, whose number stays: for a table that nobody
// uses just now. Takes over the caller's reference (also on failure it is dropped). BAD_HANDLE.
[[nodiscard]] status_t handle_renew(struct handle_table *table, handle_t value,
                                    struct object *object, uint32_t rights);
// Derives a child of `value` in the same table; see handle_duplicate. BAD_HANDLE, ACCESS_DENIED (no
// DUPLICATE, or more rights than the parent has), LIMIT, NO_MEMORY, BUSY.
[[nodiscard]] status_t handle_derive(struct handle_table *table, handle_t value, uint32_t rights,
                                     handle_t *out);

// Derives a mapping or message node from `value`, which must have `need` rights (all of them). The
// node, prepared by the caller with its kind, gets the parent's rights masked by `keep`. It takes a
// reference on the object. Takes only the tree's lock: the caller may hold those of an aspace and a
// vmo. BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, BUSY.
[[nodiscard]] status_t handle_derive_node(struct handle_table *table, handle_t value, uint8_t type,
                                          uint32_t need, uint32_t keep, struct handle *node);
// Makes `node` a sibling of the mapping or message node `from` (fork, splitting a mapping): same
// kind, same parent, same rights. Returns false, node unlinked, when `from` was revoked or never
// derived. Locks as for handle_derive_node.
bool handle_copy_node(struct handle *from, struct handle *node);

// Unlinks a mapping or message node, splicing its children, and drops its reference. Harmless when
// revoke has killed the node and when it never was derived. For a message node no lock may be held
// (the type's handles_gone may run); for a mapping, locks as for handle_derive_node.
void handle_node_drop(struct handle *node);

// Installs a child of the live message node in a table: a delivery. Uses a reserved slot when
// `from_reserve`; when it fails that slot stays reserved. LIMIT, NO_MEMORY (neither with
// `from_reserve`), BAD_HANDLE (the node was revoked).
[[nodiscard]] status_t handle_install(struct handle_table *table, struct handle *node,
                                      bool from_reserve, handle_t *out);
// Promises `count` slots to a reply. LIMIT, NO_MEMORY.
[[nodiscard]] status_t handle_reserve(struct handle_table *table, uint32_t count);
void handle_unreserve(struct handle_table *table, uint32_t count);

// Closes. BAD_HANDLE.
[[nodiscard]] status_t handle_close(struct handle_table *table, handle_t value);

// Kills every node derived from `value`; STATUS_RESTART when a step's budget is used up.
// BAD_HANDLE, ACCESS_DENIED (no DUPLICATE).
[[nodiscard]] status_t handle_revoke(struct handle_table *table, handle_t value);

// Moves an entry to another table, at `index` or (0) anywhere; derivations stay. See handle_give.
// BAD_HANDLE, ALREADY_EXISTS, OUT_OF_RANGE, LIMIT, NO_MEMORY.
[[nodiscard]] status_t handle_move(struct handle_table *from, handle_t value,
                                   struct handle_table *to, uint32_t index, handle_t *out);

// Copies the first entry after *cursor (0 at first), and moves *cursor to it: under the same
// number, beside the original in the derivation tree. Entries of processes, threads, aspaces and
// jobs, ones that lack DUPLICATE or TRANSFER, and ones whose index is taken are left out. NOT_FOUND
// at the end; LIMIT, NO_MEMORY.
[[nodiscard]] status_t handle_copy_next(struct handle_table *from, struct handle_table *to,
                                        uint32_t *cursor);

// Fills in `info` for a handle, or for the next one by index after `cursor`. BAD_HANDLE; NOT_FOUND;
// STATUS_RESTART when many free slots were passed: go on with the cursor info->handle.
[[nodiscard]] status_t handle_describe(struct handle_table *table, handle_t value,
                                       struct handle_info *info);
[[nodiscard]] status_t handle_describe_next(struct handle_table *table, uint32_t cursor,
                                            struct handle_info *info);

// What revoke calls for a mapping node it has unlinked (provided by mm/aspace): takes the mapping
// away and drops the node with handle_node_drop. No lock held. Its aspace may be doing the same at
// this moment: so memory of mappings is only freed after a grace period, and this checks under the
// aspace's lock whether there is anything left to do.
void mapping_revoked(struct handle *node);

// Live handles in all tables, for leak checks.
uint64_t handle_count(void);
