// SPDX-License-Identifier: MIT

#include "corrupt.h"

#include "self.h"

#include <abi/boot.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>

#define LIMIT SECONDS(10)
#define MARK 0x6b72616d // in what init's tests have at the end of the vault: it survives a reset

static uint64_t *mark(void) {
    return (uint64_t *)(init_vault() + INIT_VAULT_BYTES) - 1;
}

static int64_t tell(bool good, const char *what) {
    log_printf("%s corrupt_%s", good ? "ok" : "FAIL", what);
    log_printf("done %d ok, %d failed", good, !good);
    return !good;
}

// All is new: the bank is in its first instance again, and so is init.
static int64_t second_life(const char *part) {
    bool good = wait_for_state("bank", SVC_STATE_RUNNING, 0, LIMIT);
    return tell(good && look("bank").instance == 1 && look("init").instance == 1, part);
}

static uint8_t *find_record(const char *name) {
    uint8_t *vault = init_vault();
    for (size_t at = 0; at < INIT_VAULT_BYTES - 64; at += 8) {
        if (memcmp(vault + at, name, strlen(name) + 1) == 0) {
            return vault + at;
        }
    }
    return NULL;
}

// One record: that service alone begins anew, and its lost process does not go on beside it.
static int64_t break_record(void) {
    uint8_t *record = find_record("test-spare");
    uint64_t bank = look("bank").entry.process;
    uint64_t lost = look("test-spare").entry.process;
    if (record == NULL) {
        return tell(false, "record");
    }
    record[1] ^= 0x20;
    bool good = kill_process(find_process("init"));
    good &= wait_for_state("test-spare", SVC_STATE_RUNNING, 0, LIMIT);
    sleep_for(MILLISECONDS(100));
    good &= look("test-spare").instance == 1 && look("test-spare").entry.process != lost;
    good &= sys_object_alive(lost) == 0;
    good &= look("bank").entry.process == bank;
    return tell(good, "record");
}

int64_t corrupt_run(const char *part) {
    if (part == NULL || strcmp(part, "record") == 0) {
        return break_record();
    }
    if (*mark() == MARK) {
        return second_life(part);
    }
    if (!wait_for_state("bank", SVC_STATE_RUNNING, 0, LIMIT)) {
        return tell(false, part);
    }
    *mark() = MARK;
    uint64_t state = 3;
    size_t bytes = strcmp(part, "header") == 0 ? 16 : INIT_VAULT_BYTES - 64;
    for (size_t i = 0; i < bytes; i++) {
        init_vault()[i] = (uint8_t)test_random(&state);
    }
    (void)kill_process(find_process("init"));
    for (;;) {
        sleep_for(SECONDS(1)); // to be killed
    }
}
