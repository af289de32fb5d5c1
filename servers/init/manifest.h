// SPDX-License-Identifier: MIT
//
// Service manifests: what a service runs, what it is given, what it provides, what it needs, and
// how it is watched. A manifest is a text file of `key value` lines; docs/concepts/supervision.md
// lists the keys. It is hostile input: a file that breaks a rule gives an error with its line and a
// reason, and no more.
#pragma once

#include <abi/types.h>
#include <stdbool.h>

// Bounds of one manifest. They keep a service's record in init's vault small.
#define MANIFEST_NAME_BYTES 24 // of a service or channel, with the zero
#define MANIFEST_PATH_BYTES 64
#define MANIFEST_ARGUMENT_BYTES 64
#define MANIFEST_ARGUMENTS_MAX 8
#define MANIFEST_PROVIDES_MAX 4
#define MANIFEST_USES_MAX 8
#define MANIFEST_NEEDS_MAX 8
#define MANIFEST_DEVICES_MAX 4
#define MANIFEST_REASON_BYTES 96
#define MANIFEST_PRIORITY_LOWEST 1
#define MANIFEST_PRIORITY_HIGHEST 24 // below init's own, so that init can end a server that loops
#define MANIFEST_FILE_MAX 16384      // bytes of a file

enum manifest_grant {
    GRANT_LOG = 1 << 0,
    GRANT_LOG_READ = 1 << 1,
    GRANT_SYSTEM = 1 << 2,
    GRANT_ARCHIVE = 1 << 3,
    GRANT_JOB = 1 << 4,
    GRANT_ROOT_JOB = 1 << 5,
    GRANT_INIT_VAULT = 1 << 6, // for tests of init
    GRANT_CLOCK = 1 << 7,
};

enum manifest_restart {
    RESTART_ALWAYS = 0,
    RESTART_NEVER = 1,
};

enum manifest_start {
    START_DEMAND = 0,
    START_BOOT = 1,
};

// A channel of another service, under the name that this service finds it by.
struct manifest_use {
    char channel[MANIFEST_NAME_BYTES];
    char as[MANIFEST_NAME_BYTES];
    bool forwarder; // it may speak for its own callers there (call_for)
    bool shared;    // it may give duplicates away
};

// A number of pages: so many, and so many of a hundred of the machine's memory.
struct manifest_pages {
    uint64_t pages;
    uint32_t percent;
};

struct manifest {
    char name[MANIFEST_NAME_BYTES];
    char program[MANIFEST_PATH_BYTES];
    char arguments[MANIFEST_ARGUMENTS_MAX][MANIFEST_ARGUMENT_BYTES];
    char provides[MANIFEST_PROVIDES_MAX][MANIFEST_NAME_BYTES];
    struct manifest_use uses[MANIFEST_USES_MAX];
    char needs[MANIFEST_NEEDS_MAX][MANIFEST_NAME_BYTES];
    char devices[MANIFEST_DEVICES_MAX][MANIFEST_NAME_BYTES];
    uint8_t argument_count;
    uint8_t provide_count;
    uint8_t use_count;
    uint8_t need_count;
    uint8_t device_count;
    uint8_t restart; // enum manifest_restart
    uint8_t start;   // enum manifest_start
    uint32_t grants; // enum manifest_grant
    struct manifest_pages memory_pages;
    struct manifest_pages reserved_pages;
    uint64_t handles;
    uint64_t threads;
    uint64_t processes;
    uint32_t priority;
    uint32_t heartbeat_ms; // 0: not watched
    uint32_t missed_max;
    uint32_t max_service_ms; // 0: no limit
    uint64_t vault_bytes;    // 0: no vault
};

struct manifest_error {
    uint32_t line; // from 1; 0: the file as a whole
    char reason[MANIFEST_REASON_BYTES];
};

// Reads a manifest. On ERR_INVALID_ARGUMENT `error` says what is wrong, and `manifest` holds no
// secrets but nothing of use either.
[[nodiscard]] status_t manifest_parse(const char *text, size_t bytes, struct manifest *manifest,
                                      struct manifest_error *error);

// What a number of pages comes to on a machine whose services have `total` pages among them.
uint64_t manifest_pages_of(struct manifest_pages pages, uint64_t total);

// Whether a text is a proper name: a lower-case letter, then letters, digits and '-', short enough.
bool manifest_name_valid(const char *text);
// The bit of a grant by its word, 0 when there is none.
uint32_t manifest_grant_bit(const char *word);
