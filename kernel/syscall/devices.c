// SPDX-License-Identifier: MIT
//
// Native calls of the group "devices".
#include <arch/device.h>
#include <kernel/syscall_handlers.h>
#include <mm/vmo.h>
#include <object/device.h>
#include <sched/current.h>

int64_t sys_interrupt_create(struct object *device, uint32_t index) {
    struct object *interrupt;
    if (index != 0) {
        return ERR_OUT_OF_RANGE;
    }
    status_t status =
        interrupt_create(device_from(device)->line, self_job(), self_provider(), &interrupt);
    int64_t handle = status == OK ? self_insert(interrupt, RIGHTS_INTERRUPT) : status;
    if (handle > 0) {
        (void)interrupt_ack(interrupt); // unmasks it
    }
    return handle;
}

int64_t sys_device_port(struct object *object, uint32_t op, uint32_t reg, uint32_t value,
                        const struct device_move *move) {
    const struct device *device = device_from(object);
    struct handle_entry vmo;
    if (reg >= device->register_count || value > UINT8_MAX) {
        return ERR_OUT_OF_RANGE;
    }
    if (op == DEVICE_READ) {
        return arch_register_read(device->base + reg);
    }
    if (op == DEVICE_WRITE) {
        arch_register_write(device->base + reg, (uint8_t)value);
        return OK;
    }
    if ((op != DEVICE_RECEIVE && op != DEVICE_TRANSMIT) || move == NULL) {
        return ERR_INVALID_ARGUMENT;
    }
    status_t status = self_lookup(move->vmo, OBJECT_VMO, RIGHT_READ | RIGHT_WRITE, &vmo);
    return status == OK ? device_move(device, reg, vmo_from(vmo.object), move, op == DEVICE_RECEIVE)
                        : status;
}
