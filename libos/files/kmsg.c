// SPDX-License-Identifier: MIT
//
// /dev/kmsg: the kernel's log, a line at each read, in the words of Linux:
//
//     LEVEL,NUMBER,MICROSECONDS,-;TEXT
//
// A line of ours is `[SECONDS.MICROSECONDS] TEXT`; a TEXT that begins with <0> to <7> says its
// level so, others have level 6. The number is the line's position in the log, so it goes up by
// more than one. What was overwritten before it was read is left out without EPIPE. A reader that
// waits looks every LOOK_NS: the log has no signal for a line that is new.

#include <files/kmsg.h>

#include <abi/limits.h>
#include <abi/service_device.h>
#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <files/service.h>
#include <ds/format.h>
#include <proto/proc_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#define LOOK_NS MILLISECONDS(200)
#define RECORD_BYTES (KMSG_LINE_BYTES + 64)
#define LEVEL_PLAIN 6

int64_t kmsg_handle(handle_t *log) {
    const struct proc_device_request request = {.rdev = DEVICE_KERNEL_LOG};
    if (process_current()->alone) {
        return -LINUX_ENXIO;
    }
    int64_t result = proc_device(process_current()->proc, &request, log, INSTANT_NEVER);
    return result == ERR_NOT_FOUND ? -LINUX_ENXIO : linux_result(result);
}

// Reads digits and what separates them up to `]`; returns microseconds.
static uint64_t parse_stamp(const char **text) {
    uint64_t microseconds = 0;
    const char *at = *text;
    for (; *at != '\0' && *at != ']'; at++) {
        if (*at >= '0' && *at <= '9') {
            microseconds = microseconds * 10 + (uint64_t)(*at - '0');
        }
    }
    at += *at == ']';
    *text = at + (*at == ' ');
    return microseconds;
}

int64_t kmsg_next(handle_t log, uint64_t *position, struct kmsg_line *line) {
    // As many lines as fit come at once: the first one counts, the others come again.
    int64_t bytes = sys_log_read(log, position, line->bytes, KMSG_LINE_BYTES);
    if (bytes <= 0) {
        return bytes;
    }
    uint64_t begin = *position - (uint64_t)bytes;
    size_t length = 0;
    while (length + 1 < (size_t)bytes && line->bytes[length] != '\n') {
        length++;
    }
    line->bytes[length] = '\0';
    *position = begin + length + 1;
    line->number = begin;
    line->text = line->bytes;
    line->microseconds = line->bytes[0] == '[' ? parse_stamp(&line->text) : 0;
    line->level = LEVEL_PLAIN;
    const char *text = line->text;
    if (text[0] == '<' && text[1] >= '0' && text[1] <= '7' && text[2] == '>') {
        line->level = (uint32_t)(text[1] - '0');
        line->text += 3;
    }
    return 1;
}

static int64_t kmsg_read(struct linux_thread *self, struct description *file, const struct io *io) {
    struct kmsg_line line;
    char record[RECORD_BYTES];
    uint64_t position = file->position;
    for (;;) {
        int64_t got = kmsg_next(file->handle, &position, &line);
        if (got != 0) {
            if (got < 0) {
                return linux_result(got);
            }
            break;
        }
        if ((file->flags & O_NONBLOCK) != 0) {
            return -LINUX_EAGAIN;
        }
        (void)!sys_thread_sleep(clock_now() + LOOK_NS, WAIT_INTERRUPTIBLE);
        if (signal_interrupts(self)) {
            return -LINUX_ERESTARTSYS;
        }
    }
    uint64_t bytes = (uint64_t)text_format(record, sizeof(record), "%u,%lu,%lu,-;%s\n", line.level,
                                           line.number, line.microseconds, line.text);
    if (bytes > io->bytes) {
        return -LINUX_EINVAL;
    }
    if (!copy_out(io->addr, record, bytes)) {
        return -LINUX_EFAULT;
    }
    file->position = position;
    return (int64_t)bytes;
}

// One write is one line; its end of line does not count, and what is too long is cut off.
static int64_t kmsg_write(struct linux_thread *self, struct description *file,
                          const struct io *io) {
    char line[LOG_LINE_MAX];
    uint64_t bytes = io->bytes < sizeof(line) ? io->bytes : sizeof(line);
    (void)self;
    (void)file;
    if (!copy_in(line, io->addr, bytes)) {
        return -LINUX_EFAULT;
    }
    bytes -= bytes > 0 && line[bytes - 1] == '\n';
    status_t status = bytes > 0 ? (status_t)sys_log_write(process_current()->log, line, bytes) : OK;
    return status == OK ? (int64_t)io->bytes : linux_result(status);
}

enum { FROM_BEGIN = 0, FROM_END = 2, FROM_DATA = 3 };

static int64_t kmsg_seek(struct description *file, int64_t offset, int whence) {
    if (offset != 0) {
        return -LINUX_ESPIPE;
    }
    if (whence != FROM_BEGIN && whence != FROM_END && whence != FROM_DATA) {
        return -LINUX_EINVAL;
    }
    char nothing[KMSG_LINE_BYTES];
    file->position = whence == FROM_END ? UINT64_MAX : 0;
    // The kernel brings it to the end, and there is nothing to read there.
    (void)!(whence == FROM_END
                ? sys_log_read(file->handle, &file->position, nothing, sizeof(nothing))
                : 0);
    return 0;
}

const struct file_ops kmsg_ops = {
    .read = kmsg_read,
    .write = kmsg_write,
    .seek = kmsg_seek,
    .stat = service_stat,
};
