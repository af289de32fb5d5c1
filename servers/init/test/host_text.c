// SPDX-License-Identifier: MIT
//
// What of sys/string.h the C library of the host lacks.
#include <sys/string.h>

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
