// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// What a handler is told: who sent it and why, where a fault was, what stands in the frame.

#include "child.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

static sigjmp_buf place;
static char *volatile fault_address;

static void on_sent(int signal, siginfo_t *info, void *context) {
    (void)context;
    say("%d: signo %d, code %d, errno %d, from me: %d, my user: %d\n", signal, info->si_signo,
        info->si_code, info->si_errno, info->si_pid == getpid(), info->si_uid == getuid());
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    const ucontext_t *frame = context;
    say("%d: code %d, address %s, trap %lld, error %lld\n", signal, info->si_code,
        info->si_addr == fault_address ? "as expected" : "another",
        (long long)frame->uc_mcontext.gregs[REG_TRAPNO],
        (long long)frame->uc_mcontext.gregs[REG_ERR] & 0x1f);
    siglongjmp(place, 1);
}

static void on_cpu_fault(int signal, siginfo_t *info, void *context) {
    const ucontext_t *frame = context;
    say("%d: code %d, at the instruction: %d, trap %lld\n", signal, info->si_code,
        (long long)info->si_addr == frame->uc_mcontext.gregs[REG_RIP],
        (long long)frame->uc_mcontext.gregs[REG_TRAPNO]);
    siglongjmp(place, 1);
}

static void install(int signal, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    sigaction(signal, &action, NULL);
}

static void try_faults(void) {
    install(SIGSEGV, on_fault);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fault_address = page + 5;
    if (!sigsetjmp(place, 1)) {
        say("write to what can only be read\n");
        *fault_address = 1;
    }
    munmap(page, 4096);
    if (!sigsetjmp(place, 1)) {
        say("read what is not there\n");
        (void)*(volatile char *)fault_address;
    }
    if (!sigsetjmp(place, 1)) {
        say("run what is not there\n");
        void (*code)(void);
        memcpy(&code, (void *)&fault_address, sizeof(code));
        code();
    }
    fault_address = NULL;
    if (!sigsetjmp(place, 1)) {
        say("an address that is none: the CPU does not tell it\n");
        (void)*(volatile char *)0x1234567890abcdef;
    }
}

static void try_instructions(void) {
    install(SIGFPE, on_cpu_fault);
    install(SIGILL, on_cpu_fault);
    if (!sigsetjmp(place, 1)) {
        say("divide by zero\n");
        __asm__ volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx" ::"a"(1) : "ecx", "edx");
    }
    if (!sigsetjmp(place, 1)) {
        say("an instruction that there is not\n");
        __asm__ volatile("ud2");
    }
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    say("still blocked: %d\n", sigismember(&mask, SIGFPE) || sigismember(&mask, SIGILL));
}

int main(void) {
    install(SIGUSR1, on_sent);
    kill(getpid(), SIGUSR1);
    raw(__NR_tkill, raw(__NR_gettid), SIGUSR1);
    raw(__NR_tgkill, getpid(), raw(__NR_gettid), SIGUSR1);
    report_raw("tgkill of no such thread", raw(__NR_tgkill, getpid(), 4000000, SIGUSR1));
    report_raw("tgkill of thread 0", raw(__NR_tgkill, getpid(), 0, SIGUSR1));
    try_faults();
    try_instructions();
    return 0;
}
