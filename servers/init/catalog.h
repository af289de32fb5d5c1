// SPDX-License-Identifier: MIT
//
// All manifests of the boot archive, with their names resolved: who provides what a service uses,
// who must be up before it. Built anew at each start of init, always the same, since the archive
// does not change. A manifest that is wrong in itself or in what it names is refused, with a line
// in the log; so is what can't do without it. The others go on.
#pragma once

#include "manifest.h"

#define SERVICES_MAX 32
#define SERVICE_NONE UINT8_MAX
#define SERVICE_INIT (UINT8_MAX - 1) // init itself provides the channel
#define INIT_CHANNEL "svc"           // the one that it provides
#define SERVICES_FOLDER "etc/services/"
#define SERVICES_SUFFIX ".svc"

struct catalog_entry {
    struct manifest manifest;
    bool refused;
    uint64_t depends; // bit i: entry i must be up first
    // Of each `uses` line: the entry that provides the channel (or SERVICE_INIT), and which of its
    // channels.
    uint8_t use_entry[MANIFEST_USES_MAX];
    uint8_t use_channel[MANIFEST_USES_MAX];
    bool forwarded[MANIFEST_PROVIDES_MAX]; // somebody uses this channel as a forwarder
};

struct catalog {
    uint32_t count;
    struct catalog_entry entries[SERVICES_MAX];
    void (*report)(const char *line); // one line of text for the log
};

// Reads one file. What is wrong is reported and the entry refused; a file without a usable name has
// no entry.
void catalog_add(struct catalog *catalog, const char *path, const char *text, size_t bytes);
// After the last file: resolves names, and refuses what can't be resolved and what depends on
// itself.
void catalog_resolve(struct catalog *catalog);
// Reads all of an archive and resolves. CORRUPT: the archive is damaged; what came before the
// damage is used.
[[nodiscard]] status_t catalog_load(struct catalog *catalog, const void *archive, size_t size);

// Index of a service by its name, SERVICE_NONE when there is none.
uint8_t catalog_find(const struct catalog *catalog, const char *name);
// Who provides a channel and which of its channels it is; SERVICE_NONE when nobody does.
uint8_t catalog_find_channel(const struct catalog *catalog, const char *channel, uint8_t *index);
