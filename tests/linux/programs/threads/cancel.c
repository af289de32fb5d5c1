// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Cancellation: it ends a thread in a call that waits, runs what it has pushed, and waits where it
// is switched off.

#include "report.h"

#include <pthread.h>
#include <time.h>

static int ends[2];

static void on_cleanup(void *name) {
    say("cleanup: %s\n", (const char *)name);
}

static void *read_for_ever(void *argument) {
    char byte;
    pthread_cleanup_push(on_cleanup, "outer");
    pthread_cleanup_push(on_cleanup, "inner");
    (void)!read(ends[0], &byte, 1);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return argument;
}

static void *sleep_for_ever(void *argument) {
    struct timespec time = {1000, 0};
    pthread_cleanup_push(on_cleanup, "sleeper");
    nanosleep(&time, NULL);
    pthread_cleanup_pop(0);
    return argument;
}

static void *not_now(void *argument) {
    int old;
    char byte;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    (void)!read(ends[0], &byte, 1);
    say("read [%c] though cancelled\n", byte);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    pthread_testcancel();
    return argument;
}

static void end(pthread_t thread, const char *what) {
    void *result;
    pthread_join(thread, &result);
    say("%s: %s\n", what, result == PTHREAD_CANCELED ? "cancelled" : "ended");
}

static void end_cancelled(pthread_t thread, const char *what) {
    int error = pthread_cancel(thread);
    end(thread, what);
    say("cancel: %d\n", error);
}

int main(void) {
    pthread_t thread;
    struct timespec time = {0, 50000000};
    (void)!pipe(ends);
    pthread_create(&thread, NULL, read_for_ever, NULL);
    nanosleep(&time, NULL);
    end_cancelled(thread, "reader");
    pthread_create(&thread, NULL, sleep_for_ever, NULL);
    nanosleep(&time, NULL);
    end_cancelled(thread, "sleeper");
    pthread_create(&thread, NULL, not_now, NULL);
    nanosleep(&time, NULL);
    int error = pthread_cancel(thread);
    (void)!write(ends[1], "x", 1);
    end(thread, "not now");
    say("cancel: %d\n", error);
    return 0;
}
