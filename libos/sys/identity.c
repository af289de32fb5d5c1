// SPDX-License-Identifier: MIT
//
// Who the process is: read from the identity page that procd writes, without a call.

#include <core/access.h>
#include <core/process.h>
#include <linux/handlers.h>

int64_t linux_getpid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return identity_current()->pid;
}

int64_t linux_gettid(struct linux_thread *self, const uint64_t args[6]) {
    (void)args;
    return self->tid;
}

int64_t linux_getppid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return identity_current()->ppid;
}

int64_t linux_getuid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return identity_current()->uid;
}

int64_t linux_geteuid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return identity_current()->euid;
}

int64_t linux_getgid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return identity_current()->gid;
}

int64_t linux_getegid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return identity_current()->egid;
}

int64_t linux_getresuid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    const volatile struct identity_page *identity = identity_current();
    return store_user32(args[0], identity->uid) && store_user32(args[1], identity->euid) &&
                   store_user32(args[2], identity->suid)
               ? 0
               : -LINUX_EFAULT;
}

int64_t linux_getresgid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    const volatile struct identity_page *identity = identity_current();
    return store_user32(args[0], identity->gid) && store_user32(args[1], identity->egid) &&
                   store_user32(args[2], identity->sgid)
               ? 0
               : -LINUX_EFAULT;
}

int64_t linux_getgroups(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    const volatile struct identity_page *identity = identity_current();
    uint32_t count = identity->group_count < 32 ? identity->group_count : 32;
    int32_t room = (int32_t)args[0];
    if (room < 0 || (room > 0 && (uint32_t)room < count)) {
        return -LINUX_EINVAL;
    }
    for (uint32_t i = 0; room > 0 && i < count; i++) {
        if (!store_user32(args[1] + i * 4, identity->groups[i])) {
            return -LINUX_EFAULT;
        }
    }
    return count;
}
