// SPDX-License-Identifier: MIT
//
// The scalar types of the native ABI. Everything that crosses a boundary is built from these.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifndef static_assert
#define static_assert _Static_assert
#endif

// A handle: bits 0-19 index into the table, bits 20-30 generation, bit 31 zero. 0 names nothing.
typedef uint32_t handle_t;
// 0 (OK) or a negative ERR_ constant of <abi/status.h>.
typedef int32_t status_t;
typedef uint64_t vaddr_t;
typedef uint64_t paddr_t;
// Nanoseconds on the monotonic clock since boot.
typedef int64_t instant_t;
// A span of nanoseconds.
typedef int64_t duration_t;

#define OK 0
#define HANDLE_NONE ((handle_t)0)
#define INSTANT_NEVER INT64_MAX
#define PAGE_SIZE 4096UL
#define PAGE_SHIFT 12

#define NANOSECONDS(n) ((duration_t)(n))
#define MICROSECONDS(n) ((duration_t)(n)*1000)
#define MILLISECONDS(n) ((duration_t)(n)*1000000)
#define SECONDS(n) ((duration_t)(n)*1000000000)
