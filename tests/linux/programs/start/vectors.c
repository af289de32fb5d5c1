// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Vectors of 16 and, where the CPU has AVX, 32 bytes, live over Linux calls.

#include "report.h"

#include <sys/syscall.h>

typedef int vector4 __attribute__((vector_size(16)));
typedef float vector8 __attribute__((vector_size(32)));

static uint32_t rounds_of_16(void) {
    vector4 a = {1, 2, 3, 4}, b = {5, 7, 11, 13};
    for (int i = 0; i < 1000; i++) {
        a = a * b + (vector4){i, i + 1, i + 2, i + 3};
        raw(__NR_getppid);
        b ^= a;
    }
    return digest(&a, sizeof(a));
}

__attribute__((target("avx"))) static uint32_t rounds_of_32(void) {
    vector8 a = {1, 2, 3, 4, 5, 6, 7, 8};
    for (int i = 0; i < 1000; i++) {
        a = a * 0.5f + (float)i;
        raw(__NR_getppid);
        // The upper halves are what only xsave keeps.
        __asm__ volatile("" : "+x"(a));
    }
    return digest(&a, sizeof(a));
}

// The same in single numbers.
static uint32_t expected_of_32(void) {
    float a[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (int i = 0; i < 1000; i++) {
        for (int lane = 0; lane < 8; lane++) {
            a[lane] = a[lane] * 0.5f + (float)i;
        }
    }
    return digest(a, sizeof(a));
}

int main(void) {
    say("16 bytes: %u\n", rounds_of_16());
    check("32 bytes", !__builtin_cpu_supports("avx") || rounds_of_32() == expected_of_32());
    return 0;
}
