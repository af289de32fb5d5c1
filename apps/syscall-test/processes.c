// SPDX-License-Identifier: MIT
//
// Jobs and processes: limits, ends, suspending, giving handles.

#include "clients.h"
#include "roles.h"

#include <ds/format.h>
#include <sys/start.h>

// ---- jobs

TEST(processes_job_create_checks) {
    struct job_limits limits = {.memory_pages = 10, .reserved_pages = 11};
    CHECK_EQ(sys_job_create(suite.job, &limits), ERR_INVALID_ARGUMENT);
    limits = (struct job_limits){.memory_pages = JOB_UNLIMITED, .reserved_pages = 1UL << 40};
    CHECK_EQ(sys_job_create(suite.job, &limits), ERR_LIMIT);
}

TEST(processes_job_reservations_are_set_aside) {
    handle_t outer = job_with(100, 0, 0, 0);
    struct job_limits limits = {.memory_pages = 80,
                                .handles = JOB_UNLIMITED,
                                .threads = JOB_UNLIMITED,
                                .processes = JOB_UNLIMITED,
                                .reserved_pages = 60};
    handle_t inner = expect_handle(sys_job_create(outer, &limits));
    CHECK(job_usage_of(outer).memory_pages >= 60);
    CHECK_EQ(sys_job_create(outer, &limits), ERR_LIMIT);
    handle_t vmo = expect_handle(sys_vmo_create(outer, 100 * PAGE_SIZE, 0));
    uint64_t page = 0;
    int64_t result = 1;
    while (result == 1 && page < 100) {
        result = sys_vmo_write(vmo, page++ * PAGE_SIZE, "x", 1);
    }
    CHECK_EQ(result, ERR_LIMIT);
    CHECK(page <= 41);
    // What is set aside is there for the inner job.
    handle_t kept = expect_handle(sys_vmo_create(inner, 40 * PAGE_SIZE, 0));
    for (uint64_t i = 0; i < 40; i++) {
        CHECK_EQ(sys_vmo_write(kept, i * PAGE_SIZE, "x", 1), 1);
    }
    drop(kept);
    drop(vmo);
    drop(inner);
    drop(outer);
}

TEST(processes_job_tree_has_a_depth) {
    handle_t jobs[64];
    struct job_limits limits;
    memset(&limits, 0xff, sizeof(limits));
    limits.reserved_pages = 0;
    handle_t parent = suite.job;
    size_t depth = 0;
    int64_t result;
    while ((result = sys_job_create(parent, &limits)) > 0 && depth < COUNT(jobs)) {
        parent = jobs[depth++] = (handle_t)result;
    }
    CHECK_EQ(result, ERR_LIMIT);
    CHECK(depth >= 8 && depth < COUNT(jobs));
    while (depth > 0) {
        drop(jobs[--depth]);
    }
}

TEST(processes_job_counts) {
    handle_t job = job_with(0, 0, 0, 0);
    struct child_options options = {.role = "sleep", .job = job};
    struct spawned children[3];
    for (size_t i = 0; i < COUNT(children); i++) {
        REQUIRE(child_start(&children[i], &options));
    }
    struct job_usage usage = job_usage_of(job);
    CHECK_EQ(usage.processes, 3);
    CHECK_EQ(usage.threads, 3);
    CHECK(usage.handles >= 9);
    CHECK(usage.memory_pages >= 3 * 5); // before they have run; their text is the archive's
    uint8_t data[PAGE_SIZE] = {1};
    handle_t vmo = expect_handle(sys_vmo_create(job, sizeof(data), 0));
    CHECK_EQ(sys_vmo_write(vmo, 0, data, sizeof(data)), (int64_t)sizeof(data));
    CHECK(job_usage_of(job).memory_pages > usage.memory_pages);
    drop(vmo);
    for (size_t i = 0; i < COUNT(children); i++) {
        child_kill(&children[i]);
    }
    instant_t end = in(PATIENCE);
    do {
        sleep_for(MILLISECONDS(1));
        usage = job_usage_of(job);
    } while ((usage.processes != 0 || usage.memory_pages != 0) && now() < end);
    CHECK_EQ(usage.processes, 0);
    CHECK_EQ(usage.threads, 0);
    CHECK_EQ(usage.handles, 0);
    CHECK_EQ(usage.memory_pages, 0);
    drop(job);
}

TEST(processes_job_limits_processes_and_threads) {
    handle_t job = job_with(0, 0, 2, 2);
    static const struct process_options options = {.label = "limits"};
    handle_t aspace = expect_handle(sys_aspace_create(job, 0));
    handle_t first = expect_handle(sys_process_create(job, aspace, HANDLE_NONE, 0, &options));
    handle_t second = expect_handle(sys_process_create(job, aspace, HANDLE_NONE, 0, &options));
    CHECK_EQ(sys_process_create(job, aspace, HANDLE_NONE, 0, &options), ERR_LIMIT);
    handle_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        vaddr_t region = (i + 1) * BLOCK_REGION_BYTES;
        CHECK_EQ(thread_region_map(aspace, region), OK);
        threads[i] = expect_handle(sys_thread_create(first, region));
    }
    CHECK_EQ(thread_region_map(aspace, 3 * BLOCK_REGION_BYTES), OK);
    CHECK_EQ(sys_thread_create(second, 3 * BLOCK_REGION_BYTES), ERR_LIMIT);
    drop(threads[0]);
    drop(threads[1]);
    drop(second);
    drop(first);
    drop(aspace);
    drop(job);
}

TEST(processes_job_walk) {
    handle_t job = job_with(0, 0, 0, 0);
    struct job_limits limits = job_usage_of(job).limits;
    handle_t inner = expect_handle(sys_job_create(job, &limits));
    struct child_options options = {.role = "sleep", .job = job};
    struct spawned children[3];
    for (size_t i = 0; i < COUNT(children); i++) {
        options.job = i == 2 ? inner : job;
        REQUIRE(child_start(&children[i], &options));
    }
    struct process_info info = {0};
    uint32_t found = 0;
    int64_t handle;
    while ((handle = sys_job_child(job, info.id, &info)) > 0 && found < 10) {
        struct handle_info rights;
        CHECK_EQ(sys_handle_info((handle_t)handle, &rights), OK);
        CHECK_EQ(rights.rights, RIGHT_READ | RIGHT_WAIT | RIGHT_KILL | RIGHT_MANAGE);
        CHECK(strcmp(info.label, "sleep") == 0);
        drop((handle_t)handle);
        found++;
    }
    CHECK_EQ(handle, ERR_NOT_FOUND);
    CHECK_EQ(found, 3);
    handle_t weak = narrowed(job, RIGHT_READ);
    handle_t seen = expect_handle(sys_job_child(weak, 0, &info));
    struct handle_info rights;
    CHECK_EQ(sys_handle_info(seen, &rights), OK);
    CHECK_EQ(rights.rights, RIGHT_READ | RIGHT_WAIT);
    drop(seen);
    drop(weak);
    for (size_t i = 0; i < COUNT(children); i++) {
        child_kill(&children[i]);
    }
    drop(inner);
    drop(job);
}

TEST(processes_aspace_of_a_process) {
    struct spawned child;
    struct child_options options = {.role = "sleep"};
    static const char known[] = "the same program, at the same address";
    char read[sizeof(known)] = "";
    REQUIRE(child_start(&child, &options));
    handle_t blind = narrowed(child.process, RIGHT_WAIT);
    CHECK_EQ(sys_process_aspace(blind), ERR_ACCESS_DENIED);
    drop(blind);
    handle_t aspace = expect_handle(sys_process_aspace(child.process));
    struct handle_info rights;
    CHECK_EQ(sys_handle_info(aspace, &rights), OK);
    CHECK_EQ(rights.rights, RIGHT_READ);
    struct mapping_info mapping;
    CHECK_EQ(sys_aspace_query(aspace, 0, &mapping), OK);
    CHECK_EQ(sys_aspace_read(aspace, (vaddr_t)known, read, sizeof(read)), sizeof(read));
    CHECK_EQ(memcmp(known, read, sizeof(read)), 0);
    drop(aspace);
    CHECK_EQ(sys_task_kill(child.process, 1, 0), OK);
    (void)child_wait(&child);
    CHECK_EQ(sys_process_aspace(child.process), ERR_BAD_STATE);
    spawned_close(&child);
}

TEST(processes_job_kill_takes_the_tree) {
    handle_t job = job_with(0, 0, 0, 0);
    struct job_limits limits = job_usage_of(job).limits;
    handle_t inner = expect_handle(sys_job_create(job, &limits));
    const char *roles[] = {"sleep", "spin", "sleep", "spin"};
    struct spawned children[4];
    for (size_t i = 0; i < COUNT(children); i++) {
        struct child_options options = {.role = roles[i], .job = i < 2 ? job : inner};
        REQUIRE(child_start(&children[i], &options));
    }
    CHECK_EQ(sys_task_kill(job, 99, 0), OK);
    for (size_t i = 0; i < COUNT(children); i++) {
        struct process_info info = child_wait(&children[i]);
        CHECK_EQ(info.cause, EXIT_KILLED);
        CHECK_EQ(info.status, 99);
        spawned_close(&children[i]);
    }
    static const struct process_options options = {.label = "late"};
    handle_t aspace = expect_handle(sys_aspace_create(suite.job, 0));
    CHECK(sys_process_create(job, aspace, HANDLE_NONE, 0, &options) < 0); // nothing new in it
    drop(aspace);
    drop(inner);
    drop(job);
}

// A process whose kept table holds the only handle to it: nobody but its job can give it up.
TEST(processes_job_kill_breaks_circles) {
    static const struct process_options options = {.label = "circle"};
    handle_t job = job_with(0, 0, 0, 0);
    handle_t aspace = expect_handle(sys_aspace_create(job, 0));
    handle_t process =
        expect_handle(sys_process_create(job, aspace, HANDLE_NONE, PROCESS_KEEP, &options));
    CHECK(sys_handle_give(process, process, 0) > 0);
    CHECK_EQ(job_usage_of(job).processes, 1);
    drop(aspace);
    CHECK_EQ(sys_task_kill(job, 0, 0), OK);
    instant_t end = in(PATIENCE);
    while (job_usage_of(job).memory_pages != 0 && now() < end) {
        sleep_for(MILLISECONDS(1));
    }
    CHECK_EQ(job_usage_of(job).processes, 0);
    CHECK_EQ(job_usage_of(job).handles, 0);
    CHECK_EQ(job_usage_of(job).memory_pages, 0);
    drop(job);
}

// ---- the end of a process

TEST(processes_exit_tells_its_status) {
    struct spawned child;
    REQUIRE(child_simple(&child, "exit", "123456789012"));
    CHECK_EQ(child_finish(&child), 123456789012);
    REQUIRE(child_simple(&child, "return", "7"));
    CHECK_EQ(child_finish(&child), 7);
}

TEST(processes_killed_process_tells_its_status) {
    struct spawned child;
    REQUIRE(child_simple(&child, "spin", NULL));
    CHECK_EQ(sys_task_kill(child.process, -5, 0), OK);
    struct process_info info = child_wait(&child);
    CHECK_EQ(info.cause, EXIT_KILLED);
    CHECK_EQ(info.status, -5);
    CHECK_EQ(sys_task_kill(child.process, 0, 0), ERR_BAD_STATE);
    CHECK_EQ(sys_process_suspend(child.process), ERR_BAD_STATE);
    CHECK_EQ(sys_process_resume(child.process), ERR_BAD_STATE);
    CHECK_EQ(sys_thread_create(child.process, 0x1000000), ERR_BAD_STATE);
    spawned_close(&child);
    REQUIRE(child_simple(&child, "sleep", NULL));
    CHECK_EQ(sys_task_kill(child.process, 1, KILL_HANG), OK);
    info = child_wait(&child);
    CHECK_EQ(info.cause, EXIT_HANG);
    spawned_close(&child);
}

TEST(processes_killed_before_they_start) {
    struct child_options options = {.role = "sleep"};
    struct spawned child;
    REQUIRE(child_prepare(&child, &options));
    CHECK_EQ(sys_task_kill(child.process, 3, 0), OK);
    struct process_info info = child_wait(&child);
    CHECK_EQ(info.cause, EXIT_KILLED);
    CHECK_EQ(spawn_start(&child), ERR_BAD_STATE);
    spawned_close(&child);
}

TEST(processes_never_started_go_with_their_handles) {
    struct child_options options = {.role = "sleep"};
    struct spawned child;
    REQUIRE(child_prepare(&child, &options));
    spawned_close(&child);
}

static int64_t sleep_or_spin(void *argument) {
    return argument == NULL ? sys_thread_sleep(INSTANT_NEVER, 0) : role_main("spin");
}

ROLE(many_threads) {
    static struct task tasks[8];
    for (size_t i = 0; i < COUNT(tasks); i++) {
        task_start(&tasks[i], sleep_or_spin, i % 2 == 0 ? NULL : tasks);
    }
    (void)!sys_thread_sleep(INSTANT_NEVER, 0);
    return 0;
}

TEST(processes_kill_ends_all_threads) {
    struct spawned child;
    REQUIRE(child_simple(&child, "many_threads", NULL));
    sleep_for(MILLISECONDS(5));
    child_kill(&child);
}

// ---- creating

TEST(processes_create_checks) {
    struct process_options options = {.label = "checks"};
    handle_t aspace = expect_handle(sys_aspace_create(suite.job, 0));
    handle_t plain = narrowed(suite.job, RIGHTS_JOB & ~RIGHT_IDENTITY);
    options.cookie = 1;
    CHECK_EQ(sys_process_create(plain, aspace, HANDLE_NONE, 0, &options), ERR_ACCESS_DENIED);
    options.cookie = 0;
    options.provider = 1;
    CHECK_EQ(sys_process_create(plain, aspace, HANDLE_NONE, 0, &options), ERR_ACCESS_DENIED);
    options.provider = 0;
    handle_t process = expect_handle(sys_process_create(plain, aspace, HANDLE_NONE, 0, &options));
    CHECK_EQ(sys_process_create(plain, aspace, process, 0, &options), ERR_BAD_STATE);
    drop(process);
    drop(plain);
    drop(aspace);
}

TEST(processes_label_is_ended) {
    struct process_options options;
    memset(&options, 0, sizeof(options));
    memset(options.label, 'L', sizeof(options.label));
    handle_t aspace = expect_handle(sys_aspace_create(suite.job, 0));
    handle_t process =
        expect_handle(sys_process_create(suite.job, aspace, HANDLE_NONE, 0, &options));
    struct process_info info;
    CHECK_EQ(sys_object_get(process, &info, sizeof(info)), OK);
    CHECK_EQ(strnlen(info.label, sizeof(info.label)), LABEL_BYTES - 1);
    drop(process);
    drop(aspace);
}

ROLE(make_object) {
    struct handle_info info;
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_handle_info(event, &info), OK);
    return (int64_t)info.provider;
}

TEST(processes_provider_stamps_what_is_made) {
    struct child_options options = {.role = "make_object", .provider = 4711};
    struct spawned child;
    REQUIRE(child_start(&child, &options));
    struct process_info info;
    CHECK_EQ(sys_object_get(child.process, &info, sizeof(info)), OK);
    CHECK_EQ(info.provider, 4711);
    CHECK_EQ(child_finish(&child), 4711);
}

// ---- suspending

ROLE(count) {
    volatile uint64_t *counter = (volatile uint64_t *)sys_aspace_map(
        HANDLE_NONE, start_handle("counter"), 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    for (;;) {
        (*counter)++;
    }
    return 0;
}

static uint64_t read_counter(handle_t vmo) {
    uint64_t value = 0;
    CHECK_EQ(sys_vmo_read(vmo, 0, &value, sizeof(value)), sizeof(value));
    return value;
}

// Whether the counter goes on.
static bool counts(handle_t vmo, duration_t span) {
    uint64_t before = read_counter(vmo);
    instant_t end = in(span);
    while (now() < end) {
        sleep_for(MILLISECONDS(1));
        if (read_counter(vmo) != before) {
            return true;
        }
    }
    return false;
}

// Waits until it stands still: a thread on another CPU stops when that CPU looks.
static bool stops(handle_t vmo) {
    instant_t end = in(PATIENCE);
    while (counts(vmo, MILLISECONDS(20))) {
        if (now() > end) {
            return false;
        }
    }
    return true;
}

TEST(processes_suspend_stops_and_resume_goes_on) {
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0));
    struct child_options options = {
        .role = "count", .handle_count = 1, .handles = {{"counter", vmo, RIGHTS_VMO}}};
    struct spawned child;
    REQUIRE(child_start(&child, &options));
    CHECK(counts(vmo, PATIENCE));
    CHECK_EQ(sys_process_suspend(child.process), OK);
    CHECK_EQ(sys_process_suspend(child.process), OK); // counts
    CHECK(stops(vmo));
    CHECK_EQ(sys_process_resume(child.process), OK);
    CHECK(!counts(vmo, MILLISECONDS(10)));
    CHECK_EQ(sys_process_resume(child.process), OK);
    CHECK(counts(vmo, PATIENCE));
    CHECK_EQ(sys_process_resume(child.process), ERR_BAD_STATE);
    CHECK_EQ(sys_process_suspend(child.process), OK);
    child_kill(&child); // a suspended process can be killed
    drop(vmo);
}

TEST(processes_suspended_before_they_start) {
    struct child_options options = {.role = "exit", .argument = "8"};
    struct spawned child;
    REQUIRE(child_prepare(&child, &options));
    CHECK_EQ(sys_process_suspend(child.process), OK);
    CHECK_EQ(spawn_start(&child), OK);
    CHECK_EQ(sys_object_wait(child.process, SIGNAL_PROCESS_ENDED, in(MILLISECONDS(10)), 0),
             ERR_TIMED_OUT);
    CHECK_EQ(sys_process_resume(child.process), OK);
    CHECK_EQ(child_finish(&child), 8);
}

TEST(processes_suspended_in_a_wait) {
    struct spawned child;
    REQUIRE(child_simple(&child, "sleep", NULL));
    sleep_for(MILLISECONDS(5));
    CHECK_EQ(sys_process_suspend(child.process), OK);
    struct process_info info;
    CHECK_EQ(sys_object_get(child.process, &info, sizeof(info)), OK);
    CHECK_EQ(info.suspended, 1);
    CHECK_EQ(sys_process_resume(child.process), OK);
    sleep_for(MILLISECONDS(5));
    CHECK_EQ(sys_object_get(child.process, &info, sizeof(info)), OK);
    CHECK_EQ(info.cause, EXIT_RUNNING); // it sleeps on
    child_kill(&child);
}

TEST(processes_do_not_suspend_themselves) {
    struct process_info info = {0};
    int64_t found;
    do {
        found = sys_job_child(suite.job, info.id, &info);
        REQUIRE(found > 0);
        if (info.id != thread_block()->process) {
            drop((handle_t)found);
        }
    } while (info.id != thread_block()->process);
    CHECK_EQ(sys_process_suspend((handle_t)found), ERR_BAD_STATE);
    drop((handle_t)found);
}

// ---- giving handles

TEST(processes_give_moves_a_handle) {
    struct child_options options = {.role = "exit"};
    struct spawned child;
    REQUIRE(child_prepare(&child, &options));
    handle_t event = expect_handle(sys_event_create());
    handle_t kept = narrowed(event, RIGHTS_EVENT);
    int64_t given = sys_handle_give(child.process, event, 150);
    CHECK_EQ(given & 0xfffff, 150);
    CHECK(!handle_is_live(event));
    CHECK_EQ(sys_handle_give(child.process, kept, 150), ERR_ALREADY_EXISTS);
    CHECK_EQ(sys_handle_give(child.process, kept, 0x7fffffff), ERR_OUT_OF_RANGE);
    CHECK(handle_is_live(kept));
    handle_t weak = narrowed(kept, RIGHTS_EVENT & ~RIGHT_TRANSFER);
    CHECK_EQ(sys_handle_give(child.process, weak, 0), ERR_ACCESS_DENIED);
    CHECK(sys_handle_give(child.process, kept, 0) > 0);
    drop(weak);
    CHECK_EQ(spawn_start(&child), OK);
    handle_t late = expect_handle(sys_event_create());
    CHECK_EQ(sys_handle_give(child.process, late, 0), ERR_BAD_STATE);
    drop(late);
    CHECK_EQ(child_finish(&child), 0);
}

// Ports and server ends don't travel; one that nobody has used yet can be given.
TEST(processes_give_takes_fresh_ports_only) {
    struct child_options options = {.role = "exit"};
    struct spawned child;
    struct service fresh = service_create();
    struct service used = service_create();
    CHECK_EQ(sys_port_reply_wait(used.port, 0, 0, 0), ERR_TIMED_OUT);
    struct request request = request_of(used.client, 1);
    request_start(&request);
    uint64_t token = call_take(used.port);
    REQUIRE(child_prepare(&child, &options));
    CHECK_EQ(sys_handle_give(child.process, used.port, 0), ERR_ACCESS_DENIED);
    CHECK(sys_handle_give(child.process, fresh.port, 0) > 0);
    CHECK(!handle_is_live(fresh.port));
    CHECK_EQ(call_answer(used.port, token, 0), OK);
    CHECK_EQ(request_join(&request), OK);
    child_kill(&child);
    CHECK_EQ(sys_object_wait(fresh.client, SIGNAL_CHANNEL_PEER_CLOSED, 0, 0), ERR_TIMED_OUT);
    fresh.port = HANDLE_NONE;
    service_close(&fresh);
    service_close(&used);
}

// ---- exhaustion

// Makes one object of a kind; the kinds that a limit on memory must stop. -1: there is no such
// kind.
static int64_t make_one(uint64_t kind, handle_t job, handle_t port) {
    static const struct process_options process = {.label = "one of many"};
    static struct job_limits limits;
    switch (kind) {
    case 0:
        return sys_event_create();
    case 1:
        return sys_timer_create();
    case 2:
        return sys_port_create();
    case 3:
        return sys_channel_create(port, 1, 0);
    case 4:
        return sys_stream_create(STREAM_MIN_BYTES, 0);
    case 5:
        return sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0);
    case 6:
        return sys_aspace_create(job, 0);
    case 7:
        memset(&limits, 0xff, sizeof(limits));
        limits.reserved_pages = 0;
        return sys_job_create(job, &limits);
    case 8: {
        static int64_t aspace;
        aspace = aspace > 0 ? aspace : sys_aspace_create(job, 0);
        return sys_process_create(job, (handle_t)aspace, HANDLE_NONE, 0, &process);
    }
    case 9:
        return sys_event_pair_create();
    case 10: {
        int64_t event = sys_event_create();
        int64_t result = event < 0 ? event : OK;
        for (uint64_t key = 0; result == OK && key < 8; key++) {
            result = sys_object_bind((handle_t)event, port, key, 1);
        }
        return result;
    }
    case 11: {
        static int64_t vmo;
        vmo = vmo > 0 ? vmo : sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0);
        return sys_aspace_map(HANDLE_NONE, (handle_t)vmo, 0, 0, PAGE_SIZE, MAP_READ);
    }
    default:
        return -1;
    }
}

// Makes objects of one kind until that fails. 0: it failed with LIMIT, as it must.
ROLE(exhaust) {
    uint64_t kind = (uint64_t)role_argument();
    handle_t job = start_handle("job");
    handle_t port = expect_handle(sys_port_create());
    for (uint64_t count = 0; count < 100000; count++) {
        int64_t result = make_one(kind, job, port);
        if (result < 0) {
            return result == ERR_LIMIT && count > 3 ? 0 : -result;
        }
    }
    return 1000; // nothing stopped it
}

TEST(processes_memory_limit_stops_each_kind) {
    for (uint64_t kind = 0; kind < 12; kind++) {
        char number[8];
        text_format(number, sizeof(number), "%lu", kind);
        struct child_options options = {
            .role = "exhaust", .argument = number, .job = job_with(300, 0, 0, 0)};
        struct spawned child;
        REQUIRE(child_start(&child, &options));
        int64_t status = child_finish(&child);
        if (status != 0) {
            test_figure("kind %lu: %ld (%s)", kind, status, status_name(-status));
        }
        CHECK_EQ(status, 0);
        instant_t end = in(PATIENCE);
        while (job_usage_of(options.job).memory_pages != 0 && now() < end) {
            sleep_for(MILLISECONDS(1));
        }
        CHECK_EQ(job_usage_of(options.job).memory_pages, 0);
        drop(options.job);
    }
}

// ---- sharing an address space

static uint32_t shared_word;

static void set_shared_word(void *argument) {
    __atomic_store_n(&shared_word, (uint32_t)(uint64_t)argument, __ATOMIC_SEQ_CST);
    sys_process_exit(17);
}

// A second process in the address space of a first, as vfork makes it: the same program lies there
// at the same addresses.
TEST(processes_may_share_an_address_space) {
    static const struct process_options options = {.label = "shares"};
    const vaddr_t region = 0x700000000000;
    struct spawned child;
    REQUIRE(child_simple(&child, "sleep", NULL));
    CHECK_EQ(thread_region_map(child.aspace, region), OK);
    handle_t process =
        expect_handle(sys_process_create(suite.job, child.aspace, HANDLE_NONE, 0, &options));
    handle_t thread = expect_handle(sys_thread_create(process, region));
    CHECK_EQ(sys_thread_start(thread, (vaddr_t)set_shared_word, thread_region_stack(region), 55, 0),
             OK);
    CHECK(sys_object_wait(process, SIGNAL_PROCESS_ENDED, in(PATIENCE), 0) > 0);
    uint32_t seen = 0;
    CHECK_EQ(sys_aspace_read(child.aspace, (vaddr_t)&shared_word, &seen, sizeof(seen)),
             sizeof(seen));
    CHECK_EQ(seen, 55);
    CHECK_EQ(shared_word, 0);
    struct process_info info;
    CHECK_EQ(sys_object_get(process, &info, sizeof(info)), OK);
    CHECK_EQ(info.status, 17);
    CHECK_EQ(sys_object_get(child.process, &info, sizeof(info)), OK);
    CHECK_EQ(info.cause, EXIT_RUNNING);
    drop(thread);
    drop(process);
    child_kill(&child);
}
