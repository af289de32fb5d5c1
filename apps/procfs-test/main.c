// SPDX-License-Identifier: MIT
//
// procfsd in the guest, with procd and two Linux processes: one has ended and is not waited for,
// the other sleeps. What stands below /proc is then always the same, but for times and counters. A
// script reads it in small pieces and compares all that it gets, while procfsd and procd die at
// each message.
//
//   procfs-test [PART...]   the tests whose names hold one of the parts, all without

#include <abi/names.h>
#include <abi/libos.h>
#include <ds/format.h>
#include <heal/program.h>
#include <heal/supervisor.h>
#include <heal/support.h>
#include <proto/fs_client.h>
#include <proto/proc_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

enum { PROCD, PROCFSD, SERVICES };

#define PROCD_VAULT_BYTES 1638400
#define PROCFSD_VAULT_BYTES 131072
#define SMALL 13 // bytes of a read
#define FIRST_BYTES 64
#define TEXT_BYTES 2048
#define RESTARTS 100
#define PATIENCE_MS 10000 // until a process has begun

static int32_t zombie, live;

static handle_t root(void) {
    return service_channel(PROCFSD);
}

// ---- what a client does

static int64_t open_at(handle_t base, const char *path, uint32_t flags, handle_t *file) {
    const struct fs_open_request request = {.flags = flags};
    struct fs_open_reply reply;
    char rest[TEXT_BYTES];
    return fs_open(base, &request, path, strlen(path), &reply, rest, sizeof(rest), file,
                   INSTANT_NEVER);
}

// All of a file, by reads of a few bytes that move the shared offset. Bytes, or a status.
static int64_t read_all(const char *path, char *text) {
    const struct fs_read_request request = {.offset = FS_AT_CELL, .size = SMALL};
    handle_t file;
    int64_t used = 0, got = open_at(root(), path, FS_OPEN_READ, &file);
    if (got < 0) {
        return got;
    }
    do {
        got = fs_read(file, &request, text + used, SMALL, INSTANT_NEVER);
        used += got > 0 ? got : 0;
    } while (got > 0 && used < TEXT_BYTES - SMALL);
    CHECK_EQ(sys_handle_close(file), OK);
    text[used] = '\0';
    return got < 0 ? got : used;
}

// The beginning of a file, by one read. Bytes, or a status.
static int64_t read_first(const char *path, char text[FIRST_BYTES + 1]) {
    const struct fs_read_request request = {.offset = 0, .size = FIRST_BYTES};
    handle_t file;
    int64_t got = open_at(root(), path, FS_OPEN_READ, &file);
    if (got < 0) {
        return got;
    }
    got = fs_read(file, &request, text, FIRST_BYTES, INSTANT_NEVER);
    CHECK_EQ(sys_handle_close(file), OK);
    text[got > 0 ? got : 0] = '\0';
    return got;
}

static void check_file(const char *path, const char *wanted) {
    char text[TEXT_BYTES] = "";
    CHECK_EQ(read_all(path, text), (int64_t)strlen(wanted));
    CHECK(strcmp(text, wanted) == 0);
}

static void check_process(void) {
    char path[64], wanted[TEXT_BYTES], text[TEXT_BYTES];
    text_format(path, sizeof(path), "%d/comm", zombie);
    check_file(path, "agent\n");
    text_format(path, sizeof(path), "./sys/../%d/cmdline", zombie);
    check_file(path, "");
    text_format(path, sizeof(path), "%d/stat", zombie);
    int bytes =
        text_format(wanted, sizeof(wanted), "%d (agent) Z 0 %d %d 0 -1 ", zombie, zombie, zombie);
    CHECK(read_all(path, text) > bytes);
    CHECK(strncmp(text, wanted, (size_t)bytes) == 0);
    // 52 fields, as Linux has them.
    uint32_t fields = 1;
    for (const char *at = text; *at != '\0'; at++) {
        fields += *at == ' ';
    }
    CHECK_EQ(fields, 52);
}

// A process that shows itself (tests/proc/agent): what stands in its own memory.
static void check_live(void) {
    char path[64], text[FIRST_BYTES + 1];
    const char *const files[][2] = {
        {"%d/comm", "shown-one\n"},
        {"%d/task/../task/%d/comm", "shown-one\n"},
        {"%d/cmdline", "one"},
        {"%d/environ", "A=bcdef"},
        {"%d/limits", "Limit  "},
        {"%d/status", "Name:\tshown-one\nState:\tS"},
        {"%d/fdinfo/7", "pos:\t0\nflags:\t01\n"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        text_format(path, sizeof(path), files[i][0], live, live);
#pragma GCC diagnostic pop
        CHECK(read_first(path, text) >= (int64_t)strlen(files[i][1]));
        CHECK(strncmp(text, files[i][1], strlen(files[i][1])) == 0);
    }
}

static void check_live_links(void) {
    char path[64], text[64] = "";
    struct fs_read_link_reply reply;
    int bytes = text_format(path, sizeof(path), "%d/fd/7", live);
    CHECK_EQ(fs_read_link(root(), path, (size_t)bytes, &reply, text, sizeof(text), INSTANT_NEVER),
             FS_WALK_DONE);
    CHECK_EQ(reply.bytes, 11);
    CHECK(memcmp(text, "pipe:[4242]", 11) == 0);
    path[bytes - 1] = '8'; // it is said to be at an address where there is nothing
    CHECK_EQ(fs_read_link(root(), path, (size_t)bytes, &reply, text, sizeof(text), INSTANT_NEVER),
             ERR_NOT_FOUND);
}

// The directory in pieces that hold few entries: each name once, with the pid as the last one.
static void check_list(void) {
    const struct fs_list_request request = {.cursor = FS_AT_CELL};
    struct fs_list_reply reply;
    char entries[64], pid[16], last[16] = "";
    uint32_t count = 0;
    handle_t directory;
    int64_t got = open_at(root(), "", FS_OPEN_READ | FS_OPEN_DIRECTORY, &directory);
    CHECK_EQ(got, FS_WALK_DONE);
    while (got >= 0 && (got = fs_list(directory, &request, &reply, entries, sizeof(entries),
                                      INSTANT_NEVER)) > 0) {
        for (int64_t at = 0; at < got; count++) {
            uint16_t bytes;
            memcpy(&bytes, entries + at + 16, sizeof(bytes));
            (void)text_copy(last, sizeof(last), entries + at + 19);
            at += bytes;
        }
    }
    text_format(pid, sizeof(pid), "%d", zombie);
    CHECK_EQ(got, 0);
    CHECK(strcmp(last, pid) == 0);
    CHECK_EQ(count, 17); // two dots, 13 names, two processes
    CHECK_EQ(sys_handle_close(directory), OK);
}

static void check_walks(void) {
    const struct fs_stat_request request = {0};
    struct fs_stat_reply reply = {0};
    struct fs_place_reply place;
    char rest[64] = "";
    handle_t file;
    // Out of the file system, with what is left of the path.
    CHECK_EQ(
        fs_stat(root(), &request, "sys/../../etc/x", 15, &reply, rest, sizeof(rest), INSTANT_NEVER),
        FS_WALK_UP);
    CHECK_EQ(reply.rest, 5);
    CHECK(memcmp(rest, "etc/x", 5) == 0);
    CHECK_EQ(fs_stat(root(), &request, "self", 4, &reply, rest, sizeof(rest), INSTANT_NEVER),
             ERR_NOT_FOUND); // this is no Linux process
    CHECK_EQ(open_at(root(), "no-such", FS_OPEN_READ, &file), ERR_NOT_FOUND);
    CHECK_EQ(open_at(root(), "version/x", FS_OPEN_READ, &file), ERR_NOT_DIRECTORY);
    CHECK_EQ(open_at(root(), "version", FS_OPEN_READ | FS_OPEN_WRITE, &file), ERR_FORBIDDEN);
    CHECK_EQ(open_at(root(), "sys/kernel", FS_OPEN_PATH, &file), FS_WALK_DONE);
    CHECK_EQ(fs_place(file, &place, rest, sizeof(rest), INSTANT_NEVER), 0);
    CHECK_EQ(place.bytes, 16);
    CHECK(memcmp(rest, "/proc/sys/kernel", 16) == 0);
    CHECK_EQ(sys_handle_close(file), OK);
}

// Who reads on gets what stood there at the beginning; who begins again gets what is there now.
static void check_snapshot(void) {
    char first[64], again[64];
    handle_t file;
    struct fs_read_request request = {.offset = 0, .size = sizeof(first)};
    CHECK_EQ(open_at(root(), "uptime", FS_OPEN_READ, &file), FS_WALK_DONE);
    int64_t got = fs_read(file, &request, first, sizeof(first), INSTANT_NEVER);
    sleep_for(MILLISECONDS(11));
    CHECK(got > 8);
    request.offset = 1;
    CHECK_EQ(fs_read(file, &request, again, sizeof(again), INSTANT_NEVER), got - 1);
    CHECK(got > 1 && memcmp(first + 1, again, (size_t)got - 1) == 0);
    request.offset = 0;
    CHECK(fs_read(file, &request, again, sizeof(again), INSTANT_NEVER) > 8);
    CHECK(memcmp(first, again, 8) != 0);
    CHECK_EQ(sys_handle_close(file), OK);
}

// A value is written through both servers.
static void check_store(void) {
    static uint32_t names;
    const struct fs_write_request request = {.offset = FS_AT_CELL, .size = 16};
    struct fs_write_reply reply;
    char name[17];
    handle_t file;
    int bytes = text_format(name, sizeof(name), "name-%010u\n", names++);
    CHECK_EQ(bytes, 16);
    CHECK_EQ(open_at(root(), "sys/kernel/hostname", FS_OPEN_WRITE | FS_OPEN_TRUNCATE, &file),
             FS_WALK_DONE);
    CHECK_EQ(fs_write(file, &request, name, 16, &reply, INSTANT_NEVER), 16);
    CHECK_EQ(reply.offset, 16);
    CHECK_EQ(sys_handle_close(file), OK);
    check_file("sys/kernel/hostname", name);
}

static void play(void) {
    check_file("sys/kernel/ostype", "Linux\n");
    check_file("filesystems", "nodev\ttmpfs\nnodev\tproc\n");
    check_process();
    check_live();
    check_live_links();
    check_list();
    check_walks();
    check_snapshot();
    check_store();
}

// ---- tests

TEST(procfs_script) {
    uint64_t before = service_summary(PROCFSD).messages;
    play();
    test_figure("the script is %u messages",
                (uint32_t)(service_summary(PROCFSD).messages - before));
}

// `calls_change`: else its calls have no stage in their middle.
static void die_at_each(uint32_t service, bool calls_change) {
    uint64_t before = service_summary(service).messages;
    play();
    uint32_t count = (uint32_t)(service_summary(service).messages - before), runs = 0;
    uint32_t starts = service_starts(service);
    for (uint32_t n = 1; n <= count && !test_failed(); n++, runs++) {
        const char *stage =
            calls_change ? heal_stages[n % HEAL_STAGES] : heal_stages[n % 2 * (HEAL_STAGES - 1)];
        service_die_once(service, n, stage);
        service_restart(service);
        play();
    }
    // Each run restarts it once.
    uint32_t deaths = service_starts(service) - starts - runs;
    CHECK(deaths > runs / 2);
    test_figure("%u deaths at the n-th of %u messages", deaths, count);
}

TEST(procfs_procfsd_dies_at_nth_message) {
    die_at_each(PROCFSD, true);
}

TEST(procfs_procd_dies_at_nth_message) {
    die_at_each(PROCD, false);
}

TEST(procfs_nothing_leaks) {
    play();
    service_restart(PROCFSD);
    play();
    struct system_info before = counters_settled();
    for (uint32_t i = 0; i < RESTARTS && !test_failed(); i++) {
        service_restart(PROCFSD);
        check_file("sys/kernel/ostype", "Linux\n");
    }
    play();
    CHECK(counters_return(&before));
}

// ---- the program

// Starts the agent with these words. Its pid, 0: that failed.
static int32_t spawn_agent(const char *text, uint64_t bytes, uint32_t argc) {
    const struct proc_spawn_request request = {.argc = argc, .path_bytes = 6};
    struct proc_spawn_reply reply;
    handle_t log = start_handle("log");
    handle_t files[3] = {log, log, log};
    return proc_spawn(service_channel(PROCD), &request, text, bytes, files, &reply,
                      INSTANT_NEVER) == OK
               ? reply.pid
               : 0;
}

// Starts a process that ends at once, and sees that it has.
static int32_t make_zombie(void) {
    static const char text[] = "agent\0/agent\0/";
    const struct proc_wait_request wait = {
        .who = PROC_WHO_PID,
        .id = spawn_agent(text, sizeof(text), 1),
        .options = PROC_WAIT_EXITED | PROC_WAIT_NO_REAP,
    };
    struct proc_wait_reply end;
    return proc_wait(service_channel(PROCD), &wait, &end, INSTANT_NEVER) == OK ? wait.id : 0;
}

// Starts one that shows itself, and sees that it does.
static int32_t make_live(void) {
    static const char words[] = "agent\0show\0/agent\0/";
    char path[32], text[TEXT_BYTES];
    int32_t pid = spawn_agent(words, sizeof(words), 2);
    instant_t end = (instant_t)sys_clock_get() + MILLISECONDS(PATIENCE_MS);
    text_format(path, sizeof(path), "%d/cmdline", pid);
    while (read_all(path, text) == 0 && (instant_t)sys_clock_get() < end) {
        sleep_for(MILLISECONDS(1));
    }
    return pid;
}

int64_t native_main(struct thread_block *block) {
    const uint32_t shared = RIGHT_DUPLICATE | RIGHT_TRANSFER;
    const uint32_t page = shared | RIGHT_READ | RIGHT_MAP;
    const struct service_plan plans[SERVICES] = {
        {
            .name = "proc",
            .path = "sbin/procd",
            .vault_bytes = PROCD_VAULT_BYTES,
            .argument = "libos=lib/agent.img",
            .grant_count = 4,
            .grants = {{"job", grant_job(), RIGHTS_JOB},
                       {"archive", start_handle("archive"), page},
                       {"clock", start_handle("clock"), page},
                       {"root", grant_unserved(), shared | RIGHT_WAIT | RIGHT_CALL}},
        },
        {
            .name = "procfsd",
            .path = "sbin/procfsd",
            .vault_bytes = PROCFSD_VAULT_BYTES,
            .forwards = 1 << PROCD,
            .grant_count = 2,
            .grants = {{"clock", start_handle("clock"), page},
                       {"system", start_handle("system"), shared | RIGHT_READ}},
        },
    };
    (void)block;
    services_start(plans, SERVICES);
    live = make_live();
    zombie = make_zombie();
    int status = heal_program(zombie == 0 || live == 0);
    services_stop();
    return status;
}
