// SPDX-License-Identifier: MIT
//
// Tests of the native calls, in the guest: syscall-test [GROUP...] [--seed=N] [--rounds=N]
// [--repeat=N]
//
// Each group runs again after its first run, printing nothing but failures, and the counters of the
// whole kernel are compared from before that to after it: what tests have made must be gone.

#include "roles.h"

#include <ds/format.h>
#include <sys/log.h>
#include <sys/start.h>

static const char *const group_names[] = {
    "runtime",    "generic", "handles", "objects", "processes", "threads",
    "memory",     "ipc",     "keep",    "streams", "futexes",   "time",
    "protection", "system",  "libos",   "races",   "devices",
};

#define SETTLE_STEP MILLISECONDS(20)
#define SETTLE_LIMIT SECONDS(10)
#define DEFAULT_ROUNDS 20000
#define LEAK_RUNS 3

static bool quiet;
static uint32_t ok_count;
static uint32_t failed_count;

static bool begins_with(const char *line, size_t bytes, const char *word) {
    size_t length = strlen(word);
    return bytes >= length && memcmp(line, word, length) == 0;
}

// The sums of each single run are replaced by those of the whole program.
void test_write(const char *line, size_t bytes) {
    bool ok = begins_with(line, bytes, "ok ");
    if (begins_with(line, bytes, "done ") || (quiet && (ok || begins_with(line, bytes, "# ")))) {
        return;
    }
    ok_count += ok ? 1 : 0;
    failed_count += begins_with(line, bytes, "FAIL ") ? 1 : 0;
    log_text(line, bytes - 1);
}

static void report_case(const char *group, const char *what, bool ok) {
    log_printf(ok ? "ok %s_%s" : "FAIL %s_%s: see above", group, what);
    ok_count += ok ? 1 : 0;
    failed_count += ok ? 0 : 1;
}

// Pages in use that are neither free nor held by the kernel for its own objects.
static uint64_t user_pages(const struct system_info *info) {
    return info->total_pages - info->free_pages - info->kernel_pages;
}

static bool counters_equal(const struct system_info *a, const struct system_info *b) {
    return a->objects == b->objects && a->handles == b->handles && a->processes == b->processes &&
           a->threads == b->threads && user_pages(a) == user_pages(b) &&
           a->kernel_pages == b->kernel_pages;
}

// The counters once two readings in a row are the same: the reapers have done their work.
static struct system_info settled_counters(void) {
    struct system_info before = system_counters();
    instant_t end = in(SETTLE_LIMIT);
    for (;;) {
        sleep_for(SETTLE_STEP);
        struct system_info after = system_counters();
        if (counters_equal(&before, &after) || now() > end) {
            return after;
        }
        before = after;
    }
}

static void print_counters(const char *when, const struct system_info *info) {
    log_printf("     %s: %lu objects, %lu handles, %lu processes, %lu threads, %lu user pages, "
               "%lu kernel pages",
               when, info->objects, info->handles, info->processes, info->threads, user_pages(info),
               info->kernel_pages);
}

// Runs the tests again, silently. Returns whether everything is as it was before.
static bool run_flat(const char *filter, struct system_info *before, struct system_info *after) {
    *before = settled_counters();
    quiet = true;
    test_run_all(filter);
    quiet = false;
    *after = settled_counters();
    return counters_equal(before, after);
}

// What is touched or cached for the first time is no leak: that must come to an end, though.
static void check_leaks(const char *group, const char *filter) {
    struct system_info before;
    struct system_info after;
    bool flat = false;
    for (int i = 0; i < LEAK_RUNS && !flat; i++) {
        flat = run_flat(filter, &before, &after);
    }
    if (!flat) {
        print_counters("before", &before);
        print_counters("after", &after);
    }
    report_case(group, "leaks_nothing", flat);
}

static void run_filter(const char *name, const char *filter) {
    test_run_all(filter);
    for (uint64_t i = start_number("--repeat", 1); i > 0; i--) {
        check_leaks(name, filter);
    }
}

static void run_group(const char *group) {
    char filter[32];
    text_format(filter, sizeof(filter), "^%s_", group);
    run_filter(group, filter);
}

static bool is_group(const char *name) {
    for (size_t i = 0; i < COUNT(group_names); i++) {
        if (strcmp(group_names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void run_groups(void) {
    uint32_t named = 0;
    const char *only = start_option("--only");
    if (only != NULL) {
        run_filter("only", only);
        return;
    }
    for (uint32_t i = 0; i < start_argument_count(); i++) {
        const char *argument = start_argument(i);
        if (argument[0] == '-') {
            continue;
        }
        named++;
        if (is_group(argument)) {
            run_group(argument);
        } else {
            report_case(argument, "is_a_group", false);
        }
    }
    for (size_t i = 0; named == 0 && i < COUNT(group_names); i++) {
        run_group(group_names[i]);
    }
}

// Brings in every page of the stack, so that none of them counts as a leak later.
static void touch_stack(void) {
    volatile char pages[BLOCK_REGION_BYTES - 4 * PAGE_SIZE];
    for (size_t i = 0; i < sizeof(pages); i += PAGE_SIZE) {
        pages[i] = 0;
    }
}

static void suite_init(void) {
    touch_stack();
    uint64_t seed = 0;
    suite.job = start_handle("job");
    suite.log = start_handle("log");
    suite.system = start_handle("system");
    suite.archive_vmo = start_handle("archive");
    (void)!sys_random_get(&seed, sizeof(seed));
    suite.seed = start_number("--seed", seed);
    suite.rounds = start_number("--rounds", DEFAULT_ROUNDS);
    if (archive_map(suite.archive_vmo, &suite.archive) != OK) {
        panic("syscall-test: no boot archive");
    }
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    suite_init();
    const char *role = start_option("--role");
    if (role != NULL) {
        return role_main(role);
    }
    run_groups();
    log_printf("done %u ok, %u failed", ok_count, failed_count);
    return failed_count == 0 ? 0 : 1;
}
