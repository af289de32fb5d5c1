// SPDX-License-Identifier: MIT
//
// The few string functions of base.h that are not worth assembly; memcpy and its kin are the
// architecture's (arch/*/string.S).
#include <base.h>

size_t strlen(const char *s) {
    size_t length = 0;
    while (s[length] != '\0') {
        length++;
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

int strcmp(const char *a, const char *b) {
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t max) {
    while (max > 0 && *a != '\0' && *a == *b) {
        a++;
        b++;
        max--;
    }
    return max == 0 ? 0 : (unsigned char)*a - (unsigned char)*b;
}
