// SPDX-License-Identifier: MIT

#include <core/access.h>

#include <abi/linux/errno.h>

int64_t copy_string_in(char *to, uint64_t from, size_t size) {
    if (!user_range(from, 1)) {
        return -LINUX_EFAULT;
    }
    uint64_t room = LINUX_ADDR_MAX - from;
    uint64_t max = room < size ? room : size;
    int64_t length = access_string(to, (const char *)from, max);
    if (length < 0) {
        return -LINUX_EFAULT;
    }
    if ((uint64_t)length < max) {
        return length;
    }
    return max == size ? -LINUX_ENAMETOOLONG : -LINUX_EFAULT;
}
