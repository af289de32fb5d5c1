// SPDX-License-Identifier: MIT
//
// Changing who the process is. procd decides, by the rules of setresuid(2) and its kin; here the
// older calls are put in terms of it.

#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <linux/handlers.h>
#include <proto/proc_client.h>
#include <sys/string.h>

// Bits of proc's set_ids, and places of its `ids`.
enum { UID, EUID, SUID, FSUID, GID, EGID, SGID, FSGID };
#define KEEP UINT32_MAX

static int64_t set_ids(const uint32_t ids[8], uint32_t what) {
    struct linux_process *process = process_current();
    struct proc_set_ids_request request = {.what = what};
    if (what == 0) {
        return 0;
    }
    memcpy(request.ids, ids, sizeof(request.ids));
    return process->alone ? -LINUX_EPERM
                          : linux_result(proc_set_ids(process->proc, &request, INSTANT_NEVER));
}

// Sets real, effective and saved id from `first` on; KEEP leaves one. The id for files follows the
// effective one.
static int64_t set_three(uint32_t first, uint32_t real, uint32_t effective, uint32_t saved) {
    uint32_t ids[8] = {0};
    const uint32_t wanted[3] = {real, effective, saved};
    uint32_t what = 0;
    for (uint32_t i = 0; i < 3; i++) {
        ids[first + i] = wanted[i];
        what |= wanted[i] != KEEP ? 1u << (first + i) : 0;
    }
    if (effective != KEEP) {
        ids[first + 3] = effective;
        what |= 1u << (first + 3);
    }
    return set_ids(ids, what);
}

int64_t linux_setresuid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set_three(UID, (uint32_t)args[0], (uint32_t)args[1], (uint32_t)args[2]);
}

int64_t linux_setresgid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set_three(GID, (uint32_t)args[0], (uint32_t)args[1], (uint32_t)args[2]);
}

static int64_t set_one(uint32_t first, uint32_t id) {
    bool root = identity_current()->euid == 0;
    if (id == KEEP) {
        return -LINUX_EINVAL;
    }
    return set_three(first, root ? id : KEEP, id, root ? id : KEEP);
}

int64_t linux_setuid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set_one(UID, (uint32_t)args[0]);
}

int64_t linux_setgid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set_one(GID, (uint32_t)args[0]);
}

// setreuid: the saved id follows the effective one when the real one is set, or the effective one
// becomes another than the real one.
static int64_t set_two(uint32_t first, uint32_t real, uint32_t effective, uint32_t old_real) {
    bool saves = real != KEEP || (effective != KEEP && effective != old_real);
    const volatile struct identity_page *identity = identity_current();
    uint32_t now = first == UID ? identity->euid : identity->egid;
    return set_three(first, real, effective, saves ? (effective != KEEP ? effective : now) : KEEP);
}

int64_t linux_setreuid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set_two(UID, (uint32_t)args[0], (uint32_t)args[1], identity_current()->uid);
}

int64_t linux_setregid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set_two(GID, (uint32_t)args[0], (uint32_t)args[1], identity_current()->gid);
}

// Both return the old id, whatever happens.
int64_t linux_setfsuid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t ids[8] = {[FSUID] = (uint32_t)args[0]}, old = identity_current()->fsuid;
    (void)!set_ids(ids, ids[FSUID] == KEEP ? 0 : 1u << FSUID);
    return old;
}

int64_t linux_setfsgid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t ids[8] = {[FSGID] = (uint32_t)args[0]}, old = identity_current()->fsgid;
    (void)!set_ids(ids, ids[FSGID] == KEEP ? 0 : 1u << FSGID);
    return old;
}

int64_t linux_setgroups(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct linux_process *process = process_current();
    struct proc_set_groups_request request = {.count = (uint32_t)args[0]};
    if (request.count > sizeof(request.groups) / sizeof(request.groups[0])) {
        return -LINUX_EINVAL;
    }
    if (!copy_in(request.groups, args[1], request.count * sizeof(request.groups[0]))) {
        return -LINUX_EFAULT;
    }
    return process->alone ? -LINUX_EPERM
                          : linux_result(proc_set_groups(process->proc, &request, INSTANT_NEVER));
}
