// SPDX-License-Identifier: MIT
//
// A channel that a service uses is derived twice: from the provider's client end comes a handle
// that init keeps (record->grants), and from that the service's own. So revoking the one in the
// middle takes it from the service, and from everybody it was passed to, and from nobody else.

#include "grant.h"

#include "devices.h"

#include <abi/boot.h>
#include <ds/format.h>
#include <server/start.h>
#include <sys/calls.h>
#include <sys/string.h>

#define CHANNEL_RIGHTS (RIGHT_TRANSFER | RIGHT_WAIT | RIGHT_CALL)
#define VAULT_RIGHTS (RIGHT_TRANSFER | RIGHT_READ | RIGHT_WRITE | RIGHT_MAP)
#define HEARTBEAT_RIGHTS (RIGHT_TRANSFER | RIGHT_SIGNAL)
#define SYSTEM_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_MANAGE)
#define PAGE_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_MAP)
#define ARCHIVE_RIGHTS (PAGE_RIGHTS | RIGHT_EXECUTE)

uint32_t grant_channel_rights(const struct service *service, uint32_t k) {
    bool shared = service->bare || service->entry->manifest.uses[k].shared;
    return CHANNEL_RIGHTS | (shared ? RIGHT_DUPLICATE : 0);
}

// ---- making

static status_t make_channel(handle_t port, uint32_t flags, handle_t *client, handle_t *endpoint) {
    int64_t pair = sys_channel_create(port, 0, flags);
    if (pair < 0) {
        return (status_t)pair;
    }
    *client = (handle_t)(pair & UINT32_MAX);
    *endpoint = (handle_t)(pair >> 32);
    return OK;
}

status_t grant_make_ends(const struct init *init, const struct service *service,
                         struct grant_ends *ends, struct service_record *next) {
    const struct catalog_entry *entry = service->entry;
    (void)init;
    *ends = (struct grant_ends){0};
    int64_t port = sys_port_create();
    if (port < 0) {
        return (status_t)port;
    }
    ends->port = (handle_t)port;
    status_t status = OK;
    for (uint32_t k = 0; status == OK && k < entry->manifest.provide_count; k++) {
        status = make_channel(ends->port, 0, &next->clients[k], &ends->endpoints[k]);
        if (status == OK && entry->forwarded[k]) {
            status = make_channel(ends->port, CHANNEL_FORWARDER, &next->forwarders[k],
                                  &ends->forwarder_endpoints[k]);
        }
    }
    return status;
}

handle_t grant_source(const struct init *init, const struct service *service, uint32_t k) {
    uint8_t provider = service->entry->use_entry[k];
    if (provider == SERVICE_INIT) {
        return init->own->client;
    }
    const struct service_record *record = init->services[provider].record;
    uint8_t channel = service->entry->use_channel[k];
    return service->entry->manifest.uses[k].forwarder ? record->forwarders[channel]
                                                      : record->clients[channel];
}

status_t grant_make_uses(const struct init *init, const struct service *service,
                         struct service_record *next) {
    for (uint32_t k = 0; k < service->entry->manifest.use_count; k++) {
        handle_t source = grant_source(init, service, k);
        if (source == HANDLE_NONE) {
            return ERR_NOT_FOUND;
        }
        int64_t grant = sys_handle_duplicate(source, CHANNEL_RIGHTS | RIGHT_DUPLICATE);
        if (grant < 0) {
            return (status_t)grant;
        }
        next->grants[k] = (handle_t)grant;
    }
    return OK;
}

// ---- listing

static void list_add(struct grant_list *list, const char *name, handle_t handle, uint32_t rights) {
    struct spawn_handle *item = &list->items[list->count];
    text_copy(list->names[list->count], START_NAME_BYTES, name);
    item->name = list->names[list->count];
    item->handle = list->kept != NULL ? list->kept[list->count] : handle;
    item->rights = list->kept != NULL ? SPAWN_KEPT : rights;
    list->count++;
}

// The handles of the contract with a service (server/start.h).
static void list_contract(const struct service_record *record, const struct grant_ends *ends,
                          struct grant_list *list) {
    static const struct grant_ends none;
    ends = ends != NULL ? ends : &none;
    list_add(list, SERVER_PORT, ends->port, SPAWN_MOVE);
    for (uint32_t k = 0; k < MANIFEST_PROVIDES_MAX; k++) {
        char name[START_NAME_BYTES];
        text_format(name, sizeof(name), "endpoint%u", k);
        if (record->clients[k] != HANDLE_NONE) {
            list_add(list, name, ends->endpoints[k], SPAWN_MOVE);
        }
        text_format(name, sizeof(name), "endpoint%u-forwarder", k);
        if (record->forwarders[k] != HANDLE_NONE) {
            list_add(list, name, ends->forwarder_endpoints[k], SPAWN_MOVE);
        }
    }
    if (record->vault != HANDLE_NONE) {
        list_add(list, SERVER_VAULT, record->vault, VAULT_RIGHTS);
    }
    if (record->heartbeat != HANDLE_NONE) {
        list_add(list, SERVER_HEARTBEAT, record->heartbeat, HEARTBEAT_RIGHTS);
    }
}

// What a `grant log` and a `grant log-read` make together.
static uint32_t log_rights(const struct service *service, uint32_t grants) {
    if (service->bare) {
        return RIGHTS_LOG;
    }
    return RIGHT_DUPLICATE | RIGHT_TRANSFER | ((grants & GRANT_LOG) != 0 ? RIGHT_WRITE : 0) |
           ((grants & GRANT_LOG_READ) != 0 ? RIGHT_READ | RIGHT_WAIT : 0);
}

static void list_system(const struct service *service, const struct service_record *record,
                        struct grant_list *list) {
    uint32_t grants = service->entry->manifest.grants;
    if ((grants & GRANT_JOB) != 0) {
        list_add(list, "job", record->job, RIGHTS_JOB);
    }
    if ((grants & (GRANT_LOG | GRANT_LOG_READ)) != 0) {
        list_add(list, "log", INIT_LOG, log_rights(service, grants));
    }
    if ((grants & GRANT_SYSTEM) != 0) {
        list_add(list, "system", INIT_SYSTEM, SYSTEM_RIGHTS);
    }
    if ((grants & GRANT_ARCHIVE) != 0) {
        list_add(list, "archive", INIT_ARCHIVE, ARCHIVE_RIGHTS);
    }
    if ((grants & GRANT_ROOT_JOB) != 0) {
        list_add(list, "root-job", INIT_JOB, RIGHTS_JOB);
    }
    if ((grants & GRANT_INIT_VAULT) != 0) {
        list_add(list, "init-vault", INIT_VAULT, VAULT_RIGHTS);
    }
    if ((grants & GRANT_CLOCK) != 0) {
        list_add(list, "clock", INIT_CLOCK, PAGE_RIGHTS);
    }
}

void grant_fill(const struct service *service, const struct service_record *record,
                const struct grant_ends *ends, struct grant_list *list) {
    const struct manifest *manifest = &service->entry->manifest;
    list->count = 0;
    list->kept = ends == NULL && !service->bare ? record->given : NULL;
    if (!service->bare) {
        list_contract(record, ends, list);
    }
    list_system(service, record, list);
    for (uint32_t k = 0; k < manifest->use_count; k++) {
        list_add(list, manifest->uses[k].as, record->grants[k], grant_channel_rights(service, k));
    }
    for (uint32_t k = 0; k < manifest->device_count; k++) {
        list_add(list, manifest->devices[k], device_find(manifest->devices[k]), RIGHTS_DEVICE);
    }
}
