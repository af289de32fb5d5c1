// SPDX-License-Identifier: MIT
//
// The program's memory. Everything here fails on a bad address instead of faulting
// (entry/access.S). Addresses must end below LINUX_ADDR_MAX, so that a program does not reach the
// libos by an argument.
#pragma once

#include <abi/libos.h>
#include <stdbool.h>

// entry/access.S; checked uses are below.
size_t access_copy(void *to, const void *from, size_t bytes);
size_t access_clear(void *to, size_t bytes);
int64_t access_string(char *to, const char *from, size_t max);
status_t access_load32(const uint32_t *from, uint32_t *value);
status_t access_load64(const uint64_t *from, uint64_t *value);
status_t access_store8(uint8_t *to, uint8_t value);
status_t access_store32(uint32_t *to, uint32_t value);
status_t access_store64(uint64_t *to, uint64_t value);
status_t access_cas32(uint32_t *at, uint32_t *expected, uint32_t wanted);
status_t access_save_vectors(void *area, uint64_t mask);
status_t access_load_vectors(const void *area, uint64_t mask);

// Whether a range lies in the program's part of the address space.
static inline bool user_range(uint64_t addr, uint64_t bytes) {
    return addr <= LINUX_ADDR_MAX && bytes <= LINUX_ADDR_MAX - addr;
}

// Copies from the program, to the program. False: EFAULT, and nothing is promised of what was
// copied.
[[nodiscard]] static inline bool copy_in(void *to, uint64_t from, size_t bytes) {
    return user_range(from, bytes) && access_copy(to, (const void *)from, bytes) == 0;
}
[[nodiscard]] static inline bool copy_out(uint64_t to, const void *from, size_t bytes) {
    return user_range(to, bytes) && access_copy((void *)to, from, bytes) == 0;
}
[[nodiscard]] static inline bool load_user32(uint64_t from, uint32_t *value) {
    return user_range(from, 4) && access_load32((const uint32_t *)from, value) == 0;
}
[[nodiscard]] static inline bool load_user64(uint64_t from, uint64_t *value) {
    return user_range(from, 8) && access_load64((const uint64_t *)from, value) == 0;
}
[[nodiscard]] static inline bool store_user32(uint64_t to, uint32_t value) {
    return user_range(to, 4) && access_store32((uint32_t *)to, value) == 0;
}
[[nodiscard]] static inline bool store_user64(uint64_t to, uint64_t value) {
    return user_range(to, 8) && access_store64((uint64_t *)to, value) == 0;
}

// Copies a string with its zero into `to`. Returns its length, -EFAULT, or -ENAMETOOLONG when it
// has no end within `size` bytes.
[[nodiscard]] int64_t copy_string_in(char *to, uint64_t from, size_t size);
