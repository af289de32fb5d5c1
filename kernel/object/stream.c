// SPDX-License-Identifier: MIT
//
// Streams: one ring a direction, two ends, and who waits for what.
//
// User memory is copied straight into or out of the ring, without a lock: a call marks its side of
// the ring busy under the stream's lock, lets go, copies, and commits the indices under the lock
// again. So whatever a hostile buffer does, a call that fails has changed nothing. A second writer
// (or reader) that meets the mark restarts its call; the first is inside the kernel, on another
// CPU, and soon done.
//
// Locks: stream->lock guards the rings' indices and marks and which ends are closed. The ends'
// sources lie behind it in memory, and their locks are taken inside it, one at a time (same rank,
// rising address).
//
// Waiting: a reader waits for READABLE. A writer of more than STREAM_ATOMIC_BYTES, which takes what
// room there is, waits for WRITABLE, that is for room worth waking up for. A smaller one, and a
// record, need room for the whole: they wait for SIGNAL_ROOM, which is never set but pulsed at each
// read. Whoever waits is linked under stream->lock, after it has seen its condition false there.
//
// A blocking write may return a short count, and does rather than wait a second time: its progress
// is thereby in the caller's hands, and no wait ever starts with something done.
//
// Records: each is preceded in the ring by a header with its size and its sender's stamp. The
// header does not count towards the capacity that was asked for, so a record of that size fits in
// an empty ring.
#include <abi/flags.h>
#include <abi/info.h>
#include <abi/limits.h>
#include <mm/slab.h>
#include <object/job.h>
#include <object/process.h>
#include <object/source.h>
#include <object/stream.h>
#include <object/stream_ring.h>
#include <sched/thread.h>

// A signal for the stream's own waiters; never set.
#define SIGNAL_ROOM 0x40000000u
static_assert((SIGNALS_STREAM & SIGNAL_ROOM) == 0, "the bit is free");
// What ends a wait for the other end.
#define SIGNALS_READ_END (SIGNAL_STREAM_PEER_CLOSED | SIGNAL_STREAM_READ_SHUT)
#define SIGNALS_WRITE_END (SIGNAL_STREAM_PEER_CLOSED | SIGNAL_STREAM_WRITE_SHUT)

// Pages freed in one step of destroying a stream.
#define FREE_BATCH 32

struct stream_record {
    uint64_t size_bytes;
    uint64_t process, thread, cookie; // who wrote it
};

struct stream_end {
    struct object object;
    struct source source;
    struct stream *stream; // fixed
    bool closed;           // no handle is left; guarded by stream->lock
};

struct stream {
    uint32_t sharers;
    bool records;         // fixed
    struct spinlock lock; // RANK_SOURCE
    struct stream_end ends[2];
    struct stream_ring rings[2]; // rings[n] is read by ends[n] and written by the other one
};

static struct slab_cache stream_cache = SLAB_CACHE(struct stream, "stream");

static struct stream_end *end_from(struct object *object) {
    return container_of(object, struct stream_end, object);
}

static struct stream_end *end_peer(struct stream_end *end) {
    return &end->stream->ends[end == &end->stream->ends[0] ? 1 : 0];
}

// The ring that an end reads; the one that it writes is its peer's. Null when there is none.
static struct stream_ring *end_ring(struct stream_end *end) {
    struct stream_ring *ring = &end->stream->rings[end - end->stream->ends];
    return ring->size_bytes == 0 ? NULL : ring;
}

// ---- signals and waiting; stream->lock held

// Bytes beside its data that a write takes up.
static size_t header_bytes(const struct stream *stream) {
    return stream->records ? sizeof(struct stream_record) : 0;
}

static void end_update(struct stream_end *end, uint32_t clear, uint32_t set, uint32_t pulse) {
    struct source *source = &end->source;
    assert(spin_held(&end->stream->lock));
    spin_lock_nested(&source->lock);
    source_update_locked(source, clear, set);
    if (pulse != 0) {
        source_wake_locked(source, pulse);
    }
    spin_unlock(&source->lock);
}

// What changes for both ends of a ring by a write: `reader` has data; the writer may lack room.
static void signal_written(struct stream_end *reader, const struct stream_ring *ring) {
    assert(ring->used_bytes != 0);
    struct stream_end *writer = end_peer(reader);
    end_update(reader, 0, SIGNAL_STREAM_READABLE, 0);
    if (ring_free_bytes(ring) < STREAM_ATOMIC_BYTES + header_bytes(reader->stream)) {
        end_update(writer, SIGNAL_STREAM_WRITABLE, 0, 0);
    }
}

// And by a read.
static void signal_read(struct stream_end *reader, const struct stream_ring *ring) {
    assert(spin_held(&reader->stream->lock));
    struct stream_end *writer = end_peer(reader);
    if (ring->used_bytes == 0) {
        end_update(reader, SIGNAL_STREAM_READABLE, 0, 0);
    }
    // Set only when it was not, so that a port bound to it hears of it once.
    bool room = ring_free_bytes(ring) >= STREAM_ATOMIC_BYTES + header_bytes(reader->stream);
    bool anew = room && (source_signals(&writer->source) & SIGNAL_STREAM_WRITABLE) == 0;
    end_update(writer, 0, anew ? SIGNAL_STREAM_WRITABLE : 0, SIGNAL_ROOM);
}

// Waits for signals of the end, or says why not. Drops stream->lock.
static int64_t end_wait(struct stream_end *end, uint32_t signals, instant_t deadline,
                        uint32_t flags) {
    struct stream *stream = end->stream;
    assert(spin_held(&stream->lock));
    status_t status = OK;
    if ((flags & IO_NONBLOCK) != 0) {
        status = ERR_WOULD_BLOCK;
    } else if (deadline_passed(deadline)) {
        status = ERR_TIMED_OUT;
    } else {
        spin_lock_nested(&end->source.lock);
        status = source_link_locked(&end->object, &end->source, signals);
        spin_unlock(&end->source.lock);
    }
    spin_unlock(&stream->lock);
    if (status != OK) {
        return status;
    }
    return source_park(WAIT_STREAM, &end->object, deadline, (flags & IO_INTERRUPTIBLE) != 0);
}

// ---- reading

// Copies the first bytes, or the first record, out of the ring at `index`. Returns how many the
// caller gets; *taken is how many leave the ring.
static int64_t copy_first(const struct stream *stream, struct stream_ring *ring, size_t index,
                          size_t used_bytes, vaddr_t buffer, size_t size, size_t *taken) {
    assert(used_bytes != 0);
    assert(spin_none_held());
    size_t start = index;
    if (stream->records) {
        struct stream_record record;
        ring_copy(ring, COPY_OUT, index, (uintptr_t)&record, sizeof(record));
        start += sizeof(record);
        size = MIN(size, record.size_bytes);
        *taken = sizeof(record) + record.size_bytes;
    } else {
        size = MIN(size, used_bytes);
        size = MIN(size, STREAM_STEP_BYTES);
        *taken = size;
    }
    status_t status = ring_copy(ring, COPY_OUT_USER, start, buffer, size);
    return status == OK ? (int64_t)size : status;
}

int64_t stream_read(struct object *object, vaddr_t buffer, size_t size, instant_t deadline,
                    uint32_t flags) {
    assert(spin_none_held());
    struct stream_end *end = end_from(object);
    struct stream *stream = end->stream;
    struct stream_ring *ring = end_ring(end);
    if (ring == NULL) {
        return ERR_ACCESS_DENIED;
    }
    if (size == 0 && !stream->records) {
        return 0;
    }
    spin_lock(&stream->lock);
    if (ring->reader_busy) {
        spin_unlock(&stream->lock);
        return STATUS_RESTART;
    }
    size_t used_bytes = ring->used_bytes;
    if (used_bytes == 0) {
        if (!end_peer(end)->closed && !ring->shut) {
            return end_wait(end, SIGNAL_STREAM_READABLE | SIGNALS_READ_END, deadline, flags);
        }
        spin_unlock(&stream->lock);
        return 0;
    }
    size_t index = ring_read_begin(ring);
    spin_unlock(&stream->lock);

    size_t taken;
    int64_t result = copy_first(stream, ring, index, used_bytes, buffer, size, &taken);

    spin_lock(&stream->lock);
    bool consume = result >= 0 && (flags & IO_PEEK) == 0;
    ring_read_end(ring, consume ? taken : 0);
    if (consume) {
        signal_read(end, ring);
    }
    spin_unlock(&stream->lock);
    return result;
}

// ---- writing

// Allocates the pages and copies a header, if records have one, and `size` bytes to free bytes at
// `index`.
static status_t copy_last(const struct stream *stream, struct stream_ring *ring, size_t index,
                          vaddr_t buffer, size_t size) {
    assert(spin_none_held());
    assert(ring->writer_busy);
    status_t status = ring_prepare(ring, index, header_bytes(stream) + size);
    if (status != OK) {
        return status;
    }
    if (stream->records) {
        struct thread *self = thread_self();
        struct stream_record record = {
            .size_bytes = size,
            .process = self->process->id,
            .thread = self->id,
            .cookie = __atomic_load_n(&self->cookie, __ATOMIC_RELAXED),
        };
        ring_copy(ring, COPY_IN, index, (uintptr_t)&record, sizeof(record));
        index += sizeof(record);
    }
    return ring_copy(ring, COPY_IN_USER, index, buffer, size);
}

// Whether a write of *size bytes can go on now; *size becomes how many go in.
static bool has_room(const struct stream *stream, const struct stream_ring *ring, bool whole,
                     size_t *size) {
    assert(spin_held(&stream->lock));
    size_t room = ring_free_bytes(ring);
    if (whole) {
        return room >= header_bytes(stream) + *size;
    }
    *size = MIN(*size, room);
    *size = MIN(*size, STREAM_STEP_BYTES);
    return room > 0;
}

int64_t stream_write(struct object *object, vaddr_t buffer, size_t size, instant_t deadline,
                     uint32_t flags) {
    assert(spin_none_held());
    struct stream_end *end = end_from(object);
    struct stream *stream = end->stream;
    struct stream_end *reader = end_peer(end);
    struct stream_ring *ring = end_ring(reader);
    if (ring == NULL) {
        return ERR_ACCESS_DENIED;
    }
    if (stream->records && size > ring->size_bytes - sizeof(struct stream_record)) {
        return ERR_OUT_OF_RANGE;
    }
    if (size == 0 && !stream->records) {
        return 0;
    }
    spin_lock(&stream->lock);
    if (reader->closed || ring->shut) {
        spin_unlock(&stream->lock);
        return ERR_PEER_CLOSED;
    }
    if (ring->writer_busy) {
        spin_unlock(&stream->lock);
        return STATUS_RESTART;
    }
    bool whole = stream->records || size <= STREAM_ATOMIC_BYTES;
    if (!has_room(stream, ring, whole, &size)) {
        uint32_t room = whole ? SIGNAL_ROOM : SIGNAL_STREAM_WRITABLE;
        return end_wait(end, room | SIGNALS_WRITE_END, deadline, flags);
    }
    size_t index = ring_write_begin(ring);
    spin_unlock(&stream->lock);

    status_t status = copy_last(stream, ring, index, buffer, size);

    spin_lock(&stream->lock);
    ring_write_end(ring, status == OK ? header_bytes(stream) + size : 0);
    if (status == OK) {
        signal_written(reader, ring);
    }
    spin_unlock(&stream->lock);
    return status == OK ? (int64_t)size : status;
}

// Nothing more goes into the ring that an end reads.
static void shut_ring(struct stream_end *reader) {
    assert(spin_held(&reader->stream->lock) && end_ring(reader) != NULL);
    end_ring(reader)->shut = true;
    end_update(reader, 0, SIGNAL_STREAM_READ_SHUT, 0);
    end_update(end_peer(reader), 0, SIGNAL_STREAM_WRITE_SHUT, 0);
}

status_t stream_shut(struct object *object, uint32_t flags) {
    struct stream_end *end = end_from(object);
    assert(spin_none_held());
    spin_lock(&end->stream->lock);
    if ((flags & SHUT_READ) != 0) {
        shut_ring(end);
    }
    if ((flags & SHUT_WRITE) != 0) {
        shut_ring(end_peer(end));
    }
    spin_unlock(&end->stream->lock);
    return OK;
}

void stream_describe(struct object *object, struct stream_info *info) {
    struct stream_end *end = end_from(object);
    const struct stream_ring *ring = &end->stream->rings[end - end->stream->ends];
    spin_lock(&end->stream->lock);
    info->read_bytes = ring->taken_bytes;
    info->written_bytes = ring->taken_bytes + ring->used_bytes;
    info->capacity_bytes = ring->size_bytes;
    info->unread_bytes = end->stream->rings[end_peer(end) - end->stream->ends].used_bytes;
    spin_unlock(&end->stream->lock);
}

// ---- life

static void end_handles_gone(struct object *object) {
    struct stream_end *end = end_from(object);
    spin_lock(&end->stream->lock);
    assert(!end->closed);
    end->closed = true;
    end_update(end_peer(end), 0, SIGNAL_STREAM_PEER_CLOSED, 0);
    spin_unlock(&end->stream->lock);
}

static bool stream_destroy(struct object *object) {
    struct stream *stream = object_struct(object);
    return ring_free(&stream->rings[0], FREE_BATCH) && ring_free(&stream->rings[1], FREE_BATCH);
}

#define END_OPS(end)                                                                               \
    {                                                                                              \
        .name = "stream", .type = OBJECT_STREAM, .cache = &stream_cache,                           \
        .offset = offsetof(struct stream, ends[end]), .handles_gone = end_handles_gone,            \
        .destroy = stream_destroy                                                                  \
    }

status_t stream_create(struct job *job, size_t capacity_bytes, uint32_t flags, uint64_t provider,
                       struct object **first, struct object **second) {
    static const struct object_ops ops[] = {END_OPS(0), END_OPS(1)};
    status_t status = object_create_pair(&ops[0], &ops[1], job, provider, first, second);
    if (status != OK) {
        return status;
    }
    struct stream *stream = object_struct(*first);
    spin_init(&stream->lock, RANK_SOURCE);
    stream->records = (flags & STREAM_RECORDS) != 0;
    bool duplex = (flags & STREAM_DUPLEX) != 0;
    for (int i = 0; i < 2; i++) {
        struct stream_end *end = &stream->ends[i];
        end->stream = stream;
        // An end may write when the other one reads.
        source_init(&end->source, &end->object, i == 1 || duplex ? SIGNAL_STREAM_WRITABLE : 0);
        if (status == OK && (i == 0 || duplex)) {
            status = ring_init(&stream->rings[i], job, capacity_bytes + header_bytes(stream));
        }
    }
    if (status != OK) {
        object_unref(*first);
        object_unref(*second);
    }
    return status;
}
