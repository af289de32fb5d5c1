// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// What stat tells, and what changes it: modes, owners, times, sizes.

#include "scratch.h"

#include <sys/syscall.h>
#include <time.h>

static struct stat get(const char *name) {
    struct stat info = {0};
    if (lstat(name, &info)) {
        report(name, -1);
    }
    return info;
}

static void show(const char *name) {
    struct stat info = get(name);
    // How large a folder is differs between file systems.
    long size = S_ISDIR(info.st_mode) ? -1 : (long)info.st_size;
    say("%s: %o, %lu links, %u:%u, %ld bytes\n", name, (unsigned)info.st_mode,
        (unsigned long)info.st_nlink, info.st_uid, info.st_gid, size);
}

static bool before(struct timespec a, struct timespec b) {
    return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static void pause_a_little(void) {
    struct timespec time = {0, 20000000};
    nanosleep(&time, NULL);
}

static void try_identity(void) {
    struct stat a = get("file"), b, folder = get(".");
    int fd = open("file", O_RDONLY);
    fstat(fd, &b);
    close(fd);
    check("one file, one number", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
    check("another file, another number", folder.st_ino != a.st_ino);
    check("one device", folder.st_dev == a.st_dev);
    check("blocks fit the size", a.st_blocks >= 1 && a.st_blocks <= 16);
    say("block size %ld\n", (long)a.st_blksize);
    struct stat null = get("/dev/null");
    say("/dev/null: %o, device %x\n", (unsigned)null.st_mode, (unsigned)null.st_rdev);
}

static void try_modes(void) {
    report("chmod", chmod("file", 0604));
    show("file");
    report("all bits", chmod("file", 07777));
    show("file");
    int fd = open("file", O_RDONLY);
    report("by descriptor", fchmod(fd, 0600));
    close(fd);
    show("file");
    report("through a link", chmod("link", 0640));
    show("link");
    show("file");
    report("of nothing", chmod("missing", 0));
    report("owner", chown("file", 12, 34));
    show("file");
    report("group alone", chown("file", (uid_t)-1, 56));
    report("of the link itself", lchown("link", 78, 90));
    show("file");
    show("link");
    chmod("file", 06755);
    chown("file", 1, 1);
    show("file");
}

static void try_times(void) {
    struct stat first = get("file");
    pause_a_little();
    int fd = open("file", O_RDWR);
    (void)!write(fd, "x", 1);
    struct stat second = get("file");
    check("writing changes mtime and ctime",
          before(first.st_mtim, second.st_mtim) && before(first.st_ctim, second.st_ctim));
    pause_a_little();
    chmod("file", 0644);
    struct stat third = get("file");
    check("chmod changes ctime alone",
          !before(second.st_mtim, third.st_mtim) && before(second.st_ctim, third.st_ctim));
    struct timespec times[2] = {{1000, 5}, {2000, 7}};
    report("utimensat", utimensat(AT_FDCWD, "file", times, 0));
    struct stat set = get("file");
    say("%ld.%09ld %ld.%09ld\n", (long)set.st_atim.tv_sec, set.st_atim.tv_nsec,
        (long)set.st_mtim.tv_sec, set.st_mtim.tv_nsec);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    report("one of them, to now", futimens(fd, times));
    set = get("file");
    say("atime %ld\n", (long)set.st_atim.tv_sec);
    check("mtime is now", set.st_mtim.tv_sec > 1600000000);
    times[0].tv_nsec = 1000000000;
    report("no such time", futimens(fd, times));
    report("both to now", utimensat(AT_FDCWD, "file", NULL, 0));
    close(fd);
    struct stat folder = get(".");
    pause_a_little();
    make_file("new", "");
    check("a new name changes the folder", before(folder.st_mtim, get(".").st_mtim));
    unlink("new");
}

static void try_extended(void) {
    struct {
        uint32_t mask, block_size;
        uint64_t attributes;
        uint32_t links, uid, gid;
        uint16_t mode, pad;
        uint64_t inode, size, blocks, attributes_mask;
        uint64_t rest[24];
    } info;
    memset(&info, 0, sizeof(info));
    report_raw("statx", raw(__NR_statx, AT_FDCWD, "file", 0, 0x7ff, &info));
    say("mask %x, mode %o, %u links, %u:%u, %lu bytes\n", info.mask & 0x7ff, info.mode, info.links,
        info.uid, info.gid, (unsigned long)info.size);
    check("the same file", info.inode == get("file").st_ino);
    struct stat by_path;
    int fd = open("file", O_RDONLY);
    report("empty path", fstatat(fd, "", &by_path, AT_EMPTY_PATH));
    report("without the flag", fstatat(fd, "", &by_path, 0));
    report("unknown flag", fstatat(fd, "file", &by_path, 0x40000000));
    close(fd);
}

int main(void) {
    scratch_enter("scratch-status");
    make_file("file", "text");
    symlink("file", "link");
    show("file");
    show("link");
    show(".");
    try_identity();
    try_modes();
    try_times();
    try_extended();
    report("access to write", access("file", W_OK));
    report("to run", (chmod("file", 0644), access("file", X_OK)));
    report("to what is missing", access("missing", F_OK));
    report("with unknown bits", access("file", 64));
    say("umask %o", (unsigned)umask(077));
    say(" %o\n", (unsigned)umask(022));
    unlink("file");
    unlink("link");
    scratch_leave();
    return 0;
}
