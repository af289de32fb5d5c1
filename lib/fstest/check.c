// SPDX-License-Identifier: MIT
//
// What all of the script uses: random numbers, and noting what is wrong.

#include "script_internal.h"

void script_complain(struct script *script, const char *what, int64_t got, int64_t wanted) {
    if (script->failure == NULL) {
        script->failure = what;
        script->got = got;
        script->wanted = wanted;
    }
}

bool script_expect(struct script *script, const char *what, int64_t got, int64_t wanted) {
    if (got != wanted) {
        script_complain(script, what, got, wanted);
    }
    return got == wanted;
}

// splitmix64
uint64_t script_chance(struct script *script, uint64_t bound) {
    uint64_t z = script->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
}

void script_check_attributes(struct script *script, const struct fs_attributes *attributes,
                             uint32_t number) {
    const struct model_node *node = &script->model.nodes[number];
    (void)script_expect(script, "mode", attributes->mode, node->type << 12 | node->mode);
    (void)script_expect(script, "links", attributes->links, node->links);
    (void)script_expect(script, "size", (int64_t)attributes->size, node->size);
}

void script_check_bytes(struct script *script, const char *what, const uint8_t *got,
                        const uint8_t *wanted, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) {
        if (got[i] != wanted[i]) {
            script_complain(script, what, i, got[i]);
            return;
        }
    }
}
