// SPDX-License-Identifier: MIT
//
// Stands in for lib/server/include/server/point.h: each word stored into a vault is a point at
// which the server may die, before and after it.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/string.h>

#define PAGE_BYTES 4096

// May not return.
void sim_point(void);
void sim_trap(void);

#define server_point sim_point
#define server_trap sim_trap

static inline void vault_store(void *place, const void *data, size_t bytes) {
    sim_point();
    while (bytes > 0) {
        size_t piece = bytes < 8 ? bytes : 8;
        memcpy(place, data, piece);
        sim_point();
        place = (uint8_t *)place + piece;
        data = (const uint8_t *)data + piece;
        bytes -= piece;
    }
}

static inline void vault_zero(void *place, size_t bytes) {
    sim_point();
    while (bytes > 0) {
        size_t piece = bytes < PAGE_BYTES ? bytes : PAGE_BYTES;
        memset(place, 0, piece);
        sim_point();
        place = (uint8_t *)place + piece;
        bytes -= piece;
    }
}

static inline void vault_store_64(uint64_t *place, uint64_t value) {
    sim_point();
    *place = value;
    sim_point();
}

static inline void vault_store_16(uint16_t *place, uint16_t value) {
    sim_point();
    *place = value;
    sim_point();
}
