// SPDX-License-Identifier: MIT
//
// What must be up before a service is a bit mask: what it says it needs, and whoever provides what
// it uses. The transitive closure of the masks shows the cycles: an entry that reaches itself is on
// one.

#include "catalog.h"

#include "devices.h"

#include <abi/status.h>
#include <ds/format.h>
#include <image/ustar.h>
#include <stdarg.h>
#include <sys/string.h>

#define LINE_BYTES 200
static_assert(SERVICES_MAX <= 64, "sets of services are 64-bit masks");

static void report(const struct catalog *catalog, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void report(const struct catalog *catalog, const char *format, ...) {
    char line[LINE_BYTES];
    va_list args;
    va_start(args, format);
    text_format_v(line, sizeof(line), format, args);
    va_end(args);
    catalog->report(line);
}

// Whether a path is `etc/services/NAME.svc` with this name.
static bool path_fits(const char *path, const char *name) {
    size_t folder = strlen(SERVICES_FOLDER);
    size_t length = strlen(name);
    return strncmp(path, SERVICES_FOLDER, folder) == 0 &&
           strncmp(path + folder, name, length) == 0 &&
           strcmp(path + folder + length, SERVICES_SUFFIX) == 0;
}

uint8_t catalog_find(const struct catalog *catalog, const char *name) {
    for (uint32_t i = 0; i < catalog->count; i++) {
        if (strcmp(catalog->entries[i].manifest.name, name) == 0) {
            return (uint8_t)i;
        }
    }
    return SERVICE_NONE;
}

// `init` and `run` (the program of the command line) are names of init's own.
static bool name_is_free(const struct catalog *catalog, const char *name) {
    return strcmp(name, "init") != 0 && strcmp(name, "run") != 0 &&
           catalog_find(catalog, name) == SERVICE_NONE;
}

void catalog_add(struct catalog *catalog, const char *path, const char *text, size_t bytes) {
    if (catalog->count == SERVICES_MAX) {
        report(catalog, "%s: there are more than %d services", path, SERVICES_MAX);
        return;
    }
    struct catalog_entry *entry = &catalog->entries[catalog->count];
    struct manifest_error error;
    *entry = (struct catalog_entry){0};
    if (manifest_parse(text, bytes, &entry->manifest, &error) != OK) {
        report(catalog, "%s:%u: %s", path, error.line, error.reason);
        entry->refused = true;
    } else if (!path_fits(path, entry->manifest.name)) {
        report(catalog, "%s:0: service %s belongs into a file of its name", path,
               entry->manifest.name);
        entry->refused = true;
    } else if (!name_is_free(catalog, entry->manifest.name)) {
        report(catalog, "%s:0: the name %s is taken", path, entry->manifest.name);
        return;
    }
    // A refused one stays known by its name, so that `svc list` can show it.
    bool named = entry->manifest.name[0] != '\0' && path_fits(path, entry->manifest.name) &&
                 name_is_free(catalog, entry->manifest.name);
    catalog->count += named;
}

uint8_t catalog_find_channel(const struct catalog *catalog, const char *channel, uint8_t *index) {
    *index = 0;
    if (strcmp(channel, INIT_CHANNEL) == 0) {
        return SERVICE_INIT;
    }
    for (uint32_t i = 0; i < catalog->count; i++) {
        const struct manifest *manifest = &catalog->entries[i].manifest;
        for (uint8_t k = 0; !catalog->entries[i].refused && k < manifest->provide_count; k++) {
            if (strcmp(manifest->provides[k], channel) == 0) {
                *index = k;
                return (uint8_t)i;
            }
        }
    }
    return SERVICE_NONE;
}

static void refuse(struct catalog *catalog, uint32_t i, const char *what, const char *which) {
    catalog->entries[i].refused = true;
    report(catalog, "%s%s%s:0: %s%s", SERVICES_FOLDER, catalog->entries[i].manifest.name,
           SERVICES_SUFFIX, what, which);
}

// A channel that two services provide belongs to the first of them; the second is refused.
static void check_channels(struct catalog *catalog) {
    for (uint32_t i = 0; i < catalog->count; i++) {
        const struct manifest *manifest = &catalog->entries[i].manifest;
        for (uint8_t k = 0; !catalog->entries[i].refused && k < manifest->provide_count; k++) {
            uint8_t index;
            if (catalog_find_channel(catalog, manifest->provides[k], &index) != i) {
                refuse(catalog, i, "another service provides channel ", manifest->provides[k]);
            }
        }
    }
}

// Finds whom an entry depends on. A refused entry is not looked at.
static void resolve_entry(struct catalog *catalog, uint32_t i) {
    struct catalog_entry *entry = &catalog->entries[i];
    const struct manifest *manifest = &entry->manifest;
    entry->depends = 0;
    for (uint8_t k = 0; k < manifest->device_count; k++) {
        if (device_find(manifest->devices[k]) == HANDLE_NONE) {
            refuse(catalog, i, "there is no device ", manifest->devices[k]);
            return;
        }
    }
    for (uint8_t k = 0; k < manifest->need_count; k++) {
        uint8_t other = catalog_find(catalog, manifest->needs[k]);
        if (other == SERVICE_NONE) {
            refuse(catalog, i, "there is no service ", manifest->needs[k]);
            return;
        }
        entry->depends |= 1UL << other;
    }
    for (uint8_t k = 0; k < manifest->use_count; k++) {
        uint8_t other =
            catalog_find_channel(catalog, manifest->uses[k].channel, &entry->use_channel[k]);
        if (other == SERVICE_NONE) {
            refuse(catalog, i, "no service provides channel ", manifest->uses[k].channel);
            return;
        }
        entry->use_entry[k] = other;
        if (other != SERVICE_INIT && manifest->uses[k].forwarder) {
            catalog->entries[other].forwarded[entry->use_channel[k]] = true;
        }
        entry->depends |= other == SERVICE_INIT ? 0 : 1UL << other;
    }
}

// Who depends on whom, however far away.
static void close_transitively(const struct catalog *catalog, uint64_t reaches[SERVICES_MAX]) {
    for (uint32_t i = 0; i < catalog->count; i++) {
        reaches[i] = catalog->entries[i].refused ? 0 : catalog->entries[i].depends;
    }
    for (uint32_t via = 0; via < catalog->count; via++) {
        for (uint32_t i = 0; i < catalog->count; i++) {
            if ((reaches[i] & 1UL << via) != 0) {
                reaches[i] |= reaches[via];
            }
        }
    }
}

static void refuse_cycles(struct catalog *catalog) {
    uint64_t reaches[SERVICES_MAX];
    close_transitively(catalog, reaches);
    for (uint32_t i = 0; i < catalog->count; i++) {
        if ((reaches[i] & 1UL << i) != 0) {
            refuse(catalog, i, "it depends on itself", "");
        }
    }
}

// Refuses who depends on a refused one. Returns whether there was any.
static bool refuse_dependents(struct catalog *catalog) {
    bool found = false;
    for (uint32_t i = 0; i < catalog->count; i++) {
        struct catalog_entry *entry = &catalog->entries[i];
        for (uint32_t other = 0; !entry->refused && other < catalog->count; other++) {
            if ((entry->depends & 1UL << other) != 0 && catalog->entries[other].refused) {
                refuse(catalog, i,
                       "it depends on a refused service: ", catalog->entries[other].manifest.name);
                found = true;
            }
        }
    }
    return found;
}

void catalog_resolve(struct catalog *catalog) {
    check_channels(catalog);
    for (uint32_t i = 0; i < catalog->count; i++) {
        if (!catalog->entries[i].refused) {
            resolve_entry(catalog, i);
        }
    }
    refuse_cycles(catalog);
    while (refuse_dependents(catalog)) {
    }
}

static bool is_manifest(const struct ustar_entry *file) {
    size_t length = strlen(file->path);
    size_t suffix = strlen(SERVICES_SUFFIX);
    return file->type == '0' &&
           strncmp(file->path, SERVICES_FOLDER, strlen(SERVICES_FOLDER)) == 0 && length > suffix &&
           strcmp(file->path + length - suffix, SERVICES_SUFFIX) == 0;
}

status_t catalog_load(struct catalog *catalog, const void *archive, size_t size) {
    struct ustar_entry file;
    size_t offset = 0;
    status_t status;
    while ((status = ustar_next(archive, size, &offset, &file)) == OK) {
        if (is_manifest(&file)) {
            catalog_add(catalog, file.path, file.data, file.size);
        }
    }
    if (status == ERR_CORRUPT) {
        report(catalog, "the boot archive is damaged");
    }
    catalog_resolve(catalog);
    return status == ERR_NOT_FOUND ? OK : status;
}
