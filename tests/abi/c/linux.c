// SPDX-License-Identifier: MIT
//
// Calls through the dispatch of the sample tables, and prints what the tracer's table says.

#include <linux/handlers.h>
#include <linux/table.h>
#include <stdio.h>

int64_t linux_absent(struct linux_thread *self, const uint64_t args[LINUX_CALL_ARGS]) {
    (void)self, (void)args;
    return -LINUX_ENOSYS;
}

// The handlers answer who they are.
#define HANDLER(name, value)                                                                       \
    int64_t linux_##name(struct linux_thread *self, const uint64_t args[LINUX_CALL_ARGS]) {        \
        (void)self;                                                                                \
        return (value) + (int64_t)args[0];                                                         \
    }
HANDLER(read, 100)
HANDLER(write, 200)
HANDLER(brk, 300)
HANDLER(exit, 400)

int main(void) {
    const uint64_t args[LINUX_CALL_ARGS] = {7};
    for (int number = 0; number < LINUX_CALL_COUNT; number++) {
        const struct linux_call_info *info = &linux_calls[number];
        printf("%d %s %s %d %d %d %lld\n", number, info->name ? info->name : "-",
               linux_family_names[info->family], info->state, info->result, info->arg_count,
               (long long)linux_dispatch[number](0, args));
    }
    printf("%s %s\n", linux_error_names[LINUX_ENOENT], linux_error_names[3] ? "?" : "-");
    return 0;
}
