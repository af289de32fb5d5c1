// SPDX-License-Identifier: MIT
//
// procfsd in parts: what there is (nodes.c), how a path leads to it (walk.c), what stands in it
// (content.c, process.c), and the operations (open.c, look.c).
#pragma once

#include <abi/libos.h>
#include <abi/proto/fs.h>
#include <abi/proto/proc.h>
#include <server/server.h>

#define PATH_BYTES_MAX 4096
#define CONTENT_BYTES 32768
#define LIST_BYTES 4096
#define DESCRIPTIONS_MAX 512

// ---- Records

enum table { TABLE_STATE, TABLE_DESCRIPTIONS, TABLES };

// One record.
struct state {
    struct vault_head head;
    handle_t endpoint; // server end of the channel that procd gives to processes
    uint32_t spare;
    int64_t busy_ns; // CPU time of Linux programs that was ever told: it never falls
};

struct description {
    struct vault_head head;
    uint64_t key; // of its channel: index + 1 and how often the place was used
    uint64_t offset;
    int32_t pid;   // of the process that the node is about, 0: of none
    uint32_t node; // enum node
    uint32_t flags;
    uint32_t size; // of the snapshot
    handle_t endpoint;
    handle_t snapshot; // what stood in the file when it was opened; none: not to be read
};
static_assert(sizeof(struct description) == 48, "descriptions are small");

#define NUMBER_BITS 20
#define NUMBER_MASK ((1u << NUMBER_BITS) - 1)

struct procfs {
    struct server server; // first
    const struct clock_page *clock;
    const char *at; // where it is mounted
    char *path;     // PATH_BYTES_MAX, of the call that is served
    char *content;  // CONTENT_BYTES
};

static inline struct vault *vault_of(struct procfs *fs) {
    return &fs->server.vault;
}
static inline const struct state *state_of(struct procfs *fs) {
    return vault_record(vault_of(fs), TABLE_STATE, 0);
}

// ---- nodes.c: what there is. Nodes of a process stand below NODE_PROCESS, once for each.

enum node {
    NODE_NONE,
    NODE_ROOT,
    NODE_SELF,
    NODE_VERSION,
    NODE_UPTIME,
    NODE_LOADAVG,
    NODE_MEMINFO,
    NODE_STAT,
    NODE_CPUINFO,
    NODE_FILESYSTEMS,
    NODE_MOUNTS,
    NODE_SYS,
    NODE_KERNEL,
    NODE_OSTYPE,
    NODE_OSRELEASE,
    NODE_HOSTNAME,
    NODE_PID_MAX,
    NODE_NGROUPS_MAX,
    NODE_PROCESS,
    NODE_PROCESS_STAT,
    NODE_PROCESS_STATM,
    NODE_PROCESS_STATUS,
    NODE_PROCESS_CMDLINE,
    NODE_PROCESS_COMM,
    NODE_PROCESS_MOUNTS,
    NODES,
};

// A text that is being made; what does not fit is left out.
struct text {
    char *bytes;
    uint32_t used, size;
};
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct node_info {
    const char *name;
    uint8_t parent; // enum node
    uint8_t type;   // FS_TYPE_
    // What stands in a regular file. `process` is null for one that is about none.
    void (*make)(struct procfs *fs, const struct proc_list_reply *process, struct text *text);
};
extern const struct node_info node_infos[NODES];

// The nodes of a directory: the next one after `after`, NODE_NONE at the end.
uint32_t node_next(uint32_t directory, uint32_t after);
// Of what a node tells: never of two the same.
uint64_t node_inode(uint32_t node, int32_t pid);
// FORBIDDEN, NOT_FOUND (the process is gone).
[[nodiscard]] status_t node_attributes(struct procfs *fs, uint32_t node, int32_t pid,
                                       struct fs_attributes *out);

// ---- process.c: what procd says, by calls that wait for it: procd makes none to here.

// The process with the lowest pid above `after`, or that of a pid. NOT_FOUND.
[[nodiscard]] status_t process_after(int32_t after, struct proc_list_reply *out);
[[nodiscard]] status_t process_get(int32_t pid, struct proc_list_reply *out);
// The pid of who calls; NOT_FOUND when that is no Linux process.
[[nodiscard]] int64_t process_caller(const struct packet *packet);

void make_process_stat(struct procfs *, const struct proc_list_reply *, struct text *);
void make_process_statm(struct procfs *, const struct proc_list_reply *, struct text *);
void make_process_status(struct procfs *, const struct proc_list_reply *, struct text *);
void make_process_cmdline(struct procfs *, const struct proc_list_reply *, struct text *);
void make_process_comm(struct procfs *, const struct proc_list_reply *, struct text *);

// ---- content.c

void make_version(struct procfs *, const struct proc_list_reply *, struct text *);
void make_uptime(struct procfs *, const struct proc_list_reply *, struct text *);
void make_loadavg(struct procfs *, const struct proc_list_reply *, struct text *);
void make_meminfo(struct procfs *, const struct proc_list_reply *, struct text *);
void make_stat(struct procfs *, const struct proc_list_reply *, struct text *);
void make_cpuinfo(struct procfs *, const struct proc_list_reply *, struct text *);
void make_filesystems(struct procfs *, const struct proc_list_reply *, struct text *);
void make_mounts(struct procfs *, const struct proc_list_reply *, struct text *);
void make_ostype(struct procfs *, const struct proc_list_reply *, struct text *);
void make_osrelease(struct procfs *, const struct proc_list_reply *, struct text *);
void make_hostname(struct procfs *, const struct proc_list_reply *, struct text *);
void make_pid_max(struct procfs *, const struct proc_list_reply *, struct text *);
void make_ngroups_max(struct procfs *, const struct proc_list_reply *, struct text *);

// ---- walk.c

struct route {
    uint32_t node;
    int32_t pid;
    uint32_t rest_bytes; // at the end of the path, when the walk leaves
    bool is_new;         // only the last name is not there
};

enum walk_flags {
    WALK_FOLLOW = 1, // a link in the last name
    WALK_NEW = 2,    // the last name need not exist
};

// Reads the path of a call into fs->path. OK, or what the handler is to return.
[[nodiscard]] int64_t path_read(struct procfs *fs, const struct packet *packet);
// Walks `bytes` of fs->path. OK; FS_WALK_UP; NOT_FOUND, NOT_DIRECTORY, NAME_TOO_LONG.
[[nodiscard]] int64_t walk_path(struct procfs *fs, const struct packet *packet,
                                const struct description *from, uint32_t bytes, uint32_t flags,
                                struct route *route);
// Puts some bytes into the out window. OK, or what the handler is to return.
[[nodiscard]] int64_t window_fill(const struct packet *packet, const void *data, uint64_t bytes);
// The walk left: the rest of the path goes into the out window. What the handler is to return.
[[nodiscard]] int64_t walk_leave(struct procfs *fs, const struct packet *packet, uint32_t bytes,
                                 const struct route *route, uint32_t *rest);

// ---- open.c

// What a call came through, null when it was closed.
const struct description *description_of(struct procfs *fs, const struct packet *packet);
void description_closed(struct server *server, uint64_t key);

// ---- The operations

#define OPERATION_ARGUMENTS(op)                                                                    \
    void *context, const struct packet *packet, const struct fs_##op##_request *request,           \
        struct fs_##op##_reply *reply

int64_t procfs_open(OPERATION_ARGUMENTS(open), handle_t handles_out[1]);
int64_t procfs_stat(OPERATION_ARGUMENTS(stat));
int64_t procfs_read(void *context, const struct packet *packet,
                    const struct fs_read_request *request);
int64_t procfs_write(OPERATION_ARGUMENTS(write));
int64_t procfs_list(OPERATION_ARGUMENTS(list));
int64_t procfs_set(OPERATION_ARGUMENTS(set));
int64_t procfs_make(OPERATION_ARGUMENTS(make));
int64_t procfs_remove(OPERATION_ARGUMENTS(remove));
int64_t procfs_rename(OPERATION_ARGUMENTS(rename));
int64_t procfs_link(OPERATION_ARGUMENTS(link));
int64_t procfs_read_link(void *context, const struct packet *packet,
                         struct fs_read_link_reply *reply);
int64_t procfs_place(void *context, const struct packet *packet, struct fs_place_reply *reply);
int64_t procfs_memory(OPERATION_ARGUMENTS(memory), handle_t handles_out[1]);
int64_t procfs_seek(OPERATION_ARGUMENTS(seek));
int64_t procfs_sync(void *context, const struct packet *packet);
int64_t procfs_space(void *context, const struct packet *packet, struct fs_space_reply *reply);
