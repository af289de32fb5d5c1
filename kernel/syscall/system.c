// SPDX-License-Identifier: MIT
//
// Native calls of the group "system": the log, randomness, power, the clock.
#include <abi/limits.h>
#include <arch/boot.h>
#include <debug/log.h>
#include <kernel/syscall_handlers.h>
#include <lib/random.h>
#include <object/log.h>
#include <object/system.h>
#include <mm/user.h>

// Bytes that are copied at a time; the log's must hold a line.
#define LOG_CHUNK 1024
#define RANDOM_CHUNK 256
static_assert(LOG_CHUNK >= LOG_READ_MIN_BYTES, "a chunk holds the longest line");

int64_t sys_log_write(struct object *log, vaddr_t text, size_t size) {
    char line[LOG_LINE_MAX];
    status_t status = copy_in(line, text, size);
    if (status == OK) {
        log_text(line, size);
        log_object_notify(log);
    }
    return status;
}

// Copies lines out chunk by chunk. Returns bytes; moves *position.
static int64_t read_lines(uint64_t *position, vaddr_t buffer, size_t size) {
    char chunk[LOG_CHUNK];
    size_t done = 0;
    while (size - done >= LOG_READ_MIN_BYTES && done < COPY_MAX_BYTES) {
        size_t bytes = log_copy(position, chunk, MIN(size - done, sizeof(chunk)));
        if (bytes == 0) {
            break;
        }
        status_t status = copy_out(buffer + done, chunk, bytes);
        if (status != OK) {
            return status;
        }
        done += bytes;
    }
    return (int64_t)done;
}

int64_t sys_log_read(struct object *log, uint64_t *position, vaddr_t buffer, size_t size) {
    (void)log; // there is one ring
    return size < LOG_READ_MIN_BYTES ? ERR_BUFFER_TOO_SMALL : read_lines(position, buffer, size);
}

int64_t sys_random_get(vaddr_t buffer, size_t size) {
    uint8_t chunk[RANDOM_CHUNK];
    status_t status = OK;
    for (size_t done = 0; done < size && status == OK; done += sizeof(chunk)) {
        size_t bytes = MIN(size - done, sizeof(chunk));
        random_fill(chunk, bytes);
        status = copy_out(buffer + done, chunk, bytes);
    }
    return status;
}

int64_t sys_system_control(struct object *system, uint32_t op, uint64_t value) {
    (void)system; // there is one
    if (op == SYSTEM_EXIT && value > SYSTEM_EXIT_MAX) {
        return ERR_INVALID_ARGUMENT;
    }
    switch (op) {
    case SYSTEM_POWER_OFF:
        log_line("system: power off");
        arch_power_off();
    case SYSTEM_RESTART:
        log_line("system: restart");
        arch_restart();
    case SYSTEM_EXIT:
        arch_emulator_exit((uint32_t)value);
    default:
        return ERR_INVALID_ARGUMENT;
    }
}
