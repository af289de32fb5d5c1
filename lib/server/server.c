// SPDX-License-Identifier: MIT
//
// The beginning of an instance, in the order in which it has to happen: the vault is adopted first,
// because it says which handles are ours; then the rest of the table is swept; only then is
// anything made that a later sweep would close.

#include "vault_internal.h"

#include <server/start.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/thread.h>

// Memory for a part of the vault: writing to the vmo takes it, or says that there is none, where a
// store would be a fault that nobody can pay for.
static status_t back_vault(struct vault *vault, size_t offset, size_t bytes) {
    static const uint8_t zeros[PAGE_SIZE];
    while (bytes > 0) {
        int64_t done =
            sys_vmo_write(vault->vmo, offset, zeros, bytes < PAGE_SIZE ? bytes : PAGE_SIZE);
        if (done < 0) {
            return (status_t)done;
        }
        offset += (size_t)done;
        bytes -= (size_t)done;
    }
    return OK;
}

// Maps the vault and adopts it.
static status_t adopt_vault(struct server *server) {
    handle_t vmo = start_handle(SERVER_VAULT);
    struct vmo_info info;
    status_t status = sys_object_get(vmo, &info, sizeof(info));
    if (status != OK) {
        return status;
    }
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, info.size_bytes, MAP_READ | MAP_WRITE);
    if (addr < 0) {
        return (status_t)addr;
    }
    const char *option = start_option("vault");
    bool reset = option != NULL && strcmp(option, "reset") == 0;
    status =
        vault_open(&server->vault, server->program->vault, (void *)addr, info.size_bytes, reset);
    server->vault.back = back_vault;
    server->vault.vmo = vmo;
    return status;
}

// What this instance needs beside the vault: one piece of memory, cut up.
static status_t make_memory(struct server *server) {
    const struct vault_layout *layout = server->program->vault;
    uint32_t replies = server->vault.reply_count;
    server->request_count = layout->calls_max + 1;
    size_t request_bytes = server->request_count * sizeof(struct request);
    size_t nested = server->program->helpers != 0 ? nested_bytes() : 0;
    size_t bytes = request_bytes + server->request_count * nested +
                   replies * sizeof(struct reply_index) + REPLY_BUCKETS * sizeof(uint32_t);
    uint8_t *memory = server_memory(bytes);
    if (memory == NULL) {
        return ERR_NO_MEMORY;
    }
    server->requests = (struct request *)memory;
    memory += request_bytes;
    server->nested_memory = nested != 0 ? memory : NULL;
    memory += server->request_count * nested;
    struct reply_index *index = (struct reply_index *)memory;
    memory += replies * sizeof(*index);
    replies_adopt(&server->vault, index, (uint32_t *)memory);
    intents_adopt(&server->vault);
    return OK;
}

static void report(const struct server *server) {
    const struct vault_report *found = &server->vault.report;
    if (found->dropped != 0) {
        log_printf("%s: %u records of the vault failed their check and were dropped",
                   server->program->name, found->dropped);
    }
}

// The service's own beginning, in a step that is always committed: from then on the vault is not
// fresh.
static status_t begin_service(struct server *server) {
    struct vault *vault = &server->vault;
    step_begin(vault);
    step_start(vault);
    status_t status = OK;
    if (server->program->start != NULL) {
        status = server->program->start(server, vault->report.fresh);
    }
    if (status != OK) {
        step_undo(vault);
        return status;
    }
    status = step_commit(vault, NULL);
    if (vault->state->drops != 0) {
        vault_store_64(&vault->state->drops, 0);
    }
    wakes_apply(server);
    return status;
}

static int64_t refuse_start(const struct server *server, enum server_exit exit, status_t status) {
    log_printf("%s: can't start: status %d, exit %d", server->program->name, status, exit);
    return exit;
}

int64_t server_run(struct server *server, const struct server_program *program) {
    // The service's struct may hold this one: only what the library owns is touched.
    *server = (struct server){.program = program};
    server->port = start_handle(SERVER_PORT);
    server->heartbeat = start_handle(SERVER_HEARTBEAT);
    server->message = &thread_block()->message;
    server->settling = server->returning = true;
    list_init(&server->parked);
    list_init(&server->outbox);
    die_arm(&server->die);
    status_t status = adopt_vault(server);
    if (status != OK) {
        return refuse_start(server, status == ERR_CORRUPT ? SERVER_EXIT_CORRUPT : SERVER_EXIT_START,
                            status);
    }
    server->vault.die = &server->die;
    status = make_memory(server);
    if (status != OK) {
        return refuse_start(server, SERVER_EXIT_START, status);
    }
    server_sweep(&server->vault);
    blame_adopt(&server->vault);
    report(server);
    status = begin_service(server);
    if (status != OK) {
        return refuse_start(server, SERVER_EXIT_CORRUPT, status);
    }
    status = loop_prepare(server);
    status = status == OK ? nested_start(server) : status;
    if (status != OK) {
        return refuse_start(server, SERVER_EXIT_START, status);
    }
    while (status == OK) {
        status = loop_turn(server);
    }
    return SERVER_EXIT_PORT;
}
