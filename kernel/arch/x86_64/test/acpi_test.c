// SPDX-License-Identifier: MIT
//
// The firmware's tables, good and damaged. Physical memory is a few pieces; what the code maps is a
// copy of exactly the bytes that it asked for, so that the sanitizer sees a read past the end.
//
// host-sources: kernel/arch/x86_64/acpi.c kernel/test/host/host.c
// host-sources: lib/test/test.c lib/test/test/host_main.c
#include <arch/boot.h>
#include <debug/log.h>
#include <stdlib.h>
#include <string.h>
#include <test/host.h>
#include <test/test.h>
#include <x86/acpi.h>
#include <x86/paging.h>

#define PIECES_MAX 8
#define MAPPINGS_MAX 256
#define REACH (1UL << 40) // beyond this no address can be mapped
#define TABLES 0x1000000UL
#define RSDP (TABLES + 0x100)
#define ROOT (TABLES + 0x1000)
#define MADT (TABLES + 0x2000)
#define FADT (TABLES + 0x3000)
#define HPET (TABLES + 0x4000)
#define HEADER_BYTES 36
#define CHECKSUM_AT 9

struct boot_info boot_info;
static uint32_t complaints;

void log_line(const char *format, ...) {
    (void)format;
    complaints++;
}

struct piece {
    paddr_t addr;
    size_t bytes;
    uint8_t data[512];
};
static struct piece pieces[PIECES_MAX];
static size_t piece_count;
static void *mappings[MAPPINGS_MAX];
static size_t mapping_count;

static uint8_t byte_at(paddr_t addr) {
    for (size_t i = 0; i < piece_count; i++) {
        if (addr >= pieces[i].addr && addr - pieces[i].addr < pieces[i].bytes) {
            return pieces[i].data[addr - pieces[i].addr];
        }
    }
    return 0xff;
}

const void *paging_map_firmware(paddr_t addr, uint64_t size) {
    if (addr >= REACH || size > REACH - addr || mapping_count == MAPPINGS_MAX) {
        return NULL;
    }
    uint8_t *copy = malloc(size);
    for (uint64_t i = 0; i < size; i++) {
        copy[i] = byte_at(addr + i);
    }
    mappings[mapping_count++] = copy;
    return copy;
}

static void put(uint8_t *at, uint64_t value, size_t bytes) {
    memcpy(at, &value, bytes);
}

static void seal(uint8_t *data, size_t bytes, size_t at) {
    uint8_t sum = 0;
    data[at] = 0;
    for (size_t i = 0; i < bytes; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    data[at] = (uint8_t)-sum;
}

static struct piece *add_piece(paddr_t addr, const void *data, size_t bytes) {
    struct piece *piece = &pieces[piece_count++];
    *piece = (struct piece){.addr = addr, .bytes = bytes};
    memcpy(piece->data, data, bytes);
    return piece;
}

// A table with a body and a right checksum.
static struct piece *add_table(paddr_t addr, const char *signature, const void *body,
                               size_t bytes) {
    uint8_t data[512] = {0};
    memcpy(data, signature, 4);
    put(data + 4, HEADER_BYTES + bytes, 4);
    memcpy(data + HEADER_BYTES, body, bytes);
    seal(data, HEADER_BYTES + bytes, CHECKSUM_AT);
    return add_piece(addr, data, HEADER_BYTES + bytes);
}

static void add_rsdp(paddr_t addr, bool extended) {
    uint8_t data[36] = "RSD PTR ";
    data[15] = extended ? 2 : 0;
    put(data + 16, ROOT, 4);
    put(data + 20, sizeof(data), 4);
    put(data + 24, ROOT, 8);
    seal(data, 20, 8);
    add_piece(addr, data, sizeof(data));
}

static void add_root(bool extended) {
    static const paddr_t tables[] = {MADT, FADT, HPET};
    size_t size = extended ? 8 : 4;
    uint8_t body[24] = {0};
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        put(body + i * size, tables[i], size);
    }
    add_table(ROOT, extended ? "XSDT" : "RSDT", body, ARRAY_SIZE(tables) * size);
}

static const uint8_t madt_body[] = {
    0x00, 0x00, 0xe0, 0xfe, 1,    0,    0,    0,                   // controller, flags
    0,    8,    0,    3,    1,    0,    0,    0,                   // CPU with id 3
    0,    8,    1,    4,    0,    0,    0,    0,                   // disabled
    0,    8,    2,    9,    1,    0,    0,    0,                   // CPU with id 9
    9,    16,   0,    0,    0x00, 0x01, 0,    0,    1,    0, 0, 0, // x2APIC id 256: left out
    7,    0,    0,    0,                                           //
    1,    12,   9,    0,    0x00, 0x00, 0xc0, 0xfe, 24,   0, 0, 0, // lines from 24
    2,    10,   0,    0,    2,    0,    0,    0,    0,    0,       // IRQ 0 is line 2
    2,    10,   0,    9,    9,    0,    0,    0,    0x0f, 0,       // IRQ 9: level, low
};

static struct piece *add_tables(bool extended) {
    add_rsdp(RSDP, extended);
    add_root(extended);
    struct piece *madt = add_table(MADT, "APIC", madt_body, sizeof(madt_body));
    uint8_t fadt[129 - HEADER_BYTES] = {0};
    put(fadt + 64 - HEADER_BYTES, 0x604, 4);
    put(fadt + 76 - HEADER_BYTES, 0x608, 4);
    put(fadt + 112 - HEADER_BYTES, 1 << 10, 4);
    fadt[116 - HEADER_BYTES] = 1;
    put(fadt + 120 - HEADER_BYTES, 0xcf9, 8);
    fadt[128 - HEADER_BYTES] = 0x0f;
    add_table(FADT, "FACP", fadt, sizeof(fadt));
    uint8_t hpet[20] = {0};
    put(hpet + 8, 0xfed00000, 8);
    add_table(HPET, "HPET", hpet, sizeof(hpet));
    return madt;
}

static void begin(void) {
    piece_count = 0;
    complaints = 0;
    memset(&acpi_info, 0, sizeof(acpi_info));
    memset(&boot_info, 0, sizeof(boot_info));
    boot_info.acpi_rsdp = RSDP;
}

static void read_all(void) {
    acpi_init();
    while (mapping_count != 0) {
        free(mappings[--mapping_count]);
    }
}

static void check_all(void) {
    CHECK_EQ(acpi_info.apic_addr, 0xfee00000);
    CHECK_EQ(acpi_info.cpu_count, 2);
    CHECK_EQ(acpi_info.apic_ids[0], 3);
    CHECK_EQ(acpi_info.apic_ids[1], 9);
    CHECK_EQ(acpi_info.ioapic_count, 1);
    CHECK_EQ(acpi_info.ioapics[0].addr, 0xfec00000);
    CHECK_EQ(acpi_info.ioapics[0].first_line, 24);
    CHECK_EQ(acpi_info.legacy[0].line, 2);
    CHECK(!acpi_info.legacy[0].level && !acpi_info.legacy[0].active_low);
    CHECK(acpi_info.legacy[9].level && acpi_info.legacy[9].active_low);
    CHECK_EQ(acpi_info.legacy[5].line, 5);
    CHECK_EQ(acpi_info.hpet, 0xfed00000);
    CHECK_EQ(acpi_info.pm1a_control_port, 0x604);
    CHECK_EQ(acpi_info.pm_timer_port, 0x608);
    CHECK(acpi_info.has_reset && acpi_info.reset_is_port);
    CHECK_EQ(acpi_info.reset_addr, 0xcf9);
    CHECK_EQ(acpi_info.reset_value, 0x0f);
}

TEST(acpi_reads_what_is_there) {
    for (int extended = 0; extended < 2; extended++) {
        begin();
        add_tables(extended != 0);
        read_all();
        check_all();
        CHECK_EQ(complaints, 0);
    }
}

TEST(acpi_searches_for_the_root_pointer) {
    begin();
    boot_info.acpi_rsdp = 0;
    add_tables(true);
    pieces[0].addr = 0xe0450;
    read_all();
    check_all();
}

TEST(acpi_without_tables_is_an_old_machine) {
    begin();
    read_all();
    CHECK_EQ(acpi_info.cpu_count, 0);
    CHECK_EQ(acpi_info.apic_addr, 0xfee00000);
    CHECK_EQ(acpi_info.legacy[7].line, 7);
}

TEST(acpi_leaves_a_damaged_table_out) {
    begin();
    add_tables(true)->data[50] ^= 1;
    read_all();
    CHECK_EQ(complaints, 1);
    CHECK_EQ(acpi_info.cpu_count, 0);
    CHECK_EQ(acpi_info.hpet, 0xfed00000);
}

TEST(acpi_stops_at_an_entry_of_a_wrong_length) {
    static const uint8_t wrong[] = {0, 1, 200};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        begin();
        struct piece *madt = add_tables(true);
        madt->data[HEADER_BYTES + 8 + 8 + 1] = wrong[i]; // the second entry
        seal(madt->data, madt->bytes, CHECKSUM_AT);
        read_all();
        CHECK_EQ(complaints, 1);
        CHECK_EQ(acpi_info.cpu_count, 1);
        CHECK_EQ(acpi_info.ioapic_count, 0);
    }
}

TEST(acpi_takes_the_first_of_two_tables) {
    begin();
    add_tables(true);
    static const uint64_t both[] = {MADT, HPET, HPET, MADT};
    piece_count--; // HPET is added again below
    add_table(HPET, "APIC", madt_body, sizeof(madt_body));
    pieces[1] = *add_table(ROOT, "XSDT", both, sizeof(both));
    read_all();
    CHECK_EQ(acpi_info.cpu_count, 2);
}

TEST(acpi_counts_the_cpus_that_it_leaves_out) {
    begin();
    add_rsdp(RSDP, true);
    add_root(true);
    uint8_t body[8 + 8 * (CPU_MAX + 3)] = {0};
    for (uint32_t i = 0; i < CPU_MAX + 3; i++) {
        uint8_t entry[8] = {0, 8, 0, (uint8_t)i, 1, 0, 0, 0};
        memcpy(body + 8 + 8 * (size_t)i, entry, sizeof(entry));
    }
    add_table(MADT, "APIC", body, sizeof(body));
    read_all();
    CHECK_EQ(acpi_info.cpu_count, CPU_MAX);
    CHECK_EQ(acpi_info.cpus_found, CPU_MAX + 3);
}

// Whatever the tables hold: nothing is read outside of them, and the results stay in their bounds.
TEST(acpi_survives_random_damage) {
    uint64_t seed = test_seed();
    for (int round = 0; round < 3000; round++) {
        begin();
        add_tables(test_random_below(&seed, 2) != 0);
        uint64_t hits = 1 + test_random_below(&seed, 4);
        for (uint64_t i = 0; i < hits; i++) {
            struct piece *piece = &pieces[1 + test_random_below(&seed, piece_count - 1)];
            size_t from = test_random_below(&seed, 3) == 0 ? 4 : HEADER_BYTES;
            size_t at = from + test_random_below(&seed, piece->bytes - from);
            piece->data[at] = (uint8_t)test_random(&seed);
            if (test_random_below(&seed, 8) != 0) {
                uint32_t length;
                memcpy(&length, piece->data + 4, sizeof(length));
                seal(piece->data, MIN((size_t)length, piece->bytes), CHECKSUM_AT);
            }
        }
        read_all();
        REQUIRE(acpi_info.cpu_count <= CPU_MAX);
        REQUIRE(acpi_info.ioapic_count <= ACPI_IOAPICS_MAX);
    }
}
