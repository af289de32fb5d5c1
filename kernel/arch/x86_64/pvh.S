// SPDX-License-Identifier: MIT
//
// From the loader's 32-bit world to C. PVH (the Xen "HVM direct boot" ABI,
// xen/include/public/arch-x86/ hvm/start_info.h) enters at the address in the ELF note below:
// protected mode with flat segments, no paging, ebx = physical address of the start information.
// The first tables, with all pages writable and executable, show the first 4 GiB where they are and
// at PHYSMAP_BASE, and the first GiB at KERNEL_BASE. paging.c replaces them; other CPUs pass
// through them once more, entering at boot_entry_ap from trampoline.S.
#include <arch_impl/layout.h>
#include <x86/bits.h>

#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define ENTRY_TABLE 0x3  // present, writable
#define ENTRY_LARGE 0x83 // the same, and a page of 2 MiB
#define BOOT_STACK_BYTES 16384

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad boot_entry

    .section .boot.bss, "aw", @nobits
    .balign 4096
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pdpt_high: .skip 4096
boot_pd: .skip 4 * 4096

    .section .boot.text, "ax"
    .code32
    .globl boot_entry
boot_entry:
    cli
    cld
    movl %ebx, %esi // start information; 0 will mean another CPU

    // Long mode or nothing: there is no console yet to complain on.
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb boot_halt
    movl $0x80000001, %eax
    cpuid
    btl $CPUID_LONG_MODE_BIT, %edx
    jnc boot_halt

    // Four page directories of large pages.
    movl $boot_pd, %edi
    movl $ENTRY_LARGE, %eax
    movl $2048, %ecx
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b

    movl $boot_pd + ENTRY_TABLE, boot_pdpt
    movl $boot_pd + 0x1000 + ENTRY_TABLE, boot_pdpt + 8
    movl $boot_pd + 0x2000 + ENTRY_TABLE, boot_pdpt + 16
    movl $boot_pd + 0x3000 + ENTRY_TABLE, boot_pdpt + 24
    movl $boot_pd + ENTRY_TABLE, boot_pdpt_high + 510 * 8
    movl $boot_pdpt + ENTRY_TABLE, boot_pml4
    movl $boot_pdpt + ENTRY_TABLE, boot_pml4 + 256 * 8
    movl $boot_pdpt_high + ENTRY_TABLE, boot_pml4 + 511 * 8
    jmp boot_long_mode

boot_halt:
    hlt
    jmp boot_halt

    .globl boot_entry_ap
boot_entry_ap:
    movl $KERNEL_DS, %eax // the trampoline's segments were of 64 KiB
    movl %eax, %ds
    xorl %esi, %esi

boot_long_mode:
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl $EFER_LME, %eax
    xorl %edx, %edx
    wrmsr
    movl $(1 << CR0_PG_BIT) | CR0_WP | CR0_NE | CR0_PE, %eax
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $KERNEL_CS, $boot_64

    .code64
boot_64:
    movl $KERNEL_DS, %eax
    movl %eax, %ss
    xorl %eax, %eax // the others are not used, and are what programs begin with
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movabsq $boot_high, %rax
    jmp *%rax

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff // 64-bit code
    .quad 0x00cf93000000ffff // data
boot_gdt_pointer:
    .word boot_gdt_pointer - boot_gdt - 1
    .long boot_gdt

    .text
boot_high:
    xorl %ebp, %ebp // ends backtraces
    testl %esi, %esi
    jz 1f
    movl %esi, %edi
    leaq boot_stack_top(%rip), %rsp
    call arch_start // (start information), never returns
1:
    // What smp.c has left for this CPU: first the tables, since its stack is only in those.
    movl $MSR_EFER, %ecx
    movl ap_efer(%rip), %eax
    xorl %edx, %edx
    wrmsr
    movq ap_root(%rip), %rax
    movq %rax, %cr3
    movq ap_stack(%rip), %rsp
    movq ap_cpu(%rip), %rdi
    call smp_start_here // (cpu), never returns

    .bss
    .balign 16
boot_stack: .skip BOOT_STACK_BYTES
boot_stack_top:
