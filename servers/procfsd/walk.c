// SPDX-License-Identifier: MIT
//
// From a path to a place, and the windows of a call. The link `self` leads to a directory beside
// it, so following it is no more than going on from there. The links of a process (cwd, root, exe,
// fd/3) lead to what only a libos can reach: there the walk leaves with FS_WALK_MAGIC.

#include "procfs.h"

#include <sys/calls.h>
#include <sys/string.h>

#define DIGITS_MAX 9

static int64_t copy_failed(int64_t status, int64_t touch) {
    if (status == ERR_NEEDS_PAGE) {
        return touch;
    }
    return status == ERR_OUT_OF_RANGE || status == 0 ? ERR_FAULT : status;
}

int64_t path_read(struct procfs *fs, const struct packet *packet) {
    return packet->in_bytes > PATH_BYTES_MAX ? ERR_NAME_TOO_LONG
                                             : window_take(packet, fs->path, packet->in_bytes);
}

int64_t window_take(const struct packet *packet, void *out, uint64_t bytes) {
    uint64_t done = 0;
    while (done < bytes) {
        int64_t count = sys_call_read(packet->token, done, (char *)out + done, bytes - done);
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
                   const struct route *route, int64_t result, uint32_t *rest, uint32_t *mount) {
    const struct description *from = description_of(fs, packet);
    *mount = from != NULL ? from->mount : 0;
    char text[MAGIC_BYTES_MAX + PATH_BYTES_MAX];
    uint32_t first = result == FS_WALK_MAGIC ? (uint32_t)strlen(route->magic) : 0;
    memcpy(text, route->magic, first);
    memcpy(text + first, fs->path + bytes - route->rest_bytes, route->rest_bytes);
    *rest = first + route->rest_bytes;
    if (*rest > packet->out_bytes) {
        return ERR_NAME_TOO_LONG;
    }
    int64_t status = window_fill(packet, text, *rest);
    return status == OK ? result : status;
}

static bool is_text(const char *name, uint32_t bytes, const char *text) {
    return text != NULL && strlen(text) == bytes && memcmp(name, text, bytes) == 0;
}

// A number without leading zeros, -1 when it is none.
static int32_t number_of(const char *name, uint32_t bytes) {
    int32_t number = 0;
    if (bytes > DIGITS_MAX || (name[0] == '0' && bytes > 1)) {
        return -1;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return -1;
        }
        number = number * 10 + (name[i] - '0');
    }
    return number;
}

// Whether a process has such a descriptor or thread.
static bool has_number(int32_t pid, uint32_t node, int32_t number) {
    struct subject subject;
    struct libos_file file;
    if (subject_open(pid, &subject) != OK) {
        return false;
    }
    bool found = node == NODE_TASK ? number > 0 && subject_thread(&subject, number - 1) == number
                                   : subject_file(&subject, number, &file);
    subject_close(&subject);
    return found;
}

// The node below a directory whose names are numbers, NODE_NONE for others.
static uint32_t numbered_node(uint32_t directory) {
    return directory == NODE_ROOT      ? NODE_PROCESS
           : directory == NODE_FDS     ? NODE_FD
           : directory == NODE_FDINFOS ? NODE_FDINFO
           : directory == NODE_TASKS   ? NODE_TASK
                                       : NODE_NONE;
}

static status_t step_down_number(struct place *place, int32_t number) {
    struct subject subject;
    uint32_t node = numbered_node(place->node);
    if (node == NODE_NONE || number < 0) {
        return ERR_NOT_FOUND;
    }
    if (node == NODE_PROCESS) {
        status_t status = number > 0 ? subject_open(number, &subject) : ERR_NOT_FOUND;
        if (status == OK) {
            *place = (struct place){.node = node, .pid = number};
        }
        return status;
    }
    if (!has_number(place->pid, node, number)) {
        return ERR_NOT_FOUND;
    }
    place->node = node;
    place->number = number;
    return OK;
}

// One name down. NOT_FOUND, FORBIDDEN.
static status_t step_down(const struct packet *packet, struct place *place, const char *name,
                          uint32_t bytes) {
    for (uint32_t node = node_next(place->node, 0); node != NODE_NONE;
         node = node_next(place->node, node)) {
        if (is_text(name, bytes, node_infos[node].name)) {
            place->node = node;
            return OK;
        }
    }
    // To know what is in a directory is as good as reading it.
    status_t status = place_check(*place, packet);
    return status == OK ? step_down_number(place, number_of(name, bytes)) : status;
}

// A link is to be followed: OK when `place` is where it leads, FS_WALK_MAGIC, or an error.
static int64_t follow(const struct packet *packet, struct route *route) {
    struct subject subject;
    uint32_t node = route->place.node;
    if (node != NODE_SELF && node != NODE_THREAD_SELF) {
        status_t status = link_magic(packet, route->place, route->magic);
        return status == OK ? FS_WALK_MAGIC : status;
    }
    status_t status = subject_of_caller(packet, &subject);
    if (status != OK) {
        return status;
    }
    route->place = (struct place){.node = NODE_PROCESS, .pid = subject.known.pid};
    if (node == NODE_THREAD_SELF) {
        route->place.node = NODE_TASK;
        route->place.number = subject_calling_thread(&subject, packet);
    }
    subject_close(&subject);
    return OK;
}

// What is left of the path from here on, without slashes before it.
static uint32_t rest_after(const char *at, const char *end) {
    while (at < end && *at == '/') {
        at++;
    }
    return (uint32_t)(end - at);
}

int64_t walk_path(struct procfs *fs, const struct packet *packet, const struct description *from,
                  uint32_t bytes, uint32_t flags, struct route *route) {
    const char *at = fs->path, *end = at + bytes;
    bool from_root = bytes > 0 && *at == '/';
    *route = (struct route){.place = from->place};
    if (from_root) {
        route->place = (struct place){.node = NODE_ROOT};
    }
    for (;;) {
        const char *here = at;
        at = end - rest_after(at, end);
        bool slash = at != here, last = at == end;
        bool link = node_infos[route->place.node].type == FS_TYPE_LINK;
        if (link && (!last || slash || (flags & WALK_FOLLOW) != 0)) {
            int64_t status = follow(packet, route);
            if (status != OK) {
                route->rest_bytes = (uint32_t)(end - here);
                return status;
            }
        }
        bool directory = node_infos[route->place.node].type == FS_TYPE_DIRECTORY;
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
            if (route->place.node == NODE_ROOT) {
                route->rest_bytes = rest_after(at, end);
                return FS_WALK_UP;
            }
            route->place = place_above(route->place);
        } else if (!is_text(name, length, ".")) {
            status_t status = step_down(packet, &route->place, name, length);
            if (status != OK) {
                route->is_new = at == end && (flags & WALK_NEW) != 0;
                return route->is_new && status == ERR_NOT_FOUND ? OK : status;
            }
        }
    }
}
