// SPDX-License-Identifier: MIT

#include "state.h"

#include "catalog.h"

#include <abi/objects.h>
#include <abi/proto/svc.h>
#include <sys/log.h>
#include <sys/string.h>

static_assert(STATE_SERVICES == SERVICES_MAX + 1, "there is a record for each service");

// Whether the values of a record can be those of a service. Handles are not looked at here.
static bool service_check(uint32_t index, const void *place) {
    const struct service_record *record = place;
    (void)index;
    return strnlen(record->name, MANIFEST_NAME_BYTES) < MANIFEST_NAME_BYTES &&
           manifest_name_valid(record->name) && record->state <= SVC_STATE_DONE &&
           record->given_count <= STATE_GIVEN_MAX && ladder_valid(&record->ladder);
}

static const struct vault_table tables[STATE_TABLES] = {
    [STATE_INIT] =
        {
            .name = "init",
            .record_bytes = sizeof(struct init_record),
            .count = 1,
            .handles = {{offsetof(struct init_record, port), OBJECT_PORT},
                        {offsetof(struct init_record, client), OBJECT_CHANNEL},
                        {offsetof(struct init_record, services), OBJECT_JOB}},
        },
    [STATE_SERVICE] =
        {
            .name = "service",
            .record_bytes = sizeof(struct service_record),
            .count = STATE_SERVICES,
            .handles = {{offsetof(struct service_record, job), OBJECT_JOB},
                        {offsetof(struct service_record, core), OBJECT_JOB},
                        {offsetof(struct service_record, process), OBJECT_PROCESS}},
            .check = service_check,
        },
};

const struct vault_layout state_layout = {
    .service = 0x54494e49, // "INIT"
    .version = 2,
    .undo_bytes = 4096,
    .table_count = STATE_TABLES,
    .tables = tables,
};

// Writes all of a record but its check, which is the library's.
static void set_record(struct vault *vault, const void *place, const void *wanted, size_t bytes) {
    const size_t skip = offsetof(struct vault_head, used);
    step_begin(vault);
    vault_set_bytes(vault, (const uint8_t *)place + skip, (const uint8_t *)wanted + skip,
                    bytes - skip);
    status_t status = step_commit(vault, NULL);
    if (status != OK) {
        panic("init: a step does not fit: %d", status);
    }
}

void state_set_service(struct vault *vault, const struct service_record *place,
                       const struct service_record *wanted) {
    set_record(vault, place, wanted, sizeof(*wanted));
}

void state_set_init(struct vault *vault, const struct init_record *place,
                    const struct init_record *wanted) {
    set_record(vault, place, wanted, sizeof(*wanted));
}

// The places of a record where handles stand.
static uint32_t handle_places(struct service_record *record, handle_t *places[STATE_HANDLES_MAX]) {
    handle_t *single[] = {&record->job,    &record->core,  &record->process,
                          &record->thread, &record->vault, &record->heartbeat};
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        places[count++] = single[i];
    }
    for (size_t i = 0; i < MANIFEST_PROVIDES_MAX; i++) {
        places[count++] = &record->clients[i];
        places[count++] = &record->forwarders[i];
    }
    for (size_t i = 0; i < MANIFEST_USES_MAX; i++) {
        places[count++] = &record->grants[i];
    }
    return count;
}

uint32_t state_take_handles(struct service_record *record, handle_t out[STATE_HANDLES_MAX]) {
    handle_t *places[STATE_HANDLES_MAX];
    uint32_t count = handle_places(record, places);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (*places[i] != HANDLE_NONE) {
            out[taken++] = *places[i];
            *places[i] = HANDLE_NONE;
        }
    }
    return taken;
}
