// SPDX-License-Identifier: MIT
//
// Formatting into a bounded buffer, for kernel and user space: the part of printf that logs need.
//
//   %s %c %d %i %u %x %p %%   with l, ll, z, a width, the flags 0 and -, and a precision for %s
//
// Anything else in the format is copied as it stands, so that a mistake shows in the text.
#pragma once

#include <stdarg.h>
#include <stddef.h>

// Formats into `out`, which is zero-terminated unless `size` is 0. Returns the length that the
// whole text has, which may be more than fitted. %s of a null pointer gives "(null)".
int text_format(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int text_format_v(char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
