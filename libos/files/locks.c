// SPDX-License-Identifier: MIT

#include <files/locks.h>

#include <core/access.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <proto/fs_client.h>

enum lock_command { F_GETLK = 5, F_SETLK, F_SETLKW, F_OFD_GETLK = 36, F_OFD_SETLK, F_OFD_SETLKW };
enum stretch_type { F_RDLCK, F_WRLCK, F_UNLCK };
enum flock_operation { LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8 };
enum whence { SEEK_SET, SEEK_CUR, SEEK_END };

#define WHOLE_FILE UINT64_MAX

struct file_lock {
    int16_t type, whence;
    int32_t pad;
    int64_t start, length;
    int32_t pid, pad2;
};
static_assert(sizeof(struct file_lock) == 32, "struct flock of Linux");

static const uint32_t types[] = {
    [F_RDLCK] = FS_LOCK_READ, [F_WRLCK] = FS_LOCK_WRITE, [F_UNLCK] = FS_LOCK_NONE};

// Where the stretch begins and ends. EINVAL, EOVERFLOW.
static int64_t stretch(struct description *file, const struct file_lock *lock, uint64_t *start,
                       uint64_t *end) {
    struct fs_attributes attributes;
    int64_t base = 0, first, last = INT64_MAX;
    if (lock->whence == SEEK_CUR) {
        base = file->kind != FD_FILE || file->ops->seek == NULL
                   ? 0
                   : file->ops->seek(file, 0, SEEK_CUR);
    } else if (lock->whence == SEEK_END) {
        base = file->ops->stat(file, &attributes);
        base = base < 0 ? base : (int64_t)attributes.size;
    }
    if (base < 0) {
        return base;
    }
    if (__builtin_add_overflow(base, lock->start, &first)) {
        return -LINUX_EOVERFLOW;
    }
    if (lock->length < 0) {
        last = first - 1;
        if (__builtin_add_overflow(first, lock->length, &first)) {
            return -LINUX_EINVAL;
        }
    } else if (lock->length > 0 && __builtin_add_overflow(first, lock->length - 1, &last)) {
        return -LINUX_EOVERFLOW;
    }
    if (first < 0) {
        return -LINUX_EINVAL;
    }
    *start = (uint64_t)first;
    *end = last == INT64_MAX ? WHOLE_FILE : (uint64_t)last;
    return 0;
}

// The result of a call that may have waited.
static int64_t waited(int64_t result) {
    return result == ERR_INTERRUPTED     ? -LINUX_ERESTARTSYS
           : result == ERR_LIMIT         ? -LINUX_ENOLCK
           : result == ERR_NOT_SUPPORTED ? -LINUX_ENOLCK
                                         : linux_result(result);
}

static int64_t test(struct description *file, struct file_lock *lock, bool own, uint64_t start,
                    uint64_t end, uint64_t argument) {
    const struct fs_lock_test_request request = {
        .start = start,
        .end = end,
        .kind = own ? FS_LOCK_DESCRIPTION : FS_LOCK_PROCESS,
        .type = types[lock->type],
    };
    struct fs_lock_test_reply reply;
    int64_t result = fs_lock_test(file->handle, &request, &reply, INSTANT_NEVER);
    if (result < 0) {
        return waited(result);
    }
    lock->type = reply.type == FS_LOCK_NONE    ? F_UNLCK
                 : reply.type == FS_LOCK_WRITE ? F_WRLCK
                                               : F_RDLCK;
    if (reply.type != FS_LOCK_NONE) {
        lock->whence = SEEK_SET;
        lock->start = (int64_t)reply.start;
        lock->length = reply.end == WHOLE_FILE ? 0 : (int64_t)(reply.end - reply.start + 1);
        lock->pid = reply.pid;
    }
    return copy_out(argument, lock, sizeof(*lock)) ? 0 : -LINUX_EFAULT;
}

// On what is no file nobody has a lock.
static int64_t tell_none(struct file_lock *lock, uint64_t argument) {
    lock->type = F_UNLCK;
    return copy_out(argument, lock, sizeof(*lock)) ? 0 : -LINUX_EFAULT;
}

int64_t lock_command(struct linux_thread *self, struct description *file, int command,
                     uint64_t argument) {
    struct file_lock lock;
    bool own = command >= F_OFD_GETLK;
    bool tests = command == F_GETLK || command == F_OFD_GETLK;
    (void)self;
    if (!copy_in(&lock, argument, sizeof(lock))) {
        return -LINUX_EFAULT;
    }
    bool known = lock.type >= 0 && lock.type <= F_UNLCK && lock.whence >= 0 && lock.whence <= 2;
    if (!known || (own && lock.pid != 0) || (tests && !own && lock.type == F_UNLCK)) {
        return -LINUX_EINVAL;
    }
    bool regular = file->kind == FD_FILE && file->device == 0;
    uint64_t start = 0, end = 0;
    int64_t result = stretch(file, &lock, &start, &end);
    if (result < 0) {
        return result;
    }
    if (tests) {
        return regular ? test(file, &lock, own, start, end, argument) : tell_none(&lock, argument);
    }
    if ((lock.type == F_RDLCK && !can_read(file)) || (lock.type == F_WRLCK && !can_write(file))) {
        return -LINUX_EBADF;
    }
    if (!regular) {
        return 0; // make locks the pipe that it writes to; nobody keeps such locks
    }
    const struct fs_lock_request request = {
        .start = start,
        .end = end,
        .kind = own ? FS_LOCK_DESCRIPTION : FS_LOCK_PROCESS,
        .type = types[lock.type],
        .wait = command == F_SETLKW || command == F_OFD_SETLKW,
        .pid = identity_current()->pid,
    };
    if (!own && lock.type != F_UNLCK) {
        process_current()->has_locks = true; // before: a thread may close meanwhile
    }
    return waited(fs_lock(file->handle, &request, INSTANT_NEVER));
}

int64_t lock_whole(struct linux_thread *self, struct description *file, uint32_t operation) {
    uint32_t kind = operation & ~(uint32_t)LOCK_NB;
    (void)self;
    if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN) {
        return -LINUX_EINVAL;
    }
    if (file->kind != FD_FILE) {
        return 0; // of what is no file nobody else has a description that would ask
    }
    const struct fs_lock_request request = {
        .end = WHOLE_FILE,
        .kind = FS_LOCK_FLOCK,
        .type = kind == LOCK_SH   ? FS_LOCK_READ
                : kind == LOCK_EX ? FS_LOCK_WRITE
                                  : FS_LOCK_NONE,
        .wait = (operation & LOCK_NB) == 0,
    };
    return waited(fs_lock(file->handle, &request, INSTANT_NEVER));
}

void lock_descriptor_closes(struct description *file) {
    const struct fs_lock_request request = {.end = WHOLE_FILE, .kind = FS_LOCK_PROCESS};
    if (process_current()->has_locks && file->kind == FD_FILE && !file->directory) {
        // A server without locks has none of ours.
        (void)!fs_lock(file->handle, &request, INSTANT_NEVER);
    }
}
