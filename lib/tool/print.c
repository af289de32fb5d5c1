// SPDX-License-Identifier: MIT

#include <tool/print.h>

#include <abi/info.h>
#include <abi/rights.h>
#include <ds/format.h>
#include <sys/string.h>
#include <tool/linux.h>
#include <tool/tool.h>

#define STANDARD_OUTPUT 1
#define STANDARD_ERROR 2
#define BUFFER_BYTES 4096

static char buffer[BUFFER_BYTES];
static size_t buffered;
static bool failed;

bool print_flush(void) {
    failed = failed || !linux_write_all(STANDARD_OUTPUT, buffer, buffered);
    buffered = 0;
    return !failed;
}

static void put(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (buffered == sizeof(buffer)) {
            (void)print_flush();
        }
        buffer[buffered++] = text[i];
    }
}

void print_line(const char *format, ...) {
    char line[PRINT_LINE_BYTES];
    va_list args;
    va_start(args, format);
    text_format_v(line, sizeof(line), format, args);
    va_end(args);
    put(line, strlen(line));
    put("\n", 1);
}

int print_error(const char *program, const char *format, ...) {
    char line[PRINT_LINE_BYTES];
    va_list args;
    size_t at = (size_t)text_format(line, sizeof(line), "%s: ", program);
    va_start(args, format);
    text_format_v(line + at, sizeof(line) - at - 1, format, args);
    va_end(args);
    size_t bytes = strlen(line);
    line[bytes] = '\n';
    // What was printed before comes before, where both go to the same place.
    (void)print_flush();
    (void)linux_write_all(STANDARD_ERROR, line, bytes + 1);
    return TOOL_FAILED;
}

void print_text(const char *text) {
    put(text, strlen(text));
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
