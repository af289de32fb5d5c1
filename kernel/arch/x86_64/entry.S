// SPDX-License-Identifier: MIT
//
// All ways into the kernel and out of it.
//
// From user mode, registers go straight into the running thread's struct arch_thread; nothing is
// kept on the CPU's kernel stack, which is empty at each entry and thrown away at each exit. The C
// code called returns when whoever is this CPU's thread then is to be resumed. If that thread came
// by `syscall`, it leaves by `sysretq`, which needs rcx and r11 only; after any other entry it
// leaves by `iretq`.
//
// From kernel mode (interrupts let in by the idle loop and by preemption points, faults of user
// copies) a struct trap_frame is built on the stack that is there.
//
// entry_seq is odd while a CPU is in the kernel. It becomes odd with a locked instruction, so that
// no later read of shared memory can be seen to come before it; on the way out a plain one will do,
// since x86 keeps stores in order after earlier reads and writes.
//
// NMI, #DF and #MC come in at any point, also with the user's segment base and with the user's or a
// thread's address in rsp. They find their CPU in the word above their stack's frame, and put back
// the segment base that they found.
#include <arch_impl/layout.h>
#include <x86/bits.h>

    .section .text.entry, "ax"

// What every entry saves and every exit loads, but for the registers that hold the thread.
.macro SAVE_REGISTERS thread
    movq %rsi, THREAD_RSI(\thread)
    movq %rdx, THREAD_RDX(\thread)
    movq %r10, THREAD_R10(\thread)
    movq %r8, THREAD_R8(\thread)
    movq %r9, THREAD_R9(\thread)
    movq %rax, THREAD_RAX(\thread)
    movq %rbx, THREAD_RBX(\thread)
    movq %rbp, THREAD_RBP(\thread)
    movq %r12, THREAD_R12(\thread)
    movq %r13, THREAD_R13(\thread)
    movq %r14, THREAD_R14(\thread)
    movq %r15, THREAD_R15(\thread)
.endm

.macro LOAD_REGISTERS thread
    movq THREAD_RSI(\thread), %rsi
    movq THREAD_RDX(\thread), %rdx
    movq THREAD_R10(\thread), %r10
    movq THREAD_R8(\thread), %r8
    movq THREAD_R9(\thread), %r9
    movq THREAD_RAX(\thread), %rax
    movq THREAD_RBX(\thread), %rbx
    movq THREAD_RBP(\thread), %rbp
    movq THREAD_R12(\thread), %r12
    movq THREAD_R13(\thread), %r13
    movq THREAD_R14(\thread), %r14
    movq THREAD_R15(\thread), %r15
.endm

// ---- System calls. rcx = rip, r11 = rflags; interrupts are off and AC and DF clear by SFMASK.

    .balign 64
    .globl syscall_entry
syscall_entry:
    swapgs
    movq %rsp, %gs:CPU_USER_RSP
    movq %gs:CPU_THREAD, %rsp
    testl %eax, %eax
    jns redirect
    movq %rdi, THREAD_RDI(%rsp)
    SAVE_REGISTERS %rsp
    movq %rcx, THREAD_RIP(%rsp)
    movq %r11, THREAD_RFLAGS(%rsp)
    movq %gs:CPU_USER_RSP, %rdi
    movq %rdi, THREAD_RSP(%rsp)
    movl %eax, THREAD_CALL(%rsp)
    movb $ENTERED_BY_CALL, THREAD_ENTERED(%rsp)
    lock incq %gs:CPU_ENTRY_SEQ
    incq %gs:CPU_ENTRIES
    movq %rsp, %rdi
    movq %gs:CPU_STACK_TOP, %rsp
    call entry_syscall // (thread)

// ---- Back to user mode, to this CPU's thread.

exit_to_user:
    movq %gs:CPU_THREAD, %rsp
    cmpb $ENTERED_BY_CALL, THREAD_ENTERED(%rsp)
    jne exit_full
    movq THREAD_RIP(%rsp), %rcx
    movq %rcx, %r11
    // With a pc that is not canonical some CPUs fault in sysretq itself, in kernel mode on the
    // user's stack.
    shrq $47, %r11
    jnz exit_full
    movq THREAD_RFLAGS(%rsp), %r11
    movq THREAD_RDI(%rsp), %rdi
    LOAD_REGISTERS %rsp
    incq %gs:CPU_ENTRY_SEQ
    movq THREAD_RSP(%rsp), %rsp
    swapgs
    sysretq

// A call that is not native enters the libos (abi/libos.h): straight on to where the aspace's entry
// says. Only the thread's own things are read, so to others the CPU has not been in the kernel.

redirect:
    incq %gs:CPU_ENTRIES
    movq %rcx, THREAD_RIP(%rsp)
    movq %r11, THREAD_RFLAGS(%rsp)
    movq THREAD_ENTRY(%rsp), %rcx
    cmpq $0, ENTRY_REDIRECT(%rcx)
    je redirect_refused
    movq THREAD_BLOCK(%rsp), %rcx
    cmpl $0, BLOCK_MASKED(%rcx)
    jne redirect_refused
    movl $1, BLOCK_MASKED(%rcx)
    movq %r11, BLOCK_REDIRECT_RFLAGS(%rcx)
    movq THREAD_RIP(%rsp), %r11
    movq %r11, BLOCK_REDIRECT_RIP(%rcx)
    movq THREAD_BLOCK_ADDR(%rsp), %r11
    movq THREAD_ENTRY(%rsp), %rcx
    movq ENTRY_REDIRECT(%rcx), %rcx
    // The low half becomes the flags, and must hold none that the block's address brings.
    shrq $16, %r11
    shlq $32, %r11
    orq $(RFLAGS_ONE | RFLAGS_IF), %r11
    movq %gs:CPU_USER_RSP, %rsp
    swapgs
    sysretq

redirect_refused:
    movq $-ENOSYS, %rax
    movq THREAD_RIP(%rsp), %rcx
    movq %gs:CPU_USER_RSP, %rsp
    swapgs
    sysretq

exit_full:
    movq %rsp, %rdi
    movq %gs:CPU_STACK_TOP, %rsp
    pushq $USER_DS
    pushq THREAD_RSP(%rdi)
    pushq THREAD_RFLAGS(%rdi)
    pushq $USER_CS
    pushq THREAD_RIP(%rdi)
    movq THREAD_RCX(%rdi), %rcx
    movq THREAD_R11(%rdi), %r11
    LOAD_REGISTERS %rdi
    movq THREAD_RDI(%rdi), %rdi
    incq %gs:CPU_ENTRY_SEQ
    swapgs
    iretq

    .globl arch_enter_user
    .set arch_enter_user, exit_to_user

// void arch_run_on_stack(struct cpu *cpu, void (*function)(void))
    .globl arch_run_on_stack
arch_run_on_stack:
    movq CPU_STACK_TOP(%rdi), %rsp
    xorl %ebp, %ebp
    call *%rsi
    ud2

// ---- Traps and interrupts. A stub for each vector leaves vector and error code on the stack.

    .balign TRAP_STUB_BYTES
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .balign TRAP_STUB_BYTES
    // Vectors for which the CPU pushes an error code itself.
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || \
        vector == 29 || vector == 30
    .else
    pushq $0
    .endif
    pushq $vector
    .if vector == TRAP_NMI || vector == TRAP_DOUBLE_FAULT || vector == TRAP_MACHINE_CHECK
    jmp trap_on_ist
    .else
    jmp trap
    .endif
    .set vector, vector + 1
    .endr

    .balign 64
trap:
    testb $3, 24(%rsp) // cs
    jz trap_from_kernel
    swapgs
    pushq %rdi
    movq %gs:CPU_THREAD, %rdi
    movq %rcx, THREAD_RCX(%rdi)
    movq %r11, THREAD_R11(%rdi)
    SAVE_REGISTERS %rdi
    popq THREAD_RDI(%rdi)
    popq %rsi // vector
    popq %rdx // error code
    popq THREAD_RIP(%rdi)
    addq $8, %rsp
    popq THREAD_RFLAGS(%rdi)
    popq THREAD_RSP(%rdi)
    addq $8, %rsp
    movb $ENTERED_BY_TRAP, THREAD_ENTERED(%rdi)
    clac
    cld
    lock incq %gs:CPU_ENTRY_SEQ
    incq %gs:CPU_ENTRIES
    call trap_user // (thread, vector, code)
    jmp exit_to_user

.macro PUSH_ALL
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro POP_ALL
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
.endm

trap_from_kernel:
    PUSH_ALL
    clac // a user copy may have set AC; iretq brings it back
    cld
    movq %rsp, %rdi
    call trap_kernel // (frame)
    POP_ALL
    addq $16, %rsp
    iretq

trap_on_ist:
    PUSH_ALL
    clac
    cld
    movl $MSR_GS_BASE, %ecx
    rdmsr
    movl %eax, %r12d
    movl %edx, %r13d
    movq 176(%rsp), %rax // above the frame: this CPU
    movq %rax, %rdx
    shrq $32, %rdx
    wrmsr
    movq %rsp, %rdi
    call trap_critical // (frame)
    movl $MSR_GS_BASE, %ecx
    movl %r12d, %eax
    movl %r13d, %edx
    wrmsr
    POP_ALL
    addq $16, %rsp
    iretq
