// SPDX-License-Identifier: MIT
//
// Streams: bounded queues of bytes and of records.

#include "suite.h"

#include <sys/heap.h>

struct pipe {
    handle_t reader;
    handle_t writer;
};

static struct pipe pipe_create(size_t capacity, uint32_t flags) {
    int64_t pair = sys_stream_create(capacity, flags);
    CHECK(pair > 0);
    return (struct pipe){.reader = handle_pair_first(pair), .writer = handle_pair_second(pair)};
}

static void pipe_close(struct pipe *pipe) {
    drop(pipe->reader);
    drop(pipe->writer);
}

// Without waiting.
static int64_t take(struct pipe *pipe, void *buffer, size_t size) {
    return sys_stream_read(pipe->reader, buffer, size, 0, IO_NONBLOCK);
}

static int64_t put(struct pipe *pipe, const void *buffer, size_t size) {
    return sys_stream_write(pipe->writer, buffer, size, 0, IO_NONBLOCK);
}

static bool shows(handle_t end, uint32_t signal) {
    int64_t signals = sys_object_wait(end, signal, 0, 0);
    CHECK(signals > 0 || signals == ERR_TIMED_OUT);
    return signals > 0;
}

TEST(streams_create_checks) {
    CHECK_EQ(sys_stream_create(0, 0), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_stream_create(STREAM_MIN_BYTES - 1, 0), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_stream_create(STREAM_MAX_BYTES + 1, 0), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_stream_create(SIZE_MAX, 0), ERR_OUT_OF_RANGE);
    struct pipe pipe = pipe_create(STREAM_MAX_BYTES, 0);
    pipe_close(&pipe);
}

TEST(streams_carry_bytes) {
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, 0);
    char buffer[32] = {0};
    CHECK_EQ(take(&pipe, buffer, sizeof(buffer)), ERR_WOULD_BLOCK);
    CHECK_EQ(put(&pipe, "hello ", 6), 6);
    CHECK_EQ(put(&pipe, "world", 5), 5);
    CHECK_EQ(take(&pipe, buffer, 3), 3);
    CHECK_EQ(take(&pipe, buffer + 3, sizeof(buffer) - 3), 8);
    CHECK_EQ(memcmp(buffer, "hello world", 11), 0);
    CHECK_EQ(take(&pipe, buffer, sizeof(buffer)), ERR_WOULD_BLOCK);
    pipe_close(&pipe);
}

TEST(streams_ends_have_their_direction) {
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, 0);
    char c = 'x';
    CHECK_EQ(sys_stream_read(pipe.writer, &c, 1, 0, IO_NONBLOCK), ERR_ACCESS_DENIED);
    CHECK_EQ(sys_stream_write(pipe.reader, &c, 1, 0, IO_NONBLOCK), ERR_ACCESS_DENIED);
    pipe_close(&pipe);
}

TEST(streams_fill_up) {
    static uint8_t data[STREAM_MIN_BYTES];
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, 0);
    CHECK(shows(pipe.writer, SIGNAL_STREAM_WRITABLE));
    CHECK(!shows(pipe.reader, SIGNAL_STREAM_READABLE));
    CHECK_EQ(put(&pipe, data, sizeof(data)), sizeof(data));
    CHECK(!shows(pipe.writer, SIGNAL_STREAM_WRITABLE));
    CHECK(shows(pipe.reader, SIGNAL_STREAM_READABLE));
    CHECK_EQ(put(&pipe, data, 1), ERR_WOULD_BLOCK);
    CHECK_EQ(take(&pipe, data, 100), 100);
    CHECK_EQ(put(&pipe, data, 101), ERR_WOULD_BLOCK); // whole or not at all
    CHECK_EQ(put(&pipe, data, 100), 100);
    CHECK_EQ(take(&pipe, data, sizeof(data)), sizeof(data));
    CHECK(shows(pipe.writer, SIGNAL_STREAM_WRITABLE));
    CHECK(!shows(pipe.reader, SIGNAL_STREAM_READABLE));
    pipe_close(&pipe);
}

TEST(streams_peek) {
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, 0);
    char buffer[8] = {0};
    CHECK_EQ(put(&pipe, "abc", 3), 3);
    CHECK_EQ(sys_stream_read(pipe.reader, buffer, 2, 0, IO_NONBLOCK | IO_PEEK), 2);
    CHECK_EQ(sys_stream_read(pipe.reader, buffer, 8, 0, IO_NONBLOCK | IO_PEEK), 3);
    CHECK_EQ(take(&pipe, buffer, 8), 3);
    CHECK_EQ(memcmp(buffer, "abc", 3), 0);
    CHECK_EQ(sys_stream_read(pipe.reader, buffer, 8, 0, IO_NONBLOCK | IO_PEEK), ERR_WOULD_BLOCK);
    pipe_close(&pipe);
}

TEST(streams_reader_sees_the_end) {
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, 0);
    char buffer[8];
    CHECK_EQ(put(&pipe, "abc", 3), 3);
    handle_t second = narrowed(pipe.writer, RIGHTS_STREAM & ~RIGHT_READ);
    drop(pipe.writer);
    CHECK(!shows(pipe.reader, SIGNAL_STREAM_PEER_CLOSED));
    drop(second);
    CHECK(shows(pipe.reader, SIGNAL_STREAM_PEER_CLOSED));
    CHECK_EQ(take(&pipe, buffer, sizeof(buffer)), 3);
    CHECK_EQ(take(&pipe, buffer, sizeof(buffer)), 0);
    CHECK_EQ(sys_stream_read(pipe.reader, buffer, 8, INSTANT_NEVER, 0), 0);
    drop(pipe.reader);
}

TEST(streams_writer_sees_the_end) {
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, 0);
    CHECK_EQ(put(&pipe, "abc", 3), 3);
    drop(pipe.reader);
    CHECK(shows(pipe.writer, SIGNAL_STREAM_PEER_CLOSED));
    CHECK_EQ(put(&pipe, "abc", 3), ERR_PEER_CLOSED);
    CHECK_EQ(sys_stream_write(pipe.writer, "abc", 3, INSTANT_NEVER, 0), ERR_PEER_CLOSED);
    drop(pipe.writer);
}

TEST(streams_duplex) {
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, STREAM_DUPLEX);
    char buffer[8];
    CHECK_EQ(sys_stream_write(pipe.reader, "to b", 4, 0, IO_NONBLOCK), 4);
    CHECK_EQ(sys_stream_write(pipe.writer, "to a!", 5, 0, IO_NONBLOCK), 5);
    CHECK_EQ(sys_stream_read(pipe.writer, buffer, sizeof(buffer), 0, IO_NONBLOCK), 4);
    CHECK_EQ(sys_stream_read(pipe.reader, buffer, sizeof(buffer), 0, IO_NONBLOCK), 5);
    CHECK_EQ(memcmp(buffer, "to a!", 5), 0);
    drop(pipe.writer);
    CHECK_EQ(sys_stream_write(pipe.reader, "x", 1, 0, IO_NONBLOCK), ERR_PEER_CLOSED);
    CHECK_EQ(sys_stream_read(pipe.reader, buffer, 1, 0, IO_NONBLOCK), 0);
    drop(pipe.reader);
}

TEST(streams_records_keep_their_borders) {
    static uint8_t large[STREAM_MIN_BYTES + 1];
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, STREAM_RECORDS);
    char buffer[32];
    CHECK_EQ(put(&pipe, "first", 5), 5);
    CHECK_EQ(put(&pipe, "second one", 10), 10);
    CHECK_EQ(put(&pipe, "third", 5), 5);
    CHECK_EQ(take(&pipe, buffer, sizeof(buffer)), 5);
    CHECK_EQ(memcmp(buffer, "first", 5), 0);
    CHECK_EQ(take(&pipe, buffer, 6), 6); // its rest is lost
    CHECK_EQ(memcmp(buffer, "second", 6), 0);
    CHECK_EQ(take(&pipe, buffer, sizeof(buffer)), 5);
    CHECK_EQ(memcmp(buffer, "third", 5), 0);
    CHECK_EQ(put(&pipe, large, sizeof(large)), ERR_OUT_OF_RANGE);
    pipe_close(&pipe);
}

TEST(streams_many_records) {
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, STREAM_RECORDS);
    uint8_t record[256];
    uint64_t written = 0;
    uint64_t seen = 0;
    for (int round = 0; round < 200; round++) {
        for (;;) {
            size_t size = 1 + written * 37 % 255;
            memset(record, (int)(written & 0xff), size);
            if (put(&pipe, record, size) != (int64_t)size) {
                break;
            }
            written++;
        }
        for (int i = 0; i < 7 && seen < written; i++, seen++) {
            size_t size = 1 + seen * 37 % 255;
            REQUIRE_EQ(take(&pipe, record, sizeof(record)), size);
            REQUIRE_EQ(record[0], seen & 0xff);
            REQUIRE_EQ(record[size - 1], seen & 0xff);
        }
    }
    CHECK(written > 500);
    pipe_close(&pipe);
}

// ---- waiting

struct io {
    handle_t end;
    uint8_t buffer[64];
    size_t size;
    instant_t deadline;
    uint32_t flags;
    struct task task;
};

static int64_t read_main(void *argument) {
    struct io *io = argument;
    return sys_stream_read(io->end, io->buffer, io->size, io->deadline, io->flags);
}

static int64_t write_main(void *argument) {
    struct io *io = argument;
    return sys_stream_write(io->end, io->buffer, io->size, io->deadline, io->flags);
}

TEST(streams_reader_waits) {
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, 0);
    struct io io = {.end = pipe.reader, .size = 10, .deadline = INSTANT_NEVER};
    task_start(&io.task, read_main, &io);
    CHECK(task_blocks(&io.task));
    CHECK_EQ(put(&pipe, "xyz", 3), 3);
    CHECK_EQ(task_join(&io.task), 3);
    CHECK_EQ(io.buffer[2], 'z');
    pipe_close(&pipe);
}

TEST(streams_writer_waits) {
    static uint8_t data[STREAM_MIN_BYTES];
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, 0);
    CHECK_EQ(put(&pipe, data, sizeof(data)), sizeof(data));
    struct io io = {.end = pipe.writer, .size = 10, .deadline = INSTANT_NEVER};
    task_start(&io.task, write_main, &io);
    CHECK(task_blocks(&io.task));
    CHECK_EQ(take(&pipe, data, sizeof(data)), sizeof(data));
    CHECK_EQ(task_join(&io.task), 10);
    CHECK_EQ(take(&pipe, data, sizeof(data)), 10);
    pipe_close(&pipe);
}

TEST(streams_waits_end_when_the_peer_goes) {
    static uint8_t data[STREAM_MIN_BYTES];
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, 0);
    struct io io = {.end = pipe.reader, .size = 10, .deadline = INSTANT_NEVER};
    task_start(&io.task, read_main, &io);
    CHECK(task_blocks(&io.task));
    drop(pipe.writer);
    CHECK_EQ(task_join(&io.task), 0);
    drop(pipe.reader);
    pipe = pipe_create(STREAM_MIN_BYTES, 0);
    CHECK_EQ(put(&pipe, data, sizeof(data)), sizeof(data));
    io = (struct io){.end = pipe.writer, .size = 10, .deadline = INSTANT_NEVER};
    task_start(&io.task, write_main, &io);
    CHECK(task_blocks(&io.task));
    drop(pipe.reader);
    CHECK_EQ(task_join(&io.task), ERR_PEER_CLOSED);
    drop(pipe.writer);
}

TEST(streams_deadlines_and_interruptions) {
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, 0);
    struct io io = {.end = pipe.reader, .size = 10, .deadline = in(MILLISECONDS(3))};
    task_start(&io.task, read_main, &io);
    CHECK_EQ(task_join(&io.task), ERR_TIMED_OUT);
    CHECK(now() >= io.deadline);
    io = (struct io){
        .end = pipe.reader, .size = 10, .deadline = INSTANT_NEVER, .flags = IO_INTERRUPTIBLE};
    task_start(&io.task, read_main, &io);
    CHECK(task_blocks(&io.task));
    CHECK_EQ(sys_thread_interrupt(io.task.thread.handle, 1), OK);
    CHECK_EQ(task_join(&io.task), ERR_INTERRUPTED);
    pipe_close(&pipe);
}

// ---- bulk

#define BULK_BYTES (2UL << 20)

static uint8_t pattern(uint64_t at) {
    return (uint8_t)(at * 167 + (at >> 9));
}

static int64_t write_bulk(void *argument) {
    handle_t writer = *(handle_t *)argument;
    static uint8_t chunk[10000];
    uint64_t sent = 0;
    uint64_t random = suite.seed;
    while (sent < BULK_BYTES) {
        uint64_t size = 1 + test_random_below(&random, sizeof(chunk));
        size = size < BULK_BYTES - sent ? size : BULK_BYTES - sent;
        for (uint64_t i = 0; i < size; i++) {
            chunk[i] = pattern(sent + i);
        }
        uint64_t done = 0;
        while (done < size) {
            int64_t written = sys_stream_write(writer, chunk + done, size - done, INSTANT_NEVER, 0);
            if (written <= 0) {
                return written;
            }
            done += (uint64_t)written;
        }
        sent += size;
    }
    return (int64_t)sys_handle_close(writer);
}

TEST(streams_carry_much) {
    static uint8_t chunk[7000];
    struct pipe pipe = pipe_create(65536, 0);
    struct task task;
    instant_t start = now();
    task_start(&task, write_bulk, &pipe.writer);
    uint64_t got = 0;
    uint64_t random = suite.seed + 1;
    for (;;) {
        uint64_t size = 1 + test_random_below(&random, sizeof(chunk));
        int64_t bytes = sys_stream_read(pipe.reader, chunk, size, INSTANT_NEVER, 0);
        REQUIRE(bytes >= 0);
        if (bytes == 0) {
            break;
        }
        for (int64_t i = 0; i < bytes; i++) {
            REQUIRE_EQ(chunk[i], pattern(got + (uint64_t)i));
        }
        got += (uint64_t)bytes;
    }
    CHECK_EQ(got, BULK_BYTES);
    CHECK_EQ(task_join(&task), OK);
    test_figure("stream: %lu MB/s", BULK_BYTES * 1000 / (uint64_t)(now() - start));
    drop(pipe.reader);
}

#define ATOMIC_WRITES 60
#define ATOMIC_BYTES 4096

struct atomic_writer {
    handle_t writer;
    uint8_t mark;
    struct task task;
};

static int64_t write_atomically(void *argument) {
    const struct atomic_writer *writer = argument;
    uint8_t *data = malloc(ATOMIC_BYTES);
    if (data == NULL) {
        return ERR_NO_MEMORY;
    }
    memset(data, writer->mark, ATOMIC_BYTES);
    int64_t result = ATOMIC_BYTES;
    for (int i = 0; i < ATOMIC_WRITES && result == ATOMIC_BYTES; i++) {
        result = sys_stream_write(writer->writer, data, ATOMIC_BYTES, INSTANT_NEVER, 0);
    }
    free(data);
    return result;
}

// Pieces of several writers never mix.
TEST(streams_small_writes_are_atomic) {
    enum { WRITERS = 4 };
    static uint8_t piece[ATOMIC_BYTES];
    struct pipe pipe = pipe_create(3 * STREAM_MIN_BYTES, 0);
    static struct atomic_writer writers[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct atomic_writer){.writer = pipe.writer, .mark = (uint8_t)(i + 1)};
        task_start(&writers[i].task, write_atomically, &writers[i]);
    }
    for (int i = 0; i < WRITERS * ATOMIC_WRITES; i++) {
        size_t got = 0;
        while (got < ATOMIC_BYTES) {
            int64_t bytes =
                sys_stream_read(pipe.reader, piece + got, ATOMIC_BYTES - got, in(PATIENCE), 0);
            REQUIRE(bytes > 0);
            got += (size_t)bytes;
        }
        for (size_t at = 1; at < ATOMIC_BYTES; at++) {
            REQUIRE_EQ(piece[at], piece[0]);
        }
    }
    for (size_t i = 0; i < WRITERS; i++) {
        CHECK_EQ(task_join(&writers[i].task), ATOMIC_BYTES);
    }
    pipe_close(&pipe);
}

// What the tests before this one have freed is given back by whichever CPU comes to it: waits until
// that has ended.
static uint64_t memory_at_rest(void) {
    instant_t end = in(PATIENCE);
    uint64_t pages, before;
    do {
        before = job_usage_of(suite.job).memory_pages;
        sleep_for(MILLISECONDS(10));
        pages = job_usage_of(suite.job).memory_pages;
    } while (pages != before && now() < end);
    return pages;
}

TEST(streams_memory_is_charged_and_bounded) {
    struct pipe pipes[20];
    static uint8_t data[STREAM_MIN_BYTES];
    uint64_t before = memory_at_rest();
    for (size_t i = 0; i < COUNT(pipes); i++) {
        pipes[i] = pipe_create(16 * STREAM_MIN_BYTES, 0);
        CHECK_EQ(put(&pipes[i], data, sizeof(data)), sizeof(data));
    }
    uint64_t after = job_usage_of(suite.job).memory_pages;
    CHECK(after >= before + COUNT(pipes));
    CHECK(after <= before + 20 * COUNT(pipes));
    for (size_t i = 0; i < COUNT(pipes); i++) {
        pipe_close(&pipes[i]);
    }
}

static int64_t read_until_the_end(void *argument) {
    char buffer[8];
    return sys_stream_read(*(handle_t *)argument, buffer, sizeof(buffer), INSTANT_NEVER, 0);
}

TEST(streams_shut) {
    struct pipe pipe = pipe_create(STREAM_MIN_BYTES, STREAM_DUPLEX);
    struct pipe plain = pipe_create(STREAM_MIN_BYTES, 0);
    struct stream_info info;
    struct task task;
    char buffer[8];
    CHECK_EQ(sys_stream_shut(HANDLE_NONE, 0), ERR_BAD_HANDLE);
    CHECK_EQ(sys_stream_shut(suite.job, 0), ERR_WRONG_TYPE);
    CHECK_EQ(sys_stream_shut(plain.reader, SHUT_READ), ERR_ACCESS_DENIED);
    CHECK_EQ(sys_stream_shut(plain.writer, SHUT_WRITE), ERR_ACCESS_DENIED);
    CHECK_EQ(sys_stream_shut(pipe.reader, 4), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_stream_shut(pipe.reader, 0), OK);
    CHECK(!shows(pipe.writer, SIGNAL_STREAM_READ_SHUT));
    task_start(&task, read_until_the_end, &pipe.writer);
    CHECK(task_blocks(&task));
    CHECK_EQ(sys_stream_shut(pipe.reader, SHUT_WRITE), OK);
    CHECK_EQ(task_join(&task), 0); // who waits is woken
    CHECK(shows(pipe.writer, SIGNAL_STREAM_READ_SHUT));
    CHECK(shows(pipe.reader, SIGNAL_STREAM_WRITE_SHUT));
    CHECK_EQ(sys_stream_write(pipe.reader, "x", 1, INSTANT_NEVER, 0), ERR_PEER_CLOSED);
    CHECK_EQ(sys_stream_write(pipe.writer, "back", 4, 0, 0), 4);
    CHECK_EQ(sys_object_get(pipe.writer, &info, sizeof(info)), OK);
    CHECK_EQ(info.unread_bytes, 4);
    CHECK_EQ(sys_stream_read(pipe.reader, buffer, sizeof(buffer), 0, 0), 4);
    pipe_close(&pipe);
    pipe_close(&plain);
}

TEST(streams_tell_what_went_through) {
    int64_t pair = sys_stream_create(STREAM_MIN_BYTES, 0);
    REQUIRE(pair > 0);
    handle_t reader = handle_pair_first(pair);
    handle_t writer = handle_pair_second(pair);
    struct stream_info info;
    char byte[3] = "abc";
    for (uint64_t i = 0; i < 5000; i++) {
        REQUIRE_EQ(sys_stream_write(writer, byte, 3, 0, 0), 3);
        REQUIRE_EQ(sys_stream_read(reader, byte, 2, 0, IO_PEEK), 2);
        REQUIRE_EQ(sys_stream_read(reader, byte, i % 2 == 0 ? 2 : 4, 0, 0), i % 2 == 0 ? 2 : 4);
    }
    REQUIRE_EQ(sys_stream_write(writer, byte, 1, 0, 0), 1);
    CHECK_EQ(sys_object_get(reader, &info, sizeof(info)), OK);
    CHECK_EQ(info.read_bytes, 15000);
    CHECK_EQ(info.written_bytes, 15001);
    CHECK_EQ(info.capacity_bytes, STREAM_MIN_BYTES);
    CHECK_EQ(sys_object_get(writer, &info, sizeof(info)), ERR_ACCESS_DENIED);
    CHECK_EQ(sys_object_get(reader, &info, sizeof(info) - 1), ERR_INVALID_ARGUMENT);
    drop(reader);
    drop(writer);
}
