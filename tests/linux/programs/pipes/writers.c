// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run: 4 300
//
// Several writers into one pipe: what is at most PIPE_BUF long is never mixed with another's.

#include "child.h"

#define RECORD 511

int main(int argc, char **argv) {
    int writers = argc > 1 ? atoi(argv[1]) : 2, records = argc > 2 ? atoi(argv[2]) : 10;
    int ends[2];
    (void)!pipe(ends);
    for (int i = 0; i < writers; i++) {
        if (fork() == 0) {
            char record[RECORD];
            memset(record, 'a' + i, sizeof(record));
            for (int n = 0; n < records; n++) {
                if (write(ends[1], record, sizeof(record)) != sizeof(record)) {
                    _exit(1);
                }
            }
            _exit(0);
        }
    }
    close(ends[1]);
    int counts[26] = {0}, mixed = 0;
    char record[RECORD];
    size_t have = 0;
    ssize_t count;
    while ((count = read(ends[0], record + have, sizeof(record) - have)) > 0) {
        have += (size_t)count;
        if (have < sizeof(record)) {
            continue;
        }
        have = 0;
        for (int i = 1; i < RECORD; i++) {
            mixed += record[i] != record[0];
        }
        counts[record[0] - 'a']++;
    }
    for (int i = 0; i < writers; i++) {
        say("writer %d: %d records\n", i, counts[i]);
    }
    say("mixed %d, left over %zu\n", mixed, have);
    int status, failed = 0;
    while (wait(&status) > 0) {
        failed += status != 0;
    }
    return failed;
}
