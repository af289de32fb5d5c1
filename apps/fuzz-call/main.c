// SPDX-License-Identifier: MIT
//
// fuzz-call [--calls=N] [--seed=N]: random native calls, made by workers in a job of their own with
// small limits. Whatever they do, a sentinel process beside them must not change, the kernel must
// stand, and in the end nothing may be left of them.
//
// A worker that ends, or that waits without an end, is replaced by one with the next seed.

#include "fuzz.h"

#include <abi/limits.h>
#include <abi/names.h>
#include <stdbool.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/spawn.h>
#include <sys/start.h>
#include <sys/string.h>
#include <test/test.h>

#include <ds/format.h>

#define PROGRAM_PATH "bin/fuzz-call"
#define WORKERS 2
#define DEFAULT_CALLS 100000
// A worker that makes no call for so long waits for ever.
#define STALLED MILLISECONDS(700)
#define LOOK_EVERY MILLISECONDS(10)
// More calls than a worker can make between two looks: its page says something else by now.
#define CALLS_A_LOOK_MAX 1000000
#define SETTLE_LIMIT SECONDS(20)

#define JOB_PAGES 4000
#define JOB_HANDLES 3000
#define JOB_THREADS 40
#define JOB_PROCESSES 20

struct worker {
    struct spawned process;
    struct progress *progress;
    handle_t progress_vmo;
    uint64_t seed;
    uint64_t calls_before; // of the workers that were here before
    uint64_t calls_seen;
    instant_t seen_at;
    uint32_t restarts;
};

static struct archive archive;
static uint64_t successes;

void test_write(const char *line, size_t bytes) {
    log_text(line, bytes - 1);
}

static instant_t now(void) {
    return sys_clock_get();
}

static void sleep_for(duration_t span) {
    CHECK_EQ(sys_thread_sleep(now() + span, 0), OK);
}

// Makes a page that a child writes: its vmo, and where it is mapped here.
static handle_t page_create(void **page) {
    int64_t vmo = sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0);
    CHECK(vmo > 0);
    int64_t addr =
        sys_aspace_map(HANDLE_NONE, (handle_t)vmo, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    CHECK(addr > 0);
    *page = (void *)addr;
    return (handle_t)vmo;
}

static void page_free(handle_t vmo, void *page) {
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, (vaddr_t)page, PAGE_SIZE), OK);
    CHECK_EQ(sys_handle_close(vmo), OK);
}

static status_t start_child(const char *role, uint64_t seed, handle_t job, handle_t page_vmo,
                            struct spawned *child) {
    char role_text[32];
    char seed_text[32];
    text_format(role_text, sizeof(role_text), "--role=%s", role);
    text_format(seed_text, sizeof(seed_text), "--seed=0x%lx", seed);
    const char *arguments[] = {role_text, seed_text};
    const struct spawn_handle handles[] = {
        {"job", job, RIGHTS_JOB},
        {"page", page_vmo, RIGHTS_VMO},
        {"log", start_handle("log"), RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_WAIT},
    };
    const struct spawn_options options = {
        .archive = &archive,
        .path = PROGRAM_PATH,
        .label = role,
        .job = job,
        .arguments = arguments,
        .argument_count = 2,
        .handles = handles,
        .handle_count = 3,
    };
    return spawn(&options, child);
}

// ---- the sentinel

#define SENTINEL_WORDS 2000
#define SENTINEL_WORD(i) (0x9e3779b97f4a7c15UL * ((i) + 1))

// Keeps a pattern and looks at it for ever, counting in the page; ends when it has changed.
static int64_t run_sentinel(volatile uint64_t *rounds) {
    static volatile uint64_t words[SENTINEL_WORDS];
    for (uint64_t i = 0; i < SENTINEL_WORDS; i++) {
        words[i] = SENTINEL_WORD(i);
    }
    for (;;) {
        for (uint64_t i = 0; i < SENTINEL_WORDS; i++) {
            if (words[i] != SENTINEL_WORD(i)) {
                return 1;
            }
        }
        (*rounds)++;
        (void)!sys_thread_sleep(now() + MILLISECONDS(1), 0);
    }
}

// ---- workers

static bool worker_start(struct worker *worker, handle_t job) {
    memset(worker->progress, 0, sizeof(*worker->progress));
    worker->calls_seen = 0;
    worker->seen_at = now();
    status_t status =
        start_child("worker", worker->seed, job, worker->progress_vmo, &worker->process);
    CHECK_EQ(status, OK);
    return status == OK;
}

// Reads how many calls the worker has made. It may have written anything over that page: what can't
// be is not believed. Returns whether it could be.
static bool worker_look(struct worker *worker) {
    uint64_t calls = __atomic_load_n(&worker->progress->calls, __ATOMIC_RELAXED);
    if (calls < worker->calls_seen || calls - worker->calls_seen > CALLS_A_LOOK_MAX) {
        return false;
    }
    if (calls != worker->calls_seen) {
        worker->calls_seen = calls;
        worker->seen_at = now();
    }
    return true;
}

// Ends what is left of a worker and adds its calls up.
static void worker_end(struct worker *worker) {
    (void)!sys_task_kill(worker->process.process, 0, 0);
    CHECK(sys_object_wait(worker->process.process, SIGNAL_PROCESS_ENDED, now() + SETTLE_LIMIT, 0) >
          0);
    spawned_close(&worker->process);
    if (worker_look(worker) && worker->progress->successes <= worker->calls_seen) {
        successes += worker->progress->successes;
    }
    worker->calls_before += worker->calls_seen;
    worker->calls_seen = 0;
}

static bool worker_needs_another(struct worker *worker) {
    if (sys_object_wait(worker->process.process, SIGNAL_PROCESS_ENDED, 0, 0) > 0) {
        return true;
    }
    return !worker_look(worker) || now() - worker->seen_at > STALLED;
}

// A worker can kill or fill its job: each gets a fresh one.
static handle_t job_create(void) {
    const struct job_limits limits = {
        .memory_pages = JOB_PAGES,
        .handles = JOB_HANDLES,
        .threads = JOB_THREADS,
        .processes = JOB_PROCESSES,
    };
    int64_t job = sys_job_create(start_handle("job"), &limits);
    CHECK(job > 0);
    return (handle_t)job;
}

static bool job_is_empty(handle_t job) {
    struct job_usage usage;
    CHECK_EQ(sys_object_get(job, &usage, sizeof(usage)), OK);
    return usage.processes == 0 && usage.threads == 0 && usage.handles == 0 &&
           usage.memory_pages == 0;
}

// Kills everything in the job and checks that its charges come back.
static void job_end(handle_t job) {
    (void)!sys_task_kill(job, 0, 0);
    instant_t end = now() + SETTLE_LIMIT;
    while (!job_is_empty(job) && now() < end) {
        sleep_for(MILLISECONDS(5));
    }
    bool empty = job_is_empty(job);
    if (!empty) {
        struct job_usage usage;
        (void)!sys_object_get(job, &usage, sizeof(usage));
        test_figure("left in the job: %lu pages, %lu handles, %lu threads, %lu processes",
                    usage.memory_pages, usage.handles, usage.threads, usage.processes);
    }
    CHECK(empty);
    CHECK_EQ(sys_handle_close(job), OK);
}

static uint64_t total_calls(const struct worker workers[WORKERS]) {
    uint64_t sum = 0;
    for (size_t i = 0; i < WORKERS; i++) {
        sum += workers[i].calls_before + workers[i].calls_seen;
    }
    return sum;
}

// Replaces a worker; the job is new when both have been ended.
static void tend(struct worker *worker, handle_t *job) {
    if (!worker_needs_another(worker)) {
        return;
    }
    worker_end(worker);
    job_end(*job);
    *job = job_create();
    worker->seed = test_random(&worker->seed);
    worker->restarts++;
    (void)worker_start(worker, *job);
}

static void run_workers(uint64_t seed, uint64_t calls) {
    struct worker workers[WORKERS] = {0};
    handle_t jobs[WORKERS];
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i].seed = seed + i;
        workers[i].progress_vmo = page_create((void **)&workers[i].progress);
        jobs[i] = job_create();
        REQUIRE(worker_start(&workers[i], jobs[i]));
    }
    while (total_calls(workers) < calls && !test_failed()) {
        sleep_for(LOOK_EVERY);
        for (size_t i = 0; i < WORKERS; i++) {
            tend(&workers[i], &jobs[i]);
        }
    }
    uint32_t restarts = 0;
    for (size_t i = 0; i < WORKERS; i++) {
        worker_end(&workers[i]);
        job_end(jobs[i]);
        restarts += workers[i].restarts;
    }
    test_figure("fuzz-call: seed 0x%lx, %lu calls, %lu of them successful, %u workers", seed,
                total_calls(workers), successes, restarts + WORKERS);
    for (size_t i = 0; i < WORKERS; i++) {
        page_free(workers[i].progress_vmo, workers[i].progress);
    }
}

static struct system_info counters(void) {
    struct system_info info;
    CHECK_EQ(sys_object_get(start_handle("system"), &info, sizeof(info)), OK);
    return info;
}

// The kernel holds what it held before; some pages may still be cached.
static void check_leaks(const struct system_info *before) {
    instant_t end = now() + SETTLE_LIMIT;
    struct system_info after = counters();
    while ((after.objects != before->objects || after.handles != before->handles) && now() < end) {
        sleep_for(MILLISECONDS(20));
        after = counters();
    }
    CHECK_EQ(after.objects, before->objects);
    CHECK_EQ(after.handles, before->handles);
    CHECK_EQ(after.processes, before->processes);
    CHECK_EQ(after.threads, before->threads);
    test_figure("fuzz-call: %ld pages fewer are free than before",
                (int64_t)(before->free_pages - after.free_pages));
}

TEST(fuzz_calls_change_nobody_else) {
    struct system_info counters_before = counters();
    uint64_t seed = 0;
    CHECK_EQ(sys_random_get(&seed, sizeof(seed)), OK);
    seed = start_number("--seed", seed);
    test_figure("fuzz-call: seed 0x%lx", seed);
    volatile uint64_t *rounds;
    handle_t rounds_vmo = page_create((void **)&rounds);
    struct spawned sentinel;
    REQUIRE_EQ(start_child("sentinel", 0, start_handle("job"), rounds_vmo, &sentinel), OK);
    run_workers(seed, start_number("--calls", DEFAULT_CALLS));
    uint64_t before = *rounds;
    sleep_for(MILLISECONDS(100));
    CHECK(before > 0 && *rounds > before);
    CHECK_EQ(sys_object_wait(sentinel.process, SIGNAL_PROCESS_ENDED, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(sys_task_kill(sentinel.process, 0, 0), OK);
    CHECK(sys_object_wait(sentinel.process, SIGNAL_PROCESS_ENDED, now() + SETTLE_LIMIT, 0) > 0);
    spawned_close(&sentinel);
    page_free(rounds_vmo, (void *)rounds);
    check_leaks(&counters_before);
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    const char *role = start_option("--role");
    if (role == NULL) {
        if (archive_map(start_handle("archive"), &archive) != OK) {
            panic("fuzz-call: no boot archive");
        }
        return test_run_all(NULL) != 0;
    }
    int64_t page =
        sys_aspace_map(HANDLE_NONE, start_handle("page"), 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    if (page < 0) {
        return 2;
    }
    if (strcmp(role, "sentinel") == 0) {
        return run_sentinel((volatile uint64_t *)page);
    }
    fuzz_run(start_number("--seed", 1), UINT64_MAX, (struct progress *)page);
    return 0;
}
