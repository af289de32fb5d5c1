// SPDX-License-Identifier: MIT
//
// Rows that enter no kernel: they must cost the same on both, or the measurement is wrong.

#include "bench.h"

#include <sys/mman.h>

#define MIX_ROUNDS 300
#define COPY_BYTES (256u << 10)
#define WALK_BYTES (4u << 20)
#define PAGE_BYTES 4096u

static char *from, *to, *walked;

// Much work in a round, so that what QEMU does at the end of a block of code counts little.
static void cpu_mix(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        uint64_t a = i, b = 1, c = 2, rounds = MIX_ROUNDS;
        __asm__ volatile(".p2align 8\n"
                         "1:\n"
                         ".rept 8\n"
                         "imulq $31, %0, %0\n addq $7, %1\n xorq %0, %2\n"
                         ".endr\n"
                         "decq %3\n jnz 1b"
                         : "+r"(a), "+r"(b), "+r"(c), "+r"(rounds)
                         :
                         : "cc");
    }
}

static void copy(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char *source = from, *target = to;
        uint64_t words = COPY_BYTES / 8;
        __asm__ volatile("rep movsq" : "+S"(source), "+D"(target), "+c"(words) : : "memory");
    }
}

static char *map_touched(size_t bytes) {
    char *memory =
        (char *)MUST(mmap, NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(madvise, memory, bytes, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
        memory[at] = 1;
    }
    return memory;
}

// Mapped for the row only, so that no later one forks with them.
static void map_all(void) {
    from = map_touched(COPY_BYTES);
    to = map_touched(COPY_BYTES);
    walked = map_touched(WALK_BYTES);
}

static void unmap_all(void) {
    munmap(from, COPY_BYTES);
    munmap(to, COPY_BYTES);
    munmap(walked, WALK_BYTES);
}

static void walk(unsigned count) {
    const volatile char *bytes = walked;
    for (unsigned i = 0; i < count; i++) {
        (void)bytes[(size_t)i * PAGE_BYTES % WALK_BYTES];
    }
}

const struct row control_rows[] = {
    {.name = "ctl_cpu_mix", .count = 200, .run = cpu_mix},
    {.name = "ctl_memcpy_256k", .count = 20, .prepare = map_all, .run = copy, .finish = unmap_all},
    {.name = "ctl_tlb_walk",
     .count = 65536,
     .loop = 1024,
     .prepare = map_all,
     .run = walk,
     .finish = unmap_all},
    {0},
};
