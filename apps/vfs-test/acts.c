// SPDX-License-Identifier: MIT

#include "acts.h"

#include <ds/format.h>
#include <heal/supervisor.h>
#include <heal/support.h>
#include <proto/fs_client.h>
#include <proto/vfs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#include "calls.h"

#define FILES 10 // of the file system that is freed
#define USER 1000u
#define NO_MEMORY_THERE ((const void *)0x1000)

int acts_prepare(void) {
    return (make_folder(root(), "one") != FS_WALK_DONE) +
           (make_folder(root(), "two") != FS_WALK_DONE) +
           (make_folder(root(), "three") != FS_WALK_DONE) +
           (make_at(root(), FS_TYPE_REGULAR, "plain") != FS_WALK_DONE);
}

static handle_t place(const char *path) {
    return open_good(root(), path, FS_OPEN_PATH);
}

// Mounts, and finds what was mounted.
static uint32_t mounted(const char *path, const struct mounting *mounting) {
    struct mounting with = *mounting;
    with.target = place(path);
    CHECK_EQ(mount(&with), 0);
    close_good(with.target);
    return walk_to(root(), path);
}

static uint32_t tmpfs_on(const char *path, uint32_t flags) {
    return mounted(path, &(struct mounting){.flags = flags});
}

static void check_point(uint32_t number, const char *wanted, uint32_t lies_in) {
    struct fs_place_reply reply = {0};
    char path[PATH_BYTES];
    handle_t point = point_of(number);
    CHECK_EQ(fs_place(point, &reply, path, sizeof(path), INSTANT_NEVER), 0);
    CHECK_EQ(reply.bytes, strlen(wanted));
    CHECK(memcmp(path, wanted, strlen(wanted)) == 0);
    CHECK_EQ(reply.mount, lies_in);
    close_good(point);
}

// ---- a mount from its beginning to its end

static void mount_and_end(uint32_t round) {
    char name[8];
    uint32_t number = mounted("one", &(struct mounting){.options = "mode=750"});
    check_table("test /one tmpfs rw,relatime,mode=750 0 0\n");
    handle_t view = root_of(number);
    CHECK_EQ(stat_at(view, "", FS_WALK_DONE).attributes.mode, FS_TYPE_DIRECTORY << 12 | 0750);
    for (uint32_t i = 0; i < FILES + round; i++) {
        text_format(name, sizeof(name), "f%u", i);
        close_good(open_good(view, name, FS_OPEN_WRITE | FS_OPEN_CREATE));
    }
    CHECK_EQ(stat_at(view, "../bin", FS_WALK_UP).mount, number);
    check_point(number, "/one", 0);
    handle_t file = open_good(view, "f7", FS_OPEN_READ);
    CHECK_EQ(unmount_number(number, 0), ERR_BUSY);
    close_good(file);
    close_good(view);
    CHECK_EQ(unmount_number(number, 0), 0);
    (void)stat_at(root(), "one/f7", ERR_NOT_FOUND);
    check_gone(number);
    check_table("%s", "");
}

static void write_good(handle_t file, const char *text) {
    const struct fs_write_request request = {.offset = 0, .size = (uint32_t)strlen(text)};
    struct fs_write_reply reply;
    CHECK_EQ(fs_write(file, &request, text, strlen(text), &reply, INSTANT_NEVER), strlen(text));
}

static void check_text(handle_t file, const char *wanted) {
    const struct fs_read_request request = {.offset = 0, .size = PATH_BYTES};
    char text[PATH_BYTES] = "";
    CHECK_EQ(fs_read(file, &request, text, sizeof(text), INSTANT_NEVER), strlen(wanted));
    CHECK(memcmp(text, wanted, strlen(wanted)) == 0);
}

// Who has a file open keeps it over the end of its mount; the place is free again at once.
static void end_lazily(uint32_t round) {
    char text[16];
    const uint32_t both = FS_OPEN_READ | FS_OPEN_WRITE;
    uint32_t number = tmpfs_on("one", 0);
    handle_t view = root_of(number), file = open_good(view, "f", both | FS_OPEN_CREATE);
    text_format(text, sizeof(text), "round %u", round);
    write_good(file, text);
    close_good(view);
    CHECK_EQ(unmount_number(number, 0), ERR_BUSY);
    CHECK_EQ(unmount_number(number, 1), 0);
    check_gone(number);
    (void)stat_at(root(), "one/f", ERR_NOT_FOUND);
    uint32_t second = tmpfs_on("one", 0);
    CHECK(second > number); // never used again
    check_text(file, text);
    write_good(file, "after all");
    check_text(file, "after all");
    CHECK_EQ(stat_at(root(), "one/f", FS_WALK_MOUNT).mount, second);
    close_good(file);
    CHECK_EQ(unmount_number(second, 1), 0);
    check_table("%s", "");
}

// ---- what a mount is asked to be

static void options_taken(uint32_t round) {
    static const struct {
        const char *options, *shown;
        uint32_t mode, uid, gid;
    } good[] = {
        {"", "", 01777, 0, 0},
        {"mode=0755,uid=1,gid=2", ",mode=755,uid=1,gid=2", 0755, 1, 2},
        {"size=10m,nr_inodes=1k,nr_blocks=50%", "", 01777, 0, 0},
        {",mode=1777,,", "", 01777, 0, 0},
        {"mode=0,gid=4294967295", ",mode=000,gid=4294967295", 0, 0, UINT32_MAX},
        {"uid=7,uid=8,mode=2700", ",mode=2700,uid=8", 02700, 8, 0},
    };
    static const char *const shown[] = {"test", "a\tb c\\d\n", "none"};
    static const char *const told[] = {"test", "a\\011b\\040c\\134d\\012", "none"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint32_t name = (uint32_t)(i + round) % 3;
        uint32_t number =
            mounted("two", &(struct mounting){.options = good[i].options, .shown = shown[name]});
        handle_t view = root_of(number);
        struct fs_attributes found = stat_at(view, "", FS_WALK_DONE).attributes;
        CHECK_EQ(found.mode & 07777, good[i].mode);
        CHECK_EQ(found.uid, good[i].uid);
        CHECK_EQ(found.gid, good[i].gid);
        check_table("%s /two tmpfs rw,relatime%s 0 0\n", told[name], good[i].shown);
        close_good(view);
        CHECK_EQ(unmount_number(number, 0), 0);
    }
}

static void options_refused(uint32_t round) {
    static const char *const bad[] = {
        "mode=8",      "mode=10000", "mode=",   "mode",          "uid=-1",  "uid=4294967296",
        "gid=x",       "gid=1 ",     "size=",   "size=m",        "size=1q", "=1",
        "colour=blue", "mode=755,x", "uid=1=2", "nr_inodes=1kk",
    };
    handle_t target = place("two");
    (void)round;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(mount(&(struct mounting){.target = target, .options = bad[i]}),
                 ERR_INVALID_ARGUMENT);
    }
    (void)stat_at(target, "", FS_WALK_DONE);
    close_good(target);
    check_table("%s", "");
}

// ---- flags

static void check_flags(uint32_t number, uint32_t flags, const char *shown) {
    handle_t view = root_of(number), target = open_good(view, "", FS_OPEN_PATH), file;
    CHECK_EQ(remount(target, flags), 0);
    check_table("test /three tmpfs %s 0 0\n", shown);
    CHECK_EQ(stat_at(view, "", FS_WALK_DONE).attributes.mount_flags, flags);
    CHECK_EQ(make_folder(view, "new"),
             (flags & FS_MOUNT_READ_ONLY) != 0 ? ERR_READ_ONLY : FS_WALK_DONE);
    if ((flags & FS_MOUNT_READ_ONLY) == 0) {
        CHECK_EQ(remove_at(view, "new", true), FS_WALK_DONE);
    }
    int64_t result = open_at(view, "program", FS_OPEN_EXECUTE, &file);
    CHECK_EQ(result, (flags & FS_MOUNT_NO_EXECUTE) != 0 ? ERR_FORBIDDEN : FS_WALK_DONE);
    if (result == FS_WALK_DONE) {
        close_good(file);
    }
    result = open_at(view, "device", FS_OPEN_READ, &file);
    CHECK_EQ(result, (flags & FS_MOUNT_NO_DEVICES) != 0 ? ERR_FORBIDDEN : FS_WALK_DONE);
    if (result == FS_WALK_DONE) {
        close_good(file);
    }
    close_good(target);
    close_good(view);
}

static void flags_change(uint32_t round) {
    static const struct {
        uint32_t flags;
        const char *shown;
    } states[] = {
        {FS_MOUNT_READ_ONLY, "ro,relatime"},
        {0, "rw,relatime"},
        {FS_MOUNT_NO_EXECUTE | FS_MOUNT_NO_DEVICES, "rw,nodev,noexec,relatime"},
        {FS_MOUNT_NO_SUID, "rw,nosuid,relatime"},
        {FS_MOUNT_NO_ACCESS_TIME | FS_MOUNT_READ_ONLY, "ro,noatime"},
        {FS_MOUNT_NO_SUID | FS_MOUNT_NO_DEVICES | FS_MOUNT_NO_ACCESS_TIME,
         "rw,nosuid,nodev,noatime"},
        {FS_MOUNT_NO_EXECUTE, "rw,noexec,relatime"},
    };
    const uint32_t count = sizeof(states) / sizeof(states[0]);
    uint32_t number = tmpfs_on("three", FS_MOUNT_NO_SUID);
    check_table("test /three tmpfs rw,nosuid,relatime 0 0\n");
    handle_t view = root_of(number);
    CHECK_EQ(make_at(view, FS_TYPE_REGULAR, "program"), FS_WALK_DONE);
    CHECK_EQ(make_at(view, FS_TYPE_CHARACTER, "device"), FS_WALK_DONE);
    close_good(view);
    for (uint32_t i = 0; i < count; i++) {
        check_flags(number, states[(i + round) % count].flags, states[(i + round) % count].shown);
    }
    CHECK_EQ(unmount_number(number, 0), 0);
}

static void flags_refused(uint32_t round) {
    uint32_t number = tmpfs_on("three", 0);
    handle_t view = root_of(number), target = open_good(view, "", FS_OPEN_PATH);
    handle_t file = open_good(view, "file", FS_OPEN_WRITE | FS_OPEN_CREATE);
    (void)round;
    CHECK_EQ(remount(target, FS_MOUNT_READ_ONLY), ERR_BUSY);
    CHECK_EQ(remount(target, FS_MOUNT_NO_SUID), 0);
    CHECK_EQ(remount(target, 1u << 20), ERR_INVALID_ARGUMENT);
    CHECK_EQ(remount(file, 0), ERR_INVALID_ARGUMENT);
    close_good(file);
    CHECK_EQ(remount(target, FS_MOUNT_READ_ONLY), 0);
    CHECK_EQ(open_at(view, "file", FS_OPEN_WRITE, &file), ERR_READ_ONLY);
    check_table("test /three tmpfs ro,relatime 0 0\n");
    close_good(target);
    close_good(view);
    CHECK_EQ(unmount_number(number, 0), 0);
    target = place("three");
    CHECK_EQ(remount(target, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(mount_on(target, 1u << 20), ERR_INVALID_ARGUMENT); // taken back: the number is used
    CHECK_EQ(mount_on(target, UINT32_MAX), ERR_INVALID_ARGUMENT);
    close_good(target);
    (void)stat_at(root(), "three", FS_WALK_DONE);
    // The first mount has flags, too.
    target = place("");
    CHECK_EQ(remount(target, FS_MOUNT_NO_ACCESS_TIME | FS_MOUNT_READ_ONLY), 0);
    CHECK_EQ(make_folder(root(), "new"), ERR_READ_ONLY);
    CHECK_EQ(remount(target, 0), 0);
    close_good(target);
    check_table("%s", "");
}

// ---- binds

// A second view of a folder of a mount, over another folder.
static void bind_folder(uint32_t round) {
    uint32_t number = mounted("one", &(struct mounting){.options = "uid=3"});
    handle_t view = root_of(number);
    CHECK_EQ(make_folder(view, "new"), FS_WALK_DONE);
    CHECK_EQ(make_folder(view, "new/er"), FS_WALK_DONE);
    handle_t shown = open_good(view, round % 2 == 0 ? "new" : "new/er", FS_OPEN_PATH);
    uint32_t bound = mounted("two", &(struct mounting){.source = shown, .what = VFS_MOUNT_BIND});
    check_table("test /one tmpfs rw,relatime,uid=3 0 0\ntest /two tmpfs rw,relatime,uid=3 0 0\n");
    check_info(number, "/ /one rw,relatime - tmpfs test rw,uid=3\n");
    check_info(bound, round % 2 == 0 ? "/new /two rw" : "/new/er /two rw");
    handle_t other = root_of(bound);
    close_good(open_good(other, "file", FS_OPEN_WRITE | FS_OPEN_CREATE));
    (void)stat_at(shown, "file", FS_WALK_DONE);
    CHECK_EQ(stat_at(other, "../x", FS_WALK_UP).mount, bound);
    check_point(bound, "/two", 0);
    // Its flags are its own.
    handle_t target = open_good(other, "", FS_OPEN_PATH);
    CHECK_EQ(remount(target, FS_MOUNT_READ_ONLY), 0);
    CHECK_EQ(make_folder(other, "x"), ERR_READ_ONLY);
    CHECK_EQ(make_folder(shown, "x"), FS_WALK_DONE);
    // The file system lives as long as one of both.
    close_good(target);
    close_good(shown);
    close_good(view);
    CHECK_EQ(unmount_number(number, 0), 0);
    (void)stat_at(other, "file", FS_WALK_DONE);
    close_good(other);
    check_table("test /two tmpfs ro,relatime,uid=3 0 0\n");
    CHECK_EQ(unmount_number(bound, 0), 0);
    (void)stat_at(root(), "two/file", ERR_NOT_FOUND);
}

static void bind_file(uint32_t round) {
    uint32_t number = tmpfs_on("one", FS_MOUNT_NO_EXECUTE);
    handle_t view = root_of(number);
    handle_t file = open_good(view, "file", FS_OPEN_READ | FS_OPEN_WRITE | FS_OPEN_CREATE);
    handle_t plain = place("plain"), folder = place("two");
    (void)round;
    write_good(file, "of the mount");
    CHECK_EQ(bind(folder, file), ERR_NOT_DIRECTORY);
    CHECK_EQ(bind(plain, folder), ERR_NOT_DIRECTORY);
    CHECK_EQ(mount_on(plain, 0), ERR_NOT_DIRECTORY);
    CHECK_EQ(bind(plain, file), 0);
    uint32_t bound = walk_to(root(), "plain");
    check_table("test /one tmpfs rw,noexec,relatime 0 0\n"
                "test /plain tmpfs rw,noexec,relatime 0 0\n");
    check_info(bound, "/file /plain rw,noexec");
    handle_t other = root_of(bound), again = open_good(other, "", FS_OPEN_READ);
    check_text(again, "of the mount");
    // Over itself, once more.
    CHECK_EQ(bind(again, plain), 0);
    uint32_t last = walk_to(other, "");
    CHECK_EQ(unmount(again, 0), ERR_BUSY);
    CHECK_EQ(unmount_number(last, 0), 0);
    CHECK_EQ(unmount(again, 0), 0);
    close_good(again);
    close_good(other);
    close_good(plain);
    close_good(folder);
    close_good(file);
    close_good(view);
    CHECK_EQ(unmount_number(number, 0), 0);
    (void)stat_at(root(), "plain", FS_WALK_DONE);
    check_table("%s", "");
}

// ---- one in the other

// A mount on a new folder of another one.
static uint32_t mount_within(uint32_t outer, const char *name) {
    handle_t view = root_of(outer);
    CHECK_EQ(make_folder(view, name), FS_WALK_DONE);
    handle_t target = open_good(view, name, FS_OPEN_PATH);
    CHECK_EQ(mount_on(target, 0), 0);
    uint32_t number = walk_to(view, name);
    close_good(target);
    close_good(view);
    return number;
}

static void one_in_the_other(uint32_t round) {
    uint32_t a = tmpfs_on("one", 0), b = mount_within(a, "b"), c = mount_within(b, "c");
    uint32_t d = mount_within(a, "d");
    check_table("test /one tmpfs rw,relatime 0 0\ntest /one/b tmpfs rw,relatime 0 0\n"
                "test /one/b/c tmpfs rw,relatime 0 0\ntest /one/d tmpfs rw,relatime 0 0\n");
    check_point(c, "/c", b);
    check_point(d, "/d", a);
    CHECK_EQ(unmount_number(a, 0), ERR_BUSY);
    CHECK_EQ(unmount_number(b, 0), ERR_BUSY);
    handle_t view = root_of(c), file = open_good(view, "f", FS_OPEN_WRITE | FS_OPEN_CREATE);
    close_good(view);
    if (round % 2 == 0) {
        CHECK_EQ(unmount_number(d, 0), 0);
        check_gone(d);
    }
    CHECK_EQ(unmount_number(a, 1), 0); // with all that lies in it
    check_gone(a);
    check_gone(b);
    check_gone(c);
    check_gone(d);
    write_good(file, "alone");
    close_good(file);
    check_table("%s", "");
    (void)stat_at(root(), "one/b", ERR_NOT_FOUND);
}

// Over the root of another one.
static void one_over_the_other(uint32_t round) {
    uint32_t below = tmpfs_on("two", 0);
    handle_t view = root_of(below), target = open_good(view, "", FS_OPEN_PATH);
    close_good(open_good(view, "below", FS_OPEN_WRITE | FS_OPEN_CREATE));
    (void)round;
    CHECK_EQ(mount_on(target, 0), 0);
    uint32_t above = walk_to(view, "");
    CHECK_EQ(stat_at(view, "below", FS_WALK_MOUNT).mount, above);
    check_point(above, "/", below);
    check_table("test /two tmpfs rw,relatime 0 0\ntest /two tmpfs rw,relatime 0 0\n");
    CHECK_EQ(mount_on(target, 0), ERR_BUSY);
    close_good(target);
    CHECK_EQ(unmount_number(above, 0), 0);
    (void)stat_at(view, "below", FS_WALK_DONE);
    close_good(view);
    CHECK_EQ(unmount_number(below, 0), 0);
}

// ---- another file server

static void proc_mounted(uint32_t round) {
    uint32_t number = mounted("three", &(struct mounting){.type = "proc", .shown = "processes"});
    handle_t view = root_of(number);
    (void)round;
    check_table("processes /three proc rw,relatime 0 0\n");
    check_proc_file(view, "filesystems", "nodev\ttmpfs\nnodev\tproc\n");
    CHECK_EQ(stat_at(view, "sys/../..", FS_WALK_UP).mount, number);
    check_point(number, "/three", 0);
    handle_t target = open_good(view, "sys", FS_OPEN_PATH);
    CHECK_EQ(mount_on(target, 0), ERR_NOT_SUPPORTED);
    close_good(target);
    CHECK_EQ(unmount_number(number, 0), 0);
    close_good(view);
    check_gone(number);
    // Seen from two places.
    number = mounted("three", &(struct mounting){.type = "proc", .flags = FS_MOUNT_NO_SUID});
    view = root_of(number);
    uint32_t bound = mounted("one", &(struct mounting){.source = view, .what = VFS_MOUNT_BIND});
    check_table("test /three proc rw,nosuid,relatime 0 0\ntest /one proc rw,nosuid,relatime 0 0\n");
    handle_t other = root_of(bound), file = open_good(other, "version", FS_OPEN_READ);
    target = open_good(other, "", FS_OPEN_PATH);
    CHECK_EQ(remount(target, FS_MOUNT_READ_ONLY), 0);
    CHECK_EQ(unmount(target, 0), ERR_BUSY);
    close_good(file);
    CHECK_EQ(unmount(target, 0), 0);
    close_good(target);
    close_good(other);
    close_good(view);
    CHECK_EQ(unmount_number(number, 0), 0);
    (void)stat_at(root(), "three", FS_WALK_DONE);
    check_table("%s", "");
}

// ---- what is refused

static int64_t mount_window(handle_t target, const void *window, size_t bytes,
                            const uint32_t lengths[3]) {
    const struct vfs_mount_request request = {
        .type_bytes = lengths[0], .source_bytes = lengths[1], .data_bytes = lengths[2]};
    const handle_t handles[2] = {target, target};
    return vfs_mount(service_channel(VFSD), &request, window, bytes, handles, INSTANT_NEVER);
}

static void texts_refused(uint32_t round) {
    char text[PATH_BYTES];
    handle_t target = place("one");
    (void)round;
    memset(text, 'x', sizeof(text));
    memcpy(text, "tmpfs", 5);
    CHECK_EQ(mount(&(struct mounting){.target = target, .type = "ext4"}), ERR_NO_SUCH_CALL);
    CHECK_EQ(mount(&(struct mounting){.target = target, .type = ""}), ERR_NO_SUCH_CALL);
    CHECK_EQ(mount_window(target, text, 80, (uint32_t[3]){16, 0, 0}), ERR_INVALID_ARGUMENT);
    CHECK_EQ(mount_window(target, text, 80, (uint32_t[3]){5, 64, 0}), ERR_INVALID_ARGUMENT);
    CHECK_EQ(mount_window(target, text, 80, (uint32_t[3]){5, 63, 13}), ERR_INVALID_ARGUMENT);
    CHECK_EQ(mount_window(target, text, 8, (uint32_t[3]){5, 4, 0}), ERR_INVALID_ARGUMENT);
    CHECK_EQ(mount_window(target, text, 8, (uint32_t[3]){UINT32_MAX, 9, 0}), ERR_INVALID_ARGUMENT);
    CHECK_EQ(mount_window(target, text, 5, (uint32_t[3]){5, 0, UINT32_MAX}), ERR_INVALID_ARGUMENT);
    CHECK_EQ(mount_window(target, NO_MEMORY_THERE, 9, (uint32_t[3]){5, 4, 0}), ERR_FAULT);
    CHECK_EQ(mount_window(target, NULL, 0, (uint32_t[3]){0, 0, 0}), ERR_NO_SUCH_CALL);
    close_good(target);
    check_table("%s", "");
}

static void handles_refused(uint32_t round) {
    handle_t strange = service_channel(VFSD), target = place("one"), gone;
    (void)round;
    CHECK_EQ(mount_on(strange, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(bind(target, strange), ERR_INVALID_ARGUMENT);
    CHECK_EQ(remount(strange, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(unmount(strange, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(unmount(strange, 1), ERR_INVALID_ARGUMENT);
    CHECK_EQ(unmount(target, 0), ERR_INVALID_ARGUMENT);
    close_good(target);
    target = place("");
    CHECK_EQ(unmount(target, 0), ERR_BUSY);
    CHECK_EQ(unmount(target, 1), ERR_BUSY);
    close_good(target);
    target = place("one");
    check_gone(0); // the first has no root to give, and covers nothing
    check_gone(UINT32_MAX);
    // Of what was removed.
    CHECK_EQ(make_folder(root(), "gone"), FS_WALK_DONE);
    gone = place("gone");
    CHECK_EQ(remove_at(root(), "gone", true), FS_WALK_DONE);
    CHECK_EQ(mount_on(gone, 0), ERR_NOT_FOUND);
    CHECK_EQ(bind(target, gone), ERR_NOT_FOUND);
    close_good(gone);
    // Of what is covered already: by a description from before.
    uint32_t number = tmpfs_on("one", 0);
    CHECK_EQ(mount_on(target, 0), ERR_BUSY);
    CHECK_EQ(bind(target, target), ERR_BUSY);
    CHECK_EQ(unmount(target, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(remove_at(root(), "one", true), ERR_BUSY);
    CHECK_EQ(unmount_number(number, 0), 0);
    close_good(target);
    check_table("%s", "");
}

static uint32_t users_mount;

static void user_tries(void *argument) {
    handle_t view = root_of(users_mount), target = open_good(view, "", FS_OPEN_PATH);
    (void)argument;
    check_point(users_mount, "/one", 0);
    CHECK_EQ(mount_on(target, 0), ERR_NOT_PERMITTED);
    CHECK_EQ(remount(target, 0), ERR_NOT_PERMITTED);
    CHECK_EQ(bind(target, target), ERR_NOT_PERMITTED);
    CHECK_EQ(unmount(target, 0), ERR_NOT_PERMITTED);
    CHECK_EQ(unmount(target, 1), ERR_NOT_PERMITTED);
    check_gone(users_mount + 1);
    close_good(target);
    close_good(view);
}

static void users_refused(uint32_t round) {
    users_mount = tmpfs_on("one", 0);
    as_user(USER + round, 1, user_tries);
    check_table("test /one tmpfs rw,relatime 0 0\n");
    CHECK_EQ(unmount_number(users_mount, 0), 0);
}

// ---- locks: for tmpfsd

static int64_t lock(handle_t file, uint32_t kind, uint32_t type, uint64_t start, uint64_t end) {
    const struct fs_lock_request request = {
        .start = start, .end = end, .kind = kind, .type = type, .pid = 7};
    return fs_lock(file, &request, INSTANT_NEVER);
}

static void check_lock(handle_t file, uint64_t at, uint32_t type, uint64_t start, uint64_t end) {
    const struct fs_lock_test_request request = {
        .start = at, .end = at, .kind = FS_LOCK_DESCRIPTION, .type = FS_LOCK_WRITE};
    struct fs_lock_test_reply reply;
    CHECK_EQ(fs_lock_test(file, &request, &reply, INSTANT_NEVER), OK);
    CHECK_EQ(reply.type, type);
    CHECK_EQ(reply.start, start);
    CHECK_EQ(reply.end, end);
}

// Locks are records like others: what was granted is granted, and once.
static void locks(uint32_t round) {
    const uint32_t own = FS_LOCK_DESCRIPTION, flags = FS_OPEN_READ | FS_OPEN_WRITE;
    uint64_t more = round;
    handle_t one = open_good(root(), "locked", flags | FS_OPEN_CREATE);
    handle_t two = open_good(root(), "locked", flags);
    CHECK_EQ(lock(one, own, FS_LOCK_WRITE, 0, 99 + more), OK);
    CHECK_EQ(lock(one, own, FS_LOCK_READ, 40, 59 + more), OK);
    CHECK_EQ(lock(one, own, FS_LOCK_NONE, 45, 49 + more), OK);
    check_lock(two, 10, FS_LOCK_WRITE, 0, 39);
    check_lock(two, 44, FS_LOCK_READ, 40, 44);
    check_lock(two, 47, FS_LOCK_NONE, 0, 0);
    check_lock(two, 55 + more, FS_LOCK_READ, 50 + more, 59 + more);
    check_lock(two, 99 + more, FS_LOCK_WRITE, 60 + more, 99 + more);
    CHECK_EQ(lock(two, own, FS_LOCK_WRITE, 44, 44), ERR_WOULD_BLOCK);
    CHECK_EQ(lock(two, own, FS_LOCK_READ, 40, 59 + more), OK);
    CHECK_EQ(lock(one, own, FS_LOCK_WRITE, 0, 44), ERR_WOULD_BLOCK);
    CHECK_EQ(lock(two, FS_LOCK_PROCESS, FS_LOCK_WRITE, 45, 49 + more), ERR_WOULD_BLOCK);
    CHECK_EQ(lock(two, FS_LOCK_PROCESS, FS_LOCK_WRITE, 200, UINT64_MAX), OK);
    check_lock(one, 1000, FS_LOCK_WRITE, 200, UINT64_MAX);
    CHECK_EQ(lock(one, FS_LOCK_PROCESS, FS_LOCK_NONE, 0, UINT64_MAX), OK);
    CHECK_EQ(lock(one, FS_LOCK_FLOCK, FS_LOCK_WRITE, 0, UINT64_MAX), OK);
    CHECK_EQ(lock(two, FS_LOCK_FLOCK, FS_LOCK_READ, 0, UINT64_MAX), ERR_WOULD_BLOCK);
    close_good(one); // all of its own end
    check_lock(two, 10, FS_LOCK_NONE, 0, 0);
    CHECK_EQ(lock(two, FS_LOCK_FLOCK, FS_LOCK_WRITE, 0, UINT64_MAX), OK);
    close_good(two);
    CHECK_EQ(remove_at(root(), "locked", false), FS_WALK_DONE);
}

const struct act acts[] = {
    {"mount and end", mount_and_end},
    {"end lazily", end_lazily},
    {"options taken", options_taken},
    {"options refused", options_refused},
    {"flags change", flags_change},
    {"flags refused", flags_refused},
    {"bind a folder", bind_folder},
    {"bind a file", bind_file},
    {"one in the other", one_in_the_other},
    {"one over the other", one_over_the_other},
    {"proc", proc_mounted},
    {"texts refused", texts_refused},
    {"handles refused", handles_refused},
    {"users refused", users_refused},
    {"locks", locks},
    {"pipes refused", pipes_refused},
    {"ends of a pipe", pipe_ends},
};
const uint32_t act_count = sizeof(acts) / sizeof(acts[0]);
