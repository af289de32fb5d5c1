// SPDX-License-Identifier: MIT
//
// syslog(2): reading the kernel's log as a whole, as the `dmesg` of busybox does. Nothing of it is
// kept for one reader alone, so what would change that (CLEAR, console levels) is EPERM.

#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <ds/format.h>
#include <files/kmsg.h>
#include <linux/handlers.h>
#include <sys/calls.h>

#define SIZE_BYTES (1 << 18) // of the kernel's ring, which SIZE_BUFFER tells
#define TEXT_BYTES (KMSG_LINE_BYTES + 8)

enum action {
    ACTION_CLOSE = 0,
    ACTION_OPEN = 1,
    ACTION_READ_ALL = 3,
    ACTION_SIZE_BUFFER = 10,
};

static int64_t next_text(handle_t log, uint64_t *position, char text[TEXT_BYTES]) {
    struct kmsg_line line;
    int64_t got = kmsg_next(log, position, &line);
    if (got <= 0) {
        return got;
    }
    return text_format(text, TEXT_BYTES, "<%u>[%5lu.%06lu] %s\n", line.level,
                       line.microseconds / 1000000, line.microseconds % 1000000, line.text);
}

// The last lines that fit: a walk that counts, then one that copies.
static int64_t read_all(handle_t log, uint64_t to, uint64_t room) {
    char text[TEXT_BYTES];
    uint64_t position = 0, total = 0, done = 0;
    int64_t bytes;
    while ((bytes = next_text(log, &position, text)) > 0) {
        total += (uint64_t)bytes;
    }
    uint64_t end = position;
    for (position = 0; position < end && (bytes = next_text(log, &position, text)) > 0;) {
        if (total > room) {
            total -= (uint64_t)bytes; // it is too old
            continue;
        }
        if (done + (uint64_t)bytes > room) {
            break; // older lines went meanwhile
        }
        if (!copy_out(to + done, text, (uint64_t)bytes)) {
            return -LINUX_EFAULT;
        }
        done += (uint64_t)bytes;
    }
    return bytes < 0 ? linux_result(bytes) : (int64_t)done;
}

int64_t linux_syslog(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    handle_t log;
    switch ((int)args[0]) {
    case ACTION_CLOSE:
    case ACTION_OPEN:
        return 0;
    case ACTION_SIZE_BUFFER:
        return SIZE_BYTES;
    case ACTION_READ_ALL:
        break;
    default:
        return (int)args[0] < 0 || (int)args[0] > ACTION_SIZE_BUFFER ? -LINUX_EINVAL : -LINUX_EPERM;
    }
    if (args[1] == 0 || (int)args[2] < 0) {
        return -LINUX_EINVAL;
    }
    int64_t result = kmsg_handle(&log);
    if (result == 0) {
        result = read_all(log, args[1], args[2]);
        (void)!sys_handle_close(log);
    }
    return result;
}
