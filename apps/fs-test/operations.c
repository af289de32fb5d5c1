// SPDX-License-Identifier: MIT
//
// What the script (lib/fstest) does not reach: who may do what, limits, windows that are no memory,
// arguments that make no sense, descriptions of their own kind.

#include "main.h"

#include <abi/libos.h>
#include <abi/status.h>
#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>

#define NEVER INSTANT_NEVER
#define HOME "operations"
#define INODES 4096        // what tmpfsd has at least
#define DESCRIPTIONS 16384 // and by default
#define USER 1000u
#define GROUP 100u

static char out[8192]; // of the calling thread: one at a time calls

// ---- calls relative to the root, in one line each

static int64_t open_it(const char *path, uint32_t flags, uint32_t mode, handle_t *handle,
                       struct fs_open_reply *reply) {
    struct fs_open_request request = {.flags = flags, .mode = mode};
    handle_t handles[1] = {HANDLE_NONE};
    int64_t result = fs_open(files_root(), &request, path, strlen(path), reply, out, sizeof(out),
                             handles, NEVER);
    *handle = handles[0];
    return result;
}

// Opens and closes.
static int64_t try_open(const char *path, uint32_t flags, uint32_t mode) {
    struct fs_open_reply reply;
    handle_t handle;
    int64_t result = open_it(path, flags, mode, &handle, &reply);
    if (result >= 0) {
        (void)!sys_handle_close(handle);
    }
    return result;
}

static int64_t make(uint32_t type, const char *path, uint32_t mode, const char *target) {
    struct fs_make_request request = {
        .type = type, .mode = mode, .path_bytes = (uint32_t)strlen(path)};
    struct fs_make_reply reply;
    char both[512];
    (void)text_copy(both, sizeof(both), path);
    (void)text_copy(both + request.path_bytes, sizeof(both) - request.path_bytes, target);
    return fs_make(files_root(), &request, both, strlen(both), &reply, out, sizeof(out), NEVER);
}

static int64_t make_directory(const char *path, uint32_t mode) {
    return make(FS_TYPE_DIRECTORY, path, mode, "");
}

static int64_t remove_it(const char *path, bool directory) {
    struct fs_remove_request request = {.directory = directory};
    struct fs_remove_reply reply;
    return fs_remove(files_root(), &request, path, strlen(path), &reply, out, sizeof(out), NEVER);
}

static int64_t set(const char *path, const struct fs_set_request *request) {
    struct fs_set_reply reply;
    return fs_set(files_root(), request, path, strlen(path), &reply, out, sizeof(out), NEVER);
}

static int64_t set_mode(const char *path, uint32_t mode) {
    return set(path, &(struct fs_set_request){.what = FS_SET_MODE, .mode = mode});
}

static int64_t give(const char *path, uint32_t uid, uint32_t gid) {
    return set(path,
               &(struct fs_set_request){.what = FS_SET_UID | FS_SET_GID, .uid = uid, .gid = gid});
}

static struct fs_attributes stat_it(const char *path, int64_t wanted) {
    struct fs_stat_request request = {.flags = FS_FIND_NO_FOLLOW};
    struct fs_stat_reply reply = {0};
    CHECK_EQ(fs_stat(files_root(), &request, path, strlen(path), &reply, out, sizeof(out), NEVER),
             wanted);
    return reply.attributes;
}

static int64_t rename_it(const char *old, const char *new, uint32_t flags) {
    struct fs_open_reply reply;
    handle_t root;
    char both[512];
    CHECK_EQ(open_it("", FS_OPEN_PATH, 0, &root, &reply), OK);
    struct fs_rename_request request = {
        .secret = reply.secret, .flags = flags, .path_bytes = (uint32_t)strlen(old)};
    struct fs_rename_reply answer;
    (void)text_copy(both, sizeof(both), old);
    (void)text_copy(both + request.path_bytes, sizeof(both) - request.path_bytes, new);
    int64_t result =
        fs_rename(root, &request, both, strlen(both), &answer, out, sizeof(out), NEVER);
    (void)!sys_handle_close(root);
    return result;
}

// ---- identities

static void begin(void) {
    CHECK_EQ(make_directory(HOME, 0777), OK);
    CHECK_EQ(set_mode(HOME, 0777), OK);
}

static void end(void) {
    CHECK_EQ(remove_it(HOME, true), OK);
}

static void user_meets_modes(void *argument) {
    (void)argument;
    CHECK_EQ(try_open(HOME "/secret", FS_OPEN_READ, 0), ERR_FORBIDDEN);
    CHECK_EQ(try_open(HOME "/secret", FS_OPEN_PATH, 0), OK);
    CHECK_EQ(try_open(HOME "/readable", FS_OPEN_READ, 0), OK);
    CHECK_EQ(try_open(HOME "/readable", FS_OPEN_READ | FS_OPEN_WRITE, 0), ERR_FORBIDDEN);
    CHECK_EQ(try_open(HOME "/readable", FS_OPEN_READ | FS_OPEN_TRUNCATE, 0), ERR_FORBIDDEN);
    CHECK_EQ(try_open(HOME "/readable", FS_OPEN_READ | FS_OPEN_EXECUTE, 0), ERR_FORBIDDEN);
    CHECK_EQ(try_open(HOME "/closed/x", FS_OPEN_READ, 0), ERR_FORBIDDEN);
    CHECK_EQ(try_open(HOME "/fixed/new", FS_OPEN_WRITE | FS_OPEN_CREATE, 0644), ERR_FORBIDDEN);
    CHECK_EQ(make_directory(HOME "/fixed/new", 0755), ERR_FORBIDDEN);
    CHECK_EQ(remove_it(HOME "/fixed/x", false), ERR_FORBIDDEN);
    CHECK_EQ(rename_it(HOME "/fixed/x", HOME "/x", 0), ERR_FORBIDDEN);
    CHECK_EQ(set_mode(HOME "/readable", 0777), ERR_NOT_PERMITTED);
    CHECK_EQ(give(HOME "/readable", USER, GROUP), ERR_NOT_PERMITTED);
    CHECK_EQ(set(HOME "/readable", &(struct fs_set_request){.what = FS_SET_SIZE}), ERR_FORBIDDEN);
    CHECK_EQ(set(HOME "/readable", &(struct fs_set_request){.what = FS_SET_MODIFIED}),
             ERR_NOT_PERMITTED);
    CHECK_EQ(set(HOME "/readable", &(struct fs_set_request){.what = FS_SET_MODIFIED_NOW}),
             ERR_FORBIDDEN);
    CHECK_EQ(make(FS_TYPE_CHARACTER, HOME "/device", 0666, ""), ERR_NOT_PERMITTED);
    // What is made is the maker's.
    CHECK_EQ(try_open(HOME "/mine", FS_OPEN_WRITE | FS_OPEN_CREATE, 0600), OK);
    struct fs_attributes mine = stat_it(HOME "/mine", OK);
    CHECK_EQ(mine.uid, USER);
    CHECK_EQ(mine.gid, GROUP);
    CHECK_EQ(set_mode(HOME "/mine", 0640), OK);
    CHECK_EQ(give(HOME "/mine", 0, GROUP), ERR_NOT_PERMITTED);
    CHECK_EQ(remove_it(HOME "/mine", false), OK);
}

TEST(fs_users_meet_modes) {
    begin();
    CHECK_EQ(try_open(HOME "/secret", FS_OPEN_WRITE | FS_OPEN_CREATE, 0600), OK);
    CHECK_EQ(try_open(HOME "/readable", FS_OPEN_WRITE | FS_OPEN_CREATE, 0644), OK);
    CHECK_EQ(make_directory(HOME "/closed", 0700), OK);
    CHECK_EQ(make_directory(HOME "/fixed", 0755), OK);
    CHECK_EQ(try_open(HOME "/fixed/x", FS_OPEN_WRITE | FS_OPEN_CREATE, 0644), OK);
    as_user(USER, GROUP, user_meets_modes);
    // Root may do all, but does not run what nobody may run.
    CHECK_EQ(try_open(HOME "/secret", FS_OPEN_READ | FS_OPEN_WRITE, 0), OK);
    CHECK_EQ(try_open(HOME "/secret", FS_OPEN_READ | FS_OPEN_EXECUTE, 0), ERR_FORBIDDEN);
    CHECK_EQ(remove_it(HOME "/secret", false), OK);
    CHECK_EQ(remove_it(HOME "/readable", false), OK);
    CHECK_EQ(remove_it(HOME "/closed", true), OK);
    CHECK_EQ(remove_it(HOME "/fixed/x", false), OK);
    CHECK_EQ(remove_it(HOME "/fixed", true), OK);
    end();
}

static void user_meets_sticky(void *argument) {
    (void)argument;
    CHECK_EQ(remove_it(HOME "/shared/root", false), ERR_NOT_PERMITTED);
    CHECK_EQ(rename_it(HOME "/shared/root", HOME "/shared/x", 0), ERR_NOT_PERMITTED);
    CHECK_EQ(try_open(HOME "/shared/mine", FS_OPEN_WRITE | FS_OPEN_CREATE, 0644), OK);
    CHECK_EQ(rename_it(HOME "/shared/mine", HOME "/shared/root", 0), ERR_NOT_PERMITTED);
    CHECK_EQ(rename_it(HOME "/shared/mine", HOME "/shared/still", 0), OK);
    CHECK_EQ(remove_it(HOME "/shared/still", false), OK);
}

TEST(fs_sticky_directories_keep_what_is_anothers) {
    begin();
    CHECK_EQ(make_directory(HOME "/shared", 01777), OK);
    CHECK_EQ(try_open(HOME "/shared/root", FS_OPEN_WRITE | FS_OPEN_CREATE, 0666), OK);
    as_user(USER, GROUP, user_meets_sticky);
    CHECK_EQ(remove_it(HOME "/shared/root", false), OK);
    CHECK_EQ(remove_it(HOME "/shared", true), OK);
    end();
}

static void user_writes(void *argument) {
    struct fs_open_reply reply;
    struct fs_write_request request = {.size = 1};
    struct fs_write_reply written;
    handle_t file;
    (void)argument;
    REQUIRE_EQ(open_it(HOME "/set", FS_OPEN_WRITE, 0, &file, &reply), OK);
    CHECK_EQ(fs_write(file, &request, "x", 1, &written, NEVER), 1);
    (void)!sys_handle_close(file);
}

TEST(fs_special_rights_are_lost_and_inherited) {
    begin();
    CHECK_EQ(try_open(HOME "/set", FS_OPEN_WRITE | FS_OPEN_CREATE, 0777), OK);
    CHECK_EQ(set_mode(HOME "/set", 06777), OK);
    as_user(USER, GROUP, user_writes);
    CHECK_EQ(stat_it(HOME "/set", OK).mode & 07777, 0777);
    CHECK_EQ(set_mode(HOME "/set", 04755), OK);
    CHECK_EQ(give(HOME "/set", USER, GROUP), OK);
    CHECK_EQ(stat_it(HOME "/set", OK).mode & 07777, 0755);
    CHECK_EQ(make_directory(HOME "/group", 0777), OK);
    CHECK_EQ(give(HOME "/group", 0, 77), OK);
    CHECK_EQ(set_mode(HOME "/group", 02777), OK);
    CHECK_EQ(make_directory(HOME "/group/x", 0755), OK);
    CHECK_EQ(stat_it(HOME "/group/x", OK).gid, 77);
    CHECK_EQ(stat_it(HOME "/group/x", OK).mode & 07777, 02755);
    CHECK_EQ(remove_it(HOME "/group/x", true), OK);
    CHECK_EQ(remove_it(HOME "/group", true), OK);
    CHECK_EQ(remove_it(HOME "/set", false), OK);
    end();
}

// ---- arguments and windows

TEST(fs_refuses_what_makes_no_sense) {
    struct fs_open_reply reply;
    handle_t file;
    char name[4200];
    CHECK_EQ(try_open("x", 1u << 30, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(try_open("x", FS_OPEN_CREATE | FS_OPEN_DIRECTORY, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(try_open("tmp", FS_OPEN_TEMPORARY | FS_OPEN_READ, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(make(99, "x", 0, ""), ERR_INVALID_ARGUMENT);
    CHECK_EQ(make(FS_TYPE_SOCKET, "x", 0, ""), ERR_INVALID_ARGUMENT);
    CHECK_EQ(make(FS_TYPE_FIFO, "x", 0, "target"), ERR_INVALID_ARGUMENT);
    CHECK_EQ(make(FS_TYPE_LINK, "x", 0, ""), ERR_NOT_FOUND);
    CHECK_EQ(make_directory("/", 0), ERR_ALREADY_EXISTS);
    CHECK_EQ(remove_it("/", true), ERR_BUSY);
    CHECK_EQ(remove_it("tmp/.", true), ERR_INVALID_ARGUMENT);
    CHECK_EQ(rename_it("tmp", "y", 1u << 9), ERR_INVALID_ARGUMENT);
    CHECK_EQ(set("tmp", &(struct fs_set_request){.what = 1u << 20}), ERR_INVALID_ARGUMENT);
    memset(name, 'n', sizeof(name));
    name[300] = '\0';
    CHECK_EQ(try_open(name, FS_OPEN_READ, 0), ERR_NAME_TOO_LONG);
    // Not opened for it.
    REQUIRE_EQ(open_it("etc/passwd", FS_OPEN_READ, 0, &file, &reply), OK);
    struct fs_write_request write = {.size = 1};
    struct fs_write_reply written;
    CHECK_EQ(fs_write(file, &write, "x", 1, &written, NEVER), ERR_FORBIDDEN);
    struct fs_list_request list = {0};
    struct fs_list_reply listed;
    CHECK_EQ(fs_list(file, &list, &listed, out, sizeof(out), NEVER), ERR_NOT_DIRECTORY);
    // Windows that are no memory.
    struct fs_read_request read = {.size = 100};
    CHECK_EQ(fs_read(file, &read, (void *)0x1000, 100, NEVER), ERR_FAULT);
    struct fs_open_request open = {.flags = FS_OPEN_READ};
    handle_t none[1];
    // A shorter path would be copied into the message, by us.
    CHECK_EQ(fs_open(file, &open, (const void *)0x1000, INLINE_MAX + 1, &reply, out, sizeof(out),
                     none, NEVER),
             ERR_FAULT);
    (void)!sys_handle_close(file);
    REQUIRE_EQ(open_it("/", FS_OPEN_READ, 0, &file, &reply), OK);
    CHECK_EQ(fs_list(file, &list, &listed, out, 10, NEVER), ERR_BUFFER_TOO_SMALL);
    (void)!sys_handle_close(file);
}

TEST(fs_secrets_name_descriptions) {
    struct fs_rename_request request = {.secret = 1, .path_bytes = 3};
    struct fs_rename_reply reply;
    CHECK_EQ(fs_rename(files_root(), &request, "tmpxyz", 6, &reply, out, sizeof(out), NEVER),
             ERR_CROSS_DEVICE);
    struct fs_link_request link = {.secret = UINT64_MAX, .path_bytes = 3};
    struct fs_link_reply linked;
    CHECK_EQ(fs_link(files_root(), &link, "tmpxyz", 6, &linked, out, sizeof(out), NEVER),
             ERR_CROSS_DEVICE);
}

// ---- files of their own kind

TEST(fs_temporary_files_get_names) {
    struct fs_open_reply file, folder;
    handle_t temporary, target;
    uint32_t flags = FS_OPEN_READ | FS_OPEN_WRITE | FS_OPEN_TEMPORARY;
    struct fs_link_request link = {0};
    struct fs_link_reply linked;
    begin();
    REQUIRE_EQ(open_it(HOME, FS_OPEN_READ, 0, &target, &folder), OK);
    link.secret = folder.secret;
    REQUIRE_EQ(open_it(HOME, flags, 0600, &temporary, &file), OK);
    CHECK_EQ(file.attributes.links, 0);
    CHECK_EQ(fs_link(temporary, &link, "named", 5, &linked, out, sizeof(out), NEVER), OK);
    CHECK_EQ(stat_it(HOME "/named", OK).inode, file.attributes.inode);
    (void)!sys_handle_close(temporary);
    REQUIRE_EQ(open_it(HOME, flags | FS_OPEN_EXCLUSIVE, 0600, &temporary, &file), OK);
    CHECK_EQ(fs_link(temporary, &link, "other", 5, &linked, out, sizeof(out), NEVER),
             ERR_NOT_FOUND);
    (void)!sys_handle_close(temporary);
    (void)!sys_handle_close(target);
    CHECK_EQ(remove_it(HOME "/named", false), OK);
    end();
}

TEST(fs_roots_are_not_left) {
    struct fs_open_reply reply;
    handle_t cage;
    begin();
    CHECK_EQ(make(FS_TYPE_LINK, HOME "/up", 0, "/../../etc"), OK);
    REQUIRE_EQ(open_it(HOME, FS_OPEN_PATH | FS_OPEN_ROOT, 0, &cage, &reply), OK);
    static const char *const paths[] = {"/etc", "../etc", "/../../etc", "up"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct fs_stat_request request = {0};
        struct fs_stat_reply found;
        CHECK_EQ(
            fs_stat(cage, &request, paths[i], strlen(paths[i]), &found, out, sizeof(out), NEVER),
            ERR_NOT_FOUND);
    }
    struct fs_place_reply place = {0};
    CHECK_EQ(fs_place(cage, &place, out, 4096, NEVER), OK);
    CHECK_EQ(place.bytes, 1);
    (void)!sys_handle_close(cage);
    CHECK_EQ(remove_it(HOME "/up", false), OK);
    end();
}

// ---- limits

TEST(fs_limits_are_told_and_left_again) {
    static handle_t handles[DESCRIPTIONS + 1];
    struct fs_open_reply reply;
    uint32_t count = 0;
    int64_t result = OK;
    while (count <= DESCRIPTIONS &&
           (result = open_it("etc", FS_OPEN_PATH, 0, &handles[count], &reply)) == OK) {
        count++;
    }
    CHECK_EQ(result, ERR_LIMIT);
    CHECK_EQ(count, DESCRIPTIONS);
    for (uint32_t i = 0; i < count; i++) {
        (void)!sys_handle_close(handles[i]);
    }
    CHECK_EQ(try_open("etc", FS_OPEN_PATH, 0), OK);
    struct fs_space_reply before, after;
    CHECK_EQ(fs_space(files_root(), &before, NEVER), OK);
    CHECK_EQ(before.files, INODES);
    begin();
    char name[] = HOME "/0000";
    for (count = 0, result = OK; result == OK && count <= INODES; count++) {
        for (uint32_t i = 0, rest = count; i < 4; i++, rest /= 10) {
            name[sizeof(name) - 2 - i] = (char)('0' + rest % 10);
        }
        result = make(FS_TYPE_FIFO, name, 0600, "");
    }
    CHECK_EQ(result, ERR_NO_SPACE);
    CHECK_EQ(count, before.files_free);
    CHECK_EQ(try_open(HOME "/one-more", FS_OPEN_WRITE | FS_OPEN_CREATE, 0600), ERR_NO_SPACE);
    while (--count > 0) {
        for (uint32_t i = 0, rest = count - 1; i < 4; i++, rest /= 10) {
            name[sizeof(name) - 2 - i] = (char)('0' + rest % 10);
        }
        CHECK_EQ(remove_it(name, false), OK);
    }
    end();
    CHECK_EQ(fs_space(files_root(), &after, NEVER), OK);
    CHECK_EQ(after.files_free, before.files_free);
}
