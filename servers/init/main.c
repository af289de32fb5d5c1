// SPDX-License-Identifier: MIT
//
// The first process, and the supervisor. It reads the manifests of the boot archive, starts
// services, restarts them when they end, and answers the protocol svc; docs/concepts/supervision.md
// tells the whole story. It may itself be killed between any two instructions: the kernel restarts
// it, and it goes on.

#include "adopt.h"
#include "init.h"
#include "run.h"
#include "serve.h"
#include "supervise.h"
#include "watch.h"

#include <abi/boot.h>
#include <abi/names.h>
#include <proto/protocol_answer.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>
#include <sys/thread.h>

#define INIT_PAGES 512 // its two instances while it is restarted, its vault, and its table

instant_t time_now(void) {
    return (instant_t)sys_clock_get();
}

uint64_t services_pages(void) {
    struct job_usage usage;
    status_t status = sys_object_get(INIT_JOB, &usage, sizeof(usage));
    if (status != OK || usage.limits.memory_pages <= INIT_PAGES) {
        panic("init: no memory for services: %s", status_name(status));
    }
    return usage.limits.memory_pages - INIT_PAGES;
}

void init_point(struct init *init) {
    if (!init->command.test || init->vault.base == NULL) {
        return;
    }
    struct init_points *points =
        (struct init_points *)(init->vault.base + INIT_VAULT_BYTES - sizeof(*points));
    uint64_t count = __atomic_add_fetch(&points->count, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&points->die_at, __ATOMIC_RELAXED) == count) {
        points->count = 0;
        points->deaths++;
        __atomic_store_n(&points->die_at, points->then, __ATOMIC_RELEASE);
        points->then = 0;
        (void)!sys_task_kill(INIT_PROCESS, 0, 0);
    }
}

static void report_line(const char *line) {
    log_printf("init: %s", line);
}

static void report_nothing(const char *line) {
    (void)line;
}

static void take_packet(struct init *init, const struct packet *packet, uint64_t *token) {
    if (packet->kind == PACKET_CALL) {
        svc_serve(init, packet);
        *token = packet->token;
    } else if (packet->kind == PACKET_EXIT && packet->key - KEY_SERVICE < init->service_count) {
        service_check(init, &init->services[packet->key - KEY_SERVICE]);
    }
    init_point(init);
}

// Sends the answer, if there is one, and waits. Returns what port_reply_wait does.
static status_t answer_and_wait(struct init *init, uint64_t token, instant_t deadline) {
    bool handle = init->reply_handle != HANDLE_NONE;
    // A handle in the answer is not kept over a long wait.
    status_t status = sys_port_reply_wait(init->own->port, token, handle ? 0 : deadline, 0);
    if (handle) {
        (void)!sys_handle_close(init->reply_handle);
        init->reply_handle = HANDLE_NONE;
    }
    return status;
}

static bool answered(status_t status) {
    return status == OK || status == ERR_TIMED_OUT || status == ERR_STALE_TOKEN;
}

static _Noreturn void serve(struct init *init) {
    uint64_t token = 0;
    for (;;) {
        run_advance(init);
        instant_t starts = services_advance(init);
        instant_t beats = watch_all(init);
        status_t status = answer_and_wait(init, token, starts < beats ? starts : beats);
        if (!answered(status) && token != 0) {
            // The kernel did not take the answer, for a handle in it: the client gets the reason.
            protocol_answer(&thread_block()->message, NULL, status, NULL, NULL);
            status = answer_and_wait(init, token, 0);
        }
        if (!answered(status)) {
            panic("init: can't wait: %s", status_name(status));
        }
        token = 0;
        if (status == OK) {
            struct packet packet = thread_block()->packet;
            take_packet(init, &packet, &token);
        }
    }
}

// Without a program and without services there is nothing to wait for.
static bool is_idle(const struct init *init) {
    for (uint32_t i = 0; i < init->service_count; i++) {
        uint32_t state = init->services[i].record->state;
        if (state == SVC_STATE_WAITING || service_is_up(&init->services[i])) {
            return false;
        }
    }
    return true;
}

int64_t native_main(struct thread_block *block) {
    static struct init init;
    (void)block;
    init.started_at = time_now();
    status_t status = command_read(INIT_COMMAND, &init.command);
    if (status != OK) {
        panic("init: can't read the command line: %s", status_name(status));
    }
    status = archive_map(INIT_ARCHIVE, &init.archive);
    if (status != OK) {
        panic("init: can't map the boot archive: %s", status_name(status));
    }
    init_open(&init);
    // The manifests never change: what is wrong with them is told once.
    init.catalog.report = init.own->starts == 1 ? report_line : report_nothing;
    if (catalog_load(&init.catalog, init.archive.data, init.archive.size) != OK) {
        log_printf("init: only the manifests before the damage are used");
    }
    init_adopt(&init);
    if (is_idle(&init)) {
        log_printf("init: nothing to run: the kernel command line has no init.run=");
        run_end_machine(false);
    }
    serve(&init);
}
