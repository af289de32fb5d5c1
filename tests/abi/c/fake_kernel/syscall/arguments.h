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
#define STEP_MADE 77         // what a call gives that restarts with less to do

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

struct handle_entry {
    struct object *object;
};

status_t self_lookup(handle_t handle, uint8_t type, uint32_t rights, struct handle_entry *out);
uint32_t handle_entry_rights(const struct handle_entry *entry);
// What is made stands for itself: its address is the handle, and that of the first the pair.
int64_t self_insert(struct object *object, uint32_t rights);
int64_t self_insert_pair(struct object *first, uint32_t first_rights, struct object *second,
                         uint32_t second_rights);
int64_t self_restart_with(unsigned index, uint64_t value);
struct handle_table *self_table(void);
struct thread *thread_self(void);
uint64_t self_provider(void);
status_t copy_in(void *dst, vaddr_t src, size_t bytes);
status_t copy_out(vaddr_t dst, const void *src, size_t bytes);

#define FAKE_OBJECT(name, tag)                                                                     \
    static inline struct tag *name##_from(struct object *object) {                                 \
        return (struct tag *)object;                                                               \
    }                                                                                              \
    static inline struct object *name##_object(struct tag *it) {                                   \
        return (struct object *)it;                                                                \
    }                                                                                              \
    static inline struct tag *self_##name(void) {                                                  \
        return (struct tag *)(uintptr_t)SELF_ADDRESS;                                              \
    }

#include <fake_handlers.h> // written by the test: FAKE_OBJECT for each, and shared handlers
