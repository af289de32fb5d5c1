// SPDX-License-Identifier: MIT
//
// Native calls of the group "streams".
#include <abi/flags.h>
#include <kernel/syscall_handlers.h>
#include <object/stream.h>
#include <sched/current.h>

int64_t sys_stream_create(size_t capacity, uint32_t flags) {
    struct object *first;
    struct object *second;
    status_t status = stream_create(self_job(), capacity, flags, self_provider(), &first, &second);
    if (status != OK) {
        return status;
    }
    bool duplex = (flags & STREAM_DUPLEX) != 0;
    return self_insert_pair(first, duplex ? RIGHTS_STREAM : RIGHTS_STREAM & ~RIGHT_WRITE, second,
                            duplex ? RIGHTS_STREAM : RIGHTS_STREAM & ~RIGHT_READ);
}
