// SPDX-License-Identifier: MIT
//
// Events and timers.

#include "suite.h"

TEST(time_event_signals) {
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_event_signal(event, 0, 0x7fffffff), 0);
    CHECK_EQ(sys_event_signal(event, 0x70000000, 0), 0x7fffffff);
    CHECK_EQ(sys_event_signal(event, 1, 1), 0x0fffffff); // cleared, then set
    CHECK_EQ(sys_event_signal(event, 0, 0), 0x0fffffff);
    drop(event);
}

TEST(time_event_keeps_the_kernels_bit) {
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_event_signal(event, 0, 0x80000000), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_event_signal(event, 0x80000000, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_event_signal(event, 0, 0), 0);
    drop(event);
}

TEST(time_event_pair_tells_the_other) {
    int64_t pair = sys_event_pair_create();
    REQUIRE(pair > 0);
    handle_t a = handle_pair_first(pair);
    handle_t b = handle_pair_second(pair);
    handle_t second_b = narrowed(b, RIGHTS_EVENT);
    CHECK_EQ(sys_event_signal(a, 0, 1), 0);
    CHECK_EQ(sys_object_wait(b, 1, 0, 0), ERR_TIMED_OUT); // signals are each one's own
    drop(b);
    CHECK_EQ(sys_object_wait(a, SIGNAL_EVENT_PEER_CLOSED, 0, 0), ERR_TIMED_OUT);
    drop(second_b);
    CHECK_EQ(sys_object_wait(a, SIGNAL_EVENT_PEER_CLOSED, 0, 0), SIGNAL_EVENT_PEER_CLOSED | 1);
    drop(a);
}

TEST(time_clock_goes_on) {
    instant_t last = now();
    for (int i = 0; i < 10000; i++) {
        instant_t next = now();
        REQUIRE(next >= last);
        last = next;
    }
}

TEST(time_timer_expires_once) {
    handle_t timer = expect_handle(sys_timer_create());
    CHECK_EQ(sys_object_wait(timer, SIGNAL_TIMER_EXPIRED, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(sys_timer_ack(timer), 0);
    instant_t deadline = in(MILLISECONDS(3));
    CHECK_EQ(sys_timer_set(timer, deadline, 0, 0), OK);
    CHECK_EQ(sys_object_wait(timer, SIGNAL_TIMER_EXPIRED, in(PATIENCE), 0), SIGNAL_TIMER_EXPIRED);
    CHECK(now() >= deadline);
    CHECK_EQ(sys_timer_ack(timer), 1);
    CHECK_EQ(sys_timer_ack(timer), 0);
    CHECK_EQ(sys_object_wait(timer, SIGNAL_TIMER_EXPIRED, in(MILLISECONDS(5)), 0), ERR_TIMED_OUT);
    drop(timer);
}

TEST(time_timer_in_the_past_expires_at_once) {
    handle_t timer = expect_handle(sys_timer_create());
    const instant_t pasts[] = {0, 1, now() - SECONDS(1)};
    for (size_t i = 0; i < COUNT(pasts); i++) {
        CHECK_EQ(sys_timer_set(timer, pasts[i], 0, 0), OK);
        CHECK_EQ(sys_object_wait(timer, SIGNAL_TIMER_EXPIRED, in(PATIENCE), 0),
                 SIGNAL_TIMER_EXPIRED);
        CHECK_EQ(sys_timer_ack(timer), 1);
    }
    drop(timer);
}

TEST(time_timer_repeats) {
    handle_t timer = expect_handle(sys_timer_create());
    instant_t start = now();
    CHECK_EQ(sys_timer_set(timer, start + MILLISECONDS(1), MILLISECONDS(1), 0), OK);
    int64_t expiries = 0;
    while (expiries < 20 && now() < start + PATIENCE) {
        CHECK_EQ(sys_object_wait(timer, SIGNAL_TIMER_EXPIRED, in(PATIENCE), 0),
                 SIGNAL_TIMER_EXPIRED);
        expiries += sys_timer_ack(timer);
    }
    CHECK(expiries >= 20);
    CHECK(now() - start >= MILLISECONDS(expiries));
    CHECK_EQ(sys_timer_set(timer, INSTANT_NEVER, 0, 0), OK);
    CHECK_EQ(sys_timer_ack(timer), 0);
    CHECK_EQ(sys_object_wait(timer, SIGNAL_TIMER_EXPIRED, in(MILLISECONDS(5)), 0), ERR_TIMED_OUT);
    drop(timer);
}

// Expiries that nobody took are counted, not queued.
TEST(time_timer_counts_what_was_missed) {
    handle_t timer = expect_handle(sys_timer_create());
    CHECK_EQ(sys_timer_set(timer, in(MILLISECONDS(1)), MILLISECONDS(1), 0), OK);
    sleep_for(MILLISECONDS(20));
    CHECK(sys_timer_ack(timer) >= 15);
    drop(timer);
}

TEST(time_timer_is_set_again) {
    handle_t timer = expect_handle(sys_timer_create());
    CHECK_EQ(sys_timer_set(timer, in(MILLISECONDS(1)), 0, 0), OK);
    sleep_for(MILLISECONDS(3));
    CHECK_EQ(sys_timer_set(timer, in(SECONDS(100)), 0, 0), OK); // clears the expiry
    CHECK_EQ(sys_object_wait(timer, SIGNAL_TIMER_EXPIRED, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(sys_timer_ack(timer), 0);
    drop(timer);
}

TEST(time_timer_slack_delays_at_most) {
    handle_t timer = expect_handle(sys_timer_create());
    instant_t deadline = in(MILLISECONDS(1));
    CHECK_EQ(sys_timer_set(timer, deadline, 0, MILLISECONDS(5)), OK);
    CHECK_EQ(sys_object_wait(timer, SIGNAL_TIMER_EXPIRED, in(PATIENCE), 0), SIGNAL_TIMER_EXPIRED);
    CHECK(now() >= deadline);
    drop(timer);
}

TEST(time_timer_checks) {
    handle_t timer = expect_handle(sys_timer_create());
    CHECK_EQ(sys_timer_set(timer, in(0), -1, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_timer_set(timer, in(0), 0, -1), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_timer_set(timer, in(0), TIMER_MIN_INTERVAL - 1, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_timer_set(timer, in(0), 1, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_timer_set(timer, INSTANT_NEVER, TIMER_MIN_INTERVAL, 0), OK);
    CHECK_EQ(sys_timer_set(timer, INSTANT_NEVER - 1, INT64_MAX, INT64_MAX), OK);
    drop(timer);
}

TEST(time_many_timers_expire_in_order) {
    enum { TIMERS = 64 };
    handle_t timers[TIMERS];
    handle_t port = expect_handle(sys_port_create());
    instant_t base = in(MILLISECONDS(200));
    for (uint64_t i = 0; i < TIMERS; i++) {
        timers[i] = expect_handle(sys_timer_create());
        CHECK_EQ(sys_object_bind(timers[i], port, i, SIGNAL_TIMER_EXPIRED), OK);
        // Armed in a scrambled order.
        uint64_t place = i * 37 % TIMERS;
        CHECK_EQ(sys_timer_set(timers[i], base + MICROSECONDS(500) * (int64_t)place, 0, 0), OK);
    }
    for (uint64_t place = 0; place < TIMERS; place++) {
        REQUIRE_EQ(packet_take(port), OK);
        CHECK_EQ(thread_block()->packet.key * 37 % TIMERS, place);
    }
    for (uint64_t i = 0; i < TIMERS; i++) {
        drop(timers[i]);
    }
    drop(port);
}
