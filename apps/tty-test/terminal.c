// SPDX-License-Identifier: MIT

#include "terminal.h"

#include <abi/terminal.h>
#include <proto/tty_client.h>
#include <sys/calls.h>

#include "bench.h"

int64_t terminal_open(uint64_t rdev, uint32_t flags, handle_t *terminal) {
    const struct tty_open_request request = {.rdev = rdev, .flags = flags};
    struct tty_open_reply reply;
    *terminal = HANDLE_NONE;
    return tty_open(service_channel(TTYD), &request, &reply, terminal, INSTANT_NEVER);
}

void terminal_close(handle_t terminal) {
    (void)!sys_handle_close(terminal);
}

int64_t terminal_read(handle_t terminal, void *to, size_t bytes, uint32_t flags) {
    const struct tty_read_request request = {.flags = flags};
    return tty_read(terminal, &request, to, bytes, INSTANT_NEVER);
}

int64_t terminal_write_some(handle_t terminal, const void *from, size_t bytes, uint32_t flags) {
    const struct tty_write_request request = {.flags = flags};
    return tty_write(terminal, &request, from, bytes, INSTANT_NEVER);
}

int64_t terminal_write(handle_t terminal, const void *from, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        int64_t count =
            terminal_write_some(terminal, (const uint8_t *)from + done, bytes - done, 0);
        if (count < 0) {
            return count;
        }
        done += (size_t)count;
    }
    return (int64_t)done;
}

struct tty_settings terminal_settings(handle_t terminal) {
    struct tty_get_settings_reply reply = {0};
    CHECK_EQ(tty_get_settings(terminal, &reply, INSTANT_NEVER), OK);
    return reply.settings;
}

int64_t terminal_set(handle_t terminal, const struct tty_settings *settings, uint32_t when) {
    const struct tty_set_settings_request request = {.settings = *settings, .when = when};
    return tty_set_settings(terminal, &request, INSTANT_NEVER);
}

struct tty_settings settings_raw(struct tty_settings settings, uint8_t min, uint8_t time) {
    settings.iflag = settings.oflag = settings.lflag = 0;
    settings.cc[CC_MIN] = min;
    settings.cc[CC_TIME] = time;
    return settings;
}

int64_t terminal_set_group(handle_t terminal, int32_t group, uint32_t flags) {
    const struct tty_set_group_request request = {.group = group, .flags = flags};
    return tty_set_group(terminal, &request, INSTANT_NEVER);
}

int64_t terminal_control(handle_t terminal, int32_t *group, int32_t *session) {
    struct tty_get_control_reply reply = {0};
    int64_t status = tty_get_control(terminal, &reply, INSTANT_NEVER);
    *group = reply.group;
    *session = reply.session;
    return status;
}

void pair_open(handle_t *master, handle_t *slave) {
    struct tty_pair_reply pair = {0};
    const struct tty_lock_request unlock = {.locked = 0};
    CHECK_EQ(terminal_open(DEVICE_NEW_PAIR, READ_WRITE, master), OK);
    CHECK_EQ(tty_pair(*master, &pair, INSTANT_NEVER), OK);
    CHECK_EQ(pair.locked, 1);
    CHECK_EQ(terminal_open(DEVICE_PAIR(pair.number), READ_WRITE, slave), ERR_IO);
    CHECK_EQ(tty_lock(*master, &unlock, INSTANT_NEVER), OK);
    CHECK_EQ(terminal_open(DEVICE_PAIR(pair.number), READ_WRITE | TTY_OPEN_NO_CONTROL, slave), OK);
}
