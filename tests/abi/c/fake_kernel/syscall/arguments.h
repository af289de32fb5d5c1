// SPDX-License-Identifier: MIT
//
// What the kernel offers to the generated checks of arguments, faked: an object is found at the
// address that is its handle's number, and what was looked up and copied is noted. The handle
// BAD_HANDLE_VALUE and the address 0 are refused.
#pragma once

#include <abi/status.h>
#include <abi/types.h>
#include <stddef.h>
#include <stdint.h>

#define BAD_HANDLE_VALUE 0xbadu
#define RIGHTS_CARRIED 0x77u
#define SELF_ADDRESS 0x5e1fu // where the caller's own objects are

struct object;

struct noted {
    size_t lookups;
    struct {
        handle_t handle;
        uint8_t type;
        uint32_t rights;
    } lookup[6];
    size_t ins, outs;
    vaddr_t in[6], out[6];
};
extern struct noted noted;

status_t self_lookup(handle_t handle, uint8_t type, uint32_t rights, struct object **out);
status_t self_lookup_rights(handle_t handle, uint8_t type, uint32_t rights, struct object **out,
                            uint32_t *have);
status_t copy_in(void *dst, vaddr_t src, size_t bytes);
status_t copy_out(vaddr_t dst, const void *src, size_t bytes);

#define FAKE_OBJECT(name, tag)                                                                     \
    static inline struct tag *name##_from(struct object *object) {                                 \
        return (struct tag *)object;                                                               \
    }                                                                                              \
    static inline struct tag *self_##name(void) {                                                  \
        return (struct tag *)(uintptr_t)SELF_ADDRESS;                                              \
    }

#include <fake_handlers.h> // written by the test: FAKE_OBJECT for each, and shared handlers
