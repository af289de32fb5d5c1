// SPDX-License-Identifier: MIT
//
// What a native program finds when it starts: its arguments, and the handles that its parent gave
// it, each with a name. The parent writes a start record into a page that is mapped read-only into
// the new process and whose address is its first thread's second argument. init has no record: the
// kernel gives it the handles of <abi/boot.h>, which have names here as well.
//
// A program defines native_main; what it returns is the exit status of the process.
#pragma once

#include <abi/block.h>
#include <abi/types.h>
#include <stdbool.h>

#define START_MAGIC 0x54525450u // "PTRT"
#define START_VERSION 1
#define START_HANDLES_MAX 64
#define START_ARGUMENTS_MAX 32
#define START_NAME_BYTES 28
#define START_TEXT_BYTES 1960

struct start_named_handle {
    char name[START_NAME_BYTES]; // zero-terminated
    handle_t handle;
};

struct start_record {
    uint32_t magic;
    uint16_t version;
    uint16_t bytes; // of this struct
    uint16_t argument_count;
    uint16_t handle_count;
    uint32_t text_bytes; // used of `text`
    struct start_named_handle handles[START_HANDLES_MAX];
    uint16_t arguments[START_ARGUMENTS_MAX]; // where each begins in `text`
    char text[START_TEXT_BYTES];             // zero-terminated strings
    uint32_t reserved[2];
};
static_assert(sizeof(struct start_record) == PAGE_SIZE, "a start record fills a page");

// The program's own entry.
int64_t native_main(struct thread_block *block);

// The handle that was given under a name, HANDLE_NONE when there is none.
handle_t start_handle(const char *name);
// The handle at a place of the record, for walking through all of them. False when there is none.
bool start_handle_at(uint32_t index, struct start_named_handle *out);
// Arguments, not counting the program's name; null when `index` is too large.
uint32_t start_argument_count(void);
const char *start_argument(uint32_t index);
// The value of an argument `key=value`, or null. The last one counts.
const char *start_option(const char *key);
// The number, decimal or with 0x, that an argument `key=number` gives; `otherwise` when there is no
// such argument, or what it gives is no number of 64 bits.
uint64_t start_number(const char *key, uint64_t otherwise);

// Prepares an empty record; adds to it. NO_SPACE: it is full, or the name is too long.
void start_record_init(struct start_record *record);
[[nodiscard]] status_t start_record_add_handle(struct start_record *record, const char *name,
                                               handle_t handle);
[[nodiscard]] status_t start_record_add_argument(struct start_record *record, const char *text);
