// SPDX-License-Identifier: MIT
//
// The first bytes of the libos image: struct libos_header (abi/libos.h), and the vDSO in it.
    .section .header, "a"
    .long 0x534f4249 // LIBOS_MAGIC
    .long 1          // LIBOS_VERSION
    .quad image_bytes
    .quad entry_start
    .quad vdso_image
    .quad vdso_bytes
    .quad entry_redirect
    .quad entry_upcall
    .quad entry_exit_begin
    .quad entry_exit_end
    .quad entry_access_begin
    .quad entry_access_end
    .quad entry_access_fault
    .quad entry_child

    .section .vdso, "a"
    .balign 4096
    .globl vdso_image
vdso_image:
    .incbin LIBOS_VDSO_FILE
    .balign 4096
vdso_image_end:
    .set vdso_bytes, vdso_image_end - vdso_image
    .globl vdso_bytes

    .section .note.GNU-stack, "", @progbits
