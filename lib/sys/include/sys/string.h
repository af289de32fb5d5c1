// SPDX-License-Identifier: MIT
//
// Bytes and strings, as in the C standard. The compiler calls the first four by itself.
#pragma once

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t bytes);
void *memmove(void *dst, const void *src, size_t bytes);
void *memset(void *dst, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
// The first place of the character, or null.
char *strchr(const char *s, int c);

// Copies as much of `src` as fits and always ends it with a zero. Returns whether all of it fitted.
bool text_copy(char *dst, size_t size, const char *src);
