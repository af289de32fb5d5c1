// SPDX-License-Identifier: MIT

#include "support.h"

#include <abi/names.h>
#include <proto/bank_client.h>
#include <proto/svc_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define SETTLE_STEP MILLISECONDS(20)
#define SETTLE_LIMIT SECONDS(10)
#define POLL MILLISECONDS(1)
#define ERRORS_LOGGED 4

instant_t now(void) {
    return (instant_t)sys_clock_get();
}

instant_t in(duration_t duration) {
    return now() + duration;
}

void sleep_for(duration_t duration) {
    (void)!sys_thread_sleep(in(duration), 0);
}

handle_t svc_channel(void) {
    return start_handle("svc");
}

handle_t bank_channel(void) {
    return start_handle("bank");
}

struct svc_status_reply look(const char *name) {
    struct svc_status_request request = {0};
    struct svc_status_reply reply;
    text_copy(request.name, sizeof(request.name), name);
    int64_t status = svc_status(svc_channel(), &request, &reply, INSTANT_NEVER);
    if (status != OK) {
        panic("init-test: can't look at %s: %s", name, status_name(status));
    }
    return reply;
}

bool wait_for_state(const char *name, uint32_t state, uint64_t but, duration_t limit) {
    instant_t end = in(limit);
    do {
        struct svc_status_reply reply = look(name);
        if (reply.entry.state == state && reply.instance != but) {
            return true;
        }
        sleep_for(POLL);
    } while (now() < end);
    return false;
}

handle_t find_process(const char *name) {
    // By its id: a predecessor of the same label may still be dying.
    uint64_t id = look(name).entry.process;
    struct process_info info;
    if (id == 0) {
        return HANDLE_NONE;
    }
    int64_t process = sys_job_child(start_handle("root-job"), id - 1, &info);
    if (process >= 0 && info.id != id) {
        (void)!sys_handle_close((handle_t)process);
        return HANDLE_NONE;
    }
    return process < 0 ? HANDLE_NONE : (handle_t)process;
}

bool kill_process(handle_t process) {
    status_t status = sys_task_kill(process, 0, 0);
    (void)!sys_handle_close(process);
    return status == OK;
}

// ---- counters

static struct system_info counters(void) {
    struct system_info info;
    if (sys_object_get(start_handle("system"), &info, sizeof(info)) != OK) {
        panic("init-test: can't read the counters");
    }
    return info;
}

// How deep a stack went, or which buffers were touched, makes a difference of a few pages.
#define PAGES_SLACK 8

static bool pages_equal(uint64_t a, uint64_t b, uint64_t slack) {
    return a <= b + slack && b <= a + slack;
}

static bool same(const struct system_info *a, const struct system_info *b, uint64_t slack) {
    return a->objects == b->objects && a->handles == b->handles && a->processes == b->processes &&
           a->threads == b->threads && pages_equal(a->free_pages, b->free_pages, slack) &&
           pages_equal(a->kernel_pages, b->kernel_pages, slack);
}

struct system_info settled_counters(void) {
    struct system_info before = counters();
    instant_t end = in(SETTLE_LIMIT);
    for (;;) {
        sleep_for(SETTLE_STEP);
        struct system_info after = counters();
        if (same(&before, &after, 0) || now() > end) {
            return after;
        }
        before = after;
    }
}

static void print_counters(const char *when, const struct system_info *info) {
    log_printf("     %s: %lu objects, %lu handles, %lu processes, %lu threads, %lu pages free, "
               "%lu kernel pages",
               when, info->objects, info->handles, info->processes, info->threads, info->free_pages,
               info->kernel_pages);
}

bool counters_return(const struct system_info *before) {
    instant_t end = in(SETTLE_LIMIT);
    struct system_info after = counters();
    while (!same(before, &after, PAGES_SLACK) && now() < end) {
        sleep_for(SETTLE_STEP);
        after = counters();
    }
    if (same(before, &after, PAGES_SLACK)) {
        return true;
    }
    print_counters("before", before);
    print_counters("after", &after);
    return false;
}

// ---- figures

static void sort(duration_t *samples, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        duration_t value = samples[i];
        uint32_t at = i;
        for (; at > 0 && samples[at - 1] > value; at--) {
            samples[at] = samples[at - 1];
        }
        samples[at] = value;
    }
}

void figure_times(const char *what, duration_t *samples, uint32_t count) {
    sort(samples, count);
    test_figure("%s: p50 %u us, p99 %u us, max %u us (%u times)", what,
                (uint32_t)(samples[count / 2] / 1000), (uint32_t)(samples[count * 99 / 100] / 1000),
                (uint32_t)(samples[count - 1] / 1000), count);
}

// ---- load

#define DEPOSIT 1000
#define LOAD_PRIORITY 5

static void note_error(struct load *load, const char *what, int64_t status, uint64_t balance) {
    if (load->errors++ < ERRORS_LOGGED) {
        log_printf("     load: %s: %s, balance %lu", what, status_name(status), balance);
    }
}

// Pays one to the house and takes it back; both balances are known beforehand.
static void move_money(struct load *load, uint32_t account) {
    struct bank_transfer_request request = {.from = account, .to = 0, .amount = 1};
    struct bank_transfer_reply reply = {0};
    int64_t status = bank_transfer(bank_channel(), &request, &reply, INSTANT_NEVER);
    if (status != OK || reply.balance != DEPOSIT - 1) {
        note_error(load, "pay", status, reply.balance);
    }
    request = (struct bank_transfer_request){.from = 0, .to = account, .amount = 1};
    status = bank_transfer(bank_channel(), &request, &reply, INSTANT_NEVER);
    struct bank_balance_request ask = {.account = account};
    struct bank_balance_reply got = {0};
    int64_t read = bank_balance(bank_channel(), &ask, &got, INSTANT_NEVER);
    if (status != OK || read != OK || got.balance != DEPOSIT) {
        note_error(load, "take back", status != OK ? status : read, got.balance);
    }
    load->calls += 3;
}

static void load_thread(void *argument) {
    struct load *load = argument;
    struct bank_open_request request = {.amount = DEPOSIT};
    struct bank_open_reply reply;
    handle_t owner[1];
    int64_t status = bank_open(bank_channel(), &request, &reply, owner, INSTANT_NEVER);
    if (status != OK) {
        note_error(load, "open", status, 0);
        return;
    }
    while (!__atomic_load_n(&load->stop, __ATOMIC_RELAXED)) {
        move_money(load, reply.account);
    }
    (void)!sys_handle_close(owner[0]);
}

void load_start(struct load loads[LOAD_THREADS]) {
    for (uint32_t i = 0; i < LOAD_THREADS; i++) {
        loads[i] = (struct load){0};
        status_t status = thread_run(&loads[i].thread, load_thread, &loads[i]);
        if (status == OK) {
            // Below the one who measures: it is to see how long a service is gone, not to queue for
            // a CPU.
            status = sys_thread_set_priority(loads[i].thread.handle, LOAD_PRIORITY);
        }
        if (status != OK) {
            panic("init-test: can't start a thread: %s", status_name(status));
        }
    }
}

bool load_stop(struct load loads[LOAD_THREADS], uint64_t *calls) {
    uint64_t errors = 0;
    *calls = 0;
    for (uint32_t i = 0; i < LOAD_THREADS; i++) {
        __atomic_store_n(&loads[i].stop, true, __ATOMIC_RELAXED);
    }
    for (uint32_t i = 0; i < LOAD_THREADS; i++) {
        thread_join(&loads[i].thread);
        errors += loads[i].errors;
        *calls += loads[i].calls;
    }
    return errors == 0;
}
