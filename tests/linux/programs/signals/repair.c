// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Handlers that change what the program returns to: a page made present, an instruction skipped, a
// register corrected.

#include "child.h"

#include <sys/mman.h>
#include <ucontext.h>

#define PAGES 16

static char *base;
static int faults;

static void on_page(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    char *page = (char *)((uintptr_t)info->si_addr & ~4095UL);
    faults++;
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    page[100] = (char)((page - base) / 4096);
}

static void on_illegal(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    ucontext_t *frame = context;
    faults++;
    // ud2 has two bytes.
    frame->uc_mcontext.gregs[REG_RIP] += 2;
    frame->uc_mcontext.gregs[REG_RBX] = 4321;
    frame->uc_mcontext.gregs[REG_R15] = 1234;
}

static void install(int signal, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    sigaction(signal, &action, NULL);
}

int main(void) {
    install(SIGSEGV, on_page);
    install(SIGILL, on_illegal);
    base = mmap(NULL, PAGES * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int sum = 0;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < PAGES; i++) {
            sum += base[i * 4096 + 100];
        }
    }
    say("sum %d, faults %d\n", sum, faults);
    long rbx = 1, r15 = 2;
    __asm__ volatile("mov $7, %%rbx\n mov $8, %%r15\n ud2\n mov %%rbx, %0\n mov %%r15, %1"
                     : "=r"(rbx), "=r"(r15)
                     :
                     : "rbx", "r15", "memory");
    say("rbx %ld, r15 %ld, faults %d\n", rbx, r15, faults);
    return 0;
}
