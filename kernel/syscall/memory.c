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

static int64_t populate(struct aspace *aspace, uint64_t done, vaddr_t addr, size_t size) {
    if (!IS_ALIGNED(addr | done | size, PAGE_SIZE) || done > size) {
        return ERR_INVALID_ARGUMENT;
    }
    aspace_populate_step(aspace, addr, size, &done);
    return done < size ? self_restart_with(MAP_ARG_OFFSET, done) : (int64_t)addr;
}

int64_t sys_aspace_map(struct aspace *aspace, handle_t vmo, uint64_t offset, vaddr_t addr,
                       size_t size, uint32_t flags) {
    if (vmo == HANDLE_NONE && flags == MAP_POPULATE) {
        return populate(aspace, offset, addr, size);
    }
    uint64_t left = size;
    status_t status =
        aspace_map_step(aspace, self_table(), vmo, NULL, offset, addr, &left, flags, &addr);
    if (status != OK) {
        return status;
    }
    if (left != 0) {
        return self_restart_with(MAP_ARG_SIZE, left);
    }
    if ((flags & MAP_POPULATE) == 0) {
        return (int64_t)addr;
    }
    struct arch_thread *arch = &thread_self()->arch;
    arch_thread_set_argument(arch, MAP_ARG_VMO, HANDLE_NONE);
    arch_thread_set_argument(arch, MAP_ARG_OFFSET, 0);
    arch_thread_set_argument(arch, MAP_ARG_ADDR, addr);
    arch_thread_set_argument(arch, MAP_ARG_FLAGS, MAP_POPULATE);
    return populate(aspace, 0, addr, size);
}

int64_t sys_vmo_clone(struct vmo *vmo, uint32_t vmo_rights, uint64_t offset, size_t size,
                      uint32_t flags) {
    struct vmo *clone;
    status_t status = vmo_clone(vmo, self_job(), offset, size, flags, self_provider(), &clone);
    if (status != OK) {
        return status;
    }
    return self_insert(vmo_object(clone), vmo_rights | RIGHT_READ | RIGHT_WRITE | RIGHT_MAP);
}
