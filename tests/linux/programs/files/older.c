// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Older and rarer forms of calls on files.

#include "scratch.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/vfs.h>

static void show_times(const char *name) {
    struct stat info;
    stat(name, &info);
    say("  %ld.%06ld %ld.%06ld\n", (long)info.st_atim.tv_sec, info.st_atim.tv_nsec / 1000,
        (long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec / 1000);
}

static void try_times(void) {
    long seconds[2] = {1111, 2222};
    report_raw("utime", raw(__NR_utime, "file", seconds));
    show_times("file");
    struct timeval times[2] = {{3333, 5}, {4444, 6}};
    report_raw("utimes", raw(__NR_utimes, "file", times));
    show_times("file");
    times[0].tv_sec = 5555;
    report_raw("futimesat", raw(__NR_futimesat, AT_FDCWD, "file", times));
    show_times("file");
    times[1].tv_usec = 1000000;
    report_raw("no such time", raw(__NR_utimes, "file", times));
    report_raw("of nothing", raw(__NR_utime, "missing", seconds));
    report_raw("to now", raw(__NR_utime, "file", 0));
}

static void try_systems(void) {
    struct statfs info;
    report("statfs", statfs(".", &info));
    check("a block size", info.f_bsize > 0);
    check("not more free than there is", info.f_bfree <= info.f_blocks);
    say("longest name %ld\n", (long)info.f_namelen);
    int fd = open("file", O_RDONLY);
    struct statfs same;
    report("fstatfs", fstatfs(fd, &same));
    check("the same", same.f_type == info.f_type && same.f_bsize == info.f_bsize);
    report("of nothing", statfs("missing", &info));
    report("proc", statfs("/proc", &info));
    say("type %lx\n", (unsigned long)info.f_type);
    report_raw("syncfs", raw(__NR_syncfs, fd));
    report_raw("sync", raw(__NR_sync));
    report_raw("advice", raw(__NR_fadvise64, fd, 0, 0, 2));
    report_raw("advice that there is not", raw(__NR_fadvise64, fd, 0, 0, 99));
    int ends[2];
    (void)!pipe(ends);
    report_raw("advice on a pipe", raw(__NR_fadvise64, ends[0], 0, 0, 0));
    close(fd);
}

static void try_vectors(void) {
    int fd = (int)raw(__NR_creat, "other", 0644);
    check("creat", fd >= 0);
    struct iovec parts[2] = {{"abc", 3}, {"defg", 4}};
    report_raw("pwritev2", raw(__NR_pwritev2, fd, parts, 2, 2, 0, 0));
    report_raw("at the place of the file", raw(__NR_pwritev2, fd, parts, 1, -1, -1, 0));
    close(fd);
    fd = open("other", O_RDONLY);
    char a[4] = "", b[20] = "";
    struct iovec into[2] = {{a, 3}, {b, 19}};
    report_raw("preadv2", raw(__NR_preadv2, fd, into, 2, 0, 0, 0));
    say("[%s] [%s]\n", a, b + strspn(b, "\001"));
    report_raw("unknown flags", raw(__NR_preadv2, fd, into, 2, 0, 0, 0x4000));
    close(fd);
    unlink("other");
}

int main(void) {
    scratch_enter("scratch-older");
    make_file("file", "text");
    try_times();
    try_systems();
    try_vectors();
    unlink("file");
    scratch_leave();
    return 0;
}
