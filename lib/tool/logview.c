// SPDX-License-Identifier: MIT

#include <tool/logview.h>

#include <abi/status.h>
#include <sys/calls.h>
#include <sys/string.h>

#define BUFFER_BYTES 2048

// Reads "[    1.234567] " and returns the time, or 0; *length is that of the stamp.
static instant_t parse_stamp(const char *line, size_t *length) {
    instant_t microseconds = 0;
    size_t at = 1;
    *length = 0;
    if (line[0] != '[') {
        return 0;
    }
    for (; line[at] != ']'; at++) {
        if (line[at] >= '0' && line[at] <= '9') {
            microseconds = microseconds * 10 + (line[at] - '0');
        } else if ((line[at] != ' ' && line[at] != '.') || at > 24) {
            return 0;
        }
    }
    *length = at + 1 + (line[at + 1] == ' ');
    return MICROSECONDS(microseconds);
}

// Cuts a buffer into lines. Returns whether the walk goes on.
static bool take_lines(char *buffer, size_t bytes, instant_t until,
                       void (*take)(void *context, const struct logview_line *line),
                       void *context) {
    buffer[bytes] = '\0';
    for (char *at = buffer; *at != '\0';) {
        char *end = strchr(at, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        size_t stamp;
        struct logview_line line = {.whole = at, .time = parse_stamp(at, &stamp)};
        line.text = at + stamp;
        if (line.time > until) {
            return false;
        }
        take(context, &line);
        if (end == NULL) {
            break;
        }
        at = end + 1;
    }
    return true;
}

status_t logview_walk(handle_t log, void (*take)(void *context, const struct logview_line *line),
                      void *context) {
    static char buffer[BUFFER_BYTES + 1];
    instant_t until = sys_clock_get();
    uint64_t position = 0;
    for (;;) {
        int64_t bytes = sys_log_read(log, &position, buffer, BUFFER_BYTES);
        if (bytes <= 0) {
            return (status_t)bytes;
        }
        if (!take_lines(buffer, (size_t)bytes, until, take, context)) {
            return OK;
        }
    }
}
