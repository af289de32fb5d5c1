// SPDX-License-Identifier: MIT
//
// vfsd in the guest, with tmpfsd: a script locks files, mounts, walks across mounts, is refused,
// and ends them, while either server dies at each message. What a libos does between the two
// servers is done here by hand.
//
//   vfs-test [PART...]   the tests whose names hold one of the parts, all without

#include <abi/rights.h>
#include <heal/program.h>
#include <heal/supervisor.h>
#include <heal/support.h>
#include <proto/fs_client.h>
#include <proto/vfs_client.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>

enum { TMPFSD, VFSD, SERVICES };

#define TMPFSD_VAULT_BYTES 2097152
#define VFSD_VAULT_BYTES 262144
#define REST_BYTES 256
#define RESTARTS 50
#define FILES 40 // of the file system that is freed

static handle_t root(void) {
    return service_channel(TMPFSD);
}

// ---- what a client does

static int64_t open_at(handle_t base, const char *path, uint32_t flags, handle_t *file) {
    const struct fs_open_request request = {.flags = flags, .mode = 0644};
    struct fs_open_reply reply;
    char rest[REST_BYTES];
    return fs_open(base, &request, path, strlen(path), &reply, rest, sizeof(rest), file,
                   INSTANT_NEVER);
}

// Opens, and sees that it can be.
static handle_t open_good(handle_t base, const char *path, uint32_t flags) {
    handle_t file = HANDLE_NONE;
    CHECK_EQ(open_at(base, path, flags, &file), FS_WALK_DONE);
    return file;
}

static void close_good(handle_t handle) {
    CHECK_EQ(sys_handle_close(handle), OK);
}

static int64_t make_folder(handle_t base, const char *path) {
    const struct fs_make_request request = {
        .type = FS_TYPE_DIRECTORY,
        .mode = 0755,
        .path_bytes = (uint32_t)strlen(path),
    };
    struct fs_make_reply reply;
    char rest[REST_BYTES];
    return fs_make(base, &request, path, strlen(path), &reply, rest, sizeof(rest), INSTANT_NEVER);
}

// The mount that a walk comes to, or the result below 1.
static int64_t walk_to(handle_t base, const char *path, int64_t wanted) {
    const struct fs_stat_request request = {0};
    struct fs_stat_reply reply = {0};
    char rest[REST_BYTES];
    int64_t result =
        fs_stat(base, &request, path, strlen(path), &reply, rest, sizeof(rest), INSTANT_NEVER);
    CHECK_EQ(result, wanted);
    return result > FS_WALK_DONE ? reply.mount : result;
}

static handle_t root_of(int64_t mount) {
    const struct vfs_root_request request = {.mount = (uint32_t)mount};
    handle_t handle = HANDLE_NONE;
    CHECK_EQ(vfs_root(service_channel(VFSD), &request, &handle, INSTANT_NEVER), OK);
    return handle;
}

static int64_t mount(handle_t target, handle_t source, uint32_t what, uint32_t flags,
                     const char *options) {
    char window[64] = "tmpfstest";
    const handle_t handles[2] = {target, source};
    const struct vfs_mount_request request = {
        .what = what,
        .flags = flags,
        .type_bytes = 5,
        .source_bytes = 4,
        .data_bytes = (uint32_t)strlen(options),
    };
    memcpy(window + 9, options, strlen(options));
    return vfs_mount(service_channel(VFSD), &request, window, 9 + strlen(options), handles,
                     INSTANT_NEVER);
}

static int64_t unmount(handle_t target, uint32_t lazy) {
    const struct vfs_unmount_request request = {.lazy = lazy};
    return vfs_unmount(service_channel(VFSD), &request, &target, INSTANT_NEVER);
}

// Ends the mount of a number by a description of its root.
static int64_t unmount_number(int64_t number, uint32_t lazy) {
    handle_t view = root_of(number), target = open_good(view, "", FS_OPEN_PATH);
    int64_t result = unmount(target, lazy);
    close_good(target);
    close_good(view);
    return result;
}

// ---- the script

static void check_up(int64_t number) {
    const struct vfs_up_request request = {.mount = (uint32_t)number};
    struct fs_place_reply place;
    char path[REST_BYTES];
    handle_t point = HANDLE_NONE, view = root_of(number);
    CHECK_EQ(walk_to(view, "../bin", FS_WALK_UP), number);
    CHECK_EQ(vfs_up(service_channel(VFSD), &request, &point, INSTANT_NEVER), OK);
    CHECK_EQ(fs_place(point, &place, path, sizeof(path), INSTANT_NEVER), 0);
    CHECK_EQ(place.bytes, 4);
    CHECK(memcmp(path, "/one", 4) == 0);
    CHECK_EQ(place.mount, 0);
    close_good(point);
    close_good(view);
}

static void check_flags(int64_t number) {
    handle_t view = root_of(number), target = open_good(view, "", FS_OPEN_PATH);
    CHECK_EQ(mount(target, target, VFS_MOUNT_REMOUNT, FS_MOUNT_READ_ONLY, ""), 0);
    CHECK_EQ(make_folder(view, "new"), ERR_READ_ONLY);
    CHECK_EQ(mount(target, target, VFS_MOUNT_REMOUNT, 0, ""), 0);
    CHECK_EQ(make_folder(view, "new"), FS_WALK_DONE);
    close_good(target);
    close_good(view);
}

// A second view of a folder of the mount, over another folder.
static void check_bind(int64_t number) {
    handle_t view = root_of(number), shown = open_good(view, "new", FS_OPEN_PATH);
    handle_t target = open_good(root(), "two", FS_OPEN_PATH);
    CHECK_EQ(mount(target, shown, VFS_MOUNT_BIND, 0, ""), 0);
    int64_t bound = walk_to(root(), "two/file", FS_WALK_MOUNT);
    handle_t other = root_of(bound);
    close_good(open_good(other, "file", FS_OPEN_WRITE | FS_OPEN_CREATE));
    CHECK_EQ(walk_to(view, "new/file", FS_WALK_DONE), 0);
    close_good(other);
    close_good(target);
    close_good(shown);
    close_good(view);
    CHECK_EQ(unmount_number(bound, 0), 0);
    CHECK_EQ(walk_to(root(), "two/file", ERR_NOT_FOUND), ERR_NOT_FOUND);
}

static int64_t lock(handle_t file, uint32_t kind, uint32_t type, uint64_t start, uint64_t end) {
    const struct fs_lock_request request = {
        .start = start, .end = end, .kind = kind, .type = type, .pid = 7};
    return fs_lock(file, &request, INSTANT_NEVER);
}

static void check_test(handle_t file, uint64_t at, uint32_t type, uint64_t start, uint64_t end) {
    const struct fs_lock_test_request request = {
        .start = at, .end = at, .kind = FS_LOCK_DESCRIPTION, .type = FS_LOCK_WRITE};
    struct fs_lock_test_reply reply;
    CHECK_EQ(fs_lock_test(file, &request, &reply, INSTANT_NEVER), OK);
    CHECK_EQ(reply.type, type);
    CHECK_EQ(reply.start, start);
    CHECK_EQ(reply.end, end);
}

// Locks are records like others: what was granted is granted, and once.
static void check_locks(void) {
    const uint32_t own = FS_LOCK_DESCRIPTION, flags = FS_OPEN_READ | FS_OPEN_WRITE;
    handle_t one = open_good(root(), "locked", flags | FS_OPEN_CREATE);
    handle_t two = open_good(root(), "locked", flags);
    CHECK_EQ(lock(one, own, FS_LOCK_WRITE, 0, 99), OK);
    CHECK_EQ(lock(one, own, FS_LOCK_READ, 40, 59), OK);
    CHECK_EQ(lock(one, own, FS_LOCK_NONE, 45, 49), OK);
    check_test(two, 10, FS_LOCK_WRITE, 0, 39);
    check_test(two, 44, FS_LOCK_READ, 40, 44);
    check_test(two, 47, FS_LOCK_NONE, 0, 0);
    check_test(two, 55, FS_LOCK_READ, 50, 59);
    check_test(two, 99, FS_LOCK_WRITE, 60, 99);
    CHECK_EQ(lock(two, own, FS_LOCK_WRITE, 44, 44), ERR_WOULD_BLOCK);
    CHECK_EQ(lock(two, own, FS_LOCK_READ, 40, 59), OK);
    CHECK_EQ(lock(one, own, FS_LOCK_WRITE, 0, 44), ERR_WOULD_BLOCK);
    CHECK_EQ(lock(two, FS_LOCK_PROCESS, FS_LOCK_WRITE, 45, 49), ERR_WOULD_BLOCK);
    CHECK_EQ(lock(two, FS_LOCK_PROCESS, FS_LOCK_WRITE, 200, UINT64_MAX), OK);
    check_test(one, 1000, FS_LOCK_WRITE, 200, UINT64_MAX);
    CHECK_EQ(lock(one, FS_LOCK_PROCESS, FS_LOCK_NONE, 0, UINT64_MAX), OK);
    CHECK_EQ(lock(one, FS_LOCK_FLOCK, FS_LOCK_WRITE, 0, UINT64_MAX), OK);
    CHECK_EQ(lock(two, FS_LOCK_FLOCK, FS_LOCK_READ, 0, UINT64_MAX), ERR_WOULD_BLOCK);
    close_good(one); // all of its own end
    check_test(two, 10, FS_LOCK_NONE, 0, 0);
    CHECK_EQ(lock(two, FS_LOCK_FLOCK, FS_LOCK_WRITE, 0, UINT64_MAX), OK);
    close_good(two);
}

static void play(void) {
    char name[] = "f00";
    check_locks();
    handle_t target = open_good(root(), "one", FS_OPEN_PATH);
    CHECK_EQ(mount(target, target, 0, 0, "mode=750"), 0);
    CHECK_EQ(mount(target, target, 0, 0, "colour=blue"), ERR_INVALID_ARGUMENT);
    CHECK_EQ(mount(target, target, VFS_MOUNT_REMOUNT, 0, ""), ERR_INVALID_ARGUMENT);
    CHECK_EQ(unmount(target, 0), ERR_INVALID_ARGUMENT);
    int64_t number = walk_to(root(), "one/file", FS_WALK_MOUNT);
    handle_t view = root_of(number);
    for (uint32_t i = 0; i < FILES; i++) {
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        close_good(open_good(view, name, FS_OPEN_WRITE | FS_OPEN_CREATE));
    }
    check_up(number);
    check_flags(number);
    check_bind(number);
    handle_t file = open_good(view, "f07", FS_OPEN_READ);
    CHECK_EQ(unmount_number(number, 0), ERR_BUSY);
    close_good(file);
    close_good(view);
    CHECK_EQ(unmount_number(number, 0), 0);
    CHECK_EQ(walk_to(root(), "one/f07", ERR_NOT_FOUND), ERR_NOT_FOUND);
    // Once more, ended while a file is open.
    CHECK_EQ(mount(target, target, 0, FS_MOUNT_NO_EXECUTE, ""), 0);
    number = walk_to(root(), "one", FS_WALK_MOUNT);
    view = root_of(number);
    file = open_good(view, "f", FS_OPEN_WRITE | FS_OPEN_CREATE);
    close_good(view);
    CHECK_EQ(unmount_number(number, 1), 0);
    CHECK_EQ(walk_to(root(), "one", FS_WALK_DONE), 0);
    close_good(file);
    close_good(target);
}

// ---- tests

TEST(vfs_script) {
    uint64_t before = service_summary(VFSD).messages;
    play();
    test_figure("the script is %u messages", (uint32_t)(service_summary(VFSD).messages - before));
}

// Each n of the messages of a script, at a stage that changes with n.
static void die_at_each(uint32_t service, uint32_t stride) {
    uint64_t before = service_summary(service).messages;
    play();
    uint32_t count = (uint32_t)(service_summary(service).messages - before), runs = 0;
    uint32_t starts = service_starts(service);
    for (uint32_t n = 1; n <= count && !test_failed(); n += stride, runs++) {
        service_die_once(service, n, heal_stages[n % HEAL_STAGES]);
        service_restart(service);
        play();
    }
    uint32_t deaths = service_starts(service) - starts - runs; // each run restarts it once
    CHECK(deaths > runs / 3);
    test_figure("%u deaths at the n-th of %u messages", deaths, count);
}

TEST(vfs_vfsd_dies_at_nth_message) {
    die_at_each(VFSD, 1);
}

TEST(vfs_tmpfsd_dies_at_nth_message) {
    die_at_each(TMPFSD, 7);
}

TEST(vfs_nothing_leaks) {
    play();
    service_restart(VFSD);
    play();
    struct system_info before = counters_settled();
    for (uint32_t i = 0; i < RESTARTS && !test_failed(); i++) {
        service_restart(VFSD);
    }
    play();
    CHECK(counters_return(&before));
}

int64_t native_main(struct thread_block *block) {
    const uint32_t shared = RIGHT_DUPLICATE | RIGHT_TRANSFER;
    const struct service_plan plans[SERVICES] = {
        {
            .name = "root",
            .path = "sbin/tmpfsd",
            .vault_bytes = TMPFSD_VAULT_BYTES,
            .argument = "folder=none/",
            .grant_count = 1,
            .grants = {{"archive", start_handle("archive"), shared | RIGHT_READ | RIGHT_MAP}},
        },
        {
            .name = "vfsd",
            .path = "sbin/vfsd",
            .vault_bytes = VFSD_VAULT_BYTES,
            .forwards = 1 << TMPFSD,
        },
    };
    (void)block;
    services_start(plans, SERVICES);
    int failed = make_folder(root(), "one") != FS_WALK_DONE;
    failed += make_folder(root(), "two") != FS_WALK_DONE;
    int status = heal_program(failed);
    services_stop();
    return status;
}
