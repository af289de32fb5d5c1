// SPDX-License-Identifier: MIT
//
// What an x86_64 program must not do. Traps as the processor numbers them (Intel SDM volume
// 3, 6.3.1).

#include "violations.h"

#include "suite.h"

enum trap {
    TRAP_NONE = -1,
    TRAP_DIVIDE = 0,
    TRAP_DEBUG = 1,
    TRAP_BREAKPOINT = 3,
    TRAP_INVALID = 6,
    TRAP_STACK = 12,
    TRAP_PROTECTION = 13,
    TRAP_PAGE = 14,
    TRAP_X87 = 16,
};

#define KERNEL_HALF 0xffff800000000000UL
#define KERNEL_IMAGE 0xffffffff80000000UL
#define NOT_CANONICAL 0x0000800000000000UL
#define RET_OPCODE 0xc3

static uint8_t data_page[64] __attribute__((aligned(64))) = {RET_OPCODE};
static const uint8_t constant_data[16] = {RET_OPCODE};

// ---- memory

static void read_at(uint64_t addr) {
    __asm__ volatile("movb (%0), %%al" : : "r"(addr) : "rax", "memory");
}

static void write_at(uint64_t addr) {
    __asm__ volatile("movb $1, (%0)" : : "r"(addr) : "memory");
}

static void jump_to(uint64_t addr) {
    __asm__ volatile("call *%0" : : "r"(addr) : "memory");
}

// As if returning from a function to there.
static void return_to(uint64_t addr) {
    __asm__ volatile("push %0\n\tret" : : "r"(addr) : "memory");
}

static void write_text(void) {
    write_at((uint64_t)&write_text);
}

static void write_constants(void) {
    write_at((uint64_t)constant_data);
}

static void write_start_record(void) {
    struct mapping_info info = {0};
    vaddr_t at = 0x7ff000000000;
    while (sys_aspace_query(HANDLE_NONE, at, &info) == OK && (info.flags & MAP_WRITE) != 0) {
        at = info.addr + info.size_bytes;
    }
    write_at(info.addr);
}

static void execute_data(void) {
    jump_to((uint64_t)data_page);
}

static void execute_constants(void) {
    jump_to((uint64_t)constant_data);
}

static void execute_stack(void) {
    volatile uint8_t code[16] = {RET_OPCODE};
    jump_to((uint64_t)code);
}

static void execute_mapping(void) {
    uint8_t *page = pages_map(1);
    page[0] = RET_OPCODE;
    jump_to((uint64_t)page);
}

static void read_null(void) {
    read_at(0);
}

static void write_null(void) {
    write_at(16);
}

static void jump_null(void) {
    jump_to(0);
}

static void read_kernel(void) {
    read_at(KERNEL_HALF);
}

static void write_kernel(void) {
    write_at(KERNEL_HALF + 0x1000);
}

static void jump_kernel(void) {
    jump_to(KERNEL_HALF);
}

static void read_kernel_image(void) {
    read_at(KERNEL_IMAGE + 0x200000);
}

static void write_kernel_image(void) {
    write_at(KERNEL_IMAGE + 0x200000);
}

static void jump_kernel_image(void) {
    jump_to(KERNEL_IMAGE + 0x200000);
}

static void read_last_page(void) {
    read_at(UINT64_MAX - 7);
}

static void read_not_canonical(void) {
    read_at(NOT_CANONICAL);
}

static void jump_not_canonical(void) {
    jump_to(NOT_CANONICAL);
}

static void return_not_canonical(void) {
    return_to(0x8000000000000000UL);
}

static void stack_not_canonical(void) {
    __asm__ volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(NOT_CANONICAL + 0x1000));
}

static void stack_in_kernel(void) {
    __asm__ volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(KERNEL_HALF + 0x10000));
}

static void write_guard_page(void) {
    write_at((uint64_t)thread_block() + PAGE_SIZE + 100);
}

// Recursion that no optimiser takes away.
static __attribute__((noinline)) uint64_t recurse(volatile uint64_t depth) {
    volatile uint8_t frame[512];
    frame[0] = (uint8_t)depth;
    return depth == UINT64_MAX ? 0 : recurse(depth + 1) + frame[0];
}

static void overflow_stack(void) {
    (void)recurse(0);
}

static void straddle_end(void) {
    __asm__ volatile("movq $1, (%0)" : : "r"(NOT_CANONICAL - 4) : "memory");
}

// ---- privileged instructions

#define INSTRUCTION(name, text)                                                                    \
    static void name(void) {                                                                       \
        __asm__ volatile(text : : : "rax", "rcx", "rdx", "rbx", "memory");                         \
    }

INSTRUCTION(do_cli, "cli")
INSTRUCTION(do_sti, "sti")
INSTRUCTION(do_hlt, "hlt")
INSTRUCTION(do_read_cr0, "mov %%cr0, %%rax")
INSTRUCTION(do_write_cr0, "xor %%eax, %%eax\n\tmov %%rax, %%cr0")
INSTRUCTION(do_read_cr3, "mov %%cr3, %%rax")
INSTRUCTION(do_write_cr3, "xor %%eax, %%eax\n\tmov %%rax, %%cr3")
INSTRUCTION(do_write_cr4, "xor %%eax, %%eax\n\tmov %%rax, %%cr4")
INSTRUCTION(do_read_cr8, "mov %%cr8, %%rax")
INSTRUCTION(do_read_dr7, "mov %%dr7, %%rax")
INSTRUCTION(do_write_dr7, "mov $0x401, %%eax\n\tmov %%rax, %%dr7")
INSTRUCTION(do_rdmsr, "mov $0xc0000082, %%ecx\n\trdmsr")
INSTRUCTION(do_wrmsr, "mov $0xc0000082, %%ecx\n\txor %%eax, %%eax\n\txor %%edx, %%edx\n\twrmsr")
INSTRUCTION(do_in, "mov $0x64, %%edx\n\tin %%dx, %%al")
INSTRUCTION(do_out, "mov $0xf4, %%edx\n\tmov $2, %%al\n\tout %%al, %%dx")
INSTRUCTION(do_out_immediate, "out %%al, $0x20")
INSTRUCTION(do_invlpg, "invlpg (%%rsp)")
INSTRUCTION(do_wbinvd, "wbinvd")
INSTRUCTION(do_clts, "clts")
INSTRUCTION(do_swapgs, "swapgs")
INSTRUCTION(do_sysret, "mov $0x401000, %%ecx\n\tsysretq")
INSTRUCTION(do_sysexit, ".byte 0x0f, 0x35")
INSTRUCTION(do_sgdt, "sub $64, %%rsp\n\tsgdt (%%rsp)")
INSTRUCTION(do_sidt, "sub $64, %%rsp\n\tsidt (%%rsp)")
INSTRUCTION(do_sldt, "sldt %%eax")
INSTRUCTION(do_str, "str %%eax")
INSTRUCTION(do_smsw, "smsw %%eax")
INSTRUCTION(do_lgdt, "lgdt (%%rsp)")
INSTRUCTION(do_lidt, "lidt (%%rsp)")
INSTRUCTION(do_lldt, "xor %%eax, %%eax\n\tlldt %%ax")
INSTRUCTION(do_ltr, "mov $0x28, %%eax\n\tltr %%ax")
INSTRUCTION(do_lmsw, "xor %%eax, %%eax\n\tlmsw %%ax")
INSTRUCTION(do_xsetbv, "xor %%ecx, %%ecx\n\tmov $1, %%eax\n\txor %%edx, %%edx\n\txsetbv")
INSTRUCTION(do_stac, "stac")
INSTRUCTION(do_clac, "clac")

// ---- selectors, gates and flags

INSTRUCTION(do_int_80, "int $0x80")
INSTRUCTION(do_int_page_fault, "int $14")
INSTRUCTION(do_int_double_fault, "int $8")
INSTRUCTION(do_int_nmi, "int $2")
INSTRUCTION(do_int_timer, "int $0x20")
INSTRUCTION(do_int_last, "int $0xff")
INSTRUCTION(do_load_kernel_data, "mov $0x10, %%eax\n\tmov %%ax, %%ds")
INSTRUCTION(do_load_kernel_code, "mov $0x08, %%eax\n\tmov %%ax, %%es")
INSTRUCTION(do_load_far_selector, "mov $0xfff8, %%eax\n\tmov %%ax, %%fs")
INSTRUCTION(do_load_ldt_selector, "mov $0x0f, %%eax\n\tmov %%ax, %%gs")
INSTRUCTION(do_load_stack, "mov $0x10, %%eax\n\tmov %%ax, %%ss")
INSTRUCTION(do_far_return, "push $0x08\n\tlea 1f(%%rip), %%rax\n\tpush %%rax\n\tlretq\n1:")
INSTRUCTION(do_iret_to_kernel, "push $0x10\n\tpush %%rsp\n\tpushfq\n\tpush $0x08\n\t"
                               "lea 1f(%%rip), %%rax\n\tpush %%rax\n\tiretq\n1:")
INSTRUCTION(do_single_step, "pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\tnop")
INSTRUCTION(do_single_step_call,
            "pushfq\n\torl $0x100, (%%rsp)\n\tmov $0x80000068, %%eax\n\tpopfq\n\t"
            "syscall\n\tnop")

// ---- what a program may raise by itself

INSTRUCTION(do_breakpoint, "int3")
INSTRUCTION(do_icebp, ".byte 0xf1")
INSTRUCTION(do_invalid, "ud2")
INSTRUCTION(do_divide, "xor %%ecx, %%ecx\n\txor %%edx, %%edx\n\tmov $1, %%eax\n\tdiv %%ecx")
INSTRUCTION(do_into, ".byte 0xce")
INSTRUCTION(do_x87, "fninit\n\tmovw $0x37b, -8(%%rsp)\n\tfldcw -8(%%rsp)\n\tfld1\n\tfldz\n\t"
                    "fdivrp\n\tfwait")

#define PAGE(function)                                                                             \
    { #function, function, TRAP_PAGE, TRAP_NONE }
#define PROTECTED(function)                                                                        \
    { #function, function, TRAP_PROTECTION, TRAP_NONE }
#define RAISES(function, trap)                                                                     \
    { #function, function, trap, TRAP_NONE }
#define EITHER(function, trap, other)                                                              \
    { #function, function, trap, other }

const struct violation violations[] = {
    PAGE(write_text),
    PAGE(write_constants),
    PAGE(write_start_record),
    PAGE(execute_data),
    PAGE(execute_constants),
    PAGE(execute_stack),
    PAGE(execute_mapping),
    PAGE(read_null),
    PAGE(write_null),
    PAGE(jump_null),
    PAGE(read_kernel),
    PAGE(write_kernel),
    PAGE(jump_kernel),
    PAGE(read_kernel_image),
    PAGE(write_kernel_image),
    PAGE(jump_kernel_image),
    PAGE(read_last_page),
    PROTECTED(read_not_canonical),
    PROTECTED(jump_not_canonical),
    PROTECTED(return_not_canonical),
    EITHER(stack_not_canonical, TRAP_STACK, TRAP_PROTECTION),
    PAGE(stack_in_kernel),
    PAGE(write_guard_page),
    PAGE(overflow_stack),
    EITHER(straddle_end, TRAP_PROTECTION, TRAP_PAGE),
    PROTECTED(do_cli),
    PROTECTED(do_sti),
    PROTECTED(do_hlt),
    PROTECTED(do_read_cr0),
    PROTECTED(do_write_cr0),
    PROTECTED(do_read_cr3),
    PROTECTED(do_write_cr3),
    PROTECTED(do_write_cr4),
    PROTECTED(do_read_cr8),
    PROTECTED(do_read_dr7),
    PROTECTED(do_write_dr7),
    PROTECTED(do_rdmsr),
    PROTECTED(do_wrmsr),
    PROTECTED(do_in),
    PROTECTED(do_out),
    PROTECTED(do_out_immediate),
    PROTECTED(do_invlpg),
    PROTECTED(do_wbinvd),
    PROTECTED(do_clts),
    PROTECTED(do_swapgs),
    EITHER(do_sysret, TRAP_PROTECTION, TRAP_INVALID),
    EITHER(do_sysexit, TRAP_PROTECTION, TRAP_INVALID),
    PROTECTED(do_sgdt),
    PROTECTED(do_sidt),
    PROTECTED(do_sldt),
    PROTECTED(do_str),
    PROTECTED(do_smsw),
    PROTECTED(do_lgdt),
    PROTECTED(do_lidt),
    PROTECTED(do_lldt),
    PROTECTED(do_ltr),
    PROTECTED(do_lmsw),
    EITHER(do_xsetbv, TRAP_PROTECTION, TRAP_INVALID),
    EITHER(do_stac, TRAP_INVALID, TRAP_PROTECTION),
    EITHER(do_clac, TRAP_INVALID, TRAP_PROTECTION),
    PROTECTED(do_int_80),
    PROTECTED(do_int_page_fault),
    PROTECTED(do_int_double_fault),
    PROTECTED(do_int_nmi),
    PROTECTED(do_int_timer),
    PROTECTED(do_int_last),
    PROTECTED(do_load_kernel_data),
    PROTECTED(do_load_kernel_code),
    PROTECTED(do_load_far_selector),
    PROTECTED(do_load_ldt_selector),
    PROTECTED(do_load_stack),
    EITHER(do_far_return, TRAP_PROTECTION, TRAP_PAGE),
    EITHER(do_iret_to_kernel, TRAP_PROTECTION, TRAP_PAGE),
    RAISES(do_single_step, TRAP_DEBUG),
    RAISES(do_single_step_call, TRAP_DEBUG),
    RAISES(do_breakpoint, TRAP_BREAKPOINT),
    EITHER(do_icebp, TRAP_DEBUG, TRAP_INVALID),
    RAISES(do_invalid, TRAP_INVALID),
    RAISES(do_divide, TRAP_DIVIDE),
    RAISES(do_into, TRAP_INVALID),
    RAISES(do_x87, TRAP_X87),
};
const size_t violation_count = COUNT(violations);
