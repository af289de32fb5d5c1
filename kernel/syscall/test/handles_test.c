// SPDX-License-Identifier: MIT
//
// The handlers of native calls on handles, with the checks of their arguments before them.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host_user.c
// host-sources: kernel/test/host/host.c kernel/test/host/host_source.c
// host-sources: kernel/test/host/host_memory.c kernel/test/host/host_reap.c
// host-sources: kernel/sched/spinlock.c kernel/object/object.c kernel/object/job.c
// host-sources: kernel/object/id.c kernel/object/handle.c kernel/object/handle_table.c
// host-sources: kernel/object/handle_tree.c kernel/object/handle_revoke.c
// host-sources: kernel/syscall/handles.c
#include "../../object/test/fixture.h"

#include <abi/flags.h>
#include <ipc/channel.h>
#include <kernel/syscall_checks.h>
#include <object/id.h>

// A call with its argument registers, by way of the checks that its dispatch makes.
#define CALL(name, ...) checked_##name((const uint64_t[6]){__VA_ARGS__})

static struct process self;
static struct process child; // not yet started
static struct thread thread;
static handle_t child_handle;

static bool static_destroy(struct object *object) {
    object_fini(object->job);
    return true;
}

static const struct object_ops static_ops = {.name = "static", .destroy = static_destroy};

static void begin(void) {
    // Pages of the id table stay for good: the first one comes before anything is counted.
    host_cpus_init(1);
    id_free(id_alloc(ID_THREAD, &thread));
    fixture_begin(1);
    self = (struct process){.job = job_root, .state = PROCESS_STARTED, .provider = 3};
    child = (struct process){.job = job_root, .state = PROCESS_NEW};
    spin_init(&self.lock, RANK_PROCESS);
    spin_init(&child.lock, RANK_PROCESS);
    thread = (struct thread){.process = &self};
    cpu_this()->thread = &thread;
    CHECK_EQ(handle_table_create(job_root, &self.table), OK);
    CHECK_EQ(handle_table_create(job_root, &child.table), OK);
    object_init(&child.object, &static_ops, OBJECT_PROCESS, job_root, 0);
    CHECK_EQ(handle_insert(self.table, &child.object, RIGHTS_PROCESS, &child_handle), OK);
}

static void end(void) {
    table_close(self.table);
    if (child.table != NULL) {
        table_close(child.table);
    }
    fixture_end();
}

static handle_t insert(uint8_t type, uint32_t rights) {
    handle_t value;
    CHECK_EQ(handle_insert(self.table, &thing_create(type, NULL)->object, rights, &value), OK);
    return value;
}

TEST(sys_handle_duplicate_close_info) {
    begin();
    struct handle_info info;
    handle_t top = insert(OBJECT_VMO, RIGHTS_SOME);
    int64_t copy = CALL(handle_duplicate, top, RIGHT_READ);
    REQUIRE(copy > 0);
    CHECK_EQ(CALL(handle_info, (handle_t)copy, (vaddr_t)&info), OK);
    CHECK(info.handle == copy && info.rights == RIGHT_READ && info.type == OBJECT_VMO);
    CHECK_EQ(CALL(handle_info, (handle_t)copy, 16), ERR_FAULT);
    CHECK_EQ(CALL(handle_duplicate, (handle_t)copy, RIGHT_READ), ERR_ACCESS_DENIED);
    CHECK_EQ(CALL(handle_revoke, (handle_t)copy), ERR_ACCESS_DENIED);
    CHECK_EQ(CALL(handle_revoke, top), OK);
    CHECK_EQ(CALL(handle_close, (handle_t)copy), ERR_BAD_HANDLE);
    CHECK_EQ(CALL(handle_close, top), OK);
    CHECK_EQ(CALL(handle_info, top, (vaddr_t)&info), ERR_BAD_HANDLE);
    end();
}

TEST(sys_handle_next_walks) {
    begin();
    struct handle_info info;
    handle_t top = insert(OBJECT_VMO, RIGHTS_SOME);
    CHECK_EQ(CALL(handle_next, HANDLE_NONE, 0, (vaddr_t)&info), OK);
    CHECK_EQ(info.handle, child_handle);
    CHECK_EQ(CALL(handle_next, HANDLE_NONE, info.handle, (vaddr_t)&info), OK);
    CHECK_EQ(info.handle, top);
    CHECK_EQ(CALL(handle_next, HANDLE_NONE, info.handle, (vaddr_t)&info), ERR_NOT_FOUND);
    CHECK_EQ(CALL(handle_next, child_handle, 0, (vaddr_t)&info), ERR_NOT_FOUND);
    CHECK_EQ(CALL(handle_give, child_handle, top, 1500), 1500);
    // Chunks that are missing are passed quickly, the free slots of those that are there in steps.
    CHECK_EQ(CALL(handle_next, child_handle, 0, (vaddr_t)&info), OK);
    CHECK_EQ(info.handle, 1500);
    CHECK_EQ(CALL(handle_next, child_handle, 0, 16), ERR_FAULT);
    CHECK_EQ(CALL(handle_next, top, 0, (vaddr_t)&info), ERR_BAD_HANDLE);
    handle_t event = insert(OBJECT_EVENT, RIGHTS_SOME);
    CHECK_EQ(CALL(handle_next, event, 0, (vaddr_t)&info), ERR_WRONG_TYPE);
    end();
}

TEST(sys_handle_next_restarts) {
    begin();
    struct handle_info info;
    handle_t last = HANDLE_NONE;
    for (int i = 0; i < 3000; i++) {
        last = insert(OBJECT_EVENT, RIGHTS_SOME);
    }
    for (handle_t value = 1; value < last; value++) {
        CHECK_EQ(handle_close(self.table, value), OK);
    }
    uint32_t cursor = 0;
    uint32_t steps = 0;
    int64_t result;
    while ((result = CALL(handle_next, HANDLE_NONE, cursor, (vaddr_t)&info)) == STATUS_RESTART) {
        cursor = (uint32_t)thread.arch.args[1];
        steps++;
    }
    CHECK_EQ(result, OK);
    CHECK_EQ(info.handle, last);
    CHECK(steps > 0 && steps < 10);
    child_handle = HANDLE_NONE;
    end();
}

TEST(sys_object_alive_tells) {
    begin();
    CHECK_EQ(CALL(object_alive, 0), 0);
    CHECK_EQ(CALL(object_alive, UINT64_MAX), 0);
    self.id = id_alloc(ID_PROCESS, &self);
    thread.id = id_alloc(ID_THREAD, &thread);
    CHECK_EQ(CALL(object_alive, self.id), 1);
    CHECK_EQ(CALL(object_alive, thread.id), 1);
    self.state = PROCESS_ENDED;
    thread.state = THREAD_DEAD;
    CHECK_EQ(CALL(object_alive, self.id), 0);
    CHECK_EQ(CALL(object_alive, thread.id), 0);
    id_free(self.id);
    id_free(thread.id);
    CHECK_EQ(CALL(object_alive, self.id), 0);
    end();
}

TEST(sys_job_create_hands_no_identity_out) {
    begin();
    const struct job_limits limits = {.memory_pages = 20, .handles = 20, .reserved_pages = 5};
    const struct job_limits wrong = {.memory_pages = 4, .reserved_pages = 5};
    const struct job_limits large = {.memory_pages = UINT64_MAX, .reserved_pages = ROOT_PAGES};
    struct handle_info info;
    handle_t root;
    object_ref(&job_root->object);
    REQUIRE_EQ(handle_insert(self.table, &job_root->object, RIGHTS_JOB, &root), OK);
    int64_t trusted = CALL(job_create, root, (vaddr_t)&limits);
    REQUIRE(trusted > 0);
    CHECK_EQ(CALL(handle_info, (handle_t)trusted, (vaddr_t)&info), OK);
    CHECK_EQ(info.rights, RIGHTS_JOB);
    int64_t plain = CALL(handle_duplicate, root, RIGHT_CREATE);
    int64_t job = CALL(job_create, (handle_t)plain, (vaddr_t)&limits);
    REQUIRE(job > 0);
    CHECK_EQ(CALL(handle_info, (handle_t)job, (vaddr_t)&info), OK);
    CHECK_EQ(info.rights, RIGHTS_JOB & ~RIGHT_IDENTITY);
    CHECK_EQ(CALL(job_create, (handle_t)plain, (vaddr_t)&wrong), ERR_INVALID_ARGUMENT);
    CHECK_EQ(CALL(job_create, (handle_t)plain, (vaddr_t)&large), ERR_LIMIT);
    CHECK_EQ(CALL(job_create, (handle_t)plain, 16), ERR_FAULT);
    CHECK_EQ(CALL(job_create, child_handle, (vaddr_t)&limits), ERR_WRONG_TYPE);
    int64_t mute = CALL(handle_duplicate, root, RIGHT_READ);
    CHECK_EQ(CALL(job_create, (handle_t)mute, (vaddr_t)&limits), ERR_ACCESS_DENIED);
    end();
}

TEST(sys_handle_give_errors) {
    begin();
    handle_t fixed = insert(OBJECT_EVENT, RIGHT_WAIT);
    handle_t vmo = insert(OBJECT_VMO, RIGHTS_SOME);
    handle_t other = insert(OBJECT_VMO, RIGHTS_SOME);
    CHECK_EQ(CALL(handle_give, child_handle, fixed, 0), ERR_ACCESS_DENIED);
    CHECK_EQ(CALL(handle_give, child_handle, HANDLE_NONE, 0), ERR_BAD_HANDLE);
    CHECK_EQ(CALL(handle_give, vmo, vmo, 0), ERR_WRONG_TYPE);
    CHECK_EQ(CALL(handle_give, child_handle, vmo, HANDLE_TABLE_MAX), ERR_OUT_OF_RANGE);
    CHECK_EQ(CALL(handle_give, child_handle, vmo, UINT32_MAX), ERR_OUT_OF_RANGE);
    CHECK_EQ(CALL(handle_give, child_handle, vmo, 7), 7);
    CHECK_EQ(CALL(handle_give, child_handle, other, 7), ERR_ALREADY_EXISTS);
    CHECK_EQ(CALL(handle_give, child_handle, vmo, 8), ERR_BAD_HANDLE);
    child.state = PROCESS_STARTED;
    CHECK_EQ(CALL(handle_give, child_handle, other, 0), ERR_BAD_STATE);
    child.state = PROCESS_NEW;
    CHECK_EQ(CALL(handle_give, child_handle, other, 0), 1);
    struct handle_table *table = child.table;
    child.table = NULL;
    handle_t last = insert(OBJECT_VMO, RIGHTS_SOME);
    CHECK_EQ(CALL(handle_give, child_handle, last, 0), ERR_BAD_STATE);
    child.table = table;
    end();
}

TEST(sys_handle_give_of_server_ends) {
    begin();
    static struct port port;
    static struct channel channel;
    port = (struct port){0};
    channel = (struct channel){.port = &port};
    spin_init(&port.lock, RANK_PORT);
    list_init(&port.taken);
    list_init(&port.held);
    list_init(&port.waiters);
    object_init(&port.object, &static_ops, OBJECT_PORT, job_root, 0);
    object_init(&channel.server, &static_ops, OBJECT_ENDPOINT, job_root, 0);
    handle_t port_handle;
    handle_t endpoint;
    REQUIRE_EQ(handle_insert(self.table, &port.object, RIGHTS_PORT, &port_handle), OK);
    REQUIRE_EQ(handle_insert(self.table, &channel.server, RIGHTS_ENDPOINT, &endpoint), OK);
    port.orphaned = true;
    CHECK_EQ(CALL(handle_give, child_handle, port_handle, 0), ERR_ACCESS_DENIED);
    CHECK_EQ(CALL(handle_give, child_handle, endpoint, 0), ERR_ACCESS_DENIED);
    port.orphaned = false;
    CHECK_EQ(CALL(handle_give, child_handle, port_handle, 1), 1);
    CHECK_EQ(CALL(handle_give, child_handle, endpoint, 2), 2);
    CHECK(port.table == child.table);
    end();
}

TEST(pair_is_all_or_nothing) {
    begin();
    uint32_t destroyed = 0;
    while (self.table->free_count != 1) {
        insert(OBJECT_EVENT, RIGHTS_EVENT);
    }
    uint32_t used = self.table->used;
    struct object *first = &thing_create(OBJECT_EVENT, &destroyed)->object;
    struct object *second = &thing_create(OBJECT_EVENT, &destroyed)->object;
    host_fail_after = 0;
    CHECK_EQ(self_insert_pair(first, RIGHT_WAIT, second, RIGHT_SIGNAL), ERR_NO_MEMORY);
    host_reap_all();
    CHECK_EQ(destroyed, 2);
    CHECK_EQ(self.table->used, used);
    host_fail_after = HOST_FAIL_NEVER;
    first = &thing_create(OBJECT_EVENT, &destroyed)->object;
    second = &thing_create(OBJECT_EVENT, &destroyed)->object;
    int64_t pair = self_insert_pair(first, RIGHT_WAIT, second, RIGHT_SIGNAL);
    struct handle_entry entry;
    CHECK(pair > 0);
    CHECK_EQ(self_lookup((handle_t)pair, 0, RIGHT_WAIT, &entry), OK);
    CHECK_EQ(self_lookup((handle_t)(pair >> 32), 0, RIGHT_SIGNAL, &entry), OK);
    end();
}
