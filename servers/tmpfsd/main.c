// SPDX-License-Identifier: MIT
//
// tmpfsd: files in memory, filled from the boot archive, served by the fs protocol
// (abi/proto/fs.toml), and not to be noticed when it dies.
//
// All metadata are records in the vault (records.h), changed in the steps of lib/server; contents
// are vmos in the kept handle table. What is written here has no code for dying but this: what an
// instance has made of the records for finding things (index.c) is made again at each start, and
// files that were to be cut are cut (data.c).
//
//   argument         meaning
//   inodes=N         files, directories and so on at most (default: the pages that its job may
//                    have, 4,096 to 262,144)
//   names=N          pieces of names at most: a name of up to 40 bytes needs one, each 52 bytes
//                    more another (default: two for each inode)
//   descriptions=N   open at once (default 16,384)
//   folder=PATH      the part of the boot archive that becomes the tree (default root/)
//   epoch=SECONDS    Unix time of the boot, when there is no handle `clock`

#include "tmpfs.h"

#include <proto/fs_server.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define INODES_LEAST 4096
#define INODES_MOST 262144
#define NAMES_FOR_INODE 2
#define DEFAULT_DESCRIPTIONS 16384
#define PLACES_MAX NUMBER_MASK

static const struct fs_ops operations = {
    .open = tmpfs_open,
    .stat = tmpfs_stat,
    .read = tmpfs_read,
    .write = tmpfs_write,
    .list = tmpfs_list,
    .set = tmpfs_set,
    .make = tmpfs_make,
    .remove = tmpfs_remove,
    .rename = tmpfs_rename,
    .link = tmpfs_link,
    .read_link = tmpfs_read_link,
    .place = tmpfs_place,
    .place_of = tmpfs_place_of,
    .again = tmpfs_again,
    .memory = tmpfs_memory,
    .sync = tmpfs_sync,
    .space = tmpfs_space,
    .seek = tmpfs_seek,
    .groups = tmpfs_groups,
    .view = tmpfs_view,
    .lease = tmpfs_lease,
    .defer = tmpfs_defer,
    .reopen = tmpfs_reopen,
    .lock = tmpfs_lock,
    .lock_test = tmpfs_lock_test,
    .identify = tmpfs_identify,
    .attach = tmpfs_attach,
    .cover = tmpfs_cover,
    .detach = tmpfs_detach,
    .remount = tmpfs_remount,
};

static int64_t dispatch(struct server *server, const struct packet *packet,
                        struct message *message) {
    struct tmpfs *fs = (struct tmpfs *)server;
    fs->trim = 0;
    fs->now = 0;
    page_begin(fs);
    return fs_dispatch(&operations, server, packet, message);
}

static void committed(struct server *server) {
    struct tmpfs *fs = (struct tmpfs *)server;
    // First the size: who still sees the old one finds pages missing, and asks.
    page_write_changed(fs);
    if (fs->trim != 0) {
        data_trim(inode_get(fs, fs->trim));
        fs->trim = 0;
    }
}

static void notice(struct server *server, const struct packet *packet) {
    struct tmpfs *fs = (struct tmpfs *)server;
    fs->now = 0;
    if (packet->kind == PACKET_CALLER_GONE) {
        lock_process_ends(fs, packet->process);
    } else if (packet->key == PURGE_KEY) {
        mount_notice(fs);
    }
}

static void make_root(struct tmpfs *fs) {
    struct inode root = {
        .mode = (uint32_t)FS_TYPE_DIRECTORY << 12 | 0755,
        .links = 2,
        .parent = INODE_ROOT,
        .parent_generation = 1,
    };
    (void)inode_make(fs, &root);
    step_next(fs);
}

// What a predecessor may have left to be cut.
static void trim_all(struct tmpfs *fs) {
    for (uint32_t i = 1; i <= vault_touched(vault_of(fs), TABLE_INODES); i++) {
        const struct inode *inode = inode_get(fs, i);
        if (inode->head.used != 0 && (inode->head.spare & INODE_TRIM) != 0) {
            data_trim(inode);
        }
    }
}

// The job of contents: apart from that of this process, whose memory must be there also when files
// have taken all that they may.
static status_t make_files_job(struct tmpfs *fs, const struct state *state) {
    const struct job_limits limits = {
        .memory_pages = JOB_UNLIMITED,
        .handles = JOB_UNLIMITED,
        .threads = 1,
        .processes = 1,
    };
    if (state->files != HANDLE_NONE || start_handle("job") == HANDLE_NONE) {
        return OK;
    }
    int64_t job = sys_job_create(start_handle("job"), &limits);
    if (job < 0) {
        return (status_t)job;
    }
    step_made(vault_of(fs), (handle_t)job);
    vault_set(vault_of(fs), &state->head.used, 1);
    vault_set(vault_of(fs), &state->files, (handle_t)job);
    step_next(fs);
    return OK;
}

static status_t start(struct server *server, bool fresh) {
    struct tmpfs *fs = (struct tmpfs *)server;
    const struct state *state = vault_record(vault_of(fs), TABLE_STATE, 0);
    status_t status = index_create(fs);
    status = status == OK ? access_start(fs) : status;
    status = status == OK ? make_files_job(fs, state) : status;
    (void)fresh;
    if (status != OK) {
        return status;
    }
    bool empty =
        vault_touched(vault_of(fs), TABLE_INODES) == 0 || inode_get(fs, INODE_ROOT)->head.used == 0;
    if (!state->filled && empty) {
        make_root(fs);
    }
    if (inode_get(fs, INODE_ROOT)->head.used == 0 || !is_directory(inode_get(fs, INODE_ROOT))) {
        return ERR_CORRUPT;
    }
    if (server->vault.report.dropped != 0) {
        repair(fs);
    }
    index_build(fs);
    trim_all(fs);
    page_write_stale(fs);
    status = state->filled ? OK : fill(fs);
    return status == OK ? mount_start(fs) : status;
}

static uint64_t option(const char *key, uint64_t otherwise, uint64_t most) {
    const char *text = start_option(key);
    uint64_t value = 0;
    while (text != NULL && *text >= '0' && *text <= '9' && value <= most) {
        value = value * 10 + (uint64_t)(*text++ - '0');
    }
    return value == 0 ? otherwise : value <= most ? value : most;
}

// The clock page, for times of files.
static const struct clock_page *clock_map(void) {
    handle_t vmo = start_handle("clock");
    int64_t addr = ERR_BAD_HANDLE;
    if (vmo != HANDLE_NONE) {
        addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, PAGE_SIZE, MAP_READ);
    }
    return addr < 0 ? NULL : (const struct clock_page *)addr;
}

// As many as there are pages for contents.
static uint64_t default_inodes(void) {
    struct job_usage usage = {0};
    handle_t job = start_handle("job");
    if (job != HANDLE_NONE) {
        // Without it the least that is of use.
        (void)!sys_object_get(job, &usage, sizeof(usage));
    }
    uint64_t pages = usage.limits.memory_pages;
    return pages < INODES_LEAST ? INODES_LEAST : pages < INODES_MOST ? pages : INODES_MOST;
}

int64_t native_main(struct thread_block *block) {
    struct vault_table tables[TMPFS_TABLES];
    struct vault_layout layout;
    uint64_t inodes = option("inodes", default_inodes(), PLACES_MAX);
    struct tmpfs fs = {
        .inode_count = (uint32_t)inodes,
        .name_count = (uint32_t)option("names", inodes * NAMES_FOR_INODE, PLACES_MAX),
        .description_count = (uint32_t)option("descriptions", DEFAULT_DESCRIPTIONS, PLACES_MAX),
        .epoch = SECONDS((int64_t)option("epoch", 0, UINT32_MAX)),
    };
    (void)block;
    records_layout(&layout, tables, fs.inode_count, fs.name_count, fs.description_count);
    const struct server_program program = {
        .name = "tmpfsd",
        .protocol = &fs_protocol,
        .vault = &layout,
        .start = start,
        .dispatch = dispatch,
        .committed = committed,
        .closed = description_closed,
        .handed_over = description_handed_over,
        .repeats_unchanged = true,
        .notice = notice,
    };
    fs.clock = clock_map();
    return server_run(&fs.server, &program);
}
