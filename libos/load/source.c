// SPDX-License-Identifier: MIT

#include <load/source.h>

#include <core/process.h>
#include <core/status.h>
#include <files/map.h>
#include <files/path.h>
#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

int64_t source_open_file(handle_t file, struct program_source *source) {
    const struct fs_memory_request request = {.access = MAP_READ | MAP_EXECUTE};
    struct fs_memory_reply reply;
    handle_t vmo = HANDLE_NONE;
    int64_t result = fs_memory(file, &request, &reply, &vmo, INSTANT_NEVER);
    if (result < 0) {
        return result == ERR_NOT_SUPPORTED ? -LINUX_EACCES : linux_result(result);
    }
    *source = (struct program_source){.vmo = vmo, .bytes = reply.size};
    return 0;
}

int64_t source_open_executable(struct program_source *source) {
    const struct linux_process *process = process_current();
    if (!process->executable_is_vmo) {
        int64_t result = source_open_file(process->executable, source);
        source->device = process->places.exe_device;
        source->inode = process->places.exe_inode;
        source->name = process->path;
        return result;
    }
    struct vmo_info info;
    status_t status = sys_object_get(process->executable, &info, sizeof(info));
    *source = (struct program_source){
        .vmo = process->executable,
        .bytes = info.size_bytes,
        .borrowed = true,
        .name = process->path,
    };
    return linux_result(status);
}

int64_t source_open_path(struct linux_thread *self, const char *path,
                         struct program_source *source) {
    struct path_open open = {.flags = FS_OPEN_READ | FS_OPEN_EXECUTE};
    int64_t result = path_open(self, AT_CURRENT, path, strlen(path), &open);
    if (result < 0) {
        return result;
    }
    result = source_open_file(open.handle, source);
    source->device = open.attributes.device;
    source->inode = open.attributes.inode;
    source->name = file_name(open.handle);
    (void)!sys_handle_close(open.handle);
    return result;
}

void source_close(struct program_source *source) {
    if (!source->borrowed && source->vmo != HANDLE_NONE) {
        (void)!sys_handle_close(source->vmo);
    }
    source->vmo = HANDLE_NONE;
}
