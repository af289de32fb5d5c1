// SPDX-License-Identifier: MIT
#include "procfs.h"

#include <ds/format.h>

#define DEVICE 0x15 // st_dev of this file system

#define DIRECTORY(called, above)                                                                   \
    { .name = (called), .parent = (above), .type = FS_TYPE_DIRECTORY }
#define FILE(called, above, maker)                                                                 \
    { .name = (called), .parent = (above), .type = FS_TYPE_REGULAR, .make = (maker) }

const struct node_info node_infos[NODES] = {
    [NODE_ROOT] = DIRECTORY("", NODE_NONE),
    [NODE_SELF] = {.name = "self", .parent = NODE_ROOT, .type = FS_TYPE_LINK},
    [NODE_VERSION] = FILE("version", NODE_ROOT, make_version),
    [NODE_UPTIME] = FILE("uptime", NODE_ROOT, make_uptime),
    [NODE_LOADAVG] = FILE("loadavg", NODE_ROOT, make_loadavg),
    [NODE_MEMINFO] = FILE("meminfo", NODE_ROOT, make_meminfo),
    [NODE_STAT] = FILE("stat", NODE_ROOT, make_stat),
    [NODE_CPUINFO] = FILE("cpuinfo", NODE_ROOT, make_cpuinfo),
    [NODE_FILESYSTEMS] = FILE("filesystems", NODE_ROOT, make_filesystems),
    [NODE_MOUNTS] = FILE("mounts", NODE_ROOT, make_mounts),
    [NODE_SYS] = DIRECTORY("sys", NODE_ROOT),
    [NODE_KERNEL] = DIRECTORY("kernel", NODE_SYS),
    [NODE_OSTYPE] = FILE("ostype", NODE_KERNEL, make_ostype),
    [NODE_OSRELEASE] = FILE("osrelease", NODE_KERNEL, make_osrelease),
    [NODE_HOSTNAME] = FILE("hostname", NODE_KERNEL, make_hostname),
    [NODE_PID_MAX] = FILE("pid_max", NODE_KERNEL, make_pid_max),
    [NODE_NGROUPS_MAX] = FILE("ngroups_max", NODE_KERNEL, make_ngroups_max),
    [NODE_PROCESS] = DIRECTORY(NULL, NODE_NONE), // its name is a pid
    [NODE_PROCESS_STAT] = FILE("stat", NODE_PROCESS, make_process_stat),
    [NODE_PROCESS_STATM] = FILE("statm", NODE_PROCESS, make_process_statm),
    [NODE_PROCESS_STATUS] = FILE("status", NODE_PROCESS, make_process_status),
    [NODE_PROCESS_CMDLINE] = FILE("cmdline", NODE_PROCESS, make_process_cmdline),
    [NODE_PROCESS_COMM] = FILE("comm", NODE_PROCESS, make_process_comm),
    [NODE_PROCESS_MOUNTS] = FILE("mounts", NODE_PROCESS, make_mounts),
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
        if (node_infos[node].parent == directory) {
            return node;
        }
    }
    return NODE_NONE;
}

uint64_t node_inode(uint32_t node, int32_t pid) {
    return (uint64_t)(uint32_t)pid << 8 | node;
}

status_t node_attributes(struct procfs *fs, uint32_t node, int32_t pid, struct fs_attributes *out) {
    struct proc_list_reply process = {0};
    status_t status = pid != 0 ? process_get(pid, &process) : OK;
    uint32_t type = node_infos[node].type;
    int64_t boot = fs->clock != NULL ? fs->clock->realtime_ns : 0;
    // A process's files are as old as it is; the others as the boot.
    int64_t time = boot + process.started_ns;
    *out = (struct fs_attributes){
        .device = DEVICE,
        .inode = node_inode(node, pid),
        .accessed = time,
        .modified = time,
        .changed = time,
        .created = time,
        .links = type == FS_TYPE_DIRECTORY ? 2 : 1,
        .mode = type << 12 | (type == FS_TYPE_LINK        ? 0777
                              : type == FS_TYPE_DIRECTORY ? 0555
                                                          : 0444),
        .uid = process.uid,
        .gid = process.gid,
        .block_bytes = PAGE_SIZE,
    };
    return status;
}
