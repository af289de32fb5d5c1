// SPDX-License-Identifier: MIT
//
// A libos of a page or two, for tests of how the kernel enters one. A thread uses its region (see
// sys/thread.h) twice: the program's stack is its upper part, the libos's its lower one. Constants
// for assembly too.
#pragma once

// Where the stack of the libos ends, from the block.
#define LIBOS_STACK 0x6000

#define MASKED 0
#define LATCHED 4
#define UPCALL 496
#define REDIRECT 664

// struct registers.
#define RDI 0
#define RSI 8
#define RDX 16
#define R10 24
#define R8 32
#define R9 40
#define RAX 48
#define RBX 56
#define RBP 64
#define R12 72
#define R13 80
#define R14 88
#define R15 96
#define RSP 104
#define RIP 112
#define RFLAGS 120
#define RCX 128
#define R11 136

#define MINI_RECORD 0x7f9038000000

#ifndef __ASSEMBLER__
#include <abi/block.h>
#include <abi/libos.h>

// In libos.S.
extern char mini_redirect[], mini_upcall[], mini_exit[], mini_exit_end[];
extern char mini_after_swap[], mini_after_swap_end[];
extern char mini_access[], mini_access_end[], mini_access_fault[], mini_child[];
// Copies in the access range. Returns OK, or the status of a fault; *left says how much was not
// copied.
status_t mini_copy(void *to, const void *from, uint64_t bytes, uint64_t *left);
// Fills all registers with a pattern made from `seed`, makes Linux call `number`, and counts how
// many registers are not what they should be: general ones, vectors, flags, the red zone.
uint64_t mini_call_checked(uint64_t seed, uint64_t number);

// Linux calls of the small libos; all give their first argument.
#define NUMBER_PLAIN 39
#define NUMBER_CLONE 57       // process_clone(first argument), of which mini_status is the result
#define NUMBER_INTO_EXIT 1001 // returns into the middle of the exit range, something latched
#define NUMBER_FULL 1002      // returns by thread_resume
#define NUMBER_LATCHED 1003   // the same, something latched

extern int64_t mini_status;

// Gives this process the small libos.
status_t mini_install(void);
int64_t mini_linux_call(uint64_t number, uint64_t argument);

// Ends a role when something is not as it should be.
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return __LINE__;                                                                       \
        }                                                                                          \
    } while (0)

// In C, called on the libos's stack.
void mini_call(struct thread_block *block);
_Noreturn void mini_take_upcall(struct thread_block *block);
void mini_take_latched(struct thread_block *block);
#endif
