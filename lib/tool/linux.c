// SPDX-License-Identifier: MIT

#include <tool/linux.h>

// Numbers of x86_64.
enum {
    CALL_READ = 0,
    CALL_WRITE = 1,
    CALL_OPEN = 2,
    CALL_IOCTL = 16,
    CALL_FCNTL = 72,
    CALL_EXIT_GROUP = 231,
};

#define F_SETFL 4

int64_t linux_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c) {
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

int64_t linux_open(const char *path, uint32_t flags) {
    return linux_call(CALL_OPEN, (uint64_t)path, flags, 0);
}

int64_t linux_read(int64_t fd, void *buffer, size_t bytes) {
    return linux_call(CALL_READ, (uint64_t)fd, (uint64_t)buffer, bytes);
}

int64_t linux_ioctl(int64_t fd, uint32_t request, void *argument) {
    return linux_call(CALL_IOCTL, (uint64_t)fd, request, (uint64_t)argument);
}

int64_t linux_set_waiting(int64_t fd) {
    return linux_call(CALL_FCNTL, (uint64_t)fd, F_SETFL, 0);
}

bool linux_write_all(int64_t fd, const void *data, size_t bytes) {
    const char *at = data;
    while (bytes > 0) {
        int64_t put = linux_call(CALL_WRITE, (uint64_t)fd, (uint64_t)at, bytes);
        if (put <= 0) {
            return false;
        }
        at += put;
        bytes -= (size_t)put;
    }
    return true;
}

_Noreturn void linux_exit(int64_t status) {
    linux_call(CALL_EXIT_GROUP, (uint64_t)status, 0, 0);
    __builtin_trap();
}
