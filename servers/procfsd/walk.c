// SPDX-License-Identifier: MIT
//
// From a path to a node, and the windows of a call. The one link, `self`, leads to a directory
// beside it, so following it is no more than going on from there.

#include "procfs.h"

#include <sys/calls.h>
#include <sys/string.h>

#define PID_DIGITS_MAX 9

static int64_t copy_failed(int64_t status, int64_t touch) {
    if (status == ERR_NEEDS_PAGE) {
        return touch;
    }
    return status == ERR_OUT_OF_RANGE || status == 0 ? ERR_FAULT : status;
}

int64_t path_read(struct procfs *fs, const struct packet *packet) {
    uint64_t done = 0;
    if (packet->in_bytes > PATH_BYTES_MAX) {
        return ERR_NAME_TOO_LONG;
    }
    while (done < packet->in_bytes) {
        int64_t count =
            sys_call_read(packet->token, done, fs->path + done, packet->in_bytes - done);
        if (count <= 0) {
            return copy_failed(count, PROTOCOL_TOUCH_IN(done));
        }
        done += (uint64_t)count;
    }
    return OK;
}

int64_t window_fill(const struct packet *packet, const void *data, uint64_t bytes) {
    uint64_t done = 0;
    while (done < bytes) {
        int64_t count =
            sys_call_write(packet->token, done, (const uint8_t *)data + done, bytes - done);
        if (count <= 0) {
            return copy_failed(count, PROTOCOL_TOUCH_OUT(done));
        }
        done += (uint64_t)count;
    }
    return OK;
}

int64_t walk_leave(struct procfs *fs, const struct packet *packet, uint32_t bytes,
                   const struct route *route, uint32_t *rest) {
    *rest = route->rest_bytes;
    if (*rest > packet->out_bytes) {
        return ERR_NAME_TOO_LONG;
    }
    int64_t status = window_fill(packet, fs->path + bytes - *rest, *rest);
    return status == OK ? FS_WALK_UP : status;
}

static bool is_text(const char *name, uint32_t bytes, const char *text) {
    return text != NULL && strlen(text) == bytes && memcmp(name, text, bytes) == 0;
}

// A pid without leading zeros, 0 when it is none.
static int32_t pid_of(const char *name, uint32_t bytes) {
    int32_t pid = 0;
    if (bytes > PID_DIGITS_MAX || name[0] == '0') {
        return 0;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return 0;
        }
        pid = pid * 10 + (name[i] - '0');
    }
    return pid;
}

// One name down. NOT_FOUND.
static status_t step_down(struct route *route, const char *name, uint32_t bytes) {
    for (uint32_t node = node_next(route->node, 0); node != NODE_NONE;
         node = node_next(route->node, node)) {
        if (is_text(name, bytes, node_infos[node].name)) {
            route->node = node;
            return OK;
        }
    }
    struct proc_list_reply process;
    int32_t pid = route->node == NODE_ROOT ? pid_of(name, bytes) : 0;
    status_t status = pid != 0 ? process_get(pid, &process) : ERR_NOT_FOUND;
    if (status == OK) {
        route->node = NODE_PROCESS;
        route->pid = pid;
    }
    return status;
}

static void step_up(struct route *route) {
    uint32_t parent = node_infos[route->node].parent;
    route->node = parent != NODE_NONE ? parent : NODE_ROOT;
    route->pid = route->node == NODE_ROOT ? 0 : route->pid;
}

static int64_t follow(const struct packet *packet, struct route *route) {
    int64_t pid = process_caller(packet);
    if (pid < 0) {
        return pid;
    }
    route->node = NODE_PROCESS;
    route->pid = (int32_t)pid;
    return OK;
}

int64_t walk_path(struct procfs *fs, const struct packet *packet, const struct description *from,
                  uint32_t bytes, uint32_t flags, struct route *route) {
    const char *at = fs->path, *end = at + bytes;
    bool from_root = bytes > 0 && *at == '/';
    *route = (struct route){
        .node = from_root ? NODE_ROOT : from->node,
        .pid = from_root ? 0 : from->pid,
    };
    for (;;) {
        bool slash = at < end && *at == '/';
        while (at < end && *at == '/') {
            at++;
        }
        bool last = at == end;
        if (node_infos[route->node].type == FS_TYPE_LINK &&
            (!last || slash || (flags & WALK_FOLLOW) != 0)) {
            int64_t status = follow(packet, route);
            if (status != OK) {
                return status;
            }
        }
        bool directory = node_infos[route->node].type == FS_TYPE_DIRECTORY;
        if (last) {
            return slash && !directory ? ERR_NOT_DIRECTORY : OK;
        }
        if (!directory) {
            return ERR_NOT_DIRECTORY;
        }
        const char *name = at;
        while (at < end && *at != '/') {
            at++;
        }
        uint32_t length = (uint32_t)(at - name);
        if (is_text(name, length, "..")) {
            if (route->node == NODE_ROOT) {
                route->rest_bytes = (uint32_t)(end - at);
                while (route->rest_bytes > 0 && end[-(int64_t)route->rest_bytes] == '/') {
                    route->rest_bytes--;
                }
                return FS_WALK_UP;
            }
            step_up(route);
        } else if (!is_text(name, length, ".")) {
            status_t status = step_down(route, name, length);
            if (status != OK) {
                route->is_new = at == end && (flags & WALK_NEW) != 0;
                return route->is_new && status == ERR_NOT_FOUND ? OK : status;
            }
        }
    }
}
