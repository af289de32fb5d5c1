// SPDX-License-Identifier: MIT
//
// Where the other CPUs begin: 16-bit real mode, at a page below 1 MiB that smp.c copies this to.
// They go to flat 32-bit protected mode and on to boot_entry_ap in pvh.S, which lies at its
// physical address.
#include <arch_impl/layout.h>
#include <x86/bits.h>
#include <x86/smp.h>

    .section .rodata.trampoline, "a"
    .code16
    .globl trampoline_start, trampoline_end
trampoline_start:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl trampoline_gdt_pointer - trampoline_start
    movl %cr0, %eax
    orl $CR0_PE, %eax
    movl %eax, %cr0
    ljmpl $KERNEL_CS, $boot_entry_ap

    .balign 8
trampoline_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff // 32-bit code
    .quad 0x00cf93000000ffff // data
trampoline_gdt_pointer:
    .word trampoline_gdt_pointer - trampoline_gdt - 1
    .long TRAMPOLINE_ADDR + (trampoline_gdt - trampoline_start)
trampoline_end:
