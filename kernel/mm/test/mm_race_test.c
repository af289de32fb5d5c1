// SPDX-License-Identifier: MIT
//
// Four CPUs that fault, map, unmap, protect, clone and free the same memory at once, on a machine
// with TLBs: each CPU caches what it has looked up in the page tables, and forgets it only when it
// is told to or loads other tables. What must hold:
//  - a CPU that has written its own word of a page reads it back, whatever others do to mappings;
//  - a snapshot has what its maker wrote before, and never changes;
//  - nobody writes to a page that was freed (debug builds mark freed pages and look at the marks).
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_boot.c
// host-sources: kernel/test/host/host_user.c kernel/mm/page.c kernel/mm/page_init.c
// host-sources: kernel/mm/slab.c kernel/mm/reap.c kernel/mm/page_map.c kernel/mm/vmo.c
// host-sources: kernel/mm/vmo_range.c kernel/mm/vmo_clone.c kernel/mm/mapping.c
// host-sources: kernel/mm/aspace.c kernel/mm/aspace_map.c kernel/mm/copy.c
// host-sources: kernel/mm/shootdown.c lib/ds/tree.c kernel/object/handle.c
// host-sources: kernel/object/handle_table.c kernel/object/handle_tree.c
// host-sources: kernel/object/handle_revoke.c kernel/sched/spinlock.c kernel/object/object.c
// host-sources: kernel/object/job.c
#include "../aspace_internal.h"
#include "../vmo_internal.h"
#include "fixture.h"

#define P PAGE_SIZE
#define CPUS 4
#define STEPS 6000
#define WINDOW 64
#define BASE MAP_BASE
#define RW (MAP_READ | MAP_WRITE)

// ---- The machine: one flat page table an aspace, a TLB entry for each page of the window.

#define PRESENT 0x800

static struct {
    uint64_t *loaded; // page table
    uint64_t tlb[WINDOW];
} machine[CPUS];

static uint64_t *table_of(const struct arch_space *space) {
    return (uint64_t *)space->entries;
}

static uint64_t *slot(const struct arch_space *space, vaddr_t addr) {
    return &table_of(space)[(addr - BASE) / P];
}

status_t mmu_space_create(struct arch_space *space, struct job *job) {
    (void)job;
    space->entries = calloc(WINDOW, sizeof(uint64_t));
    return OK;
}

void mmu_space_destroy(struct arch_space *space, struct job *job) {
    (void)job;
    for (size_t i = 0; i < CPUS; i++) {
        CHECK(machine[i].loaded != table_of(space));
    }
    free(space->entries);
}

status_t mmu_map(struct arch_space *space, struct job *job, vaddr_t addr, paddr_t page,
                 uint32_t flags) {
    (void)job;
    __atomic_store_n(slot(space, addr), page | flags | PRESENT, __ATOMIC_RELEASE);
    return OK;
}

void mmu_fill(struct arch_space *space, vaddr_t addr, paddr_t *pages, size_t count,
              uint32_t flags) {
    for (size_t i = 0; i < count; i++) {
        uint64_t *entry = slot(space, addr + i * P);
        if (pages[i] == 0 || __atomic_load_n(entry, __ATOMIC_ACQUIRE) != 0) {
            pages[i] = 0;
            continue;
        }
        uint32_t own = (pages[i] & 1) != 0 ? flags & ~(uint32_t)MMU_WRITE : flags;
        __atomic_store_n(entry, ALIGN_DOWN(pages[i], P) | own | PRESENT, __ATOMIC_RELEASE);
    }
}

bool mmu_unmap(struct arch_space *space, vaddr_t addr, paddr_t *page) {
    uint64_t old = __atomic_exchange_n(slot(space, addr), 0, __ATOMIC_ACQ_REL);
    *page = ALIGN_DOWN(old, P);
    return old != 0;
}

uint32_t mmu_lookup(const struct arch_space *space, vaddr_t addr, paddr_t *page) {
    uint64_t entry = __atomic_load_n(slot(space, addr), __ATOMIC_ACQUIRE);
    *page = ALIGN_DOWN(entry, P);
    return entry & (PRESENT - 1);
}

size_t mmu_protect(struct arch_space *space, vaddr_t addr, size_t size, uint32_t flags) {
    size_t changed = 0;
    for (; size > 0; size -= P, addr += P) {
        uint64_t old = *slot(space, addr);
        uint64_t new = ALIGN_DOWN(old, P) | PRESENT | (flags & ~(uint32_t)MMU_WRITE) |
                       (old & flags & MMU_WRITE);
        if (old != 0 && old != new) {
            __atomic_store_n(slot(space, addr), new, __ATOMIC_RELEASE);
            changed++;
        }
    }
    return changed;
}

vaddr_t mmu_next(const struct arch_space *space, vaddr_t addr, vaddr_t end) {
    while (addr < end && __atomic_load_n(slot(space, addr), __ATOMIC_ACQUIRE) == 0) {
        addr += P;
    }
    return MIN(addr, end);
}

void mmu_flush_local_all(void) {
    memset(machine[cpu_this()->index].tlb, 0, sizeof(machine[0].tlb));
}

void mmu_load(const struct arch_space *space) {
    machine[cpu_this()->index].loaded = space != NULL ? table_of(space) : NULL;
    mmu_flush_local_all();
}

void mmu_flush_local(vaddr_t addr, size_t size) {
    for (; size > 0; size -= P, addr += P) {
        machine[cpu_this()->index].tlb[(addr - BASE) / P] = 0;
    }
}

// ---- Programs

static struct aspace *aspaces[2];
static struct vmo *vmos[2]; // shown in both aspaces at [v * 16 ...]; nothing takes their pages away
static struct vmo *torn;    // its pages come and go
static uint64_t written[CPUS][2][16];
static uint64_t counts[8];
static struct thread *const thread_that_idles = (struct thread *)&counts; // never looked into
static uint32_t running; // CPUs that have not finished

static void kernel_enter(void) {
    cpu_mailbox_poll();
    __atomic_fetch_add(&cpu_this()->entry_seq, 1, __ATOMIC_SEQ_CST);
}

static void kernel_leave(void) {
    reap_work();
    __atomic_fetch_add(&cpu_this()->entry_seq, 1, __ATOMIC_SEQ_CST);
    cpu_mailbox_poll();
}

// One instruction of a program that loads or stores a word. False: it died of a fault.
static bool program_access(vaddr_t addr, bool write, uint64_t *value) {
    uint32_t cpu = cpu_this()->index;
    size_t page = (addr - BASE) / P;
    for (int tries = 0; tries < 1000; tries++) {
        cpu_mailbox_poll(); // an interrupt comes between two instructions
        uint64_t entry = machine[cpu].tlb[page];
        if (entry == 0 || (write && (entry & MMU_WRITE) == 0)) {
            entry = __atomic_load_n(&machine[cpu].loaded[page], __ATOMIC_SEQ_CST);
            machine[cpu].tlb[page] = entry;
        }
        if (entry != 0 && (!write || (entry & MMU_WRITE) != 0)) {
            uint64_t *word = phys_to_virt(ALIGN_DOWN(entry, P) + addr % P);
            if (write) {
                __atomic_store_n(word, *value, __ATOMIC_SEQ_CST);
            } else {
                *value = __atomic_load_n(word, __ATOMIC_SEQ_CST);
            }
            return true;
        }
        kernel_enter();
        status_t status = aspace_fault(cpu_this()->aspace, addr, write ? FAULT_WRITE : FAULT_READ);
        kernel_leave();
        if (status != OK) {
            CHECK_EQ(status, ERR_FAULT);
            return false;
        }
    }
    CHECK(false); // the fault never goes away
    return false;
}

// The CPU's own word; the first one of a page is where freed pages are marked.
static uint64_t own_word(void) {
    return cpu_this()->index * 8;
}

static void step_access(uint64_t *state) {
    size_t v = test_random_below(state, 2);
    size_t i = test_random_below(state, 16);
    uint64_t *mine = &written[cpu_this()->index][v][i];
    vaddr_t addr = BASE + (v * 16 + i) * P + own_word();
    uint64_t value = *mine + 1;
    if (test_random_below(state, 2)) {
        if (program_access(addr, true, &value)) {
            *mine = value;
            counts[0]++;
        }
    } else if (program_access(addr, false, &value)) {
        CHECK_EQ(value, *mine);
        counts[1]++;
    }
}

static void step_torn(uint64_t *state) {
    size_t i = test_random_below(state, 16);
    uint64_t value = 1;
    program_access(BASE + (32 + i) * P + own_word(), test_random_below(state, 2), &value);
    if (test_random_below(state, 8) != 0) {
        return;
    }
    kernel_enter();
    uint64_t size = (1 + test_random_below(state, 16 - i)) * P;
    if (test_random_below(state, 2)) {
        status_t status = vmo_decommit(torn, i * P, &size);
        CHECK(status == OK || status == ERR_OUT_OF_RANGE); // another CPU has just cut it off
    } else {
        status_t status = vmo_set_size(torn, i * P);
        CHECK(status == OK || status == STATUS_RESTART);
        while (vmo_set_size(torn, 16 * P) == STATUS_RESTART) {
        }
    }
    kernel_leave();
}

static void step_copy(uint64_t *state) {
    size_t v = test_random_below(state, 2);
    size_t i = test_random_below(state, 16);
    uint64_t *mine = &written[cpu_this()->index][v][i];
    uint64_t value = *mine + 1;
    kernel_enter();
    if (vmo_write(vmos[v], i * P + own_word(), &value, 8) == 8) {
        *mine = value;
    }
    value = 0;
    vaddr_t addr = BASE + (v * 16 + i) * P + own_word();
    if (aspace_read_user(aspaces[0], addr, (vaddr_t)&value, 8) == 8) {
        CHECK_EQ(value, *mine);
        counts[2]++;
    }
    kernel_leave();
}

static void step_snapshot(uint64_t *state) {
    static _Thread_local char first[16 * P];
    static _Thread_local char second[16 * P];
    size_t v = test_random_below(state, 2);
    struct vmo *clone;
    kernel_enter();
    CHECK_EQ(vmo_clone(vmos[v], job_root, 0, 16 * P, 0, 0, &clone), OK);
    CHECK_EQ(vmo_read(clone, 0, first, sizeof(first)), sizeof(first));
    cpu_mailbox_poll();
    arch_pause();
    CHECK_EQ(vmo_read(clone, 0, second, sizeof(second)), sizeof(second));
    CHECK(memcmp(first, second, sizeof(first)) == 0);
    for (size_t i = 0; i < 16; i++) {
        CHECK_EQ(*(uint64_t *)&first[i * P + own_word()], written[cpu_this()->index][v][i]);
    }
    object_unref(vmo_object(clone));
    kernel_leave();
    counts[3]++;
}

static void step_mappings(uint64_t *state) {
    struct aspace *aspace = aspaces[test_random_below(state, 2)];
    size_t v = test_random_below(state, 3);
    size_t i = test_random_below(state, 16);
    size_t pages = 1 + test_random_below(state, 16 - i);
    vaddr_t addr = BASE + (v * 16 + i) * P;
    vaddr_t out;
    kernel_enter();
    switch (test_random_below(state, 4)) {
    case 0:
        CHECK_EQ(aspace_unmap(aspace, addr, pages * P), OK);
        break;
    case 1:
    case 2:
        CHECK_EQ(aspace_map(aspace, NULL, 0, v < 2 ? vmos[v] : torn, i * P, addr, pages * P,
                            MAP_FIXED | RW, &out),
                 OK);
        break;
    default: {
        status_t status =
            aspace_protect(aspace, addr, pages * P, test_random_below(state, 2) ? MAP_READ : RW);
        CHECK(status == OK || status == ERR_NOT_FOUND);
    }
    }
    kernel_leave();
    counts[4]++;
}

// A private aspace with an AT_WRITE clone. It stays loaded, as on an idle CPU, until it is
// destroyed.
static void step_short_life(uint64_t *state) {
    struct aspace *aspace;
    struct vmo *clone;
    vaddr_t out;
    size_t v = test_random_below(state, 2);
    kernel_enter();
    REQUIRE_EQ(aspace_create(job_root, 0, 0, &aspace), OK);
    REQUIRE_EQ(vmo_clone(vmos[v], job_root, 0, 16 * P, CLONE_AT_WRITE, 0, &clone), OK);
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, clone, 0, BASE, 16 * P, MAP_FIXED | RW, &out), OK);
    aspace_switch(aspace);
    kernel_leave();
    for (size_t i = 0; i < 16; i++) {
        uint64_t value = 0;
        CHECK(program_access(BASE + i * P + own_word(), false, &value));
        CHECK_EQ(value, written[cpu_this()->index][v][i]);
        value = ~value;
        CHECK(program_access(BASE + i * P + own_word(), true, &value));
    }
    kernel_enter();
    object_unref(vmo_object(clone));
    object_unref(aspace_object(aspace));
    kernel_leave();
    counts[5]++;
    for (int i = 0; i < 10 && cpu_this()->aspace != NULL; i++) {
        kernel_enter();
        kernel_leave();
    }
    kernel_enter();
    aspace_switch(aspaces[test_random_below(state, 2)]);
    kernel_leave();
}

// Nothing to do, with the last program's aspace loaded.
static void step_idle(uint64_t *state) {
    struct cpu *cpu = cpu_this();
    cpu->thread = cpu->idle = thread_that_idles;
    for (int i = 0; i < 50; i++) {
        kernel_enter();
        kernel_leave();
        arch_pause();
    }
    counts[6] += cpu->aspace == NULL;
    cpu->thread = NULL;
    kernel_enter();
    aspace_switch(aspaces[test_random_below(state, 2)]);
    kernel_leave();
}

static void run_cpu(void *context) {
    uint64_t state = *(uint64_t *)context + cpu_this()->index;
    kernel_enter();
    aspace_switch(aspaces[cpu_this()->index % 2]);
    kernel_leave();
    for (int step = 0; step < STEPS && !test_failed(); step++) {
        uint64_t kind = test_random_below(&state, 64);
        if (kind < 36) {
            step_access(&state);
        } else if (kind < 46) {
            step_torn(&state);
        } else if (kind < 50) {
            step_copy(&state);
        } else if (kind < 54) {
            step_snapshot(&state);
        } else if (kind < 62) {
            step_mappings(&state);
        } else if (kind < 63) {
            step_short_life(&state);
        } else {
            step_idle(&state);
        }
    }
    // Idle with the last aspace loaded, still answering.
    __atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) != 0) {
        kernel_enter();
        kernel_leave();
        arch_pause();
    }
}

static void leave_all(void *context) {
    (void)context;
    aspace_switch(NULL);
    reap_all();
    // Others may still wait for an answer.
    __atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) != CPUS) {
        cpu_mailbox_poll();
        arch_pause();
    }
}

TEST(mm_races) {
    vaddr_t out;
    fixture_begin(CPUS, 100000);
    for (size_t v = 0; v < 2; v++) {
        REQUIRE_EQ(vmo_create(job_root, 16 * P, 0, 0, &vmos[v]), OK);
    }
    REQUIRE_EQ(vmo_create(job_root, 16 * P, VMO_RESIZABLE, 0, &torn), OK);
    for (size_t a = 0; a < 2; a++) {
        REQUIRE_EQ(aspace_create(job_root, 0, 0, &aspaces[a]), OK);
        for (size_t v = 0; v < 3; v++) {
            REQUIRE_EQ(aspace_map(aspaces[a], NULL, 0, v < 2 ? vmos[v] : torn, 0, BASE + v * 16 * P,
                                  16 * P, MAP_FIXED | RW, &out),
                       OK);
        }
    }
    running = CPUS;
    host_cpus_run(CPUS, run_cpu, &random_state);
    for (size_t i = 0; i < 7; i++) {
        CHECK(counts[i] > 20);
    }
    host_cpus_run(CPUS, leave_all, NULL);
    host_cpu_use(0);
    for (size_t i = 0; i < 2; i++) {
        object_unref(vmo_object(vmos[i]));
        object_unref(aspace_object(aspaces[i]));
    }
    object_unref(vmo_object(torn));
    fixture_end();
}
