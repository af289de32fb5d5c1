// SPDX-License-Identifier: MIT
//
// The `crc32` instruction of SSE 4.2, which works on general registers.

#include <server/crc32c.h>

#include <cpuid.h>
#include <stdbool.h>

#define HAVE_UNKNOWN 0
#define HAVE_INSTRUCTION 1
#define HAVE_NOTHING 2

// Words at any address.
struct words {
    uint64_t of[4];
} __attribute__((packed, may_alias));

static uint32_t crc32c_instruction(uint32_t crc, const uint8_t *at, size_t bytes) {
    uint64_t wide = crc;
    for (; bytes >= sizeof(struct words); bytes -= sizeof(struct words), at += 32) {
        const struct words *words = (const struct words *)at;
        __asm__("crc32q %1, %0" : "+r"(wide) : "m"(words->of[0]));
        __asm__("crc32q %1, %0" : "+r"(wide) : "m"(words->of[1]));
        __asm__("crc32q %1, %0" : "+r"(wide) : "m"(words->of[2]));
        __asm__("crc32q %1, %0" : "+r"(wide) : "m"(words->of[3]));
    }
    for (; bytes >= 8; bytes -= 8, at += 8) {
        __asm__("crc32q %1, %0" : "+r"(wide) : "m"(((const struct words *)at)->of[0]));
    }
    crc = (uint32_t)wide;
    for (; bytes >= 2; bytes -= 2, at += 2) {
        uint16_t pair;
        __builtin_memcpy(&pair, at, sizeof(pair));
        __asm__("crc32w %1, %0" : "+r"(crc) : "r"(pair));
    }
    if (bytes > 0) {
        __asm__("crc32b %1, %0" : "+r"(crc) : "q"(*at));
    }
    return crc;
}

// A virtual machine's CPUID leaves the guest, so it is asked once. Threads may ask at once.
static bool have_instruction(void) {
    static uint8_t have;
    uint8_t known = __atomic_load_n(&have, __ATOMIC_RELAXED);
    if (known == HAVE_UNKNOWN) {
        unsigned a, b, c, d;
        bool found = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_2) != 0;
        known = found ? HAVE_INSTRUCTION : HAVE_NOTHING;
        __atomic_store_n(&have, known, __ATOMIC_RELAXED);
    }
    return known == HAVE_INSTRUCTION;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t bytes) {
    return have_instruction() ? crc32c_instruction(crc, data, bytes)
                              : crc32c_table(crc, data, bytes);
}
