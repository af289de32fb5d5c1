// SPDX-License-Identifier: MIT
//
// Stores into a vault: all of them go through these functions.
//
// Memory survives the death of a server just as the processor left it, and the successor maps it
// only after every thread of the dead one has left every CPU. So what counts is the order in which
// the compiler lets the stores happen, and nothing else: no flush, no fence of the processor.
//
// The simulator puts a header of the same name before this one (tests/sim/include), in which each
// word that is stored, and each server_point, is a place where the server may be killed.
#pragma once

#include <stdint.h>
#include <sys/string.h>

#define server_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)

// A place where it is worth dying, for the simulator.
static inline void server_point(void) {
}

// Dies by a fault.
#define server_trap() __builtin_trap()

// Stores bytes. A kill may leave any part of them stored.
static inline void vault_store(void *place, const void *data, size_t bytes) {
    server_order();
    __builtin_memcpy(place, data, bytes);
    server_order();
}

static inline void vault_zero(void *place, size_t bytes) {
    server_order();
    memset(place, 0, bytes);
    server_order();
}

// Stores a word: wholly or not at all.
static inline void vault_store_64(uint64_t *place, uint64_t value) {
    __atomic_store_n(place, value, __ATOMIC_RELEASE);
    server_order();
}

static inline void vault_store_16(uint16_t *place, uint16_t value) {
    __atomic_store_n(place, value, __ATOMIC_RELEASE);
    server_order();
}
