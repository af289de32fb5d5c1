// SPDX-License-Identifier: MIT
//
// What went into the queue and what came out of it, by the clients' word alone.
#pragma once

#include <stdint.h>

void journal_clear(void);
// An item is about to be put; its number, which is also its sequence.
uint64_t journal_begin(uint64_t source);
// It was put, at this position; it was certainly not put; its client was killed in the call.
void journal_put(uint64_t item, uint64_t position);
void journal_refused(uint64_t item);
void journal_unknown(uint64_t item);
// An item was taken.
void journal_taken(uint64_t source, uint64_t item, uint64_t position);
// A client was killed while it took: one item may be gone with it, at one of these positions.
// `taken`: how many had been taken when its call began; `put`: how many had been put when it was
// killed.
void journal_taker_gone(uint64_t taken, uint64_t put);
// At the end: each item that was put was taken, once, in the order of its source.
void journal_check(void);
