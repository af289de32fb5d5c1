// SPDX-License-Identifier: MIT

#include <tool/kmsg.h>

#include <abi/linux/errno.h>
#include <sys/string.h>
#include <tool/linux.h>
#include <tool/tool.h>

#define DEVICE "/dev/kmsg"
#define RECORD_BYTES 512

// Reads digits up to a separator, which is passed over.
static uint64_t take_number(const char **at, char separator) {
    uint64_t value = 0;
    while (**at >= '0' && **at <= '9') {
        value = value * 10 + (uint64_t)(*(*at)++ - '0');
    }
    *at += **at == separator;
    return value;
}

// Takes a record apart: LEVEL,NUMBER,MICROSECONDS,FLAGS;TEXT
static bool parse(char *record, struct kmsg_line *line) {
    const char *at = record;
    line->level = (uint32_t)take_number(&at, ',') & 7; // the rest is the facility
    (void)take_number(&at, ',');
    line->microseconds = take_number(&at, ',');
    const char *text = strchr(at, ';');
    char *end = strchr(record, '\n');
    if (text == NULL || end == NULL) {
        return false;
    }
    *end = '\0';
    line->text = text + 1;
    return true;
}

int kmsg_walk(const char *program, bool follow,
              void (*take)(const void *context, const struct kmsg_line *line),
              const void *context) {
    char record[RECORD_BYTES];
    struct kmsg_line line;
    int64_t fd = tool_open(program, DEVICE, LINUX_O_RDONLY | LINUX_O_NONBLOCK);
    int64_t bytes = 0;
    while (fd > 0) {
        bytes = linux_read(fd, record, sizeof(record) - 1);
        if (bytes == -LINUX_EAGAIN && follow) {
            // What was read stands where it was; from here on the descriptor waits.
            (void)print_flush();
            bytes = linux_set_waiting(fd);
            follow = false;
            continue;
        }
        if (bytes <= 0) {
            break;
        }
        record[bytes] = '\0';
        if (parse(record, &line)) {
            take(context, &line);
        }
    }
    if (fd > 0 && bytes != 0 && bytes != -LINUX_EAGAIN) {
        return print_error(program, "can't read %s: error %ld", DEVICE, -bytes);
    }
    return fd > 0 ? TOOL_OK : TOOL_FAILED;
}

void kmsg_print(const struct kmsg_line *line) {
    print_line("[%5lu.%06lu] %s", line->microseconds / 1000000, line->microseconds % 1000000,
               line->text);
}
