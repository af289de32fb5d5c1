// SPDX-License-Identifier: MIT

#include <server/die.h>

#include <abi/message.h>
#include <server/point.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>

#define EXIT_STATUS 77

static const char *const stages[] = {
    [DIE_TAKEN] = "taken",
    [DIE_MID_STEP] = "mid-step",
    [DIE_BEFORE_COMMIT] = "before-commit",
    [DIE_AFTER_COMMIT] = "after-commit",
    [DIE_AFTER_REPLY] = "after-reply",
};

static const char *const hows[] = {
    [DIE_EXIT] = "exit",
    [DIE_FAULT] = "fault",
    [DIE_FREEZE] = "freeze",
    [DIE_LOOP] = "loop",
};

// The index of a name in a list, `otherwise` when it is not there.
static uint32_t find_name(const char *name, const char *const *names, uint32_t count,
                          uint32_t otherwise) {
    for (uint32_t i = 0; i < count; i++) {
        if (names[i] != NULL && strcmp(name, names[i]) == 0) {
            return i;
        }
    }
    return otherwise;
}

// Reads a decimal number and moves past it.
static uint64_t read_number(const char **text) {
    uint64_t number = 0;
    while (**text >= '0' && **text <= '9') {
        number = number * 10 + (uint64_t)(*(*text)++ - '0');
    }
    return number;
}

void die_arm(struct die *die) {
    *die = (struct die){.how = DIE_EXIT};
    const char *at = start_option("die-at");
    if (at != NULL) {
        die->at = read_number(&at);
        die->or_later = *at == '+';
        at += die->or_later;
        die->stage = *at == ':' ? find_name(at + 1, stages, DIE_AFTER_REPLY + 1, DIE_NEVER) : 0;
    }
    const char *how = start_option("die-how");
    if (how != NULL) {
        die->how = find_name(how, hows, DIE_LOOP + 1, DIE_EXIT);
    }
    const char *poison = start_option("poison");
    if (poison != NULL) {
        die->poison = read_number(&poison);
    }
    die->armed = die->stage != DIE_NEVER || die->poison != 0;
}

void die_serve(struct die *die, uint64_t number, const struct message *message) {
    if (!die->armed) {
        return;
    }
    die->message = number;
    die->poisoned = false;
    for (uint32_t at = 0; die->poison != 0 && at + 8 <= message->body_bytes; at += 8) {
        uint64_t word;
        memcpy(&word, &message->body[at], sizeof(word));
        die->poisoned |= word == die->poison;
    }
}

static void freeze(void) {
    for (;;) {
        // Ends for nothing but the process's death.
        (void)!sys_thread_sleep(INSTANT_NEVER, 0);
    }
}

static void compute_for_ever(void) {
    for (;;) {
        __asm__ volatile("" ::: "memory");
    }
}

void die_now(struct die *die, enum die_stage stage) {
    if (die->poisoned && stage == DIE_MID_STEP) {
        server_trap();
    }
    bool due = die->or_later ? die->message >= die->at : die->message == die->at;
    if (!due || stage != die->stage) {
        return;
    }
    switch (die->how) {
    case DIE_EXIT:
        sys_process_exit(EXIT_STATUS);
    case DIE_FAULT:
        server_trap();
        break;
    case DIE_FREEZE:
        freeze();
        break;
    case DIE_LOOP:
        compute_for_ever();
        break;
    }
}
