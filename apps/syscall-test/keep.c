// SPDX-License-Identifier: MIT
//
// A server's table that outlives it: what its clients see while one instance after the other dies.

#include "clients.h"
#include "roles.h"

#include <ds/format.h>
#include <sys/start.h>

// What the server of these tests does with a call.
enum operation {
    OP_ADD = 1,   // answers value + 1
    OP_HOLD = 2,  // is not answered the first time; a retry is answered with what it looks like
    OP_CRASH = 3, // faults each time
    OP_CRASH_ONCE = 4,  // faults the first time
    OP_SPIN = 5,        // hangs
    OP_LEAVE = 6,       // ends with status 33, without an answer
    OP_QUARANTINED = 7, // answers how many QUARANTINED packets this instance has seen
    OP_WATCH = 9,       // watches the caller
    OP_GONE = 10,       // answers how many CALLER_GONE packets this instance has seen
    OP_FORGET = 11,     // forgets the process that the last of them named
    OP_RETRIES = 8,  // answers how many retries this instance has seen, and how many were the last
    OP_CHANNEL = 12, // answers with the client end of another channel, of key KEY_OTHER
    OP_CLOSED = 13,  // answers how many such channels this instance has seen closed
};
#define KEY_OTHER 7u

// What a retry looks like, as an answer's value.
#define RETRY_VALUE(deliveries, flags) ((uint64_t)(deliveries) << 32 | (flags))

// ---- the server's side

struct served {
    handle_t port;
    uint64_t quarantined;
    uint64_t retries;
    uint64_t last_retries;
    bool first;      // of the instances
    handle_t other;  // of a channel that was just made
    uint64_t closed; // PEER_CLOSED packets of other channels
    uint64_t gone;   // CALLER_GONE packets
    uint64_t last_gone;
};

// Serves one call; returns the token to answer, 0 for none, with the answer in the block.
static uint64_t serve(struct served *served) {
    const struct packet *packet = &thread_block()->packet;
    uint64_t token = packet->token;
    uint64_t value = call_value();
    bool retry = (packet->flags & PACKET_RETRY) != 0;
    served->retries += retry ? 1 : 0;
    served->last_retries += (packet->flags & PACKET_LAST_RETRY) != 0 ? 1 : 0;
    drop(served->other); // the caller has its own by now
    served->other = HANDLE_NONE;
    switch (thread_block()->message.op) {
    case OP_CHANNEL:
        served->other =
            (handle_t)((uint64_t)sys_channel_create(served->port, KEY_OTHER, 0) & UINT32_MAX);
        break;
    case OP_CLOSED:
        value = served->closed;
        break;
    case OP_HOLD:
        if (!retry) {
            return 0;
        }
        value = RETRY_VALUE(packet->deliveries, packet->flags);
        break;
    case OP_CRASH_ONCE:
        value = RETRY_VALUE(packet->deliveries, packet->flags);
        if (retry) {
            break;
        }
        // fall through
    case OP_CRASH:
        __builtin_trap();
    case OP_SPIN:
        return (uint64_t)role_main("spin");
    case OP_LEAVE:
        sys_process_exit(33);
    case OP_QUARANTINED:
        value = served->quarantined;
        break;
    case OP_WATCH:
        value = (uint64_t)sys_caller_watch(served->port, token);
        break;
    case OP_GONE:
        value = served->gone;
        break;
    case OP_FORGET:
        value = (uint64_t)sys_caller_forget(served->port, served->last_gone);
        break;
    case OP_RETRIES:
        value = served->retries << 32 | served->last_retries;
        break;
    default:
        value++;
        break;
    }
    struct message *answer = message_begin(0);
    message_put_u64(answer, value);
    if (served->other != HANDLE_NONE) {
        message_put_handle(answer, served->other);
    }
    return token;
}

// Notes that a channel was closed. Of another than its clients' the first instance dies.
static void note_closed(struct served *served) {
    served->closed++;
    if (served->first) {
        (void)role_main("spin");
    }
}

// Serves until the clients are gone. The first instance makes the port and gives its creator a
// client end; its successors are told the number of the port.
ROLE(keep_server) {
    struct served served = {.port = (handle_t)role_argument()};
    served.first = served.port == 0;
    if (served.first) {
        struct service service = service_create();
        served.port = service.port;
        struct message *message = message_begin(1);
        message_put_u64(message, service.port);
        message_put_handle(message, service.client);
        if (sys_channel_call(start_handle("parent"), INSTANT_NEVER, 0) != OK) {
            return 1;
        }
        drop(service.client);
    }
    uint64_t token = 0;
    for (;;) {
        if (sys_port_reply_wait(served.port, token, INSTANT_NEVER, 0) != OK) {
            return 2;
        }
        token = 0;
        switch (thread_block()->packet.kind) {
        case PACKET_CALL:
            token = serve(&served);
            break;
        case PACKET_QUARANTINED:
            served.quarantined++;
            break;
        case PACKET_CALLER_GONE:
            served.gone++;
            served.last_gone = thread_block()->packet.process;
            break;
        case PACKET_PEER_CLOSED:
            if (thread_block()->packet.key != KEY_OTHER) {
                return 0;
            }
            note_closed(&served);
            break;
        default:
            break;
        }
    }
}

// ---- the tests' side

struct keeper {
    struct spawned process;
    struct child_numbers numbers;
    handle_t client;
    uint64_t port; // its number in the server's table
};

// Makes a call from this thread; returns the answer's value, or a status as a negative number.
static int64_t call_now(const struct keeper *keeper, uint32_t op, uint64_t value) {
    message_put_u64(message_begin(op), value);
    status_t status = sys_channel_call(keeper->client, in(PATIENCE), 0);
    return status == OK ? (int64_t)call_value() : status;
}

static bool keeper_start(struct keeper *keeper, uint32_t flags) {
    *keeper = (struct keeper){0};
    struct service parent = service_create();
    struct child_options options = {.role = "keep_server",
                                    .flags = flags,
                                    .numbers = &keeper->numbers,
                                    .handle_count = 1,
                                    .handles = {{"parent", parent.client, RIGHTS_CHANNEL}}};
    if (!child_start(&keeper->process, &options)) {
        return false;
    }
    uint64_t token = call_take(parent.port);
    keeper->port = call_value();
    keeper->client = thread_block()->message.handles[0];
    CHECK_EQ(call_answer(parent.port, token, 0), OK);
    service_close(&parent);
    // Once it serves, it has closed its own handle to the client end.
    return keeper->client != HANDLE_NONE && call_now(keeper, OP_ADD, 1) == 2;
}

// Waits until the server has ended; its handles stay open.
static void keeper_wait_dead(struct keeper *keeper, uint32_t cause) {
    struct process_info info = child_wait(&keeper->process);
    CHECK_EQ(info.cause, cause);
}

// Starts the next instance.
static bool keeper_succeed(struct keeper *keeper) {
    char number[24];
    text_format(number, sizeof(number), "%lu", keeper->port);
    struct child_options options = {.role = "keep_server",
                                    .argument = number,
                                    .flags = PROCESS_KEEP,
                                    .predecessor = keeper->process.process,
                                    .numbers = &keeper->numbers,
                                    .handle_count = 1,
                                    .handles = {{"parent", HANDLE_NONE, SPAWN_KEPT}}};
    struct spawned next;
    if (!child_start(&next, &options)) {
        return false;
    }
    spawned_close(&keeper->process);
    keeper->process = next;
    return true;
}

static void keeper_kill(struct keeper *keeper, uint32_t flags) {
    CHECK_EQ(sys_task_kill(keeper->process.process, 0, flags), OK);
    keeper_wait_dead(keeper, flags == KILL_HANG ? EXIT_HANG : EXIT_KILLED);
}

// The clients go, and so the server ends by itself.
static void keeper_end(struct keeper *keeper) {
    drop(keeper->client);
    CHECK_EQ(child_finish(&keeper->process), 0);
}

static struct request keep_request(const struct keeper *keeper, uint32_t op, uint64_t value) {
    struct request request = request_of(keeper->client, value);
    request.op = op;
    return request;
}

// Starts a request and lets the server take it: calls are taken in order, so once a later one is
// answered, this one was taken.
static bool let_take(const struct keeper *keeper, struct request *request) {
    return request_blocks(request) && call_now(keeper, OP_ADD, 1) == 2;
}

// Whether the server has run for so long that it must be at it: a start takes far less.
static bool is_spinning(void *argument) {
    const struct keeper *keeper = argument;
    struct process_info info = {0};
    CHECK_EQ(sys_object_get(keeper->process.process, &info, sizeof(info)), OK);
    return info.cpu_time > MILLISECONDS(100);
}

TEST(keep_server_serves) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    CHECK_EQ(call_now(&keeper, OP_ADD, 5), 6);
    keeper_end(&keeper);
}

TEST(keep_queued_call_waits_for_the_successor) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    keeper_kill(&keeper, 0);
    struct request request = keep_request(&keeper, OP_ADD, 10);
    REQUIRE(request_blocks(&request));
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(request_join(&request), OK);
    CHECK_EQ(request_reply_value(&request), 11);
    CHECK_EQ(call_now(&keeper, OP_RETRIES, 0), 0); // it was never delivered before
    keeper_end(&keeper);
}

TEST(keep_taken_call_is_delivered_again) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request request = keep_request(&keeper, OP_HOLD, 0);
    REQUIRE(let_take(&keeper, &request));
    keeper_kill(&keeper, 0);
    CHECK(task_blocks(&request.task));
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(request_join(&request), OK);
    CHECK_EQ(request_reply_value(&request), RETRY_VALUE(2, PACKET_RETRY | PACKET_LAST_RETRY));
    keeper_end(&keeper);
}

// A closing that the dead server had taken comes again, before what was called after it.
TEST(keep_closing_comes_before_later_calls) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request taken = keep_request(&keeper, OP_HOLD, 0);
    REQUIRE(let_take(&keeper, &taken));
    struct message *message = message_begin(OP_CHANNEL);
    message_put_u64(message, 0);
    message->accept_count = 1;
    REQUIRE_EQ(sys_channel_call(keeper.client, in(PATIENCE), 0), OK);
    REQUIRE_EQ(thread_block()->message.handle_count, 1);
    handle_t other = thread_block()->message.handles[0];
    CHECK_EQ(call_now(&keeper, OP_ADD, 1), 2);
    drop(other);
    CHECK(eventually(is_spinning, &keeper)); // it has the closing
    struct request later = keep_request(&keeper, OP_CLOSED, 0);
    REQUIRE(request_blocks(&later));
    keeper_kill(&keeper, 0);
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(request_join(&later), OK);
    CHECK_EQ(request_reply_value(&later), 1);
    CHECK_EQ(request_join(&taken), OK);
    keeper_end(&keeper);
}

TEST(keep_kills_never_quarantine) {
    enum { KILLS = 5 };
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request request = keep_request(&keeper, OP_SPIN, 0);
    request_start(&request);
    for (int i = 0; i < KILLS; i++) {
        sleep_for(MILLISECONDS(10)); // it spins in the call
        keeper_kill(&keeper, 0);
        CHECK(task_blocks(&request.task));
        REQUIRE(keeper_succeed(&keeper));
    }
    sleep_for(MILLISECONDS(10));
    CHECK_EQ(sys_task_kill(request.task.thread.handle, 0, 0), OK);
    CHECK_EQ(request_join(&request), ERR_BAD_STATE);
    keeper_kill(&keeper, 0);
    spawned_close(&keeper.process); // gives the table up
    drop(keeper.client);
}

TEST(keep_one_fault_is_tried_again) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request request = keep_request(&keeper, OP_CRASH_ONCE, 0);
    request_start(&request);
    keeper_wait_dead(&keeper, EXIT_FAULT);
    CHECK(task_blocks(&request.task));
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(request_join(&request), OK);
    CHECK_EQ(request_reply_value(&request), RETRY_VALUE(2, PACKET_RETRY | PACKET_LAST_RETRY));
    keeper_end(&keeper);
}

TEST(keep_two_faults_quarantine_the_call_alone) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request innocent = keep_request(&keeper, OP_HOLD, 0);
    REQUIRE(let_take(&keeper, &innocent));
    struct request guilty = keep_request(&keeper, OP_CRASH, 0);
    request_start(&guilty);
    keeper_wait_dead(&keeper, EXIT_FAULT);
    REQUIRE(keeper_succeed(&keeper));
    keeper_wait_dead(&keeper, EXIT_FAULT);
    CHECK_EQ(request_join(&guilty), ERR_QUARANTINED);
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(request_join(&innocent), OK);
    CHECK_EQ(call_now(&keeper, OP_QUARANTINED, 0), 1);
    CHECK_EQ(call_now(&keeper, OP_ADD, 1), 2);
    keeper_end(&keeper);
}

TEST(keep_hanging_counts_as_a_fault) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request request = keep_request(&keeper, OP_SPIN, 0);
    request_start(&request);
    CHECK(eventually(is_spinning, &keeper));
    keeper_kill(&keeper, KILL_HANG);
    REQUIRE(keeper_succeed(&keeper));
    CHECK(eventually(is_spinning, &keeper));
    keeper_kill(&keeper, KILL_HANG);
    CHECK_EQ(request_join(&request), ERR_QUARANTINED);
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(call_now(&keeper, OP_ADD, 1), 2);
    keeper_end(&keeper);
}

TEST(keep_leaving_keeps_too) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request request = keep_request(&keeper, OP_LEAVE, 0);
    request_start(&request);
    keeper_wait_dead(&keeper, EXIT_VOLUNTARY);
    CHECK(task_blocks(&request.task));
    REQUIRE(keeper_succeed(&keeper)); // leaves again: a voluntary end is no crash
    keeper_wait_dead(&keeper, EXIT_VOLUNTARY);
    CHECK(task_blocks(&request.task));
    CHECK_EQ(sys_process_discard(keeper.process.process), OK);
    CHECK_EQ(request_join(&request), ERR_PEER_CLOSED);
    spawned_close(&keeper.process);
    drop(keeper.client);
}

TEST(keep_retries_come_in_order) {
    enum { CALLS = 5 };
    struct keeper keeper;
    static struct request requests[CALLS];
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    for (size_t i = 0; i < CALLS; i++) {
        requests[i] = keep_request(&keeper, OP_HOLD, 0);
        REQUIRE(let_take(&keeper, &requests[i]));
    }
    keeper_kill(&keeper, 0);
    struct request fresh = keep_request(&keeper, OP_RETRIES, 0);
    REQUIRE(request_blocks(&fresh));
    REQUIRE(keeper_succeed(&keeper));
    for (size_t i = 0; i < CALLS; i++) {
        CHECK_EQ(request_join(&requests[i]), OK);
        uint32_t last = i == CALLS - 1 ? (uint32_t)PACKET_LAST_RETRY : 0;
        CHECK_EQ(request_reply_value(&requests[i]), RETRY_VALUE(2, PACKET_RETRY | last));
    }
    CHECK_EQ(request_join(&fresh), OK); // after all retries
    CHECK_EQ(request_reply_value(&fresh), (uint64_t)CALLS << 32 | 1);
    keeper_end(&keeper);
}

TEST(keep_deadline_passes_while_nobody_serves) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request held = keep_request(&keeper, OP_HOLD, 0);
    held.deadline = in(MILLISECONDS(200));
    REQUIRE(let_take(&keeper, &held));
    keeper_kill(&keeper, 0);
    struct request queued = keep_request(&keeper, OP_ADD, 0);
    queued.deadline = in(MILLISECONDS(10));
    request_start(&queued);
    CHECK_EQ(request_join(&queued), ERR_TIMED_OUT);
    while (now() < held.deadline + MILLISECONDS(5)) {
        sleep_for(MILLISECONDS(5));
    }
    CHECK(task_blocks(&held.task)); // it may have been done: only the successor knows
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(request_join(&held), OK);
    CHECK_EQ(request_reply_value(&held),
             RETRY_VALUE(2, PACKET_RETRY | PACKET_LAST_RETRY | PACKET_CANCEL));
    keeper_end(&keeper);
}

TEST(keep_caller_dies_while_nobody_serves) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request request = keep_request(&keeper, OP_HOLD, 0);
    REQUIRE(let_take(&keeper, &request));
    keeper_kill(&keeper, 0);
    CHECK_EQ(sys_task_kill(request.task.thread.handle, 0, 0), OK);
    CHECK_EQ(request_join(&request), ERR_BAD_STATE);
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(call_now(&keeper, OP_RETRIES, 0), 1L << 32 | 1); // it came as an orphan
    keeper_end(&keeper);
}

// ---- giving up

TEST(keep_discarding_closes) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request taken = keep_request(&keeper, OP_HOLD, 0);
    REQUIRE(let_take(&keeper, &taken));
    CHECK_EQ(sys_process_discard(keeper.process.process), ERR_BAD_STATE); // it lives
    keeper_kill(&keeper, 0);
    struct request queued = keep_request(&keeper, OP_ADD, 0);
    REQUIRE(request_blocks(&queued));
    CHECK_EQ(sys_process_discard(keeper.process.process), OK);
    CHECK_EQ(request_join(&taken), ERR_PEER_CLOSED);
    CHECK_EQ(request_join(&queued), ERR_PEER_CLOSED);
    CHECK_EQ(call_now(&keeper, OP_ADD, 1), ERR_PEER_CLOSED);
    CHECK_EQ(sys_process_discard(keeper.process.process), ERR_BAD_STATE);
    spawned_close(&keeper.process);
    drop(keeper.client);
}

TEST(keep_forgetting_the_process_gives_up) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    struct request request = keep_request(&keeper, OP_HOLD, 0);
    REQUIRE(let_take(&keeper, &request));
    keeper_kill(&keeper, 0);
    spawned_close(&keeper.process);
    CHECK_EQ(request_join(&request), ERR_PEER_CLOSED);
    drop(keeper.client);
}

TEST(keep_without_the_flag_nothing_is_kept) {
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, 0));
    struct request request = keep_request(&keeper, OP_HOLD, 0);
    REQUIRE(let_take(&keeper, &request));
    keeper_kill(&keeper, 0);
    CHECK_EQ(request_join(&request), ERR_PEER_CLOSED);
    CHECK_EQ(sys_process_discard(keeper.process.process), ERR_BAD_STATE);
    CHECK_EQ(sys_object_wait(keeper.client, SIGNAL_CHANNEL_PEER_CLOSED, in(PATIENCE), 0),
             SIGNAL_CHANNEL_PEER_CLOSED);
    spawned_close(&keeper.process);
    drop(keeper.client);
}

TEST(keep_successor_checks) {
    static const struct process_options options = {.label = "successor"};
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    handle_t aspace = expect_handle(sys_aspace_create(suite.job, 0));
    handle_t old = narrowed(keeper.process.process, RIGHTS_PROCESS);
    CHECK_EQ(sys_process_create(suite.job, aspace, old, 0, &options), ERR_BAD_STATE); // it lives
    keeper_kill(&keeper, 0);
    handle_t weak = narrowed(old, RIGHTS_PROCESS & ~RIGHT_MANAGE);
    CHECK_EQ(sys_process_create(suite.job, aspace, weak, 0, &options), ERR_ACCESS_DENIED);
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(sys_process_create(suite.job, aspace, old, 0, &options), ERR_BAD_STATE); // has one
    CHECK_EQ(sys_process_discard(old), ERR_BAD_STATE);
    drop(weak);
    drop(old);
    drop(aspace);
    keeper_end(&keeper);
}

// ---- watched callers

// Has itself watched, and then waits to be killed.
ROLE(keep_caller) {
    message_put_u64(message_begin(OP_WATCH), 0);
    if (sys_channel_call(start_handle("channel"), INSTANT_NEVER, 0) != OK || call_value() != 0) {
        return 1;
    }
    message_begin(1);
    (void)!sys_channel_call(start_handle("parent"), INSTANT_NEVER, 0);
    return 2;
}

// Starts a process that the server watches by the time this returns.
static bool watched_start(const struct keeper *keeper, struct spawned *child) {
    struct service service = service_create();
    const struct child_options options = {.role = "keep_caller",
                                          .handle_count = 2,
                                          .handles = {{"channel", keeper->client, RIGHTS_CHANNEL},
                                                      {"parent", service.client, RIGHTS_CHANNEL}}};
    bool watched = child_start(child, &options) && call_take(service.port) != 0;
    // Its call goes on as that of a server's end that is closed: it is killed before it is told.
    CHECK_EQ(sys_process_suspend(child->process), OK);
    service_close(&service);
    return watched;
}

// A call may come before the packet.
static bool knows_one_gone(void *keeper) {
    return call_now(keeper, OP_GONE, 0) == 1;
}

TEST(keep_watch_outlives_the_server) {
    struct keeper keeper;
    struct spawned child;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP) && watched_start(&keeper, &child));
    keeper_kill(&keeper, 0);
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(call_now(&keeper, OP_GONE, 0), 0);
    child_kill(&child);
    CHECK(eventually(knows_one_gone, &keeper));
    CHECK_EQ(call_now(&keeper, OP_FORGET, 0), OK);
    keeper_end(&keeper);
}

TEST(keep_watched_caller_dies_while_nobody_serves) {
    struct keeper keeper;
    struct spawned child;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP) && watched_start(&keeper, &child));
    keeper_kill(&keeper, 0);
    child_kill(&child);
    REQUIRE(keeper_succeed(&keeper));
    CHECK(eventually(knows_one_gone, &keeper));
    keeper_end(&keeper);
}

// A server that dies between the packet and caller_forget has not done its work: the next one hears
// of it again, and the one after caller_forget does not.
TEST(keep_watch_is_a_level) {
    struct keeper keeper;
    struct spawned child;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP) && watched_start(&keeper, &child));
    child_kill(&child);
    for (int i = 0; i < 3; i++) {
        CHECK(eventually(knows_one_gone, &keeper));
        keeper_kill(&keeper, 0);
        REQUIRE(keeper_succeed(&keeper));
    }
    CHECK(eventually(knows_one_gone, &keeper));
    CHECK_EQ(call_now(&keeper, OP_FORGET, 0), OK);
    keeper_kill(&keeper, 0);
    REQUIRE(keeper_succeed(&keeper));
    CHECK_EQ(call_now(&keeper, OP_GONE, 0), 0);
    keeper_end(&keeper);
}

TEST(keep_watch_goes_with_the_table) {
    struct keeper keeper;
    struct spawned alive;
    struct spawned ended;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    REQUIRE(watched_start(&keeper, &alive) && watched_start(&keeper, &ended));
    child_kill(&ended);
    keeper_kill(&keeper, 0);
    CHECK_EQ(sys_process_discard(keeper.process.process), OK);
    child_kill(&alive);
    spawned_close(&keeper.process);
    drop(keeper.client);
}

// ---- under load

struct load {
    const struct keeper *keeper;
    uint32_t stop; // atomic
    uint64_t answered;
    uint64_t wrong;
    struct task task;
};

static int64_t load_main(void *argument) {
    struct load *load = argument;
    uint64_t random = suite.seed ^ thread_block()->thread;
    while (__atomic_load_n(&load->stop, __ATOMIC_ACQUIRE) == 0) {
        uint64_t value = test_random(&random) >> 8;
        message_put_u64(message_begin(OP_ADD), value);
        status_t status = sys_channel_call(load->keeper->client, INSTANT_NEVER, 0);
        struct message_reader reader = message_read();
        uint64_t answer = 0;
        bool right = status == OK && message_get_u64(&reader, &answer) && answer == value + 1;
        load->wrong += right ? 0 : 1;
        load->answered++;
    }
    return 0;
}

// A server that is killed again and again at any moment: its clients notice nothing.
TEST(keep_kills_under_load) {
    enum { LOADS = 3, KILLS = 15 };
    struct keeper keeper;
    static struct load loads[LOADS];
    uint64_t random = suite.seed;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    for (size_t i = 0; i < LOADS; i++) {
        loads[i] = (struct load){.keeper = &keeper};
        task_start(&loads[i].task, load_main, &loads[i]);
    }
    for (int i = 0; i < KILLS; i++) {
        sleep_for((duration_t)test_random_below(&random, MILLISECONDS(3)));
        keeper_kill(&keeper, 0);
        REQUIRE(keeper_succeed(&keeper));
    }
    uint64_t answered = 0;
    for (size_t i = 0; i < LOADS; i++) {
        __atomic_store_n(&loads[i].stop, 1, __ATOMIC_RELEASE);
        CHECK_EQ(task_join(&loads[i].task), 0);
        CHECK_EQ(loads[i].wrong, 0);
        answered += loads[i].answered;
    }
    CHECK(answered > KILLS);
    test_figure("%u kills under load: %lu calls, all answered right", (unsigned)KILLS, answered);
    keeper_end(&keeper);
}

TEST(keep_restart_time) {
    enum { RESTARTS = 10 };
    struct keeper keeper;
    REQUIRE(keeper_start(&keeper, PROCESS_KEEP));
    instant_t start = now();
    for (int i = 0; i < RESTARTS; i++) {
        keeper_kill(&keeper, 0);
        REQUIRE(keeper_succeed(&keeper));
        CHECK_EQ(call_now(&keeper, OP_ADD, 1), 2);
    }
    test_figure("kill, successor, answer: %ld us", (now() - start) / RESTARTS / 1000);
    keeper_end(&keeper);
}
