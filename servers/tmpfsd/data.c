// SPDX-License-Identifier: MIT
//
// Contents of regular files: reading, writing, growing, cutting, mapping.
//
// Bytes are no part of the undo log. They need not be: within the size of a file a write is the
// same when it is done again; past it nobody can see them. So a write puts its bytes into the vmo
// first, and its step, which has the new size, makes them count. What a write that was never done
// has left past the end of a file is made zero before the size moves over it (R6). A file that
// becomes shorter is cut after its step, when that can't be undone any more; the inode's TRIM flag
// tells a successor to cut again.

#include "tmpfs.h"

#include <abi/limits.h>
#include <sys/calls.h>

static uint64_t page_up(uint64_t bytes) {
    return (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

status_t data_status(int64_t status) {
    return status == ERR_LIMIT || status == ERR_OUT_OF_RANGE ? ERR_NO_SPACE : (status_t)status;
}

// Makes a part of a vmo's page zero. What is past the vmo's end needs nothing.
static status_t zero_part(handle_t vmo, uint64_t from, uint64_t to) {
    static const uint8_t zeros[PAGE_SIZE];
    int64_t done = from < to ? sys_vmo_write(vmo, from, zeros, to - from) : 0;
    return done >= 0 || done == ERR_OUT_OF_RANGE ? OK : (status_t)done;
}

void data_trim(const struct inode *inode) {
    if (inode->vmo != HANDLE_NONE && is_regular(inode)) {
        // Neither can fail with a vmo of our own, but for want of memory; then what is past the
        // file's end stays until somebody makes it longer, which is refused as long as there is
        // none.
        (void)!sys_vmo_set_size(inode->vmo, page_up(inode->size));
        (void)!zero_part(inode->vmo, inode->size, page_up(inode->size));
    }
}

status_t data_extend(const struct inode *inode, uint64_t from, uint64_t size) {
    if (size > VMO_MAX_BYTES) {
        return ERR_FILE_TOO_LARGE;
    }
    if (size <= inode->size || inode->vmo == HANDLE_NONE) {
        return OK;
    }
    uint64_t page_end = page_up(inode->size);
    status_t status = zero_part(inode->vmo, inode->size, from < page_end ? from : page_end);
    if (status == OK && from > page_end) {
        // First shorter: pages past the file's end may hold what a write that was not done has
        // left.
        status = sys_vmo_set_size(inode->vmo, page_end);
    }
    if (status == OK && page_up(size) > page_end) {
        status = sys_vmo_set_size(inode->vmo, page_up(size));
    }
    return data_status(status);
}

void data_resize(struct tmpfs *fs, uint32_t number, struct inode *next, uint64_t size) {
    if (size < next->size) {
        next->head.spare |= INODE_TRIM;
        fs->trim = number;
    }
    next->size = size;
}

handle_t data_job(const struct tmpfs *fs) {
    const struct state *state = vault_record(&fs->server.vault, TABLE_STATE, 0);
    return state->files;
}

status_t data_make(struct tmpfs *fs, uint64_t bytes, handle_t *vmo) {
    int64_t made =
        sys_vmo_create(data_job(fs), bytes != 0 ? page_up(bytes) : PAGE_SIZE, VMO_RESIZABLE);
    if (made < 0) {
        return data_status(made);
    }
    *vmo = (handle_t)made;
    step_made(vault_of(fs), *vmo);
    return OK;
}

// ---- reading

// Why a description can't be read or written, or OK.
static status_t check_access(const struct description *description, const struct inode *inode,
                             uint32_t flag) {
    if (is_directory(inode)) {
        return ERR_IS_DIRECTORY;
    }
    if ((description->flags & flag) == 0) {
        return ERR_FORBIDDEN;
    }
    return is_regular(inode) ? OK : ERR_INVALID_ARGUMENT;
}

// A piece of a file, at most DATA_BYTES; what the vmo does not have is zero.
static status_t read_piece(struct tmpfs *fs, const struct inode *inode, uint64_t offset,
                           uint64_t bytes) {
    int64_t count = ERR_OUT_OF_RANGE;
    if (inode->vmo != HANDLE_NONE) {
        count = sys_vmo_read(inode->vmo, offset, fs->data, bytes);
    }
    if (count < 0 && count != ERR_OUT_OF_RANGE) {
        return data_status(count);
    }
    uint64_t done = count > 0 ? (uint64_t)count : 0;
    memset(fs->data + done, 0, bytes - done);
    return OK;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

int64_t tmpfs_read(void *context, const struct packet *packet,
                   const struct fs_read_request *request) {
    struct tmpfs *fs = context;
    const struct description *description = description_of(fs, packet);
    if (description == NULL) {
        return ERR_NOT_FOUND;
    }
    const struct inode *inode = inode_get(fs, description->inode);
    status_t status = check_access(description, inode, FS_OPEN_READ);
    if (status != OK) {
        return status;
    }
    bool own = request->offset == FS_AT_CELL;
    uint64_t offset = own ? description->offset : request->offset;
    uint64_t left = offset < inode->size ? inode->size - offset : 0;
    uint64_t bytes = least(least(request->size, packet->out_bytes), left);
    uint64_t done = 0;
    while (done < bytes) {
        uint64_t piece = least(bytes - done, DATA_BYTES);
        int64_t count = read_piece(fs, inode, offset + done, piece);
        count = count == OK ? window_write(packet, done, fs->data, piece) : count;
        if (count < 0 && (done == 0 || window_touches(count))) {
            return count;
        }
        if (count < 0) {
            break;
        }
        done += (uint64_t)count;
    }
    if (own && done != 0) {
        vault_set(vault_of(fs), &description->offset, offset + done);
    }
    return (int64_t)done;
}

// ---- writing

// Moves the bytes of the window into the vmo; the first piece stands in fs->data. Returns how many
// went, or why none did.
static int64_t write_pieces(struct tmpfs *fs, const struct packet *packet, handle_t vmo,
                            uint64_t offset, uint64_t first, uint64_t bytes) {
    uint64_t done = 0, piece = first;
    for (;;) {
        int64_t count = sys_vmo_write(vmo, offset + done, fs->data, piece);
        if (count < 0) {
            return done > 0 ? (int64_t)done : data_status(count);
        }
        done += (uint64_t)count;
        if (done == bytes) {
            return (int64_t)done;
        }
        int64_t got = window_read(packet, done, fs->data, least(bytes - done, DATA_BYTES));
        if (got < 0) {
            // What lies in the vmo does not count yet, and will be written again.
            return window_touches(got) ? got : (int64_t)done;
        }
        piece = (uint64_t)got;
    }
}

// Whoever changes a file without being root takes its special rights away.
static uint32_t mode_written(struct caller caller, uint32_t mode) {
    uint32_t clears = MODE_SETUID | ((mode & 010) != 0 ? MODE_SETGID : 0);
    return caller.uid == 0 ? mode : mode & ~clears;
}

int64_t tmpfs_write(OPERATION_ARGUMENTS(write)) {
    struct tmpfs *fs = context;
    const struct description *description = description_of(fs, packet);
    if (description == NULL) {
        return ERR_NOT_FOUND;
    }
    struct inode next = *inode_get(fs, description->inode);
    status_t status = check_access(description, &next, FS_OPEN_WRITE);
    if (status != OK) {
        return status;
    }
    uint64_t offset = request->offset == FS_AT_END    ? next.size
                      : request->offset == FS_AT_CELL ? description->offset
                                                      : request->offset;
    uint64_t bytes = least(request->size, packet->in_bytes);
    reply->offset = offset;
    if (bytes == 0) {
        return 0;
    }
    if (offset >= VMO_MAX_BYTES) {
        return ERR_FILE_TOO_LARGE;
    }
    bytes = least(bytes, VMO_MAX_BYTES - offset);
    int64_t first = window_read(packet, 0, fs->data, least(bytes, DATA_BYTES));
    if (first < 0) {
        return first;
    }
    uint64_t end = offset + bytes > next.size ? offset + bytes : next.size;
    status =
        next.vmo != HANDLE_NONE ? data_extend(&next, offset, end) : data_make(fs, end, &next.vmo);
    if (status != OK) {
        return status;
    }
    int64_t done = write_pieces(fs, packet, next.vmo, offset, (uint64_t)first, bytes);
    if (done < 0) {
        return done;
    }
    reply->offset = offset + (uint64_t)done;
    next.size = reply->offset > next.size ? reply->offset : next.size;
    next.head.spare &= (uint16_t)~INODE_TRIM;
    next.mode = mode_written(caller_of(packet), next.mode);
    next.modified = next.changed = time_now(fs);
    inode_write(fs, description->inode, &next);
    if (request->offset >= FS_AT_END) {
        vault_set(vault_of(fs), &description->offset, reply->offset);
    }
    return done;
}

// ---- the offset

int64_t tmpfs_seek(OPERATION_ARGUMENTS(seek)) {
    struct tmpfs *fs = context;
    const struct description *description = description_of(fs, packet);
    if (description == NULL || packet->key == 0) {
        return ERR_INVALID_ARGUMENT; // a root channel has no offset
    }
    int64_t base, offset;
    switch (request->whence) {
    case FS_SEEK_SET:
    case FS_SEEK_SWAP:
        base = 0;
        break;
    case FS_SEEK_CURRENT:
        base = (int64_t)description->offset;
        break;
    case FS_SEEK_END:
        base = (int64_t)inode_get(fs, description->inode)->size;
        break;
    default:
        return ERR_INVALID_ARGUMENT;
    }
    if (__builtin_add_overflow(base, request->offset, &offset) || offset < 0) {
        return ERR_INVALID_ARGUMENT;
    }
    if (request->whence == FS_SEEK_SWAP && request->expected != description->offset) {
        return ERR_WOULD_BLOCK;
    }
    if ((uint64_t)offset != description->offset) {
        vault_set(vault_of(fs), &description->offset, (uint64_t)offset);
    }
    reply->offset = (uint64_t)offset;
    return 0;
}

// ---- mapping

int64_t tmpfs_memory(OPERATION_ARGUMENTS(memory), handle_t handles_out[1]) {
    struct tmpfs *fs = context;
    const struct description *description = description_of(fs, packet);
    if (description == NULL) {
        return ERR_NOT_FOUND;
    }
    struct inode next = *inode_get(fs, description->inode);
    bool reads = (description->flags & (FS_OPEN_READ | FS_OPEN_EXECUTE)) != 0;
    bool writes = (request->access & MAP_WRITE) != 0;
    if (!is_regular(&next)) {
        return ERR_NOT_SUPPORTED;
    }
    if (!reads || (writes && (description->flags & FS_OPEN_WRITE) == 0)) {
        return ERR_FORBIDDEN;
    }
    bool made = next.vmo == HANDLE_NONE;
    status_t status = made ? data_make(fs, next.size, &next.vmo)
                           : zero_part(next.vmo, next.size, page_up(next.size));
    if (status != OK) {
        return data_status(status);
    }
    uint32_t rights = RIGHT_READ | RIGHT_MAP | RIGHT_DUPLICATE | RIGHT_TRANSFER |
                      (writes ? RIGHT_WRITE : 0) |
                      ((request->access & MAP_EXECUTE) != 0 ? RIGHT_EXECUTE : 0);
    int64_t handle = sys_handle_duplicate(next.vmo, rights);
    if (handle < 0) {
        return handle;
    }
    step_made(vault_of(fs), (handle_t)handle);
    if (made) {
        inode_write(fs, description->inode, &next);
    }
    handles_out[0] = (handle_t)handle;
    reply->size = next.size;
    return 0;
}
