// SPDX-License-Identifier: MIT
//
// What happens at the limits that a service has set itself: more calls than may wait, more reply
// records for forwarders than there is room for. The answer is ERR_LIMIT, nothing was done, and as
// soon as there is room again all is well.

#include <proto/queue_client.h>
#include <proto/relay_client.h>
#include <stdio.h>
#include <string.h>
#include <sys/calls.h>
#include <sys/thread.h>

#include "cases.h"
#include "clients.h"

#define CHANNEL_QUEUE ((handle_t)2)
#define CHANNEL_RELAY ((handle_t)3)
#define CALLS_MAX 64      // of servers/queue
#define FORWARDED_MAX 128 // of servers/bank and servers/queue
#define EXTRA 2

static uint32_t done, refused;
static bool may_end;

static void pause_for(duration_t duration) {
    (void)!sys_thread_sleep(sim.now + duration, 0);
}

static void count(int64_t result) {
    if (result == ERR_LIMIT) {
        refused++;
    } else if (result == 0) {
        done++;
    } else {
        world_fail("a call at the limit gave %ld", result);
    }
}

static void take_one(void *argument) {
    struct queue_take_reply reply;
    (void)argument;
    count(queue_take(CHANNEL_QUEUE, &reply, INSTANT_NEVER));
}

static void put_one(void) {
    struct queue_put_request request = {0};
    struct queue_put_reply reply;
    int64_t result = queue_put(CHANNEL_QUEUE, &request, &reply, INSTANT_NEVER);
    if (result != 0) {
        world_fail("put gave %ld", result);
    }
}

static void fill_places(void *argument) {
    struct thread thread;
    (void)argument;
    for (uint32_t i = 0; i < CALLS_MAX + EXTRA; i++) {
        (void)!thread_run(&thread, take_one, NULL);
    }
    pause_for(MILLISECONDS(1));
    if (refused != EXTRA || done != 0) {
        world_fail("%u of %u takers were refused", refused, CALLS_MAX + EXTRA);
    }
    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        put_one();
    }
    pause_for(MILLISECONDS(1));
    if (done != CALLS_MAX) {
        world_fail("%u takers of %u were served", done, CALLS_MAX);
    }
}

// Pays, takes its notice, and stays alive without a further call, so that its records stay.
static void pay_one(void *argument) {
    struct relay_pay_request request = {.amount = 1};
    struct relay_pay_reply reply;
    (void)argument;
    count(relay_pay(CHANNEL_RELAY, &request, &reply, INSTANT_NEVER));
    while (!may_end) {
        pause_for(MICROSECONDS(100));
    }
}

static void fill_records(void *argument) {
    struct thread thread;
    struct queue_take_reply taken;
    struct relay_count_reply paid = {0};
    (void)argument;
    for (uint32_t i = 0; i < FORWARDED_MAX + EXTRA; i++) {
        uint32_t before = done;
        (void)!thread_run(&thread, pay_one, NULL);
        while (done + refused == i) {
            pause_for(MICROSECONDS(50));
        }
        if (done != before && queue_take(CHANNEL_QUEUE, &taken, INSTANT_NEVER) != 0) {
            world_fail("no notice");
        }
    }
    if (done != FORWARDED_MAX || refused != EXTRA) {
        world_fail("%u payments were done and %u refused", done, refused);
    }
    if (relay_count(CHANNEL_RELAY, &paid, INSTANT_NEVER) != 0 || paid.payments != done) {
        world_fail("%lu payments are counted, not %u", paid.payments, done);
    }
    may_end = true;
    pause_for(MILLISECONDS(20)); // heartbeats, in which their records are found and freed
    pay_one(NULL);
    if (done != FORWARDED_MAX + 1 || queue_take(CHANNEL_QUEUE, &taken, INSTANT_NEVER) != 0) {
        world_fail("there is no room again");
    }
}

bool limits_run(const struct options *options) {
    static void (*const parts[])(void *) = {fill_places, fill_records};
    char failure[sizeof(world.failure)] = "";
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && failure[0] == '\0'; i++) {
        clients_begin();
        world_begin(options->seed);
        done = refused = 0;
        may_end = false;
        outsider_run(parts[i], NULL);
        if (world_settle()) {
            world_check_flat();
        }
        memcpy(failure, world.failure, sizeof(failure));
        world_end();
    }
    return case_report("limits", failure);
}
