// SPDX-License-Identifier: MIT
//
// Random programs that use IPC in all ways, on CPUs that change places at every lock. The seed
// alone decides what happens.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c lib/ds/tree.c
// host-sources: kernel/test/host/host.c kernel/test/host/host_memory.c kernel/test/host/host_user.c
// host-sources: kernel/ipc/test/machine.c kernel/ipc/test/machine_lock.c
// host-sources: kernel/ipc/test/machine_memory.c kernel/ipc/test/world.c
// host-sources: kernel/ipc/test/world_check.c kernel/ipc/test/world_client.c
// host-sources: kernel/ipc/test/world_server.c kernel/ipc/test/world_manager.c
// host-sources: kernel/sched/sched.c kernel/sched/wait.c kernel/sched/thread.c kernel/sched/futex.c
// host-sources: kernel/time/timer_queue.c kernel/mm/reap.c kernel/syscall/entry.c
// host-sources: kernel/syscall/upcall.c
// host-sources: kernel/object/object.c kernel/object/id.c kernel/object/job.c
// host-sources: kernel/object/process.c kernel/object/source.c kernel/object/timer.c
// host-sources: kernel/object/handle.c kernel/object/handle_table.c kernel/object/handle_tree.c
// host-sources: kernel/object/handle_revoke.c kernel/ipc/port.c kernel/ipc/channel.c
// host-sources: kernel/ipc/call.c kernel/ipc/deliver.c kernel/ipc/fastpath.c
#include "world.h"

#include <test/host.h>

#define CALLS 50000

static void run(uint32_t cpus_wanted, uint32_t calmness, struct world_config config) {
    struct machine_config machine = {
        .cpus = cpus_wanted, .calmness = calmness, .seed = test_seed()};
    config.calls = CALLS;
    world_run(&machine, &config);
    test_figure("ipc calls: %lu answered, %lu timed out, %lu interrupted, %lu closed, %lu "
                "quarantined",
                (unsigned long)world.finished[0], (unsigned long)world.finished[-ERR_TIMED_OUT],
                (unsigned long)world.finished[-ERR_INTERRUPTED],
                (unsigned long)world.finished[-ERR_PEER_CLOSED],
                (unsigned long)world.finished[-ERR_QUARANTINED]);
}

TEST(ipc_in_peace) {
    run(1, 8, (struct world_config){.single = true});
}

TEST(ipc_servers_die) {
    run(2, 8, (struct world_config){.server_kills = true, .single = true});
}

TEST(ipc_servers_fault) {
    run(2, 4, (struct world_config){.server_kills = true, .server_faults = true});
}

TEST(ipc_clients_die) {
    run(3, 4, (struct world_config){.client_kills = true, .suspends = true});
}

TEST(ipc_without_memory) {
    run(2, 4, (struct world_config){.server_kills = true, .client_kills = true, .starves = true});
}

TEST(ipc_all_at_once) {
    struct world_config config = {
        .server_kills = true,
        .server_faults = true,
        .client_kills = true,
        .suspends = true,
        .closes = true,
    };
    run(2, 3, config);
    run(4, 16, config);
    config.single = true;
    run(3, 64, config);
    config.hangs = true;
    run(3, 4, config);
}
