// SPDX-License-Identifier: MIT
//
// What servers of protocol fs have in common.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/string.h>

// The arguments of a handler with a request, a reply and no handles.
#define OPERATION_ARGUMENTS(op)                                                                    \
    void *context, const struct packet *packet, const struct fs_##op##_request *request,           \
        struct fs_##op##_reply *reply

// An entry of a listing, as getdents64 of Linux has it: `bytes` is its length, a multiple of 8, and
// the name ends with a zero.
struct file_entry {
    uint64_t inode;
    uint64_t cursor; // behind it
    uint16_t bytes;
    uint8_t type; // FS_TYPE_
    char name[];
} __attribute__((packed));
static_assert(offsetof(struct file_entry, name) == 19, "struct file_entry is ABI");

// Begins an entry with a name of so many bytes, whose `inode`, `cursor` and `type` are those of
// `as`, in `room` bytes; the name is to be copied to `name`. Null: it does not fit.
static inline struct file_entry *
file_entry_begin(char *at, uint32_t room, const struct file_entry *as, uint32_t name_bytes) {
    uint32_t bytes = ((uint32_t)sizeof(*as) + name_bytes + 1 + 7) & ~7u;
    if (bytes > room) {
        return NULL;
    }
    memset(at + bytes - 8, 0, 8); // the end of the name, and what fills up
    struct file_entry *entry = (struct file_entry *)at;
    *entry = *as;
    entry->bytes = (uint16_t)bytes;
    return entry;
}
