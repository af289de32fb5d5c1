// SPDX-License-Identifier: MIT
//
// Events: 31 signals for their users, and a 32nd that tells one event of a pair that the other has
// gone.
#pragma once

#include <abi/limits.h>
#include <abi/objects.h>
#include <object/object.h>

struct job;

// Creates an event without a peer. The caller gets its reference. LIMIT, NO_MEMORY.
[[nodiscard]] status_t event_create(struct job *job, uint64_t provider, struct object **out);
// Creates two events. When the last handle of one is closed the other shows PEER_CLOSED. The caller
// gets a reference on each. LIMIT, NO_MEMORY.
[[nodiscard]] status_t event_pair_create(struct job *job, uint64_t provider, struct object **first,
                                         struct object **second);
// Clears, then sets bits of SIGNALS_USER. Returns the signals before. No lock held.
uint32_t event_signal(struct object *event, uint32_t clear, uint32_t set);
