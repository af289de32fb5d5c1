// SPDX-License-Identifier: MIT
//
// The libos lies in the boot archive. It is put into a vmo once, when the vault is made, and that
// is mapped into every process.
//
// A process finds its handles in its record (abi/libos.h). It gets duplicates of: the channel to
// procd, the root of the file system, the libos, the clock, the log, its two pages, its first
// thread, and its three files. What a fork must not copy lacks DUPLICATE: the pages, since a child
// has others.

#include "image.h"

#include <abi/objects.h>
#include <abi/rights.h>
#include <image/ustar.h>
#include <launch/launch.h>
#include <sys/archive.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define LIBOS_PATH "lib/libos.img"
#define SHARED (RIGHT_DUPLICATE | RIGHT_TRANSFER)
#define CHANNEL_RIGHTS (SHARED | RIGHT_WAIT | RIGHT_CALL)
#define STREAM_RIGHTS (SHARED | RIGHT_WAIT)
#define UMASK 022
// Places in the new table. The record that names the first thread is written before there is one.
#define THREAD_INDEX 1
#define FIRST_INDEX 2
#define FILES_INDEX 16

// ---- the libos

static status_t fill_vmo(handle_t vmo, const uint8_t *data, uint64_t bytes) {
    for (uint64_t at = 0; at < bytes;) {
        uint64_t piece = bytes - at < COPY_MAX_BYTES ? bytes - at : COPY_MAX_BYTES;
        int64_t put = sys_vmo_write(vmo, at, data + at, piece);
        if (put <= 0) {
            return put < 0 ? (status_t)put : ERR_OUT_OF_RANGE;
        }
        at += (uint64_t)put;
    }
    return OK;
}

static status_t load_from(struct procd *procd, const struct archive *archive) {
    const char *path = start_option("libos");
    struct ustar_entry file;
    path = path != NULL ? path : LIBOS_PATH;
    status_t status = ustar_find(archive->data, archive->size, path, &file);
    if (status != OK) {
        log_printf("procd: no %s in the boot archive: there will be no Linux processes", path);
        return OK;
    }
    int64_t vmo = sys_vmo_create(HANDLE_NONE, file.size, 0);
    if (vmo < 0) {
        return (status_t)vmo;
    }
    step_made(&procd->server.vault, (handle_t)vmo);
    vault_set(&procd->server.vault, &state_of(procd)->libos, (handle_t)vmo);
    return fill_vmo((handle_t)vmo, file.data, file.size);
}

status_t image_load(struct procd *procd) {
    struct archive archive;
    status_t status = archive_map(start_handle("archive"), &archive);
    if (status != OK) {
        log_printf("procd: no boot archive");
        return OK;
    }
    status = load_from(procd, &archive);
    archive_unmap(&archive);
    return status;
}

// ---- handles

// Gives the process a duplicate of one of ours. HANDLE_NONE stays HANDLE_NONE.
static status_t give(const struct process *process, handle_t handle, uint32_t rights,
                     uint32_t index, handle_t *there) {
    *there = HANDLE_NONE;
    if (handle == HANDLE_NONE) {
        return OK;
    }
    int64_t own = sys_handle_duplicate(handle, rights);
    if (own < 0) {
        return (status_t)own;
    }
    int64_t given = sys_handle_give(process->process, (handle_t)own, index);
    if (given < 0) {
        (void)!sys_handle_close((handle_t)own);
        return (status_t)given;
    }
    *there = (handle_t)given;
    return OK;
}

// A standard file: what it is, its handle's type says.
static status_t give_file(const struct process *process, const struct image_request *request,
                          uint32_t number, struct libos_fd *fd) {
    handle_t handle = request->files[number];
    struct handle_info info;
    status_t status = sys_handle_info(handle, &info);
    if (status != OK) {
        return status;
    }
    // Linux: O_RDONLY is 0, O_WRONLY 1.
    *fd = (struct libos_fd){.fd = number, .flags = number == 0 ? 0 : 1};
    uint32_t rights;
    switch (info.type) {
    case OBJECT_STREAM:
        fd->kind = FD_STREAM;
        rights = STREAM_RIGHTS | (info.rights & (RIGHT_READ | RIGHT_WRITE));
        break;
    case OBJECT_CHANNEL:
        fd->kind = request->terminal != 0 ? FD_TERMINAL : FD_FILE;
        fd->device = request->terminal;
        fd->flags = 2; // the description knows what it allows
        rights = CHANNEL_RIGHTS | RIGHT_READ | RIGHT_WAIT;
        break;
    case OBJECT_LOG:
        fd->kind = FD_LOG;
        rights = SHARED | RIGHT_WRITE;
        break;
    default:
        return ERR_INVALID_ARGUMENT;
    }
    return give(process, handle, rights & info.rights, FILES_INDEX + number, &fd->handle);
}

static status_t give_all(const struct procd *procd, const struct process *process,
                         const struct image_request *request, struct libos_record *record) {
    const uint32_t page = RIGHT_TRANSFER | RIGHT_READ | RIGHT_MAP;
    const struct state *state = state_of(procd);
    const struct {
        handle_t handle;
        uint32_t rights;
        handle_t *there;
    } gifts[] = {
        {state->client, CHANNEL_RIGHTS, &record->proc},
        {start_handle("root"), CHANNEL_RIGHTS, &record->root},
        {start_handle("root"), CHANNEL_RIGHTS, &record->cwd},
        {state->libos, SHARED | RIGHT_READ | RIGHT_EXECUTE | RIGHT_MAP, &record->libos},
        {start_handle("clock"), SHARED | RIGHT_READ | RIGHT_MAP, &record->clock},
        {start_handle("log"), SHARED | RIGHT_WRITE, &record->log},
        {process->identity, page, &record->identity},
        {process->signals, page | RIGHT_WRITE, &record->signals},
        // One that is given a terminal asks that for the channel.
        {request->terminal == 0 ? state->tty : HANDLE_NONE, SHARED | RIGHT_CALL, &record->tty},
    };
    status_t status = OK;
    for (size_t i = 0; status == OK && i < sizeof(gifts) / sizeof(gifts[0]); i++) {
        status = give(process, gifts[i].handle, gifts[i].rights, FIRST_INDEX + (uint32_t)i,
                      gifts[i].there);
    }
    return status;
}

// ---- the image

static status_t make_record(const struct procd *procd, const struct process *process,
                            const struct image_request *request, handle_t *vmo) {
    struct libos_fd fds[3];
    struct libos_record record = {
        .trace = request->trace,
        .thread = THREAD_INDEX,
        .umask = UMASK,
        .argc = request->argc,
        .envc = request->envc,
        .fd_count = 3,
    };
    status_t status = give_all(procd, process, request, &record);
    for (uint32_t i = 0; status == OK && i < 3; i++) {
        status = give_file(process, request, i, &fds[i]);
    }
    status = status == OK ? sys_random_get(record.seed, sizeof(record.seed)) : status;
    return status != OK ? status
                        : launch_record(state_of(procd)->job, &record, fds, request->text,
                                        request->text_bytes, vmo);
}

static status_t make_thread(const struct process *process, vaddr_t block, handle_t *thread) {
    handle_t there;
    int64_t made = sys_thread_create(process->process, block);
    if (made < 0) {
        return (status_t)made;
    }
    *thread = (handle_t)made;
    status_t status =
        give(process, *thread, RIGHT_TRANSFER | RIGHT_INTERRUPT, THREAD_INDEX, &there);
    if (status == OK && there != THREAD_INDEX) {
        log_printf("procd: the first thread has the number %u", there);
    }
    return status;
}

status_t image_build(struct procd *procd, const struct process *process, handle_t aspace,
                     const struct image_request *request, handle_t *thread, uint64_t begin[3]) {
    const struct state *state = state_of(procd);
    struct launch_options options = {
        .job = state->job,
        .aspace = aspace,
        .libos = state->libos,
        .clock = start_handle("clock"),
    };
    struct launched launched;
    *thread = HANDLE_NONE;
    if (state->libos == HANDLE_NONE || start_handle("root") == HANDLE_NONE) {
        return ERR_NOT_FOUND;
    }
    status_t status = make_record(procd, process, request, &options.record);
    if (status != OK) {
        return status;
    }
    status = launch_map(&options, &launched);
    // The mapping holds it.
    (void)!sys_handle_close(options.record);
    status = status == OK ? make_thread(process, launched.block, thread) : status;
    begin[0] = launched.start;
    begin[1] = launched.stack;
    begin[2] = launched.block;
    return status;
}
