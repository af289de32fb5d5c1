// SPDX-License-Identifier: MIT
//
// Timers: a deadline, an interval, and a count of expiries that nobody has acknowledged yet.
#pragma once

#include <object/object.h>

struct job;
struct process;

// Creates a timer that is not armed. The caller gets its reference. LIMIT, NO_MEMORY.
[[nodiscard]] status_t timer_create(struct job *job, uint64_t provider, struct object **out);
// Disarms the timer, clears its count and EXPIRED, and arms it anew unless `deadline` is
// INSTANT_NEVER. `interval` 0 means once. It may fire up to `slack` late. INVALID_ARGUMENT, see the
// native call. No lock held.
int64_t timer_set(struct object *timer, instant_t deadline, duration_t interval, duration_t slack);
// From now on an expiry also latches `bits` in a thread of the caller's process; 0: in none. OK. No
// lock held.
int64_t timer_interrupt(struct object *timer, uint32_t bits);
// Returns the expiries since the last timer_set or timer_ack, and clears them and EXPIRED. No lock
// held.
uint64_t timer_ack(struct object *timer);
// The same without clearing. Any lock may be held.
uint64_t timer_count(const struct object *timer);
