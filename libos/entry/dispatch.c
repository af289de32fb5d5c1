// SPDX-License-Identifier: MIT
//
// Calls that do not go straight through the table: numbers past its end, and all calls of a thread
// that is traced.

#include <entry/dispatch.h>

#include <core/process.h>
#include <core/trace.h>
#include <linux/handlers.h>

int64_t linux_absent(struct linux_thread *self, const uint64_t args[LINUX_CALL_ARGS]) {
    (void)self;
    (void)args;
    return -LINUX_ENOSYS;
}

int64_t dispatch_slow(struct linux_thread *self, const uint64_t args[LINUX_CALL_ARGS],
                      uint32_t number) {
    linux_handler_t handler = number < LINUX_CALL_COUNT ? linux_dispatch[number] : linux_absent;
    if (!process_current()->trace) {
        return handler(self, args);
    }
    trace_begin(self, args, number);
    int64_t result = handler(self, args);
    trace_end(self, args, number, result);
    return result;
}
