// SPDX-License-Identifier: MIT
//
// Named pipes: where those meet who open one. The data goes through a kernel stream that all
// openers share, so vfsd is needed for opening, and for looking who is there, and for nothing else.
//
// A pipe is a record for as long as somebody has its node open, or waits to; it is known by the
// file system and the inode of the node. vfsd keeps both ends of the stream, so it never ends by
// itself: writers may go and others come. What tells a reader that there is no writer is a *member*
// for each opening: an event of a pair, held by who has opened and by nobody else, so that the
// kernel shows its end at once, however it comes about, on the other event of the pair, the
// *watch*. vfsd gives duplicates of watches to the other side, and has them bound to its port.
//
// Meeting. Who has to wait has a record all the same (WAITING), and counts as there. Who comes
// marks those who wait on the other side as MET before anything else can happen: a writer that
// comes, writes and goes is not missed by a reader whose call is served after that. The record
// carries the request id, by which the call finds it when it runs again. It goes when the call is
// cancelled, and when the process has died (caller_watch).
//
// Each change is a step of its own, and each step may be the last: whoever runs next does what is
// left to do, since meeting looks at what is there and not at what has happened.
//
// Invariants:
//   F1  An opener's pipe is there, and a pipe has an opener, between any two calls.
//   F2  An opener that has its member (OPEN) has none in vfsd; one that has not, has.
//   F3  A pipe's channel shows one bit: that of its arrivals.

#include "vfsd.h"

#include <abi/objects.h>
#include <abi/rights.h>
#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#define FIFO_BYTES 65536               // of a pipe, as on Linux
#define OPENERS_WAITING 192            // of calls_max: a call that waits always finds its place
#define WAIT_KEY ((uint64_t)1 << 32)   // conditions: the number of the pipe is added
#define OPENER_KEY ((uint64_t)1 << 33) // keys of watches: the place of the opener is added
#define ARRIVALS_ALL ((1u << VFS_FIFO_ARRIVAL_BITS) - 1)

#define MEMBER_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER)
#define WATCH_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_WAIT)
#define FIFO_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_WAIT | RIGHT_CALL)
#define READER_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_WAIT | RIGHT_READ)
#define WRITER_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_WAIT | RIGHT_WRITE)

bool fifo_check(uint32_t index, const void *record) {
    const struct fifo *fifo = record;
    (void)index;
    return fifo->number != 0 && fifo->node != HANDLE_NONE && fifo->input != HANDLE_NONE &&
           fifo->output != HANDLE_NONE && fifo->endpoint != HANDLE_NONE &&
           fifo->client != HANDLE_NONE;
}

bool opener_check(uint32_t index, const void *record) {
    const struct opener *opener = record;
    (void)index;
    return opener->head.spare <= OPENER_OPEN && opener->fifo < FIFOS_MAX &&
           opener->side <= VFS_FIFO_WRITER && opener->watch != HANDLE_NONE &&
           (opener->member == HANDLE_NONE) == (opener->head.spare == OPENER_OPEN);
}

static const struct fifo *fifo_at(struct vfsd *vfs, uint32_t index) {
    const struct fifo *fifo = vault_record(vault_of(vfs), TABLE_FIFOS, index);
    return fifo->head.used != 0 ? fifo : NULL;
}

static const struct opener *opener_at(struct vfsd *vfs, uint32_t index) {
    const struct opener *opener = vault_record(vault_of(vfs), TABLE_OPENERS, index);
    return opener->head.used != 0 ? opener : NULL;
}

static uint32_t fifo_index(struct vfsd *vfs, const struct fifo *fifo) {
    const struct fifo *first = vault_record(vault_of(vfs), TABLE_FIFOS, 0);
    return (uint32_t)(fifo - first);
}

static uint32_t opener_index(struct vfsd *vfs, const struct opener *opener) {
    const struct opener *first = vault_record(vault_of(vfs), TABLE_OPENERS, 0);
    return (uint32_t)(opener - first);
}

static uint32_t other_side(uint32_t side) {
    return side == VFS_FIFO_READER ? VFS_FIFO_WRITER : VFS_FIFO_READER;
}

// ---- who is there

static bool shows_closed(handle_t watch) {
    return sys_object_wait(watch, SIGNAL_EVENT_PEER_CLOSED, 0, 0) >= 0;
}

// The kernel is asked, since notices may still stand in the queue.
static bool is_there(const struct opener *opener) {
    return opener->head.spare == OPENER_OPEN ? !shows_closed(opener->watch)
                                             : sys_object_alive(opener->thread) != 0;
}

// An opener of a pipe's side that is there, rather one that has its member. Null: nobody is.
static const struct opener *find_peer(struct vfsd *vfs, uint32_t fifo, uint32_t side) {
    const struct opener *found = NULL;
    for (uint32_t i = 0; i < OPENERS_MAX; i++) {
        const struct opener *opener = opener_at(vfs, i);
        if (opener != NULL && opener->fifo == fifo && opener->side == side && is_there(opener)) {
            found = opener;
            if (opener->head.spare == OPENER_OPEN) {
                break;
            }
        }
    }
    return found;
}

static bool has_openers(struct vfsd *vfs, uint32_t fifo) {
    for (uint32_t i = 0; i < OPENERS_MAX; i++) {
        const struct opener *opener = opener_at(vfs, i);
        if (opener != NULL && opener->fifo == fifo) {
            return true;
        }
    }
    return false;
}

// The end of a process is told as long as one of its calls waits here.
static void forget_caller(struct vfsd *vfs, uint64_t process) {
    for (uint32_t i = 0; i < OPENERS_MAX; i++) {
        const struct opener *opener = opener_at(vfs, i);
        if (opener != NULL && opener->head.spare != OPENER_OPEN && opener->process == process) {
            return;
        }
    }
    (void)!sys_caller_forget(vfs->server.port, process);
}

// ---- the end

static void fifo_free(struct vfsd *vfs, const struct fifo *fifo) {
    struct vault *vault = vault_of(vfs);
    step_close(vault, fifo->node);
    step_close(vault, fifo->input);
    step_close(vault, fifo->output);
    step_close(vault, fifo->endpoint);
    step_close(vault, fifo->client);
    vault_set(vault, &fifo->head.used, 0);
    server_checkpoint(&vfs->server);
}

// Takes an opener out, and its pipe when it was the last one. Commits steps.
static void opener_free(struct vfsd *vfs, const struct opener *opener) {
    struct vault *vault = vault_of(vfs);
    uint32_t index = opener->fifo;
    const struct fifo *fifo = fifo_at(vfs, index);
    bool waited = opener->head.spare != OPENER_OPEN;
    // Duplicates of the watch may live on, and would go on telling us. A binding that is not there
    // was not made yet.
    (void)!sys_object_bind(opener->watch, HANDLE_NONE, OPENER_KEY + opener_index(vfs, opener), 0);
    step_close(vault, opener->watch);
    step_close(vault, opener->member);
    vault_set(vault, &opener->head.used, 0);
    server_checkpoint(&vfs->server);
    if (waited) {
        forget_caller(vfs, opener->process);
    }
    if (fifo != NULL && !has_openers(vfs, index)) {
        fifo_free(vfs, fifo);
    }
}

// Takes out who has gone of a pipe; of FIFOS_MAX: of all. Commits steps.
static void clear_gone(struct vfsd *vfs, uint32_t fifo) {
    for (uint32_t i = 0; i < OPENERS_MAX; i++) {
        const struct opener *opener = opener_at(vfs, i);
        if (opener != NULL && (fifo == FIFOS_MAX || opener->fifo == fifo) && !is_there(opener)) {
            opener_free(vfs, opener);
        }
    }
}

void fifo_notice(struct vfsd *vfs, const struct packet *packet) {
    if (packet->kind == PACKET_CALLER_GONE) {
        clear_gone(vfs, FIFOS_MAX);
        (void)!sys_caller_forget(vfs->server.port, packet->process);
    } else if (packet->key >= OPENER_KEY && packet->key - OPENER_KEY < OPENERS_MAX) {
        // The place may be another one's by now.
        const struct opener *opener = opener_at(vfs, (uint32_t)(packet->key - OPENER_KEY));
        if (opener != NULL && !is_there(opener)) {
            opener_free(vfs, opener);
        }
    }
}

void fifo_committed(struct vfsd *vfs) {
    if (vfs->answered != 0) {
        forget_caller(vfs, vfs->answered);
        vfs->answered = 0;
    }
}

// ---- arriving

static void show_arrivals(const struct fifo *fifo) {
    // With an endpoint of our own it can't fail.
    (void)!sys_channel_signal(fifo->endpoint, ARRIVALS_ALL,
                              1u << fifo->arrivals % VFS_FIFO_ARRIVAL_BITS);
}

static status_t watch_opener(struct vfsd *vfs, const struct opener *opener) {
    uint64_t key = OPENER_KEY + opener_index(vfs, opener);
    status_t status =
        sys_object_bind(opener->watch, vfs->server.port, key, SIGNAL_EVENT_PEER_CLOSED);
    return status == ERR_ALREADY_EXISTS ? OK : status;
}

void fifo_start(struct vfsd *vfs) {
    for (uint32_t i = 0; i < OPENERS_MAX; i++) {
        const struct opener *opener = opener_at(vfs, i);
        if (opener != NULL &&
            (fifo_at(vfs, opener->fifo) == NULL || watch_opener(vfs, opener) != OK)) {
            opener_free(vfs, opener);
        }
    }
    clear_gone(vfs, FIFOS_MAX);
    for (uint32_t i = 0; i < FIFOS_MAX; i++) {
        const struct fifo *fifo = fifo_at(vfs, i);
        if (fifo != NULL && !has_openers(vfs, i)) { // those were dropped
            fifo_free(vfs, fifo);
        } else if (fifo != NULL) {
            show_arrivals(fifo);
        }
    }
}

static void record_write(struct vfsd *vfs, const void *place, const void *with, size_t bytes) {
    const size_t from = offsetof(struct vault_head, used);
    vault_set_bytes(vault_of(vfs), (const uint8_t *)place + from, (const uint8_t *)with + from,
                    bytes - from);
}

// What made two handles, or an error. They are closed if the step is undone.
static status_t take_pair(struct vfsd *vfs, int64_t pair, handle_t *first, handle_t *second) {
    if (pair < 0) {
        return (status_t)pair;
    }
    *first = handle_pair_first(pair);
    *second = handle_pair_second(pair);
    step_made(vault_of(vfs), *first);
    step_made(vault_of(vfs), *second);
    return OK;
}

static const struct fifo *fifo_find(struct vfsd *vfs, const struct fs_identify_reply *node) {
    for (uint32_t i = 0; i < FIFOS_MAX; i++) {
        const struct fifo *fifo = fifo_at(vfs, i);
        if (fifo != NULL && fifo->device == node->device && fifo->inode == node->inode) {
            return fifo;
        }
    }
    return NULL;
}

// Makes a pipe, within the step that makes its first opener.
static status_t fifo_make(struct vfsd *vfs, const struct fs_identify_reply *node, handle_t handle,
                          const struct fifo **made) {
    const struct state *state = state_of(vfs);
    int32_t index = vault_find_free(vault_of(vfs), TABLE_FIFOS);
    int64_t copy = index < 0 ? ERR_LIMIT : sys_handle_duplicate(handle, RIGHT_CALL);
    if (copy < 0) {
        return (status_t)copy;
    }
    step_made(vault_of(vfs), (handle_t)copy);
    struct fifo fifo = {
        .head = {.used = 1},
        .number = state->last_fifo + 1,
        .device = node->device,
        .inode = node->inode,
        .node = (handle_t)copy, // keeps the inode's number from being used again
    };
    status_t status = take_pair(vfs, sys_stream_create(FIFO_BYTES, 0), &fifo.input, &fifo.output);
    status = status == OK
                 ? server_channel(&vfs->server, fifo.number, 0, &fifo.client, &fifo.endpoint)
                 : status;
    if (status != OK) {
        return status;
    }
    *made = vault_record(vault_of(vfs), TABLE_FIFOS, (uint32_t)index);
    record_write(vfs, *made, &fifo, sizeof(fifo));
    vault_set(vault_of(vfs), &state->last_fifo, fifo.number);
    return OK;
}

// Makes the record of who arrives, and commits it.
static status_t opener_make(struct vfsd *vfs, const struct packet *packet, const struct fifo *fifo,
                            uint32_t side, const struct opener **made) {
    int32_t index = vault_find_free(vault_of(vfs), TABLE_OPENERS);
    struct opener opener = {
        .head = {.used = 1, .spare = OPENER_WAITING},
        .fifo = fifo_index(vfs, fifo),
        .side = side,
        .process = packet->process,
        .thread = packet->thread,
        .call_number = packet->call_number,
    };
    status_t status = index < 0
                          ? ERR_LIMIT
                          : take_pair(vfs, sys_event_pair_create(), &opener.member, &opener.watch);
    if (status != OK) {
        return status;
    }
    *made = vault_record(vault_of(vfs), TABLE_OPENERS, (uint32_t)index);
    record_write(vfs, *made, &opener, sizeof(opener));
    if (side == VFS_FIFO_WRITER) {
        vault_set(vault_of(vfs), &fifo->arrivals, fifo->arrivals + 1);
    }
    status = watch_opener(vfs, *made);
    if (status != OK) {
        return status;
    }
    status = sys_caller_watch(vfs->server.port, packet->token);
    if (status != OK && status != ERR_ALREADY_EXISTS) {
        return status == ERR_CALLER_GONE ? ERR_NOT_DONE : status;
    }
    server_checkpoint(&vfs->server);
    show_arrivals(fifo);
    return OK;
}

// What the node that came with a request is.
static status_t look_at_node(struct vfsd *vfs, handle_t handle, uint32_t side,
                             struct fs_identify_reply *node) {
    const uint32_t needed = side == VFS_FIFO_READER ? FS_OPEN_READ : FS_OPEN_WRITE;
    struct handle_info info;
    status_t status = sys_handle_info(handle, &info);
    if (status != OK || side > VFS_FIFO_WRITER || vfs->providers[TYPE_TMPFS] != info.provider) {
        return status != OK ? status : ERR_INVALID_ARGUMENT;
    }
    int64_t result = fs_identify(handle, node, INSTANT_NEVER);
    if (result < 0) {
        return (status_t)result;
    }
    return node->type != FS_TYPE_FIFO     ? ERR_INVALID_ARGUMENT
           : (node->access & needed) == 0 ? ERR_FORBIDDEN
                                          : OK;
}

// The record of this very call; records of earlier calls of the thread, which were never answered
// because this server had crashed over them, go.
static const struct opener *own_record(struct vfsd *vfs, const struct packet *packet,
                                       uint32_t *waiting) {
    const struct opener *own = NULL;
    *waiting = 0;
    for (uint32_t i = 0; i < OPENERS_MAX; i++) {
        const struct opener *opener = opener_at(vfs, i);
        if (opener == NULL || opener->head.spare == OPENER_OPEN) {
            continue;
        }
        *waiting += 1;
        if (opener->thread == packet->thread && opener->call_number == packet->call_number) {
            own = opener;
        } else if (opener->thread == packet->thread) {
            opener_free(vfs, opener);
        }
    }
    return own;
}

// Who was not here before.
static status_t admit(struct vfsd *vfs, const struct packet *packet,
                      const struct vfs_fifo_open_request *request, handle_t handle,
                      const struct opener **made) {
    struct fs_identify_reply node;
    status_t status = look_at_node(vfs, handle, request->side, &node);
    if (status != OK) {
        return status;
    }
    const struct fifo *fifo = fifo_find(vfs, &node);
    if (fifo != NULL) {
        clear_gone(vfs, fifo_index(vfs, fifo));
        fifo = fifo_find(vfs, &node);
    }
    if (request->no_wait != 0 && request->side == VFS_FIFO_WRITER &&
        (fifo == NULL || find_peer(vfs, fifo_index(vfs, fifo), VFS_FIFO_READER) == NULL)) {
        return ERR_WOULD_BLOCK;
    }
    status = fifo == NULL ? fifo_make(vfs, &node, handle, &fifo) : OK;
    return status == OK ? opener_make(vfs, packet, fifo, request->side, made) : status;
}

// ---- meeting

// Nobody of this side waits any more. Commits steps.
static void mark_met(struct vfsd *vfs, uint32_t fifo, uint32_t side) {
    for (uint32_t i = 0; i < OPENERS_MAX; i++) {
        const struct opener *opener = opener_at(vfs, i);
        if (opener != NULL && opener->fifo == fifo && opener->side == side &&
            opener->head.spare == OPENER_WAITING) {
            vault_set(vault_of(vfs), &opener->head.spare, OPENER_MET);
            server_wake(&vfs->server, WAIT_KEY + fifo_at(vfs, fifo)->number);
            server_checkpoint(&vfs->server);
        }
    }
}

static void meet(struct vfsd *vfs, uint32_t fifo) {
    bool readers = find_peer(vfs, fifo, VFS_FIFO_READER) != NULL;
    bool writers = find_peer(vfs, fifo, VFS_FIFO_WRITER) != NULL;
    if (readers && writers) {
        mark_met(vfs, fifo, VFS_FIFO_READER);
        mark_met(vfs, fifo, VFS_FIFO_WRITER);
    }
}

static status_t give(struct vfsd *vfs, handle_t handle, uint32_t rights, handle_t *out) {
    int64_t copy = sys_handle_duplicate(handle, rights);
    if (copy < 0) {
        return (status_t)copy;
    }
    step_made(vault_of(vfs), (handle_t)copy);
    *out = (handle_t)copy;
    return OK;
}

// The opener gets what is its own.
static status_t hand_over(struct vfsd *vfs, const struct opener *opener, handle_t handles_out[3]) {
    const struct fifo *fifo = fifo_at(vfs, opener->fifo);
    bool reads = opener->side == VFS_FIFO_READER;
    status_t status = give(vfs, opener->member, MEMBER_RIGHTS, &handles_out[0]);
    status = status == OK ? give(vfs, reads ? fifo->input : fifo->output,
                                 reads ? READER_RIGHTS : WRITER_RIGHTS, &handles_out[1])
                          : status;
    status = status == OK ? give(vfs, fifo->client, FIFO_RIGHTS, &handles_out[2]) : status;
    if (status != OK) {
        // The opener goes with a step that is committed.
        for (uint32_t i = 0; i < 3; i++) {
            step_close(vault_of(vfs), handles_out[i]);
        }
        opener_free(vfs, opener);
        return status;
    }
    step_close(vault_of(vfs), opener->member);
    vault_set(vault_of(vfs), &opener->member, HANDLE_NONE);
    vault_set(vault_of(vfs), &opener->head.spare, OPENER_OPEN);
    vfs->answered = opener->process;
    return OK;
}

// ---- the operations

static int64_t open_fifo(struct vfsd *vfs, const struct packet *packet,
                         const struct vfs_fifo_open_request *request, handle_t handle,
                         struct vfs_fifo_open_reply *reply, handle_t handles_out[3]) {
    uint32_t waiting;
    const struct opener *own = own_record(vfs, packet, &waiting);
    status_t status = OK;
    if (own == NULL) {
        status = waiting < OPENERS_WAITING ? admit(vfs, packet, request, handle, &own) : ERR_LIMIT;
    }
    if (status != OK) {
        return status;
    }
    uint32_t fifo = own->fifo;
    bool alone = find_peer(vfs, fifo, other_side(own->side)) == NULL;
    meet(vfs, fifo);
    if (own->head.spare == OPENER_MET || request->no_wait != 0) {
        reply->seen = alone && request->no_wait != 0 ? fifo_at(vfs, fifo)->arrivals : 0;
        return hand_over(vfs, own, handles_out);
    }
    if (request_cancelled(request_of(packet))) {
        opener_free(vfs, own);
        return ERR_NOT_DONE;
    }
    request_wait(request_of(packet), WAIT_KEY + fifo_at(vfs, fifo)->number);
    return PROTOCOL_LATER;
}

int64_t vfsd_fifo_open(void *context, const struct packet *packet,
                       const struct vfs_fifo_open_request *request, const handle_t handles_in[1],
                       struct vfs_fifo_open_reply *reply, handle_t handles_out[3]) {
    struct vfsd *vfs = context;
    int64_t result = open_fifo(vfs, packet, request, handles_in[0], reply, handles_out);
    return result == PROTOCOL_LATER ? result : done_with(vfs, handles_in, 1, result);
}

// A watch of nobody.
static status_t give_closed(struct vfsd *vfs, handle_t *out) {
    handle_t member = HANDLE_NONE;
    status_t status = take_pair(vfs, sys_event_pair_create(), &member, out);
    if (status == OK) {
        step_close(vault_of(vfs), member);
    }
    return status;
}

int64_t vfsd_fifo_peer(void *context, const struct packet *packet,
                       const struct vfs_fifo_peer_request *request,
                       struct vfs_fifo_peer_reply *reply, handle_t handles_out[1]) {
    struct vfsd *vfs = context;
    if (request->side > VFS_FIFO_WRITER) {
        return ERR_INVALID_ARGUMENT;
    }
    for (uint32_t i = 0; i < FIFOS_MAX; i++) {
        const struct fifo *fifo = fifo_at(vfs, i);
        if (fifo != NULL && fifo->number == packet->key) {
            const struct opener *peer = find_peer(vfs, i, request->side);
            reply->arrivals = fifo->arrivals;
            return peer != NULL ? give(vfs, peer->watch, WATCH_RIGHTS, &handles_out[0])
                                : give_closed(vfs, &handles_out[0]);
        }
    }
    return ERR_NOT_FOUND;
}
