// SPDX-License-Identifier: MIT
//
// The links of a process: its directories, its program, its descriptors. What a descriptor is its
// libos shows. The path of a file its server tells to who knows the description's secret, which the
// libos shows, too: a process can only name what it has open.

#include "procfs.h"

#include <proto/fs_client.h>
#include <sys/start.h>
#include <sys/string.h>

// The path of the description with a secret, as it is now. Its bytes, or NOT_FOUND (no server here
// knows it), NAME_TOO_LONG.
static int64_t path_of(struct procfs *fs, uint64_t secret, uint64_t inode,
                       char text[LINK_BYTES_MAX], uint64_t *offset) {
    const struct fs_place_of_request request = {.secret = secret};
    struct fs_place_of_reply reply;
    struct text out = {.bytes = text, .size = LINK_BYTES_MAX};
    char inner[LINK_BYTES_MAX]; // within its mount
    *offset = 0;
    if (secret == 0) {
        text_add(&out, "/");
        return out.used;
    }
    int64_t result = fs_place_of(start_handle("root"), &request, &reply, inner, sizeof(inner) - 1,
                                 INSTANT_NEVER);
    if (result < 0) {
        const struct description *own = description_by_secret(fs, secret);
        *offset = own != NULL ? own->offset : 0;
        result = own != NULL ? (int64_t)place_path(fs, fs->at, own->place) : ERR_NOT_FOUND;
        memcpy(text, fs->content, result > 0 ? (size_t)result : 0);
        return result;
    }
    *offset = reply.offset;
    mount_add_point(fs, reply.mount, &out);
    if (reply.deleted != 0) {
        text_add(&out, "/#%lu (deleted)", inode);
    } else if (out.used == 0 || reply.bytes > 1) { // of the root of a mount only its place counts
        inner[reply.bytes] = '\0';
        text_add(&out, "%s", inner);
    }
    return out.used;
}

// Of a device by its number (st_rdev).
static void device_path(struct text *text, uint64_t device) {
    static const struct {
        uint32_t device;
        const char *path;
    } known[] = {
        {1 << 8 | 3, "/dev/null"},    {1 << 8 | 5, "/dev/zero"},    {1 << 8 | 7, "/dev/full"},
        {1 << 8 | 8, "/dev/random"},  {1 << 8 | 9, "/dev/urandom"}, {5 << 8, "/dev/tty"},
        {5 << 8 | 1, "/dev/console"}, {5 << 8 | 2, "/dev/ptmx"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].device == device) {
            text_add(text, "%s", known[i].path);
            return;
        }
    }
    uint32_t major = (uint32_t)(device >> 8 & 0xfff), minor = (uint32_t)(device & 0xff);
    if (major == 136) {
        text_add(text, "/dev/pts/%u", minor);
    } else {
        text_add(text, "/dev/char/%u:%u", major, minor);
    }
}

// What a descriptor shows, and its offset if a server keeps one. As link_text.
static int64_t file_text(struct procfs *fs, const struct libos_file *file,
                         char text[LINK_BYTES_MAX], uint64_t *offset) {
    struct text out = {.bytes = text, .size = LINK_BYTES_MAX};
    *offset = 0;
    switch (file->kind) {
    case FD_FILE:
        if (file->secret != 0) {
            return path_of(fs, file->secret, file->inode, text, offset);
        }
        if (file->device == 0) {
            return ERR_NOT_FOUND;
        }
        device_path(&out, file->device);
        break;
    case FD_STREAM:
        text_add(&out, (file->flags & 3) == 2 ? "socket:[%lu]" : "pipe:[%lu]", file->inode);
        break;
    case FD_EVENT:
        text_add(&out, "anon_inode:[eventfd]");
        break;
    case FD_TIMER:
        text_add(&out, "anon_inode:[timerfd]");
        break;
    case FD_PROCESS:
        text_add(&out, "anon_inode:[pidfd]");
        break;
    case FD_LOG:
        text_add(&out, "/dev/kmsg");
        break;
    default: // a terminal, a device that the libos plays, or a set of epoll
        if (file->device != 0) {
            device_path(&out, file->device);
        } else {
            text_add(&out, "anon_inode:[eventpoll]");
        }
    }
    return out.used;
}

// The secret of one of the three links with names.
static bool named_secret(struct subject *subject, uint32_t node, uint64_t *secret) {
    struct libos_places places;
    if (!subject_look(subject) ||
        !subject_read(subject, subject->info.places, &places, sizeof(places))) {
        return false;
    }
    *secret = node == NODE_PROCESS_CWD    ? places.cwd
              : node == NODE_PROCESS_ROOT ? places.root
                                          : places.exe;
    return true;
}

static int64_t subject_link(struct procfs *fs, struct subject *subject, struct place place,
                            char text[LINK_BYTES_MAX]) {
    struct libos_file file;
    uint64_t secret, offset;
    if (place.node == NODE_FD) {
        return subject_file(subject, place.number, &file) ? file_text(fs, &file, text, &offset)
                                                          : ERR_NOT_FOUND;
    }
    if (!named_secret(subject, place.node, &secret)) {
        return ERR_NOT_FOUND;
    }
    if (place.node == NODE_PROCESS_EXE && secret == 0) {
        subject_string(subject, subject->info.exe, text, LINK_BYTES_MAX);
        return text[0] != '\0' ? (int64_t)strlen(text) : ERR_NOT_FOUND;
    }
    return path_of(fs, secret, 0, text, &offset);
}

// The links that mean who reads them.
static int64_t own_link(const struct packet *packet, uint32_t node, char text[LINK_BYTES_MAX]) {
    struct subject subject;
    struct text out = {.bytes = text, .size = LINK_BYTES_MAX};
    status_t status = subject_of_caller(packet, &subject);
    if (status != OK) {
        return status;
    }
    text_add(&out, "%d", subject.known.pid);
    if (node == NODE_THREAD_SELF) {
        text_add(&out, "/task/%d", subject_calling_thread(&subject, packet));
    }
    subject_close(&subject);
    return out.used;
}

int64_t link_text(struct procfs *fs, const struct packet *packet, struct place place,
                  char text[LINK_BYTES_MAX]) {
    struct subject subject;
    if (place.node == NODE_SELF || place.node == NODE_THREAD_SELF) {
        return own_link(packet, place.node, text);
    }
    status_t status = subject_open(place.pid, &subject);
    if (status != OK) {
        return status;
    }
    int64_t bytes = ERR_FORBIDDEN;
    if (subject_allows(&subject, packet)) {
        bytes = subject_link(fs, &subject, place, text);
    }
    subject_close(&subject);
    return bytes;
}

static const char *const magic_names[NODES] = {
    [NODE_PROCESS_CWD] = "cwd",
    [NODE_PROCESS_ROOT] = "root",
    [NODE_PROCESS_EXE] = "exe",
};

// Of another process only what a file server knows can be opened: by its secret.
static status_t magic_of_other(struct subject *subject, struct place place, struct text *out) {
    struct libos_file file;
    uint64_t secret;
    if (place.node == NODE_FD) {
        if (!subject_file(subject, place.number, &file)) {
            return ERR_NOT_FOUND;
        }
        if (file.kind != FD_FILE || file.secret == 0) {
            return ERR_FORBIDDEN;
        }
        secret = file.secret;
    } else if (!named_secret(subject, place.node, &secret)) {
        return ERR_NOT_FOUND;
    }
    text_add(out, "@%016lx", secret);
    return OK;
}

status_t link_magic(const struct packet *packet, struct place place, char text[MAGIC_BYTES_MAX]) {
    struct subject subject;
    struct text out = {.bytes = text, .size = MAGIC_BYTES_MAX};
    status_t status = subject_open(place.pid, &subject);
    if (status != OK) {
        return status;
    }
    if (!subject_allows(&subject, packet)) {
        status = ERR_FORBIDDEN;
    } else if (subject.known.process != packet->process) {
        status = magic_of_other(&subject, place, &out);
    } else if (place.node == NODE_FD) {
        text_add(&out, "%d", place.number);
    } else {
        text_add(&out, "%s", magic_names[place.node]);
    }
    subject_close(&subject);
    return status;
}

static void add_octal(struct text *text, uint32_t value) {
    if (value >= 8) {
        add_octal(text, value / 8);
    }
    text_add(text, "%u", value % 8);
}

#define CLOSE_ON_EXEC 02000000u

void make_fdinfo(const struct making *making) {
    char text[LINK_BYTES_MAX];
    struct libos_file file;
    struct libos_slot slot;
    struct subject *subject = making->subject;
    vaddr_t at = (uint64_t)making->place.number * sizeof(slot);
    uint64_t offset;
    if (!subject_file(subject, making->place.number, &file) ||
        !subject_read(subject, subject->info.slots + at, &slot, sizeof(slot))) {
        return;
    }
    (void)file_text(making->fs, &file, text, &offset);
    offset = file.private != 0 ? file.position : offset;
    text_add(making->text, "pos:\t%lu\nflags:\t0", offset);
    add_octal(making->text, file.flags | (slot.close_on_exec != 0 ? CLOSE_ON_EXEC : 0));
    text_add(making->text, "\nmnt_id:\t1\nino:\t%lu\n", file.inode);
}
