// SPDX-License-Identifier: MIT
//
// The log is a ring of bytes that holds whole lines. Positions count all bytes ever written, so
// that a reader who comes late knows that he has missed something: his position is then moved on to
// the oldest line that is still there.
//
// `head` is where the next byte goes, `tail` the start of the oldest line. The lock guards both and
// the serial port. In a panic nobody takes it any more: the other CPUs are being stopped, and one
// of them may be the holder.
#include <abi/limits.h>
#include <arch/boot.h>
#include <arch/clock.h>
#include <debug/log.h>
#include <ds/format.h>
#include <sched/spinlock.h>

#define RING_BYTES (256 * 1024)
#define LINE_BYTES (LOG_LINE_MAX + 1) // longest line, without its time stamp: log_read relies on it
#define STAMP_BYTES 32

static struct spinlock lock = SPINLOCK_INIT(RANK_LOG); // guards:
static char ring[RING_BYTES];
static uint64_t head, tail;
static bool in_panic;

static char ring_byte(uint64_t position) {
    return ring[position % RING_BYTES];
}

// Moves `tail` past whole lines until `bytes` more have room.
static void make_room(size_t bytes) {
    while (head + bytes - tail > RING_BYTES) {
        while (ring_byte(tail++) != '\n') {
        }
    }
}

static void append(const char *line, size_t bytes) {
    assert(in_panic || spin_held(&lock));
    make_room(bytes);
    for (size_t i = 0; i < bytes; i++) {
        ring[(head + i) % RING_BYTES] = line[i];
    }
    head += bytes;
    arch_serial_write(line, bytes);
}

static void acquire(void) {
    if (!in_panic) {
        spin_lock(&lock);
    }
}

static void release(void) {
    if (!in_panic) {
        spin_unlock(&lock);
    }
}

// The stamp is taken under the lock, so that the lines' times ascend.
static void add_line(const char *text, size_t length) {
    char stamp[STAMP_BYTES];
    acquire();
    uint64_t now_us = (uint64_t)clock_now() / 1000;
    text_format(stamp, sizeof(stamp), "[%5lu.%06lu] ", now_us / 1000000, now_us % 1000000);
    append(stamp, strlen(stamp));
    append(text, length);
    append("\n", 1);
    release();
}

void log_line(const char *format, ...) {
    char line[LINE_BYTES];
    __builtin_va_list args;
    __builtin_va_start(args, format);
    int length = text_format_v(line, sizeof(line), format, args);
    __builtin_va_end(args);
    add_line(line, MIN((size_t)length, sizeof(line) - 1));
}

void log_text(const char *text, size_t bytes) {
    char line[LINE_BYTES];
    bytes = MIN(bytes, sizeof(line));
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        line[i] = c < ' ' || c == 0x7f ? '?' : text[i];
    }
    add_line(line, bytes);
}

size_t log_copy(uint64_t *position, char *buffer, size_t size) {
    size_t copied = 0;
    acquire();
    *position = MIN(MAX(*position, tail), head);
    while (*position < head) {
        size_t length = 1;
        while (ring_byte(*position + length - 1) != '\n') {
            length++;
        }
        if (length > size - copied) {
            break;
        }
        for (size_t i = 0; i < length; i++) {
            buffer[copied++] = ring_byte(*position + i);
        }
        *position += length;
    }
    release();
    return copied;
}

void log_enter_panic(void) {
    __atomic_store_n(&in_panic, true, __ATOMIC_RELEASE);
    if (__atomic_load_n(&lock.word, __ATOMIC_RELAXED) != 0) {
        arch_serial_write("\n", 1); // whoever was stopped was in the middle of a line
    }
}
