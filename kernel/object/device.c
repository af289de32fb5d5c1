// SPDX-License-Identifier: MIT
//
// Devices: a range of registers and the lines of their interrupts. The kernel makes them at boot;
// whoever has the handle drives the device.
//
// device_move is what makes a driver expendable: bytes leave the device and arrive in the ring, or
// the other way, in one kernel entry that nothing interrupts. The ring's indices are read once and
// stored once, the last thing of all. The ring lies in memory that others write, so a wrong index
// gives an error or spoils bytes, and no more.
#include <arch/device.h>
#include <arch/interrupt.h>
#include <mm/slab.h>
#include <mm/vmo.h>
#include <object/device.h>
#include <object/job.h>

static struct slab_cache device_cache = SLAB_CACHE(struct device, "device");

static const struct object_ops device_ops = {
    .name = "device",
    .type = OBJECT_DEVICE,
    .cache = &device_cache,
};

status_t device_create_serial(struct job *job, uint32_t index, struct object **out) {
    status_t status = object_create(&device_ops, job, 0, out);
    if (status != OK) {
        return status;
    }
    struct device *device = device_from(*out);
    device->line = INTERRUPT_LINES_MAX;
    if (arch_serial_find(index, &device->base, &device->line)) {
        device->register_count = SERIAL_REGISTERS;
    }
    return OK;
}

// Copies between the ring's bytes at an index and `bytes`, in two pieces where it wraps around.
static status_t ring_bytes(struct vmo *vmo, const struct device_move *move, uint32_t index,
                           uint8_t *bytes, uint32_t count, bool write) {
    assert(count <= move->ring_bytes);
    for (uint32_t done = 0; done < count;) {
        uint32_t at = (index + done) & (move->ring_bytes - 1);
        uint32_t piece = MIN(count - done, move->ring_bytes - at);
        int64_t copied = write ? vmo_write(vmo, move->data_offset + at, bytes + done, piece)
                               : vmo_read(vmo, move->data_offset + at, bytes + done, piece);
        if (copied != (int64_t)piece) {
            return copied < 0 ? (status_t)copied : ERR_OUT_OF_RANGE;
        }
        done += piece;
    }
    return OK;
}

// Moves up to `count` bytes while the device is ready. Returns how many.
static uint32_t fifo_move(const struct device *device, uint32_t reg, const struct device_move *move,
                          uint8_t *bytes, uint32_t count, bool receive) {
    assert(count <= DEVICE_STEP_BYTES && move->burst != 0);
    uint32_t done = 0;
    while (done < count &&
           (arch_register_read(device->base + move->status_reg) & move->status_mask) != 0) {
        for (uint32_t i = 0; i < move->burst && done < count; i++, done++) {
            if (receive) {
                bytes[done] = arch_register_read(device->base + reg);
            } else {
                arch_register_write(device->base + reg, bytes[done]);
            }
        }
    }
    return done;
}

static status_t move_check(const struct device *device, struct vmo *vmo,
                           const struct device_move *move) {
    if (move->ring_bytes < DEVICE_RING_MIN_BYTES || move->ring_bytes > DEVICE_RING_MAX_BYTES ||
        (move->ring_bytes & (move->ring_bytes - 1)) != 0 || move->burst == 0 ||
        move->index_offset % sizeof(struct device_ring) != 0 || move->reserved != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    uint64_t size = vmo_size(vmo);
    if (move->status_reg >= device->register_count || move->index_offset >= size ||
        move->data_offset > size || size - move->data_offset < move->ring_bytes) {
        return ERR_OUT_OF_RANGE;
    }
    return OK;
}

int64_t device_move(const struct device *device, uint32_t reg, struct vmo *vmo,
                    const struct device_move *move, bool receive) {
    uint8_t bytes[DEVICE_STEP_BYTES] = {0};
    uint32_t written;
    uint32_t read;
    status_t status = move_check(device, vmo, move);
    uint64_t written_at = move->index_offset + offsetof(struct device_ring, written);
    uint64_t read_at = move->index_offset + offsetof(struct device_ring, read);
    status = status == OK ? vmo_word(vmo, written_at, false, &written) : status;
    status = status == OK ? vmo_word(vmo, read_at, false, &read) : status;
    if (status != OK) {
        return status;
    }
    uint32_t used = written - read;
    if (used > move->ring_bytes) {
        return ERR_CORRUPT;
    }
    uint32_t index = receive ? written : read;
    uint32_t count = MIN(receive ? move->ring_bytes - used : used, DEVICE_STEP_BYTES);
    // Into free bytes go zeros first: what could fail has failed before the device loses a byte.
    status = ring_bytes(vmo, move, index, bytes, count, receive);
    if (status != OK) {
        return status;
    }
    count = fifo_move(device, reg, move, bytes, count, receive);
    status = receive ? ring_bytes(vmo, move, index, bytes, count, true) : OK;
    index += count;
    status = status == OK ? vmo_word(vmo, receive ? written_at : read_at, true, &index) : status;
    return status == OK ? (int64_t)count : status;
}
