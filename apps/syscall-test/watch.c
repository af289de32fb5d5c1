// SPDX-License-Identifier: MIT
//
// caller_watch: a server hears of the end of processes that have called it.

#include "clients.h"
#include "races.h"
#include "roles.h"

#include <sys/start.h>

// Calls once with its argument as the value, and then waits to be killed.
ROLE(call_and_sleep) {
    message_put_u64(message_begin(1), (uint64_t)role_argument());
    if (sys_channel_call(start_handle("channel"), INSTANT_NEVER, 0) != OK) {
        return 1;
    }
    return role_main("sleep");
}

struct watched {
    struct spawned process;
    uint64_t id;
    uint64_t token; // of its call
};

// Starts a process and takes its call.
static bool watched_start(struct watched *watched, const struct service *service) {
    const struct child_options options = {
        .role = "call_and_sleep",
        .handle_count = 1,
        .handles = {{"channel", service->client, RIGHTS_CHANNEL}}};
    if (!child_start(&watched->process, &options)) {
        return false;
    }
    watched->token = call_take(service->port);
    watched->id = thread_block()->packet.process;
    return watched->token != 0;
}

static void expect_gone(handle_t port, uint64_t id) {
    const struct packet *packet = &thread_block()->packet;
    CHECK_EQ(packet_take(port), OK);
    CHECK_EQ(packet->kind, PACKET_CALLER_GONE);
    CHECK_EQ(packet->key, id);
    CHECK_EQ(packet->process, id);
}

static void expect_quiet(handle_t port) {
    CHECK_EQ(sys_port_reply_wait(port, 0, 0, 0), ERR_TIMED_OUT);
}

TEST(ipc_watch_tells_once_of_the_end) {
    struct service service = service_create();
    struct watched child;
    REQUIRE(watched_start(&child, &service));
    CHECK_EQ(sys_caller_watch(service.port, child.token), OK);
    CHECK_EQ(sys_caller_watch(service.port, child.token), ERR_ALREADY_EXISTS);
    CHECK_EQ(call_answer(service.port, child.token, 0), OK);
    expect_quiet(service.port);
    child_kill(&child.process);
    expect_gone(service.port, child.id);
    expect_quiet(service.port);
    CHECK_EQ(sys_caller_forget(service.port, child.id), OK);
    CHECK_EQ(sys_caller_forget(service.port, child.id), ERR_NOT_FOUND);
    service_close(&service);
}

TEST(ipc_watch_is_taken_back) {
    struct service service = service_create();
    struct watched alive;
    struct watched ended;
    REQUIRE(watched_start(&alive, &service) && watched_start(&ended, &service));
    CHECK_EQ(sys_caller_watch(service.port, alive.token), OK);
    CHECK_EQ(sys_caller_watch(service.port, ended.token), OK);
    CHECK_EQ(sys_caller_forget(service.port, alive.id), OK);
    CHECK_EQ(sys_caller_forget(service.port, alive.id), ERR_NOT_FOUND);
    CHECK_EQ(call_answer(service.port, alive.token, 0), OK);
    CHECK_EQ(call_answer(service.port, ended.token, 0), OK);
    child_kill(&ended.process);
    CHECK_EQ(sys_caller_forget(service.port, ended.id), OK); // withdraws the packet
    child_kill(&alive.process);
    expect_quiet(service.port);
    service_close(&service);
}

TEST(ipc_watch_errors) {
    struct service service = service_create();
    struct watched child;
    REQUIRE(watched_start(&child, &service));
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_caller_watch(service.port, 0), ERR_STALE_TOKEN);
    CHECK_EQ(sys_caller_watch(service.port, child.token + 1), ERR_STALE_TOKEN);
    CHECK_EQ(sys_caller_watch(HANDLE_NONE, child.token), ERR_BAD_HANDLE);
    CHECK_EQ(sys_caller_watch(event, child.token), ERR_WRONG_TYPE);
    CHECK_EQ(sys_caller_forget(event, child.id), ERR_WRONG_TYPE);
    CHECK_EQ(sys_caller_forget(service.port, child.id), ERR_NOT_FOUND);
    CHECK_EQ(sys_caller_forget(service.port, 0), ERR_NOT_FOUND);
    CHECK_EQ(sys_caller_forget(service.port, UINT64_MAX), ERR_NOT_FOUND);
    child_kill(&child.process); // its call is an orphan now
    CHECK_EQ(sys_caller_watch(service.port, child.token), ERR_CALLER_GONE);
    CHECK_EQ(call_answer(service.port, child.token, 0), OK);
    CHECK_EQ(sys_caller_watch(service.port, child.token), ERR_STALE_TOKEN);
    drop(event);
    service_close(&service);
}

TEST(ipc_watch_of_several_at_several_ports) {
    enum { CHILDREN = 3 };
    struct service service = service_create();
    struct service other = service_create();
    struct watched children[CHILDREN];
    for (size_t i = 0; i < CHILDREN; i++) {
        REQUIRE(watched_start(&children[i], &service));
        CHECK_EQ(sys_caller_watch(service.port, children[i].token), OK);
        CHECK_EQ(sys_caller_watch(other.port, children[i].token), OK);
        CHECK_EQ(call_answer(service.port, children[i].token, 0), OK);
    }
    CHECK_EQ(sys_caller_forget(other.port, children[1].id), OK);
    for (size_t i = CHILDREN; i > 0; i--) {
        child_kill(&children[i - 1].process);
    }
    for (size_t i = CHILDREN; i > 0; i--) {
        expect_gone(service.port, children[i - 1].id);
        if (i != 2) {
            expect_gone(other.port, children[i - 1].id);
        }
    }
    expect_quiet(other.port);
    for (size_t i = 0; i < CHILDREN; i++) {
        CHECK_EQ(sys_caller_forget(service.port, children[i].id), OK);
    }
    service_close(&other); // with what was not forgotten
    service_close(&service);
}

TEST(ipc_watch_has_a_limit) {
    struct service service = service_create();
    struct watched child;
    REQUIRE(watched_start(&child, &service));
    handle_t ports[80];
    size_t count = 0;
    status_t status = OK;
    while (count < COUNT(ports) && status == OK) {
        ports[count] = expect_handle(sys_port_create());
        status = sys_caller_watch(ports[count++], child.token);
    }
    CHECK_EQ(status, ERR_LIMIT); // so many bindings and no more
    child_kill(&child.process);
    while (count > 0) {
        drop(ports[--count]);
    }
    service_close(&service);
}

// ---- races

struct watch_race {
    handle_t port;
    uint32_t stop;   // atomic
    uint64_t gone;   // packets
    uint64_t forgot; // watches taken back before a packet came
};

// Watches each caller, and forgets some at once and others when they are gone.
static int64_t watching_server(void *argument) {
    struct watch_race *r = argument;
    const struct packet *packet = &thread_block()->packet;
    uint64_t random = suite.seed;
    uint64_t token = 0;
    while (__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE) == 0) {
        status_t status = sys_port_reply_wait(r->port, token, in(MILLISECONDS(1)), 0);
        token = 0;
        if (status != OK) {
            CHECK(status == ERR_TIMED_OUT || status == ERR_STALE_TOKEN);
        } else if (packet->kind == PACKET_CALLER_GONE) {
            r->gone++;
            CHECK_EQ(sys_caller_forget(r->port, packet->process), OK);
        } else if (packet->kind == PACKET_CALL) {
            token = packet->token;
            status = sys_caller_watch(r->port, token);
            CHECK(status == OK || status == ERR_CALLER_GONE || status == ERR_ALREADY_EXISTS);
            if (status == OK && test_random_below(&random, 4) == 0) {
                CHECK_EQ(sys_caller_forget(r->port, packet->process), OK);
                r->forgot++;
            }
        }
        message_begin(0);
    }
    return 0;
}

ROLE(call_empty_for_ever) {
    handle_t channel = start_handle("channel");
    for (;;) {
        message_begin(1);
        if (sys_channel_call(channel, INSTANT_NEVER, 0) != OK) {
            return 1;
        }
    }
}

TEST(races_of_watched_callers) {
    uint64_t random = race_seed(11, 0);
    uint64_t kills = race_batches(100, 10);
    struct service service = service_create();
    struct watch_race r = {.port = service.port};
    struct task server;
    task_start(&server, watching_server, &r);
    const struct child_options options = {.role = "call_empty_for_ever",
                                          .handle_count = 1,
                                          .handles = {{"channel", service.client, RIGHTS_CHANNEL}}};
    for (uint64_t i = 0; i < kills; i++) {
        struct spawned children[2];
        REQUIRE(child_start(&children[0], &options));
        REQUIRE(child_start(&children[1], &options));
        sleep_for((duration_t)test_random_below(&random, MILLISECONDS(4)));
        child_kill(&children[0]);
        child_kill(&children[1]);
    }
    __atomic_store_n(&r.stop, 1, __ATOMIC_RELEASE);
    CHECK_EQ(task_join(&server), 0);
    test_figure("watches: %lu processes killed, %lu packets, %lu taken back", 2 * kills, r.gone,
                r.forgot);
    service_close(&service);
}

// Ports that are closed while those whom they watch end.
TEST(races_of_watches_and_closing) {
    uint64_t random = race_seed(12, 0);
    uint64_t rounds = race_batches(100, 10);
    for (uint64_t i = 0; i < rounds; i++) {
        struct service service = service_create();
        struct watched children[2];
        REQUIRE(watched_start(&children[0], &service) && watched_start(&children[1], &service));
        for (size_t k = 0; k < COUNT(children); k++) {
            CHECK_EQ(sys_caller_watch(service.port, children[k].token), OK);
            CHECK_EQ(sys_task_kill(children[k].process.process, 0, 0), OK);
        }
        for (uint64_t k = test_random_below(&random, 3000); k > 0; k--) {
            __asm__ volatile("pause");
        }
        service_close(&service);
        child_kill(&children[0].process);
        child_kill(&children[1].process);
    }
}
