// SPDX-License-Identifier: MIT

#include <core/trace.h>

#include <abi/limits.h>
#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <ds/format.h>
#include <linux/table.h>
#include <sys/calls.h>

#define TEXT_SHOWN 32 // bytes of a string

struct line {
    char text[LOG_LINE_MAX + 1];
    size_t bytes;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...) {
    size_t room = sizeof(line->text) - line->bytes;
    va_list args;
    va_start(args, format);
    int length = text_format_v(line->text + line->bytes, room, format, args);
    va_end(args);
    line->bytes += (size_t)length < room ? (size_t)length : room - 1;
}

static void add_character(struct line *line, uint8_t c) {
    if (c == '\n') {
        add(line, "\\n");
    } else if (c == '\t') {
        add(line, "\\t");
    } else if (c == '"' || c == '\\') {
        add(line, "\\%c", c);
    } else if (c < ' ' || c >= 127) {
        add(line, "\\x%02x", c);
    } else {
        add(line, "%c", c);
    }
}

// Bytes of the program, in quotes; `bytes` UINT64_MAX: up to their zero.
static void add_text(struct line *line, uint64_t addr, uint64_t bytes) {
    uint64_t shown = 0;
    if (addr == 0) {
        add(line, "NULL");
        return;
    }
    add(line, "\"");
    while (shown < bytes && shown < TEXT_SHOWN) {
        uint8_t c;
        if (!copy_in(&c, addr + shown, 1)) {
            add(line, "\"?");
            return;
        }
        if (bytes == UINT64_MAX && c == 0) {
            bytes = shown;
            break;
        }
        add_character(line, c);
        shown++;
    }
    add(line, shown < bytes ? "\"..." : "\"");
}

static void add_strings(struct line *line, uint64_t addr) {
    add(line, "[");
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t text;
        if (!load_user64(addr + i * 8UL, &text) || text == 0) {
            add(line, "]");
            return;
        }
        add(line, i > 0 ? ", " : "");
        add_text(line, text, UINT64_MAX);
    }
    add(line, ", ...]");
}

static void add_timespec(struct line *line, uint64_t addr) {
    int64_t time[2];
    if (addr == 0 || !copy_in(time, addr, sizeof(time))) {
        add(line, addr == 0 ? "NULL" : "?");
    } else {
        add(line, "{%ld, %ld}", (long)time[0], (long)time[1]);
    }
}

static void add_pair(struct line *line, uint64_t addr) {
    int32_t pair[2];
    if (copy_in(pair, addr, sizeof(pair))) {
        add(line, "[%d, %d]", pair[0], pair[1]);
    } else {
        add(line, "?");
    }
}

static void add_octal(struct line *line, uint64_t value) {
    add(line, "0");
    for (int shift = 30; shift >= 0; shift -= 3) {
        if (value >> shift != 0) {
            add(line, "%lu", value >> shift & 7);
        }
    }
}

// `result` is what the call returned, or INT64_MIN before it has.
static void add_argument(struct line *line, const struct linux_call_info *info, uint32_t index,
                         const uint64_t args[LINUX_CALL_ARGS], int64_t result) {
    uint64_t value = args[index];
    switch (info->kinds[index]) {
    case LINUX_ARG_DIRFD:
        if ((int32_t)value == -100) {
            add(line, "AT_FDCWD");
            return;
        }
        [[fallthrough]];
    case LINUX_ARG_INT:
    case LINUX_ARG_FD:
    case LINUX_ARG_SIGNAL:
        add(line, "%d", (int32_t)value);
        return;
    case LINUX_ARG_UINT:
        add(line, "%u", (uint32_t)value);
        return;
    case LINUX_ARG_LONG:
    case LINUX_ARG_OFFSET:
        add(line, "%ld", (long)value);
        return;
    case LINUX_ARG_SIZE:
        add(line, "%lu", value);
        return;
    case LINUX_ARG_OCTAL:
        add_octal(line, value);
        return;
    case LINUX_ARG_PATH:
    case LINUX_ARG_STRING:
        add_text(line, value, UINT64_MAX);
        return;
    case LINUX_ARG_STRINGS:
        add_strings(line, value);
        return;
    case LINUX_ARG_DATA:
        add_text(line, value, args[index + 1]);
        return;
    case LINUX_ARG_ROOM:
        if (result > 0) {
            add_text(line, value, (uint64_t)result);
            return;
        }
        break;
    case LINUX_ARG_TIMESPEC:
        add_timespec(line, value);
        return;
    case LINUX_ARG_FD_PAIR:
        if (result == 0) {
            add_pair(line, value);
            return;
        }
        break;
    default:
        break;
    }
    add(line, value == 0 && info->kinds[index] != LINUX_ARG_HEX ? "NULL" : "0x%lx", value);
}

static void add_call(struct line *line, struct linux_thread *self,
                     const uint64_t args[LINUX_CALL_ARGS], uint32_t number, int64_t result) {
    static const struct linux_call_info none = {.arg_count = 0};
    const struct linux_call_info *info = number < LINUX_CALL_COUNT ? &linux_calls[number] : &none;
    line->bytes = 0;
    add(line, "[%d] ", self->tid);
    if (info->name == NULL) {
        add(line, "call_%u(", number);
    } else {
        add(line, "%s(", info->name);
    }
    for (uint32_t i = 0; i < info->arg_count; i++) {
        add(line, i > 0 ? ", " : "");
        add_argument(line, info, i, args, result);
    }
    add(line, ")");
}

static void emit(struct line *line) {
    if (process_current()->log != HANDLE_NONE) {
        (void)!sys_log_write(process_current()->log, line->text, line->bytes);
    }
}

static bool may_not_return(uint32_t number) {
    return number == LINUX_CALL_EXIT || number == LINUX_CALL_EXIT_GROUP ||
           number == LINUX_CALL_EXECVE || number == LINUX_CALL_RT_SIGRETURN;
}

void trace_begin(struct linux_thread *self, const uint64_t args[LINUX_CALL_ARGS], uint32_t number) {
    struct line line;
    if (may_not_return(number)) {
        add_call(&line, self, args, number, INT64_MIN);
        emit(&line);
    }
}

void trace_end(struct linux_thread *self, const uint64_t args[LINUX_CALL_ARGS], uint32_t number,
               int64_t result) {
    struct line line;
    add_call(&line, self, args, number, result);
    uint8_t kind = number < LINUX_CALL_COUNT ? linux_calls[number].result : LINUX_ARG_LONG;
    if (result <= -LINUX_RESTART_FIRST && result >= -LINUX_RESTART_LAST) {
        add(&line, " = ? (interrupted)");
    } else if (result < 0 && result > -LINUX_ERROR_COUNT && linux_error_names[-result] != NULL) {
        add(&line, " = -1 %s", linux_error_names[-result]);
    } else {
        add(&line, kind == LINUX_ARG_HEX ? " = 0x%lx" : " = %ld", (long)result);
    }
    emit(&line);
}

void trace_signal(struct linux_thread *self, int32_t number, const char *what) {
    if (process_current()->trace) {
        process_log("[%d] --- signal %d: %s ---", self->tid, number, what);
    }
}
