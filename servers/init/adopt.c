// SPDX-License-Identifier: MIT
//
// What an instance of init finds: the handles of the kernel, its vault, and whatever its
// predecessor had made. Records say what belongs to whom. For the rest, in this order:
//
//   1. A process that no record names and that has the kept table of a service that is down is a
//      successor that was being made. It never ran. It takes the place of the dead process.
//   2. A job that no record names is killed with all that runs in it: a service that was being
//   made, or
//      cleared away, or whose record was lost. So nothing runs that init does not know of.
//   3. Every other handle that no record names is closed.
//
// A vault that fails its check has no records, so the same three steps clear everything away.

#include "adopt.h"

#include "launch.h"
#include "run.h"
#include "supervise.h"
#include "watch.h"

#include <abi/boot.h>
#include <abi/names.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>
#include <sys/thread.h>

// ---- the vault

// Kills whatever runs beside init.
static void kill_everything(void) {
    uint64_t cursor = 0;
    uint64_t self = thread_block()->process;
    struct process_info info;
    int64_t process;
    while ((process = sys_job_child(INIT_JOB, cursor, &info)) >= 0) {
        if (info.id != self) {
            (void)!sys_task_kill((handle_t)process, 0, 0);
        }
        (void)!sys_handle_close((handle_t)process);
        cursor = info.id;
    }
}

// Opens the vault as it is. CORRUPT: also when init's own record is lost, since then the ends of
// services would be reported at a port that nobody knows.
static status_t open_as_it_is(struct init *init, void *memory, size_t bytes) {
    status_t status = vault_open(&init->vault, &state_layout, memory, bytes, false);
    if (status != OK || init->vault.report.fresh) {
        return status;
    }
    const struct init_record *own = vault_record(&init->vault, STATE_INIT, 0);
    return own->head.used == 1 ? OK : ERR_CORRUPT;
}

static void open_vault(struct init *init) {
    int64_t addr =
        sys_aspace_map(HANDLE_NONE, INIT_VAULT, 0, 0, INIT_VAULT_BYTES, MAP_READ | MAP_WRITE);
    if (addr < 0) {
        panic("init: can't map the vault: %s", status_name(addr));
    }
    void *memory = (void *)addr;
    size_t bytes = INIT_VAULT_BYTES - sizeof(struct init_points);
    status_t status = open_as_it_is(init, memory, bytes);
    if (status == ERR_CORRUPT) {
        log_printf("init: MY VAULT IS CORRUPT: all services are killed and start anew");
        kill_everything();
        status = vault_open(&init->vault, &state_layout, memory, bytes, true);
    }
    if (status != OK) {
        panic("init: can't open the vault: %s", status_name(status));
    }
}

// ---- the records

static void find_record(struct init *init, struct service *service) {
    const char *name = service->entry->manifest.name;
    for (uint32_t i = 0; i < STATE_SERVICES; i++) {
        const struct service_record *record = vault_record(&init->vault, STATE_SERVICE, i);
        if (record->head.used == 1 && strcmp(record->name, name) == 0) {
            service->record = record;
            return;
        }
    }
    int32_t index = vault_find_free(&init->vault, STATE_SERVICE);
    if (index < 0) {
        panic("init: there are more services than records");
    }
    service->record = vault_record(&init->vault, STATE_SERVICE, (uint32_t)index);
    struct service_record fresh = {.head = {.used = 1}, .state = SVC_STATE_STOPPED};
    text_copy(fresh.name, sizeof(fresh.name), name);
    fresh.state = service->entry->refused ? SVC_STATE_REFUSED : SVC_STATE_STOPPED;
    service_commit(init, service, &fresh);
}

static bool is_wanted(const struct init *init, const struct service *service) {
    const struct command_list *named = &init->command.services;
    for (uint32_t i = 0; i < named->count; i++) {
        if (strcmp(named->items[i], service->entry->manifest.name) == 0) {
            return true;
        }
    }
    bool by_itself = !named->given && init->command.run == NULL;
    return service->bare || (by_itself && service->entry->manifest.start == START_BOOT);
}

// Whether somebody who is up, or will be, depends on it.
static bool is_needed(const struct init *init, const struct service *service) {
    for (uint32_t i = 0; i < init->service_count; i++) {
        const struct service *other = &init->services[i];
        bool lives = service_is_up(other) || other->record->state == SVC_STATE_WAITING;
        if (lives && (other->entry->depends & 1UL << service->index) != 0) {
            return true;
        }
    }
    return false;
}

// Marks those that are to run as soon as they can. Only if their records are new: an old one knows
// better.
static void order_wanted(struct init *init) {
    for (uint32_t i = 0; i < init->service_count; i++) {
        struct service *service = &init->services[i];
        bool untouched =
            service->record->state == SVC_STATE_STOPPED && service->record->instance == 0;
        if (untouched && (is_wanted(init, service) || is_needed(init, service))) {
            (void)!service_order_start(init, service);
        }
    }
}

static void check_wanted_names(const struct init *init) {
    const struct command_list *named = &init->command.services;
    for (uint32_t i = 0; i < named->count; i++) {
        if (catalog_find(&init->catalog, named->items[i]) == SERVICE_NONE) {
            log_printf("init: init.services= names no service: %s", named->items[i]);
        }
    }
}

// The memory that is not init's own.
static int64_t make_services_job(void) {
    struct job_limits limits = {
        .memory_pages = services_pages(),
        .handles = JOB_UNLIMITED,
        .threads = JOB_UNLIMITED,
        .processes = JOB_UNLIMITED,
    };
    return sys_job_create(INIT_JOB, &limits);
}

static void make_own(struct init *init) {
    init->own = vault_record(&init->vault, STATE_INIT, 0);
    struct init_record next = *init->own;
    if (next.head.used == 0) {
        next = (struct init_record){.head = {.used = 1}};
        int64_t services = make_services_job();
        int64_t port = sys_port_create();
        int64_t pair = port < 0 ? port : sys_channel_create((handle_t)port, KEY_SVC, 0);
        if (pair < 0 || services < 0) {
            panic("init: can't make its port or a job: %s",
                  status_name(services < 0 ? services : pair));
        }
        next.services = (handle_t)services;
        next.port = (handle_t)port;
        next.client = (handle_t)(pair & UINT32_MAX);
        next.endpoint = (handle_t)(pair >> 32);
    }
    next.starts++;
    init_point(init);
    state_set_init(&init->vault, init->own, &next);
    init_point(init);
}

// ---- the left-overs

// Every handle that a record names, and those of the kernel.
static struct {
    uint32_t count;
    handle_t items[INIT_LAST + 4 + STATE_SERVICES * STATE_HANDLES_MAX];
} named;

static void collect_named(const struct init *init) {
    named.count = 0;
    for (handle_t handle = 1; handle <= INIT_LAST; handle++) {
        named.items[named.count++] = handle;
    }
    named.items[named.count++] = init->own->port;
    named.items[named.count++] = init->own->endpoint;
    named.items[named.count++] = init->own->client;
    named.items[named.count++] = init->own->services;
    for (uint32_t i = 0; i < init->service_count; i++) {
        struct service_record copy = *init->services[i].record;
        named.count += state_take_handles(&copy, &named.items[named.count]);
    }
}

static bool is_named(handle_t handle) {
    for (uint32_t i = 0; i < named.count; i++) {
        if (named.items[i] == handle) {
            return true;
        }
    }
    return false;
}

static uint64_t object_id(handle_t handle) {
    struct handle_info info;
    return sys_handle_info(handle, &info) == OK ? info.id : 0;
}

// Step 1 for one process.
static void consider_heir(struct init *init, handle_t process) {
    struct process_info info;
    if (sys_object_get(process, &info, sizeof(info)) != OK || info.handles == 0) {
        return;
    }
    for (uint32_t i = 0; i < init->service_count; i++) {
        struct service *service = &init->services[i];
        struct service_record next = *service->record;
        struct process_info dead;
        if (next.state != SVC_STATE_DOWN || next.process == HANDLE_NONE ||
            object_id(next.core) != info.job ||
            sys_object_get(next.process, &dead, sizeof(dead)) != OK || dead.handles != 0) {
            continue;
        }
        (void)!sys_task_kill(process, 0, 0);
        handle_t before = next.process;
        next.process = process;
        service_commit(init, service, &next);
        (void)!sys_handle_close(before);
        return;
    }
}

// Calls `take` for each handle of a type (0: any) that no record names.
static void each_unnamed(struct init *init, uint32_t type,
                         void (*take)(struct init *init, handle_t handle)) {
    struct handle_info info = {0};
    collect_named(init);
    while (sys_handle_next(HANDLE_NONE, info.handle, &info) == OK) {
        if ((type == 0 || info.type == type) && !is_named(info.handle)) {
            take(init, info.handle);
            init_point(init);
        }
    }
}

static void kill_job(struct init *init, handle_t job) {
    (void)init;
    (void)!sys_task_kill(job, 0, 0);
}

static void close_handle(struct init *init, handle_t handle) {
    (void)init;
    (void)!sys_handle_close(handle);
}

static void clear_leftovers(struct init *init) {
    each_unnamed(init, OBJECT_PROCESS, consider_heir);
    each_unnamed(init, OBJECT_JOB, kill_job);
    each_unnamed(init, 0, close_handle);
}

// Goes on with what the records say is running.
static void go_on(struct init *init) {
    for (uint32_t i = 0; i < init->service_count; i++) {
        struct service *service = &init->services[i];
        if (service->record->state == SVC_STATE_RUNNING) {
            service_go(service->record);
            watch_begin(service);
        }
        if (service->record->state == SVC_STATE_RUNNING &&
            (service->record->flags & SERVICE_FROZEN) != 0) {
            // Perhaps it was marked only: stopping it once more does no harm, it is to be replaced
            // anyway.
            (void)!sys_process_suspend(service->record->process);
        }
    }
}

void init_open(struct init *init) {
    open_vault(init);
    make_own(init);
}

void init_adopt(struct init *init) {
    for (uint32_t i = 0; i < init->catalog.count; i++) {
        init->services[i] = (struct service){
            .index = (uint8_t)i,
            .entry = &init->catalog.entries[i],
        };
    }
    init->service_count = init->catalog.count;
    run_prepare(init);
    if (init->own->starts == 1) {
        check_wanted_names(init);
    }
    for (uint32_t i = 0; i < init->service_count; i++) {
        find_record(init, &init->services[i]);
    }
    clear_leftovers(init);
    order_wanted(init);
    go_on(init);
}
