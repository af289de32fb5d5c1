// SPDX-License-Identifier: MIT
//
// The programs, all in /bin: cat (input to output), tee (input to output and error), args (prints
// what it was started with), exit N, signal N (ends as if by that signal), hold (reads nothing,
// until it is sent a signal), flood N (writes N bytes), reader N (reads N bytes, prints how many it
// got).
#include "exec_test.h"

#include <abi/libos.h>
#include <abi/status.h>
#include <ds/format.h>
#include <sys/calls.h>
#include <sys/string.h>

#define PIECE 16384

static const char *argument(const struct program *program, uint32_t index) {
    const char *at = program->text;
    while (index-- > 0) {
        at += strlen(at) + 1;
    }
    return at;
}

static uint64_t number(const struct program *program, uint32_t index) {
    uint64_t value = 0;
    for (const char *c = argument(program, index); *c >= '0' && *c <= '9'; c++) {
        value = value * 10 + (uint64_t)(*c - '0');
    }
    return value;
}

// Writes all; false: nobody reads any more.
static bool put(const struct program *program, int stream, const void *data, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        int64_t wrote = sys_stream_write(program->streams[stream], (const char *)data + done,
                                         bytes - done, INSTANT_NEVER, 0);
        if (wrote < 0) {
            return false;
        }
        done += (size_t)wrote;
    }
    return true;
}

static int64_t copy_input(struct program *program, bool both) {
    static char pieces[2][PIECE];
    char *piece = pieces[both];
    int64_t got;
    while ((got = sys_stream_read(program->streams[0], piece, PIECE, INSTANT_NEVER, 0)) > 0) {
        if (!put(program, 1, piece, (size_t)got) ||
            (both && !put(program, 2, piece, (size_t)got))) {
            return LINUX_STATUS_SIGNAL(13);
        }
    }
    return LINUX_STATUS_EXIT(0);
}

static int64_t cat(struct program *program) {
    return copy_input(program, false);
}

static int64_t tee(struct program *program) {
    return copy_input(program, true);
}

static int64_t args(struct program *program) {
    const char *at = program->text;
    for (uint32_t i = 0; i < program->argc + program->envc + 2; i++) {
        (void)put(program, 1, at, strlen(at));
        (void)put(program, 1, "\n", 1);
        at += strlen(at) + 1;
    }
    (void)put(program, 2, "told\n", 5);
    return LINUX_STATUS_EXIT(0);
}

static int64_t end(struct program *program) {
    return LINUX_STATUS_EXIT(number(program, 1));
}

static int64_t end_by_signal(struct program *program) {
    return LINUX_STATUS_SIGNAL(number(program, 1));
}

static int64_t hold(struct program *program) {
    uint32_t killed;
    (void)put(program, 1, "holding\n", 8);
    while ((killed = __atomic_load_n(&program->killed, __ATOMIC_ACQUIRE)) == 0) {
        (void)!sys_futex_wait((vaddr_t)&program->killed, 0, UINT32_MAX, INSTANT_NEVER, 0);
    }
    return LINUX_STATUS_SIGNAL(killed);
}

static int64_t flood(struct program *program) {
    static char line[64];
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\n';
    for (uint64_t left = number(program, 1); left > 0;) {
        size_t bytes = left < sizeof(line) ? (size_t)left : sizeof(line);
        if (!put(program, 1, line, bytes)) {
            return LINUX_STATUS_SIGNAL(13);
        }
        left -= bytes;
    }
    return LINUX_STATUS_EXIT(0);
}

static int64_t reader(struct program *program) {
    char piece[256];
    uint64_t wanted = number(program, 1);
    uint64_t have = 0;
    int64_t got = 1;
    while (have < wanted && got > 0) {
        size_t bytes = wanted - have < sizeof(piece) ? (size_t)(wanted - have) : sizeof(piece);
        got = sys_stream_read(program->streams[0], piece, bytes, INSTANT_NEVER, 0);
        have += got > 0 ? (uint64_t)got : 0;
    }
    text_format(piece, sizeof(piece), "%lu\n", have);
    (void)put(program, 1, piece, strlen(piece));
    return LINUX_STATUS_EXIT(0);
}

static const struct {
    const char *path;
    int64_t (*run)(struct program *program);
} programs[] = {
    {"/bin/cat", cat},
    {"/bin/tee", tee},
    {"/bin/args", args},
    {"/bin/exit", end},
    {"/bin/signal", end_by_signal},
    {"/bin/hold", hold},
    {"/bin/flood", flood},
    {"/bin/reader", reader},
};

static int find(const char *path) {
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (strcmp(programs[i].path, path) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool program_exists(const char *path) {
    return find(path) >= 0;
}

int64_t program_run(struct program *program) {
    int index = find(argument(program, program->argc + program->envc));
    return index < 0 ? ERR_NOT_FOUND : programs[index].run(program);
}
