// SPDX-License-Identifier: MIT
//
// Native calls of the group "streams".
#include <abi/flags.h>
#include <abi/limits.h>
#include <kernel/syscall_handlers.h>
#include <object/stream.h>
#include <syscall/syscall.h>

int64_t sys_stream_create(size_t capacity, uint32_t flags) {
    if (capacity < STREAM_MIN_BYTES || capacity > STREAM_MAX_BYTES) {
        return ERR_OUT_OF_RANGE;
    }
    struct object *first;
    struct object *second;
    status_t status =
        stream_create(self_job(), capacity, flags, self_process()->provider, &first, &second);
    if (status != OK) {
        return status;
    }
    bool duplex = (flags & STREAM_DUPLEX) != 0;
    int64_t pair;
    status = handle_insert_pair(self_table(), first,
                                duplex ? RIGHTS_STREAM : RIGHTS_STREAM & ~RIGHT_WRITE, second,
                                duplex ? RIGHTS_STREAM : RIGHTS_STREAM & ~RIGHT_READ, &pair);
    return status == OK ? pair : status;
}

int64_t sys_stream_read(handle_t stream, vaddr_t buffer, size_t size, instant_t deadline,
                        uint32_t flags) {
    struct object *object;
    status_t status = self_lookup(stream, OBJECT_STREAM, RIGHT_READ, &object);
    return status == OK ? stream_read(object, buffer, size, deadline, flags) : status;
}

int64_t sys_stream_write(handle_t stream, vaddr_t buffer, size_t size, instant_t deadline,
                         uint32_t flags) {
    if ((flags & IO_PEEK) != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    struct object *object;
    status_t status = self_lookup(stream, OBJECT_STREAM, RIGHT_WRITE, &object);
    return status == OK ? stream_write(object, buffer, size, deadline, flags) : status;
}
