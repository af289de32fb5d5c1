// SPDX-License-Identifier: MIT
//
// A trap in the kernel that nothing can mend: finds out which of the kernel's rules was broken, and
// says so with the registers. And the walk along frame pointers for backtraces.
#include <arch/boot.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <mm/aspace.h>
#include <x86/paging.h>
#include <x86/regs.h>
#include <x86/tables.h>
#include <x86/trap.h>

#define CODE_PRESENT (1 << 0)
#define CODE_RESERVED (1 << 3)
#define FRAMES_MAX 64

static const char *const trap_names[TRAP_COUNT] = {
    "division error",
    "debug trap",
    "NMI",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "vector registers used in the kernel",
    "double fault",
    "coprocessor segment overrun",
    "invalid TSS",
    "segment not present",
    "stack segment fault",
    "general protection fault",
    "page fault",
    "reserved trap 15",
    "x87 error",
    "alignment check",
    "machine check",
    "SIMD error",
    "virtualisation exception",
    "control protection exception",
};

extern const char kernel_text_start[], kernel_text_end[];

static const char *trap_name(uint64_t vector) {
    return vector < TRAP_COUNT && trap_names[vector] != NULL ? trap_names[vector] : "reserved trap";
}

static const char *access_name(uint32_t access) {
    return access == FAULT_EXECUTE ? "execution" : access == FAULT_WRITE ? "write" : "read";
}

static bool in_text(vaddr_t addr) {
    return addr >= (vaddr_t)kernel_text_start && addr < (vaddr_t)kernel_text_end;
}

// What it means that the kernel itself faulted at this address.
static const char *page_fault_meaning(vaddr_t addr, uint64_t code) {
    uint32_t access = fault_access(code);
    if ((code & CODE_RESERVED) != 0) {
        return "damaged page table";
    }
    if (addr < USER_MIN) {
        return "null pointer";
    }
    if (addr < USER_MAX) {
        if ((code & CODE_PRESENT) == 0) {
            return "user address used outside of a user copy";
        }
        return access == FAULT_EXECUTE ? "SMEP violation" : "SMAP violation";
    }
    if ((code & CODE_PRESENT) == 0) {
        return "unmapped kernel address";
    }
    if (access == FAULT_EXECUTE) {
        return "NX violation: not kernel text";
    }
    return in_text(addr) ? "W^X violation: kernel text" : "read-only kernel memory";
}

static void print_registers(const void *context) {
    const struct trap_frame *f = context;
    log_line("rip %016lx rflags %08lx cs %04lx vector %lu code %lx", f->rip, f->rflags, f->cs,
             f->vector, f->code);
    log_line("rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
    log_line("rsi %016lx rdi %016lx rbp %016lx rsp %016lx", f->rsi, f->rdi, f->rbp, f->rsp);
    log_line("r8  %016lx r9  %016lx r10 %016lx r11 %016lx", f->r8, f->r9, f->r10, f->r11);
    log_line("r12 %016lx r13 %016lx r14 %016lx r15 %016lx", f->r12, f->r13, f->r14, f->r15);
    log_line("cr0 %08lx cr2 %016lx cr3 %016lx cr4 %08lx", cr0_read(), cr2_read(), cr3_read(),
             cr4_read());
}

_Noreturn static void panic_page_fault(const struct trap_frame *frame, vaddr_t addr) {
    panic_at(frame->rip, frame->rbp, print_registers, frame, "%s: %s at 0x%lx",
             page_fault_meaning(addr, frame->code), access_name(fault_access(frame->code)), addr);
}

void trap_panic(const struct trap_frame *frame) {
    vaddr_t addr = cr2_read();
    uint32_t index;
    enum stack stack;
    bool guard;
    bool page_fault = frame->vector == TRAP_PAGE_FAULT;
    // A page fault whose frame finds no room on the stack arrives as a double fault.
    if ((page_fault || frame->vector == TRAP_DOUBLE_FAULT) &&
        stack_of(addr, &index, &stack, &guard) && guard) {
        panic_at(frame->rip, frame->rbp, print_registers, frame,
                 "stack overflow: guard page of the %s of CPU %u at 0x%lx", stack_name(stack),
                 index, addr);
    }
    if (page_fault) {
        panic_page_fault(frame, addr);
    }
    panic_at(frame->rip, frame->rbp, print_registers, frame, "%s in the kernel",
             trap_name(frame->vector));
}

// Whether a frame pointer can be followed: two words on a mapped kernel page.
static bool frame_readable(uintptr_t frame) {
    return IS_ALIGNED(frame, sizeof(uintptr_t)) && frame >= PHYSMAP_BASE &&
           paging_entry(frame) != 0 && paging_entry(frame + sizeof(uintptr_t)) != 0;
}

void arch_backtrace(uintptr_t frame, void (*visit)(uintptr_t pc, void *context), void *context) {
    if (frame == 0) {
        frame = (uintptr_t)__builtin_frame_address(0);
    }
    for (int i = 0; i < FRAMES_MAX && frame_readable(frame); i++) {
        const uintptr_t *words = (const uintptr_t *)frame;
        if (!in_text(words[1])) {
            return;
        }
        visit(words[1], context);
        if (words[0] <= frame) {
            return; // stacks grow down: a caller's frame is above
        }
        frame = words[0];
    }
}
