// SPDX-License-Identifier: MIT
//
// The kernel image. It is loaded at KERNEL_LOAD and runs at KERNEL_BASE + that; only the first
// code, which has no paging yet, is linked where it is loaded. Each kind of content begins on a
// page of its own: paging.c gives text, read-only data and writable data their own rights, and code
// that shares a page with writable data is very slow under an emulator. The function names for
// backtraces follow the text (tools/ksyms.py).
#include <arch_impl/layout.h>

OUTPUT_FORMAT(elf64-x86-64)
ENTRY(boot_entry)

PHDRS {
    boot PT_LOAD FLAGS(5);
    boot_tables PT_LOAD FLAGS(6);
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
    note PT_NOTE FLAGS(4);
}

SECTIONS {
    . = KERNEL_LOAD;
    kernel_load_start = .;
    .boot : { KEEP(*(.boot.text)) } :boot
    .boot_tables ALIGN(4096) (NOLOAD) : { KEEP(*(.boot.bss)) . = ALIGN(4096); } :boot_tables

    . += KERNEL_BASE;
    .text ALIGN(4096) : AT(ADDR(.text) - KERNEL_BASE) {
        kernel_text_start = .;
        *(.text.entry)
        *(.text.hot .text.hot.*)
        *(.text .text.*)
        kernel_text_end = .;
        . = ALIGN(4096);
    } :text

    .rodata ALIGN(4096) : AT(ADDR(.rodata) - KERNEL_BASE) {
        kernel_rodata_start = .;
        *(.rodata .rodata.*)
        . = ALIGN(8);
        fixup_table_start = .;
        KEEP(*(.fixup_table))
        fixup_table_end = .;
    } :rodata
    .note : AT(ADDR(.note) - KERNEL_BASE) { KEEP(*(.note.pvh)) } :rodata :note
    // Written by the boot CPU before it has page tables of its own, never after.
    .boot_data ALIGN(4096) : AT(ADDR(.boot_data) - KERNEL_BASE) {
        *(.boot_data)
        . = ALIGN(4096);
        kernel_rodata_end = .;
    } :rodata

    .data ALIGN(4096) : AT(ADDR(.data) - KERNEL_BASE) {
        kernel_data_start = .;
        // What each CPU writes all the time shares no cache line with anything else.
        *(.percpu)
        . = ALIGN(64);
        *(.data .data.*)
    } :data
    .bss : AT(ADDR(.bss) - KERNEL_BASE) {
        *(.bss .bss.* COMMON)
        . = ALIGN(4096);
        kernel_data_end = .;
    } :data

    /DISCARD/ : { *(.comment) *(.eh_frame) *(.note.GNU-stack) *(.note.gnu.property) }
}
