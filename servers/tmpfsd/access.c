// SPDX-License-Identifier: MIT
//
// Who may do what: permission bits, owners, the sticky bit. Programs' own restraints (umask, limits
// of file size) are the libos's business.

#include "tmpfs.h"

// The cookie is set by procd alone. Until it names a record of credentials, it holds them: the low
// half is the user, the high half the group but for its highest bit, which says that a Linux
// process calls also when both are 0.
struct caller caller_of(const struct packet *packet) {
    return (struct caller){.uid = (uint32_t)packet->cookie,
                           .gid = (uint32_t)(packet->cookie >> 32) & INT32_MAX};
}

bool access_owner(struct caller caller, const struct inode *inode) {
    return caller.uid == 0 || caller.uid == inode->uid;
}

bool access_allowed(struct caller caller, const struct inode *inode, uint32_t bits) {
    if (caller.uid == 0) {
        // Root may search every directory, but runs only what somebody may run.
        return (bits & ACCESS_SEARCH) == 0 || is_directory(inode) || (inode->mode & 0111) != 0;
    }
    uint32_t shift = caller.uid == inode->uid ? 6 : caller.gid == inode->gid ? 3 : 0;
    return (inode->mode >> shift & bits) == bits;
}

status_t access_remove(struct tmpfs *fs, struct caller caller, uint32_t directory, uint32_t inode) {
    const struct inode *parent = inode_get(fs, directory);
    if (!access_allowed(caller, parent, ACCESS_WRITE | ACCESS_SEARCH)) {
        return ERR_FORBIDDEN;
    }
    bool sticky = (parent->mode & MODE_STICKY) != 0;
    if (sticky && !access_owner(caller, parent) && !access_owner(caller, inode_get(fs, inode))) {
        return ERR_NOT_PERMITTED;
    }
    return inode != 0 && cover_anywhere(fs, inode) ? ERR_BUSY : OK;
}
