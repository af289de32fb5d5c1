// SPDX-License-Identifier: MIT

#include <server/memory.h>

#include <abi/flags.h>
#include <sys/calls.h>

static size_t whole_pages(size_t bytes) {
    return (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

void *server_memory(size_t bytes) {
    int64_t vmo = sys_vmo_create(HANDLE_NONE, whole_pages(bytes), 0);
    if (vmo < 0) {
        return NULL;
    }
    int64_t addr =
        sys_aspace_map(HANDLE_NONE, (handle_t)vmo, 0, 0, whole_pages(bytes), MAP_READ | MAP_WRITE);
    // The mapping holds the pages.
    (void)!sys_handle_close((handle_t)vmo);
    return addr < 0 ? NULL : (void *)addr;
}

void server_memory_free(void *memory, size_t bytes) {
    // Fails only for what server_memory did not return.
    (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)memory, whole_pages(bytes));
}
