// SPDX-License-Identifier: MIT

#include "log.h"

#include <stdio.h>
#include <string.h>

#include "world.h"

#define LINES 64
#define LINE_BYTES 160

static char lines[LINES][LINE_BYTES];
static unsigned count;

void sim_log(const char *format, va_list args) {
    char *line = lines[count++ % LINES];
    int at = snprintf(line, LINE_BYTES, "[%ld us] ", sim.now / 1000);
    vsnprintf(line + at, (size_t)(LINE_BYTES - at), format, args);
    // A vault that nobody has spoilt has nothing to drop.
    if (!world.spoilt && (strstr(line, "dropped") != NULL || strstr(line, "fails") != NULL)) {
        world_fail("a server complains: %s", line);
    }
}

void sim_note(const char *format, ...) {
    va_list args;
    va_start(args, format);
    sim_log(format, args);
    va_end(args);
}

void sim_log_show(void) {
    for (unsigned i = count > LINES ? count - LINES : 0; i < count; i++) {
        fprintf(stderr, "    %s\n", lines[i % LINES]);
    }
}

void sim_log_clear(void) {
    count = 0;
}
