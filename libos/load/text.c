// SPDX-License-Identifier: MIT

#include <load/exec.h>

#include <abi/linux/errno.h>
#include <core/access.h>
#include <core/heap.h>
#include <sys/string.h>

#define FIRST_ROOM 8192
#define STRING_MAX (128UL << 10) // MAX_ARG_STRLEN of Linux

static int64_t reserve(struct text *text, uint64_t more) {
    uint64_t wanted = text->bytes + more;
    if (wanted > TEXT_BYTES_MAX) {
        return -LINUX_E2BIG;
    }
    if (wanted <= text->room) {
        return 0;
    }
    uint64_t room = text->room == 0 ? FIRST_ROOM : text->room;
    while (room < wanted) {
        room *= 2;
    }
    char *data = heap_alloc(room);
    if (data == NULL) {
        return -LINUX_ENOMEM;
    }
    if (text->bytes > 0) {
        memcpy(data, text->data, text->bytes);
    }
    heap_free(text->data, text->room);
    text->data = data;
    text->room = room;
    return 0;
}

int64_t text_add(struct text *text, const char *string, uint64_t bytes) {
    int64_t result = reserve(text, bytes + 1);
    if (result == 0) {
        memcpy(text->data + text->bytes, string, bytes);
        text->data[text->bytes + bytes] = '\0';
        text->bytes += bytes + 1;
    }
    return result;
}

int64_t text_add_user(struct text *text, uint64_t from) {
    for (uint64_t room = 512;; room *= 2) {
        int64_t result = reserve(text, room);
        if (result < 0) {
            return result;
        }
        int64_t length = copy_string_in(text->data + text->bytes, from, room);
        if (length >= 0) {
            text->bytes += (uint64_t)length + 1;
            return 0;
        }
        if (length != -LINUX_ENAMETOOLONG || room > STRING_MAX) {
            return length == -LINUX_ENAMETOOLONG ? -LINUX_E2BIG : length;
        }
    }
}

int64_t text_add_vector(struct text *text, uint64_t vector, uint32_t skip) {
    int64_t count = 0;
    for (uint64_t at = vector; vector != 0; at += 8) {
        uint64_t string;
        if (!load_user64(at, &string)) {
            return -LINUX_EFAULT;
        }
        if (string == 0) {
            break;
        }
        if (skip > 0) {
            skip--;
            continue;
        }
        int64_t result = text_add_user(text, string);
        if (result < 0) {
            return result;
        }
        count++;
    }
    return count;
}

void text_free(struct text *text) {
    heap_free(text->data, text->room);
    *text = (struct text){0};
}
