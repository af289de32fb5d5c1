// SPDX-License-Identifier: MIT
//
// Identity pages are written within the step that changes the records, before its commit. A procd
// that is killed between the two leaves a page that is ahead of its record; the retry of the call
// writes it again, and a start that had to undo a step writes all of them (state_start), for the
// case that the caller is gone. The same cures a page whose sequence was left odd.

#include "pages.h"

#include <sys/calls.h>
#include <sys/string.h>

#define BODY offsetof(struct identity_page, pid)

static status_t page_make(struct procd *procd, handle_t *vmo) {
    int64_t made = sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0);
    if (made < 0) {
        return (status_t)made;
    }
    *vmo = (handle_t)made;
    step_made(&procd->server.vault, *vmo);
    return OK;
}

static void identity_fill(const struct procd *procd, const struct process *process,
                          struct identity_page *page) {
    const struct traits *traits = traits_of(procd, process);
    page->pid = process->pid;
    page->ppid = process->parent;
    page->pgid = process->pgid;
    page->sid = process->sid;
    memcpy(&page->uid, traits->ids, sizeof(traits->ids));
    page->group_count = traits->group_count;
    memcpy(page->groups, traits->groups, sizeof(page->groups));
    page->capabilities = traits->ids[ID_EUID] == 0 ? UINT64_MAX >> 23 : 0;
    memcpy(page->limits, traits->limits, sizeof(page->limits));
}

static void put(const struct process *process, uint64_t offset, const void *data, size_t bytes) {
    // The page is procd's own, resident since it was made, and `bytes` lie within it.
    (void)!sys_vmo_write(process->identity, offset, data, bytes);
}

status_t pages_make(struct procd *procd, const struct process *process) {
    handle_t identity = HANDLE_NONE, signals = HANDLE_NONE;
    status_t status = page_make(procd, &identity);
    status = status == OK ? page_make(procd, &signals) : status;
    if (status == OK) {
        process_set(procd, process, identity, identity);
        process_set(procd, process, signals, signals);
        // Nobody reads it yet: it is written at once.
        struct identity_page page = {.sequence = 2};
        identity_fill(procd, process, &page);
        put(process, 0, &page, sizeof(page));
    }
    return status;
}

status_t pages_map(const struct process *process, handle_t aspace) {
    // A child has pages of its own: a fork must not copy these first.
    const uint32_t place = MAP_FIXED | MAP_EXCLUSIVE | MAP_INHERIT_DROP;
    int64_t addr =
        sys_aspace_map(aspace, process->identity, 0, LIBOS_IDENTITY, PAGE_SIZE, MAP_READ | place);
    if (addr >= 0) {
        addr = sys_aspace_map(aspace, process->signals, 0, LIBOS_SIGNALS, PAGE_SIZE,
                              MAP_READ | MAP_WRITE | place);
    }
    return addr < 0 ? (status_t)addr : OK;
}

void pages_drop(struct procd *procd, const struct process *process) {
    struct signal_page **page = &procd->pages[process_slot(procd, process)];
    if (*page != NULL) {
        // Fails only for what aspace_map did not return.
        (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)*page, PAGE_SIZE);
        *page = NULL;
    }
    step_close(&procd->server.vault, process->identity);
    step_close(&procd->server.vault, process->signals);
    process_set(procd, process, identity, HANDLE_NONE);
    process_set(procd, process, signals, HANDLE_NONE);
}

void identity_write(struct procd *procd, const struct process *process) {
    struct identity_page page = {0};
    if (process->identity == HANDLE_NONE) {
        return;
    }
    (void)!sys_vmo_read(process->identity, 0, &page.sequence, sizeof(page.sequence));
    uint32_t sequence = page.sequence | 1;
    put(process, 0, &sequence, sizeof(sequence));
    identity_fill(procd, process, &page);
    put(process, BODY, (const uint8_t *)&page + BODY, sizeof(page) - BODY);
    sequence++;
    put(process, 0, &sequence, sizeof(sequence));
}

struct signal_page *signal_page(struct procd *procd, const struct process *process) {
    struct signal_page **page = &procd->pages[process_slot(procd, process)];
    if (*page == NULL && process->signals != HANDLE_NONE) {
        int64_t addr =
            sys_aspace_map(HANDLE_NONE, process->signals, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
        *page = addr < 0 ? NULL : (struct signal_page *)addr;
    }
    return *page;
}
