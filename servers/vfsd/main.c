// SPDX-License-Identifier: MIT
//
// vfsd: the server of the table of mounts. It is also where those meet who open a named pipe
// (fifo.c); here is what concerns mounts.
//
// Whoever walks asks the file server of the directory where he stands, and comes here only when the
// walk leaves that server: for the root of the mount that lies there, or for what a mount covers
// (two dots in its root). File servers know which places are covered, and by which number; what
// that number means is known here. So most walks need no vfsd, and none needs two servers that
// know each other.
//
// A mount is a description that the file server has made (fs.attach), and another one of the place
// that it covers (fs.cover); both live in this server's handle table, with a record each. Handlers
// call file servers and wait for their answers: those are below, and never call here.
//
// How it heals: file servers are told the number of a mount with each order, and numbers are never
// used again. A record says MAKING before the first order is given; a successor that finds it takes
// everything back that was done under that number, and the client's call begins anew. Ending a
// mount may be repeated at any time: file servers answer that it is gone.
//
// Invariants:
//   V1  The record of number 0 is the first file system's and is always there.
//   V2  A live mount but the first has both handles, and its parent is live.
//   V3  The text of the table is that of the last committed step, or will be before anybody can
//       know of it: it is written between commit and answer, and at each start.

#include "vfsd.h"

#include <abi/objects.h>
#include <abi/rights.h>
#include <proto/fs_client.h>
#include <proto/proc_client.h>
#include <proto/vfs_server.h>
#include <server/memory.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define CHANNEL_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_CALL)
#define REST_BYTES 256

const char *const type_names[TYPES] = {"tmpfs", "proc"};

static bool ends(const char *text, uint32_t size) {
    return strnlen(text, size) < size;
}

static bool mount_check(uint32_t index, const void *record) {
    const struct mount *mount = record;
    bool first = mount->id == ROOT_ID;
    bool handles = (mount->root == HANDLE_NONE) == first && (mount->point == HANDLE_NONE) == first;
    return first == (index == 0) && mount->type < TYPES &&
           (handles || mount->head.spare == MOUNT_MAKING) && ends(mount->source, SOURCE_BYTES) &&
           ends(mount->path, PATH_BYTES) && ends(mount->inner, PATH_BYTES) &&
           ends(mount->options, OPTIONS_BYTES);
}

static const struct vault_table tables[TABLES] = {
    [TABLE_STATE] = {.name = "state",
                     .record_bytes = sizeof(struct state),
                     .count = 1,
                     .handles = {{offsetof(struct state, table), OBJECT_VMO},
                                 {offsetof(struct state, endpoint), OBJECT_ENDPOINT},
                                 {offsetof(struct state, client), OBJECT_CHANNEL}}},
    [TABLE_MOUNTS] = {.name = "mounts",
                      .record_bytes = sizeof(struct mount),
                      .count = MOUNTS_MAX,
                      .handles = {{offsetof(struct mount, root), OBJECT_CHANNEL},
                                  {offsetof(struct mount, point), OBJECT_CHANNEL}},
                      .check = mount_check},
    [TABLE_FIFOS] = {.name = "fifos",
                     .record_bytes = sizeof(struct fifo),
                     .count = FIFOS_MAX,
                     .handles = {{offsetof(struct fifo, node), OBJECT_CHANNEL},
                                 {offsetof(struct fifo, input), OBJECT_STREAM},
                                 {offsetof(struct fifo, output), OBJECT_STREAM},
                                 {offsetof(struct fifo, endpoint), OBJECT_ENDPOINT},
                                 {offsetof(struct fifo, client), OBJECT_CHANNEL}},
                     .check = fifo_check},
    [TABLE_OPENERS] = {.name = "openers",
                       .record_bytes = sizeof(struct opener),
                       .count = OPENERS_MAX,
                       .handles = {{offsetof(struct opener, watch), OBJECT_EVENT},
                                   {offsetof(struct opener, member), OBJECT_EVENT}},
                       .check = opener_check},
};

static const struct vault_layout layout = {
    .service = 0x44534656, // "VFSD"
    .version = 2,
    .undo_bytes = 8192,
    .calls_max = 256,
    .forwarded_max = 8,
    .table_count = TABLES,
    .tables = tables,
};

const struct mount *mount_at(struct vfsd *vfs, uint32_t index) {
    const struct mount *mount = vault_record(vault_of(vfs), TABLE_MOUNTS, index);
    return mount->head.used != 0 ? mount : NULL;
}

const struct mount *mount_find(struct vfsd *vfs, uint32_t id) {
    for (uint32_t i = 0; i < MOUNTS_MAX; i++) {
        const struct mount *mount = mount_at(vfs, i);
        if (mount != NULL && mount->id == id && mount->head.spare == MOUNT_LIVE) {
            return mount;
        }
    }
    return NULL;
}

handle_t server_of(uint32_t type) {
    return start_handle(type == TYPE_PROC ? "procfs" : "root");
}

// ---- what walks ask

// Gives a duplicate away.
static int64_t give(struct vfsd *vfs, handle_t handle, handle_t *out) {
    int64_t copy =
        handle == HANDLE_NONE ? ERR_NOT_FOUND : sys_handle_duplicate(handle, CHANNEL_RIGHTS);
    if (copy < 0) {
        return copy == ERR_NO_MEMORY || copy == ERR_NOT_FOUND ? copy : ERR_LIMIT;
    }
    step_made(vault_of(vfs), (handle_t)copy);
    *out = (handle_t)copy;
    return 0;
}

static int64_t vfsd_root(void *context, const struct packet *packet,
                         const struct vfs_root_request *request, handle_t handles_out[1]) {
    const struct mount *mount = mount_find(context, request->mount);
    (void)packet;
    return give(context, mount != NULL ? mount->root : HANDLE_NONE, &handles_out[0]);
}

static int64_t vfsd_up(void *context, const struct packet *packet,
                       const struct vfs_up_request *request, handle_t handles_out[1]) {
    const struct mount *mount = mount_find(context, request->mount);
    (void)packet;
    return give(context, mount != NULL ? mount->point : HANDLE_NONE, &handles_out[0]);
}

static const struct vfs_ops operations = {
    .root = vfsd_root,
    .up = vfsd_up,
    .mount = vfsd_mount,
    .unmount = vfsd_unmount,
    .fifo_open = vfsd_fifo_open,
    .fifo_peer = vfsd_fifo_peer,
};

static int64_t dispatch(struct server *server, const struct packet *packet,
                        struct message *message) {
    struct vfsd *vfs = (struct vfsd *)server;
    vfs->changed = false;
    vfs->answered = 0;
    return vfs_dispatch(&operations, server, packet, message);
}

static void notice(struct server *server, const struct packet *packet) {
    struct vfsd *vfs = (struct vfsd *)server;
    vfs->changed = false;
    vfs->answered = 0;
    fifo_notice(vfs, packet);
}

static void committed(struct server *server) {
    struct vfsd *vfs = (struct vfsd *)server;
    if (vfs->changed) {
        table_write(vfs);
    }
    fifo_committed(vfs);
}

// ---- the beginning

static int64_t open_at(handle_t base, const char *path, handle_t *handle) {
    const struct fs_open_request request = {.flags = FS_OPEN_PATH | FS_OPEN_DIRECTORY};
    struct fs_open_reply reply;
    char rest[REST_BYTES];
    int64_t result = base == HANDLE_NONE ? ERR_NOT_FOUND
                                         : fs_open(base, &request, path, strlen(path), &reply, rest,
                                                   sizeof(rest), handle, INSTANT_NEVER);
    if (result > FS_WALK_DONE) {
        (void)!sys_handle_close(*handle);
        return ERR_BUSY;
    }
    return result;
}

// The stamp of the server that has made a description: so a description that a client gives is
// known to be what it looks like, and nobody else's.
static void learn_provider(struct vfsd *vfs, uint32_t type) {
    struct handle_info info = {0};
    handle_t description;
    if (open_at(server_of(type), "", &description) == OK) {
        // Our own handle: it can't fail.
        (void)!sys_handle_info(description, &info);
        (void)!sys_handle_close(description);
    }
    vfs->providers[type] = info.provider;
}

// Fills a fresh vault.
static status_t make_state(struct vfsd *vfs) {
    const struct state *state = state_of(vfs);
    const struct mount *first = vault_record(vault_of(vfs), TABLE_MOUNTS, 0);
    struct fs_space_reply space = {0};
    handle_t client, endpoint;
    int64_t vmo = sys_vmo_create(HANDLE_NONE, sizeof(struct mount_table), 0);
    if (vmo < 0) {
        return (status_t)vmo;
    }
    step_made(vault_of(vfs), (handle_t)vmo);
    status_t status = server_channel(&vfs->server, 0, 0, &client, &endpoint);
    if (status != OK) {
        return status;
    }
    // Without an answer its number is not known, and 0 is shown.
    (void)!fs_space(server_of(TYPE_TMPFS), &space, INSTANT_NEVER);
    const struct state made = {
        .head = {.used = 1},
        .next_id = ROOT_ID + 1,
        .table = (handle_t)vmo,
        .endpoint = endpoint,
        .client = client,
    };
    const struct mount mount = {
        .head = {.used = 1, .spare = MOUNT_LIVE},
        .id = ROOT_ID,
        .type = TYPE_TMPFS,
        .device = space.device,
        .source = "tmpfs",
        .path = "/",
        .inner = "/",
    };
    const size_t from = offsetof(struct vault_head, used);
    vault_set_bytes(vault_of(vfs), (const uint8_t *)state + from, (const uint8_t *)&made + from,
                    sizeof(made) - from);
    vault_set_bytes(vault_of(vfs), (const uint8_t *)first + from, (const uint8_t *)&mount + from,
                    sizeof(mount) - from);
    return OK;
}

// What is mounted at first: /proc, when there is a directory for it.
static void mount_first(struct vfsd *vfs) {
    struct mounting mounting = {.as = {.type = TYPE_PROC, .source = "proc"}};
    int64_t result = open_at(server_of(TYPE_TMPFS), "/proc", &mounting.target);
    if (result == OK && server_of(TYPE_PROC) != HANDLE_NONE) {
        step_made(vault_of(vfs), mounting.target);
        result = mount_make(vfs, &mounting);
        step_close(vault_of(vfs), mounting.target);
    }
    if (result != OK) {
        log_printf("vfsd: /proc is not mounted: status %ld", result);
    }
    vault_set(vault_of(vfs), &state_of(vfs)->started, 1);
}

// Tells those who need it where the channel and the table are. A repetition does no harm.
static void tell_others(struct vfsd *vfs) {
    const struct state *state = state_of(vfs);
    int64_t channel = sys_handle_duplicate(state->client, CHANNEL_RIGHTS);
    int64_t table = sys_handle_duplicate(state->table,
                                         RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_MAP);
    handle_t given[1] = {(handle_t)channel};
    int64_t result = channel < 0 ? channel : proc_mount(start_handle("proc"), given, INSTANT_NEVER);
    if (result < 0) {
        log_printf("vfsd: procd does not take the channel: status %ld", result);
    }
    handle_t groups[1];
    result = proc_groups(start_handle("proc"), groups, INSTANT_NEVER);
    result = result < 0 ? result : fs_groups(server_of(TYPE_TMPFS), groups, INSTANT_NEVER);
    if (result < 0) {
        log_printf("vfsd: tmpfsd does not know of groups: status %ld", result);
    }
    given[0] = (handle_t)table;
    result = table < 0 ? table : fs_table(server_of(TYPE_PROC), given, INSTANT_NEVER);
    if (result < 0) {
        log_printf("vfsd: procfsd does not take the table: status %ld", result);
    }
}

static status_t start(struct server *server, bool fresh) {
    struct vfsd *vfs = (struct vfsd *)server;
    (void)fresh;
    vfs->window = server_memory(WINDOW_BYTES);
    status_t status = vfs->window == NULL ? ERR_NO_MEMORY : OK;
    if (status == OK && state_of(vfs)->head.used == 0) {
        status = make_state(vfs);
    }
    if (status != OK) {
        return status;
    }
    if (mount_at(vfs, 0) == NULL || state_of(vfs)->table == HANDLE_NONE) {
        return ERR_CORRUPT;
    }
    server_checkpoint(server);
    int64_t addr = sys_aspace_map(HANDLE_NONE, state_of(vfs)->table, 0, 0,
                                  sizeof(struct mount_table), MAP_READ | MAP_WRITE);
    if (addr < 0) {
        return (status_t)addr;
    }
    vfs->table = (struct mount_table *)addr;
    for (uint32_t type = 0; type < TYPES; type++) {
        learn_provider(vfs, type);
    }
    mount_recover(vfs);
    fifo_start(vfs);
    if (state_of(vfs)->started == 0) {
        mount_first(vfs);
    }
    table_write(vfs);
    tell_others(vfs);
    return OK;
}

static const struct server_program program = {
    .name = "vfsd",
    .protocol = &vfs_protocol,
    .vault = &layout,
    .start = start,
    .dispatch = dispatch,
    .committed = committed,
    .notice = notice,
};

int64_t native_main(struct thread_block *block) {
    struct vfsd vfs = {0};
    (void)block;
    return server_run(&vfs.server, &program);
}
