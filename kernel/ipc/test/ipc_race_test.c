// SPDX-License-Identifier: MIT
//
// The same programs on CPUs that are threads of the host and race for real: finds what lies between
// two locks, where the other test never changes places.
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

#define CALLS 60000

TEST(ipc_races) {
    struct machine_config machine = {.cpus = 4, .pthreads = true, .seed = test_seed()};
    struct world_config config = {
        .calls = CALLS,
        .server_kills = true,
        .server_faults = true,
        .client_kills = true,
        .suspends = true,
        .closes = true,
    };
    world_run(&machine, &config);
    config.hangs = true;
    config.single = true;
    machine.cpus = 2;
    world_run(&machine, &config);
    test_figure("ipc calls: %lu answered, %lu quarantined", (unsigned long)world.finished[0],
                (unsigned long)world.finished[-ERR_QUARANTINED]);
}
