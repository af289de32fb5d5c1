// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc klibc
// run: null-read
// status: 139
// run: null-write
// status: 139
// run: null-call
// status: 139
// run: wild
// status: 139
// run: not-canonical
// status: 139
// run: kernel
// status: 139
// run: read-only
// status: 139
// run: code-write
// status: 139
// run: no-exec
// status: 139
// run: stack
// status: 139
// run: privileged
// status: 139
// run: port
// status: 139
// run: divide
// status: 136
// run: illegal
// status: 132
// run: breakpoint
// status: 133
// run: abort
// status: 134
//
// Each way to be ended by the CPU, with what the parent sees of it: 128 and the number of the
// signal. What was written before is not lost.

#include "report.h"

#include <sys/mman.h>

static const char constant[] = "constant";

// The compiler must not know that the address is bad.
static char *hide(long address) {
    __asm__ volatile("" : "+r"(address));
    return (char *)address;
}

// Named by a pointer, so that the compiler does not see that there is no end.
static int (*volatile again)(int depth);

static int overflow(int depth) {
    volatile char room[4096];
    room[0] = (char)depth;
    return again(depth + 1) + room[0];
}

static void run_data(void) {
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = (char)0xc3;
    void (*code)(void);
    memcpy(&code, &page, sizeof(code));
    code();
}

static void touch(const char *how) {
    if (strcmp(how, "null-read") == 0) {
        (void)*(volatile char *)hide(0);
    } else if (strcmp(how, "null-write") == 0) {
        *(volatile char *)hide(8) = 1;
    } else if (strcmp(how, "wild") == 0) {
        (void)*(volatile char *)hide(0x123456789000);
    } else if (strcmp(how, "not-canonical") == 0) {
        (void)*(volatile char *)hide(0x1234567890abcdef);
    } else if (strcmp(how, "kernel") == 0) {
        (void)*(volatile char *)hide((long)0xffffffff80000000);
    } else if (strcmp(how, "read-only") == 0) {
        *(volatile char *)hide((long)constant) = 'C';
    } else if (strcmp(how, "code-write") == 0) {
        *(volatile char *)hide((long)touch) = 0;
    }
}

static void execute(const char *how) {
    if (strcmp(how, "null-call") == 0) {
        ((void (*)(void))hide(0))();
    } else if (strcmp(how, "no-exec") == 0) {
        run_data();
    } else if (strcmp(how, "stack") == 0) {
        again = overflow;
        say("%d\n", overflow(0));
    } else if (strcmp(how, "privileged") == 0) {
        __asm__ volatile("hlt");
    } else if (strcmp(how, "port") == 0) {
        __asm__ volatile("outb %%al, $0x80" ::"a"(0));
    } else if (strcmp(how, "divide") == 0) {
        __asm__ volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx" ::"a"(1) : "ecx", "edx");
    } else if (strcmp(how, "illegal") == 0) {
        __asm__ volatile("ud2");
    } else if (strcmp(how, "breakpoint") == 0) {
        __asm__ volatile("int3");
    } else if (strcmp(how, "abort") == 0) {
        abort();
    }
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    say("now: %s\n", how);
    touch(how);
    execute(how);
    say("still alive\n");
    return 0;
}
