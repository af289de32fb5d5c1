// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc klibc
// sources: registers/call.S
// run: 300
//
// A Linux call changes rax, rcx (the address after it) and r11 (the flags), and nothing else: each
// other general register, the flags with DF among them, vector registers, their control words, the
// red zone and the bases of fs and gs are as before, whether the call succeeds, fails, or is none.

#include "registers.h"
#include "report.h"

#include <sys/mman.h>
#include <sys/syscall.h>

enum {
    FLAG_CARRY = 1 << 0,
    FLAG_ALWAYS = 1 << 1,
    FLAG_INTERRUPTS = 1 << 9,
    FLAG_DIRECTION = 1 << 10
};
enum { GET_FS = 0x1003, GET_GS = 0x1004 };

static int wrong;
static uint64_t state = 88172645463325252;

static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void fill(uint64_t flags) {
    uint64_t *words = (uint64_t *)&registers_before;
    for (size_t i = 0; i < sizeof(registers_before) / 8; i++) {
        words[i] = next();
    }
    registers_before.flags = flags;
    registers_before.mxcsr = 0x1f80;
    registers_before.x87_control = 0x37f;
}

static void expect(const char *call, const char *what, uint64_t wanted, uint64_t found) {
    // A few lines tell enough.
    if (wanted != found && wrong++ < 20) {
        say("%s: %s is %llx, not %llx\n", call, what, (unsigned long long)found,
            (unsigned long long)wanted);
    }
}

#define SAME(name) expect(call, #name, registers_before.name, registers_after.name)

static void compare(const char *call) {
    SAME(rbx);
    SAME(rdx);
    SAME(rsi);
    SAME(rdi);
    SAME(rbp);
    SAME(r8);
    SAME(r9);
    SAME(r10);
    SAME(r12);
    SAME(r13);
    SAME(r14);
    SAME(r15);
    SAME(flags);
    SAME(mxcsr);
    SAME(x87_control);
    expect(call, "rcx", (uint64_t)registers_return, registers_after.rcx);
    expect(call, "r11", registers_before.flags, registers_after.r11);
    for (int i = 0; i < REGISTERS_RED_ZONE_WORDS; i++) {
        SAME(red_zone[i]);
    }
    expect(call, "a vector", digest(registers_before.vectors, sizeof(registers_before.vectors)),
           digest(registers_after.vectors, sizeof(registers_after.vectors)));
}

// One call with chance in every register that is not an argument.
static int64_t call_with(const char *name, long number, long a, long b, long c) {
    static const uint64_t flag_sets[] = {0, FLAG_CARRY, FLAG_DIRECTION,
                                         FLAG_CARRY | FLAG_DIRECTION};
    fill(flag_sets[next() % 4] | FLAG_ALWAYS | FLAG_INTERRUPTS);
    registers_before.rax = (uint64_t)number;
    registers_before.rdi = (uint64_t)a;
    registers_before.rsi = (uint64_t)b;
    registers_before.rdx = (uint64_t)c;
    registers_call();
    compare(name);
    return (int64_t)registers_after.rax;
}

static void expect_result(const char *name, bool holds) {
    if (!holds && wrong++ < 20) {
        say("%s: the result is %lld\n", name, (long long)registers_after.rax);
    }
}

static void round_of_calls(void) {
    static char buffer[256];
    expect_result("getpid", call_with("getpid", __NR_getpid, 0, 0, 0) > 0);
    expect_result("getuid", call_with("getuid", __NR_getuid, 0, 0, 0) == 0);
    expect_result("write", call_with("write", __NR_write, 1, (long)"", 0) == 0);
    expect_result("clock", call_with("clock", __NR_clock_gettime, 1, (long)buffer, 0) == 0);
    expect_result("EFAULT", call_with("EFAULT", __NR_clock_gettime, 1, 8, 0) == -EFAULT);
    expect_result("EBADF", call_with("EBADF", __NR_write, 99, (long)buffer, 5) == -EBADF);
    expect_result("ENOSYS", call_with("ENOSYS", 9999, 1, 2, 3) == -ENOSYS);
    expect_result("random", call_with("random", __NR_getrandom, (long)buffer, 100, 0) == 100);
    expect_result("brk", call_with("brk", __NR_brk, 0, 0, 0) > 0);
    expect_result("yield", call_with("yield", __NR_sched_yield, 0, 0, 0) == 0);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 10;
    uint64_t fs[2] = {0}, gs[2] = {0};
    raw(__NR_arch_prctl, GET_FS, &fs[0]);
    raw(__NR_arch_prctl, GET_GS, &gs[0]);
    for (int i = 0; i < rounds; i++) {
        round_of_calls();
    }
    raw(__NR_arch_prctl, GET_FS, &fs[1]);
    raw(__NR_arch_prctl, GET_GS, &gs[1]);
    check("base of fs", fs[0] == fs[1]);
    check("base of gs", gs[0] == gs[1]);
    say("%d rounds, %d wrong\n", rounds, wrong);
    return wrong != 0;
}
