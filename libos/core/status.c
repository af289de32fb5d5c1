// SPDX-License-Identifier: MIT

#include <core/status.h>

#define IS(status, error) [-ERR_##status] = LINUX_##error

// What a status means where a call has no better word for it.
static const uint8_t errors[STATUS_LAST + 1] = {
    IS(INVALID_ARGUMENT, EINVAL),
    IS(BAD_HANDLE, EBADF),
    IS(WRONG_TYPE, EBADF),
    IS(ACCESS_DENIED, EACCES),
    IS(NO_MEMORY, ENOMEM),
    IS(LIMIT, ENOMEM),
    IS(OUT_OF_RANGE, EINVAL),
    IS(FAULT, EFAULT),
    IS(NO_SUCH_CALL, ENOSYS),
    IS(NOT_SUPPORTED, EOPNOTSUPP),
    IS(BAD_STATE, EIO),
    IS(ALREADY_EXISTS, EEXIST),
    IS(NOT_FOUND, ENOENT),
    IS(WOULD_BLOCK, EAGAIN),
    IS(TIMED_OUT, ETIMEDOUT),
    IS(INTERRUPTED, EINTR),
    IS(PEER_CLOSED, EIO),
    IS(QUARANTINED, EIO),
    IS(STALE_TOKEN, EIO),
    IS(NEEDS_PAGE, EFAULT),
    IS(BUFFER_TOO_SMALL, EINVAL),
    IS(NOT_DONE, EINTR),
    IS(CALLER_GONE, EIO),
    IS(BUSY, EBUSY),
    IS(TOUCH, EIO),
    IS(CORRUPT, EIO),
    IS(IO, EIO),
    IS(PROTOCOL, EIO),
    IS(NO_SPACE, ENOSPC),
    IS(NOT_DIRECTORY, ENOTDIR),
    IS(IS_DIRECTORY, EISDIR),
    IS(NOT_EMPTY, ENOTEMPTY),
    IS(TOO_MANY_LINKS, ELOOP),
    IS(NAME_TOO_LONG, ENAMETOOLONG),
    IS(CROSS_DEVICE, EXDEV),
    IS(READ_ONLY, EROFS),
    IS(NOT_PERMITTED, EPERM),
    IS(FORBIDDEN, EACCES),
    IS(NO_PROCESS, ESRCH),
    IS(NO_CHILD, ECHILD),
    IS(FILE_TOO_LARGE, EFBIG),
    IS(BACKGROUND, EIO),
    IS(DEADLOCK, EDEADLK),
};

int64_t linux_result(int64_t result) {
    if (result >= 0) {
        return result;
    }
    uint8_t error = -result <= STATUS_LAST ? errors[-result] : 0;
    return error != 0 ? -(int64_t)error : -LINUX_EIO;
}
