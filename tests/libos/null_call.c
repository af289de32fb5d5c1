// SPDX-License-Identifier: MIT
//
// What a Linux call costs that needs nobody else: getppid, in cycles of the time stamp counter,
// which with --icount are instructions. Prints "getppid N".

#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>

#define ROUNDS 10000

static uint64_t cycles(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static void call(long number) {
    __asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
}

int main(void) {
    call(SYS_getppid);
    uint64_t start = cycles();
    for (int i = 0; i < ROUNDS; i++) {
        __asm__ volatile("");
    }
    uint64_t empty = cycles() - start;
    start = cycles();
    for (int i = 0; i < ROUNDS; i++) {
        call(SYS_getppid);
    }
    printf("getppid %lu\n", (unsigned long)((cycles() - start - empty) / ROUNDS));
    return 0;
}
