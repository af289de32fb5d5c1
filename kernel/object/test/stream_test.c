// SPDX-License-Identifier: MIT
//
// Streams: what each call returns and which signals it leaves, hostile buffers, random traffic
// against a model, and writers and readers on several CPUs.
//
// host-sources: kernel/object/stream.c kernel/object/stream_ring.c
// host-sources: kernel/object/source.c kernel/object/object.c kernel/sched/wait.c
// host-sources: kernel/sched/spinlock.c kernel/time/timer_queue.c lib/ds/tree.c
// host-sources: kernel/test/host/host.c kernel/test/host/host_memory.c
// host-sources: kernel/test/host/host_reap.c kernel/test/host/host_thread.c lib/test/test.c
// host-sources: lib/test/test/host_main.c
#include <abi/flags.h>
#include <abi/limits.h>
#include <host.h>
#include <host_thread.h>
#include <ipc/port.h>
#include <mm/user.h>
#include <object/id.h>
#include <object/source.h>
#include <object/stream.h>
#include <object/timer.h>
#include <test/host.h>
#include <test/test.h>

#define CPUS 4
#define READABLE SIGNAL_STREAM_READABLE
#define WRITABLE SIGNAL_STREAM_WRITABLE
#define PEER_CLOSED SIGNAL_STREAM_PEER_CLOSED

static struct thread *threads[CPUS];
static struct object *reader;
static struct object *writer;
static char out[STREAM_MAX_BYTES];
static char in[STREAM_MAX_BYTES];

// User memory from here on faults.
static vaddr_t fault_addr = UINT64_MAX;
static void (*on_copy)(void);

static status_t copy(void *dst, const void *src, vaddr_t user, size_t bytes) {
    if (on_copy != NULL) {
        on_copy();
    }
    size_t good = user >= fault_addr ? 0 : MIN(bytes, fault_addr - user);
    memcpy(dst, src, good);
    return good == bytes ? OK : ERR_FAULT;
}

status_t copy_in(void *dst, vaddr_t src, size_t bytes) {
    return copy(dst, (const void *)src, src, bytes);
}

status_t copy_out(vaddr_t dst, const void *src, size_t bytes) {
    return copy((void *)dst, src, dst, bytes);
}

void port_post(struct port *port, struct port_item *item) {
    (void)port;
    (void)item;
    panic("no ports here");
}

void port_post_locked(struct port *port, struct port_item *item) {
    port_post(port, item);
}

void *id_lookup(enum id_kind kind, uint64_t id) {
    (void)kind;
    (void)id;
    panic("no processes here");
}

uint64_t timer_count(const struct object *object) {
    (void)object;
    panic("no timers here");
}

static void begin(uint32_t cpu_total, size_t capacity, uint32_t flags) {
    host_cpus_init(cpu_total);
    fault_addr = UINT64_MAX;
    on_copy = NULL;
    for (uint32_t i = 0; i < cpu_total; i++) {
        threads[i] = host_thread_create(i);
    }
    for (size_t i = 0; i < sizeof(out); i++) {
        out[i] = (char)(i * 31 + i / 251);
    }
    CHECK_EQ(stream_create(NULL, capacity, flags, 0, &reader, &writer), OK);
}

static void close_end(struct object **end) {
    if (*end != NULL) {
        (*end)->ops->handles_gone(*end);
        object_unref(*end);
        *end = NULL;
    }
}

static void end(uint32_t cpu_total) {
    close_end(&reader);
    close_end(&writer);
    for (uint32_t i = 0; i < cpu_total; i++) {
        host_thread_destroy(threads[i]);
    }
    host_reap_all();
    CHECK_EQ(host_memory_live(), 0);
}

static int64_t get(void *buffer, size_t size) {
    return stream_read(reader, (vaddr_t)buffer, size, INSTANT_NEVER, IO_NONBLOCK);
}

static int64_t put(const void *buffer, size_t size) {
    return stream_write(writer, (vaddr_t)buffer, size, INSTANT_NEVER, IO_NONBLOCK);
}

static uint32_t signals(struct object *object) {
    return source_signals(object->source);
}

TEST(a_pipe_from_first_to_last) {
    begin(1, 8192, 0);
    CHECK_EQ(signals(reader), 0);
    CHECK_EQ(signals(writer), WRITABLE);
    CHECK_EQ(get(in, 10), ERR_WOULD_BLOCK);
    CHECK_EQ(stream_read(reader, (vaddr_t)in, 10, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(get(in, 0), 0);
    CHECK_EQ(put(out, 0), 0);
    CHECK_EQ(stream_write(reader, (vaddr_t)out, 1, 0, 0), ERR_ACCESS_DENIED);
    CHECK_EQ(stream_read(writer, (vaddr_t)out, 1, 0, 0), ERR_ACCESS_DENIED);
    CHECK_EQ(put(out, 4096), 4096);
    CHECK_EQ(signals(reader), READABLE);
    CHECK_EQ(signals(writer), WRITABLE);
    CHECK_EQ(put(out + 4096, 1), 1);
    CHECK_EQ(signals(writer), 0);
    CHECK_EQ(put(out + 4097, 4096), ERR_WOULD_BLOCK); // atomic: all or none
    CHECK_EQ(put(out + 4097, 4097), 4095);            // larger: what fits
    CHECK_EQ(put(out + 8192, 4097), ERR_WOULD_BLOCK);
    CHECK_EQ(stream_write(writer, (vaddr_t)out, 1, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(stream_read(reader, (vaddr_t)in, 5000, 0, IO_PEEK), 5000);
    memset(in, 0, sizeof(in));
    CHECK_EQ(get(in, 4095), 4095);
    CHECK_EQ(signals(writer), 0);
    CHECK_EQ(get(in + 4095, 1), 1);
    CHECK_EQ(signals(writer), WRITABLE);
    close_end(&writer);
    host_reap_all();
    CHECK_EQ(signals(reader), READABLE | PEER_CLOSED);
    CHECK_EQ(get(in + 4096, 9999), 4096); // what was written stays readable
    CHECK_EQ(signals(reader), PEER_CLOSED);
    CHECK_EQ(get(in, 1), 0);
    CHECK_EQ(memcmp(in, out, 8192), 0);
    end(1);
}

TEST(a_writer_without_reader) {
    begin(1, 4096, 0);
    CHECK_EQ(put(out, 10), 10);
    close_end(&reader);
    CHECK_EQ(signals(writer) & PEER_CLOSED, PEER_CLOSED);
    CHECK_EQ(put(out, 10), ERR_PEER_CLOSED);
    end(1);
}

TEST(an_idle_pipe_costs_no_pages) {
    begin(1, 65536, 0);
    CHECK_EQ(host_memory_live(), 1);
    for (int i = 0; i < 100; i++) { // 100 KB in all, never more than a page at a time
        CHECK_EQ(put(out, 1000), 1000);
        CHECK_EQ(get(in, 4000), 1000);
    }
    CHECK_EQ(host_memory_live(), 2);
    CHECK_EQ(put(out, 65536), 65536);
    CHECK_EQ(put(out, 1), ERR_WOULD_BLOCK);
    CHECK_EQ(host_memory_live(), 17);
    end(1);
}

TEST(hostile_buffers_change_nothing) {
    begin(1, 8192, 0);
    CHECK_EQ(put(out, 3000), 3000);
    CHECK_EQ(get(in, 2000), 2000);
    fault_addr = (vaddr_t)out + 5000; // in the middle of the second page of the ring
    CHECK_EQ(put(out + 3000, 4096), ERR_FAULT);
    CHECK_EQ(put(out + 6000, 10), ERR_FAULT);
    fault_addr = (vaddr_t)in + 2500;
    CHECK_EQ(get(in + 2000, 1000), ERR_FAULT);
    fault_addr = UINT64_MAX;
    CHECK_EQ(put(out + 3000, 4000), 4000);
    CHECK_EQ(get(in + 2000, 9000), 5000);
    CHECK_EQ(memcmp(in, out, 7000), 0);
    end(1);
}

TEST(no_memory_changes_nothing) {
    begin(1, 65536, 0);
    host_fail_after = 3;
    CHECK_EQ(put(out, 30000), ERR_NO_MEMORY);
    host_fail_after = HOST_FAIL_NEVER;
    CHECK_EQ(get(in, 1), ERR_WOULD_BLOCK);
    CHECK_EQ(put(out, 30000), 30000);
    CHECK_EQ(get(in, 30000), 30000);
    CHECK_EQ(memcmp(in, out, 30000), 0);
    struct object *a;
    struct object *b;
    for (host_fail_after = 0; host_fail_after < 3;) {
        uint64_t budget = host_fail_after;
        CHECK_EQ(stream_create(NULL, STREAM_MAX_BYTES, STREAM_DUPLEX, 0, &a, &b), ERR_NO_MEMORY);
        host_fail_after = budget + 1;
    }
    host_fail_after = HOST_FAIL_NEVER;
    end(1);
}

// Somebody else comes by while a copy is under way.
static int64_t met;

static void write_meanwhile(void) {
    on_copy = NULL;
    met = put(out, 1);
}

static void read_meanwhile(void) {
    on_copy = NULL;
    met = get(in, 1);
}

static void read_all_meanwhile(void) {
    on_copy = NULL;
    met = get(in, 5000);
}

TEST(one_writer_and_one_reader_at_a_time) {
    begin(1, 8192, 0);
    on_copy = write_meanwhile;
    CHECK_EQ(put(out, 100), 100);
    CHECK_EQ(met, STATUS_RESTART);
    on_copy = read_meanwhile;
    CHECK_EQ(get(in, 50), 50);
    CHECK_EQ(met, STATUS_RESTART);
    on_copy = read_all_meanwhile; // a reader empties the ring while a writer is at work
    CHECK_EQ(put(out + 100, 4000), 4000);
    CHECK_EQ(met, 50);
    on_copy = write_meanwhile; // and the other way round
    CHECK_EQ(get(in, 4000), 4000);
    CHECK_EQ(met, 1);
    CHECK_EQ(memcmp(in, out + 100, 4000), 0);
    CHECK_EQ(get(in, 10), 1);
    end(1);
}

TEST(records_keep_their_borders) {
    begin(1, 4096, STREAM_RECORDS);
    CHECK_EQ(put(out, 4097), ERR_OUT_OF_RANGE);
    CHECK_EQ(put(out, 4096), 4096);
    CHECK_EQ(put(out, 0), ERR_WOULD_BLOCK);
    CHECK_EQ(signals(writer), 0);
    CHECK_EQ(get(in, sizeof(in)), 4096);
    CHECK_EQ(memcmp(in, out, 4096), 0);
    CHECK_EQ(signals(writer), WRITABLE);
    CHECK_EQ(put(out, 100), 100);
    CHECK_EQ(put(out + 100, 0), 0);
    CHECK_EQ(put(out + 200, 50), 50);
    CHECK_EQ(stream_read(reader, (vaddr_t)in, 70, 0, IO_PEEK), 70);
    CHECK_EQ(get(in, 60), 60); // its rest is lost
    CHECK_EQ(get(in, 60), 0);  // an empty record
    CHECK_EQ(signals(reader), READABLE);
    CHECK_EQ(get(in, 60), 50);
    CHECK_EQ(memcmp(in, out + 200, 50), 0);
    CHECK_EQ(signals(reader), 0);
    end(1);
}

TEST(two_equal_ends) {
    begin(1, 4096, STREAM_DUPLEX);
    CHECK_EQ(signals(reader), WRITABLE);
    CHECK_EQ(put(out, 10), 10);
    CHECK_EQ(stream_write(reader, (vaddr_t)out + 10, 20, 0, 0), 20);
    CHECK_EQ(get(in, 99), 10);
    CHECK_EQ(stream_read(writer, (vaddr_t)in + 10, 99, 0, 0), 20);
    CHECK_EQ(memcmp(in, out, 30), 0);
    close_end(&writer);
    CHECK_EQ(get(in, 1), 0);
    CHECK_EQ(stream_write(reader, (vaddr_t)out, 1, 0, 0), ERR_PEER_CLOSED);
    end(1);
}

TEST(shut_directions) {
    begin(1, 4096, STREAM_DUPLEX);
    CHECK_EQ(put(out, 10), 10);
    CHECK_EQ(stream_shut(writer, SHUT_WRITE), OK);
    CHECK_EQ(signals(reader), READABLE | WRITABLE | SIGNAL_STREAM_READ_SHUT);
    CHECK_EQ(signals(writer), SIGNAL_STREAM_WRITE_SHUT);
    CHECK_EQ(put(out, 10), ERR_PEER_CLOSED);
    CHECK_EQ(get(in, 99), 10);
    CHECK_EQ(get(in, 99), 0);
    CHECK_EQ(stream_write(reader, (vaddr_t)out, 5, 0, 0), 5); // the other direction goes on
    CHECK_EQ(stream_shut(writer, SHUT_READ), OK);
    CHECK_EQ(stream_write(reader, (vaddr_t)out, 5, 0, 0), ERR_PEER_CLOSED);
    CHECK_EQ(stream_read(writer, (vaddr_t)in, 99, 0, 0), 5);
    CHECK_EQ(stream_read(writer, (vaddr_t)in, 99, 0, 0), 0);
    CHECK_EQ(stream_shut(writer, SHUT_READ | SHUT_WRITE), OK);
    end(1);
}

// ---- waiting

struct io {
    struct object *end;
    char *buffer;
    size_t size;
    uint32_t flags;
};

static int64_t do_read(void *context) {
    struct io *io = context;
    return stream_read(io->end, (vaddr_t)io->buffer, io->size, INSTANT_NEVER, io->flags);
}

static int64_t do_write(void *context) {
    struct io *io = context;
    return stream_write(io->end, (vaddr_t)io->buffer, io->size, INSTANT_NEVER, io->flags);
}

static void resume(void) {
    REQUIRE(host_thread_woken(threads[0]));
    CHECK_EQ(host_thread_resume(threads[0]), STATUS_RESTART);
}

TEST(readers_and_writers_wait) {
    begin(1, 8192, 0);
    struct io io = {reader, in, 100, IO_INTERRUPTIBLE};
    CHECK_EQ(do_read(&io), STATUS_PARKED);
    CHECK_EQ(threads[0]->wait_kind, WAIT_STREAM);
    CHECK_EQ(put(out, 8000), 8000);
    resume();
    CHECK_EQ(do_read(&io), 100);

    struct io atomic = {writer, out, 4000, 0};
    CHECK_EQ(do_write(&atomic), STATUS_PARKED); // 292 are free
    CHECK_EQ(get(in, 3000), 3000);
    resume(); // woken at each read
    CHECK_EQ(do_write(&atomic), STATUS_PARKED);
    CHECK_EQ(get(in, 708), 708);
    resume();
    CHECK_EQ(do_write(&atomic), 4000);

    struct io large = {writer, out, 5000, 0};
    CHECK_EQ(do_write(&large), STATUS_PARKED);
    CHECK_EQ(get(in, 4095), 4095);
    CHECK(!host_thread_woken(threads[0])); // only when it is worth it
    CHECK_EQ(get(in, 1), 1);
    resume();
    CHECK_EQ(do_write(&large), 4096);

    io.size = 9000;
    CHECK_EQ(do_read(&io), 8192);
    CHECK_EQ(do_read(&io), STATUS_PARKED);
    threads[0]->block->latched = 1;
    thread_abort_wait(threads[0], 0, ERR_INTERRUPTED);
    resume();
    CHECK_EQ(do_read(&io), ERR_INTERRUPTED);
    threads[0]->block->latched = 0;
    CHECK_EQ(do_read(&io), STATUS_PARKED);
    close_end(&writer);
    resume();
    CHECK_EQ(do_read(&io), 0);
    end(1);
}

TEST(a_waiting_writer_learns_of_the_end) {
    begin(1, 4096, 0);
    CHECK_EQ(put(out, 4096), 4096);
    struct io io = {writer, out, 1, 0};
    CHECK_EQ(do_write(&io), STATUS_PARKED);
    close_end(&reader);
    resume();
    CHECK_EQ(do_write(&io), ERR_PEER_CLOSED);
    end(1);
}

// ---- random traffic

#define PERIOD 251 // the byte at position p of the stream is p % PERIOD

static size_t sizes[8192]; // of the records under way, or of the writes

// Reads and checks against position *read; records under way are first ... last - 1.
static void read_some(size_t size, uint64_t *read, uint64_t written, size_t *first, size_t last,
                      bool records) {
    int64_t count = get(in, size);
    uint64_t expected = MIN(size, written - *read);
    uint64_t taken = expected;
    if (records && *first != last) {
        taken = sizes[(*first)++ % ARRAY_SIZE(sizes)];
        expected = MIN(size, taken);
    } else if (records || (expected == 0 && size != 0)) {
        CHECK_EQ(count, ERR_WOULD_BLOCK);
        return;
    }
    CHECK_EQ(count, expected);
    for (uint64_t i = 0; i < expected && !test_failed(); i++) {
        CHECK_EQ((uint8_t)in[i], (*read + i) % PERIOD);
    }
    *read += taken;
}

static void check_traffic(size_t capacity, uint32_t flags) {
    begin(1, capacity, flags);
    uint64_t state = test_seed();
    uint64_t written = 0;
    uint64_t read = 0;
    size_t first = 0;
    size_t last = 0;
    for (size_t i = 0; i < 10000 + PERIOD; i++) {
        out[i] = (char)(i % PERIOD);
    }
    for (int step = 0; step < 20000 && !test_failed(); step++) {
        size_t size = test_random_below(&state, test_random_below(&state, 2) == 0 ? 200 : 9000);
        if (test_random_below(&state, 2) == 0) {
            read_some(size, &read, written, &first, last, flags != 0);
            continue;
        }
        int64_t count = put(out + written % PERIOD, size);
        if (count >= 0) {
            bool whole = flags != 0 || size <= STREAM_ATOMIC_BYTES;
            CHECK(whole ? count == (int64_t)size : count > 0 && count <= (int64_t)size);
            sizes[last++ % ARRAY_SIZE(sizes)] = (size_t)count;
            written += (uint64_t)count;
        } else {
            bool too_large = flags != 0 && size > capacity;
            CHECK_EQ(count, too_large ? ERR_OUT_OF_RANGE : ERR_WOULD_BLOCK);
        }
        CHECK(written - read <= capacity);
    }
    end(1);
}

TEST(random_bytes) {
    check_traffic(4096, 0);
    check_traffic(20000, 0);
    check_traffic(65536 + 4096, 0); // a table of its own
}

TEST(random_records) {
    check_traffic(4096, STREAM_RECORDS);
    check_traffic(20000, STREAM_RECORDS);
}

// ---- races

#define MESSAGE 100
#define MESSAGES 2000

// CPUs 0 and 1 write messages filled with one letter, each whole; the others read and look.
static uint32_t read_total;

static void write_or_read(void *context) {
    (void)context;
    uint32_t index = cpu_this()->index;
    char buffer[MESSAGE];
    struct io io = {index < 2 ? writer : reader, buffer, MESSAGE, 0};
    if (index < 2) {
        for (int i = 0; i < MESSAGES; i++) {
            memset(buffer, i % 100, MESSAGE);
            buffer[0] = (char)index;
            CHECK_EQ(host_thread_call(do_write, &io), MESSAGE);
        }
        return;
    }
    while (__atomic_load_n(&read_total, __ATOMIC_ACQUIRE) < 2 * MESSAGES) {
        io.flags = IO_NONBLOCK;
        int64_t count = host_thread_call(do_read, &io);
        if (count == ERR_WOULD_BLOCK) {
            continue;
        }
        // Several readers take whole messages, since the size divides what stands in the ring.
        CHECK_EQ(count, MESSAGE);
        for (int i = 2; i < MESSAGE; i++) {
            CHECK_EQ(buffer[i], buffer[1]);
        }
        __atomic_fetch_add(&read_total, 1, __ATOMIC_RELEASE);
    }
}

static void race(uint32_t flags) {
    begin(CPUS, 4096, flags);
    read_total = 0;
    host_cpus_run(CPUS, write_or_read, NULL);
    CHECK_EQ(read_total, 2 * MESSAGES);
    CHECK_EQ(get(in, 1), ERR_WOULD_BLOCK);
    end(CPUS);
}

TEST(atomic_writes_do_not_mix) {
    race(0);
}

TEST(records_do_not_mix) {
    race(STREAM_RECORDS);
}

// A large transfer between two CPUs that both wait.
static void transfer(void *context) {
    (void)context;
    bool writes = cpu_this()->index == 0;
    size_t done = 0;
    while (done < sizeof(out)) {
        struct io io = {writes ? writer : reader, (writes ? out : in) + done, sizeof(out) - done,
                        0};
        int64_t count = host_thread_call(writes ? do_write : do_read, &io);
        CHECK(count > 0);
        if (count <= 0) {
            return;
        }
        done += (size_t)count;
    }
}

TEST(a_megabyte_arrives) {
    begin(2, 10000, 0);
    memset(in, 0, sizeof(in));
    host_cpus_run(2, transfer, NULL);
    CHECK_EQ(memcmp(in, out, sizeof(out)), 0);
    end(2);
}
