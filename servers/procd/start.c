// SPDX-License-Identifier: MIT
//
// The beginning of an instance: a fresh vault gets its job and its channel; an adopted one is
// looked over.

#include "start.h"

#include <abi/rights.h>
#include <abi/info.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#include "groups.h"
#include "image.h"
#include "kernel.h"
#include "name.h"
#include "process.h"
#include "spawn.h"
#include "terminals.h"

#define NOBODY 65534 // the user of a process whose credentials were lost

static status_t make_job(struct procd *procd) {
    const struct job_limits limits = {
        .memory_pages = JOB_UNLIMITED,
        .handles = JOB_UNLIMITED,
        .threads = JOB_UNLIMITED,
        .processes = PROCESSES_MAX,
    };
    int64_t job = sys_job_create(start_handle("job"), &limits);
    if (job < 0) {
        return (status_t)job;
    }
    step_made(&procd->server.vault, (handle_t)job);
    vault_set(&procd->server.vault, &state_of(procd)->job, (handle_t)job);
    return OK;
}

static status_t begin(struct procd *procd) {
    const struct state *state = state_of(procd);
    struct vault *vault = &procd->server.vault;
    handle_t client, endpoint;
    // Of a vault that was given up nothing is left but its processes.
    process_kill_unknown(procd, start_handle("job"));
    vault_set(vault, &state->head.used, 1);
    vault_set(vault, &state->next_pid, 2);
    vault_set_bytes(vault, state->host_name, HOST_NAME_FIRST, sizeof(HOST_NAME_FIRST));
    status_t status = make_job(procd);
    status = status == OK ? server_channel(&procd->server, 0, 0, &client, &endpoint) : status;
    if (status != OK) {
        log_printf("procd: no job or no channel: status %d", status);
        return status;
    }
    vault_set(vault, &state->client, client);
    vault_set(vault, &state->endpoint, endpoint);
    return image_load(procd);
}

// Finds how far the tables are used, and what is still to be told.
static uint32_t look_over(struct procd *procd) {
    const struct vault *vault = &procd->server.vault;
    uint32_t alive = 0;
    for (uint32_t slot = 0; slot < vault_touched(vault, TABLE_PROCESSES); slot++) {
        const struct process *process = process_at(procd, slot);
        if (process != NULL) {
            procd->process_top = slot + 1;
            process_note(procd, process);
            procd->news_due |= (process->flags & FLAG_DUE) != 0;
            alive += process_alive(process);
        }
    }
    for (uint32_t slot = 0; slot < vault_touched(vault, TABLE_THREADS); slot++) {
        const struct thread_id *thread = thread_at(procd, slot);
        if (thread != NULL) {
            procd->thread_top = slot + 1;
            thread_note(procd, thread);
        }
    }
    return alive;
}

// Records of traits that were dropped: the process goes on with the least rights.
static void repair_traits(struct procd *procd) {
    for_each_process(procd, process, slot) {
        const struct traits *traits = traits_of(procd, process);
        if (traits->head.used) {
            continue;
        }
        log_printf("procd: the credentials of %d are lost", process->pid);
        struct traits least = {.head = {.used = 1}};
        for (uint32_t i = 0; i < IDS; i++) {
            least.ids[i] = NOBODY;
        }
        const size_t from = sizeof(struct vault_head);
        vault_set(&procd->server.vault, &traits->head.used, 1);
        vault_set_bytes(&procd->server.vault, traits->ids, (uint8_t *)&least + from,
                        sizeof(least) - from);
        server_checkpoint(&procd->server);
    }
}

status_t procd_start(struct server *server, bool fresh) {
    struct procd *procd = (struct procd *)server;
    const struct vault_report *found = &server->vault.report;
    procd->threads = vault_record(&server->vault, TABLE_THREADS, 0);
    procd->processes = vault_record(&server->vault, TABLE_PROCESSES, 0);
    if (fresh) {
        return begin(procd);
    }
    if (!state_of(procd)->head.used) {
        return ERR_CORRUPT;
    }
    uint32_t alive = look_over(procd);
    struct job_usage usage = {0};
    status_t status = sys_object_get(state_of(procd)->job, &usage, sizeof(usage));
    if (found->dropped != 0) {
        repair_traits(procd);
    }
    status_t groups = groups_start(procd);
    if (groups != OK) {
        return groups;
    }
    if (status != OK || found->rolled_back || found->dropped != 0 || usage.processes != alive) {
        process_reconcile(procd);
    }
    spawn_sweep(procd);
    news_deliver(procd);
    return terminals_start(procd);
}
