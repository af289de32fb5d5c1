// SPDX-License-Identifier: MIT

#include <heal/support.h>

#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/thread.h>

#define SETTLE_STEP MILLISECONDS(20)
#define SETTLE_LIMIT SECONDS(10)
#define PAGES_SLACK 8 // how deep stacks went, which buffers were touched

instant_t now(void) {
    return (instant_t)sys_clock_get();
}

void sleep_for(duration_t duration) {
    (void)!sys_thread_sleep(now() + duration, 0);
}

void as_user(uint32_t uid, uint32_t gid, void (*function)(void *argument)) {
    struct thread thread;
    REQUIRE_EQ(thread_prepare(&thread), OK);
    CHECK_EQ(sys_thread_set_cookie(start_handle("job"), thread.handle, (uint64_t)gid << 32 | uid),
             OK);
    CHECK_EQ(thread_begin(&thread, function, NULL), OK);
    thread_join(&thread);
}

static struct system_info counters(void) {
    struct system_info info = {0};
    status_t status = sys_object_get(start_handle("system"), &info, sizeof(info));
    CHECK_EQ(status, OK);
    return info;
}

static bool near(uint64_t a, uint64_t b, uint64_t slack) {
    return a <= b + slack && b <= a + slack;
}

static bool same(const struct system_info *a, const struct system_info *b, uint64_t slack) {
    return a->objects == b->objects && a->handles == b->handles && a->processes == b->processes &&
           a->threads == b->threads && near(a->free_pages, b->free_pages, slack) &&
           near(a->kernel_pages, b->kernel_pages, slack);
}

struct system_info counters_settled(void) {
    struct system_info before = counters();
    instant_t end = now() + SETTLE_LIMIT;
    for (;;) {
        sleep_for(SETTLE_STEP);
        struct system_info after = counters();
        if (same(&before, &after, 0) || now() > end) {
            return after;
        }
        before = after;
    }
}

static void show(const char *when, const struct system_info *info) {
    log_printf("     %s: %lu objects, %lu handles, %lu processes, %lu threads, %lu pages free, "
               "%lu kernel pages",
               when, info->objects, info->handles, info->processes, info->threads, info->free_pages,
               info->kernel_pages);
}

bool counters_return(const struct system_info *before) {
    instant_t end = now() + SETTLE_LIMIT;
    struct system_info after = counters();
    while (!same(before, &after, PAGES_SLACK) && now() < end) {
        sleep_for(SETTLE_STEP);
        after = counters();
    }
    if (same(before, &after, PAGES_SLACK)) {
        return true;
    }
    show("before", before);
    show("after", &after);
    return false;
}

static void sort(duration_t *times, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        duration_t value = times[i];
        uint32_t at = i;
        for (; at > 0 && times[at - 1] > value; at--) {
            times[at] = times[at - 1];
        }
        times[at] = value;
    }
}

void figure_times(const char *what, duration_t *times, uint32_t count) {
    sort(times, count);
    test_figure("%s: p50 %u us, p99 %u us, max %u us (%u times)", what,
                (uint32_t)(times[count / 2] / 1000), (uint32_t)(times[count * 99 / 100] / 1000),
                (uint32_t)(times[count - 1] / 1000), count);
}
