// SPDX-License-Identifier: MIT
//
// The ELF reader on a good program, on each single rule broken, and on random damage.
//
// host-sources: lib/image/elf.c lib/image/x86_64/elf_machine.c
// host-sources: lib/test/test.c lib/test/test/host_main.c
#include <image/elf.h>
#include <test/host.h>
#include <test/test.h>

#include <abi/status.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define LOW 0x10000UL
#define HIGH 0x100000000UL
#define FILE_BYTES 0x3100UL
#define SEGMENTS 3

// A program with read-only data, text, and data with a bss, as lib/sys/user.ld lays them out.
struct program {
    Elf64_Ehdr header;
    Elf64_Phdr segments[SEGMENTS];
    uint8_t rest[FILE_BYTES - sizeof(Elf64_Ehdr) - SEGMENTS * sizeof(Elf64_Phdr)];
};

static struct program *good(void) {
    struct program *p = calloc(1, sizeof(*p));
    p->header = (Elf64_Ehdr){
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = elf_machine,
        .e_version = EV_CURRENT,
        .e_entry = 0x401010,
        .e_phoff = offsetof(struct program, segments),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = SEGMENTS,
    };
    p->segments[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                                  .p_flags = PF_R,
                                  .p_offset = 0x1000,
                                  .p_vaddr = 0x400000,
                                  .p_filesz = 0x800,
                                  .p_memsz = 0x800};
    p->segments[1] = (Elf64_Phdr){.p_type = PT_LOAD,
                                  .p_flags = PF_R | PF_X,
                                  .p_offset = 0x2000,
                                  .p_vaddr = 0x401000,
                                  .p_filesz = 0x1000,
                                  .p_memsz = 0x1000};
    p->segments[2] = (Elf64_Phdr){.p_type = PT_LOAD,
                                  .p_flags = PF_R | PF_W,
                                  .p_offset = 0x3010,
                                  .p_vaddr = 0x402010,
                                  .p_filesz = 0xf0,
                                  .p_memsz = 0x4000};
    return p;
}

static status_t read(struct program *p) {
    struct elf_image image;
    status_t status = elf_read(p, sizeof(*p), LOW, HIGH, &image);
    free(p);
    return status;
}

TEST(elf_reads_a_good_program) {
    struct program *p = good();
    struct elf_image image;
    REQUIRE_EQ(elf_read(p, sizeof(*p), LOW, HIGH, &image), OK);
    CHECK_EQ(image.entry, 0x401010);
    CHECK_EQ(image.count, 3);
    CHECK_EQ(image.segments[2].access, ELF_READ | ELF_WRITE);
    CHECK_EQ(elf_segment_start(&image.segments[2]), 0x402000);
    CHECK_EQ(elf_segment_bytes(&image.segments[2]), 0x5000);
    free(p);
}

// Breaks one field of a good program and expects the status.
#define BROKEN(field, value, wanted)                                                               \
    do {                                                                                           \
        struct program *p = good();                                                                \
        p->field = (value);                                                                        \
        CHECK_EQ(read(p), wanted);                                                                 \
    } while (0)

TEST(elf_checks_the_header) {
    BROKEN(header.e_ident[0], 0, ERR_CORRUPT);
    BROKEN(header.e_ident[EI_CLASS], ELFCLASS32, ERR_NOT_SUPPORTED);
    BROKEN(header.e_ident[EI_DATA], ELFDATA2MSB, ERR_NOT_SUPPORTED);
    BROKEN(header.e_type, ET_DYN, ERR_NOT_SUPPORTED);
    BROKEN(header.e_machine, EM_386, ERR_NOT_SUPPORTED);
    BROKEN(header.e_version, 2, ERR_CORRUPT);
    BROKEN(header.e_phentsize, 32, ERR_CORRUPT);
    BROKEN(header.e_phnum, 0, ERR_CORRUPT);
    BROKEN(header.e_phnum, 0xffff, ERR_CORRUPT);
    BROKEN(header.e_phoff, UINT64_MAX, ERR_CORRUPT);
    BROKEN(header.e_phoff, FILE_BYTES - 10, ERR_CORRUPT);
    BROKEN(header.e_entry, 0x400010, ERR_CORRUPT);
    BROKEN(header.e_entry, 0x402010, ERR_CORRUPT);
    BROKEN(header.e_entry, UINT64_MAX, ERR_CORRUPT);
}

TEST(elf_checks_segments) {
    BROKEN(segments[0].p_type, PT_INTERP, ERR_NOT_SUPPORTED);
    BROKEN(segments[0].p_type, PT_DYNAMIC, ERR_NOT_SUPPORTED);
    BROKEN(segments[0].p_type, PT_TLS, ERR_NOT_SUPPORTED);
    BROKEN(segments[1].p_flags, PF_R | PF_W | PF_X, ERR_NOT_SUPPORTED);
    BROKEN(segments[1].p_flags, PF_X, ERR_NOT_SUPPORTED);
    BROKEN(segments[0].p_filesz, 0x801, ERR_CORRUPT);
    BROKEN(segments[1].p_offset, 0x2008, ERR_CORRUPT);
    BROKEN(segments[1].p_offset, UINT64_MAX - 0xfff, ERR_CORRUPT);
    BROKEN(segments[1].p_offset, 0x3000, ERR_CORRUPT);
    BROKEN(segments[2].p_memsz, UINT64_MAX, ERR_CORRUPT);
    BROKEN(segments[2].p_memsz, HIGH - 0x402010 + 1, ERR_CORRUPT);
    BROKEN(segments[2].p_vaddr, HIGH + 0x10, ERR_CORRUPT);
    BROKEN(segments[2].p_vaddr, 0x10, ERR_CORRUPT);
    BROKEN(segments[2].p_vaddr, UINT64_MAX - 0xfef, ERR_CORRUPT);
}

TEST(elf_refuses_segments_that_share_a_page) {
    BROKEN(segments[2].p_vaddr, 0x401010, ERR_CORRUPT);
    BROKEN(segments[0].p_memsz, 0x1001, ERR_CORRUPT);
    BROKEN(segments[1].p_vaddr, 0x403000, ERR_CORRUPT);
}

TEST(elf_refuses_short_files) {
    struct program *p = good();
    for (size_t size = 0; size < sizeof(*p); size += 16) {
        struct elf_image image;
        void *cut = malloc(size > 0 ? size : 1);
        memcpy(cut, p, size);
        CHECK(elf_read(cut, size, LOW, HIGH, &image) != OK);
        free(cut);
    }
    free(p);
}

// What a loader relies on without looking again.
static void check_image(const struct elf_image *image) {
    REQUIRE(image->count <= ELF_SEGMENTS_MAX);
    vaddr_t end = LOW;
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];
        REQUIRE(elf_segment_start(s) >= end);
        end = elf_segment_start(s) + elf_segment_bytes(s);
        REQUIRE(end <= HIGH && end > elf_segment_start(s));
        REQUIRE(s->file_bytes <= s->memory_bytes);
        REQUIRE(s->offset + s->file_bytes <= FILE_BYTES && s->offset <= FILE_BYTES);
        REQUIRE(s->addr % PAGE_SIZE == s->offset % PAGE_SIZE);
        REQUIRE((s->access & (ELF_WRITE | ELF_EXECUTE)) != (ELF_WRITE | ELF_EXECUTE));
    }
}

TEST(elf_survives_random_damage) {
    uint64_t state = test_seed();
    uint32_t accepted = 0;
    for (int round = 0; round < 100000; round++) {
        struct program *p = good();
        uint8_t *bytes = (uint8_t *)p;
        for (uint64_t n = test_random_below(&state, 6); n < 6; n++) {
            size_t at = test_random_below(&state, offsetof(struct program, rest));
            uint8_t choices[] = {0, 1, 0x10, 0x40, 0x7f, 0xff, (uint8_t)test_random(&state)};
            bytes[at] = choices[test_random_below(&state, sizeof(choices))];
        }
        struct elf_image image;
        if (elf_read(p, sizeof(*p), LOW, HIGH, &image) == OK) {
            accepted++;
            check_image(&image);
        }
        free(p);
    }
    CHECK(accepted > 0);
}
