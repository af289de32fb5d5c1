// SPDX-License-Identifier: MIT
//
// procfsd in parts: what there is (nodes.c), how a path leads to it (walk.c), what is known of a
// process (subject.c), what stands in files (content.c, process.c, status.c, maps.c) and links
// (links.c), and the operations (open.c, look.c, list.c).
#pragma once

#include <abi/info.h>
#include <abi/libos.h>
#include <abi/proto/fs.h>
#include <abi/proto/proc.h>
#include <server/files.h>
#include <server/server.h>

#define PATH_BYTES_MAX 4096
#define CONTENT_BYTES (256u << 10) // of a file: what is longer is cut
#define LIST_BYTES 4096
#define DESCRIPTIONS_MAX 512

// What a path can lead to: a node, of a process when pid is not 0, with the number of a thread or
// descriptor below `task` and `fd`.
struct place {
    uint32_t node; // enum node
    int32_t pid;
    int32_t number;
};

// ---- Records

enum table { TABLE_STATE, TABLE_DESCRIPTIONS, TABLES };

// One record.
struct state {
    struct vault_head head;
    handle_t table; // vmo: struct mount_table, from vfsd
    uint32_t spare;
    uint64_t boot_id[2];
    int64_t busy_ns; // CPU time of Linux programs that was ever told: it never falls
};

struct description {
    struct vault_head head;
    uint64_t key; // of its channel: index + 1 and how often the place was used
    uint64_t offset;
    struct place place;
    uint32_t flags;
    uint32_t size; // of the snapshot
    handle_t endpoint;
    handle_t snapshot; // what stood in the file when it was last read from its beginning
    uint32_t mount;    // by which it was found
};
static_assert(sizeof(struct description) == 56, "descriptions are small");

// In the flags of a description: the root of a mount that vfsd keeps for whoever comes to it.
#define DESCRIPTION_VIEW (1u << 31)

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

// ---- subject.c: a process that is looked into

// `known` is procd's word. The rest is fetched when it is needed first (subject_look), and what
// comes out of the process's own memory is believed of nothing but itself.
struct subject {
    struct proc_list_reply known;
    bool looked;
    handle_t process, identity, signals, aspace; // HANDLE_NONE: not fetched, or gone
    struct libos_info info;                      // all zero: it shows nothing
};

// The process with that pid, of the kernel id, or with the lowest pid above `after`. NOT_FOUND.
[[nodiscard]] status_t subject_open(int32_t pid, struct subject *subject);
[[nodiscard]] status_t subject_of_caller(const struct packet *packet, struct subject *subject);
// The id of the thread that calls, by the word of its libos; else that of the first.
int32_t subject_calling_thread(struct subject *subject, const struct packet *packet);
[[nodiscard]] status_t subject_after(int32_t after, struct subject *subject);
void subject_close(struct subject *subject);
// Fetches the rest. False: it has ended.
bool subject_look(struct subject *subject);
// Copies from its memory: all of it, or false. The bytes copied.
bool subject_read(struct subject *subject, vaddr_t addr, void *out, uint64_t bytes);
uint64_t subject_copy(struct subject *subject, vaddr_t addr, void *out, uint64_t bytes);
// A string of its memory, cut to `room` with its zero; empty when it can't be read.
void subject_string(struct subject *subject, vaddr_t addr, char *out, uint32_t room);
// The name of a thread, by the libos's word if it has one: procd knows that of the last exec.
void subject_name(struct subject *subject, int32_t tid, char name[LIBOS_NAME_BYTES]);
// The next thread after an id, 0 for none.
int32_t subject_thread(struct subject *subject, int32_t after);
// A descriptor; false: it is not open. The next open one from `fd` on, -1 for none.
bool subject_file(struct subject *subject, int32_t fd, struct libos_file *file);
int32_t subject_next_file(struct subject *subject, int32_t fd);
// Whether who calls may see what only the owner may: its own process, one of the same user, root.
bool subject_allows(const struct subject *subject, const struct packet *packet);

// ---- nodes.c: what there is

enum node {
    NODE_NONE,
    NODE_ROOT,
    NODE_SELF,
    NODE_THREAD_SELF,
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
    NODE_DOMAINNAME,
    NODE_KERNEL_VERSION,
    NODE_PID_MAX,
    NODE_NGROUPS_MAX,
    NODE_CAP_LAST_CAP,
    NODE_THREADS_MAX,
    NODE_RANDOM,
    NODE_UUID,
    NODE_BOOT_ID,
    NODE_VM,
    NODE_OVERCOMMIT,
    NODE_FS,
    NODE_NR_OPEN,
    NODE_PIPE_MAX,
    NODE_SWAPS,
    NODE_MODULES,
    NODE_PROCESS,
    NODE_PROCESS_STAT,
    NODE_PROCESS_STATM,
    NODE_PROCESS_STATUS,
    NODE_PROCESS_CMDLINE,
    NODE_PROCESS_COMM,
    NODE_PROCESS_ENVIRON,
    NODE_PROCESS_AUXV,
    NODE_PROCESS_LIMITS,
    NODE_PROCESS_MAPS,
    NODE_PROCESS_MOUNTS,
    NODE_PROCESS_MOUNTINFO,
    NODE_PROCESS_CWD,
    NODE_PROCESS_ROOT,
    NODE_PROCESS_EXE,
    NODE_FDS,
    NODE_FD,
    NODE_FDINFOS,
    NODE_FDINFO,
    NODE_TASKS,
    NODE_TASK,
    NODE_TASK_STAT,
    NODE_TASK_STATUS,
    NODE_TASK_COMM,
    NODES,
};

// A text that is being made; what does not fit is left out.
struct text {
    char *bytes;
    uint32_t used, size;
};
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

// What a regular file is made from.
struct making {
    struct procfs *fs;
    const struct packet *packet; // who reads
    struct subject *subject;     // null: it is about no process
    struct place place;
    struct text *text;
};

struct node_info {
    const char *name; // null: a number
    uint8_t parent;   // enum node
    uint8_t type;     // FS_TYPE_
    uint16_t mode;    // permission bits
    bool guarded;     // only for those whom subject_allows
    void (*make)(const struct making *making);
    const char *text; // what stands in it, when that is always the same
    // Root writes into it. What the handler is to return for a text without its last newline.
    int64_t (*store)(const char *text);
};
extern const struct node_info node_infos[NODES];

// The nodes with names of a directory: the next one after `after`, NODE_NONE at the end.
uint32_t node_next(uint32_t directory, uint32_t after);
// The directory above a place.
struct place place_above(struct place place);
// What a place is called in its directory.
#define PLACE_NAME 24
void place_name(struct place place, char name[PLACE_NAME]);
#define PROC_DEVICE 0x15 // st_dev of this file system
// Of what a place tells: never of two the same.
uint64_t place_inode(struct place place);
// NOT_FOUND (the process is gone).
[[nodiscard]] status_t place_attributes(struct procfs *fs, struct place place,
                                        struct fs_attributes *out);
// Whether who calls may read a place, or go through it as a link. FORBIDDEN, NOT_FOUND.
[[nodiscard]] status_t place_check(struct place place, const struct packet *packet);

// ---- process.c, status.c, maps.c: files of a process

void make_process_stat(const struct making *making);
void make_process_statm(const struct making *making);
void make_process_status(const struct making *making);
void make_process_cmdline(const struct making *making);
void make_process_comm(const struct making *making);
void make_process_environ(const struct making *making);
void make_process_auxv(const struct making *making);
void make_process_limits(const struct making *making);
void make_process_maps(const struct making *making);
void make_fdinfo(const struct making *making);

// What the kernel's mappings of a process come to, in pages; those of the libos are not counted.
struct memory_sum {
    uint64_t all, resident, code, data, stack;
};
struct memory_sum memory_sum(struct subject *subject);

// ---- mount.c

// Adds the path of the place that a mount covers; nothing when it is not known, or the root.
void mount_add_point(struct procfs *fs, uint32_t mount, struct text *text);

// ---- links.c

#define LINK_BYTES_MAX 4096
// What readlink says. Bytes of the text, or FORBIDDEN, NOT_FOUND, NAME_TOO_LONG.
[[nodiscard]] int64_t link_text(struct procfs *fs, const struct packet *packet, struct place place,
                                char text[LINK_BYTES_MAX]);
// What the caller's libos is told when a walk comes to a link that only it can follow: the first
// part of the rest. FORBIDDEN, NOT_FOUND.
#define MAGIC_BYTES_MAX 32
[[nodiscard]] status_t link_magic(const struct packet *packet, struct place place,
                                  char text[MAGIC_BYTES_MAX]);

// ---- content.c, x86_64/cpuinfo.c

struct system_info kernel_info(void);

void make_version(const struct making *making);
void make_uptime(const struct making *making);
void make_loadavg(const struct making *making);
void make_meminfo(const struct making *making);
void make_stat(const struct making *making);
void make_cpuinfo(const struct making *making);
void make_kernel_version(const struct making *making);
void make_osrelease(const struct making *making);
void make_hostname(const struct making *making);
void make_uuid(const struct making *making);
void make_boot_id(const struct making *making);
int64_t store_hostname(const char *text);

// ---- mount.c: what is told of mounts, from the table of vfsd

void make_mounts(const struct making *making);
void make_mountinfo(const struct making *making);

// ---- walk.c

struct route {
    struct place place;
    uint32_t rest_bytes;         // at the end of the path, when the walk leaves
    char magic[MAGIC_BYTES_MAX]; // FS_WALK_MAGIC: what stands before it
    bool is_new;                 // only the last name is not there
};

enum walk_flags {
    WALK_FOLLOW = 1, // a link in the last name
    WALK_NEW = 2,    // the last name need not exist
};

// Reads the path of a call into fs->path. OK, or what the handler is to return.
[[nodiscard]] int64_t path_read(struct procfs *fs, const struct packet *packet);
// Walks `bytes` of fs->path. OK; FS_WALK_UP, FS_WALK_MAGIC; NOT_FOUND, NOT_DIRECTORY, FORBIDDEN.
[[nodiscard]] int64_t walk_path(struct procfs *fs, const struct packet *packet,
                                const struct description *from, uint32_t bytes, uint32_t flags,
                                struct route *route);
// Reads some bytes of the in window. OK, or what the handler is to return.
[[nodiscard]] int64_t window_take(const struct packet *packet, void *out, uint64_t bytes);
// Puts some bytes into the out window. OK, or what the handler is to return.
[[nodiscard]] int64_t window_fill(const struct packet *packet, const void *data, uint64_t bytes);
// The walk left with `result`: the rest of the path goes into the out window. What the handler is
// to return.
[[nodiscard]] int64_t walk_leave(struct procfs *fs, const struct packet *packet, uint32_t bytes,
                                 const struct route *route, int64_t result, uint32_t *rest,
                                 uint32_t *mount);

// ---- open.c

// What a call came through, null when it was closed.
const struct description *description_of(struct procfs *fs, const struct packet *packet);
// The description that the server gave this secret, null for none.
const struct description *description_by_secret(struct procfs *fs, uint64_t secret);
void description_closed(struct server *server, uint64_t key);
// Makes channel and record of what `as` tells. LIMIT, NO_MEMORY.
[[nodiscard]] status_t description_make(struct procfs *fs, struct description *as,
                                        handle_t *client);
// Makes what a file holds anew, within a step. NO_PROCESS: who it is about is gone.
[[nodiscard]] status_t snapshot_take(struct procfs *fs, const struct packet *packet,
                                     const struct description *file);
// The path of a place below `prefix`, into fs->content. Its bytes.
uint32_t place_path(struct procfs *fs, const char *prefix, struct place place);

// ---- The operations

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
int64_t procfs_attach(void *context, const struct packet *packet,
                      const struct fs_attach_request *request, handle_t handles_out[1]);
int64_t procfs_detach(void *context, const struct packet *packet,
                      const struct fs_detach_request *request);
int64_t procfs_remount(void *context, const struct packet *packet,
                       const struct fs_remount_request *request);
int64_t procfs_table(void *context, const struct packet *packet, const handle_t handles_in[1]);
int64_t procfs_space(void *context, const struct packet *packet, struct fs_space_reply *reply);
