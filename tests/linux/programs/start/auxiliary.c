// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc glibc-pie
// run:
//
// The auxiliary vector behind the environment: what each entry must be, without its value where
// that differs from machine to machine.

#include "report.h"

#include <elf.h>

extern char **environ;

static const Elf64_auxv_t *vector;

static bool find(unsigned long type, unsigned long *value) {
    for (const Elf64_auxv_t *each = vector; each->a_type != AT_NULL; each++) {
        if (each->a_type == type) {
            *value = each->a_un.a_val;
            return true;
        }
    }
    return false;
}

static unsigned long get(const char *name, unsigned long type) {
    unsigned long value = 0;
    if (!find(type, &value)) {
        say("%s is missing\n", name);
    }
    return value;
}

static void check_program_headers(void) {
    const Elf64_Phdr *header = (const Elf64_Phdr *)get("AT_PHDR", AT_PHDR);
    unsigned long count = get("AT_PHNUM", AT_PHNUM);
    int loads = 0;
    for (unsigned long i = 0; i < count; i++) {
        loads += header[i].p_type == PT_LOAD;
    }
    check("program headers can be read and have segments to load", loads > 0);
    say("AT_PHENT %lu\n", get("AT_PHENT", AT_PHENT));
}

static void check_vdso(void) {
    const unsigned char *image = (const unsigned char *)get("AT_SYSINFO_EHDR", AT_SYSINFO_EHDR);
    check("the vDSO is an ELF image", image && memcmp(image, "\177ELF", 4) == 0);
}

int main(int argc, char **argv) {
    (void)argc, (void)argv;
    char **end = environ;
    while (*end) {
        end++;
    }
    vector = (const Elf64_auxv_t *)(end + 1);
    say("AT_PAGESZ %lu, AT_CLKTCK %lu, AT_SECURE %lu, AT_FLAGS %lu\n", get("AT_PAGESZ", AT_PAGESZ),
        get("AT_CLKTCK", AT_CLKTCK), get("AT_SECURE", AT_SECURE), get("AT_FLAGS", AT_FLAGS));
    say("AT_UID %lu, AT_EUID %lu, AT_GID %lu, AT_EGID %lu\n", get("AT_UID", AT_UID),
        get("AT_EUID", AT_EUID), get("AT_GID", AT_GID), get("AT_EGID", AT_EGID));
    say("AT_BASE %lu\n", get("AT_BASE", AT_BASE));
    say("AT_PLATFORM %s\n", (const char *)get("AT_PLATFORM", AT_PLATFORM));
    check("AT_ENTRY is not null", get("AT_ENTRY", AT_ENTRY) != 0);
    check("AT_HWCAP is not null", get("AT_HWCAP", AT_HWCAP) != 0);
    const char *name = (const char *)get("AT_EXECFN", AT_EXECFN);
    check("AT_EXECFN ends with the program's name", strstr(name, "auxiliary") != NULL);
    const unsigned char *random = (const unsigned char *)get("AT_RANDOM", AT_RANDOM);
    int zeros = 0;
    for (int i = 0; i < 16; i++) {
        zeros += random[i] == 0;
    }
    check("AT_RANDOM has 16 bytes that are not all zero", zeros < 16);
    check_program_headers();
    check_vdso();
    return 0;
}
