// SPDX-License-Identifier: MIT
//
// Users, groups and priorities: what a process has changed must stand in the kernel's cookie, in
// its page and in the table of groups before the answer comes.

#include "linux_task.h"

#include <abi/groups.h>
#include <abi/libos.h>
#include <proto/proc_client.h>
#include <sys/calls.h>

#define CHANNEL ((handle_t)1)

static struct sim_vmo *group_vmo; // of struct group_table

static void check_user(struct task *self) {
    const struct identity_page *page = (const void *)self->process->identity->memory;
    uint64_t cookie = self->user == 0 ? (uint64_t)1 << 63 : self->user;
    EXPECT(self, "the cookie", (int64_t)sim.current->cookie, (int64_t)cookie);
    EXPECT(self, "the page's user", page->euid, self->user);
}

// As a file server sees them.
static void check_groups(struct task *self) {
    const struct group_table *table = (const void *)group_vmo->memory;
    uint32_t found = 0;
    bool right = true;
    for (uint32_t slot = 0; slot < table->top; slot++) {
        const struct group_entry *entry = &table->entries[slot];
        uint32_t side = entry->sequence & 1;
        if (entry->process == self->process->id) {
            found = entry->counts[side];
            right = found == 0 || entry->groups[side][found - 1] == self->group + found - 1;
        }
    }
    EXPECT(self, "the groups in the table", found, self->groups);
    EXPECT(self, "the last of them is right", right, true);
}

void change_groups(struct task *self) {
    struct proc_set_groups_request request = {.count = (uint32_t)sim_random(4)};
    uint32_t first = (uint32_t)sim_random(100);
    for (uint32_t i = 0; i < request.count; i++) {
        request.groups[i] = first + i;
    }
    check_groups(self);
    bool root = self->user == 0;
    EXPECT(self, "set_groups", CALL(self, proc_set_groups(CHANNEL, &request, INSTANT_NEVER)),
           root ? OK : ERR_NOT_PERMITTED);
    self->groups = root ? request.count : self->groups;
    self->group = root ? first : self->group;
    check_groups(self);
}

// Gives root up and takes it back, as seteuid does.
void change_user(struct task *self) {
    uint32_t user = self->user == 0 ? 1 + (uint32_t)sim_random(100) : 0;
    struct proc_set_ids_request request = {.what = 2, .ids = {0, user}};
    check_user(self);
    EXPECT(self, "set_ids", CALL(self, proc_set_ids(CHANNEL, &request, INSTANT_NEVER)), OK);
    self->user = user;
    check_user(self);
    struct proc_set_ids_request other = {.what = 1, .ids = {user + 1}};
    EXPECT(self, "set_ids of another",
           user == 0 ? ERR_NOT_PERMITTED : CALL(self, proc_set_ids(CHANNEL, &other, INSTANT_NEVER)),
           ERR_NOT_PERMITTED);
    check_user(self);
}

// Down is always allowed.
void change_priority(struct task *self) {
    struct proc_get_priority_request ask = {.which = PROC_PRIORITY_PROCESS, .id = self->pid};
    struct proc_get_priority_reply before = {0}, after = {0};
    EXPECT(self, "get_priority",
           CALL(self, proc_get_priority(CHANNEL, &ask, &before, INSTANT_NEVER)), OK);
    int32_t nice = before.nice < 19 ? before.nice + 1 : 19;
    struct proc_set_priority_request request = {.which = PROC_PRIORITY_PROCESS, .nice = nice};
    EXPECT(self, "set_priority", CALL(self, proc_set_priority(CHANNEL, &request, INSTANT_NEVER)),
           OK);
    EXPECT(self, "get_priority",
           CALL(self, proc_get_priority(CHANNEL, &ask, &after, INSTANT_NEVER)), OK);
    EXPECT(self, "the priority", after.nice, nice);
}

// As vfsd does for file servers.
void ask_for_groups(struct task *self) {
    handle_t handles[1] = {HANDLE_NONE};
    EXPECT(self, "groups", CALL(self, proc_groups(CHANNEL, handles, INSTANT_NEVER)), OK);
    struct sim_object *object =
        sim_handle_lookup(sim.current->process->table, handles[0], OBJECT_VMO);
    if (object == NULL) {
        world_fail("groups gave no vmo");
        return;
    }
    group_vmo = list_entry(object, struct sim_vmo, object);
    world.services[PROCD].baseline++; // it keeps the table
}
