// SPDX-License-Identifier: MIT
//
// Making threads and processes: clone, clone3, fork, vfork.

#include <core/access.h>
#include <core/process.h>
#include <core/threads.h>

int64_t clone_from_registers(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return -LINUX_ENOSYS;
}

int64_t clone3_from_registers(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return -LINUX_ENOSYS;
}

void clone_begin(struct linux_thread *self) {
    thread_end(self, 0);
}
