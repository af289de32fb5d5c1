// SPDX-License-Identifier: MIT
//
// Races of calls: replies against deadlines, interruptions, abandoning, closing, and the death of
// clients and servers. Whatever happens, each call ends exactly once, and a reply reaches the
// caller whose call it answers and nobody else.

#include "races.h"
#include "roles.h"

#include <sys/message.h>
#include <sys/start.h>

#define CLIENTS 3
#define SERVERS 2

// What an answer must be.
#define ANSWER(value) ((value)*3 + 1)

struct call_race {
    handle_t port;
    handle_t client;
    handle_t server;
    uint64_t rounds;
    uint32_t stop; // atomic
    struct task clients[CLIENTS];
    uint64_t answered;  // atomic
    uint64_t cancelled; // atomic
};

static instant_t soon(uint64_t *random, uint64_t span_ns) {
    return in((duration_t)test_random_below(random, span_ns) - (duration_t)span_ns / 6);
}

static bool call_ended_well(status_t status) {
    return status == OK || status == ERR_TIMED_OUT || status == ERR_INTERRUPTED;
}

static int64_t racing_client(void *argument) {
    struct call_race *r = argument;
    uint64_t random = suite.seed ^ thread_block()->thread;
    for (uint64_t i = 0; i < r->rounds; i++) {
        uint64_t value = test_random(&random) >> 8;
        message_put_u64(message_begin(1), value);
        bool deadline = test_random_below(&random, 2) == 0;
        uint32_t flags = (uint32_t)test_random_below(&random, 4); // INTERRUPTIBLE, ABANDON
        status_t status =
            sys_channel_call(r->client, deadline ? soon(&random, 200000) : INSTANT_NEVER, flags);
        CHECK(call_ended_well(status));
        if (status == OK) {
            struct message_reader reader = message_read();
            uint64_t answer = 0;
            CHECK(message_get_u64(&reader, &answer));
            CHECK_EQ(answer, ANSWER(value));
            __atomic_fetch_add(&r->answered, 1, __ATOMIC_RELAXED);
        } else {
            __atomic_fetch_add(&r->cancelled, 1, __ATOMIC_RELAXED);
        }
        __atomic_store_n(&thread_block()->latched, 0, __ATOMIC_SEQ_CST);
    }
    return 0;
}

#define HELD_MAX 8

struct held_call {
    uint64_t token;
    uint64_t value;
};

// Answers at once, or keeps some calls and answers them later, in a random order.
static int64_t racing_server(void *argument) {
    struct call_race *r = argument;
    const struct packet *packet = &thread_block()->packet;
    uint64_t random = suite.seed ^ thread_block()->thread;
    struct held_call held[HELD_MAX];
    size_t count = 0;
    uint64_t token = 0;
    while (__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE) == 0 || count > 0) {
        status_t status = sys_port_reply_wait(r->port, token, in(MICROSECONDS(200)), 0);
        CHECK(status == OK || status == ERR_TIMED_OUT || status == ERR_STALE_TOKEN);
        token = 0;
        if (status == OK && packet->kind == PACKET_CALL) {
            struct message_reader reader = message_read();
            held[count].token = packet->token;
            CHECK(message_get_u64(&reader, &held[count].value));
            count++;
        }
        bool answer = count == HELD_MAX || test_random_below(&random, 3) != 0;
        if (count > 0 && answer) {
            size_t which = test_random_below(&random, count);
            token = held[which].token;
            message_put_u64(message_begin(0), ANSWER(held[which].value));
            held[which] = held[--count];
        }
    }
    if (token != 0) {
        (void)!sys_port_reply_wait(r->port, token, 0, 0);
    }
    return 0;
}

static int64_t interrupter(void *argument) {
    struct call_race *r = argument;
    uint64_t random = suite.seed ^ thread_block()->thread;
    while (__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE) == 0) {
        handle_t thread = r->clients[test_random_below(&random, CLIENTS)].thread.handle;
        status_t status = sys_thread_interrupt(thread, 1);
        CHECK(status == OK || status == ERR_BAD_STATE);
        sleep_for((duration_t)test_random_below(&random, 100000));
    }
    return 0;
}

static void call_batch(struct call_race *r) {
    struct task servers[SERVERS];
    struct task breaker;
    struct service service = service_create();
    r->port = service.port;
    r->client = service.client;
    for (size_t i = 0; i < SERVERS; i++) {
        task_start(&servers[i], racing_server, r);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        task_start(&r->clients[i], racing_client, r);
    }
    task_start(&breaker, interrupter, r);
    // The interrupter uses the clients' handles, so those are joined last.
    for (size_t i = 0; i < CLIENTS; i++) {
        CHECK_EQ(
            sys_object_wait(r->clients[i].thread.handle, SIGNAL_THREAD_ENDED, in(6 * PATIENCE), 0),
            SIGNAL_THREAD_ENDED);
    }
    __atomic_store_n(&r->stop, 1, __ATOMIC_RELEASE);
    CHECK_EQ(task_join(&breaker), 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        CHECK_EQ(task_join(&r->clients[i]), 0);
    }
    for (size_t i = 0; i < SERVERS; i++) {
        CHECK_EQ(task_join(&servers[i]), 0);
    }
    service_close(&service);
}

TEST(races_calls_cancelled_and_answered) {
    enum { ROUNDS = 200 };
    uint64_t batches = race_batches(ROUNDS * CLIENTS, 25);
    uint64_t answered = 0;
    uint64_t cancelled = 0;
    for (uint64_t batch = 0; batch < batches; batch++) {
        struct call_race r = {.rounds = ROUNDS};
        call_batch(&r);
        answered += r.answered;
        cancelled += r.cancelled;
    }
    test_figure("calls: %lu answered, %lu cancelled", answered, cancelled);
    CHECK(answered > 0);
}

// ---- threads killed anywhere

// A thread that does everything in turn until it is killed.
static int64_t victim(void *argument) {
    struct call_race *r = argument;
    uint64_t random = suite.seed ^ thread_block()->thread;
    uint32_t word = 0;
    while (now() > 0) {
        switch (test_random_below(&random, 6)) {
        case 0:
            message_put_u64(message_begin(1), 5);
            (void)!sys_channel_call(r->client, soon(&random, 100000), WAIT_ABANDON);
            break;
        case 1:
            (void)!sys_futex_wait((vaddr_t)&word, 0, 1, soon(&random, 100000), 0);
            break;
        case 2:
            (void)!sys_thread_sleep(soon(&random, 50000), 0);
            break;
        case 3: {
            int64_t event = sys_event_create();
            if (event > 0) {
                (void)!sys_object_wait((handle_t)event, 1, soon(&random, 50000), 0);
                // Not closed when the thread is killed before this; the batch looks for those.
                (void)!sys_handle_close((handle_t)event);
            }
            break;
        }
        case 4:
            (void)!sys_port_reply_wait(r->port, 0, soon(&random, 50000), 0);
            break;
        default:
            for (uint64_t i = test_random_below(&random, 2000); i > 0; i--) {
                word += 0;
                __asm__ volatile("pause");
            }
            break;
        }
    }
    return 0;
}

// Closes all handles but those that the program was given: threads that were killed, or whose
// messages were scribbled over, have left some.
static void sweep_strangers(void) {
    struct handle_info info = {0};
    while (sys_handle_next(HANDLE_NONE, info.handle, &info) == OK) {
        if (info.handle != suite.job && info.handle != suite.log && info.handle != suite.system &&
            info.handle != suite.archive_vmo && info.type != OBJECT_CHANNEL) {
            drop(info.handle);
        }
    }
}

TEST(races_of_killed_threads) {
    enum { VICTIMS = 6 };
    uint64_t random = race_seed(8, 0);
    uint64_t batches = race_batches(100, 5);
    for (uint64_t batch = 0; batch < batches; batch++) {
        struct service service = service_create();
        struct call_race r = {.port = service.port, .client = service.client};
        struct task tasks[VICTIMS];
        for (size_t i = 0; i < VICTIMS; i++) {
            task_start(&tasks[i], victim, &r);
        }
        for (size_t i = 0; i < VICTIMS; i++) {
            sleep_for((duration_t)test_random_below(&random, 200000));
            CHECK_EQ(sys_task_kill(tasks[i].thread.handle, 0, 0), OK);
        }
        for (size_t i = 0; i < VICTIMS; i++) {
            CHECK_EQ(task_join(&tasks[i]), ERR_BAD_STATE);
        }
        service_close(&service);
        sweep_strangers();
    }
}

// ---- processes killed anywhere

ROLE(call_for_ever) {
    handle_t channel = start_handle("channel");
    for (uint64_t i = 0;; i++) {
        struct message *message = message_begin(1);
        message_put_u64(message, i);
        message_put_handle(message, channel);
        message->accept_count = (uint8_t)(i % 3);
        message_window_in(message, &i, sizeof(i));
        if (sys_channel_call(channel, INSTANT_NEVER, 0) != OK) {
            return 1;
        }
        struct message_reader reader = message_read();
        uint64_t answer = ~i;
        if (!message_get_u64(&reader, &answer) || answer != i) {
            return 2;
        }
    }
}

struct serving {
    handle_t port;
    uint32_t stop; // atomic
    uint64_t served;
};

// Serves the calls of processes that come and go; reads the window of each.
static int64_t serve_mortals(void *argument) {
    struct serving *serving = argument;
    const struct thread_block *block = thread_block();
    uint64_t token = 0;
    while (__atomic_load_n(&serving->stop, __ATOMIC_ACQUIRE) == 0) {
        status_t status = sys_port_reply_wait(serving->port, token, in(MILLISECONDS(1)), 0);
        token = 0;
        if (status != OK || block->packet.kind != PACKET_CALL) {
            CHECK(status == OK || status == ERR_TIMED_OUT || status == ERR_STALE_TOKEN);
            continue;
        }
        token = block->packet.token;
        uint64_t seen = 0;
        struct message_reader reader = message_read();
        uint64_t value = 0;
        CHECK(message_get_u64(&reader, &value));
        for (uint32_t i = 0; i < block->message.handle_count; i++) {
            // One that found no place, or whose sender revoked it, is 0.
            (void)!sys_handle_close(block->message.handles[i]);
        }
        int64_t bytes = sys_call_read(token, 0, &seen, sizeof(seen));
        CHECK(bytes == sizeof(seen) ? seen == value : bytes == ERR_CALLER_GONE);
        message_put_u64(message_begin(0), value);
        serving->served++;
    }
    return 0;
}

TEST(races_of_killed_processes) {
    uint64_t random = race_seed(9, 0);
    uint64_t kills = race_batches(100, 10);
    struct service service = service_create();
    struct serving serving = {.port = service.port};
    struct task server;
    task_start(&server, serve_mortals, &serving);
    const struct child_options options = {.role = "call_for_ever",
                                          .handle_count = 1,
                                          .handles = {{"channel", service.client, RIGHTS_CHANNEL}}};
    for (uint64_t i = 0; i < kills; i++) {
        struct spawned children[2];
        REQUIRE(child_start(&children[0], &options));
        REQUIRE(child_start(&children[1], &options));
        sleep_for((duration_t)test_random_below(&random, MILLISECONDS(4)));
        child_kill(&children[0]);
        sleep_for((duration_t)test_random_below(&random, MICROSECONDS(200)));
        child_kill(&children[1]);
    }
    __atomic_store_n(&serving.stop, 1, __ATOMIC_RELEASE);
    CHECK_EQ(task_join(&server), 0);
    CHECK(serving.served > 0);
    test_figure("processes: %lu killed, %lu calls served between", 2 * kills, serving.served);
    service_close(&service);
}

TEST(races_of_suspended_processes) {
    uint64_t random = race_seed(10, 0);
    uint64_t rounds = race_batches(50, 10);
    struct service service = service_create();
    struct serving serving = {.port = service.port};
    struct task server;
    task_start(&server, serve_mortals, &serving);
    const struct child_options options = {.role = "call_for_ever",
                                          .handle_count = 1,
                                          .handles = {{"channel", service.client, RIGHTS_CHANNEL}}};
    struct spawned child;
    REQUIRE(child_start(&child, &options));
    for (uint64_t i = 0; i < rounds; i++) {
        CHECK_EQ(sys_process_suspend(child.process), OK);
        sleep_for((duration_t)test_random_below(&random, MICROSECONDS(200)));
        CHECK_EQ(sys_process_resume(child.process), OK);
        sleep_for((duration_t)test_random_below(&random, MICROSECONDS(300)));
    }
    uint64_t before = __atomic_load_n(&serving.served, __ATOMIC_RELAXED);
    instant_t end = in(PATIENCE);
    while (__atomic_load_n(&serving.served, __ATOMIC_RELAXED) == before && now() < end) {
        sleep_for(MILLISECONDS(1));
    }
    CHECK(__atomic_load_n(&serving.served, __ATOMIC_RELAXED) > before); // it goes on
    CHECK_EQ(sys_process_suspend(child.process), OK);
    child_kill(&child);
    __atomic_store_n(&serving.stop, 1, __ATOMIC_RELEASE);
    CHECK_EQ(task_join(&server), 0);
    service_close(&service);
}

// ---- hostile blocks

#define BLOCK_THREADS 3

struct block_race {
    handle_t port;
    handle_t client;
    struct thread_block *blocks[BLOCK_THREADS]; // atomic
    uint32_t stop;                              // atomic
};

// Writes noise over the messages and packets of the other threads while the kernel reads and fills
// them.
static int64_t scribble(void *argument) {
    struct block_race *r = argument;
    uint64_t random = suite.seed;
    while (__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE) == 0) {
        uint64_t which = test_random_below(&random, BLOCK_THREADS);
        struct thread_block *block = __atomic_load_n(&r->blocks[which], __ATOMIC_ACQUIRE);
        if (block != NULL) {
            volatile uint32_t *words = (volatile uint32_t *)block;
            uint64_t at = offsetof(struct thread_block, packet) / 4 +
                          test_random_below(&random, (sizeof(struct packet) + 72) / 4);
            words[at] = (uint32_t)(test_random(&random) >> test_random_below(&random, 32));
        }
    }
    return 0;
}

struct block_thread {
    struct block_race *race;
    size_t index;
    bool server;
    struct task task;
};

// Calls, or serves, with whatever the block says by then. Any status is right, but the kernel
// stands.
static int64_t use_block(void *argument) {
    const struct block_thread *self = argument;
    struct block_race *r = self->race;
    struct thread_block *block = thread_block();
    __atomic_store_n(&r->blocks[self->index], block, __ATOMIC_RELEASE);
    uint64_t token = 0;
    while (__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE) == 0) {
        if (self->server) {
            (void)!sys_port_reply_wait(r->port, token, in(MICROSECONDS(100)), 0);
            token = block->packet.token;
        } else {
            message_begin(1);
            (void)!sys_channel_call(r->client, in(MICROSECONDS(100)), WAIT_ABANDON);
        }
    }
    __atomic_store_n(&r->blocks[self->index], NULL, __ATOMIC_RELEASE);
    return 0;
}

TEST(races_of_hostile_blocks) {
    uint64_t batches = race_batches(300, 5);
    for (uint64_t batch = 0; batch < batches; batch++) {
        struct service service = service_create();
        struct block_race r = {.port = service.port, .client = service.client};
        struct block_thread threads[BLOCK_THREADS];
        struct task scribbler;
        for (size_t i = 0; i < BLOCK_THREADS; i++) {
            threads[i] = (struct block_thread){.race = &r, .index = i, .server = i == 0};
            task_start(&threads[i].task, use_block, &threads[i]);
        }
        task_start(&scribbler, scribble, &r);
        sleep_for(MILLISECONDS(20));
        __atomic_store_n(&r.stop, 1, __ATOMIC_RELEASE);
        // The scribbler first: a thread's block goes with its region.
        CHECK_EQ(task_join(&scribbler), 0);
        drop(service.server); // ends the calls that are not answered
        service.server = HANDLE_NONE;
        for (size_t i = 0; i < BLOCK_THREADS; i++) {
            CHECK_EQ(task_join(&threads[i].task), 0);
        }
        service_close(&service);
        sweep_strangers();
    }
}
