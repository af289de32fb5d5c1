// SPDX-License-Identifier: MIT
//
// The only instructions of the libos that touch a program's memory (abi/libos.h, access range).
// They are leaf code: a fault that can't be resolved goes on at entry_access_fault with all
// registers as they were but rax = the status. r8 says what was going on:
//
//   0  return the status
//   1  copying bytes: return how many are left (rcx)
//   2  copying words: go on with bytes, to find the exact place
    .section .text.entry, "ax"

    .globl entry_access_begin, entry_access_end, entry_access_fault

entry_access_begin:

// size_t access_copy(void *to, const void *from, size_t bytes): bytes that were not copied
    .balign 16
    .globl access_copy
access_copy:
    movq %rdx, %rcx
    shrq $3, %rcx
    movl $2, %r8d
    rep movsq
    movl %edx, %ecx
    andl $7, %ecx
copy_bytes:
    movl $1, %r8d
    rep movsb
    movq %rcx, %rax
    ret

// size_t access_clear(void *to, size_t bytes): bytes that were not cleared
    .balign 16
    .globl access_clear
access_clear:
    movq %rsi, %rcx
    xorl %eax, %eax
    movl $1, %r8d
    rep stosb
    movq %rcx, %rax
    ret

// int64_t access_string(char *to, const char *from, size_t max): length, max when there is no end.
// What lies behind the end in `to`, within max, is overwritten.
    .balign 16
    .globl access_string
access_string:
    xorl %r8d, %r8d
    xorl %eax, %eax
    movabsq $0x0101010101010101, %r9
    movabsq $0x8080808080808080, %r10
1:  leaq 8(%rax), %rcx // eight bytes at once where there is room and they lie in one page
    cmpq %rdx, %rcx
    ja 2f
    leaq (%rsi, %rax), %rcx
    andl $4095, %ecx
    cmpl $4088, %ecx
    ja 2f
    movq (%rsi, %rax), %rcx
    movq %rcx, (%rdi, %rax)
    movq %rcx, %r11
    notq %r11
    andq %r10, %r11
    subq %r9, %rcx
    andq %r11, %rcx // the lowest bit is that of the first zero
    jne 3f
    addq $8, %rax
    jmp 1b
2:  cmpq %rdx, %rax
    je 4f
    movzbl (%rsi, %rax), %ecx
    movb %cl, (%rdi, %rax)
    testl %ecx, %ecx
    je 4f
    incq %rax
    jmp 1b
3:  bsfq %rcx, %rcx
    shrl $3, %ecx
    addq %rcx, %rax
4:  ret

// status_t access_load32(const uint32_t *from, uint32_t *value), and the like
    .balign 16
    .globl access_load32, access_load64, access_store8, access_store32, access_store64
access_load32:
    xorl %r8d, %r8d
    movl (%rdi), %ecx
    movl %ecx, (%rsi)
    xorl %eax, %eax
    ret
access_load64:
    xorl %r8d, %r8d
    movq (%rdi), %rcx
    movq %rcx, (%rsi)
    xorl %eax, %eax
    ret
// status_t access_store32(uint32_t *to, uint32_t value)
access_store8:
    xorl %r8d, %r8d
    movb %sil, (%rdi)
    xorl %eax, %eax
    ret
access_store32:
    xorl %r8d, %r8d
    movl %esi, (%rdi)
    xorl %eax, %eax
    ret
access_store64:
    xorl %r8d, %r8d
    movq %rsi, (%rdi)
    xorl %eax, %eax
    ret

// status_t access_cas32(uint32_t *at, uint32_t *expected, uint32_t wanted): stores what it found
// in *expected
    .balign 16
    .globl access_cas32
access_cas32:
    xorl %r8d, %r8d
    movl (%rsi), %eax
    lock cmpxchgl %edx, (%rdi)
    movl %eax, (%rsi)
    xorl %eax, %eax
    ret

// status_t access_save_vectors(void *area, uint64_t mask), access_load_vectors: xsave64, xrstor64
    .balign 16
    .globl access_save_vectors, access_load_vectors
access_save_vectors:
    xorl %r8d, %r8d
    movl %esi, %eax
    movq %rsi, %rdx
    shrq $32, %rdx
    xsave64 (%rdi)
    xorl %eax, %eax
    ret
access_load_vectors:
    xorl %r8d, %r8d
    movl %esi, %eax
    movq %rsi, %rdx
    shrq $32, %rdx
    xrstor64 (%rdi)
    xorl %eax, %eax
    ret

entry_access_end:

entry_access_fault:
    cmpl $1, %r8d
    jb 1f
    je 2f
    andl $7, %edx
    leaq (%rdx, %rcx, 8), %rcx
    jmp copy_bytes
2:  movq %rcx, %rax
1:  ret

    .section .note.GNU-stack, "", @progbits
