// SPDX-License-Identifier: MIT
//
// What the address sanitizer wants to know of stacks that are switched by hand. Nothing without it.
#pragma once

#include <stddef.h>

#ifdef __has_feature
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define sanitizer_start_switch __sanitizer_start_switch_fiber
#define sanitizer_finish_switch __sanitizer_finish_switch_fiber
#define sanitizer_unpoison __asan_unpoison_memory_region
#else
static inline void sanitizer_start_switch(void **save, const void *bottom, size_t bytes) {
    (void)save, (void)bottom, (void)bytes;
}
static inline void sanitizer_finish_switch(void *save, const void **bottom, size_t *bytes) {
    (void)save, (void)bottom, (void)bytes;
}
static inline void sanitizer_unpoison(void *memory, size_t bytes) {
    (void)memory, (void)bytes;
}
#endif
