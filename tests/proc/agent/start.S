// SPDX-License-Identifier: MIT
//
// The agent's header (struct libos_header), its beginning, and the clone of a process.
#include <abi/calls.h>

    .section .header, "a"
    .long 0x534f4249            // LIBOS_MAGIC
    .long 1                     // LIBOS_VERSION
    .quad image_bytes
    .quad agent_start
    .quad 0, 0                  // no vDSO
    .quad agent_unexpected      // redirect: the agent makes no Linux calls
    .quad agent_unexpected      // upcall: it stays masked
    .quad agent_unexpected, agent_unexpected
    .quad agent_unexpected, agent_unexpected, agent_unexpected
    .quad agent_child

    .text
// rdi = the block, rsi = the record; the stack is as after a call.
    .globl agent_start
agent_start:
    xor %ebp, %ebp
    jmp agent_main

agent_unexpected:
    ud2

// int64_t agent_clone(handle_t embryo): 0 in the parent, 1 in the child, or a status.
    .globl agent_clone
    .type agent_clone, @function
agent_clone:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    xor %esi, %esi // nothing is shared
    mov $(0x80000000 | CALL_PROCESS_CLONE), %eax
    syscall
agent_cloned:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    .size agent_clone, . - agent_clone

// The child has its maker's registers, rsp as well.
agent_child:
    mov $1, %eax
    jmp agent_cloned
