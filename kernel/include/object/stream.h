// SPDX-License-Identifier: MIT
//
// Streams: bounded queues of bytes or of records between two ends, each an object of its own.
#pragma once

#include <object/object.h>

struct job;

// Creates a stream of STREAM_MIN_BYTES to STREAM_MAX_BYTES a direction and gives its ends: the read
// and the write end, or with STREAM_DUPLEX two equal ones. The caller gets a reference on each.
// LIMIT, NO_MEMORY.
[[nodiscard]] status_t stream_create(struct job *job, size_t capacity_bytes, uint32_t flags,
                                     uint64_t provider, struct object **first,
                                     struct object **second);

// Ends directions, SHUT_ flags of a duplex stream; no lock held. OK.
status_t stream_shut(struct object *end, uint32_t flags);

struct stream_info; // abi/info.h
// Tells what has gone through the ring that an end reads; zeros when it reads none.
void stream_describe(struct object *end, struct stream_info *info);

// See the native calls of the same names. They restart after a wait. No lock held.
// Return bytes, or: STATUS_PARKED; STATUS_RESTART (somebody else is at work in the ring);
// WOULD_BLOCK; TIMED_OUT; INTERRUPTED; PEER_CLOSED; OUT_OF_RANGE; ACCESS_DENIED (the wrong end);
// LIMIT and NO_MEMORY (write, for the ring's pages); BAD_HANDLE (closed meanwhile); those of user
// copies.
int64_t stream_read(struct object *end, vaddr_t buffer, size_t size, instant_t deadline,
                    uint32_t flags);
int64_t stream_write(struct object *end, vaddr_t buffer, size_t size, instant_t deadline,
                     uint32_t flags);
