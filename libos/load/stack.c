// SPDX-License-Identifier: MIT
//
// The first stack of a program (System V ABI, processor supplement, "Process Initialization"):
// argc, the addresses of arguments and environment, the auxiliary vector, and above them the
// strings.

#include <load/program.h>

#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <sys/calls.h>

#define STACK_BYTES (8UL << 20)
#define STACK_SLIDE (16UL << 20) // the top lies at random within so much
#define STACK_GAP (1UL << 20)    // kept free below it

enum auxiliary {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_BASE = 7,
    AT_FLAGS = 8,
    AT_ENTRY = 9,
    AT_UID = 11,
    AT_EUID = 12,
    AT_GID = 13,
    AT_EGID = 14,
    AT_PLATFORM = 15,
    AT_HWCAP = 16,
    AT_CLKTCK = 17,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_HWCAP2 = 26,
    AT_EXECFN = 31,
    AT_SYSINFO_EHDR = 33,
    AT_MINSIGSTKSZ = 51,
};
#define HWCAP2_FSGSBASE 2

const char *record_path(const struct libos_record *record) {
    const char *at = (const char *)record + record->text;
    for (uint64_t i = 0; i < (uint64_t)record->argc + record->envc; i++) {
        at += __builtin_strlen(at) + 1;
    }
    return at;
}

const char *record_folder(const struct libos_record *record) {
    const char *end = (const char *)record + record->text + record->text_bytes;
    const char *path = record_path(record);
    const char *folder = path + __builtin_strlen(path) + 1;
    return folder < end ? folder : NULL;
}

// Writes downwards from the top; `failed` stays set.
struct writer {
    uint64_t at;
    bool failed;
};

uint64_t seed_number(const struct libos_record *record, uint32_t which, uint64_t range) {
    // splitmix64, a mixing function by G. Steele and others (OOPSLA 2014)
    uint64_t z = record->seed[0] ^ (record->seed[1] + which * 0x9e3779b97f4a7c15UL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
    return (z ^ (z >> 31)) % range;
}

static uint64_t put(struct writer *writer, const void *data, uint64_t bytes) {
    writer->at -= bytes;
    writer->failed |= !copy_out(writer->at, data, bytes);
    return writer->at;
}

static void put_word(struct writer *writer, uint64_t value) {
    (void)put(writer, &value, sizeof(value));
}

static void put_pair(struct writer *writer, uint64_t key, uint64_t value) {
    put_word(writer, value);
    put_word(writer, key);
}

static uint64_t hardware_flags(void) {
    uint32_t a = 1, b, c, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    return d;
}

// The vector, from its end to its beginning.
static void put_auxiliary(struct writer *writer, const struct stack_options *options,
                          uint64_t random, uint64_t platform, uint64_t path) {
    const volatile struct identity_page *identity = identity_current();
    put_pair(writer, AT_NULL, 0);
    put_pair(writer, AT_PLATFORM, platform);
    put_pair(writer, AT_EXECFN, path);
    put_pair(writer, AT_HWCAP2, HWCAP2_FSGSBASE);
    put_pair(writer, AT_RANDOM, random);
    put_pair(writer, AT_SECURE, 0);
    put_pair(writer, AT_EGID, identity->egid);
    put_pair(writer, AT_GID, identity->gid);
    put_pair(writer, AT_EUID, identity->euid);
    put_pair(writer, AT_UID, identity->uid);
    put_pair(writer, AT_ENTRY, options->entry);
    put_pair(writer, AT_FLAGS, 0);
    put_pair(writer, AT_BASE, options->base);
    put_pair(writer, AT_PHNUM, options->header_count);
    put_pair(writer, AT_PHENT, 56);
    put_pair(writer, AT_PHDR, options->headers);
    put_pair(writer, AT_CLKTCK, 100);
    put_pair(writer, AT_PAGESZ, PAGE_SIZE);
    put_pair(writer, AT_HWCAP, hardware_flags());
    put_pair(writer, AT_MINSIGSTKSZ, frame_bytes());
    put_pair(writer, AT_SYSINFO_EHDR, process_current()->vdso);
}

// Stores the addresses of `count` strings from *at on; moves *at behind them.
static void put_addresses(struct writer *writer, uint64_t place, uint32_t count, uint64_t *at,
                          const char **text) {
    for (uint32_t i = 0; i < count; i++) {
        writer->failed |= !store_user64(place + i * 8, *at);
        uint64_t bytes = __builtin_strlen(*text) + 1;
        *at += bytes;
        *text += bytes;
    }
    writer->failed |= !store_user64(place + count * 8, 0);
}

static int64_t stack_map(uint64_t top) {
    struct memory *memory = &process_current()->memory;
    struct mapping mapping = {
        .start = top - STACK_BYTES,
        .end = top,
        .kind = MAPPING_STACK,
        .protection = PROT_READ | PROT_WRITE,
    };
    mutex_lock(&memory->lock);
    status_t status = memory_map_zeros(mapping.start, STACK_BYTES, mapping.protection, 0);
    if (status == OK && !memory_note(memory, &mapping)) {
        status = ERR_NO_MEMORY;
    }
    memory->stack_low = mapping.start;
    memory->top = mapping.start - STACK_GAP;
    mutex_unlock(&memory->lock);
    return status == OK ? 0 : -LINUX_ENOMEM;
}

int64_t stack_build(const struct stack_options *options) {
    const struct libos_record *record = options->record;
    struct libos_info *info = &process_current()->info;
    uint64_t top = LINUX_ADDR_MAX - PAGE_SIZE - page_down(seed_number(record, 1, STACK_SLIDE));
    int64_t result = stack_map(top);
    if (result < 0) {
        return result;
    }
    struct writer writer = {.at = top - 8};
    const char *text = (const char *)record + record->text;
    uint64_t strings = put(&writer, text, record->text_bytes);
    uint64_t platform = put(&writer, "x86_64", 7);
    writer.at &= ~15UL;
    uint64_t random_bytes[2] = {seed_number(record, 2, UINT64_MAX),
                                seed_number(record, 3, UINT64_MAX)};
    uint64_t random = put(&writer, random_bytes, sizeof(random_bytes));
    // argc, two null words and the vector: the last address must be a multiple of 16.
    uint64_t words = (uint64_t)record->argc + record->envc + 3;
    writer.at -= words % 2 * 8;
    const char *path = record_path(record);
    info->auxv_end = writer.at;
    put_auxiliary(&writer, options, random, platform, strings + (uint64_t)(path - text));
    info->auxv_start = writer.at;
    uint64_t stack = writer.at - words * 8;
    uint64_t at = strings;
    info->args_start = strings;
    writer.failed |= !store_user64(stack, record->argc);
    put_addresses(&writer, stack + 8, record->argc, &at, &text);
    info->args_end = info->environ_start = at;
    put_addresses(&writer, stack + 16 + record->argc * 8UL, record->envc, &at, &text);
    info->environ_end = at;
    info->stack_start = stack;
    return writer.failed ? -LINUX_E2BIG : (int64_t)stack;
}
