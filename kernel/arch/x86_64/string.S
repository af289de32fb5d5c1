// SPDX-License-Identifier: MIT
//
// memcpy and its kin of base.h. String instructions by words: emulators and counted instructions
// favour them, and processors do for all but the smallest sizes; `rep movsb` only for the last
// bytes, since it goes byte by byte where it is not specially supported.
    .text

// void *memcpy(void *dst, const void *src, size_t bytes)
    .balign 16
    .globl memcpy
memcpy:
    movq %rdi, %rax
copy_up:
    movq %rdx, %rcx
    shrq $3, %rcx
    rep movsq
    andl $7, %edx
    jz 1f
    movl %edx, %ecx
    rep movsb
1:  ret

// void *memmove(void *dst, const void *src, size_t bytes)
    .balign 16
    .globl memmove
memmove:
    movq %rdi, %rax
    movq %rdi, %rcx
    subq %rsi, %rcx
    cmpq %rdx, %rcx
    jae copy_up // dst is below src, or behind its end
    // Downwards: the odd bytes at the end first.
    std
    leaq -1(%rdi, %rdx), %rdi
    leaq -1(%rsi, %rdx), %rsi
    movl %edx, %ecx
    andl $7, %ecx
    rep movsb
    subq $7, %rdi
    subq $7, %rsi
    movq %rdx, %rcx
    shrq $3, %rcx
    rep movsq
    cld
    ret

// void *memset(void *dst, int value, size_t bytes)
    .balign 16
    .globl memset
memset:
    movq %rdi, %r8
    movzbl %sil, %esi
    movabsq $0x0101010101010101, %rax
    imulq %rsi, %rax
    movq %rdx, %rcx
    shrq $3, %rcx
    rep stosq
    andl $7, %edx
    jz 1f
    movl %edx, %ecx
    rep stosb
1:  movq %r8, %rax
    ret

// int memcmp(const void *a, const void *b, size_t bytes)
    .balign 16
    .globl memcmp
memcmp:
    xorl %eax, %eax
    movq %rdx, %rcx
    testq %rcx, %rcx // equal when there is nothing to compare
    repe cmpsb
    je 1f
    movzbl -1(%rdi), %eax
    movzbl -1(%rsi), %ecx
    subl %ecx, %eax
1:  ret
