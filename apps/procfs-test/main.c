// SPDX-License-Identifier: MIT
//
// procfsd in the guest, with procd and two Linux processes: one has ended and is not waited for,
// the other sleeps. What stands below /proc is then always the same, but for times and counters. A
// script reads it and compares all that it gets, while procfsd and procd die at each message.
//
//   procfs-test [PART...]   the tests whose names hold one of the parts, all without
//
//   rounds=N   the script is played so often, with other sizes and numbers (default 1)
//   stages=5   deaths at each stage of each message, not at two

#include <abi/names.h>
#include <heal/agent.h>
#include <heal/program.h>
#include <heal/scenario.h>
#include <heal/supervisor.h>
#include <heal/support.h>
#include <sys/calls.h>
#include <sys/start.h>

#include "acts.h"
#include "calls.h"

#define PROCD_VAULT_BYTES 1638400
#define PROCFSD_VAULT_BYTES 131072
#define RESTARTS 100
#define PATIENCE_MS 10000 // until a process has begun
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

TEST(procfs_script) {
    const struct scenario script = script_of(PROCFSD);
    test_figure("the script is %u messages", scenario_play(&script));
}

TEST(procfs_procfsd_dies_at_nth_message) {
    const struct scenario script = script_of(PROCFSD);
    scenario_die_alone(&script, all_stages());
}

TEST(procfs_procfsd_dies_often) {
    const struct scenario script = script_of(PROCFSD);
    scenario_die_often(&script, PERIOD, all_stages());
}

TEST(procfs_procd_dies_at_nth_message) {
    const struct scenario script = script_of(PROCD);
    scenario_die_alone(&script, all_stages());
}

TEST(procfs_procd_dies_often) {
    const struct scenario script = script_of(PROCD);
    scenario_die_often(&script, PERIOD, all_stages());
}

TEST(procfs_nothing_leaks) {
    const struct scenario script = script_of(PROCFSD);
    (void)scenario_play(&script);
    service_restart(PROCFSD);
    (void)scenario_play(&script);
    struct system_info before = counters_settled();
    for (uint32_t i = 0; i < RESTARTS && !test_failed(); i++) {
        service_restart(PROCFSD);
        check_file("sys/kernel/ostype", 13, "Linux\n");
    }
    (void)scenario_play(&script);
    CHECK(counters_return(&before));
}

// ---- the program

// Starts one that shows itself, and sees that it does. Its pid, 0: that failed.
static int32_t make_live(void) {
    const char *const words[] = {"agent", "show"};
    char path[PATH_BYTES], text[TEXT_BYTES];
    int64_t pid = agent_start(service_channel(PROCD), words, 2);
    instant_t end = now() + MILLISECONDS(PATIENCE_MS);
    while (pid > 0 && read_all(path_of(path, "%d/cmdline", (int32_t)pid), 13, text) == 0 &&
           now() < end) {
        sleep_for(MILLISECONDS(1));
    }
    return pid > 0 ? (int32_t)pid : 0;
}

int64_t native_main(struct thread_block *block) {
    const uint32_t shared = RIGHT_DUPLICATE | RIGHT_TRANSFER;
    const uint32_t page = shared | RIGHT_READ | RIGHT_MAP;
    const struct service_plan plans[SERVICES] = {
        {
            .name = "proc",
            .path = "sbin/procd",
            .vault_bytes = PROCD_VAULT_BYTES,
            .argument = "libos=lib/agent.img",
            .grant_count = 4,
            .grants = {{"job", grant_job(), RIGHTS_JOB},
                       {"archive", start_handle("archive"), page},
                       {"clock", start_handle("clock"), page},
                       {"root", grant_unserved(), shared | RIGHT_WAIT | RIGHT_CALL}},
        },
        {
            .name = "procfsd",
            .path = "sbin/procfsd",
            .vault_bytes = PROCFSD_VAULT_BYTES,
            .forwards = 1 << PROCD,
            .grant_count = 2,
            .grants = {{"clock", start_handle("clock"), page},
                       {"system", start_handle("system"), shared | RIGHT_READ}},
        },
    };
    (void)block;
    services_start(plans, SERVICES);
    live = make_live();
    int64_t pid = agent_zombie(service_channel(PROCD));
    zombie = pid > 0 ? (int32_t)pid : 0;
    int status = heal_program(zombie == 0 || live == 0);
    services_stop();
    return status;
}
