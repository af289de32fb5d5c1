// SPDX-License-Identifier: MIT
//
// Plain loops, eight bytes at a time where that is simple: `rep movsb` is slow on machines without
// ERMS and under emulation. The barriers keep the compiler from recognising a loop as the very
// function that it stands in.

#include <sys/string.h>

#include <stdint.h>

#define BARRIER() __asm__ volatile("" ::: "memory")

// An eight-byte access at any address.
struct word {
    uint64_t value;
} __attribute__((packed, may_alias));

static void copy_up(uint8_t *dst, const uint8_t *src, size_t bytes) {
    for (; bytes >= 8; bytes -= 8, dst += 8, src += 8) {
        ((struct word *)dst)->value = ((const struct word *)src)->value;
        BARRIER();
    }
    for (; bytes > 0; bytes--) {
        *dst++ = *src++;
        BARRIER();
    }
}

static void copy_down(uint8_t *dst, const uint8_t *src, size_t bytes) {
    for (; bytes >= 8; bytes -= 8) {
        ((struct word *)(dst + bytes - 8))->value = ((const struct word *)(src + bytes - 8))->value;
        BARRIER();
    }
    for (; bytes > 0; bytes--) {
        dst[bytes - 1] = src[bytes - 1];
        BARRIER();
    }
}

void *memcpy(void *restrict dst, const void *restrict src, size_t bytes) {
    copy_up(dst, src, bytes);
    return dst;
}

void *memmove(void *dst, const void *src, size_t bytes) {
    if ((uintptr_t)dst - (uintptr_t)src < bytes) {
        copy_down(dst, src, bytes);
    } else {
        copy_up(dst, src, bytes);
    }
    return dst;
}

void *memset(void *dst, int value, size_t bytes) {
    uint8_t *at = dst;
    uint64_t pattern = (uint8_t)value * 0x0101010101010101;
    for (; bytes >= 8; bytes -= 8, at += 8) {
        ((struct word *)at)->value = pattern;
        BARRIER();
    }
    for (; bytes > 0; bytes--) {
        *at++ = (uint8_t)value;
        BARRIER();
    }
    return dst;
}

int memcmp(const void *a, const void *b, size_t bytes) {
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (size_t i = 0; i < bytes; i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char *s) {
    size_t length = 0;
    while (s[length] != '\0') {
        length++;
        BARRIER();
    }
    return length;
}

size_t strnlen(const char *s, size_t max) {
    size_t length = 0;
    while (length < max && s[length] != '\0') {
        length++;
    }
    return length;
}

int strncmp(const char *a, const char *b, size_t max) {
    for (size_t i = 0; i < max; i++) {
        if (a[i] != b[i]) {
            return (uint8_t)a[i] < (uint8_t)b[i] ? -1 : 1;
        }
        if (a[i] == '\0') {
            break;
        }
    }
    return 0;
}

int strcmp(const char *a, const char *b) {
    return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c) {
    for (; *s != (char)c; s++) {
        if (*s == '\0') {
            return NULL;
        }
    }
    return (char *)s;
}

bool text_copy(char *dst, size_t size, const char *src) {
    size_t length = strlen(src);
    if (size == 0) {
        return false;
    }
    size_t fits = length < size ? length : size - 1;
    memcpy(dst, src, fits);
    dst[fits] = '\0';
    return fits == length;
}
