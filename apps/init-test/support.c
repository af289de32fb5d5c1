// SPDX-License-Identifier: MIT

#include "support.h"

#include <abi/names.h>
#include <proto/bank_client.h>
#include <proto/svc_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define POLL MILLISECONDS(1)
#define ERRORS_LOGGED 4

instant_t in(duration_t duration) {
    return now() + duration;
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
