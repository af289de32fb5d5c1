// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// A file that one process has read before, so that it may see it without asking, while others
// write, lengthen, cut and remove it: whatever a call has done is seen by all when it returns.

#include "child.h"
#include "scratch.h"

#include <sys/mman.h>

#define FILES 100
#define PAGE 4096

static char bytes[300000];

static void do_in_child(const char *what, void (*change)(void)) {
    pid_t pid = fork();
    if (pid == 0) {
        change();
        _exit(0);
    }
    await(what, pid);
}

// What the file looks like through an open descriptor.
static void show(int fd) {
    struct stat info;
    char text[16] = "";
    fstat(fd, &info);
    ssize_t got = pread(fd, text, 10, 0);
    say("  %ld bytes, end %ld, mode %o, %lu links, [%s] %zd\n", (long)info.st_size,
        (long)lseek(fd, 0, SEEK_END), (unsigned)info.st_mode, (unsigned long)info.st_nlink, text,
        got);
}

static void write_over(void) {
    int fd = open("file", O_WRONLY);
    (void)!write(fd, "ABC", 3);
}
static void append(void) {
    int fd = open("file", O_WRONLY | O_APPEND);
    (void)!write(fd, "more", 4);
}
static void cut(void) {
    (void)!truncate("file", 2);
}
static void lengthen(void) {
    (void)!truncate("file", 8);
}
static void grow(void) {
    int fd = open("file", O_WRONLY);
    memset(bytes, 'g', sizeof(bytes));
    (void)!pwrite(fd, bytes, sizeof(bytes), 10);
}
static void change_mode(void) {
    chmod("file", 0600);
    (void)!link("file", "second");
}
static void remove_all(void) {
    unlink("file");
    unlink("second");
}
static void empty(void) {
    close(open("file", O_WRONLY | O_TRUNC));
}

static void try_changes(void) {
    make_file("file", "0123456789");
    int fd = open("file", O_RDONLY);
    show(fd);
    show(fd);
    do_in_child("written over", write_over);
    show(fd);
    do_in_child("appended", append);
    show(fd);
    do_in_child("cut", cut);
    show(fd);
    report("read behind the end", pread(fd, bytes, 5, 7));
    do_in_child("longer", lengthen);
    show(fd);
    do_in_child("large", grow);
    show(fd);
    report("read far in", pread(fd, bytes, 10, 250000));
    say("  %.10s\n", bytes);
    report("read to the end", pread(fd, bytes, sizeof(bytes), 299000));
    do_in_child("mode and link", change_mode);
    show(fd);
    do_in_child("emptied", empty);
    show(fd);
    do_in_child("appended", append);
    show(fd);
    do_in_child("removed", remove_all);
    show(fd);
    close(fd);
}

// The place as /proc tells it.
static void show_place(int fd) {
    char name[40], text[80] = "";
    snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
    int info = open(name, O_RDONLY);
    (void)!read(info, text, sizeof(text) - 1);
    close(info);
    text[strcspn(text, "\n")] = '\0';
    say("%s\n", text);
}

// The place is one's own until somebody else gets the descriptor, by fork or exec.
static void try_places(const char *program) {
    make_file("file", "0123456789abcdefghijklmnopqrst");
    int fd = open("file", O_RDWR);
    char text[8] = "", name[24];
    for (int i = 0; i < 4; i++) {
        (void)!read(fd, text, 3);
    }
    say("read [%s], at %ld\n", text, (long)lseek(fd, 0, SEEK_CUR));
    show_place(fd);
    pid_t pid = fork();
    if (pid == 0) {
        (void)!read(fd, text, 3);
        say("child read [%s]\n", text);
        _exit(0);
    }
    await("child", pid);
    (void)!read(fd, text, 3);
    say("then the parent [%s], at %ld\n", text, (long)lseek(fd, 0, SEEK_CUR));
    show_place(fd);
    pid = fork();
    if (pid == 0) {
        int own = open("file", O_RDWR | O_APPEND);
        (void)!lseek(own, 4, SEEK_SET);
        snprintf(name, sizeof(name), "%d", own);
        char *const args[] = {(char *)program, name, NULL};
        execv(program, args);
        _exit(1);
    }
    await("exec", pid);
    show(fd);
    close(fd);
    unlink("file");
}

// After the exec: where its maker has left it.
static int after_exec(int fd) {
    char text[8] = "";
    (void)!read(fd, text, 3);
    (void)!read(fd, text, 3);
    say("after exec [%s]", text);
    (void)!write(fd, "!", 1);
    say(", at the end: %ld", (long)lseek(fd, 0, SEEK_CUR));
    report(", pwrite", pwrite(fd, "?", 1, 0)); // appends all the same
    say("at %ld\n", (long)lseek(fd, 0, SEEK_CUR));
    return 0;
}

// More files than anybody maps at a time.
static void try_many(void) {
    int fds[FILES], wrong = 0;
    char name[24], text[24];
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "many-%d", i);
        make_file(name, name);
        fds[i] = open(name, O_RDONLY);
    }
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < FILES; i++) {
            int which = round % 2 == 0 ? i : FILES - 1 - i;
            snprintf(name, sizeof(name), "many-%d", which);
            memset(text, 0, sizeof(text));
            ssize_t got = pread(fds[which], text, sizeof(text), 0);
            wrong += got != (ssize_t)strlen(name) || strcmp(text, name) != 0;
        }
    }
    say("many: %d wrong\n", wrong);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "many-%d", i);
        close(fds[i]);
        unlink(name);
    }
}

static void try_bad_memory(void) {
    char *memory = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open("long", O_RDWR | O_CREAT | O_TRUNC, 0644);
    memset(bytes, 'x', sizeof(bytes));
    (void)!write(fd, bytes, 20000);
    for (int i = 0; i < 3; i++) {
        (void)!pread(fd, bytes, 100, 0);
    }
    mprotect(memory + PAGE, PAGE, PROT_NONE);
    report("up to memory that is none", pread(fd, memory, 2 * PAGE, 0));
    report("into it", pread(fd, memory + PAGE, 100, 0));
    report("into it, at the end", pread(fd, memory + PAGE, 100, 20000));
    mprotect(memory, PAGE, PROT_READ);
    report("into memory to be read only", pread(fd, memory, 100, 0));
    munmap(memory, 3 * PAGE);
    close(fd);
    unlink("long");
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return after_exec(atoi(argv[1]));
    }
    char program[512];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[length > 0 ? length : 0] = '\0';
    scratch_enter("scratch-seen");
    try_changes();
    try_places(program);
    try_many();
    try_bad_memory();
    scratch_leave();
    return 0;
}
