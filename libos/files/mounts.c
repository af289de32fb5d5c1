// SPDX-License-Identifier: MIT

#include <files/mounts.h>

#include <core/process.h>
#include <core/status.h>
#include <files/path.h>
#include <proto/fs_client.h>
#include <proto/proc_client.h>
#include <proto/vfs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#define DEPTH_MAX 16 // of mounts in mounts

handle_t mounts_server(void) {
    struct linux_process *process = process_current();
    handle_t known = __atomic_load_n(&process->vfs, __ATOMIC_ACQUIRE), got;
    if (known != HANDLE_NONE || process->proc == HANDLE_NONE ||
        proc_mounted(process->proc, &got, INSTANT_NEVER) < 0) {
        return known;
    }
    if (__atomic_compare_exchange_n(&process->vfs, &known, got, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        return got;
    }
    (void)!sys_handle_close(got); // another thread was faster
    return known;
}

int64_t mounts_root(uint32_t mount, handle_t *root, bool *owned) {
    uint64_t *place = &process_current()->mounted;
    uint64_t known = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    *owned = false;
    if (known != 0 && known >> 32 == mount) {
        *root = (handle_t)known;
        return 0;
    }
    const struct vfs_root_request request = {.mount = mount};
    handle_t server = mounts_server();
    if (server == HANDLE_NONE) {
        return -LINUX_ENOENT;
    }
    int64_t result = vfs_root(server, &request, root, INSTANT_NEVER);
    if (result < 0) {
        return linux_result(result);
    }
    uint64_t mine = (uint64_t)mount << 32 | *root;
    *owned = known != 0 || !__atomic_compare_exchange_n(place, &known, mine, false,
                                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return 0;
}

// Gives a place the root of this process, when that is of the same mount; otherwise the place may
// stay as it is.
static void confine(handle_t *point) {
    const struct fs_open_request look = {.flags = FS_OPEN_PATH};
    struct fs_open_reply reply = {0};
    char rest[16]; // nothing is walked
    handle_t root, confined;
    if (fs_open(process_current()->root, &look, NULL, 0, &reply, rest, sizeof(rest), &root,
                INSTANT_NEVER) != FS_WALK_DONE) {
        return;
    }
    const struct fs_open_request request = {
        .flags = FS_OPEN_PATH | FS_OPEN_ROOT_OF,
        .secret = reply.secret,
    };
    if (fs_open(*point, &request, NULL, 0, &reply, rest, sizeof(rest), &confined, INSTANT_NEVER) ==
        FS_WALK_DONE) {
        (void)!sys_handle_close(*point);
        *point = confined;
    }
    (void)!sys_handle_close(root);
}

int64_t mounts_up(uint32_t mount, handle_t *point) {
    const struct vfs_up_request request = {.mount = mount};
    handle_t server = mounts_server();
    if (server == HANDLE_NONE) {
        return -LINUX_ENOENT;
    }
    int64_t result = linux_result(vfs_up(server, &request, point, INSTANT_NEVER));
    if (result == 0) {
        confine(point);
    } else {
        *point = HANDLE_NONE;
    }
    return result;
}

// Puts a text before the `bytes` that stand at the end of `path`; what is only a slash adds nothing
// before another text. Returns the new count.
static int64_t put_before(char *path, int64_t bytes, const char *text, uint32_t text_bytes) {
    if (text_bytes == 1 && bytes != 0) {
        return bytes;
    }
    if (bytes + text_bytes > PATH_BYTES) {
        return -LINUX_ENAMETOOLONG;
    }
    memcpy(path + PATH_BYTES - bytes - text_bytes, text, text_bytes);
    return bytes + text_bytes;
}

int64_t mounts_place(handle_t directory, char *path) {
    char text[PATH_BYTES];
    handle_t here = directory, owned = HANDLE_NONE;
    int64_t bytes = 0;
    for (uint32_t depth = 0;; depth++) {
        struct fs_place_reply reply;
        int64_t result = linux_result(fs_place(here, &reply, text, sizeof(text), INSTANT_NEVER));
        result = result == 0 && reply.deleted != 0 ? -LINUX_ENOENT : result;
        bytes = result < 0 ? result : put_before(path, bytes, text, reply.bytes);
        if (owned != HANDLE_NONE) {
            (void)!sys_handle_close(owned);
            owned = HANDLE_NONE;
        }
        if (bytes < 0 || reply.mount == 0) {
            break;
        }
        result = depth < DEPTH_MAX ? mounts_up(reply.mount, &owned) : -LINUX_ELOOP;
        if (result < 0) {
            return result;
        }
        here = owned;
        bytes = bytes == 1 ? 0 : bytes; // the root of a mount: only its place counts
    }
    if (bytes > 0) {
        memmove(path, path + PATH_BYTES - bytes, (size_t)bytes);
    }
    return bytes;
}
