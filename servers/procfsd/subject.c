// SPDX-License-Identifier: MIT
//
// What is known of a process: procd's record, the pages that procd shares with it, and what its
// libos shows in its own memory (struct libos_info). The last is the word of a program that may be
// wild or hostile: every address is tried, every walk is bounded, and a string ends where its room
// does.

#include "procfs.h"

#include <proto/proc_client.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>

#define THREADS_MAX 4096 // nodes of the libos's list that are looked at
#define SLOTS_PIECE 64   // descriptors that are read at once

static status_t find(const struct proc_list_request *request, struct subject *subject) {
    *subject = (struct subject){0};
    int64_t result = proc_list(start_handle("proc"), request, &subject->known, INSTANT_NEVER);
    return result < 0 ? (status_t)result : OK;
}

status_t subject_after(int32_t after, struct subject *subject) {
    return find(&(struct proc_list_request){.after = after}, subject);
}

status_t subject_open(int32_t pid, struct subject *subject) {
    status_t status = subject_after(pid - 1, subject);
    return status == OK && subject->known.pid != pid ? ERR_NOT_FOUND : status;
}

status_t subject_of_caller(const struct packet *packet, struct subject *subject) {
    return find(&(struct proc_list_request){.process = packet->process}, subject);
}

static void close_handle(handle_t *handle) {
    if (*handle != HANDLE_NONE) {
        (void)!sys_handle_close(*handle);
        *handle = HANDLE_NONE;
    }
}

void subject_close(struct subject *subject) {
    close_handle(&subject->process);
    close_handle(&subject->identity);
    close_handle(&subject->signals);
    close_handle(&subject->aspace);
}

bool subject_look(struct subject *subject) {
    const struct proc_inspect_request request = {.pid = subject->known.pid};
    handle_t handles[3];
    if (subject->looked) {
        return subject->process != HANDLE_NONE;
    }
    subject->looked = true;
    if (proc_inspect(start_handle("proc"), &request, handles, INSTANT_NEVER) < 0) {
        return false;
    }
    subject->process = handles[0];
    subject->identity = handles[1];
    subject->signals = handles[2];
    int64_t aspace = sys_process_aspace(subject->process);
    subject->aspace = aspace < 0 ? HANDLE_NONE : (handle_t)aspace;
    struct libos_info *info = &subject->info;
    if (!subject_read(subject, LIBOS_INFO, info, sizeof(*info)) ||
        info->magic != LIBOS_INFO_MAGIC || info->version != LIBOS_INFO_VERSION) {
        *info = (struct libos_info){0};
    }
    return true;
}

uint64_t subject_copy(struct subject *subject, vaddr_t addr, void *out, uint64_t bytes) {
    uint64_t done = 0;
    if (addr == 0 || !subject_look(subject) || subject->aspace == HANDLE_NONE) {
        return 0;
    }
    while (done < bytes) {
        int64_t got =
            sys_aspace_read(subject->aspace, addr + done, (char *)out + done, bytes - done);
        if (got <= 0) {
            break;
        }
        done += (uint64_t)got;
    }
    return done;
}

bool subject_read(struct subject *subject, vaddr_t addr, void *out, uint64_t bytes) {
    return subject_copy(subject, addr, out, bytes) == bytes;
}

void subject_string(struct subject *subject, vaddr_t addr, char *out, uint32_t room) {
    uint64_t got = subject_copy(subject, addr, out, room - 1);
    out[got] = '\0';
}

void subject_name(struct subject *subject, int32_t tid, char name[LIBOS_NAME_BYTES]) {
    struct libos_thread thread;
    vaddr_t at = 0;
    memcpy(name, subject->known.comm, LIBOS_NAME_BYTES);
    name[LIBOS_NAME_BYTES - 1] = '\0';
    if (!subject_look(subject) || !subject_read(subject, subject->info.threads, &at, sizeof(at))) {
        return;
    }
    for (uint32_t i = 0; at != 0 && i < THREADS_MAX; i++, at = thread.next) {
        if (!subject_read(subject, at, &thread, sizeof(thread))) {
            return;
        }
        if (thread.tid == tid) {
            memcpy(name, thread.name, LIBOS_NAME_BYTES - 1);
            return;
        }
    }
}

int32_t subject_calling_thread(struct subject *subject, const struct packet *packet) {
    struct signal_page page = {0};
    if (subject_look(subject)) {
        (void)!sys_vmo_read(subject->signals, 0, &page, sizeof(page));
    }
    for (uint32_t i = 0; i < SIGNAL_THREADS; i++) {
        int32_t tid = page.threads[i].tid;
        if (page.threads[i].thread == packet->thread && tid > 0 &&
            subject_thread(subject, tid - 1) == tid) {
            return tid;
        }
    }
    return subject->known.pid;
}

int32_t subject_thread(struct subject *subject, int32_t after) {
    const struct proc_threads_request request = {.pid = subject->known.pid, .after = after};
    struct proc_threads_reply reply;
    int64_t result = proc_threads(start_handle("proc"), &request, &reply, INSTANT_NEVER);
    return result < 0 ? 0 : reply.tid;
}

bool subject_file(struct subject *subject, int32_t fd, struct libos_file *file) {
    struct libos_slot slot;
    return fd >= 0 && fd < LIBOS_FDS_MAX && subject_look(subject) && subject->info.slots != 0 &&
           subject_read(subject, subject->info.slots + (uint64_t)fd * sizeof(slot), &slot,
                        sizeof(slot)) &&
           slot.file != 0 && subject_read(subject, slot.file, file, sizeof(*file));
}

int32_t subject_next_file(struct subject *subject, int32_t fd) {
    struct libos_slot slots[SLOTS_PIECE];
    if (!subject_look(subject) || subject->info.slots == 0) {
        return -1;
    }
    while (fd < LIBOS_FDS_MAX) {
        int32_t first = fd - fd % SLOTS_PIECE;
        vaddr_t at = subject->info.slots + (uint64_t)first * sizeof(slots[0]);
        if (!subject_read(subject, at, slots, sizeof(slots))) {
            return -1;
        }
        for (; fd < first + SLOTS_PIECE; fd++) {
            if (slots[fd - first].file != 0) {
                return fd;
            }
        }
    }
    return -1;
}

bool subject_allows(const struct subject *subject, const struct packet *packet) {
    const uint32_t *ids = subject->known.ids; // uid, euid, suid first
    uint32_t uid = (uint32_t)packet->cookie;
    return uid == 0 || packet->process == subject->known.process ||
           (uid == ids[0] && uid == ids[1] && uid == ids[2]);
}
