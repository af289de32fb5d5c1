// SPDX-License-Identifier: MIT
//
// That switching between threads loses nothing: general registers, vector registers, flags, the
// base registers. Several threads hold patterns of their own while they are preempted.

#include "suite.h"

#define LOOPS 300000UL

// Fills all general registers but rsp with values made from `seed`, counts down in memory, and adds
// up how many of them have changed.
static int64_t hold_general_registers(void *argument) {
    uint64_t seed = (uint64_t)argument;
    uint64_t counter = LOOPS;
    uint64_t wrong = 0;
    __asm__ volatile("mov %[seed], %%rax\n\t"
                     "lea 1(%%rax), %%rbx\n\tlea 2(%%rax), %%rcx\n\tlea 3(%%rax), %%rdx\n\t"
                     "lea 4(%%rax), %%r8\n\tlea 5(%%rax), %%r9\n\tlea 6(%%rax), %%r10\n\t"
                     "lea 7(%%rax), %%r11\n\tlea 8(%%rax), %%r12\n\tlea 9(%%rax), %%r13\n\t"
                     "lea 10(%%rax), %%r14\n\tlea 11(%%rax), %%r15\n\t"
                     "1: decq (%[counter])\n\tjnz 1b\n\t"
                     "sub %[seed], %%rax\n\tsub %[seed], %%rbx\n\tsub %[seed], %%rcx\n\t"
                     "sub %[seed], %%rdx\n\tsub %[seed], %%r8\n\tsub %[seed], %%r9\n\t"
                     "sub %[seed], %%r10\n\tsub %[seed], %%r11\n\tsub %[seed], %%r12\n\t"
                     "sub %[seed], %%r13\n\tsub %[seed], %%r14\n\tsub %[seed], %%r15\n\t"
                     "sub $1, %%rbx\n\tsub $2, %%rcx\n\tsub $3, %%rdx\n\tsub $4, %%r8\n\t"
                     "sub $5, %%r9\n\tsub $6, %%r10\n\tsub $7, %%r11\n\tsub $8, %%r12\n\t"
                     "sub $9, %%r13\n\tsub $10, %%r14\n\tsub $11, %%r15\n\t"
                     "or %%rbx, %%rax\n\tor %%rcx, %%rax\n\tor %%rdx, %%rax\n\tor %%r8, %%rax\n\t"
                     "or %%r9, %%rax\n\tor %%r10, %%rax\n\tor %%r11, %%rax\n\tor %%r12, %%rax\n\t"
                     "or %%r13, %%rax\n\tor %%r14, %%rax\n\tor %%r15, %%rax\n\t"
                     : "=&a"(wrong)
                     : [seed] "D"(seed), [counter] "S"(&counter)
                     : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "memory", "cc");
    return (int64_t)wrong;
}

TEST(threads_hold_their_general_registers) {
    struct task tasks[6];
    for (uint64_t i = 0; i < COUNT(tasks); i++) {
        task_start(&tasks[i], hold_general_registers, (void *)((i + 1) * 0x0101010101010101));
    }
    for (size_t i = 0; i < COUNT(tasks); i++) {
        CHECK_EQ(task_join(&tasks[i]), 0);
    }
}

struct vectors {
    uint64_t lanes[16][2];
} __attribute__((aligned(16)));

static void load_vectors(const struct vectors *v) {
    __asm__ volatile("movaps 0(%0), %%xmm0\n\tmovaps 16(%0), %%xmm1\n\tmovaps 32(%0), %%xmm2\n\t"
                     "movaps 48(%0), %%xmm3\n\tmovaps 64(%0), %%xmm4\n\tmovaps 80(%0), %%xmm5\n\t"
                     "movaps 96(%0), %%xmm6\n\tmovaps 112(%0), %%xmm7\n\t"
                     "movaps 128(%0), %%xmm8\n\tmovaps 144(%0), %%xmm9\n\t"
                     "movaps 160(%0), %%xmm10\n\tmovaps 176(%0), %%xmm11\n\t"
                     "movaps 192(%0), %%xmm12\n\tmovaps 208(%0), %%xmm13\n\t"
                     "movaps 224(%0), %%xmm14\n\tmovaps 240(%0), %%xmm15"
                     :
                     : "r"(v)
                     : "memory");
}

static void store_vectors(struct vectors *v) {
    __asm__ volatile("movaps %%xmm0, 0(%0)\n\tmovaps %%xmm1, 16(%0)\n\tmovaps %%xmm2, 32(%0)\n\t"
                     "movaps %%xmm3, 48(%0)\n\tmovaps %%xmm4, 64(%0)\n\tmovaps %%xmm5, 80(%0)\n\t"
                     "movaps %%xmm6, 96(%0)\n\tmovaps %%xmm7, 112(%0)\n\t"
                     "movaps %%xmm8, 128(%0)\n\tmovaps %%xmm9, 144(%0)\n\t"
                     "movaps %%xmm10, 160(%0)\n\tmovaps %%xmm11, 176(%0)\n\t"
                     "movaps %%xmm12, 192(%0)\n\tmovaps %%xmm13, 208(%0)\n\t"
                     "movaps %%xmm14, 224(%0)\n\tmovaps %%xmm15, 240(%0)"
                     :
                     : "r"(v)
                     : "memory");
}

static int64_t hold_vector_registers(void *argument) {
    struct vectors mine;
    struct vectors seen;
    for (uint64_t i = 0; i < 16; i++) {
        mine.lanes[i][0] = (uint64_t)argument * (i + 1);
        mine.lanes[i][1] = ~mine.lanes[i][0];
    }
    int64_t wrong = 0;
    load_vectors(&mine);
    for (int round = 0; round < 200; round++) {
        (void)!sys_thread_sleep(round % 10 == 0 ? in(MICROSECONDS(200)) : 0, 0);
        store_vectors(&seen);
        wrong += memcmp(&mine, &seen, sizeof(mine)) != 0 ? 1 : 0;
    }
    return wrong;
}

TEST(threads_hold_their_vector_registers) {
    struct task tasks[5];
    for (uint64_t i = 0; i < COUNT(tasks); i++) {
        task_start(&tasks[i], hold_vector_registers, (void *)((i + 1) * 0x123456789abcdef));
    }
    for (size_t i = 0; i < COUNT(tasks); i++) {
        CHECK_EQ(task_join(&tasks[i]), 0);
    }
}

// A new thread finds its vector registers empty, not those of another.
static int64_t find_vectors_empty(void *argument) {
    struct vectors seen;
    (void)argument;
    store_vectors(&seen);
    uint64_t any = 0;
    for (size_t i = 0; i < 16; i++) {
        any |= seen.lanes[i][0] | seen.lanes[i][1];
    }
    return any == 0 ? 0 : 1;
}

TEST(threads_start_with_empty_vector_registers) {
    struct task task;
    task_start(&task, hold_vector_registers, (void *)0x5555555555);
    CHECK_EQ(task_join(&task), 0);
    for (int i = 0; i < 5; i++) {
        task_start(&task, find_vectors_empty, NULL);
        CHECK_EQ(task_join(&task), 0);
    }
}

// The direction flag is set while the kernel copies; C code expects it clear, so it is cleared
// after.
TEST(threads_direction_flag_does_not_reach_the_kernel) {
    int64_t result;
    __asm__ volatile("std\n\tsyscall\n\tcld"
                     : "=a"(result)
                     : "0"(CALL_NATIVE | CALL_LOG_WRITE), "D"((uint64_t)suite.log),
                       "S"("log: flags"), "d"(10UL)
                     : "rcx", "r11", "memory");
    CHECK_EQ(result, OK);
}
