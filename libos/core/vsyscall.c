// SPDX-License-Identifier: MIT

#include <core/vsyscall.h>

#include <abi/linux/calls.h>
#include <core/access.h>
#include <linux/handlers.h>

#define VSYSCALL_PAGE 0xffffffffff600000UL
#define ENTRY_BYTES 1024

bool vsyscall_emulate(struct linux_thread *self, struct registers *registers) {
    static const uint16_t calls[] = {LINUX_CALL_GETTIMEOFDAY, LINUX_CALL_TIME, LINUX_CALL_GETCPU};
    uint64_t at = registers->rip - VSYSCALL_PAGE;
    uint64_t back;
    if (at % ENTRY_BYTES != 0 || at / ENTRY_BYTES >= sizeof(calls) / sizeof(calls[0]) ||
        !load_user64(registers->rsp, &back)) {
        return false;
    }
    const uint64_t args[6] = {registers->rdi, registers->rsi, 0};
    registers->rax = (uint64_t)linux_dispatch[calls[at / ENTRY_BYTES]](self, args);
    registers->rip = back;
    registers->rsp += 8;
    return true;
}
