// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Calls that every libc makes as it starts a thread or a program, from a program with one thread.

#include "report.h"

#include <sys/syscall.h>

enum { SET_GS = 0x1001, SET_FS = 0x1002, GET_FS = 0x1003, GET_GS = 0x1004 };

static long read_gs(long offset) {
    long value;
    __asm__ volatile("mov %%gs:(%1), %0" : "=r"(value) : "r"(offset));
    return value;
}

int main(void) {
    static long words[2] = {1111, 2222};
    int tid = 0;
    check("set_tid_address gives the thread", raw(__NR_set_tid_address, &tid) == raw(__NR_gettid));
    long base = -1;
    report_raw("base of gs", raw(__NR_arch_prctl, GET_GS, &base));
    say("%ld\n", base);
    report_raw("set it", raw(__NR_arch_prctl, SET_GS, words));
    say("%ld %ld\n", read_gs(0), read_gs(8));
    report_raw("read it back", raw(__NR_arch_prctl, GET_GS, &base));
    check("the same", base == (long)words);
    report_raw("set a kernel address", raw(__NR_arch_prctl, SET_GS, 0xffff800000000000));
    report_raw("base of fs", raw(__NR_arch_prctl, GET_FS, &base));
    report_raw("set fs to what it is", raw(__NR_arch_prctl, SET_FS, base));
    report_raw("unknown code", raw(__NR_arch_prctl, 0x999, 0));
    struct {
        void *list, *offset, *pending;
    } head = {&head, 0, 0};
    report_raw("robust list", raw(__NR_set_robust_list, &head, sizeof(head)));
    report_raw("of another size", raw(__NR_set_robust_list, &head, 7));
    int word = 5;
    report_raw("futex wait for another value", raw(__NR_futex, &word, 0, 6, 0, 0, 0));
    report_raw("futex wake nobody", raw(__NR_futex, &word, 1, 10, 0, 0, 0));
    long timeout[2] = {0, 1000000};
    report_raw("futex wait for 1 ms", raw(__NR_futex, &word, 0, 5, timeout, 0, 0));
    report_raw("futex at an odd address", raw(__NR_futex, (char *)&word + 1, 0, 5, timeout, 0, 0));
    report_raw("unknown futex operation", raw(__NR_futex, &word, 99, 5, timeout, 0, 0));
    return 0;
}
