// SPDX-License-Identifier: MIT
//
// Starts one Linux program out of the boot archive, without procd and without files: for the tests
// of the libos itself. Its standard input is empty, its output becomes lines of the log. Prints
// the wait status when it has ended.
//
//   linux-run [trace] PATH [ARGUMENT...]

#include <abi/status.h>
#include <image/ustar.h>
#include <launch/launch.h>
#include <sys/archive.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define LIBOS_PATH "lib/libos.img"
#define TEXT_BYTES 4096

// A file of the archive in a vmo of its own, on whole pages.
static status_t file_vmo(const struct archive *archive, const char *path, handle_t *vmo) {
    struct ustar_entry file;
    status_t status = ustar_find(archive->data, archive->size, path, &file);
    if (status != OK) {
        return status;
    }
    int64_t made = sys_vmo_create(HANDLE_NONE, file.size, 0);
    if (made < 0) {
        return (status_t)made;
    }
    *vmo = (handle_t)made;
    for (uint64_t at = 0; at < file.size;) {
        uint64_t piece = file.size - at < 65536 ? file.size - at : 65536;
        int64_t put = sys_vmo_write(*vmo, at, (const uint8_t *)file.data + at, piece);
        if (put <= 0) {
            return put < 0 ? (status_t)put : ERR_OUT_OF_RANGE;
        }
        at += (uint64_t)put;
    }
    return OK;
}

// Arguments, a small environment, the path. Returns the bytes, 0 when there is no room.
static size_t make_text(char text[TEXT_BYTES], uint32_t first, struct libos_record *record) {
    const char *const environment[] = {"PATH=/bin", "HOME=/"};
    size_t bytes = 0;
    record->argc = start_argument_count() - first;
    record->envc = sizeof(environment) / sizeof(environment[0]);
    for (uint32_t i = 0; i < record->argc + record->envc + 1; i++) {
        uint32_t other = i - record->argc;
        const char *one = i < record->argc       ? start_argument(first + i)
                          : other < record->envc ? environment[other]
                                                 : start_argument(first);
        size_t size = strlen(one) + 1;
        if (size > TEXT_BYTES - bytes) {
            return 0;
        }
        memcpy(text + bytes, one, size);
        bytes += size;
    }
    return bytes;
}

struct child {
    handle_t process, thread, aspace;
};

// Gives the child a duplicate of one of our handles. Returns its number there.
static status_t give(struct child *child, handle_t handle, uint32_t rights, handle_t *there) {
    int64_t own = sys_handle_duplicate(handle, rights);
    int64_t given = own < 0 ? own : sys_handle_give(child->process, (handle_t)own, 0);
    *there = given < 0 ? HANDLE_NONE : (handle_t)given;
    return given < 0 ? (status_t)given : OK;
}

static status_t make_process(struct child *child, const char *label) {
    struct process_options options = {0};
    (void)text_copy(options.label, sizeof(options.label), label);
    handle_t job = start_handle("job");
    int64_t aspace = sys_aspace_create(job, ASPACE_ALLOW_WX);
    child->aspace = aspace < 0 ? HANDLE_NONE : (handle_t)aspace;
    int64_t process =
        aspace < 0 ? aspace : sys_process_create(job, child->aspace, HANDLE_NONE, 0, &options);
    child->process = process < 0 ? HANDLE_NONE : (handle_t)process;
    return process < 0 ? (status_t)process : OK;
}

// Everything but the start.
static status_t prepare(struct child *child, const struct archive *archive, uint32_t first,
                        bool trace, struct launched *launched) {
    const uint32_t share = RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_MAP;
    char text[TEXT_BYTES];
    handle_t libos = HANDLE_NONE, program = HANDLE_NONE;
    struct libos_record record = {.trace = trace, .executable_is_vmo = 1, .umask = 022};
    size_t bytes = make_text(text, first, &record);
    status_t status = bytes == 0 ? ERR_NO_SPACE : file_vmo(archive, LIBOS_PATH, &libos);
    status = status == OK ? file_vmo(archive, start_argument(first), &program) : status;
    status = status == OK ? make_process(child, start_argument(first)) : status;
    status = status == OK ? give(child, libos, share | RIGHT_EXECUTE, &record.libos) : status;
    status =
        status == OK ? give(child, program, share | RIGHT_EXECUTE, &record.executable) : status;
    status = status == OK ? give(child, start_handle("clock"), share, &record.clock) : status;
    status = status == OK
                 ? give(child, start_handle("log"),
                        RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_WRITE, &record.log)
                 : status;
    struct libos_fd fds[3] = {
        {.fd = 0, .kind = FD_LOCAL, .device = 1 << 8 | 3},
        {.fd = 1, .kind = FD_LOG, .flags = 1},
        {.fd = 2, .kind = FD_LOG, .flags = 1},
    };
    for (uint32_t i = 1; status == OK && i < 3; i++) {
        status = give(child, start_handle("log"), RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_WRITE,
                      &fds[i].handle);
    }
    record.fd_count = 3;
    status = status == OK ? sys_random_get(record.seed, sizeof(record.seed)) : status;
    struct launch_options options = {
        .aspace = child->aspace,
        .libos = libos,
        .clock = start_handle("clock"),
    };
    status = status == OK ? launch_record(HANDLE_NONE, &record, fds, text, bytes, &options.record)
                          : status;
    return status == OK ? launch_map(&options, launched) : status;
}

static status_t run(struct child *child, const struct launched *launched) {
    int64_t thread = sys_thread_create(child->process, launched->block);
    if (thread < 0) {
        return (status_t)thread;
    }
    child->thread = (handle_t)thread;
    status_t status = sys_thread_start(child->thread, launched->start, launched->stack,
                                       launched->block, LIBOS_RECORD);
    int64_t ended = status != OK
                        ? status
                        : sys_object_wait(child->process, SIGNAL_PROCESS_ENDED, INSTANT_NEVER, 0);
    return ended < 0 ? (status_t)ended : OK;
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    struct archive archive;
    struct child child = {0};
    struct launched launched;
    struct process_info info = {0};
    bool trace = start_argument_count() > 0 && strcmp(start_argument(0), "trace") == 0;
    if (start_argument_count() < 1U + trace) {
        log_printf("linux-run: a path of the boot archive is needed");
        return 1;
    }
    status_t status = archive_map(start_handle("archive"), &archive);
    status = status == OK ? prepare(&child, &archive, trace, trace, &launched) : status;
    status = status == OK ? run(&child, &launched) : status;
    status = status == OK ? sys_object_get(child.process, &info, sizeof(info)) : status;
    if (status != OK) {
        log_printf("linux-run: failed with status %d", status);
        return 1;
    }
    if (info.cause == EXIT_FAULT) {
        log_printf("linux-run: fault %ld at %lx of %lx", (long)info.status, info.fault_pc,
                   info.fault_addr);
    }
    log_printf("linux-run: status %ld cause %u", (long)info.status, info.cause);
    return 0;
}
