// SPDX-License-Identifier: MIT
//
// The generator's cipher against RFC 8439, appendix A.1, and what a generator owes its users.
//
// host-sources: kernel/sched/spinlock.c kernel/test/host/host.c
// host-sources: lib/test/test.c lib/test/test/host_main.c
#include "../random.c"

#include <host.h>
#include <sched/cpu.h>
#include <test/test.h>

TEST(block_function) {
    static const uint32_t zero_key_0[BLOCK_WORDS] = {
        0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653, 0xb819d2bd, 0x1aed8da0,
        0xccef36a8, 0xc70d778b, 0x7c5941da, 0x8d485751, 0x3fe02477, 0x374ad8b8,
        0xf4b8436a, 0x1ca11815, 0x69b687c3, 0x8665eeb2,
    };
    static const uint32_t zero_key_1[BLOCK_WORDS] = {
        0xbee7079f, 0x7a385155, 0x7c97ba98, 0x0d082d73, 0xa0290fcb, 0x6965e348,
        0x3e53c612, 0xed7aee32, 0x7621b729, 0x434ee69c, 0xb03371d5, 0xd539d874,
        0x281fed31, 0x45fb0a51, 0x1f0ae1ac, 0x6f4d794b,
    };
    static const uint32_t ff_key_2[BLOCK_WORDS] = {
        0xfb4dd572, 0x4bc42ef1, 0xdf922636, 0x327f1394, 0xa78dea8f, 0x5e269039,
        0xa1bebbc1, 0xcaf09aae, 0xa25ab213, 0x48a6b46c, 0x1b9d9bcb, 0x092c5be6,
        0x546ca624, 0x1bec45d5, 0x87f47473, 0x96f0992e,
    };
    struct chacha_key key = {{0}};
    uint32_t block[BLOCK_WORDS];
    chacha_block(&key, 0, block);
    CHECK_EQ(memcmp(block, zero_key_0, sizeof(block)), 0);
    chacha_block(&key, 1, block);
    CHECK_EQ(memcmp(block, zero_key_1, sizeof(block)), 0);
    key.words[0] = 0xff00;
    chacha_block(&key, 2, block);
    CHECK_EQ(memcmp(block, ff_key_2, sizeof(block)), 0);
}

TEST(every_byte_is_filled_and_none_beyond) {
    host_cpus_init(1);
    static uint8_t seen[300];
    uint8_t buffer[302];
    memset(seen, 0, sizeof(seen));
    for (int round = 0; round < 64; round++) {
        memset(buffer, 0, sizeof(buffer));
        random_fill(buffer + 1, 300);
        CHECK_EQ(buffer[0] | buffer[301], 0);
        for (int i = 0; i < 300; i++) {
            seen[i] |= buffer[1 + i];
        }
    }
    for (int i = 0; i < 300; i++) {
        CHECK_EQ(seen[i], 0xff); // each bit was 1 once: 2^-64 to fail for one
    }
    random_fill(buffer, 0);
}

static uint64_t random_u64(void) {
    uint64_t value;
    random_fill(&value, sizeof(value));
    return value;
}

TEST(keys_are_never_used_twice) {
    host_cpus_init(1);
    uint64_t first = random_u64();
    struct chacha_key before = state;
    uint64_t second = random_u64();
    CHECK(first != second);
    CHECK(memcmp(&before, &state, sizeof(state)) != 0);
    struct chacha_key key = draw_key();
    CHECK(memcmp(&key, &state, sizeof(state)) != 0);
}

TEST(what_is_stirred_in_counts) {
    host_cpus_init(1);
    (void)random_u64();
    struct chacha_key saved_state = state;
    uint32_t saved_pool[KEY_WORDS];
    memcpy(saved_pool, pool, sizeof(pool));
    struct chacha_key plain;
    struct chacha_key stirred;
    spin_lock(&lock);
    turn_locked(&plain);
    spin_unlock(&lock);
    state = saved_state;
    memcpy(pool, saved_pool, sizeof(pool));
    random_stir(1);
    spin_lock(&lock);
    turn_locked(&stirred);
    spin_unlock(&lock);
    CHECK(memcmp(&plain, &stirred, sizeof(plain)) != 0);
}
