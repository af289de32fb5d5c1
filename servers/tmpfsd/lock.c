// SPDX-License-Identifier: MIT
//
// Advisory locks: of stretches of a file, by a process (POSIX) or by an open file description, and
// of whole files by a description (flock). A lock is a record, so it outlives this server.
//
// Who owns one is never a client's word: a process is the kernel's stamp, a description is the
// channel that the call came through. What a description owns ends with it. What a process owns
// ends when it closes any descriptor of the file, of which its libos tells us, and with the
// process, of which the kernel does: a process that takes its first lock is watched
// (caller_watch).
//
// Who has to wait waits as a parked call: nothing of it is in the vault. Whatever makes locks less
// wakes those who wait for that file, oldest first; each looks again. A circle of processes that
// wait for each other is found when the last one begins to wait: each process waits for one lock at
// a time as far as this goes, so the way from owner to owner is a line.
//
// Invariant: locks of one owner, kind and file neither overlap nor touch with the same type.

#include "tmpfs.h"

#include <sys/calls.h>

#define WAIT_KEY ((uint64_t)1 << 32) // conditions: the file is added
#define WAYS_MAX 64                  // owners that are looked at for a circle
#define PIECES_MAX 16                // own locks that one call may change

#define WHOLE_FILE UINT64_MAX

static const struct lock *lock_at(const struct tmpfs *fs, uint32_t index) {
    const struct lock *lock = vault_record(&fs->server.vault, TABLE_LOCKS, index);
    return lock->head.used != 0 ? lock : NULL;
}

static uint32_t locks(const struct tmpfs *fs) {
    return vault_touched(&fs->server.vault, TABLE_LOCKS);
}

static void lock_free(struct tmpfs *fs, const struct lock *lock) {
    vault_set(vault_of(fs), &lock->head.used, 0);
    server_wake(&fs->server, WAIT_KEY + lock->inode);
}

static void lock_make(struct tmpfs *fs, const struct lock *with) {
    uint32_t index = (uint32_t)vault_find_free(vault_of(fs), TABLE_LOCKS);
    const struct lock *place = vault_record(vault_of(fs), TABLE_LOCKS, index);
    const size_t from = offsetof(struct vault_head, used);
    vault_set_bytes(vault_of(fs), (const uint8_t *)place + from, (const uint8_t *)with + from,
                    sizeof(*with) - from);
}

static bool same_owner(const struct lock *a, const struct lock *b) {
    return a->kind == b->kind && a->owner == b->owner && a->inode == b->inode;
}

static bool overlaps(const struct lock *a, const struct lock *b) {
    return a->start <= b->end && b->start <= a->end;
}

// Locks of stretches stand in each other's way whoever owns them, flocks only in that of flocks.
static bool conflicts(const struct lock *there, const struct lock *wanted) {
    bool files = wanted->kind == FS_LOCK_FLOCK;
    return there->inode == wanted->inode && (there->kind == FS_LOCK_FLOCK) == files &&
           !same_owner(there, wanted) && overlaps(there, wanted) &&
           (there->type == FS_LOCK_WRITE || wanted->type == FS_LOCK_WRITE);
}

// What stands in the way: the one that begins first. Null: nothing does.
static const struct lock *find_conflict(const struct tmpfs *fs, const struct lock *wanted) {
    const struct lock *found = NULL;
    for (uint32_t i = 0; i < locks(fs); i++) {
        const struct lock *lock = lock_at(fs, i);
        if (lock != NULL && conflicts(lock, wanted) &&
            (found == NULL || lock->start < found->start)) {
            found = lock;
        }
    }
    return found;
}

// ---- changing the locks of an owner

// Whether two stretches lie side by side without a gap.
static bool touches(const struct lock *a, const struct lock *b) {
    return (a->end != WHOLE_FILE && a->end + 1 == b->start) ||
           (b->end != WHOLE_FILE && b->end + 1 == a->start);
}

static bool is_changed(const struct lock *own, const struct lock *wanted) {
    bool joins = own->type == wanted->type && touches(own, wanted);
    return same_owner(own, wanted) && (overlaps(own, wanted) || joins);
}

// Own locks that the wanted one changes, and how many records there are free.
static void count(const struct tmpfs *fs, const struct lock *wanted, uint32_t *changed,
                  uint32_t *unused) {
    *changed = 0;
    *unused = LOCKS_MAX;
    for (uint32_t i = 0; i < locks(fs); i++) {
        const struct lock *lock = lock_at(fs, i);
        *unused -= lock != NULL;
        *changed += lock != NULL && is_changed(lock, wanted);
    }
}

// What is left of an own lock outside of the wanted stretch. There is room for two records.
static void keep_rest(struct tmpfs *fs, const struct lock *own, const struct lock *wanted) {
    struct lock before = *own, behind = *own;
    if (own->start < wanted->start) {
        before.end = wanted->start - 1;
        lock_make(fs, &before);
    }
    if (own->end > wanted->end) {
        behind.start = wanted->end + 1;
        lock_make(fs, &behind);
    }
}

// Gives the stretch its new type, or none. Nothing stands in the way, and there is room.
static void apply(struct tmpfs *fs, const struct lock *wanted) {
    struct lock made = *wanted;
    uint32_t end = locks(fs);
    for (uint32_t i = 0; i < end; i++) {
        const struct lock *lock = lock_at(fs, i);
        if (lock == NULL || !is_changed(lock, wanted)) {
            continue;
        }
        const struct lock own = *lock;
        lock_free(fs, lock);
        if (own.type != wanted->type) {
            keep_rest(fs, &own, wanted);
        } else {
            made.start = own.start < made.start ? own.start : made.start;
            made.end = own.end > made.end ? own.end : made.end;
        }
    }
    if (wanted->type != FS_LOCK_NONE) {
        lock_make(fs, &made);
    }
}

// All locks of an owner on a file, 0: on all files. Any number: steps are committed.
static void release(struct tmpfs *fs, uint32_t kind, uint64_t owner, uint32_t inode) {
    for (uint32_t i = 0; i < locks(fs); i++) {
        const struct lock *lock = lock_at(fs, i);
        if (lock != NULL && lock->kind == kind && lock->owner == owner &&
            (inode == 0 || lock->inode == inode)) {
            lock_free(fs, lock);
            server_checkpoint(&fs->server);
        }
    }
}

void lock_description_ends(struct tmpfs *fs, uint64_t key) {
    for (uint32_t i = 0; i < locks(fs); i++) {
        const struct lock *lock = lock_at(fs, i);
        if (lock != NULL && lock->kind != FS_LOCK_PROCESS && lock->owner == key) {
            lock_free(fs, lock);
            server_checkpoint(&fs->server);
        }
    }
}

bool lock_description_has(const struct tmpfs *fs, uint64_t key) {
    for (uint32_t i = 0; i < locks(fs); i++) {
        const struct lock *lock = lock_at(fs, i);
        if (lock != NULL && lock->kind != FS_LOCK_PROCESS && lock->owner == key) {
            return true;
        }
    }
    return false;
}

void lock_process_ends(struct tmpfs *fs, uint64_t process) {
    release(fs, FS_LOCK_PROCESS, process, 0);
    (void)!sys_caller_forget(fs->server.port, process);
}

// ---- circles

// The lock that a parked call of a process waits for; null: it waits for none.
static const struct lock *awaited_by(struct tmpfs *fs, uint64_t process) {
    list_for_each(node, &fs->server.parked) {
        struct request *request = list_entry(node, struct request, node);
        if (request->packet.process != process || request->wait <= WAIT_KEY || request->cancelled) {
            continue;
        }
        struct fs_lock_request body;
        memcpy(&body, request->message.body, sizeof(body));
        const struct lock wanted = {
            .inode = (uint32_t)(request->wait - WAIT_KEY),
            .kind = body.kind,
            .type = body.type,
            .owner = process,
            .start = body.start,
            .end = body.end,
        };
        if (body.kind == FS_LOCK_PROCESS) {
            return find_conflict(fs, &wanted);
        }
    }
    return NULL;
}

// Whether a process that waits behind `lock` would wait for itself.
static bool is_circle(struct tmpfs *fs, uint64_t process, const struct lock *lock) {
    for (uint32_t i = 0; lock != NULL && i < WAYS_MAX; i++) {
        if (lock->kind != FS_LOCK_PROCESS) {
            return false;
        }
        if (lock->owner == process) {
            return true;
        }
        lock = awaited_by(fs, lock->owner);
    }
    return false;
}

// ---- the operations

static status_t check_request(const struct packet *packet, const struct fs_lock_request *request,
                              const struct description *file, struct lock *wanted) {
    if (file == NULL || packet->key == 0) {
        return file == NULL ? ERR_NOT_FOUND : ERR_NOT_SUPPORTED;
    }
    if (request->kind > FS_LOCK_FLOCK || request->type > FS_LOCK_WRITE ||
        request->start > request->end) {
        return ERR_INVALID_ARGUMENT;
    }
    bool by_process = request->kind == FS_LOCK_PROCESS;
    *wanted = (struct lock){
        .head = {.used = 1},
        .inode = file->inode,
        .kind = request->kind,
        .type = request->type,
        .pid = request->pid,
        .owner = by_process ? packet->process : packet->key,
        .start = request->start,
        .end = request->end,
    };
    return OK;
}

// The end of a process is told from its first lock on. CALLER_GONE: there is nobody to lock for.
static status_t watch(struct tmpfs *fs, const struct packet *packet, const struct lock *wanted) {
    if (wanted->kind != FS_LOCK_PROCESS) {
        return OK;
    }
    status_t status = sys_caller_watch(fs->server.port, packet->token);
    return status == ERR_ALREADY_EXISTS ? OK : status;
}

// An flock that changes its type is let go first, as on Linux: so it is lost when the other can't
// be had.
static void let_go_first(struct tmpfs *fs, const struct lock *wanted) {
    const struct lock none = {
        .inode = wanted->inode,
        .kind = wanted->kind,
        .type = FS_LOCK_NONE,
        .owner = wanted->owner,
        .start = 0,
        .end = WHOLE_FILE,
    };
    apply(fs, &none);
    server_checkpoint(&fs->server);
}

int64_t tmpfs_lock(void *context, const struct packet *packet,
                   const struct fs_lock_request *request) {
    struct tmpfs *fs = context;
    struct lock wanted;
    status_t status = check_request(packet, request, description_of(fs, packet), &wanted);
    if (status != OK) {
        return status;
    }
    if (request->type == FS_LOCK_NONE && request->start == 0 && request->end == WHOLE_FILE) {
        release(fs, wanted.kind, wanted.owner, wanted.inode);
        return 0;
    }
    const struct lock *conflict = wanted.type != FS_LOCK_NONE ? find_conflict(fs, &wanted) : NULL;
    if (conflict != NULL) {
        if (wanted.kind == FS_LOCK_FLOCK) {
            let_go_first(fs, &wanted);
        }
        if (request->wait == 0) {
            return ERR_WOULD_BLOCK;
        }
        if (wanted.kind == FS_LOCK_PROCESS && is_circle(fs, packet->process, conflict)) {
            return ERR_DEADLOCK;
        }
        request_wait(request_of(packet), WAIT_KEY + wanted.inode);
        return PROTOCOL_LATER;
    }
    uint32_t changed, unused;
    count(fs, &wanted, &changed, &unused);
    if (changed > PIECES_MAX || !vault_room(vault_of(fs), TABLE_LOCKS, LOCKS_MAX - unused, 3)) {
        return ERR_LIMIT;
    }
    status = wanted.type != FS_LOCK_NONE ? watch(fs, packet, &wanted) : OK;
    if (status != OK) {
        return status;
    }
    apply(fs, &wanted);
    if (wanted.kind != FS_LOCK_PROCESS) {
        defer_await(fs, description_of(fs, packet));
    }
    return 0;
}

int64_t tmpfs_lock_test(OPERATION_ARGUMENTS(lock_test)) {
    struct tmpfs *fs = context;
    struct lock wanted;
    const struct fs_lock_request lock = {
        .start = request->start,
        .end = request->end,
        .kind = request->kind,
        .type = request->type,
    };
    status_t status = check_request(packet, &lock, description_of(fs, packet), &wanted);
    if (status != OK) {
        return status;
    }
    const struct lock *found = find_conflict(fs, &wanted);
    if (found != NULL) {
        reply->start = found->start;
        reply->end = found->end;
        reply->type = found->type;
        reply->pid = found->kind == FS_LOCK_PROCESS ? found->pid : -1;
    }
    return 0;
}
