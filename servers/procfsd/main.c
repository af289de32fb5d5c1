// SPDX-License-Identifier: MIT
//
// procfsd: what programs read below /proc. It speaks the fs protocol, owns no facts, and asks whose
// they are: procd for processes, the kernel for its counters.
//
// A file's text is made when it is read from its beginning and kept in a vmo of the description, so
// that a program that reads it in pieces gets one text, also when this server dies in between.
// Descriptions are the only records, but for the CPU time that was told (struct state).
//
// Handlers call procd and wait for its answer. That can't be a circle, since procd calls nobody
// here; while procd restarts, readers of /proc wait with it.
//
// Processes come here by mounts that vfsd makes (mount.c); it also gives the table of all mounts.
//
//   argument   meaning
//   at=PATH    what paths begin with that come by no mount (default /proc)

#include "procfs.h"

#include <abi/objects.h>
#include <proto/fs_server.h>
#include <server/memory.h>
#include <sys/calls.h>
#include <sys/start.h>

static bool description_check(uint32_t index, const void *record) {
    const struct description *description = record;
    const struct place *place = &description->place;
    return (description->key & NUMBER_MASK) == index + 1 && place->node > NODE_NONE &&
           place->node < NODES && place->pid >= 0 && place->number >= 0 &&
           description->size <= CONTENT_BYTES && description->endpoint != HANDLE_NONE;
}

static const struct vault_table tables[TABLES] = {
    [TABLE_STATE] = {.name = "state",
                     .record_bytes = sizeof(struct state),
                     .count = 1,
                     .handles = {{offsetof(struct state, table), OBJECT_VMO}}},
    [TABLE_DESCRIPTIONS] = {.name = "descriptions",
                            .record_bytes = sizeof(struct description),
                            .count = DESCRIPTIONS_MAX,
                            .handles = {{offsetof(struct description, endpoint), OBJECT_ENDPOINT},
                                        {offsetof(struct description, snapshot), OBJECT_VMO}},
                            .check = description_check},
};

static const struct vault_layout layout = {
    .service = 0x53465250, // "PRFS"
    .version = 2,
    .undo_bytes = 2048,
    .calls_max = 32,
    .forwarded_max = 8,
    .table_count = TABLES,
    .tables = tables,
};

static const struct fs_ops operations = {
    .open = procfs_open,
    .stat = procfs_stat,
    .read = procfs_read,
    .write = procfs_write,
    .list = procfs_list,
    .set = procfs_set,
    .make = procfs_make,
    .remove = procfs_remove,
    .rename = procfs_rename,
    .link = procfs_link,
    .read_link = procfs_read_link,
    .place = procfs_place,
    .memory = procfs_memory,
    .sync = procfs_sync,
    .space = procfs_space,
    .seek = procfs_seek,
    .attach = procfs_attach,
    .detach = procfs_detach,
    .remount = procfs_remount,
    .table = procfs_table,
};

static int64_t dispatch(struct server *server, const struct packet *packet,
                        struct message *message) {
    return fs_dispatch(&operations, server, packet, message);
}

static status_t start(struct server *server, bool fresh) {
    struct procfs *fs = (struct procfs *)server;
    (void)fresh;
    fs->path = server_memory(PATH_BYTES_MAX);
    fs->content = server_memory(CONTENT_BYTES);
    if (fs->path == NULL || fs->content == NULL) {
        return ERR_NO_MEMORY;
    }
    if (state_of(fs)->head.used == 0) {
        vault_set(vault_of(fs), &state_of(fs)->head.used, 1);
    }
    return OK;
}

// For the time of the boot; null: not given.
static const struct clock_page *clock_map(void) {
    handle_t vmo = start_handle("clock");
    int64_t addr = vmo == HANDLE_NONE ? ERR_BAD_HANDLE
                                      : sys_aspace_map(HANDLE_NONE, vmo, 0, 0, PAGE_SIZE, MAP_READ);
    return addr < 0 ? NULL : (const struct clock_page *)addr;
}

static const struct server_program program = {
    .name = "procfsd",
    .protocol = &fs_protocol,
    .vault = &layout,
    .start = start,
    .dispatch = dispatch,
    .closed = description_closed,
};

int64_t native_main(struct thread_block *block) {
    struct procfs fs = {.clock = clock_map(), .at = start_option("at")};
    (void)block;
    fs.at = fs.at != NULL ? fs.at : "/proc";
    return server_run(&fs.server, &program);
}
