// SPDX-License-Identifier: MIT
//
// The page allocator: what it takes over at the start, and random use against a model, on one CPU
// and on four.
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_boot.c kernel/mm/page.c
// host-sources: kernel/mm/page_init.c kernel/mm/slab.c kernel/mm/reap.c kernel/sched/spinlock.c
// host-sources: kernel/object/object.c kernel/object/job.c
#include "fixture.h"

#define FRAMES (HOST_RAM_BYTES / PAGE_SIZE)

static bool reserved(paddr_t addr) {
    return addr < 0x100000 || (addr >= HOST_KERNEL && addr < HOST_KERNEL_END) ||
           (addr + PAGE_SIZE > HOST_ARCHIVE && addr < HOST_ARCHIVE + HOST_ARCHIVE_BYTES) ||
           (addr + PAGE_SIZE > HOST_RAM_HOLE && addr < HOST_RAM_HOLE_END);
}

// Takes every page one by one, and checks that each is a different one that may be given.
static size_t take_all(struct page **pages) {
    static bool seen[FRAMES];
    size_t count = 0;
    memset(seen, 0, sizeof(seen));
    while (page_alloc(NULL, 0, &pages[count]) == OK) {
        paddr_t addr = page_to_phys(pages[count]);
        if (reserved(addr) || seen[addr >> PAGE_SHIFT] || pages[count]->refs != 1) {
            CHECK(false);
        }
        seen[addr >> PAGE_SHIFT] = true;
        count++;
    }
    return count;
}

TEST(page_init_leaves_reserved_ram_alone) {
    static struct page *pages[FRAMES];
    fixture_begin(1, 100000);
    uint64_t expected = 0;
    for (paddr_t addr = 0; addr < HOST_RAM_BYTES; addr += PAGE_SIZE) {
        expected += !reserved(addr);
    }
    uint64_t frame_pages = FRAMES * sizeof(struct page) / PAGE_SIZE;
    CHECK_EQ(page_total_count(), expected - frame_pages);
    CHECK_EQ(page_free_count(), expected - frame_pages - 1); // the zero page
    CHECK(page_from_phys(HOST_ARCHIVE) == NULL);
    CHECK(page_frame(HOST_ARCHIVE) != NULL && page_frame(HOST_ARCHIVE)->refs == 1);
    CHECK(page_frame(HOST_RAM_HOLE_END - PAGE_SIZE) == NULL);
    CHECK(page_frame(HOST_RAM_BYTES) == NULL);
    CHECK(page_from_phys(UINT64_MAX) == NULL);
    size_t count = take_all(pages);
    CHECK_EQ(count, page_total_count() - 1);
    CHECK_EQ(page_free_count(), 0);
    struct page *none;
    CHECK_EQ(page_alloc_span(job_root, 2, 0, &none), ERR_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        page_unref(pages[i]);
    }
    // All merged again, but for what waits on the CPU's stack.
    struct page *run;
    REQUIRE_EQ(page_alloc_span(NULL, 1 << 11, 0, &run), OK);
    page_free_span(run, 1 << 11);
    CHECK_EQ(page_alloc_span(NULL, (1 << PAGE_ORDER_MAX) + 1, 0, &run), ERR_NO_MEMORY);
    fixture_end();
}

TEST(page_counts_references) {
    fixture_begin(1, 100000);
    struct page *page;
    REQUIRE_EQ(page_alloc(job_root, PAGE_ALLOC_ZERO, &page), OK);
    uint64_t free_before = page_free_count();
    const char *memory = page_to_virt(page);
    for (size_t i = 0; i < PAGE_SIZE; i++) {
        CHECK(memory[i] == 0);
    }
    CHECK_EQ(page_from_phys(page_to_phys(page)), page);
    page_ref(page);
    page_unref(page);
    CHECK_EQ(page_free_count(), free_before);
    CHECK_EQ(job_root->counters[RESOURCE_PAGES].used, 1);
    page_unref(page);
    CHECK_EQ(page_free_count(), free_before + 1);
#ifdef DEBUG
    CHECK(HOST_PANICS(page_unref(page)));
    page->counts = 0;
#endif
    fixture_end();
}

TEST(page_charges_jobs) {
    fixture_begin(1, 100);
    struct job_limits limits = {10, 10, 10, 10, 0};
    struct job *job;
    REQUIRE_EQ(job_create(job_root, &limits, &job), OK);
    uint64_t own = job_root->counters[RESOURCE_PAGES].used; // the job itself
    struct page *run;
    struct page *page;
    REQUIRE_EQ(page_alloc_span(job, 9, 0, &run), OK);
    CHECK_EQ(page_alloc_span(job, 2, 0, &page), ERR_LIMIT);
    CHECK_EQ(job->counters[RESOURCE_PAGES].used, 9);
    REQUIRE_EQ(page_alloc(job, 0, &page), OK);
    CHECK_EQ(job->counters[RESOURCE_PAGES].used, 10);
    CHECK_EQ(job_root->counters[RESOURCE_PAGES].used, own + 10);
    page_unref(page);
    object_unref(&job->object);
    page_free_span(run, 9); // the job lives until its last charge has gone
    fixture_end();
}

#define SPANS 200

struct span {
    struct page *page;
    size_t count;
    char mark;
};

static bool marked(const struct span *span) {
    for (size_t i = 0; i < span->count; i++) {
        const char *memory = page_to_virt(&span->page[i]);
        if (memory[8] != span->mark || memory[PAGE_SIZE - 9] != span->mark) {
            return false;
        }
    }
    return true;
}

static void free_marked(struct span *span) {
    CHECK(marked(span));
    page_free_span(span->page, span->count);
    span->page = NULL;
}

// Allocates and frees spans of all sizes, each filled with a mark of its own.
static void random_spans(uint64_t *state, char mark, int rounds) {
    struct span spans[SPANS] = {0};
    for (int round = 0; round < rounds; round++) {
        struct span *span = &spans[test_random_below(state, SPANS)];
        cpu_mailbox_poll();
        if (span->page != NULL) {
            free_marked(span);
            continue;
        }
        span->count = 1 + test_random_below(state, 1 + test_random_below(state, 70));
        if (page_alloc_span(job_root, span->count, 0, &span->page) != OK) {
            span->page = NULL;
            continue;
        }
        uint64_t align = 1;
        while (align < span->count) {
            align *= 2;
        }
        CHECK(IS_ALIGNED(page_to_phys(span->page), align * PAGE_SIZE));
        span->mark = mark;
        for (size_t i = 0; i < span->count; i++) {
            memset(page_to_virt(&span->page[i]), mark, PAGE_SIZE);
        }
        mark += 4;
    }
    for (size_t i = 0; i < SPANS; i++) {
        if (spans[i].page != NULL) {
            free_marked(&spans[i]);
        }
    }
}

TEST(page_random_spans) {
    fixture_begin(1, 5000);
    random_spans(&random_state, 1, 20000);
    fixture_end();
}

static void random_on_cpu(void *context) {
    uint32_t index = cpu_this()->index;
    uint64_t state = *(uint64_t *)context + index;
    random_spans(&state, (char)index, 4000);
}

TEST(page_random_spans_on_four_cpus) {
    fixture_begin(4, 10000);
    host_cpus_run(4, random_on_cpu, &random_state);
    fixture_end();
}
