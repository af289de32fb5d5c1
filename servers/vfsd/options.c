// SPDX-License-Identifier: MIT
//
// The options of a tmpfs: `mode=755,uid=1,gid=2,size=1m,nr_inodes=100`. Sizes are read and not
// kept: a file system takes what the job of its server has.

#include "vfsd.h"

#include <ds/format.h>
#include <sys/string.h>

struct number {
    uint64_t value;
    bool good;
};

static struct number number_read(const char *text, uint32_t bytes, uint32_t base) {
    struct number number = {.good = bytes != 0};
    for (uint32_t i = 0; i < bytes; i++) {
        uint32_t digit = (uint32_t)(text[i] - '0');
        if (text[i] < '0' || digit >= base || number.value > UINT32_MAX) {
            number.good = false;
            break;
        }
        number.value = number.value * base + digit;
    }
    number.good = number.good && number.value <= UINT32_MAX;
    return number;
}

static bool is_word(const char *text, uint32_t bytes, const char *word) {
    return strlen(word) == bytes && memcmp(text, word, bytes) == 0;
}

// 10, 10k, 5%: digits and one letter or sign.
static bool is_size(const char *text, uint32_t bytes) {
    bool unit = bytes > 1 && strchr("kKmMgG%", text[bytes - 1]) != NULL;
    return number_read(text, bytes - unit, 10).good;
}

static status_t option_read(struct mounting *mounting, const char *text, uint32_t bytes) {
    const char *sign = text;
    while (sign < text + bytes && *sign != '=') {
        sign++;
    }
    uint32_t key = (uint32_t)(sign - text), rest = key < bytes ? bytes - key - 1 : 0;
    bool mode = is_word(text, key, "mode");
    struct number number = number_read(sign + 1, rest, mode ? 8 : 10);
    if (mode && number.good && number.value <= 07777) {
        mounting->mode = (uint32_t)number.value;
        return OK;
    }
    if (is_word(text, key, "uid") && number.good) {
        mounting->uid = (uint32_t)number.value;
        return OK;
    }
    if (is_word(text, key, "gid") && number.good) {
        mounting->gid = (uint32_t)number.value;
        return OK;
    }
    bool sized = is_word(text, key, "size") || is_word(text, key, "nr_inodes") ||
                 is_word(text, key, "nr_blocks");
    return sized && is_size(sign + 1, rest) ? OK : ERR_INVALID_ARGUMENT;
}

// What differs from the usual, as it is shown.
static void options_show(struct mounting *mounting) {
    char *out = mounting->as.options;
    uint32_t used = 0;
    if (mounting->mode != 01777) {
        used += (uint32_t)text_format(out, OPTIONS_BYTES, ",mode=%u%u%u%u", mounting->mode >> 9 & 7,
                                      mounting->mode >> 6 & 7, mounting->mode >> 3 & 7,
                                      mounting->mode & 7);
        if (out[6] == '0') {
            memmove(out + 6, out + 7, used - 6); // with its zero
            used--;
        }
    }
    if (mounting->uid != 0) {
        used += (uint32_t)text_format(out + used, OPTIONS_BYTES - used, ",uid=%u", mounting->uid);
    }
    if (mounting->gid != 0) {
        (void)text_format(out + used, OPTIONS_BYTES - used, ",gid=%u", mounting->gid);
    }
}

status_t options_read(struct mounting *mounting, const char *text, uint32_t bytes) {
    const char *end = text + bytes;
    while (text < end) {
        const char *next = text;
        while (next < end && *next != ',') {
            next++;
        }
        status_t status = next > text ? option_read(mounting, text, (uint32_t)(next - text)) : OK;
        if (status != OK) {
            return status;
        }
        text = next < end ? next + 1 : end;
    }
    options_show(mounting);
    return OK;
}
