// SPDX-License-Identifier: MIT
//
// The C side of _start, and the reading of the start record. A record that does not check out is
// treated as absent: the program then finds no handle and no argument, and says so if it needs
// them.

#include <sys/start.h>

#include <abi/boot.h>
#include <abi/status.h>
#include <stdbool.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>

static const struct start_record *record;

static const struct start_named_handle init_handles[] = {
    {"job", INIT_JOB},         {"process", INIT_PROCESS}, {"aspace", INIT_ASPACE},
    {"thread", INIT_THREAD},   {"log", INIT_LOG},         {"system", INIT_SYSTEM},
    {"archive", INIT_ARCHIVE}, {"command", INIT_COMMAND}, {"serial", INIT_SERIAL},
    {"vault", INIT_VAULT},     {"clock", INIT_CLOCK},
};

static bool record_is_valid(const struct start_record *r) {
    if (r->magic != START_MAGIC || r->version != START_VERSION || r->bytes != sizeof(*r) ||
        r->argument_count > START_ARGUMENTS_MAX || r->handle_count > START_HANDLES_MAX ||
        r->text_bytes > START_TEXT_BYTES) {
        return false;
    }
    if (r->text_bytes > 0 && r->text[r->text_bytes - 1] != '\0') {
        return false;
    }
    for (uint32_t i = 0; i < r->argument_count; i++) {
        if (r->arguments[i] >= r->text_bytes) {
            return false;
        }
    }
    for (uint32_t i = 0; i < r->handle_count; i++) {
        if (strnlen(r->handles[i].name, START_NAME_BYTES) == START_NAME_BYTES) {
            return false;
        }
    }
    return true;
}

// Called by _start.
_Noreturn void start_program(struct thread_block *block, const struct start_record *given);

_Noreturn void start_program(struct thread_block *block, const struct start_record *given) {
    if (given != NULL && record_is_valid(given)) {
        record = given;
    }
    log_set_handle(given == NULL ? INIT_LOG : start_handle("log"));
    sys_process_exit(native_main(block));
}

static handle_t find_handle(const struct start_named_handle *handles, size_t count,
                            const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(handles[i].name, name) == 0) {
            return handles[i].handle;
        }
    }
    return HANDLE_NONE;
}

handle_t start_handle(const char *name) {
    if (record != NULL) {
        return find_handle(record->handles, record->handle_count, name);
    }
    return find_handle(init_handles, sizeof(init_handles) / sizeof(init_handles[0]), name);
}

bool start_handle_at(uint32_t index, struct start_named_handle *out) {
    uint32_t count =
        record != NULL ? record->handle_count : sizeof(init_handles) / sizeof(init_handles[0]);
    if (index >= count) {
        return false;
    }
    *out = record != NULL ? record->handles[index] : init_handles[index];
    return true;
}

uint32_t start_argument_count(void) {
    return record != NULL ? record->argument_count : 0;
}

const char *start_argument(uint32_t index) {
    return index < start_argument_count() ? &record->text[record->arguments[index]] : NULL;
}

const char *start_option(const char *key) {
    size_t length = strlen(key);
    const char *value = NULL;
    for (uint32_t i = 0; i < start_argument_count(); i++) {
        const char *text = start_argument(i);
        if (strncmp(text, key, length) == 0 && text[length] == '=') {
            value = text + length + 1;
        }
    }
    return value;
}

static bool take_digit(char c, uint64_t base, uint64_t *value) {
    uint64_t digit = c >= '0' && c <= '9'   ? (uint64_t)(c - '0')
                     : c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a') + 10
                                            : base;
    return digit < base && !__builtin_mul_overflow(*value, base, value) &&
           !__builtin_add_overflow(*value, digit, value);
}

uint64_t start_number(const char *key, uint64_t otherwise) {
    const char *text = start_option(key);
    uint64_t value = 0;
    if (text == NULL) {
        return otherwise;
    }
    uint64_t base = strncmp(text, "0x", 2) == 0 ? 16 : 10;
    text += base == 16 ? 2 : 0;
    bool number = *text != '\0';
    for (; number && *text != '\0'; text++) {
        number = take_digit(*text, base, &value);
    }
    return number ? value : otherwise;
}

void start_record_init(struct start_record *r) {
    *r = (struct start_record){
        .magic = START_MAGIC,
        .version = START_VERSION,
        .bytes = sizeof(*r),
    };
}

status_t start_record_add_handle(struct start_record *r, const char *name, handle_t handle) {
    if (r->handle_count == START_HANDLES_MAX || strlen(name) >= START_NAME_BYTES) {
        return ERR_NO_SPACE;
    }
    struct start_named_handle *place = &r->handles[r->handle_count++];
    text_copy(place->name, sizeof(place->name), name);
    place->handle = handle;
    return OK;
}

status_t start_record_add_argument(struct start_record *r, const char *text) {
    size_t bytes = strlen(text) + 1;
    if (r->argument_count == START_ARGUMENTS_MAX || bytes > START_TEXT_BYTES - r->text_bytes) {
        return ERR_NO_SPACE;
    }
    memcpy(&r->text[r->text_bytes], text, bytes);
    r->arguments[r->argument_count++] = (uint16_t)r->text_bytes;
    r->text_bytes += (uint32_t)bytes;
    return OK;
}
