// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Moving content without a buffer of one's own: sendfile, copy_file_range, splice; and room ahead.

#include "scratch.h"

#include <sys/sendfile.h>
#include <sys/syscall.h>

static void show(int fd) {
    char text[64];
    ssize_t count = pread(fd, text, sizeof(text), 0);
    say("  [%.*s] at %ld\n", count < 0 ? 0 : (int)count, text, (long)lseek(fd, 0, SEEK_CUR));
}

int main(void) {
    scratch_enter("scratch-copies");
    make_file("from", "0123456789");
    int from = open("from", O_RDWR), to = open("to", O_CREAT | O_RDWR, 0644);
    report("sendfile", sendfile(to, from, NULL, 4));
    show(to);
    off_t place = 7;
    report("from a place", sendfile(to, from, &place, 100));
    say("place %ld, own place %ld\n", (long)place, (long)lseek(from, 0, SEEK_CUR));
    show(to);
    report("at the end", sendfile(to, from, &place, 100));
    int ends[2];
    (void)!pipe(ends);
    lseek(from, 0, SEEK_SET);
    report("into a pipe", sendfile(ends[1], from, NULL, 100));
    report("out of a pipe", sendfile(to, ends[0], NULL, 10));
    long in_place = 2, out_place = 0;
    report_raw("copy_file_range", raw(__NR_copy_file_range, from, &in_place, to, &out_place, 3, 0));
    say("%ld %ld\n", in_place, out_place);
    show(to);
    report_raw("over itself", (in_place = 0, out_place = 2,
                               raw(__NR_copy_file_range, from, &in_place, from, &out_place, 5, 0)));
    report_raw("flags", raw(__NR_copy_file_range, from, 0, to, 0, 3, 1));
    report_raw("splice into a file", raw(__NR_splice, ends[0], 0, to, 0, 5, 0));
    show(to);
    report_raw("fallocate", raw(__NR_fallocate, to, 0, 0, 100));
    report("size", lseek(to, 0, SEEK_END));
    report_raw("without growing", raw(__NR_fallocate, to, 1, 0, 1000));
    report("size", lseek(to, 0, SEEK_END));
    report_raw("a hole", raw(__NR_fallocate, to, 3, 2, 3));
    char text[8];
    (void)!pread(to, text, 8, 0);
    say("%d %d %d %d\n", text[1], text[2], text[4], text[5]);
    report_raw("of no size", raw(__NR_fallocate, to, 0, 0, 0));
    report("sync", fsync(to));
    report("sync of data", fdatasync(to));
    report("sync of a pipe", fsync(ends[0]));
    unlink("from");
    unlink("to");
    scratch_leave();
    return 0;
}
