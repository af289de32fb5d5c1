// SPDX-License-Identifier: MIT
// libcs: musl glibc
// sources: registers/call.S
// run: 150
//
// The same as preserve, while signals come in whenever they like: a handler that spoils each
// register, vectors among them, must not be felt by the code that it interrupts, neither in a call
// nor between two.

#include "child.h"
#include "registers.h"

#include <sys/syscall.h>
#include <sys/time.h>

enum { FLAGS = 0x202, WORDS = 4096 };

static volatile int signals;
static int wrong;

static void on_tick(int signal) {
    (void)signal;
    signals++;
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n pcmpeqd %%xmm7, %%xmm7\n pcmpeqd %%xmm15, %%xmm15\n"
                     "mov $-1, %%rbx\n mov $-1, %%r8\n mov $-1, %%r12\n mov $-1, %%r15\n std\n cld"
                     :
                     :
                     : "xmm0", "xmm7", "xmm15", "rbx", "r8", "r12", "r15", "cc");
}

static void fill(uint64_t seed) {
    uint64_t *words = (uint64_t *)&registers_before;
    for (size_t i = 0; i < sizeof(registers_before) / 8; i++) {
        words[i] = seed * 0x9e3779b97f4a7c15 + i * 0x100000001b3;
    }
    registers_before.flags = FLAGS | (seed % 2 << 10);
    registers_before.mxcsr = 0x1f80;
    registers_before.x87_control = 0x37f;
}

static bool same(void) {
    const struct registers *a = &registers_before, *b = &registers_after;
    return a->rbx == b->rbx && a->rdx == b->rdx && a->rsi == b->rsi && a->rdi == b->rdi &&
           a->rbp == b->rbp && a->r8 == b->r8 && a->r9 == b->r9 && a->r10 == b->r10 &&
           a->r12 == b->r12 && a->r13 == b->r13 && a->r14 == b->r14 && a->r15 == b->r15 &&
           a->flags == b->flags && memcmp(a->red_zone, b->red_zone, sizeof(a->red_zone)) == 0 &&
           memcmp(a->vectors, b->vectors, sizeof(a->vectors)) == 0;
}

// A stretch of plain computing, with a known result.
static uint64_t compute(void) {
    static uint64_t words[WORDS];
    double sum = 1;
    for (uint64_t i = 0; i < WORDS; i++) {
        words[i] = (i ? words[i - 1] : 1) * 6364136223846793005 + 1442695040888963407;
        sum = sum * 0.5 + (double)(words[i] >> 40);
    }
    return words[WORDS - 1] ^ (uint64_t)sum;
}

int main(int argc, char **argv) {
    int wanted = argc > 1 ? atoi(argv[1]) : 10;
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_tick;
    uint64_t expected = compute();
    sigaction(SIGALRM, &action, NULL);
    struct itimerval value = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &value, NULL);
    for (uint64_t i = 0; signals < wanted; i++) {
        fill(i);
        registers_before.rax = i % 3 ? __NR_getppid : 9999;
        registers_call();
        wrong += !same();
        wrong += compute() != expected;
    }
    value = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &value, NULL);
    say("%d wrong\n", wrong);
    return wrong != 0;
}
