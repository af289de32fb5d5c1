// SPDX-License-Identifier: MIT
//
// The kernel's half of every address space, and the offsets that assembly shares with C. Each
// offset has its static assertion in layout.c. Included from assembly and the linker script too.
//
//   0xffff800000000000  all RAM, at PHYSMAP_BASE + physical address
//   0xffffc00000000000  the window: registers of devices, firmware tables
//   0xffffd00000000000  kernel stacks with guard pages, a slot for each CPU
//   0xffffffff80000000  the kernel image
#pragma once

#ifdef __ASSEMBLER__
#define LAYOUT_ADDRESS(x) x
#else
#define LAYOUT_ADDRESS(x) x##UL
#endif

#define PHYSMAP_BASE LAYOUT_ADDRESS(0xffff800000000000)
#define WINDOW_BASE LAYOUT_ADDRESS(0xffffc00000000000)
#define STACKS_BASE LAYOUT_ADDRESS(0xffffd00000000000)
#define KERNEL_BASE LAYOUT_ADDRESS(0xffffffff80000000)
#define KERNEL_LOAD LAYOUT_ADDRESS(0x200000)

// Segment selectors. sysret wants user data and user code in this order, after a slot that stands
// for 32-bit code and stays empty.
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define SYSRET_BASE 0x18
#define USER_DS 0x23
#define USER_CS 0x2b
#define TSS_SELECTOR 0x30

// struct cpu, from the segment base.
#define CPU_SELF 0
#define CPU_USER_RSP 8
#define CPU_STACK_TOP 16
#define CPU_ENTRY_SEQ 72
#define CPU_THREAD 80
#define CPU_ENTRIES 88

// struct arch_thread, from a thread.
#define THREAD_RDI 0
#define THREAD_RSI 8
#define THREAD_RDX 16
#define THREAD_R10 24
#define THREAD_R8 32
#define THREAD_R9 40
#define THREAD_RAX 48
#define THREAD_RBX 56
#define THREAD_RBP 64
#define THREAD_R12 72
#define THREAD_R13 80
#define THREAD_R14 88
#define THREAD_R15 96
#define THREAD_RSP 104
#define THREAD_RIP 112
#define THREAD_RFLAGS 120
#define THREAD_RCX 128
#define THREAD_R11 136
#define THREAD_CALL 160
#define THREAD_ENTERED 164
// Further on in struct thread.
#define THREAD_BLOCK 176
#define THREAD_BLOCK_ADDR 184
#define THREAD_ENTRY 192

// struct thread_block, struct aspace_entry.
#define BLOCK_MASKED 0
#define BLOCK_REDIRECT_RIP 656
#define BLOCK_REDIRECT_RFLAGS 784
#define ENTRY_REDIRECT 0

// What Linux calls give that there are none.
#define ENOSYS 38

// arch_thread.entered.
#define ENTERED_BY_TRAP 0
#define ENTERED_BY_CALL 1

// eax bit 31 marks a native call.
#define CALL_NATIVE_BIT 0x80000000

// Stubs of the interrupt table, and what stands above the first word that the CPU pushes on an IST
// stack.
#define TRAP_STUB_BYTES 16
#define TRAP_STACK_RESERVE 16
