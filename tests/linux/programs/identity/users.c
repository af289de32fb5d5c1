// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Changing user and group: what root may, what is left afterwards, what follows for files.

#include "child.h"
#include "scratch.h"

#include <pthread.h>
#include <sys/syscall.h>

static void show(void) {
    int u[3] = {-1, -1, -1}, g[3] = {-1, -1, -1};
    raw(__NR_getresuid, &u[0], &u[1], &u[2]);
    raw(__NR_getresgid, &g[0], &g[1], &g[2]);
    say("  users %d %d %d, groups %d %d %d\n", u[0], u[1], u[2], g[0], g[1], g[2]);
}

// Each in a process of its own, as most of it can't be taken back.
static void apart(const char *what, void (*work)(void)) {
    say("%s\n", what);
    pid_t pid = fork();
    if (pid == 0) {
        work();
        _exit(0);
    }
    await(what, pid);
}

static void by_setuid(void) {
    report_raw("setgid", raw(__NR_setgid, 50));
    report_raw("setuid", raw(__NR_setuid, 100));
    show();
    report_raw("back", raw(__NR_setuid, 0));
    report_raw("to itself", raw(__NR_setuid, 100));
    report_raw("another group", raw(__NR_setgid, 0));
    show();
}

static void by_pairs(void) {
    report_raw("setregid", raw(__NR_setregid, 20, 30));
    report_raw("setreuid", raw(__NR_setreuid, 10, 20));
    show();
    report_raw("exchange", raw(__NR_setreuid, 20, 10));
    show();
    report_raw("to another", raw(__NR_setreuid, 30, -1));
    report_raw("nothing", raw(__NR_setreuid, -1, -1));
    report_raw("groups too", raw(__NR_setregid, -1, 20));
    show();
}

static void by_threes(void) {
    report_raw("setresgid", raw(__NR_setresgid, 1, 2, 3));
    report_raw("setresuid", raw(__NR_setresuid, 1, 2, 3));
    show();
    report_raw("turn", raw(__NR_setresuid, 3, 1, 2));
    show();
    report_raw("to another", raw(__NR_setresuid, -1, 4, -1));
    report_raw("only one", raw(__NR_setresuid, -1, 3, -1));
    show();
}

static void by_files(void) {
    say("setfsuid %ld, then %ld\n", raw(__NR_setfsuid, 70), raw(__NR_setfsuid, -1));
    say("setfsgid %ld, then %ld\n", raw(__NR_setfsgid, 80), raw(__NR_setfsgid, -1));
    show();
}

static void by_list(void) {
    unsigned list[3] = {5, 6, 7}, found[8];
    report_raw("setgroups", raw(__NR_setgroups, 3, list));
    report_raw("how many", raw(__NR_getgroups, 0, 0));
    report_raw("too little room", raw(__NR_getgroups, 2, found));
    report_raw("all", raw(__NR_getgroups, 8, found));
    say("%u %u %u\n", found[0], found[1], found[2]);
    report_raw("a negative number", raw(__NR_getgroups, -1, found));
    report_raw("too many", raw(__NR_setgroups, 70000, list));
    report_raw("a bad address", raw(__NR_setgroups, 1, 16));
    raw(__NR_setuid, 100);
    report_raw("not any more", raw(__NR_setgroups, 0, list));
}

static void and_files(void) {
    make_file("secret", "of root");
    chmod("secret", 0600);
    make_file("common", "for all");
    chmod("common", 0666);
    mkdir("open", 01777);
    chmod("open", 01777);
    make_file("open/theirs", "");
    raw(__NR_setgid, 50);
    raw(__NR_setuid, 100);
    show_file("secret");
    show_file("common");
    report("chmod", chmod("common", 0600));
    report("chown", chown("common", 100, 50));
    report("unlink", unlink("common"));
    report("make", open("new", O_CREAT | O_WRONLY, 0644));
    make_file("open/mine", "");
    struct stat info;
    stat("open/mine", &info);
    say("mine: %u:%u\n", info.st_uid, info.st_gid);
    report("what is another's in a sticky folder", unlink("open/theirs"));
    report("what is mine", unlink("open/mine"));
    report("a signal to another's process", kill(getppid(), 0));
    report_raw("access by the real user", raw(__NR_access, "secret", R_OK));
}

// What supplementary groups open, and what they close.
static void by_groups(void) {
    unsigned list[2] = {66, 77};
    make_file("shared", "of the group");
    make_file("kept from", "all others");
    report("to the group", chown("shared", 0, 77) | chown("kept from", 0, 66));
    report("for the group", chmod("shared", 0640) | chmod("kept from", 0604));
    report_raw("setgroups", raw(__NR_setgroups, 2, list));
    report_raw("setgid", raw(__NR_setgid, 50));
    report_raw("setuid", raw(__NR_setuid, 100));
    show_file("shared");
    show_file("kept from");
    make_file("open/own", "");
    report("give it to a group of mine", chown("open/own", -1, 77));
    report("to another", chown("open/own", -1, 88));
    pid_t pid = fork();
    if (pid == 0) {
        show_file("shared");
        _exit(0);
    }
    await("a child", pid);
    unlink("open/own");
}

static pthread_barrier_t changed;

static void *other_thread(void *argument) {
    show_file("secret");
    pthread_barrier_wait(&changed);
    pthread_barrier_wait(&changed);
    show_file("secret");
    return argument;
}

// The users of all threads change, as C libraries see to it.
static void by_threads(void) {
    pthread_t other, late;
    make_file("secret", "of root");
    chmod("secret", 0600);
    pthread_barrier_init(&changed, NULL, 2);
    pthread_create(&other, NULL, other_thread, NULL);
    pthread_barrier_wait(&changed);
    report("setuid", setuid(100));
    show_file("secret");
    pthread_barrier_wait(&changed);
    pthread_join(other, NULL);
    pthread_barrier_init(&changed, NULL, 1);
    pthread_create(&late, NULL, other_thread, NULL);
    pthread_join(late, NULL);
}

int main(void) {
    scratch_enter("scratch-users");
    apart("setuid", by_setuid);
    apart("pairs", by_pairs);
    apart("threes", by_threes);
    apart("file users", by_files);
    apart("list", by_list);
    apart("files", and_files);
    apart("threads", by_threads);
    apart("groups", by_groups);
    unlink("shared");
    unlink("kept from");
    show();
    unlink("secret");
    unlink("common");
    unlink("open/theirs");
    rmdir("open");
    scratch_leave();
    return 0;
}
