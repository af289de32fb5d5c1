// SPDX-License-Identifier: MIT
//
// Strange but allowed: states of the registers that the kernel meets at calls and interrupts and
// must neither trust nor lose.

#include "violations.h"

#include "suite.h"

#define SPIN "mov $3000000, %%ecx\n1: dec %%ecx\n\tjnz 1b\n\t"
// A native call that always works; the time in rax.
#define CLOCK "mov $0x80000068, %%eax\n\tsyscall\n\t"

// The kernel has a stack of its own: the program's may point anywhere while it calls and spins.
static int64_t call_with_stack(uint64_t stack) {
    int64_t result;
    __asm__ volatile("mov %%rsp, %%rbx\n\tmov %[stack], %%rsp\n\t" CLOCK SPIN CLOCK
                     "mov %%rbx, %%rsp"
                     : "=&a"(result)
                     : [stack] "r"(stack)
                     : "rbx", "rcx", "r11", "memory");
    return result > 0 ? 0 : 1;
}

static int64_t stack_null(void) {
    return call_with_stack(0);
}

static int64_t stack_kernel(void) {
    return call_with_stack(0xffff800000001000);
}

static int64_t stack_not_canonical(void) {
    return call_with_stack(0x0000800000000000);
}

static int64_t stack_misaligned(void) {
    return call_with_stack(0x400001);
}

// A page fault with the stack nowhere: the kernel fills the page, and the program goes on.
static int64_t fault_with_stack_nowhere(void) {
    volatile uint8_t *page = pages_map(1);
    __asm__ volatile("mov %%rsp, %%rbx\n\txor %%esp, %%esp\n\tmovb $7, (%0)\n\tmov %%rbx, %%rsp"
                     :
                     : "r"(page)
                     : "rbx", "memory");
    return *page == 7 ? 0 : 1;
}

// Flags: direction, alignment check, nested task, identification, carry and the like.
static int64_t call_with_flags(uint64_t flags) {
    int64_t result;
    uint64_t seen;
    __asm__ volatile(
        "pushfq\n\tmov %[flags], %%rax\n\tor (%%rsp), %%rax\n\tpush %%rax\n\tpopfq\n\t" CLOCK SPIN
            CLOCK "pushfq\n\tpop %[seen]\n\tpopfq\n\tcld"
        : "=&a"(result), [seen] "=&r"(seen)
        : [flags] "r"(flags)
        : "rbx", "rcx", "r11", "memory", "cc");
    uint64_t arithmetic = 0x8d5; // changed by the loop
    return result > 0 && (seen & flags & ~arithmetic) == (flags & ~arithmetic) ? 0 : 1;
}

static int64_t flags_direction(void) {
    return call_with_flags(0x400);
}

static int64_t flags_alignment(void) {
    return call_with_flags(0x40000);
}

static int64_t flags_nested_task(void) {
    return call_with_flags(0x4000);
}

static int64_t flags_all(void) {
    return call_with_flags(0x244cd5);
}

// popf in user mode changes neither the interrupt flag nor the I/O privilege level.
static int64_t flags_privileged(void) {
    uint64_t seen;
    __asm__ volatile("pushfq\n\tmov (%%rsp), %%rax\n\tor $0x3000, %%rax\n\tand $~0x200, %%rax\n\t"
                     "push %%rax\n\tpopfq\n\tpushfq\n\tpop %0\n\tpopfq"
                     : "=r"(seen)
                     :
                     : "rax", "memory", "cc");
    return (seen & 0x3000) == 0 && (seen & 0x200) != 0 ? 0 : 1;
}

static uint64_t read_gs_base(void) {
    uint64_t base;
    __asm__ volatile("rdgsbase %0" : "=r"(base));
    return base;
}

static uint64_t read_fs_base(void) {
    uint64_t base;
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

// The base registers are the program's own: the kernel must find its way without trusting them, and
// keep them over switches.
static int64_t bases_hold(uint64_t fs, uint64_t gs) {
    __asm__ volatile("wrfsbase %0\n\twrgsbase %1" : : "r"(fs), "r"(gs));
    for (int i = 0; i < 50; i++) {
        (void)!sys_thread_sleep(in(MICROSECONDS(300)), 0);
        if (read_fs_base() != fs || read_gs_base() != gs) {
            return 1;
        }
    }
    return now() > 0 ? 0 : 1;
}

static int64_t bases_of_the_kernel(void) {
    return bases_hold(0xffffffff80200000, 0xffff800000000000);
}

static int64_t bases_small(void) {
    return bases_hold(0x1234, 0);
}

static int64_t selectors_null(void) {
    __asm__ volatile("xor %%eax, %%eax\n\tmov %%ax, %%ds\n\tmov %%ax, %%es\n\tmov %%ax, %%fs\n\t"
                     "mov %%ax, %%gs"
                     :
                     :
                     : "rax", "rcx", "r11", "memory");
    return now() > 0 ? 0 : 1;
}

// No register shows anything of the kernel after a call.
static int64_t registers_leak_nothing(void) {
    uint64_t rcx;
    uint64_t r11;
    uint64_t rax = 0x80000068;
    __asm__ volatile("syscall" : "+a"(rax), "=c"(rcx) : : "r11", "memory");
    rax = 0x80000068;
    __asm__ volatile("syscall\n\tmov %%r11, %1" : "+a"(rax), "=r"(r11) : : "rcx", "r11", "memory");
    return rcx < 0x0000800000000000 && r11 < 0x400000 ? 0 : 1;
}

const struct oddity oddities[] = {
    {"stack_null", stack_null},
    {"stack_kernel", stack_kernel},
    {"stack_not_canonical", stack_not_canonical},
    {"stack_misaligned", stack_misaligned},
    {"fault_with_stack_nowhere", fault_with_stack_nowhere},
    {"flags_direction", flags_direction},
    {"flags_alignment", flags_alignment},
    {"flags_nested_task", flags_nested_task},
    {"flags_all", flags_all},
    {"flags_privileged", flags_privileged},
    {"bases_of_the_kernel", bases_of_the_kernel},
    {"bases_small", bases_small},
    {"selectors_null", selectors_null},
    {"registers_leak_nothing", registers_leak_nothing},
};
const size_t oddity_count = COUNT(oddities);
