// SPDX-License-Identifier: MIT
//
// Devices and their interrupts. See the native calls of the group "devices".
#pragma once

#include <abi/device.h>
#include <object/object.h>

struct job;
struct vmo;

struct device {
    struct object object;
    uint32_t base; // fixed, all of it: the first register, see arch/device.h
    uint32_t register_count;
    uint32_t line; // of its one interrupt
};

static inline struct device *device_from(struct object *object) {
    return container_of(object, struct device, object);
}

// Makes the device of serial port `index`; it has no registers and no interrupt when the machine
// has no such port. The caller gets its reference. LIMIT, NO_MEMORY.
[[nodiscard]] status_t device_create_serial(struct job *job, uint32_t index, struct object **out);
// RECEIVE (into the ring) or TRANSMIT of device_port. Returns bytes or an error of the call. No
// lock held.
int64_t device_move(const struct device *device, uint32_t reg, struct vmo *vmo,
                    const struct device_move *move, bool receive);

// Takes interrupt line `line`; it stays masked until interrupt_ack. The caller gets its reference,
// for a handle. ALREADY_EXISTS, NOT_SUPPORTED, LIMIT, NO_MEMORY.
[[nodiscard]] status_t interrupt_create(uint32_t line, struct job *job, uint64_t provider,
                                        struct object **out);
// Clears PENDING and the count, unmasks the line, and returns the count. No lock held.
uint64_t interrupt_ack(struct object *interrupt);
