// SPDX-License-Identifier: MIT
//
// Random numbers by ChaCha20 (RFC 8439, sections 2.1 to 2.3) with fast key erasure: each request
// runs the generator's key once and gets two new ones, the generator's next and one of its own, and
// makes its bytes with the latter. So no key that made bytes which somebody has seen is kept, and
// whoever reads the kernel's memory later can't work back to them; and the lock is held for one
// block only.
//
// The first key comes from the CPU's own generator if it has one and from many readings of the
// cycle counter; interrupts stir more in as time goes by. Without a generator in the CPU, what is
// drawn in the first moments after boot is as good as the jitter of the counter and no better.
#include <arch/boot.h>
#include <arch/clock.h>
#include <arch/cpu.h>
#include <lib/random.h>
#include <sched/spinlock.h>

#define KEY_WORDS 8
#define BLOCK_WORDS 16
#define BLOCK_BYTES (BLOCK_WORDS * sizeof(uint32_t))
#define ROUNDS 20
#define JITTER_SAMPLES 256

struct chacha_key {
    uint32_t words[KEY_WORDS];
};

static struct spinlock lock = SPINLOCK_INIT(RANK_LOG); // a leaf: nothing is locked inside. Guards:
static struct chacha_key state;
static uint32_t pool[KEY_WORDS]; // stirred in, not yet part of the key
static uint32_t pool_next;
static bool seeded;

static uint32_t rotate_left(uint32_t word, unsigned bits) {
    return word << bits | word >> (32 - bits);
}

__attribute__((always_inline)) static inline void quarter_round(uint32_t *x, int a, int b, int c,
                                                                int d) {
    x[a] += x[b];
    x[d] = rotate_left(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate_left(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate_left(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate_left(x[b] ^ x[c], 7);
}

// The block function, with a 64-bit counter and no nonce: no key is used for two requests.
static void chacha_block(const struct chacha_key *key, uint64_t counter, uint32_t *out) {
    uint32_t start[BLOCK_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(&start[4], key->words, sizeof(key->words));
    start[12] = (uint32_t)counter;
    start[13] = (uint32_t)(counter >> 32);
    memcpy(out, start, sizeof(start));
    for (int i = 0; i < ROUNDS; i += 2) {
        quarter_round(out, 0, 4, 8, 12);
        quarter_round(out, 1, 5, 9, 13);
        quarter_round(out, 2, 6, 10, 14);
        quarter_round(out, 3, 7, 11, 15);
        quarter_round(out, 0, 5, 10, 15);
        quarter_round(out, 1, 6, 11, 12);
        quarter_round(out, 2, 7, 8, 13);
        quarter_round(out, 3, 4, 9, 14);
    }
    for (int i = 0; i < BLOCK_WORDS; i++) {
        out[i] += start[i];
    }
}

// Clears secrets so that the compiler does not leave it out.
static void wipe(void *memory, size_t bytes) {
    memset(memory, 0, bytes);
    __asm__ volatile("" : : "r"(memory) : "memory");
}

static void stir_locked(uint64_t value) {
    assert(spin_held(&lock));
    uint32_t *word = &pool[pool_next++ % KEY_WORDS];
    *word = rotate_left(*word, 7) ^ (uint32_t)value ^ (uint32_t)(value >> 32);
}

// Makes the pool part of the generator's key and runs it: it becomes another, and *out a second
// one.
static void turn_locked(struct chacha_key *out) {
    assert(spin_held(&lock));
    uint32_t block[BLOCK_WORDS];
    for (int i = 0; i < KEY_WORDS; i++) {
        state.words[i] ^= pool[i];
    }
    chacha_block(&state, 0, block);
    memcpy(&state, block, sizeof(state));
    memcpy(out, &block[KEY_WORDS], sizeof(*out));
    wipe(block, sizeof(block));
}

static void seed_locked(void) {
    assert(spin_held(&lock));
    assert(!seeded);
    for (int i = 0; i < KEY_WORDS; i++) {
        uint64_t value;
        if (arch_random(&value)) {
            stir_locked(value);
        }
    }
    struct chacha_key unused;
    turn_locked(&unused);
    stir_locked((uint64_t)clock_now());
    for (int i = 0; i < JITTER_SAMPLES; i++) {
        stir_locked(arch_cycles());
        if (i % KEY_WORDS == KEY_WORDS - 1) {
            turn_locked(&unused); // takes a time of its own, too
        }
    }
    wipe(&unused, sizeof(unused));
    seeded = true;
}

// Gives a key that is used nowhere else.
static struct chacha_key draw_key(void) {
    struct chacha_key key;
    spin_lock(&lock);
    if (unlikely(!seeded)) {
        seed_locked();
    }
    stir_locked(arch_cycles());
    turn_locked(&key);
    spin_unlock(&lock);
    return key;
}

void random_fill(void *buffer, size_t bytes) {
    struct chacha_key key = draw_key();
    uint32_t block[BLOCK_WORDS];
    for (uint64_t counter = 0; bytes > 0; counter++) {
        size_t part = MIN(bytes, BLOCK_BYTES);
        chacha_block(&key, counter, block);
        memcpy(buffer, block, part);
        buffer = (char *)buffer + part;
        bytes -= part;
    }
    wipe(block, sizeof(block));
    wipe(&key, sizeof(key));
}

void random_stir(uint64_t value) {
    spin_lock(&lock);
    stir_locked(value);
    spin_unlock(&lock);
}
