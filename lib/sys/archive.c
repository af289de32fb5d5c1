// SPDX-License-Identifier: MIT

#include <sys/archive.h>

#include <sys/calls.h>

status_t archive_map(handle_t vmo, struct archive *archive) {
    struct vmo_info info;
    status_t status = sys_object_get(vmo, &info, sizeof(info));
    if (status != OK) {
        return status;
    }
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, info.size_bytes, MAP_READ);
    if (addr < 0) {
        return (status_t)addr;
    }
    *archive = (struct archive){.data = (const void *)addr, .size = info.size_bytes};
    return OK;
}

void archive_unmap(struct archive *archive) {
    (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)archive->data, archive->size);
    *archive = (struct archive){0};
}
