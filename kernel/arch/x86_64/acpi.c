// SPDX-License-Identifier: MIT
//
// The firmware's static tables: MADT (CPUs and interrupt controllers), FADT (power and reset),
// HPET. Everything in them is checked against their stated length, and that against their checksum;
// what does not fit is left out with a line in the log. Without any table the machine is taken for
// an old PC with one CPU: legacy interrupt numbers are lines, clocks and controllers are looked for
// at their usual places.
#include <arch/boot.h>
#include <debug/log.h>
#include <x86/acpi.h>
#include <x86/paging.h>

#define RSDP_SEARCH_START 0xe0000UL
#define RSDP_SEARCH_END 0x100000UL
#define RSDP_V1_BYTES 20
#define TABLE_BYTES_MAX 0x100000
#define APIC_DEFAULT_ADDR 0xfee00000UL
#define SPACE_MEMORY 0
#define SPACE_PORT 1

struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
} __attribute__((packed));

struct table {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} __attribute__((packed));

struct generic_address {
    uint8_t space, bits, offset, access;
    uint64_t addr;
} __attribute__((packed));

struct fadt {
    struct table header;
    uint32_t facs, dsdt;
    uint8_t reserved0, profile;
    uint16_t sci;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4bios, pstate;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
    uint8_t lengths_and_latencies[32];
    uint32_t flags;
    struct generic_address reset;
    uint8_t reset_value;
} __attribute__((packed));
static_assert(offsetof(struct fadt, pm_timer) == 76 && offsetof(struct fadt, flags) == 112 &&
                  offsetof(struct fadt, reset_value) == 128,
              "ACPI 6.5, table 5.9");
#define FADT_FLAG_RESET (1u << 10)

struct hpet {
    struct table header;
    uint32_t block_id;
    struct generic_address base;
} __attribute__((packed));

struct madt {
    struct table header;
    uint32_t apic_addr, flags;
    uint8_t entries[];
} __attribute__((packed));

enum { MADT_APIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_APIC_ADDR = 5 };

union madt_entry {
    struct {
        uint8_t type, length;
    } header;
    struct {
        uint8_t type, length, processor, id;
        uint32_t flags;
    } __attribute__((packed)) apic;
    struct {
        uint8_t type, length, id, reserved;
        uint32_t addr, first_line;
    } __attribute__((packed)) ioapic;
    struct {
        uint8_t type, length, bus, irq;
        uint32_t line;
        uint16_t flags;
    } __attribute__((packed)) override;
    struct {
        uint8_t type, length;
        uint16_t reserved;
        uint64_t addr;
    } __attribute__((packed)) apic_addr;
};
#define APIC_ENABLED 1
#define POLARITY_LOW 0x3
#define TRIGGER_LEVEL 0xc

struct acpi_info acpi_info;

static bool sum_is_zero(const void *data, size_t bytes) {
    uint8_t sum = 0;
    for (size_t i = 0; i < bytes; i++) {
        sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
    }
    return sum == 0;
}

static void add_cpu(uint32_t apic_id, uint32_t flags) {
    if ((flags & APIC_ENABLED) == 0) {
        return;
    }
    acpi_info.cpus_found++;
    if (acpi_info.cpu_count < CPU_MAX) {
        acpi_info.apic_ids[acpi_info.cpu_count++] = apic_id;
    }
}

static void read_madt_entry(const union madt_entry *entry, size_t length) {
    uint8_t type = entry->header.type;
    if (type == MADT_APIC && length >= sizeof(entry->apic)) {
        add_cpu(entry->apic.id, entry->apic.flags);
    } else if (type == MADT_IOAPIC && length >= sizeof(entry->ioapic) &&
               acpi_info.ioapic_count < ACPI_IOAPICS_MAX) {
        acpi_info.ioapics[acpi_info.ioapic_count++] =
            (struct acpi_ioapic){entry->ioapic.addr, entry->ioapic.first_line};
    } else if (type == MADT_OVERRIDE && length >= sizeof(entry->override) &&
               entry->override.irq < ACPI_LEGACY_IRQS) {
        acpi_info.legacy[entry->override.irq] = (struct acpi_legacy_irq){
            .line = entry->override.line,
            .level = (entry->override.flags & TRIGGER_LEVEL) == TRIGGER_LEVEL,
            .active_low = (entry->override.flags & POLARITY_LOW) == POLARITY_LOW,
        };
    } else if (type == MADT_APIC_ADDR && length >= sizeof(entry->apic_addr)) {
        acpi_info.apic_addr = entry->apic_addr.addr;
    }
}

static void read_madt(const struct table *table) {
    const struct madt *madt = (const struct madt *)table;
    if (table->length < sizeof(*madt)) {
        return;
    }
    acpi_info.apic_addr = madt->apic_addr;
    size_t left = table->length - sizeof(*madt);
    const uint8_t *at = madt->entries;
    while (left >= 2) {
        const union madt_entry *entry = (const union madt_entry *)at;
        size_t length = entry->header.length;
        if (length < 2 || length > left) {
            log_line("acpi: an entry of the MADT has a wrong length");
            return;
        }
        read_madt_entry(entry, length);
        at += length;
        left -= length;
    }
}

static void read_fadt(const struct table *table) {
    const struct fadt *fadt = (const struct fadt *)table;
    if (table->length < offsetof(struct fadt, lengths_and_latencies)) {
        return;
    }
    acpi_info.pm1a_control_port = (uint16_t)fadt->pm1a_control;
    acpi_info.pm1b_control_port = (uint16_t)fadt->pm1b_control;
    acpi_info.pm_timer_port = (uint16_t)fadt->pm_timer;
    if (table->length >= offsetof(struct fadt, reset_value) + 1 &&
        (fadt->flags & FADT_FLAG_RESET) != 0 && fadt->reset.space <= SPACE_PORT) {
        acpi_info.has_reset = true;
        acpi_info.reset_is_port = fadt->reset.space == SPACE_PORT;
        acpi_info.reset_addr = fadt->reset.addr;
        acpi_info.reset_value = fadt->reset_value;
    }
}

static void read_hpet(const struct table *table) {
    const struct hpet *hpet = (const struct hpet *)table;
    if (table->length >= sizeof(*hpet) && hpet->base.space == SPACE_MEMORY) {
        acpi_info.hpet = hpet->base.addr;
    }
}

static const struct {
    char signature[5];
    void (*read)(const struct table *table);
} readers[] = {{"APIC", read_madt}, {"FACP", read_fadt}, {"HPET", read_hpet}};

// Maps a table, and checks it; null when it is damaged.
static const struct table *table_map(paddr_t addr) {
    const struct table *table = paging_map_firmware(addr, sizeof(*table));
    uint32_t length = table == NULL ? 0 : table->length;
    if (length < sizeof(*table) || length > TABLE_BYTES_MAX) {
        log_line("acpi: table at 0x%lx has length %u", addr, length);
        return NULL;
    }
    table = paging_map_firmware(addr, length);
    if (table == NULL || !sum_is_zero(table, length)) {
        log_line("acpi: table at 0x%lx has a wrong checksum", addr);
        return NULL;
    }
    return table;
}

// Of several tables of one kind the first good one counts.
// `done` has a bit for each kind.
static void read_table(paddr_t addr, uint32_t *done) {
    const struct table *header = paging_map_firmware(addr, sizeof(*header));
    for (uint32_t i = 0; header != NULL && i < ARRAY_SIZE(readers); i++) {
        if (memcmp(header->signature, readers[i].signature, sizeof(header->signature)) == 0 &&
            (*done & 1u << i) == 0) {
            const struct table *table = table_map(addr);
            if (table != NULL) {
                readers[i].read(table);
                *done |= 1u << i;
            }
        }
    }
}

// Reads the tables that a root table lists; its entries are 4 or 8 bytes long.
static void read_root(paddr_t addr, size_t entry_bytes) {
    const struct table *root = table_map(addr);
    if (root == NULL) {
        return;
    }
    const uint8_t *entries = (const uint8_t *)(root + 1);
    size_t count = (root->length - sizeof(*root)) / entry_bytes;
    uint32_t done = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t entry = 0;
        memcpy(&entry, entries + i * entry_bytes, entry_bytes);
        read_table(entry, &done);
    }
}

static bool is_rsdp(const void *at) {
    return memcmp(at, "RSD PTR ", 8) == 0 && sum_is_zero(at, RSDP_V1_BYTES);
}

// The loader's pointer, or else the one in the firmware's memory.
static const struct rsdp *find_rsdp(void) {
    if (boot_info.acpi_rsdp != 0) {
        const struct rsdp *rsdp = paging_map_firmware(boot_info.acpi_rsdp, sizeof(*rsdp));
        if (rsdp != NULL && is_rsdp(rsdp)) {
            return rsdp;
        }
    }
    const char *area = paging_map_firmware(RSDP_SEARCH_START, RSDP_SEARCH_END - RSDP_SEARCH_START);
    for (size_t at = 0; at < RSDP_SEARCH_END - RSDP_SEARCH_START - sizeof(struct rsdp); at += 16) {
        if (is_rsdp(area + at)) {
            return (const struct rsdp *)(area + at);
        }
    }
    return NULL;
}

void acpi_init(void) {
    acpi_info.apic_addr = APIC_DEFAULT_ADDR;
    for (uint32_t irq = 0; irq < ACPI_LEGACY_IRQS; irq++) {
        acpi_info.legacy[irq].line = irq;
    }
    const struct rsdp *rsdp = find_rsdp();
    if (rsdp == NULL) {
        log_line("acpi: no tables");
        return;
    }
    if (rsdp->revision >= 2 && rsdp->length >= sizeof(*rsdp) && rsdp->xsdt != 0) {
        read_root(rsdp->xsdt, sizeof(uint64_t));
    } else {
        read_root(rsdp->rsdt, sizeof(uint32_t));
    }
}
