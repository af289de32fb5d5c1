// SPDX-License-Identifier: MIT
//
// procd in the guest, with processes that stand for Linux ones: the agent (tests/proc/agent), a
// small native program in the place of the libos, which forks by procd and process_clone and checks
// every answer. procd is killed at every message and at random while agents are at work; none may
// notice.
//
//   proc-test [PART...]    the tests whose names hold one of the parts, all without
//
//   rounds=N   the script is played so often (default 1)
//   stages=5   deaths at each stage of each message, not at two
//   kills=N    at random (default 300)

#include <abi/names.h>
#include <abi/objects.h>
#include <abi/libos.h>
#include <heal/agent.h>
#include <heal/pause.h>
#include <heal/program.h>
#include <heal/scenario.h>
#include <heal/supervisor.h>
#include <heal/support.h>
#include <proto/proc_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>
#include <ds/format.h>

#define PROCD 0
#define VAULT_BYTES 1638400
#define DEFAULT_KILLS 300
#define PAIRS 60
#define RESTARTS 1000
#define SAMPLES 100
#define PERIOD 10
#define AGENTS 4

static handle_t proc(void) {
    return service_channel(PROCD);
}

// ---- agents

static void agent_run(const char *part) {
    const char *const words[] = {"agent", part};
    int64_t pid = agent_start(proc(), words, 2);
    CHECK_EQ(pid > 0 ? OK : pid, OK);
    if (pid > 0) {
        CHECK_EQ(agent_end(proc(), (int32_t)pid), LINUX_STATUS_EXIT(0));
    }
}

static int64_t agent_random(uint32_t seed, uint32_t count) {
    char numbers[2][16];
    text_format(numbers[0], sizeof(numbers[0]), "%u", seed);
    text_format(numbers[1], sizeof(numbers[1]), "%u", count);
    const char *const words[] = {"agent", "random", numbers[0], numbers[1]};
    return agent_start(proc(), words, 4);
}

static uint64_t messages(void) {
    return service_summary(PROCD).messages;
}

// Nobody is left but those that are just ending.
static void check_nobody(void) {
    struct proc_list_request request = {0};
    struct proc_list_reply reply = {0};
    instant_t end = now() + SECONDS(5);
    while (proc_list(proc(), &request, &reply, INSTANT_NEVER) == OK && now() < end) {
        sleep_for(MILLISECONDS(5));
        reply = (struct proc_list_reply){0};
    }
    CHECK_EQ(reply.pid, 0);
}

// ---- every operation

#define PART(name, part)                                                                           \
    static void play_##name(uint32_t round) {                                                      \
        (void)round;                                                                               \
        agent_run(part);                                                                           \
    }                                                                                              \
    TEST(proc_##name) {                                                                            \
        play_##name(0);                                                                            \
        check_nobody();                                                                            \
    }
PART(fork, "fork")
PART(tree, "tree")
PART(no_hang, "no-hang")
PART(fork_failed, "fork-failed")
PART(queue, "queue")
PART(queue_full, "queue-full")
PART(thread_signal, "thread-signal")
PART(ignored, "ignored")
PART(kill, "kill")
PART(kill_group, "kill-group")
PART(fault, "fault")
PART(stop, "stop")
PART(stop_kill, "stop-kill")
PART(job, "job")
PART(no_stop, "no-stop")
PART(told, "told")
PART(auto_reap, "auto-reap")
PART(orphan, "orphan")
PART(ids, "ids")
PART(tids, "tids")
PART(credentials, "credentials")
PART(limits, "limits")
PART(list, "list")
PART(pages, "pages")
PART(errors, "errors")

TEST(proc_native_errors) {
    struct proc_fork_request fork = {0};
    struct proc_fork_reply forked;
    struct proc_wait_request wait = {.who = PROC_WHO_PID, .id = 99999};
    struct proc_wait_reply waited;
    struct proc_spawn_request spawn = {.argc = 3, .path_bytes = 1};
    struct proc_spawn_reply spawned;
    struct proc_kill_request kill = {.pid = 99999, .number = 1};
    struct proc_new_session_reply session;
    handle_t log = start_handle("log"), embryo[1];
    handle_t files[3] = {log, log, log};
    CHECK_EQ(proc_fork(proc(), &fork, &forked, embryo, INSTANT_NEVER), ERR_NO_PROCESS);
    CHECK_EQ(proc_wait(proc(), &wait, &waited, INSTANT_NEVER), ERR_NO_CHILD);
    CHECK_EQ(proc_kill(proc(), &kill, INSTANT_NEVER), ERR_NO_PROCESS);
    CHECK_EQ(proc_new_session(proc(), &session, INSTANT_NEVER), ERR_NO_PROCESS);
    CHECK_EQ(proc_spawn(proc(), &spawn, "a\0b", 4, files, &spawned, INSTANT_NEVER),
             ERR_INVALID_ARGUMENT);
    spawn.flags = 1u << 31;
    CHECK_EQ(proc_spawn(proc(), &spawn, "a\0b", 4, files, &spawned, INSTANT_NEVER),
             ERR_INVALID_ARGUMENT);
}

TEST(proc_keys) {
    const char text[] = "agent\0told\0/agent\0/";
    struct proc_spawn_request request = {.argc = 2, .path_bytes = 6, .key = 77};
    struct proc_spawn_reply first, second;
    handle_t log = start_handle("log");
    handle_t files[3] = {log, log, log};
    CHECK_EQ(proc_spawn(proc(), &request, text, sizeof(text), files, &first, INSTANT_NEVER), OK);
    service_restart(PROCD);
    CHECK_EQ(proc_spawn(proc(), &request, text, sizeof(text), files, &second, INSTANT_NEVER), OK);
    CHECK_EQ(first.pid, second.pid);
    CHECK_EQ(agent_end(proc(), first.pid), LINUX_STATUS_EXIT(0));
    check_nobody();
}

// ---- deaths

static void play_random(uint32_t round) {
    int64_t pid = agent_random(1000 + round, 4);
    CHECK_EQ(pid > 0 ? OK : pid, OK);
    CHECK_EQ(agent_end(proc(), (int32_t)pid), LINUX_STATUS_EXIT(0));
}

static const struct act acts[] = {
    {"fork", play_fork},
    {"tree", play_tree},
    {"no hang", play_no_hang},
    {"fork failed", play_fork_failed},
    {"queue", play_queue},
    {"queue full", play_queue_full},
    {"thread signal", play_thread_signal},
    {"ignored", play_ignored},
    {"kill", play_kill},
    {"kill group", play_kill_group},
    {"fault", play_fault},
    {"stop", play_stop},
    {"stop kill", play_stop_kill},
    {"job", play_job},
    {"no stop", play_no_stop},
    {"told", play_told},
    {"auto reap", play_auto_reap},
    {"orphan", play_orphan},
    {"ids", play_ids},
    {"tids", play_tids},
    {"credentials", play_credentials},
    {"limits", play_limits},
    {"list", play_list},
    {"pages", play_pages},
    {"errors", play_errors},
    {"random", play_random},
};

static struct scenario script(void) {
    return (struct scenario){
        .service = PROCD,
        .stages = STAGES_ALL,
        .concurrent = true,
        .acts = acts,
        .act_count = sizeof(acts) / sizeof(acts[0]),
        .rounds = (uint32_t)start_number("rounds", 1),
    };
}

static bool all_stages(void) {
    return start_number("stages", 0) == HEAL_STAGES;
}

TEST(proc_script) {
    const struct scenario all = script();
    test_figure("the script is %u messages", scenario_play(&all));
    check_nobody();
}

TEST(proc_dies_at_nth_message) {
    const struct scenario all = script();
    scenario_die_alone(&all, all_stages());
    check_nobody();
}

TEST(proc_dies_often) {
    const struct scenario all = script();
    scenario_die_often(&all, PERIOD, all_stages());
    check_nobody();
}

// Agents at work, all the time.
static int32_t load[AGENTS];
static uint32_t load_seed, load_done;

static void load_start(uint32_t which) {
    int64_t pid = agent_random(++load_seed, 6);
    CHECK_EQ(pid > 0 ? OK : pid, OK);
    load[which] = pid > 0 ? (int32_t)pid : 0;
}

// Starts agents anew that have ended.
static void load_renew(void) {
    for (uint32_t i = 0; i < AGENTS; i++) {
        struct proc_wait_request request = {
            .who = PROC_WHO_PID,
            .id = load[i],
            .options = PROC_WAIT_EXITED | PROC_WAIT_NO_HANG,
        };
        struct proc_wait_reply reply;
        CHECK_EQ(proc_wait(proc(), &request, &reply, INSTANT_NEVER), OK);
        if (reply.pid != 0) {
            CHECK_EQ(reply.status, LINUX_STATUS_EXIT(0));
            load_done++;
            load_start(i);
        }
    }
}

static void load_begin(void) {
    load_done = 0;
    for (uint32_t i = 0; i < AGENTS; i++) {
        load_start(i);
    }
}

static void load_end(void) {
    for (uint32_t i = 0; i < AGENTS; i++) {
        CHECK_EQ(agent_end(proc(), load[i]), LINUX_STATUS_EXIT(0));
        load_done++;
    }
    check_nobody();
}

TEST(proc_random_kills) {
    uint32_t kills = (uint32_t)start_number("kills", DEFAULT_KILLS), done = 0;
    uint64_t random = kills, before = messages();
    load_begin();
    instant_t start = now();
    for (uint32_t i = 0; i < kills && !test_failed(); i++) {
        pause_in_steps(MICROSECONDS(test_random_below(&random, 8000)));
        done += service_kill(PROCD, 0);
        if (i % 4 == 0) {
            load_renew();
        }
    }
    duration_t took = now() - start;
    load_end();
    CHECK(done > kills / 2);
    test_figure("random kills: %u in %u ms, %u messages, %u agents ended well", done,
                (uint32_t)(took / MILLISECONDS(1)), (uint32_t)(messages() - before), load_done);
}

TEST(proc_double_kills) {
    uint64_t random = 1;
    uint32_t twice = 0;
    load_begin();
    for (uint32_t i = 0; i < PAIRS && !test_failed(); i++) {
        bool both = service_kill(PROCD, 0);
        pause_in_steps(MICROSECONDS(test_random_below(&random, 3000)));
        both &= service_kill(PROCD, 0);
        twice += both;
        pause_in_steps(MICROSECONDS(test_random_below(&random, 10000)));
        load_renew();
    }
    load_end();
    test_figure("double kills: %u pairs, %u agents ended well", twice, load_done);
}

// ---- flat, and quick

TEST(proc_nothing_leaks_in_1000_restarts) {
    const struct scenario all = script();
    service_restart(PROCD);
    (void)scenario_play(&all);
    check_nobody();
    sleep_for(MILLISECONDS(300));
    struct system_info before = counters_settled();
    for (uint32_t i = 0; i < RESTARTS && !test_failed(); i++) {
        service_restart(PROCD);
        if (i % 50 == 0) {
            int64_t pid = agent_random(i + 1, 3);
            (void)service_kill(PROCD, 0);
            CHECK_EQ(agent_end(proc(), (int32_t)pid), LINUX_STATUS_EXIT(0));
        }
    }
    check_nobody();
    sleep_for(MILLISECONDS(300));
    CHECK(counters_return(&before));
}

TEST(proc_recovery_times) {
    static duration_t times[SAMPLES];
    struct proc_get_id_request request = {.pid = 99999, .kind = PROC_ID_PGID};
    struct proc_get_id_reply reply;
    load_begin();
    for (uint32_t i = 0; i < SAMPLES; i++) {
        sleep_for(MICROSECONDS(200 * (i % 5)));
        instant_t start = now();
        CHECK(service_kill(PROCD, 0));
        CHECK_EQ(proc_get_id(proc(), &request, &reply, INSTANT_NEVER), ERR_NO_PROCESS);
        times[i] = now() - start;
    }
    load_renew();
    load_end();
    figure_times("procd", times, SAMPLES);
}

TEST(proc_costs) {
    uint64_t before = messages();
    instant_t start = now();
    for (uint32_t i = 0; i < 20; i++) {
        agent_run("fork"); // four children each
    }
    test_figure("a first process with four children: %u us, %u messages",
                (uint32_t)((now() - start) / 20 / 1000), (uint32_t)((messages() - before) / 20));
}

// ---- the program

int64_t native_main(struct thread_block *block) {
    const uint32_t shared = RIGHT_DUPLICATE | RIGHT_TRANSFER;
    const struct service_plan plan = {
        .name = "procd",
        .path = "sbin/procd",
        .vault_bytes = VAULT_BYTES,
        .argument = "libos=lib/agent.img",
        .grant_count = 4,
        .grants = {{"job", grant_job(), RIGHTS_JOB},
                   {"archive", start_handle("archive"), shared | RIGHT_READ | RIGHT_MAP},
                   {"clock", start_handle("clock"), shared | RIGHT_READ | RIGHT_MAP},
                   {"root", grant_unserved(), shared | RIGHT_WAIT | RIGHT_CALL}},
    };
    int failed = 0;
    (void)block;
    services_start(&plan, 1);
    // Once it answers, its vault can be looked at.
    struct proc_list_request request = {0};
    struct proc_list_reply reply;
    failed += proc_list(proc(), &request, &reply, INSTANT_NEVER) != ERR_NOT_FOUND;
    int status = heal_program(failed);
    services_stop();
    return status;
}
