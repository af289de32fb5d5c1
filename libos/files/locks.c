// SPDX-License-Identifier: MIT

#include <files/locks.h>

#include <core/access.h>

#define F_GETLK 5
#define F_UNLCK 2

struct file_lock {
    int16_t type, whence;
    int32_t pad;
    int64_t start, length;
    int32_t pid, pad2;
};

int64_t lock_command(struct linux_thread *self, struct description *file, int command,
                     uint64_t argument) {
    (void)self;
    struct file_lock lock;
    if (file->kind != FD_FILE) {
        return -LINUX_EINVAL;
    }
    if (!copy_in(&lock, argument, sizeof(lock))) {
        return -LINUX_EFAULT;
    }
    if (lock.type < 0 || lock.type > F_UNLCK || lock.whence < 0 || lock.whence > 2) {
        return -LINUX_EINVAL;
    }
    if (command == F_GETLK) {
        lock.type = F_UNLCK;
        return copy_out(argument, &lock, sizeof(lock)) ? 0 : -LINUX_EFAULT;
    }
    return 0;
}
