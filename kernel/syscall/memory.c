// SPDX-License-Identifier: MIT
//
// Native calls of the group "memory". Long ones keep their progress in an argument register: `size`
// shrinks from the end until nothing is left (see mm/aspace.h). aspace_map with POPULATE, once it
// has mapped, turns into a call that populates: no vmo, POPULATE alone, `offset` counting what is
// done. A program may make that call itself; it then populates what is mapped there.
#include <kernel/syscall_handlers.h>
#include <mm/aspace.h>
#include <mm/vmo.h>
#include <sched/current.h>

enum map_argument { MAP_ARG_VMO = 1, MAP_ARG_OFFSET, MAP_ARG_ADDR, MAP_ARG_SIZE, MAP_ARG_FLAGS };

static void set_argument(unsigned index, uint64_t value) {
    arch_thread_set_argument(&thread_self()->arch, index, value);
}

// The result of a step that leaves `left` to do, with the argument that says so.
static int64_t step_result(status_t status, unsigned argument, uint64_t left) {
    if (status == OK && left != 0) {
        set_argument(argument, left);
        return STATUS_RESTART;
    }
    return status;
}

int64_t sys_aspace_create(struct job *job, uint32_t flags) {
    struct aspace *aspace;
    status_t status = aspace_create(job, flags, self_process()->provider, &aspace);
    return status == OK ? self_insert(aspace_object(aspace), RIGHTS_ASPACE) : status;
}

static int64_t populate(struct aspace *aspace, uint64_t done, vaddr_t addr, size_t size) {
    if (!IS_ALIGNED(addr | done | size, PAGE_SIZE) || done > size) {
        return ERR_INVALID_ARGUMENT;
    }
    aspace_populate_step(aspace, addr, size, &done);
    if (done < size) {
        set_argument(MAP_ARG_OFFSET, done);
        return STATUS_RESTART;
    }
    return (int64_t)addr;
}

int64_t sys_aspace_map(struct aspace *aspace, handle_t vmo, uint64_t offset, vaddr_t addr,
                       size_t size, uint32_t flags) {
    if (vmo == HANDLE_NONE && flags == MAP_POPULATE) {
        return populate(aspace, offset, addr, size);
    }
    uint64_t left = size;
    status_t status =
        aspace_map_step(aspace, self_table(), vmo, NULL, offset, addr, &left, flags, &addr);
    if (status != OK || left != 0) {
        return step_result(status, MAP_ARG_SIZE, left);
    }
    if ((flags & MAP_POPULATE) != 0) {
        set_argument(MAP_ARG_VMO, HANDLE_NONE);
        set_argument(MAP_ARG_OFFSET, 0);
        set_argument(MAP_ARG_ADDR, addr);
        set_argument(MAP_ARG_FLAGS, MAP_POPULATE);
        return populate(aspace, 0, addr, size);
    }
    return (int64_t)addr;
}

int64_t sys_aspace_unmap(struct aspace *aspace, vaddr_t addr, size_t size) {
    uint64_t left = size;
    status_t status = aspace_unmap_step(aspace, addr, &left);
    return step_result(status, 2, left);
}

int64_t sys_aspace_protect(struct aspace *aspace, vaddr_t addr, size_t size, uint32_t flags) {
    uint64_t left = size;
    status_t status = aspace_protect_step(aspace, addr, &left, flags);
    return step_result(status, 2, left);
}

int64_t sys_vmo_create(struct job *job, size_t size, uint32_t flags) {
    struct vmo *vmo;
    status_t status = vmo_create(job, size, flags, self_process()->provider, &vmo);
    return status == OK ? self_insert(vmo_object(vmo), RIGHTS_VMO) : status;
}

int64_t sys_vmo_clone(struct vmo *vmo, uint32_t vmo_rights, uint64_t offset, size_t size,
                      uint32_t flags) {
    struct vmo *clone;
    status_t status =
        vmo_clone(vmo, self_job(), offset, size, flags, self_process()->provider, &clone);
    if (status != OK) {
        return status;
    }
    return self_insert(vmo_object(clone), vmo_rights | RIGHT_READ | RIGHT_WRITE | RIGHT_MAP);
}

int64_t sys_vmo_decommit(struct vmo *vmo, uint64_t offset, size_t size) {
    uint64_t left = size;
    status_t status = vmo_decommit(vmo, offset, &left);
    return step_result(status, 2, left);
}
