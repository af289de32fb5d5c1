// SPDX-License-Identifier: MIT
//
// The devices that the kernel gives init, by the names that manifests use. More come with devmgr.
#pragma once

#include <abi/boot.h>
#include <sys/string.h>

// HANDLE_NONE: there is no device of this name. One that the machine lacks has a name all the same:
// its handle then names nothing.
static inline handle_t device_find(const char *name) {
    if (strcmp(name, "serial") == 0) {
        return INIT_SERIAL;
    }
    return strcmp(name, "serial2") == 0 ? INIT_SERIAL2 : HANDLE_NONE;
}
