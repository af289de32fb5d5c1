// SPDX-License-Identifier: MIT
//
// Every operation is a read, or idempotent: a call that comes again after init's death is simply
// done again.

#include "serve.h"

#include "grant.h"
#include "supervise.h"

#include <abi/boot.h>
#include <proto/svc_server.h>
#include <sys/calls.h>
#include <sys/string.h>
#include <sys/thread.h>

#define NAME_BYTES sizeof(((struct svc_entry *)0)->name)
#define LIST_STEP 16
#define HANDLES_STEP 32
static_assert(NAME_BYTES == MANIFEST_NAME_BYTES, "names of services are as long as the protocol's");

// The name in a request, null when it has no end.
static const char *proper_name(const char name[NAME_BYTES]) {
    return strnlen(name, NAME_BYTES) < NAME_BYTES ? name : NULL;
}

static struct service *find(struct init *init, const char name[NAME_BYTES]) {
    return proper_name(name) != NULL ? service_find(init, name) : NULL;
}

static bool is_init(const char name[NAME_BYTES]) {
    return proper_name(name) != NULL && strcmp(name, "init") == 0;
}

// ---- looking

// A good life sends a service back to the bottom of the ladder; that is noted at its next crash
// only.
static uint32_t level(const struct service_record *record) {
    bool good =
        record->state == SVC_STATE_RUNNING && time_now() - record->started_at >= LADDER_GOOD_LIFE;
    return good ? 0 : ladder_level(record->ladder.step);
}

static void fill_entry(const struct service *service, struct svc_entry *entry) {
    const struct service_record *record = service->record;
    *entry = (struct svc_entry){
        .state = record->state,
        .level = level(record),
        .process = record->process_id,
        .provider = service->bare ? 0 : service->index + 1u,
        .restarts = record->instance > 0 ? record->instance - 1 : 0,
        .uptime = record->state == SVC_STATE_RUNNING ? time_now() - record->started_at : 0,
    };
    memcpy(entry->name, record->name, sizeof(entry->name));
}

static int64_t list(void *server, const struct packet *packet,
                    const struct svc_list_request *request) {
    struct init *init = server;
    struct svc_entry entries[LIST_STEP];
    uint64_t room = packet->out_bytes / sizeof(entries[0]);
    uint32_t count = 0;
    for (uint64_t i = request->first; i < init->service_count && count < LIST_STEP && count < room;
         i++) {
        fill_entry(&init->services[i], &entries[count++]);
    }
    if (count == 0) {
        return 0;
    }
    size_t bytes = count * sizeof(entries[0]);
    int64_t written = sys_call_write(packet->token, 0, entries, bytes);
    if (written == ERR_NEEDS_PAGE || (written >= 0 && (size_t)written < bytes)) {
        return PROTOCOL_TOUCH_OUT(written > 0 ? written : 0);
    }
    return written < 0 ? written : count;
}

static int64_t status_of_init(const struct init *init, struct svc_status_reply *reply) {
    reply->entry.state = SVC_STATE_RUNNING;
    reply->entry.process = thread_block()->process;
    reply->entry.restarts = init->own->starts - 1;
    reply->entry.uptime = time_now() - init->started_at;
    reply->instance = init->own->starts;
    text_copy(reply->entry.name, NAME_BYTES, "init");
    return OK;
}

static int64_t status(void *server, const struct packet *packet,
                      const struct svc_status_request *request, struct svc_status_reply *reply) {
    struct init *init = server;
    (void)packet;
    if (is_init(request->name)) {
        return status_of_init(init, reply);
    }
    const struct service *service = find(init, request->name);
    if (service == NULL) {
        return ERR_NOT_FOUND;
    }
    const struct service_record *record = service->record;
    fill_entry(service, &reply->entry);
    reply->crashes = record->crashes;
    reply->kills = record->kills;
    reply->hangs = record->hangs;
    reply->instance = record->instance;
    reply->last_cause = record->last_cause;
    reply->last_status = record->last_status;
    reply->last_pc = record->last_pc;
    reply->last_addr = record->last_addr;
    reply->frozen = (record->flags & SERVICE_FROZEN) != 0;
    reply->next_start = record->next_start;
    return OK;
}

// Opens a process: that of a service, init's own, or any by its id.
static int64_t open_process(struct init *init, const struct svc_handles_request *request) {
    if (is_init(request->name)) {
        return sys_handle_duplicate(INIT_PROCESS, RIGHT_READ);
    }
    if (request->name[0] != '\0') {
        const struct service *service = find(init, request->name);
        return service == NULL ? ERR_NOT_FOUND
                               : sys_handle_duplicate(service->record->process, RIGHT_READ);
    }
    struct process_info info;
    if (request->process == 0) {
        return ERR_NOT_FOUND;
    }
    int64_t process = sys_job_child(INIT_JOB, request->process - 1, &info);
    if (process >= 0 && info.id != request->process) {
        (void)!sys_handle_close((handle_t)process);
        return ERR_NOT_FOUND;
    }
    return process;
}

static uint32_t read_handles(handle_t process, uint32_t cursor, uint64_t room,
                             struct svc_handle out[HANDLES_STEP]) {
    struct handle_info info = {.handle = cursor};
    uint32_t count = 0;
    while (count < HANDLES_STEP && count < room &&
           sys_handle_next(process, info.handle, &info) == OK) {
        out[count++] = (struct svc_handle){
            .handle = info.handle,
            .type = info.type,
            .rights = info.rights,
            .depth = info.depth,
            .object = info.id,
            .provider = info.provider,
        };
    }
    return count;
}

static int64_t handles(void *server, const struct packet *packet,
                       const struct svc_handles_request *request) {
    struct svc_handle out[HANDLES_STEP];
    int64_t process = open_process(server, request);
    if (process < 0) {
        return ERR_NOT_FOUND;
    }
    uint32_t count =
        read_handles((handle_t)process, request->cursor, packet->out_bytes / sizeof(out[0]), out);
    (void)!sys_handle_close((handle_t)process);
    if (count == 0) {
        return 0;
    }
    size_t bytes = count * sizeof(out[0]);
    int64_t written = sys_call_write(packet->token, 0, out, bytes);
    if (written == ERR_NEEDS_PAGE || (written >= 0 && (size_t)written < bytes)) {
        return PROTOCOL_TOUCH_OUT(written > 0 ? written : 0);
    }
    return written < 0 ? written : count;
}

// ---- ruling

static int64_t start(void *server, const struct packet *packet,
                     const struct svc_start_request *request) {
    struct service *service = find(server, request->name);
    (void)packet;
    return service == NULL ? ERR_NOT_FOUND : service_order_start(server, service);
}

static int64_t stop(void *server, const struct packet *packet,
                    const struct svc_stop_request *request) {
    struct service *service = find(server, request->name);
    (void)packet;
    if (service == NULL) {
        return ERR_NOT_FOUND;
    }
    if (service->record->state == SVC_STATE_REFUSED || service->bare) {
        return ERR_BAD_STATE;
    }
    service_order_stop(server, service);
    return OK;
}

// Whether an instance is the present one: OK; one that is no more: NOT_DONE, which is fine with
// whoever wanted to end it; else INVALID_ARGUMENT.
static status_t check_instance(uint64_t present, uint64_t wanted) {
    if (wanted == 0 || wanted > present) {
        return ERR_INVALID_ARGUMENT;
    }
    return wanted == present ? OK : ERR_NOT_DONE;
}

static int64_t kill_service(struct service *service, uint64_t instance) {
    if (service == NULL) {
        return ERR_NOT_FOUND;
    }
    status_t status = check_instance(service->record->instance, instance);
    if (status == ERR_NOT_DONE) {
        return OK;
    }
    if (status == OK && service->record->state != SVC_STATE_RUNNING) {
        return ERR_BAD_STATE;
    }
    if (status == OK) {
        service_order_kill(service);
    }
    return status;
}

static int64_t kill(void *server, const struct packet *packet,
                    const struct svc_kill_request *request) {
    struct init *init = server;
    (void)packet;
    if (!is_init(request->name)) {
        return kill_service(find(init, request->name), request->instance);
    }
    status_t status = check_instance(init->own->starts, request->instance);
    if (status == OK) {
        // The call comes again to the successor, for whom that instance is one of the past.
        (void)!sys_task_kill(INIT_PROCESS, 0, 0);
    }
    return status == ERR_NOT_DONE ? OK : status;
}

static int64_t restart(void *server, const struct packet *packet,
                       const struct svc_restart_request *request) {
    struct service *service = find(server, request->name);
    (void)packet;
    if (service != NULL && service->record->state != SVC_STATE_RUNNING) {
        return service_order_start(server, service);
    }
    return kill_service(service, request->instance);
}

static int64_t freeze(void *server, const struct packet *packet,
                      const struct svc_freeze_request *request) {
    struct service *service = find(server, request->name);
    (void)packet;
    if (service == NULL) {
        return ERR_NOT_FOUND;
    }
    status_t status = check_instance(service->record->instance, request->instance);
    if (status == OK) {
        status = service_order_freeze(server, service);
    }
    return status == ERR_NOT_DONE ? OK : status;
}

// ---- grants

static struct service *find_caller(struct init *init, const struct packet *packet) {
    for (uint32_t i = 0; i < init->service_count; i++) {
        if (init->services[i].record->process_id == packet->process) {
            return &init->services[i];
        }
    }
    return NULL;
}

// The `uses` line of a name, of which `as` says whether it is the user's or the provider's.
static uint32_t find_use(const struct service *service, const char *name, bool as) {
    const struct manifest *manifest = &service->entry->manifest;
    for (uint32_t k = 0; k < manifest->use_count; k++) {
        const struct manifest_use *use = &manifest->uses[k];
        if (strcmp(as ? use->as : use->channel, name) == 0) {
            return k;
        }
    }
    return MANIFEST_USES_MAX;
}

static uint64_t object_id(handle_t handle) {
    struct handle_info info;
    return sys_handle_info(handle, &info) == OK ? info.id : 0;
}

// Makes the grant one of the provider's present channel.
static status_t renew_grant(struct init *init, struct service *service, uint32_t k) {
    struct service_record next = *service->record;
    handle_t source = grant_source(init, service, k);
    if (source == HANDLE_NONE) {
        return ERR_NOT_FOUND;
    }
    if (next.grants[k] != HANDLE_NONE && object_id(next.grants[k]) == object_id(source)) {
        return OK;
    }
    int64_t grant =
        sys_handle_duplicate(source, grant_channel_rights(service, k) | RIGHT_DUPLICATE);
    if (grant < 0) {
        return (status_t)grant;
    }
    handle_t before = next.grants[k];
    next.grants[k] = (handle_t)grant;
    service_commit(init, service, &next);
    if (before != HANDLE_NONE) {
        (void)!sys_handle_close(before);
    }
    return OK;
}

static int64_t open(void *server, const struct packet *packet,
                    const struct svc_open_request *request, handle_t handles_out[1]) {
    struct init *init = server;
    struct service *caller = find_caller(init, packet);
    if (caller == NULL || proper_name(request->channel) == NULL) {
        return caller == NULL ? ERR_ACCESS_DENIED : ERR_NOT_FOUND;
    }
    uint32_t k = find_use(caller, request->channel, false);
    if (k == MANIFEST_USES_MAX || (caller->record->revoked & 1u << k) != 0) {
        return ERR_ACCESS_DENIED;
    }
    status_t status = renew_grant(init, caller, k);
    if (status != OK) {
        return status;
    }
    int64_t handle =
        sys_handle_duplicate(caller->record->grants[k], grant_channel_rights(caller, k));
    if (handle < 0) {
        return handle;
    }
    handles_out[0] = init->reply_handle = (handle_t)handle;
    return OK;
}

static int64_t revoke(void *server, const struct packet *packet,
                      const struct svc_revoke_request *request) {
    struct service *service = find(server, request->name);
    (void)packet;
    if (service == NULL || proper_name(request->grant) == NULL) {
        return ERR_NOT_FOUND;
    }
    uint32_t k = find_use(service, request->grant, true);
    if (k == MANIFEST_USES_MAX || service->record->grants[k] == HANDLE_NONE) {
        return ERR_NOT_FOUND;
    }
    struct service_record next = *service->record;
    next.revoked |= 1u << k;
    service_commit(server, service, &next);
    return sys_handle_revoke(next.grants[k]);
}

static const struct svc_ops ops = {
    .list = list,
    .status = status,
    .start = start,
    .stop = stop,
    .restart = restart,
    .kill = kill,
    .freeze = freeze,
    .open = open,
    .handles = handles,
    .revoke = revoke,
};

void svc_serve(struct init *init, const struct packet *packet) {
    (void)svc_dispatch(&ops, init, packet, &thread_block()->message);
}
