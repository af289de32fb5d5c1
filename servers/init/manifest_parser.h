// SPDX-License-Identifier: MIT
//
// Between the two halves of the manifest parser: manifest.c cuts a file into lines and words, and
// manifest_keys.c knows what they mean.
#pragma once

#include "manifest.h"

#define LINE_BYTES 200
#define WORDS_MAX 6

struct parser {
    struct manifest *manifest;
    struct manifest_error *error;
    char line[LINE_BYTES];
    char *words[WORDS_MAX]; // words[0] is the key
    uint32_t count;
    const char *rest; // the line after its key
    uint64_t seen;    // keys that have come, by their index
};

// Writes the reason of an error and returns it.
status_t parser_refuse(struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Takes a line that was cut into words; there is at least one.
[[nodiscard]] status_t parser_take_key(struct parser *parser);
