// SPDX-License-Identifier: MIT
//
// Runs the generated dispatch on the host: handlers.h notes what each handler was given, cases.h
// lists register contents with the result and the handler's arguments wanted.
#include "fake_kernel/syscall/arguments.h"

#include <stdio.h>
#include <string.h>
#include <syscall_handlers.h>

#include <abi/flags.h>
#include <abi/limits.h>
#include <abi/objects.h>
#include <abi/rights.h>
#include <abi/status.h>

struct noted noted;

static uint64_t seen[6];   // what the handler was given, as registers
static size_t out_slot[6]; // which of them are records that are copied out later
static size_t out_slots;
static int wrong; // a look-up for another type or with other rights, or rights not passed on

status_t self_lookup(handle_t handle, uint8_t type, uint32_t rights, struct handle_entry *out) {
    noted.lookup[noted.lookups].handle = handle;
    noted.lookup[noted.lookups].type = type;
    noted.lookup[noted.lookups++].rights = rights;
    out->object = (struct object *)(uintptr_t)handle;
    return handle == BAD_HANDLE_VALUE ? ERR_BAD_HANDLE : OK;
}

uint32_t handle_entry_rights(const struct handle_entry *entry) {
    (void)entry;
    return RIGHTS_CARRIED;
}

int64_t self_insert(struct object *object, uint32_t rights) {
    wrong |= rights == 0;
    return (intptr_t)object;
}

int64_t self_insert_pair(struct object *first, uint32_t first_rights, struct object *second,
                         uint32_t second_rights) {
    wrong |= first_rights == 0 || second_rights == 0 || second != NULL;
    return (intptr_t)first;
}

int64_t self_restart_with(unsigned index, uint64_t value) {
    wrong |= seen[index] != value + 1;
    return STEP_MADE;
}

struct handle_table *self_table(void) {
    return (struct handle_table *)SELF_ADDRESS;
}

struct thread *thread_self(void) {
    return (struct thread *)SELF_ADDRESS;
}

uint64_t self_provider(void) {
    return SELF_ADDRESS;
}

status_t copy_in(void *dst, vaddr_t src, size_t bytes) {
    memset(dst, 0x11, bytes);
    noted.in[noted.ins++] = src;
    return src == 0 ? ERR_FAULT : OK;
}

status_t copy_out(vaddr_t dst, const void *src, size_t bytes) {
    wrong |= src == NULL || bytes == 0;
    seen[out_slot[noted.outs++]] = dst;
    return dst == 0 ? ERR_FAULT : OK;
}

// For the handlers: that an object was looked up in this call, and as what.
static void check_lookup(const void *object, uint8_t type, uint32_t rights) {
    for (size_t i = 0; i < noted.lookups; i++) {
        if (noted.lookup[i].handle == (uintptr_t)object) {
            wrong |= noted.lookup[i].type != type || noted.lookup[i].rights != rights;
            return;
        }
    }
    wrong = 1;
}

#include <handlers.h>

struct test_case {
    uint64_t number;
    uint64_t args[6];
    int64_t wanted;
    uint64_t seen[6]; // all zero: the handler is not reached
};

static const struct test_case cases[] = {
#include <cases.h>
};

int main(void) {
    size_t count = sizeof(cases) / sizeof(cases[0]);
    for (size_t i = 0; i < count; i++) {
        memset(seen, 0, sizeof(seen));
        memset(&noted, 0, sizeof(noted));
        out_slots = 0;
        int64_t result = syscall_dispatch(cases[i].number, cases[i].args);
        if (wrong || result != cases[i].wanted || memcmp(seen, cases[i].seen, sizeof(seen)) != 0) {
            printf("case %zu: call %llx gave %lld\n", i, (unsigned long long)cases[i].number,
                   (long long)result);
            return 1;
        }
    }
    printf("%zu cases\n", count);
    return 0;
}
