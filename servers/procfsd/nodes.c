// SPDX-License-Identifier: MIT
#include "procfs.h"

#include <ds/format.h>
#include <sys/string.h>

#define DIRECTORY(called, above)                                                                   \
    { .name = (called), .parent = (above), .type = FS_TYPE_DIRECTORY, .mode = 0555 }
#define FILE(called, above, maker)                                                                 \
    { .name = (called), .parent = (above), .type = FS_TYPE_REGULAR, .mode = 0444, .make = (maker) }
#define TEXT(called, above, always)                                                                \
    { .name = (called), .parent = (above), .type = FS_TYPE_REGULAR, .mode = 0444, .text = (always) }
// What only the owner of the process and root may look at.
#define OWN_DIRECTORY(called, above, bits)                                                         \
    {                                                                                              \
        .name = (called), .parent = (above), .type = FS_TYPE_DIRECTORY, .mode = (bits),            \
        .guarded = true                                                                            \
    }
#define OWN_FILE(called, above, bits, maker)                                                       \
    {                                                                                              \
        .name = (called), .parent = (above), .type = FS_TYPE_REGULAR, .mode = (bits),              \
        .guarded = true, .make = (maker)                                                           \
    }
#define OWN_LINK(called, above)                                                                    \
    { .name = (called), .parent = (above), .type = FS_TYPE_LINK, .mode = 0777, .guarded = true }

const struct node_info node_infos[NODES] = {
    [NODE_ROOT] = DIRECTORY("", NODE_NONE),
    [NODE_SELF] = {.name = "self", .parent = NODE_ROOT, .type = FS_TYPE_LINK, .mode = 0777},
    [NODE_THREAD_SELF] = {.name = "thread-self",
                          .parent = NODE_ROOT,
                          .type = FS_TYPE_LINK,
                          .mode = 0777},
    [NODE_VERSION] = FILE("version", NODE_ROOT, make_version),
    [NODE_UPTIME] = FILE("uptime", NODE_ROOT, make_uptime),
    [NODE_LOADAVG] = FILE("loadavg", NODE_ROOT, make_loadavg),
    [NODE_MEMINFO] = FILE("meminfo", NODE_ROOT, make_meminfo),
    [NODE_STAT] = FILE("stat", NODE_ROOT, make_stat),
    [NODE_CPUINFO] = FILE("cpuinfo", NODE_ROOT, make_cpuinfo),
    [NODE_FILESYSTEMS] = TEXT("filesystems", NODE_ROOT, "nodev\ttmpfs\nnodev\tproc\n"),
    [NODE_MOUNTS] = FILE("mounts", NODE_ROOT, make_mounts),
    [NODE_SYS] = DIRECTORY("sys", NODE_ROOT),
    [NODE_KERNEL] = DIRECTORY("kernel", NODE_SYS),
    [NODE_SWAPS] = TEXT("swaps", NODE_ROOT, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
    [NODE_MODULES] = TEXT("modules", NODE_ROOT, ""),
    [NODE_OSTYPE] = TEXT("ostype", NODE_KERNEL, "Linux\n"),
    [NODE_OSRELEASE] = FILE("osrelease", NODE_KERNEL, make_osrelease),
    [NODE_HOSTNAME] = {.name = "hostname",
                       .parent = NODE_KERNEL,
                       .type = FS_TYPE_REGULAR,
                       .mode = 0644,
                       .make = make_hostname,
                       .store = store_hostname},
    [NODE_DOMAINNAME] = TEXT("domainname", NODE_KERNEL, "(none)\n"),
    [NODE_KERNEL_VERSION] = FILE("version", NODE_KERNEL, make_kernel_version),
    [NODE_PID_MAX] = TEXT("pid_max", NODE_KERNEL, "4194304\n"),
    [NODE_NGROUPS_MAX] = TEXT("ngroups_max", NODE_KERNEL, "32\n"),
    [NODE_CAP_LAST_CAP] = TEXT("cap_last_cap", NODE_KERNEL, "40\n"),
    [NODE_THREADS_MAX] = TEXT("threads-max", NODE_KERNEL, "3072\n"),
    [NODE_RANDOM] = DIRECTORY("random", NODE_KERNEL),
    [NODE_UUID] = FILE("uuid", NODE_RANDOM, make_uuid),
    [NODE_BOOT_ID] = FILE("boot_id", NODE_RANDOM, make_boot_id),
    [NODE_VM] = DIRECTORY("vm", NODE_SYS),
    [NODE_OVERCOMMIT] = TEXT("overcommit_memory", NODE_VM, "0\n"),
    [NODE_FS] = DIRECTORY("fs", NODE_SYS),
    [NODE_NR_OPEN] = TEXT("nr_open", NODE_FS, "1024\n"),
    [NODE_PIPE_MAX] = TEXT("pipe-max-size", NODE_FS, "65536\n"),
    [NODE_PROCESS] = DIRECTORY(NULL, NODE_NONE),
    [NODE_PROCESS_STAT] = FILE("stat", NODE_PROCESS, make_process_stat),
    [NODE_PROCESS_STATM] = FILE("statm", NODE_PROCESS, make_process_statm),
    [NODE_PROCESS_STATUS] = FILE("status", NODE_PROCESS, make_process_status),
    [NODE_PROCESS_CMDLINE] = FILE("cmdline", NODE_PROCESS, make_process_cmdline),
    [NODE_PROCESS_COMM] = FILE("comm", NODE_PROCESS, make_process_comm),
    [NODE_PROCESS_ENVIRON] = OWN_FILE("environ", NODE_PROCESS, 0400, make_process_environ),
    [NODE_PROCESS_AUXV] = OWN_FILE("auxv", NODE_PROCESS, 0400, make_process_auxv),
    [NODE_PROCESS_LIMITS] = FILE("limits", NODE_PROCESS, make_process_limits),
    [NODE_PROCESS_MAPS] = OWN_FILE("maps", NODE_PROCESS, 0444, make_process_maps),
    [NODE_PROCESS_MOUNTS] = FILE("mounts", NODE_PROCESS, make_mounts),
    [NODE_PROCESS_MOUNTINFO] = FILE("mountinfo", NODE_PROCESS, make_mountinfo),
    [NODE_PROCESS_CWD] = OWN_LINK("cwd", NODE_PROCESS),
    [NODE_PROCESS_ROOT] = OWN_LINK("root", NODE_PROCESS),
    [NODE_PROCESS_EXE] = OWN_LINK("exe", NODE_PROCESS),
    [NODE_FDS] = OWN_DIRECTORY("fd", NODE_PROCESS, 0500),
    [NODE_FD] = OWN_LINK(NULL, NODE_FDS),
    [NODE_FDINFOS] = OWN_DIRECTORY("fdinfo", NODE_PROCESS, 0555),
    [NODE_FDINFO] = OWN_FILE(NULL, NODE_FDINFOS, 0444, make_fdinfo),
    [NODE_TASKS] = DIRECTORY("task", NODE_PROCESS),
    [NODE_TASK] = DIRECTORY(NULL, NODE_TASKS),
    [NODE_TASK_STAT] = FILE("stat", NODE_TASK, make_process_stat),
    [NODE_TASK_STATUS] = FILE("status", NODE_TASK, make_process_status),
    [NODE_TASK_COMM] = FILE("comm", NODE_TASK, make_process_comm),
};

void text_add(struct text *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int bytes = text_format_v(text->bytes + text->used, text->size - text->used, format, args);
    va_end(args);
    uint32_t room = text->size - text->used - 1; // a zero follows
    text->used += (uint32_t)bytes < room ? (uint32_t)bytes : room;
}

uint32_t node_next(uint32_t directory, uint32_t after) {
    for (uint32_t node = after + 1; node < NODES; node++) {
        if (node_infos[node].parent == directory && node_infos[node].name != NULL) {
            return node;
        }
    }
    return NODE_NONE;
}

struct place place_above(struct place place) {
    uint32_t parent = node_infos[place.node].parent;
    bool numbered = parent == NODE_TASK; // the others have no number, or lie right below theirs
    place.node = parent != NODE_NONE ? parent : NODE_ROOT;
    place.pid = place.node == NODE_ROOT ? 0 : place.pid;
    place.number = numbered ? place.number : 0;
    return place;
}

void place_name(struct place place, char name[PLACE_NAME]) {
    const char *fixed = node_infos[place.node].name;
    if (fixed != NULL) {
        (void)text_copy(name, PLACE_NAME, fixed);
    } else {
        int32_t number = place.node == NODE_PROCESS ? place.pid : place.number;
        (void)text_format(name, PLACE_NAME, "%d", number);
    }
}

uint64_t place_inode(struct place place) {
    return (uint64_t)(uint32_t)place.pid << 32 | (uint32_t)place.number << 8 | place.node;
}

// Of a link to a descriptor: what it allows.
static uint32_t link_bits(const struct libos_file *file) {
    uint32_t access = file->flags & 3;
    return (access != 1 ? 0500 : 0) | (access != 0 ? 0300 : 0);
}

status_t place_attributes(struct procfs *fs, struct place place, struct fs_attributes *out) {
    struct subject subject = {0};
    struct libos_file file;
    status_t status = place.pid != 0 ? subject_open(place.pid, &subject) : OK;
    const struct node_info *node = &node_infos[place.node];
    int64_t boot = fs->clock != NULL ? fs->clock->realtime_ns : 0;
    // A process's files are as old as it is; the others as the boot.
    int64_t time = boot + subject.known.started_ns;
    *out = (struct fs_attributes){
        .device = PROC_DEVICE,
        .inode = place_inode(place),
        .accessed = time,
        .modified = time,
        .changed = time,
        .created = time,
        .links = node->type == FS_TYPE_DIRECTORY ? 2 : 1,
        .mode = (uint32_t)node->type << 12 | node->mode,
        .uid = subject.known.ids[1],
        .gid = subject.known.ids[5],
        .block_bytes = PAGE_SIZE,
    };
    if (status == OK && place.node == NODE_FD && subject_file(&subject, place.number, &file)) {
        out->mode = FS_TYPE_LINK << 12 | link_bits(&file);
        out->size = 64;
    }
    subject_close(&subject);
    return status;
}

status_t place_check(struct place place, const struct packet *packet) {
    struct subject subject;
    if (!node_infos[place.node].guarded) {
        return OK;
    }
    status_t status = subject_open(place.pid, &subject);
    return status == OK && !subject_allows(&subject, packet) ? ERR_FORBIDDEN : status;
}
