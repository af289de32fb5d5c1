// SPDX-License-Identifier: MIT
//
// How the programs of these tests print and call. What they print must be the same on each run and
// on each kernel that behaves alike: no addresses, process ids, times.
//
// Everything is written at once by write(2), so that the output before a crash is never lost in a
// buffer, and that libcs without stdio streams worth the name can be used.
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A Linux call without a libc in between: the result, or the negative of an error.
static inline long raw6(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
// raw(NUMBER, up to six arguments of any integer or pointer type)
#define raw(...) RAW_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define RAW_PICK(n, a, b, c, d, e, f, ...)                                                         \
    raw6((long)(n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline void write_all(int fd, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(fd, at, size);
        if (written <= 0) {
            _exit(99);
        }
        at += written;
        size -= (size_t)written;
    }
}

// A line or a part of one on standard output, at most 1,000 characters.
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...) {
    char text[1001];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    write_all(1, text, size < 1000 ? (size_t)size : 1000);
}

static inline const char *error_name(int error) {
    static const struct {
        int error;
        const char *name;
    } names[] = {
#define NAMED(error) {error, #error}
        NAMED(EPERM),
        NAMED(ENOENT),
        NAMED(ESRCH),
        NAMED(EINTR),
        NAMED(EIO),
        NAMED(ENXIO),
        NAMED(E2BIG),
        NAMED(ENOEXEC),
        NAMED(EBADF),
        NAMED(ECHILD),
        NAMED(EAGAIN),
        NAMED(ENOMEM),
        NAMED(EACCES),
        NAMED(EFAULT),
        NAMED(EBUSY),
        NAMED(EEXIST),
        NAMED(EXDEV),
        NAMED(ENODEV),
        NAMED(ENOTDIR),
        NAMED(EISDIR),
        NAMED(EINVAL),
        NAMED(ENFILE),
        NAMED(EMFILE),
        NAMED(ENOTTY),
        NAMED(ETXTBSY),
        NAMED(EFBIG),
        NAMED(ENOSPC),
        NAMED(ESPIPE),
        NAMED(EROFS),
        NAMED(EMLINK),
        NAMED(EPIPE),
        NAMED(EDOM),
        NAMED(ERANGE),
        NAMED(EDEADLK),
        NAMED(ENOLCK),
        NAMED(ENOSYS),
        NAMED(ENOTEMPTY),
        NAMED(ELOOP),
        NAMED(ENODATA),
        NAMED(EOVERFLOW),
        NAMED(EILSEQ),
        NAMED(ENOTSOCK),
        NAMED(EMSGSIZE),
        NAMED(EOPNOTSUPP),
        NAMED(ENOTCONN),
        NAMED(ETIMEDOUT),
        NAMED(EALREADY),
        NAMED(ECANCELED),
        NAMED(ENAMETOOLONG),
        NAMED(EADDRINUSE),
        NAMED(ECONNREFUSED),
        NAMED(ECONNRESET),
        NAMED(ESOCKTNOSUPPORT),
        NAMED(EAFNOSUPPORT),
        NAMED(EPROTONOSUPPORT),
#undef NAMED
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].error == error) {
            return names[i].name;
        }
    }
    return "another error";
}

// The result of a libc function: its value, or the name of errno for -1.
static inline void report(const char *what, long result) {
    if (result == -1) {
        say("%s: %s\n", what, error_name(errno));
    } else {
        say("%s: %ld\n", what, result);
    }
}

// The result of raw().
static inline void report_raw(const char *what, long result) {
    if (result < 0 && result >= -4095) {
        say("%s: %s\n", what, error_name((int)-result));
    } else {
        say("%s: %ld\n", what, result);
    }
}

// Whether a raw() succeeded, for results that differ from run to run.
static inline void report_done(const char *what, long result) {
    if (result < 0 && result >= -4095) {
        say("%s: %s\n", what, error_name((int)-result));
    } else {
        say("%s: done\n", what);
    }
}

static inline void check(const char *what, bool holds) {
    say("%s: %s\n", what, holds ? "yes" : "NO");
}

// A number for a stretch of bytes that differs when any byte does (FNV-1a).
static inline uint32_t digest(const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < size; i++) {
        value = (value ^ at[i]) * 16777619u;
    }
    return value;
}
