// SPDX-License-Identifier: MIT
//
// What every kernel file may use: scalar types, status codes, assertions, small macros.
#pragma once

#include <abi/status.h>
#include <abi/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define ALIGN_DOWN(x, a) ((x) & ~((typeof(x))(a)-1))
#define ALIGN_UP(x, a) ALIGN_DOWN((x) + ((typeof(x))(a)-1), a)
#define IS_ALIGNED(x, a) (((x) & ((typeof(x))(a)-1)) == 0)
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define CACHE_LINE 64

// Outcomes that never leave the kernel; the entry code acts on them.
enum internal_status {
    // The thread is parked: its result will be written by whoever wakes it, or it restarts.
    STATUS_PARKED = -1000,
    // The entry changed nothing that shows: run it again when the thread runs next.
    STATUS_RESTART = -1001,
    // A user copy met a page that only a pager can bring: the thread is to wait for it and restart.
    STATUS_PAGE_WAIT = -1002,
    // The thread has a new register set (thread_resume, upcall): write no result.
    STATUS_RESUMED = -1003,
};

// Ends the system with a message, a backtrace, and the log's tail on the serial port.
_Noreturn void panic(const char *format, ...) PRINTF(1, 2);

// An invariant that holds unless the kernel has a bug. Compiled in with DEBUG.
#ifdef DEBUG
#define assert(cond)                                                                               \
    do {                                                                                           \
        if (unlikely(!(cond))) {                                                                   \
            panic("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__);                      \
        }                                                                                          \
    } while (0)
#else
#define assert(cond)                                                                               \
    do {                                                                                           \
        (void)sizeof(cond);                                                                        \
    } while (0)
#endif

// memcpy and friends; lib/string.c.
void *memcpy(void *dst, const void *src, size_t bytes);
void *memmove(void *dst, const void *src, size_t bytes);
void *memset(void *dst, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
