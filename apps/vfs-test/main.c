// SPDX-License-Identifier: MIT
//
// vfsd in the guest, with the servers around it: a script locks files, opens named pipes, mounts,
// walks across mounts, is refused, and ends them, while vfsd or tmpfsd dies at each message. The
// table that programs read in /proc/mounts is compared all the time.
//
//   vfs-test [PART...]   the tests whose names hold one of the parts, all without
//
//   rounds=N   the script is played so often, with other names and numbers (default 1)
//   stages=5   deaths at each stage of each message, not at two

#include <abi/names.h>
#include <heal/agent.h>
#include <heal/program.h>
#include <heal/scenario.h>
#include <heal/supervisor.h>
#include <heal/support.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>

#include "acts.h"
#include "calls.h"

#define TMPFSD_VAULT_BYTES (4UL << 20)
#define VFSD_VAULT_BYTES 262144
#define PROCD_VAULT_BYTES 1638400
#define PROCFSD_VAULT_BYTES 131072
#define RESTARTS 50
#define MOUNTS_MAX 63 // beside the first
#define PERIOD 10

static struct scenario script_of(uint32_t service) {
    return (struct scenario){
        .service = service,
        .stages = STAGES_ALL,
        .acts = acts,
        .act_count = act_count,
        .rounds = (uint32_t)start_number("rounds", 1),
    };
}

static bool all_stages(void) {
    return start_number("stages", 0) == HEAL_STAGES;
}

TEST(vfs_script) {
    const struct scenario script = script_of(VFSD);
    test_figure("the script is %u messages", scenario_play(&script));
}

TEST(vfs_vfsd_dies_at_nth_message) {
    const struct scenario script = script_of(VFSD);
    scenario_die_alone(&script, all_stages());
}

TEST(vfs_vfsd_dies_often) {
    const struct scenario script = script_of(VFSD);
    scenario_die_often(&script, PERIOD, all_stages());
}

TEST(vfs_tmpfsd_dies_at_nth_message) {
    const struct scenario script = script_of(TMPFSD);
    scenario_die_alone(&script, all_stages());
}

TEST(vfs_tmpfsd_dies_often) {
    const struct scenario script = script_of(TMPFSD);
    scenario_die_often(&script, PERIOD, all_stages());
}

// Sides of a named pipe that wait for each other, while vfsd dies at each message.
TEST(vfs_meetings_at_a_pipe) {
    uint64_t before = service_summary(VFSD).messages;
    pipe_meetings();
    uint32_t count = (uint32_t)(service_summary(VFSD).messages - before);
    uint32_t starts = service_starts(VFSD), runs = 0;
    for (uint32_t n = 1; n <= count && !test_failed(); n++) {
        for (uint32_t stage = 0; stage < HEAL_STAGES && !test_failed(); stage++, runs++) {
            service_die_once(VFSD, n, heal_stages[stage]);
            service_restart(VFSD);
            pipe_meetings();
        }
    }
    uint32_t deaths = service_starts(VFSD) - starts - runs;
    CHECK(deaths > runs / 2);
    test_figure("%u deaths at the n-th of some %u messages", deaths, count);
}

// All mounts that there can be, and one more; vfsd dies while the table is full.
TEST(vfs_limit_of_mounts) {
    handle_t place = open_good(root(), "one", FS_OPEN_PATH);
    CHECK_EQ(mount_on(place, 0), 0);
    uint32_t number = walk_to(root(), "one");
    handle_t view = root_of(number), first = open_good(view, "", FS_OPEN_PATH);
    handle_t target = open_good(view, "", FS_OPEN_PATH);
    for (uint32_t i = 1; i < MOUNTS_MAX && !test_failed(); i++) {
        CHECK_EQ(mount_on(target, 0), 0); // over the root of the one before
        number = walk_to(view, "");
        close_good(target);
        close_good(view);
        view = root_of(number);
        target = open_good(view, "", FS_OPEN_PATH);
    }
    CHECK_EQ(mount_on(target, 0), ERR_LIMIT);
    service_restart(VFSD);
    CHECK_EQ(mount_on(target, 0), ERR_LIMIT);
    close_good(target);
    close_good(view);
    CHECK_EQ(unmount_number(number, 0), 0);
    check_gone(number);
    CHECK_EQ(unmount(first, 1), 0); // with all that lies in it
    close_good(first);
    close_good(place);
    check_table("%s", "");
}

TEST(vfs_nothing_leaks) {
    const struct scenario script = script_of(VFSD);
    (void)scenario_play(&script);
    service_restart(VFSD);
    (void)scenario_play(&script);
    struct system_info before = counters_settled();
    for (uint32_t i = 0; i < RESTARTS && !test_failed(); i++) {
        service_restart(VFSD);
    }
    (void)scenario_play(&script);
    CHECK(counters_return(&before));
}

int64_t native_main(struct thread_block *block) {
    const uint32_t shared = RIGHT_DUPLICATE | RIGHT_TRANSFER;
    const uint32_t page = shared | RIGHT_READ | RIGHT_MAP;
    const struct service_plan plans[SERVICES] = {
        [TMPFSD] = {.name = "root",
                    .path = "sbin/tmpfsd",
                    .vault_bytes = TMPFSD_VAULT_BYTES,
                    .argument = "folder=none/",
                    .grant_count = 1,
                    .grants = {{"archive", start_handle("archive"), page}}},
        [PROCFSD] = {.name = "procfs",
                     .path = "sbin/procfsd",
                     .vault_bytes = PROCFSD_VAULT_BYTES,
                     .forwards = 1 << PROCD,
                     .grant_count = 2,
                     .grants = {{"clock", start_handle("clock"), page},
                                {"system", start_handle("system"), shared | RIGHT_READ}}},
        [PROCD] = {.name = "proc",
                   .path = "sbin/procd",
                   .vault_bytes = PROCD_VAULT_BYTES,
                   .argument = "libos=lib/agent.img",
                   .forwards = 1 << TMPFSD,
                   .grant_count = 3,
                   .grants = {{"job", grant_job(), RIGHTS_JOB},
                              {"archive", start_handle("archive"), page},
                              {"clock", start_handle("clock"), page}}},
        [VFSD] = {.name = "vfsd",
                  .path = "sbin/vfsd",
                  .vault_bytes = VFSD_VAULT_BYTES,
                  .forwards = 1 << TMPFSD | 1 << PROCFSD | 1 << PROCD},
    };
    (void)block;
    services_start(plans, SERVICES);
    int64_t pid = agent_zombie(service_channel(PROCD));
    shown_pid = pid > 0 ? (int32_t)pid : 0;
    int status = heal_program(acts_prepare() + (pid <= 0));
    services_stop();
    return status;
}
