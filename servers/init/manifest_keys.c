// SPDX-License-Identifier: MIT
//
// Each key says how many words may follow it and whether it may come again; what is left to its
// function is the meaning of its words.

#include "manifest_parser.h"

#include <abi/status.h>
#include <sys/string.h>

// Bounds of numbers.
#define PAGES_MAX (1UL << 32)
#define PERCENT_MAX 100
#define HANDLES_MAX (1 << 20)
#define THREADS_MAX 4096
#define PROCESSES_MAX 4096
#define HEARTBEAT_LEAST_MS 10
#define MILLISECONDS_MAX 600000
#define MISSED_LIMIT 1000
#define VAULT_LEAST 4096
#define VAULT_MOST (1UL << 30)

bool manifest_name_valid(const char *text) {
    if (text[0] < 'a' || text[0] > 'z') {
        return false;
    }
    size_t length = 0;
    for (; text[length] != '\0'; length++) {
        char c = text[length];
        bool proper = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        if (!proper || length + 1 == MANIFEST_NAME_BYTES) {
            return false;
        }
    }
    return text[length - 1] != '-';
}

static status_t take_name(struct parser *parser, const char *word, char out[MANIFEST_NAME_BYTES]) {
    if (!manifest_name_valid(word)) {
        return parser_refuse(parser, "%.40s is not a name", word);
    }
    text_copy(out, MANIFEST_NAME_BYTES, word);
    return OK;
}

static status_t take_number(struct parser *parser, const char *word, uint64_t least, uint64_t most,
                            uint64_t *out) {
    uint64_t value = 0;
    size_t length = strlen(word);
    bool proper = length > 0 && length <= 12;
    for (size_t i = 0; proper && i < length; i++) {
        proper = word[i] >= '0' && word[i] <= '9';
        value = value * 10 + (uint64_t)(word[i] - '0');
    }
    if (!proper) {
        return parser_refuse(parser, "%.40s is not a number", word);
    }
    if (value < least || value > most) {
        return parser_refuse(parser, "%lu is out of range: %lu to %lu", value, least, most);
    }
    *out = value;
    return OK;
}

static status_t take_number32(struct parser *parser, uint64_t least, uint64_t most, uint32_t *out) {
    uint64_t value;
    status_t status = take_number(parser, parser->words[1], least, most, &value);
    if (status == OK) {
        *out = (uint32_t)value;
    }
    return status;
}

// `N`, `N%`, or `N+M%`, which together are not nothing unless `least` is 0.
static status_t take_pages(struct parser *parser, char *word, uint64_t least,
                           struct manifest_pages *out) {
    uint64_t pages = 0, percent = 0;
    size_t length = strlen(word);
    char *share = word;
    status_t status = OK;
    if (length > 0 && word[length - 1] == '%') {
        char *plus = strchr(word, '+');
        word[length - 1] = '\0';
        if (plus != NULL) {
            *plus = '\0';
            share = plus + 1;
            status = take_number(parser, word, 0, PAGES_MAX, &pages);
        }
        status = status == OK ? take_number(parser, share, 0, PERCENT_MAX, &percent) : status;
    } else {
        status = take_number(parser, word, 0, PAGES_MAX, &pages);
    }
    *out = (struct manifest_pages){.pages = pages, .percent = (uint32_t)percent};
    return status == OK && pages + percent < least
               ? parser_refuse(parser, "0 is out of range: %lu to %lu", least, PAGES_MAX)
               : status;
}

// One of a list of words, which ends with a null.
static status_t take_choice(struct parser *parser, const char *const *choices, uint8_t *out) {
    for (uint8_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(parser->words[1], choices[i]) == 0) {
            *out = i;
            return OK;
        }
    }
    return parser_refuse(parser, "%s can't be %.40s", parser->words[0], parser->words[1]);
}

static status_t full(struct parser *parser) {
    return parser_refuse(parser, "too many lines with %s", parser->words[0]);
}

// ---- keys

static status_t key_service(struct parser *parser) {
    return take_name(parser, parser->words[1], parser->manifest->name);
}

// A path of the archive: no empty part, no dots that lead elsewhere.
static bool path_valid(const char *path) {
    const char *part = path;
    for (const char *at = path;; at++) {
        if (*at == '/' || *at == '\0') {
            bool dots = part[0] == '.' && (at - part == 1 || (at - part == 2 && part[1] == '.'));
            if (at == part || dots) {
                return false;
            }
            part = at + 1;
        }
        if (*at == '\0') {
            return at - path < MANIFEST_PATH_BYTES;
        }
    }
}

static status_t key_program(struct parser *parser) {
    if (!path_valid(parser->words[1])) {
        return parser_refuse(parser, "%.60s is not a path", parser->words[1]);
    }
    text_copy(parser->manifest->program, MANIFEST_PATH_BYTES, parser->words[1]);
    return OK;
}

static status_t key_argument(struct parser *parser) {
    struct manifest *manifest = parser->manifest;
    if (manifest->argument_count == MANIFEST_ARGUMENTS_MAX) {
        return full(parser);
    }
    if (!text_copy(manifest->arguments[manifest->argument_count], MANIFEST_ARGUMENT_BYTES,
                   parser->rest)) {
        return parser_refuse(parser, "the argument is longer than %d bytes",
                             MANIFEST_ARGUMENT_BYTES - 1);
    }
    manifest->argument_count++;
    return OK;
}

static status_t key_provides(struct parser *parser) {
    struct manifest *manifest = parser->manifest;
    if (manifest->provide_count == MANIFEST_PROVIDES_MAX) {
        return full(parser);
    }
    char *name = manifest->provides[manifest->provide_count];
    status_t status = take_name(parser, parser->words[1], name);
    for (uint8_t i = 0; status == OK && i < manifest->provide_count; i++) {
        if (strcmp(manifest->provides[i], name) == 0) {
            status = parser_refuse(parser, "channel %s is provided twice", name);
        }
    }
    manifest->provide_count += status == OK;
    return status;
}

// What may follow the channel: `as NAME`, `forwarder`, `shared`, in this order.
static status_t take_use_marks(struct parser *parser, struct manifest_use *use, const char **as) {
    uint32_t at = 2;
    if (at + 1 < parser->count && strcmp(parser->words[at], "as") == 0) {
        *as = parser->words[at + 1];
        at += 2;
    }
    if (at < parser->count && strcmp(parser->words[at], "forwarder") == 0) {
        use->forwarder = true;
        at++;
    }
    if (at < parser->count && strcmp(parser->words[at], "shared") == 0) {
        use->shared = true;
        at++;
    }
    return at == parser->count
               ? OK
               : parser_refuse(parser, "after the channel may stand: as NAME, forwarder, shared");
}

static status_t key_uses(struct parser *parser) {
    struct manifest *manifest = parser->manifest;
    if (manifest->use_count == MANIFEST_USES_MAX) {
        return full(parser);
    }
    struct manifest_use *use = &manifest->uses[manifest->use_count];
    const char *as = parser->words[1];
    status_t status = take_use_marks(parser, use, &as);
    status = status == OK ? take_name(parser, parser->words[1], use->channel) : status;
    status = status == OK ? take_name(parser, as, use->as) : status;
    for (uint8_t i = 0; status == OK && i < manifest->use_count; i++) {
        if (strcmp(manifest->uses[i].as, use->as) == 0) {
            status = parser_refuse(parser, "two channels have the name %s", use->as);
        }
    }
    manifest->use_count += status == OK;
    return status;
}

static status_t key_needs(struct parser *parser) {
    struct manifest *manifest = parser->manifest;
    if (manifest->need_count == MANIFEST_NEEDS_MAX) {
        return full(parser);
    }
    status_t status = take_name(parser, parser->words[1], manifest->needs[manifest->need_count]);
    manifest->need_count += status == OK;
    return status;
}

static const struct {
    const char *word;
    uint32_t bit;
} grants[] = {
    {"log", GRANT_LOG},
    {"log-read", GRANT_LOG_READ},
    {"system", GRANT_SYSTEM},
    {"archive", GRANT_ARCHIVE},
    {"job", GRANT_JOB},
    {"root-job", GRANT_ROOT_JOB},
    {"init-vault", GRANT_INIT_VAULT},
    {"clock", GRANT_CLOCK},
};

uint32_t manifest_grant_bit(const char *word) {
    for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
        if (strcmp(word, grants[i].word) == 0) {
            return grants[i].bit;
        }
    }
    return 0;
}

static status_t grant_device(struct parser *parser) {
    struct manifest *manifest = parser->manifest;
    if (manifest->device_count == MANIFEST_DEVICES_MAX) {
        return full(parser);
    }
    status_t status =
        take_name(parser, parser->words[2], manifest->devices[manifest->device_count]);
    manifest->device_count += status == OK;
    return status;
}

static status_t key_grant(struct parser *parser) {
    bool device = strcmp(parser->words[1], "device") == 0;
    if (device != (parser->count == 3)) {
        return parser_refuse(parser, device ? "grant device needs the device's name"
                                            : "grant takes one word");
    }
    if (device) {
        return grant_device(parser);
    }
    uint32_t bit = manifest_grant_bit(parser->words[1]);
    if (bit == 0) {
        return parser_refuse(parser, "there is no grant %.40s", parser->words[1]);
    }
    if ((parser->manifest->grants & bit) != 0) {
        return parser_refuse(parser, "grant %s is given twice", parser->words[1]);
    }
    parser->manifest->grants |= bit;
    return OK;
}

static status_t key_limit(struct parser *parser) {
    struct manifest *manifest = parser->manifest;
    const struct {
        const char *word;
        uint64_t least, most;
        uint64_t *out;
    } limits[] = {
        {"handles", 16, HANDLES_MAX, &manifest->handles},
        {"threads", 1, THREADS_MAX, &manifest->threads},
        {"processes", 1, PROCESSES_MAX, &manifest->processes},
    };
    if (strcmp(parser->words[1], "memory-pages") == 0) {
        return take_pages(parser, parser->words[2], 1, &manifest->memory_pages);
    }
    if (strcmp(parser->words[1], "reserved-pages") == 0) {
        return take_pages(parser, parser->words[2], 0, &manifest->reserved_pages);
    }
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (strcmp(parser->words[1], limits[i].word) == 0) {
            return take_number(parser, parser->words[2], limits[i].least, limits[i].most,
                               limits[i].out);
        }
    }
    return parser_refuse(parser, "there is no limit %.40s", parser->words[1]);
}

static status_t key_priority(struct parser *parser) {
    return take_number32(parser, MANIFEST_PRIORITY_LOWEST, MANIFEST_PRIORITY_HIGHEST,
                         &parser->manifest->priority);
}

static status_t key_restart(struct parser *parser) {
    static const char *const choices[] = {"always", "never", NULL};
    return take_choice(parser, choices, &parser->manifest->restart);
}

static status_t key_start(struct parser *parser) {
    static const char *const choices[] = {"demand", "boot", NULL};
    return take_choice(parser, choices, &parser->manifest->start);
}

static status_t key_heartbeat(struct parser *parser) {
    uint32_t *value = &parser->manifest->heartbeat_ms;
    status_t status = take_number32(parser, 0, MILLISECONDS_MAX, value);
    if (status == OK && *value != 0 && *value < HEARTBEAT_LEAST_MS) {
        return parser_refuse(parser, "a heartbeat is 0 (none) or at least %d ms",
                             HEARTBEAT_LEAST_MS);
    }
    return status;
}

static status_t key_missed(struct parser *parser) {
    return take_number32(parser, 1, MISSED_LIMIT, &parser->manifest->missed_max);
}

static status_t key_max_service(struct parser *parser) {
    return take_number32(parser, 0, MILLISECONDS_MAX, &parser->manifest->max_service_ms);
}

static status_t key_vault(struct parser *parser) {
    uint64_t value;
    status_t status = take_number(parser, parser->words[1], 0, VAULT_MOST, &value);
    if (status == OK && value % VAULT_LEAST != 0) {
        return parser_refuse(parser, "a vault has whole pages of %d bytes, or 0", VAULT_LEAST);
    }
    parser->manifest->vault_bytes = status == OK ? value : 0;
    return status;
}

// ---- the table

#define ANY_WORDS UINT8_MAX

static const struct key {
    const char *word;
    status_t (*take)(struct parser *parser);
    uint8_t least, most; // words after it
    bool many;           // may come again
} keys[] = {
    {"service", key_service, 1, 1, false},
    {"program", key_program, 1, 1, false},
    {"argument", key_argument, 1, ANY_WORDS, true},
    {"provides", key_provides, 1, 1, true},
    {"uses", key_uses, 1, 5, true},
    {"needs", key_needs, 1, 1, true},
    {"grant", key_grant, 1, 2, true},
    {"limit", key_limit, 2, 2, true},
    {"priority", key_priority, 1, 1, false},
    {"restart", key_restart, 1, 1, false},
    {"start", key_start, 1, 1, false},
    {"heartbeat-ms", key_heartbeat, 1, 1, false},
    {"missed-max", key_missed, 1, 1, false},
    {"max-service-ms", key_max_service, 1, 1, false},
    {"vault-bytes", key_vault, 1, 1, false},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

status_t parser_take_key(struct parser *parser) {
    for (size_t i = 0; i < KEYS; i++) {
        const struct key *key = &keys[i];
        if (strcmp(parser->words[0], key->word) != 0) {
            continue;
        }
        if (!key->many && (parser->seen & 1UL << i) != 0) {
            return parser_refuse(parser, "%s is given twice", key->word);
        }
        parser->seen |= 1UL << i;
        uint32_t words = parser->count - 1;
        if (words < key->least || (words > key->most && key->most != ANY_WORDS)) {
            return parser_refuse(parser, "%s takes %d to %d words, not %u", key->word, key->least,
                                 key->most == ANY_WORDS ? WORDS_MAX : key->most, words);
        }
        return key->take(parser);
    }
    return parser_refuse(parser, "there is no key %.40s", parser->words[0]);
}
