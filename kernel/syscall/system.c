// SPDX-License-Identifier: MIT
//
// Native calls of the group "system": the log, randomness, power, the clock.
#include <abi/limits.h>
#include <arch/boot.h>
#include <arch/clock.h>
#include <debug/log.h>
#include <kernel/syscall_handlers.h>
#include <lib/random.h>
#include <mm/vmo.h>
#include <object/log.h>
#include <object/system.h>
#include <syscall/syscall.h>

// Bytes that are copied at a time; the log's must hold a line.
#define LOG_CHUNK 1024
#define RANDOM_CHUNK 256
static_assert(LOG_CHUNK >= LOG_READ_MIN_BYTES, "a chunk holds the longest line");

int64_t sys_log_write(handle_t log, vaddr_t text, size_t size) {
    struct object *object;
    char line[LOG_LINE_MAX];
    status_t status = self_lookup(log, OBJECT_LOG, RIGHT_WRITE, &object);
    if (status != OK) {
        return status;
    }
    if (size == 0 || size > LOG_LINE_MAX) {
        return ERR_OUT_OF_RANGE;
    }
    status = copy_in(line, text, size);
    if (status == OK) {
        log_text(line, size);
        log_object_notify(object);
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

int64_t sys_log_read(handle_t log, vaddr_t position, vaddr_t buffer, size_t size) {
    struct object *object;
    uint64_t at;
    status_t status = self_lookup(log, OBJECT_LOG, RIGHT_READ, &object);
    if (status != OK) {
        return status;
    }
    if (size < LOG_READ_MIN_BYTES) {
        return ERR_BUFFER_TOO_SMALL;
    }
    status = copy_in(&at, position, sizeof(at));
    if (status != OK) {
        return status;
    }
    int64_t bytes = read_lines(&at, buffer, size);
    if (bytes > 0) {
        status = copy_out(position, &at, sizeof(at));
    }
    return status == OK ? bytes : status;
}

int64_t sys_random_get(vaddr_t buffer, size_t size) {
    uint8_t chunk[RANDOM_CHUNK];
    status_t status = OK;
    if (size > RANDOM_MAX_BYTES) {
        return ERR_OUT_OF_RANGE;
    }
    for (size_t done = 0; done < size && status == OK; done += sizeof(chunk)) {
        size_t bytes = MIN(size - done, sizeof(chunk));
        random_fill(chunk, bytes);
        status = copy_out(buffer + done, chunk, bytes);
    }
    return status;
}

int64_t sys_system_control(handle_t system, uint32_t op, uint64_t value) {
    struct object *object;
    status_t status = self_lookup(system, OBJECT_SYSTEM, RIGHT_MANAGE, &object);
    if (status != OK) {
        return status;
    }
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
    case SYSTEM_CHECK:
        return (int64_t)system_check();
    case SYSTEM_EXIT:
        arch_emulator_exit((uint32_t)value);
    default:
        return ERR_INVALID_ARGUMENT;
    }
}

int64_t sys_clock_get(void) {
    return clock_now();
}
