// SPDX-License-Identifier: MIT
//
// Runs the generated stubs on the host, with their real `syscall` instruction: Linux is asked to
// turn every system call into a signal, whose handler sees the registers. It answers with a result
// and spoils the argument registers, as a long native call does.

#define _GNU_SOURCE // names of the registers

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/calls.h>
#include <sys/prctl.h>
#include <ucontext.h>

#define USER_DISPATCH 59 // PR_SET_SYSCALL_USER_DISPATCH, Linux 5.11

static volatile char catching;
static volatile size_t used; // arguments of the call that is made
static uint64_t number;
static uint64_t seen[6];

static const int registers[6] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};

static void caught(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)info;
    catching = 0;
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    number = (uint64_t)regs[REG_RAX];
    for (size_t i = 0; i < 6; i++) {
        seen[i] = (uint64_t)regs[registers[i]];
        // Only those that carry an argument may change.
        if (i < used) {
            regs[registers[i]] = 0x5a5a5a5a;
        }
    }
    regs[REG_RAX] = 42;
    regs[REG_RCX] = regs[REG_R11] = 0x5a5a5a5a;
}

static size_t calls;

static int check(uint64_t call, size_t argc, int64_t result, const uint64_t *wanted) {
    calls++;
    if (number != (0x80000000u | call) || result != 42 ||
        memcmp(seen, wanted, argc * sizeof(seen[0])) != 0) {
        printf("call %llu: rax %llx, result %lld\n", (unsigned long long)call,
               (unsigned long long)number, (long long)result);
        return 1;
    }
    return 0;
}

#define CHECK(call, argc, expression, ...)                                                         \
    do {                                                                                           \
        used = (argc);                                                                             \
        catching = 1;                                                                              \
        int64_t result = (expression);                                                             \
        failed |= check((call), (argc), result, (const uint64_t[]){__VA_ARGS__});                  \
    } while (0)

int main(void) {
    struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &action, NULL);
    if (prctl(USER_DISPATCH, 1, 0, 0, &catching) != 0) {
        printf("skip\n");
        return 0;
    }
    int failed = 0;
#include <cases.h>
    printf("%zu calls\n", calls);
    return failed;
}
