// SPDX-License-Identifier: MIT

#include <tool/print.h>

#include <abi/info.h>
#include <abi/rights.h>
#include <ds/format.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

static void write_line(const char *line, size_t bytes) {
    log_text(line, bytes);
}

static void print_v(const char *head, const char *format, va_list args) {
    char line[PRINT_LINE_BYTES];
    int begin = text_format(line, sizeof(line), "%s", head);
    size_t at = (size_t)begin < sizeof(line) ? (size_t)begin : sizeof(line) - 1;
    text_format_v(line + at, sizeof(line) - at, format, args);
    write_line(line, strlen(line));
}

void print_line(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_v("", format, args);
    va_end(args);
}

int64_t print_error(const char *program, const char *format, ...) {
    char head[32];
    va_list args;
    text_format(head, sizeof(head), "%s: ", program);
    va_start(args, format);
    print_v(head, format, args);
    va_end(args);
    return 1;
}

void print_text(const char *text) {
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        size_t bytes = end != NULL ? (size_t)(end - text) : strlen(text);
        write_line(text, bytes);
        text += bytes + (end != NULL);
    }
}

static const struct {
    uint32_t bit;
    const char *name;
} rights_names[] = {
    {RIGHT_DUPLICATE, "DUPLICATE"},
    {RIGHT_TRANSFER, "TRANSFER"},
    {RIGHT_WAIT, "WAIT"},
    {RIGHT_READ, "READ"},
    {RIGHT_WRITE, "WRITE"},
    {RIGHT_EXECUTE, "EXECUTE"},
    {RIGHT_MAP, "MAP"},
    {RIGHT_SIGNAL, "SIGNAL"},
    {RIGHT_MANAGE, "MANAGE"},
    {RIGHT_CREATE, "CREATE"},
    {RIGHT_KILL, "KILL"},
    {RIGHT_INTERRUPT, "INTERRUPT"},
    {RIGHT_IDENTITY, "IDENTITY"},
    {RIGHT_CALL, "CALL"},
};

void print_rights(char *out, size_t size, uint32_t rights) {
    size_t at = 0;
    text_copy(out, size, "-");
    for (size_t i = 0; i < sizeof(rights_names) / sizeof(rights_names[0]); i++) {
        if ((rights & rights_names[i].bit) != 0 && at < size) {
            at += (size_t)text_format(out + at, size - at, "%s%s", at > 0 ? "|" : "",
                                      rights_names[i].name);
        }
    }
}

const char *print_cause(uint32_t cause) {
    static const char *const names[] = {
        [EXIT_RUNNING] = "none", [EXIT_VOLUNTARY] = "exit", [EXIT_KILLED] = "kill",
        [EXIT_FAULT] = "fault",  [EXIT_HANG] = "hang",
    };
    return cause < sizeof(names) / sizeof(names[0]) ? names[cause] : "?";
}

void print_duration(char *out, size_t size, duration_t duration) {
    if (duration < SECONDS(10)) {
        text_format(out, size, "%ld ms", duration / MILLISECONDS(1));
    } else if (duration < SECONDS(600)) {
        text_format(out, size, "%ld s", duration / SECONDS(1));
    } else {
        text_format(out, size, "%ld min", duration / SECONDS(60));
    }
}

bool print_wants_help(void) {
    const char *first = start_argument(0);
    return first == NULL || strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0;
}

bool print_parse_number(const char *text, uint64_t *value) {
    size_t length = strlen(text);
    *value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *value = *value * 10 + (uint64_t)(text[i] - '0');
    }
    return length > 0 && length <= 18;
}
