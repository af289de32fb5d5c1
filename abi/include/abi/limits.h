// SPDX-License-Identifier: MIT
//
// Bounds that native calls check, each with the reason for its size.
#pragma once

#include <abi/types.h>

// object_wait_many: items a call. Each costs the caller's job 48 bytes while it waits.
#define WAIT_MANY_MAX 1024

// stream_create: least and greatest capacity. The least holds one atomic write.
#define STREAM_MIN_BYTES 4096UL
#define STREAM_MAX_BYTES (1UL << 20)
// stream_write: up to so many bytes go in whole or not at all (PIPE_BUF of Linux).
#define STREAM_ATOMIC_BYTES 4096UL
// stream_read, stream_write of bytes: one call moves at most so many, to bound its time.
#define STREAM_STEP_BYTES 65536UL

// event_signal, channel_signal: the bits that users may change. The last one is the kernel's.
#define SIGNALS_USER 0x7fffffffu

// timer_set: the shortest interval, so that a timer can't keep a CPU busy.
#define TIMER_MIN_INTERVAL MICROSECONDS(100)

// log_write: the longest line. log_read: the least buffer, which holds such a line with its time.
#define LOG_LINE_MAX 240
#define LOG_READ_MIN_BYTES (LOG_LINE_MAX + 32)

// random_get: bytes a call.
#define RANDOM_MAX_BYTES 4096UL

// vmo_create: the largest vmo.
#define VMO_MAX_BYTES (1ULL << 40)
// aspace_read, vmo_write, call_read and their like: bytes a call, to bound its time.
#define COPY_MAX_BYTES (1ULL << 20)
