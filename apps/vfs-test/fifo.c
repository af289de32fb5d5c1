// SPDX-License-Identifier: MIT
//
// Named pipes, as a libos uses them. What is checked must hold whoever dies meanwhile: who meets
// whom, who is seen to have gone, and that nobody is left behind. Who waits is no act of the
// script, since a call that waits comes again to each new instance.

#include "acts.h"

#include <abi/objects.h>
#include <heal/supervisor.h>
#include <heal/support.h>
#include <proto/vfs_client.h>
#include <sys/calls.h>
#include <sys/thread.h>

#include "calls.h"

#define ROUNDS 3
#define WAIT_NS MILLISECONDS(30)

// One side of a pipe.
struct side {
    uint32_t side;
    handle_t node, member, stream, channel;
    uint32_t seen;
    int64_t result; // of opening
};

static void make_pipe(void) {
    CHECK_EQ(make_at(root(), FS_TYPE_FIFO, "pipe"), FS_WALK_DONE);
}

static void remove_pipe(void) {
    CHECK_EQ(remove_at(root(), "pipe", false), FS_WALK_DONE);
}

static void open_node(struct side *side, uint32_t which) {
    uint32_t access = which == VFS_FIFO_READER ? FS_OPEN_READ : FS_OPEN_WRITE;
    *side = (struct side){.side = which, .node = open_good(root(), "pipe", access)};
}

// Gets what makes a side of the node.
static int64_t get_side(struct side *side, uint32_t no_wait, instant_t deadline) {
    const struct vfs_fifo_open_request request = {.side = side->side, .no_wait = no_wait};
    struct vfs_fifo_open_reply reply;
    handle_t handles[3];
    side->result =
        vfs_fifo_open(service_channel(VFSD), &request, &side->node, &reply, handles, deadline);
    if (side->result == OK) {
        side->member = handles[0];
        side->stream = handles[1];
        side->channel = handles[2];
        side->seen = reply.seen;
    }
    return side->result;
}

static void open_side(struct side *side, uint32_t which, uint32_t no_wait) {
    open_node(side, which);
    CHECK_EQ(get_side(side, no_wait, INSTANT_NEVER), OK);
}

static void close_side(struct side *side) {
    if (side->result == OK) {
        close_good(side->member);
        close_good(side->stream);
        close_good(side->channel);
    }
    close_good(side->node);
}

// Whether the other side is seen to be there.
static bool sees_peer(const struct side *side, uint32_t *arrivals) {
    const struct vfs_fifo_peer_request request = {
        .side = side->side == VFS_FIFO_READER ? VFS_FIFO_WRITER : VFS_FIFO_READER};
    struct vfs_fifo_peer_reply reply = {0};
    handle_t peer = HANDLE_NONE;
    CHECK_EQ(vfs_fifo_peer(side->channel, &request, &reply, &peer, INSTANT_NEVER), OK);
    bool there = sys_object_wait(peer, SIGNAL_EVENT_PEER_CLOSED, 0, 0) == ERR_TIMED_OUT;
    close_good(peer);
    *arrivals = reply.arrivals;
    return there;
}

void pipes_refused(uint32_t round) {
    const struct vfs_fifo_peer_request peer = {.side = VFS_FIFO_READER};
    struct vfs_fifo_peer_reply reply;
    struct side side;
    handle_t got;
    (void)round;
    make_pipe();
    CHECK_EQ(vfs_fifo_peer(service_channel(VFSD), &peer, &reply, &got, INSTANT_NEVER),
             ERR_NOT_FOUND);
    open_node(&side, VFS_FIFO_WRITER);
    CHECK_EQ(get_side(&side, 1, INSTANT_NEVER), ERR_WOULD_BLOCK);
    side.side = VFS_FIFO_READER;
    CHECK_EQ(get_side(&side, 1, INSTANT_NEVER), ERR_FORBIDDEN);
    side.side = VFS_FIFO_WRITER + 1;
    CHECK_EQ(get_side(&side, 1, INSTANT_NEVER), ERR_INVALID_ARGUMENT);
    close_side(&side);
    remove_pipe();
    side = (struct side){.side = VFS_FIFO_READER, .node = open_good(root(), "plain", FS_OPEN_READ)};
    CHECK_EQ(get_side(&side, 1, INSTANT_NEVER), ERR_INVALID_ARGUMENT); // no pipe
    close_side(&side);
}

// A writer comes, writes, goes, and another one comes.
void pipe_ends(uint32_t round) {
    struct side reader, writer;
    uint32_t arrivals;
    char text[8] = "";
    (void)round;
    make_pipe();
    open_side(&reader, VFS_FIFO_READER, 1);
    CHECK(!sees_peer(&reader, &arrivals));
    CHECK_EQ(arrivals, reader.seen); // no hang-up: nobody was there
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        open_side(&writer, VFS_FIFO_WRITER, i % 2);
        CHECK(sees_peer(&writer, &arrivals));
        CHECK(sees_peer(&reader, &arrivals));
        CHECK_EQ(arrivals, reader.seen + i);
        CHECK_EQ(sys_object_wait(reader.channel, INT32_MAX, 0, 0), 1 << i % VFS_FIFO_ARRIVAL_BITS);
        CHECK_EQ(sys_stream_write(writer.stream, "words", 5, 0, 0), 5);
        close_side(&writer);
        CHECK(!sees_peer(&reader, &arrivals));
        CHECK_EQ(sys_stream_read(reader.stream, text, sizeof(text), 0, 0), 5);
        CHECK_EQ(sys_stream_read(reader.stream, text, sizeof(text), 0, 0), ERR_TIMED_OUT);
    }
    close_side(&reader);
    open_side(&reader, VFS_FIFO_READER, 1);
    CHECK_EQ(reader.seen, 0); // another pipe
    close_side(&reader);
    remove_pipe();
}

static void open_waiting(void *argument) {
    (void)get_side(argument, 0, INSTANT_NEVER);
}

// Two that wait for each other meet, also when the second one is gone again at once.
static void check_meetings(void) {
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct side waits, comes;
        struct thread thread;
        uint32_t arrivals;
        open_node(&waits, i % 2 == 0 ? VFS_FIFO_READER : VFS_FIFO_WRITER);
        CHECK_EQ(thread_run(&thread, open_waiting, &waits), OK);
        if (i > 0) {
            sleep_for(MILLISECONDS(2)); // most often it waits by then
        }
        open_side(&comes, waits.side ^ 1, 0);
        close_side(&comes);
        thread_join(&thread);
        CHECK_EQ(waits.result, OK);
        CHECK(waits.result != OK || !sees_peer(&waits, &arrivals));
        close_side(&waits);
    }
}

// Who gives up waiting is not there any more.
static void check_giving_up(void) {
    struct side side;
    open_node(&side, VFS_FIFO_READER);
    int64_t result = get_side(&side, 0, now() + WAIT_NS);
    CHECK(result == ERR_TIMED_OUT || result == ERR_NOT_DONE);
    close_side(&side);
    open_node(&side, VFS_FIFO_WRITER);
    CHECK_EQ(get_side(&side, 1, INSTANT_NEVER), ERR_WOULD_BLOCK);
    close_side(&side);
}

void pipe_meetings(void) {
    make_pipe();
    check_meetings();
    check_giving_up();
    remove_pipe();
}
