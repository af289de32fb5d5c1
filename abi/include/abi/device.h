// SPDX-License-Identifier: MIT
//
// Rings between a driver and its client, in a vmo that both map, and how device_port finds them.
//
// A ring carries bytes one way. Its indices count bytes and wrap around at 2^32; byte n lies at n
// modulo the size. `written` belongs to the one who puts bytes in, `read` to the one who takes them
// out; each treats the other's as hostile.
#pragma once

#include <abi/types.h>

#define DEVICE_RING_MIN_BYTES 64U
#define DEVICE_RING_MAX_BYTES 65536U
// device_port: bytes that are moved at once, to bound the time with interrupts off.
#define DEVICE_STEP_BYTES 64U

struct device_ring {
    uint32_t written;
    uint32_t read;
};
static_assert(sizeof(struct device_ring) == 8, "struct device_ring is ABI");

// device_port, RECEIVE and TRANSMIT.
struct device_move {
    handle_t vmo;
    uint32_t ring_bytes;   // power of two, DEVICE_RING_MIN_BYTES to DEVICE_RING_MAX_BYTES
    uint64_t index_offset; // of the struct device_ring in the vmo; a multiple of 8
    uint64_t data_offset;  // of the ring's bytes
    uint32_t status_reg;   // the register that tells whether the device is ready
    uint32_t status_mask;  // ready when one of these bits is set
    uint32_t burst;        // bytes that may be moved each time it is found ready; not 0
    uint32_t reserved;
};
static_assert(sizeof(struct device_move) == 40, "struct device_move is ABI");
