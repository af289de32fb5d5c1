// SPDX-License-Identifier: MIT
//
// Plain loops over words: `rep movsb` is slow on machines without ERMS and under emulation. Most of
// what is copied has a few dozen bytes. The barriers keep the compiler from recognising a loop as
// the very function that it stands in.

#include <sys/string.h>

#include <stdint.h>

#define BARRIER() __asm__ volatile("" ::: "memory")

// Accesses at any address.
struct word {
    uint64_t value;
} __attribute__((packed, may_alias));
struct half {
    uint32_t value;
} __attribute__((packed, may_alias));

static uint64_t load(const uint8_t *at) {
    return ((const struct word *)at)->value;
}
static void store(uint8_t *at, uint64_t value) {
    ((struct word *)at)->value = value;
}

static void copy_up(uint8_t *dst, const uint8_t *src, size_t bytes) {
    for (; bytes >= 8; bytes -= 8, dst += 8, src += 8) {
        store(dst, load(src));
        BARRIER();
    }
    for (; bytes > 0; bytes--) {
        *dst++ = *src++;
        BARRIER();
    }
}

static void copy_down(uint8_t *dst, const uint8_t *src, size_t bytes) {
    for (; bytes >= 8; bytes -= 8) {
        store(dst + bytes - 8, load(src + bytes - 8));
        BARRIER();
    }
    for (; bytes > 0; bytes--) {
        dst[bytes - 1] = src[bytes - 1];
        BARRIER();
    }
}

// Fewer than eight bytes.
static void copy_few(uint8_t *dst, const uint8_t *src, size_t bytes) {
    if (bytes >= 4) {
        uint32_t last = ((const struct half *)(src + bytes - 4))->value;
        ((struct half *)dst)->value = ((const struct half *)src)->value;
        ((struct half *)(dst + bytes - 4))->value = last;
        return;
    }
    for (; bytes > 0; bytes--) {
        *dst++ = *src++;
        BARRIER();
    }
}

void *memcpy(void *restrict dst, const void *restrict src, size_t bytes) {
    uint8_t *to = dst;
    const uint8_t *from = src;
    if (bytes < 8) {
        copy_few(to, from, bytes);
        return dst;
    }
    uint8_t *last = to + bytes - 8;
    uint64_t last_word = load(from + bytes - 8); // it may overlap the one before
    for (; last - to >= 32; to += 32, from += 32) {
        store(to, load(from));
        store(to + 8, load(from + 8));
        store(to + 16, load(from + 16));
        store(to + 24, load(from + 24));
        BARRIER();
    }
    for (; to < last; to += 8, from += 8) {
        store(to, load(from));
        BARRIER();
    }
    store(last, last_word);
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
    if (bytes < 8) {
        for (; bytes > 0; bytes--) {
            *at++ = (uint8_t)value;
            BARRIER();
        }
        return dst;
    }
    uint8_t *last = at + bytes - 8;
    for (; last - at >= 32; at += 32) {
        store(at, pattern);
        store(at + 8, pattern);
        store(at + 16, pattern);
        store(at + 24, pattern);
        BARRIER();
    }
    for (; at < last; at += 8) {
        store(at, pattern);
        BARRIER();
    }
    store(last, pattern);
    return dst;
}

int memcmp(const void *a, const void *b, size_t bytes) {
    const uint8_t *x = a;
    const uint8_t *y = b;
    size_t same = 0;
    while (bytes - same >= 8 && load(x + same) == load(y + same)) {
        same += 8;
    }
    for (size_t i = same; i < bytes; i++) {
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
