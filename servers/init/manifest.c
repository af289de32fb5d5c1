// SPDX-License-Identifier: MIT
//
// A line is copied, cut into words, and given to the function of its key (manifest_keys.c).

#include "manifest_parser.h"

#include <abi/status.h>
#include <ds/format.h>
#include <sys/string.h>

// What a service gets that says nothing about it.
#define DEFAULT_MEMORY_PAGES                                                                       \
    { 1024, 0 }
#define DEFAULT_HANDLES 256
#define DEFAULT_THREADS 8
#define DEFAULT_PROCESSES 1
#define DEFAULT_PRIORITY 20
#define DEFAULT_HEARTBEAT_MS 250
#define DEFAULT_MISSED_MAX 4
#define DEFAULT_MAX_SERVICE_MS 2000
#define DEFAULT_VAULT_BYTES 65536

status_t parser_refuse(struct parser *parser, const char *format, ...) {
    va_list args;
    va_start(args, format);
    text_format_v(parser->error->reason, MANIFEST_REASON_BYTES, format, args);
    va_end(args);
    return ERR_INVALID_ARGUMENT;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// Cuts the line into words where it stands. Words past the last are left out, but counted.
static void cut_words(struct parser *parser) {
    parser->count = 0;
    char *at = parser->line;
    for (;;) {
        while (is_blank(*at)) {
            *at++ = '\0';
        }
        if (*at == '\0') {
            return;
        }
        if (parser->count < WORDS_MAX) {
            parser->words[parser->count] = at;
        }
        parser->count++;
        while (*at != '\0' && !is_blank(*at)) {
            at++;
        }
    }
}

// Copies a line without its comment and the blanks at its end. A comment begins with '#' at the
// line's beginning or after a blank.
static status_t copy_line(struct parser *parser, const char *text, size_t bytes, char *out) {
    size_t length = 0;
    for (; length < bytes; length++) {
        char c = text[length];
        if (c == '#' && (length == 0 || is_blank(text[length - 1]))) {
            break;
        }
        if (c != '\t' && (c < ' ' || c > '~')) {
            return parser_refuse(parser, "the line holds a character that is not printable ASCII");
        }
    }
    while (length > 0 && is_blank(text[length - 1])) {
        length--;
    }
    if (length >= LINE_BYTES) {
        return parser_refuse(parser, "the line is longer than %d bytes", LINE_BYTES - 1);
    }
    memcpy(out, text, length);
    out[length] = '\0';
    return OK;
}

static status_t take_line(struct parser *parser, const char *text, size_t bytes) {
    char whole[LINE_BYTES];
    status_t status = copy_line(parser, text, bytes, whole);
    if (status != OK) {
        return status;
    }
    memcpy(parser->line, whole, sizeof(whole));
    cut_words(parser);
    if (parser->count == 0) {
        return OK;
    }
    size_t after = (size_t)(parser->words[0] - parser->line) + strlen(parser->words[0]);
    while (is_blank(whole[after])) {
        after++;
    }
    parser->rest = &whole[after];
    return parser_take_key(parser);
}

// What only the whole file tells.
static status_t check_whole(struct parser *parser) {
    const struct manifest *manifest = parser->manifest;
    parser->error->line = 0;
    if (manifest->name[0] == '\0') {
        return parser_refuse(parser, "the line `service NAME` is missing");
    }
    if (manifest->program[0] == '\0') {
        return parser_refuse(parser, "the line `program PATH` is missing");
    }
    // Whatever the machine has. Where it depends on that, less is reserved.
    const struct manifest_pages *memory = &manifest->memory_pages;
    const struct manifest_pages *reserved = &manifest->reserved_pages;
    if (reserved->pages >= memory->pages && reserved->percent >= memory->percent &&
        (reserved->pages != memory->pages || reserved->percent != memory->percent)) {
        return parser_refuse(parser, "more pages are reserved than memory-pages allows");
    }
    return OK;
}

uint64_t manifest_pages_of(struct manifest_pages pages, uint64_t total) {
    return pages.pages + total / 100 * pages.percent + total % 100 * pages.percent / 100;
}

static void set_defaults(struct manifest *manifest) {
    *manifest = (struct manifest){
        .memory_pages = DEFAULT_MEMORY_PAGES,
        .handles = DEFAULT_HANDLES,
        .threads = DEFAULT_THREADS,
        .processes = DEFAULT_PROCESSES,
        .priority = DEFAULT_PRIORITY,
        .heartbeat_ms = DEFAULT_HEARTBEAT_MS,
        .missed_max = DEFAULT_MISSED_MAX,
        .max_service_ms = DEFAULT_MAX_SERVICE_MS,
        .vault_bytes = DEFAULT_VAULT_BYTES,
    };
}

status_t manifest_parse(const char *text, size_t bytes, struct manifest *manifest,
                        struct manifest_error *error) {
    struct parser parser = {.manifest = manifest, .error = error};
    *error = (struct manifest_error){0};
    set_defaults(manifest);
    if (bytes > MANIFEST_FILE_MAX) {
        return parser_refuse(&parser, "the file is larger than %d bytes", MANIFEST_FILE_MAX);
    }
    size_t at = 0;
    while (at < bytes) {
        size_t end = at;
        while (end < bytes && text[end] != '\n') {
            end++;
        }
        error->line++;
        status_t status = take_line(&parser, &text[at], end - at);
        if (status != OK) {
            return status;
        }
        at = end + 1;
    }
    return check_whole(&parser);
}
