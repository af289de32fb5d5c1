// SPDX-License-Identifier: MIT
//
// Native calls of the group "memory". Long ones keep their progress in an argument register: `size`
// shrinks from the end until nothing is left (see mm/aspace.h). aspace_map with POPULATE, once it
// has mapped, turns into a call that populates: no vmo, POPULATE alone, `offset` counting what is
// done. A program may make that call itself; it then populates what is mapped there.
#include <kernel/syscall_handlers.h>
#include <mm/aspace.h>
#include <mm/vmo.h>
#include <syscall/syscall.h>

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

// HANDLE_NONE names the caller's own aspace.
static status_t lookup_aspace(handle_t handle, uint32_t rights, struct aspace **out) {
    if (handle == HANDLE_NONE) {
        *out = self_aspace();
        return OK;
    }
    struct object *object;
    status_t status = self_lookup(handle, OBJECT_ASPACE, rights, &object);
    if (status == OK) {
        *out = aspace_from(object);
    }
    return status;
}

static status_t lookup_vmo(handle_t handle, uint32_t rights, struct vmo **out) {
    struct object *object;
    status_t status = self_lookup(handle, OBJECT_VMO, rights, &object);
    if (status == OK) {
        *out = vmo_from(object);
    }
    return status;
}

static int64_t insert(struct object *object, uint32_t rights) {
    handle_t handle;
    status_t status = handle_insert(self_table(), object, rights, &handle);
    return status == OK ? (int64_t)handle : status;
}

int64_t sys_aspace_create(handle_t job, uint32_t flags) {
    struct object *object;
    status_t status = self_lookup(job, OBJECT_JOB, RIGHT_CREATE, &object);
    if (status != OK) {
        return status;
    }
    struct aspace *aspace;
    status = aspace_create(job_from(object), flags, self_process()->provider, &aspace);
    return status == OK ? insert(aspace_object(aspace), RIGHTS_ASPACE) : status;
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

int64_t sys_aspace_map(handle_t aspace_handle, handle_t vmo, uint64_t offset, vaddr_t addr,
                       size_t size, uint32_t flags) {
    struct aspace *aspace;
    status_t status = lookup_aspace(aspace_handle, RIGHT_MAP, &aspace);
    if (status != OK) {
        return status;
    }
    if (vmo == HANDLE_NONE && flags == MAP_POPULATE) {
        return populate(aspace, offset, addr, size);
    }
    uint64_t left = size;
    status = aspace_map_step(aspace, self_table(), vmo, NULL, offset, addr, &left, flags, &addr);
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

int64_t sys_aspace_unmap(handle_t aspace_handle, vaddr_t addr, size_t size) {
    struct aspace *aspace;
    status_t status = lookup_aspace(aspace_handle, RIGHT_MAP, &aspace);
    if (status != OK) {
        return status;
    }
    uint64_t left = size;
    status = aspace_unmap_step(aspace, addr, &left);
    return step_result(status, 2, left);
}

int64_t sys_aspace_protect(handle_t aspace_handle, vaddr_t addr, size_t size, uint32_t flags) {
    struct aspace *aspace;
    status_t status = lookup_aspace(aspace_handle, RIGHT_MAP, &aspace);
    if (status != OK) {
        return status;
    }
    uint64_t left = size;
    status = aspace_protect_step(aspace, addr, &left, flags);
    return step_result(status, 2, left);
}

int64_t sys_aspace_query(handle_t aspace_handle, vaddr_t addr, vaddr_t info) {
    struct aspace *aspace;
    struct mapping_info record;
    status_t status = lookup_aspace(aspace_handle, RIGHT_READ, &aspace);
    if (status == OK) {
        status = aspace_query(aspace, addr, &record);
    }
    return status == OK ? copy_out(info, &record, sizeof(record)) : status;
}

int64_t sys_aspace_read(handle_t aspace_handle, vaddr_t addr, vaddr_t buffer, size_t size) {
    struct aspace *aspace;
    status_t status = lookup_aspace(aspace_handle, RIGHT_READ, &aspace);
    if (status != OK) {
        return status;
    }
    return size <= COPY_MAX_BYTES ? aspace_read_user(aspace, addr, buffer, size) : ERR_OUT_OF_RANGE;
}

int64_t sys_aspace_write(handle_t aspace_handle, vaddr_t addr, vaddr_t buffer, size_t size) {
    struct aspace *aspace;
    status_t status = lookup_aspace(aspace_handle, RIGHT_WRITE, &aspace);
    if (status != OK) {
        return status;
    }
    return size <= COPY_MAX_BYTES ? aspace_write_user(aspace, addr, buffer, size)
                                  : ERR_OUT_OF_RANGE;
}

int64_t sys_vmo_create(handle_t job_handle, size_t size, uint32_t flags) {
    struct job *job = self_job();
    if (job_handle != HANDLE_NONE) {
        struct object *object;
        status_t status = self_lookup(job_handle, OBJECT_JOB, RIGHT_CREATE, &object);
        if (status != OK) {
            return status;
        }
        job = job_from(object);
    }
    struct vmo *vmo;
    status_t status = vmo_create(job, size, flags, self_process()->provider, &vmo);
    return status == OK ? insert(vmo_object(vmo), RIGHTS_VMO) : status;
}

int64_t sys_vmo_clone(handle_t vmo_handle, uint64_t offset, size_t size, uint32_t flags) {
    struct object *object;
    uint32_t have;
    status_t status =
        handle_lookup_rights(self_table(), vmo_handle, OBJECT_VMO, RIGHT_READ, &object, &have);
    if (status != OK) {
        return status;
    }
    struct vmo *clone;
    status = vmo_clone(vmo_from(object), self_job(), offset, size, flags, self_process()->provider,
                       &clone);
    if (status != OK) {
        return status;
    }
    return insert(vmo_object(clone), have | RIGHT_READ | RIGHT_WRITE | RIGHT_MAP);
}

int64_t sys_vmo_read(handle_t vmo_handle, uint64_t offset, vaddr_t buffer, size_t size) {
    struct vmo *vmo;
    status_t status = lookup_vmo(vmo_handle, RIGHT_READ, &vmo);
    if (status != OK) {
        return status;
    }
    return size <= COPY_MAX_BYTES ? vmo_read_user(vmo, offset, buffer, size) : ERR_OUT_OF_RANGE;
}

int64_t sys_vmo_write(handle_t vmo_handle, uint64_t offset, vaddr_t buffer, size_t size) {
    struct vmo *vmo;
    status_t status = lookup_vmo(vmo_handle, RIGHT_WRITE, &vmo);
    if (status != OK) {
        return status;
    }
    return size <= COPY_MAX_BYTES ? vmo_write_user(vmo, offset, buffer, size) : ERR_OUT_OF_RANGE;
}

int64_t sys_vmo_set_size(handle_t vmo_handle, size_t size) {
    struct vmo *vmo;
    status_t status = lookup_vmo(vmo_handle, RIGHT_MANAGE, &vmo);
    return status == OK ? vmo_set_size(vmo, size) : status;
}

int64_t sys_vmo_decommit(handle_t vmo_handle, uint64_t offset, size_t size) {
    struct vmo *vmo;
    status_t status = lookup_vmo(vmo_handle, RIGHT_WRITE, &vmo);
    if (status != OK) {
        return status;
    }
    uint64_t left = size;
    status = vmo_decommit(vmo, offset, &left);
    return step_result(status, 2, left);
}
