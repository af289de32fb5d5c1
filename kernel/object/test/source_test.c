// SPDX-License-Identifier: MIT
//
// Signals, waiting and bindings, with events and timers as the objects, on one CPU and on several
// that race. The port is a stand-in that queues as the real one does.
//
// host-sources: kernel/object/source.c kernel/object/event.c
// host-sources: kernel/object/timer.c kernel/object/object.c kernel/sched/wait.c
// host-sources: kernel/sched/spinlock.c kernel/time/timer_queue.c lib/ds/tree.c
// host-sources: kernel/test/host/host.c kernel/test/host/host_memory.c
// host-sources: kernel/test/host/host_reap.c kernel/test/host/host_thread.c lib/test/test.c
// host-sources: lib/test/test/host_main.c
#include <abi/flags.h>
#include <abi/message.h>
#include <host.h>
#include <host_thread.h>
#include <object/event.h>
#include <object/id.h>
#include <object/process.h>
#include <object/source.h>
#include <object/timer.h>
#include <test/host.h>
#include <test/test.h>
#include <time/timer_queue.h>

#define CPUS 4

// The interruptions of timers are tested in the guest.
status_t process_interrupt(struct process *process, uint64_t id, uint32_t bits) {
    (void)process;
    (void)id;
    (void)bits;
    return OK;
}

static struct thread *threads[CPUS];

static void begin(uint32_t cpu_total) {
    host_cpus_init(cpu_total);
    host_now = 1000;
    for (uint32_t i = 0; i < cpu_total; i++) {
        threads[i] = host_thread_create(i);
    }
}

// Closes the last handle of an object and drops its reference.
static void drop(struct object *object) {
    if (object->ops->handles_gone != NULL) {
        object->ops->handles_gone(object);
    }
    object_unref(object);
}

static void end(uint32_t cpu_total) {
    for (uint32_t i = 0; i < cpu_total; i++) {
        host_thread_destroy(threads[i]);
    }
    host_reap_all();
    CHECK_EQ(host_memory_live(), 0);
}

static struct object *new_event(void) {
    struct object *event = NULL;
    CHECK_EQ(event_create(NULL, 0, &event), OK);
    return event;
}

// ---- a port

static bool port_gone;

static bool port_destroyed(struct object *object) {
    (void)object;
    port_gone = true;
    return true;
}

static const struct object_ops port_ops = {.name = "port", .destroy = port_destroyed};

static void port_prepare(struct port *port) {
    memset(port, 0, sizeof(*port));
    port_gone = false;
    object_init(&port->object, &port_ops, OBJECT_PORT, NULL, 0);
    spin_init(&port->lock, RANK_PORT);
    list_init(&port->queue);
    list_init(&port->bindings);
}

void port_post_locked(struct port *port, struct port_item *item) {
    if (!item->queued && !port->dead) {
        item->queued = true;
        list_push_back(&port->queue, &item->node);
    }
}

void port_post(struct port *port, struct port_item *item) {
    spin_lock(&port->lock);
    port_post_locked(port, item);
    spin_unlock(&port->lock);
}

// Takes the first packet. Returns whether there was one.
static bool port_take(struct port *port, struct packet *packet) {
    spin_lock(&port->lock);
    struct list_node *node = list_pop_front(&port->queue);
    struct binding *binding = NULL;
    if (node != NULL) {
        binding = container_of(list_entry(node, struct port_item, node), struct binding, item);
        binding->item.queued = false;
    }
    spin_unlock(&port->lock);
    if (binding != NULL) {
        *packet = (struct packet){0};
        binding_fill_packet(binding, packet);
    }
    return binding != NULL;
}

static void port_die(struct port *port) {
    spin_lock(&port->lock);
    port->dead = true;
    spin_unlock(&port->lock);
    bindings_drop(port);
    CHECK(list_empty(&port->queue) && list_empty(&port->bindings));
}

// ---- waiting

struct wait {
    struct object *objects[64];
    struct wait_item items[64];
    uint32_t count;
    instant_t deadline;
    uint32_t flags;
};

static int64_t do_wait(void *context) {
    struct wait *wait = context;
    return source_wait(wait->objects, wait->items, wait->count, wait->deadline, wait->flags);
}

static struct wait wait_for(struct object *object, uint32_t signals, instant_t deadline) {
    return (struct wait){
        .objects = {object},
        .items = {{.signals = signals}},
        .count = 1,
        .deadline = deadline,
    };
}

TEST(a_set_signal_needs_no_wait) {
    begin(1);
    struct object *event = new_event();
    CHECK_EQ(event_signal(event, 0, 5), 0);
    CHECK_EQ(event_signal(event, 1, 8), 5);
    struct wait wait = wait_for(event, 4, INSTANT_NEVER);
    CHECK_EQ(do_wait(&wait), 1);
    CHECK_EQ(wait.items[0].observed, 12);
    wait = wait_for(event, 1, 0);
    CHECK_EQ(do_wait(&wait), ERR_TIMED_OUT); // a poll never parks
    CHECK_EQ(threads[0]->pending, 0);
    drop(event);
    end(1);
}

TEST(a_parked_thread_is_woken_by_its_signal_only) {
    begin(1);
    struct object *event = new_event();
    struct wait wait = wait_for(event, 2, INSTANT_NEVER);
    CHECK_EQ(host_thread_try(do_wait, &wait), STATUS_PARKED);
    event_signal(event, 0, 4);
    CHECK(!host_thread_woken(threads[0]));
    event_signal(event, 0, 2);
    REQUIRE(host_thread_woken(threads[0]));
    CHECK_EQ(host_thread_resume(threads[0]), STATUS_RESTART);
    CHECK_EQ(do_wait(&wait), 1);
    CHECK_EQ(event->refs, 1); // the wait's references are gone
    drop(event);
    end(1);
}

TEST(deadlines_and_interruptions) {
    begin(1);
    struct object *event = new_event();
    struct wait wait = wait_for(event, 1, 2000);
    wait.flags = WAIT_INTERRUPTIBLE;
    CHECK_EQ(host_thread_try(do_wait, &wait), STATUS_PARKED);
    host_now = 2000;
    timer_queue_run(host_now);
    REQUIRE(host_thread_woken(threads[0]));
    CHECK_EQ(host_thread_resume(threads[0]), STATUS_RESTART);
    CHECK_EQ(do_wait(&wait), ERR_TIMED_OUT);

    wait.deadline = 3000;
    CHECK_EQ(host_thread_try(do_wait, &wait), STATUS_PARKED);
    threads[0]->block->latched = 1;
    thread_abort_wait(threads[0], 0, ERR_INTERRUPTED);
    REQUIRE(host_thread_woken(threads[0]));
    CHECK_EQ(host_thread_resume(threads[0]), STATUS_RESTART);
    CHECK_EQ(do_wait(&wait), ERR_INTERRUPTED);
    event_signal(event, 0, 1); // a signal comes before an interruption
    CHECK_EQ(do_wait(&wait), 1);
    CHECK_EQ(threads[0]->pending, 0);
    drop(event);
    end(1);
}

TEST(waiting_for_many) {
    begin(1);
    struct object *events[64];
    struct wait wait = {.deadline = INSTANT_NEVER};
    for (uint32_t count = 2; count <= 64; count += 31) { // 2, 33, 64: slab and pages
        for (uint32_t i = 0; i < count; i++) {
            events[i] = new_event();
            wait.objects[i] = events[i];
            wait.items[i] = (struct wait_item){.signals = 1};
        }
        wait.count = count;
        CHECK_EQ(host_thread_try(do_wait, &wait), STATUS_PARKED);
        event_signal(events[count - 1], 0, 1);
        event_signal(events[0], 0, 3); // a second waiter of the same thread fires: nothing more
        REQUIRE(host_thread_woken(threads[0]));
        CHECK_EQ(host_thread_resume(threads[0]), STATUS_RESTART);
        CHECK_EQ(do_wait(&wait), 2);
        CHECK_EQ(wait.items[0].observed, 3);
        CHECK_EQ(wait.items[count - 1].observed, 1);
        for (uint32_t i = 0; i < count; i++) {
            CHECK_EQ(events[i]->refs, 1);
            drop(events[i]);
        }
    }
    end(1);
}

// Signals the first of two sources while the thread is linked to it and not yet to the second.
static struct object *meddler_target;
static struct source meddler_source;
static int meddler_looks;

// What a CPU does while it waits for a lock: here the second source's, which the test holds.
void cpu_mailbox_poll(void) {
    if (meddler_target != NULL && meddler_looks++ == 0) {
        event_signal(meddler_target, 0, 1);
        __atomic_store_n(&meddler_source.lock.word, 0, __ATOMIC_RELEASE);
    }
}

static bool meddler_destroyed(struct object *object) {
    (void)object;
    return true;
}

static const struct object_ops meddler_ops = {
    .name = "meddler",
    .destroy = meddler_destroyed,
};

TEST(a_signal_between_linking_and_parking_counts) {
    begin(1);
    struct object meddler;
    object_init(&meddler, &meddler_ops, OBJECT_EVENT, NULL, 0);
    source_init(&meddler_source, &meddler, 0);
    meddler_target = new_event();
    meddler_looks = 0;
    meddler_source.lock.word = 1;
    struct wait wait = wait_for(meddler_target, 1, INSTANT_NEVER);
    wait.objects[1] = &meddler;
    wait.items[1].signals = 1;
    wait.count = 2;
    CHECK_EQ(do_wait(&wait), STATUS_RESTART);
    CHECK_EQ(meddler_looks, 1);
    CHECK_EQ(threads[0]->pending, 0);
    CHECK(!threads[0]->wait_fired);
    CHECK_EQ(do_wait(&wait), 1);
    CHECK_EQ(meddler.refs, 1);
    drop(meddler_target);
    end(1);
}

TEST(no_memory_for_many_changes_nothing) {
    begin(1);
    struct object *event = new_event();
    struct wait wait = wait_for(event, 1, INSTANT_NEVER);
    wait.objects[1] = event;
    wait.items[1].signals = 2;
    wait.count = 2;
    host_fail_after = 0;
    CHECK_EQ(do_wait(&wait), ERR_NO_MEMORY);
    host_fail_after = HOST_FAIL_NEVER;
    CHECK_EQ(threads[0]->pending, 0);
    drop(event);
    end(1);
}

TEST(the_peer_of_a_pair_learns_of_the_end) {
    begin(1);
    struct object *a;
    struct object *b;
    REQUIRE_EQ(event_pair_create(NULL, 0, &a, &b), OK);
    struct wait wait = wait_for(b, SIGNAL_EVENT_PEER_CLOSED, INSTANT_NEVER);
    CHECK_EQ(host_thread_try(do_wait, &wait), STATUS_PARKED);
    drop(a);
    host_reap_all();
    REQUIRE(host_thread_woken(threads[0]));
    CHECK_EQ(host_thread_resume(threads[0]), STATUS_RESTART);
    CHECK_EQ(do_wait(&wait), 1);
    drop(b);
    end(1);
}

// ---- bindings

TEST(a_binding_posts_and_tells) {
    begin(1);
    struct object *event = new_event();
    struct port port;
    struct packet packet;
    port_prepare(&port);
    event_signal(event, 0, 1);
    CHECK_EQ(source_bind(event, &port, 77, 3, PACKET_SIGNAL), OK);
    CHECK_EQ(source_bind(event, &port, 77, 3, PACKET_SIGNAL), ERR_ALREADY_EXISTS);
    REQUIRE(port_take(&port, &packet)); // posted at once, since a wanted signal was set
    CHECK_EQ(packet.key, 77);
    CHECK_EQ(packet.kind, PACKET_SIGNAL);
    CHECK_EQ(packet.signals, 1);
    CHECK(!port_take(&port, &packet));
    event_signal(event, 0, 4); // not wanted
    CHECK(!port_take(&port, &packet));
    event_signal(event, 1, 2);
    event_signal(event, 0, 1); // coalesced
    REQUIRE(port_take(&port, &packet));
    CHECK_EQ(packet.signals, 3); // what holds when it is taken
    CHECK(!port_take(&port, &packet));
    event_signal(event, 3, 0);
    CHECK(!port_take(&port, &packet));
    event_signal(event, 0, 1);
    CHECK_EQ(source_unbind(event, (struct handle_table *)&port, 77), ERR_NOT_FOUND);
    CHECK_EQ(source_unbind(event, NULL, 78), ERR_NOT_FOUND);
    CHECK_EQ(source_unbind(event, NULL, 77), OK); // withdraws the packet
    CHECK(!port_take(&port, &packet));
    CHECK_EQ(port.object.refs, 1);
    drop(event);
    object_unref(&port.object);
    end(1);
}

TEST(bindings_end_with_either_side) {
    begin(1);
    struct object *event = new_event();
    struct object *other = new_event();
    struct port port;
    port_prepare(&port);
    for (uint64_t key = 0; key < SOURCE_BINDINGS_MAX; key++) {
        CHECK_EQ(source_bind(event, &port, key, 1, PACKET_SIGNAL), OK);
    }
    CHECK_EQ(source_bind(event, &port, 99, 1, PACKET_SIGNAL), ERR_LIMIT);
    CHECK_EQ(source_bind(other, &port, 99, 1, PACKET_SIGNAL), OK);
    event_signal(event, 0, 1);
    drop(event); // the object goes first: its packets go with it
    host_reap_all();
    struct packet packet;
    CHECK(!port_take(&port, &packet));
    CHECK_EQ(port.object.refs, 2);
    event_signal(other, 0, 1);
    port_die(&port);
    event_signal(other, 0, 1);
    CHECK_EQ(source_bind(other, &port, 1, 1, PACKET_SIGNAL), ERR_BAD_HANDLE);
    object_unref(&port.object);
    host_reap_all();
    CHECK(port_gone);
    drop(other);
    end(1);
}

TEST(a_port_dies_while_the_object_waits_for_its_grace_period) {
    begin(1);
    struct object *event = new_event();
    struct port port;
    port_prepare(&port);
    CHECK_EQ(source_bind(event, &port, 1, 1, PACKET_SIGNAL), OK);
    event_signal(event, 0, 1);
    drop(event); // refs 0, not destroyed yet
    port_die(&port);
    object_unref(&port.object);
    CHECK(!port_gone); // the binding holds it
    host_reap_all();
    CHECK(port_gone);
    end(1);
}

// ---- watches

static struct process processes[3]; // their ids are 1 and up

void *id_lookup(enum id_kind kind, uint64_t id) {
    bool live = kind == ID_PROCESS && id - 1 < 3 && processes[id - 1].id == id;
    return live ? &processes[id - 1] : NULL;
}

static const struct object_ops process_ops = {.name = "process"};

static void process_prepare(struct process *process) {
    *process = (struct process){0};
    object_init(&process->object, &process_ops, OBJECT_PROCESS, NULL, 0);
    source_init(&process->source, &process->object, 0);
    process->id = (uint64_t)(process - processes) + 1;
}

static status_t watch(struct process *process, struct port *port) {
    return source_bind(&process->object, port, process->id, SIGNAL_PROCESS_ENDED,
                       PACKET_CALLER_GONE);
}

static void process_go(struct process *process) {
    source_update(&process->source, 0, SIGNAL_PROCESS_ENDED);
    process->id = 0;
    source_detach(&process->source);
    object_unref(&process->object);
    host_reap_all();
}

TEST(a_watch_outlives_its_process) {
    begin(1);
    struct process *process = &processes[0];
    struct port port;
    struct packet packet;
    process_prepare(process);
    port_prepare(&port);
    uint64_t id = process->id;
    CHECK_EQ(watch(process, &port), OK);
    CHECK_EQ(watch(process, &port), ERR_ALREADY_EXISTS);
    CHECK_EQ(source_bind(&process->object, &port, id, 1, PACKET_EXIT), OK); // another kind
    CHECK_EQ(source_unbind(&process->object, NULL, id), OK);
    CHECK_EQ(source_unbind(&process->object, NULL, id), ERR_NOT_FOUND); // a watch is no binding
    CHECK(!port_take(&port, &packet));
    process_go(process);
    CHECK(port_take(&port, &packet));
    CHECK_EQ(packet.kind, PACKET_CALLER_GONE);
    CHECK_EQ(packet.process, id);
    struct list_node *node = list_first(&port.bindings);
    REQUIRE(node != NULL);
    spin_lock(&port.lock);
    CHECK(binding_holds(list_entry(node, struct binding, port_node)));
    spin_unlock(&port.lock);
    CHECK_EQ(source_forget(&port, id), OK);
    CHECK_EQ(source_forget(&port, id), ERR_NOT_FOUND);
    port_die(&port);
    object_unref(&port.object);
    host_reap_all();
    CHECK(port_gone);
    end(1);
}

TEST(watches_of_the_living_and_the_ended_go_with_the_port) {
    begin(1);
    struct port port;
    struct packet packet;
    port_prepare(&port);
    for (size_t i = 0; i < 3; i++) {
        process_prepare(&processes[i]);
        CHECK_EQ(watch(&processes[i], &port), OK);
    }
    source_update(&processes[1].source, 0, SIGNAL_PROCESS_ENDED);
    CHECK_EQ(watch(&processes[1], &port), ERR_CALLER_GONE);
    CHECK_EQ(source_forget(&port, processes[2].id), OK); // still alive
    port_die(&port);
    CHECK(!port_take(&port, &packet));
    object_unref(&port.object);
    for (size_t i = 0; i < 3; i++) {
        process_go(&processes[i]);
    }
    CHECK(port_gone);
    end(1);
}

// ---- timers

TEST(a_timer_counts_and_coalesces) {
    begin(1);
    struct object *timer;
    struct port port;
    struct packet packet;
    port_prepare(&port);
    REQUIRE_EQ(timer_create(NULL, 0, &timer), OK);
    CHECK_EQ(source_bind(timer, &port, 5, SIGNAL_TIMER_EXPIRED, PACKET_TIMER), OK);
    timer_set(timer, MICROSECONDS(2000), MICROSECONDS(100), 0);
    CHECK_EQ(timer_ack(timer), 0);
    timer_queue_run(MICROSECONDS(1999));
    CHECK_EQ(timer_count(timer), 0);
    timer_queue_run(MICROSECONDS(2000));
    CHECK_EQ(timer_count(timer), 1);
    timer_queue_run(MICROSECONDS(2350)); // 2100, 2200, 2300
    REQUIRE(port_take(&port, &packet));
    CHECK_EQ(packet.kind, PACKET_TIMER);
    CHECK_EQ(packet.count, 4);
    CHECK_EQ(timer_queue_next(), MICROSECONDS(2400));
    CHECK_EQ(timer_ack(timer), 4);
    CHECK_EQ(timer_ack(timer), 0);
    struct wait wait = wait_for(timer, SIGNAL_TIMER_EXPIRED, 0);
    CHECK_EQ(do_wait(&wait), ERR_TIMED_OUT); // acknowledged
    timer_set(timer, INSTANT_NEVER, 0, 0);
    CHECK_EQ(timer_queue_next(), INSTANT_NEVER);
    timer_set(timer, -5, 0, 0); // past
    timer_queue_run(MICROSECONDS(2400));
    CHECK_EQ(timer_count(timer), 1);
    timer_queue_run(MICROSECONDS(9000)); // once
    CHECK_EQ(timer_count(timer), 1);
    timer_set(timer, MICROSECONDS(9999), INT64_MAX - 1, 0); // the next one never comes
    timer_queue_run(MICROSECONDS(9999));
    CHECK_EQ(timer_count(timer), 1);
    CHECK_EQ(timer_queue_next(), INSTANT_NEVER);
    timer_set(timer, MICROSECONDS(10000), MICROSECONDS(100), 0);
    drop(timer); // armed: closing disarms
    CHECK_EQ(timer_queue_next(), INSTANT_NEVER);
    timer_set(timer, MICROSECONDS(10000), MICROSECONDS(100),
              0); // by somebody who looked it up before
    CHECK_EQ(timer_queue_next(), INSTANT_NEVER);
    host_reap_all();
    CHECK_EQ(port.object.refs, 1);
    object_unref(&port.object);
    end(1);
}

// ---- races

#define ROUNDS 3000

static struct object *ping;
static struct object *pong;
static struct object *spare;

// CPU 0 and CPU 1 hand a signal back and forth; each waits for two objects at once.
static void play(void *context) {
    (void)context;
    uint32_t index = cpu_this()->index;
    struct object *mine = index == 0 ? ping : pong;
    struct object *theirs = index == 0 ? pong : ping;
    for (int i = 0; i < ROUNDS; i++) {
        struct wait wait = wait_for(spare, 1, INSTANT_NEVER);
        wait.objects[1] = mine;
        wait.items[1].signals = 1;
        wait.count = 2;
        if (index == 0) {
            event_signal(theirs, 0, 1);
        }
        CHECK_EQ(host_thread_call(do_wait, &wait), 1);
        event_signal(mine, 1, 0);
        if (index == 1) {
            event_signal(theirs, 0, 1);
        }
    }
}

TEST(no_wake_up_is_lost) {
    begin(2);
    ping = new_event();
    pong = new_event();
    spare = new_event();
    host_cpus_run(2, play, NULL);
    drop(ping);
    drop(pong);
    drop(spare);
    end(2);
}

// Every CPU waits for a timer of its own that another CPU arms; expiries and settings race.
static struct object *timers[CPUS];
#define STEP (TIMER_MIN_INTERVAL / 50) // that each look at the clock takes
static instant_t shared_now = 1000 * STEP;

instant_t clock_now(void) {
    return cpu_count == 1 ? host_now : __atomic_add_fetch(&shared_now, STEP, __ATOMIC_RELAXED);
}

static void arm_and_wait(void *context) {
    (void)context;
    uint32_t index = cpu_this()->index;
    for (int i = 0; i < ROUNDS; i++) {
        timer_set(timers[(index + 1) % cpu_count], clock_now() + 5 * STEP,
                  i % 2 == 0 ? TIMER_MIN_INTERVAL : 0, i % 20 * STEP);
        struct wait wait = wait_for(timers[index], SIGNAL_TIMER_EXPIRED, clock_now() + 500 * STEP);
        int64_t result = host_thread_call(do_wait, &wait);
        CHECK(result == 1 || result == ERR_TIMED_OUT);
        timer_ack(timers[index]);
    }
}

TEST(timers_are_set_while_they_expire) {
    begin(CPUS);
    for (int i = 0; i < CPUS; i++) {
        REQUIRE_EQ(timer_create(NULL, 0, &timers[i]), OK);
    }
    host_cpus_run(CPUS, arm_and_wait, NULL);
    for (int i = 0; i < CPUS; i++) {
        drop(timers[i]);
    }
    end(CPUS);
}

// CPU 0 arms a timer and runs its queue; CPU 1 arms it for another time just then, and from that
// moment on the first expiry must not count.
static uint32_t turns; // even: CPU 0 is to arm

static void arm_over(void *context) {
    (void)context;
    while (__atomic_load_n(&turns, __ATOMIC_ACQUIRE) < 2 * ROUNDS) {
        bool armed = (__atomic_load_n(&turns, __ATOMIC_ACQUIRE) & 1) != 0;
        if (cpu_this()->index == 0) {
            if (!armed) {
                timer_set(timers[0], clock_now() + 3 * STEP, 0, 0);
                __atomic_fetch_add(&turns, 1, __ATOMIC_RELEASE);
            }
            timer_queue_run(clock_now());
        } else if (armed) {
            timer_set(timers[0], INSTANT_NEVER - 1, 0, 0);
            for (int i = 0; i < 20; i++) {
                CHECK_EQ(timer_count(timers[0]), 0);
            }
            __atomic_fetch_add(&turns, 1, __ATOMIC_RELEASE);
        }
    }
}

TEST(a_stale_expiry_does_not_count) {
    begin(2);
    REQUIRE_EQ(timer_create(NULL, 0, &timers[0]), OK);
    turns = 0;
    host_cpus_run(2, arm_over, NULL);
    drop(timers[0]);
    end(2);
}

// CPU 0 signals, CPU 1 binds and unbinds, CPU 2 takes packets.
static struct port race_port;
static bool race_over;

static void bind_race(void *context) {
    (void)context;
    struct packet packet;
    switch (cpu_this()->index) {
    case 0:
        while (!__atomic_load_n(&race_over, __ATOMIC_ACQUIRE)) {
            event_signal(ping, 1, 1);
        }
        break;
    case 1:
        for (uint64_t i = 0; i < ROUNDS; i++) {
            CHECK_EQ(source_bind(ping, &race_port, i, 1, PACKET_SIGNAL), OK);
            CHECK_EQ(source_unbind(ping, NULL, i), OK);
        }
        __atomic_store_n(&race_over, true, __ATOMIC_RELEASE);
        break;
    default:
        while (!__atomic_load_n(&race_over, __ATOMIC_ACQUIRE)) {
            if (port_take(&race_port, &packet)) {
                CHECK(packet.signals <= 1);
            }
        }
        break;
    }
}

TEST(binding_races_with_signals_and_servers) {
    begin(3);
    port_prepare(&race_port);
    ping = new_event();
    race_over = false;
    host_cpus_run(3, bind_race, NULL);
    CHECK(list_empty(&race_port.queue));
    drop(ping);
    host_reap_all();
    CHECK_EQ(race_port.object.refs, 1);
    object_unref(&race_port.object);
    end(3);
}
