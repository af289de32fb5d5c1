// SPDX-License-Identifier: MIT

#include <heal/scenario.h>

#include <abi/status.h>
#include <heal/program.h>
#include <heal/supervisor.h>
#include <heal/support.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/message.h>
#include <test/test.h>

// Where a death is to be.
struct spot {
    uint32_t message; // of the act, from 1
    uint32_t stage;
};

// What the deaths of one script come to.
struct sum {
    uint32_t messages, deaths;
};

static uint64_t messages(uint32_t service) {
    return service_summary(service).messages;
}

// One message that means nothing: whoever answers it is alive, and his supervisor knows of the
// deaths of all before him.
static void ask(uint32_t service) {
    struct message *message = message_begin(0);
    CHECK_EQ(sys_channel_call(service_channel(service), INSTANT_NEVER, 0), OK);
    CHECK_EQ((int32_t)message->op, ERR_PROTOCOL);
}

// Plays an act. Returns how many messages it took.
static uint32_t play(uint32_t service, const struct act *act, uint32_t round) {
    uint64_t before = messages(service);
    bool failed = test_failed();
    act->play(round);
    ask(service);
    if (!failed && test_failed()) {
        log_printf("     in round %u of act %s", round, act->name);
    }
    return (uint32_t)(messages(service) - before) - 1;
}

uint32_t scenario_play(const struct scenario *scenario) {
    uint32_t sum = 0;
    ask(scenario->service); // once it answers, its vault can be looked into
    for (uint32_t round = 0; round < scenario->rounds && !test_failed(); round++) {
        for (uint32_t i = 0; i < scenario->act_count && !test_failed(); i++) {
            sum += play(scenario->service, &scenario->acts[i], round);
        }
    }
    return sum;
}

// ---- one death alone

// Whether a death at this stage lets the message come again.
static bool comes_again(uint32_t stage) {
    return (1u << stage & STAGE_AFTER_REPLY) == 0;
}

static bool every_message_has(uint32_t stage) {
    return (1u << stage & (STAGE_TAKEN | STAGE_AFTER_REPLY)) != 0;
}

// One that every message has, and one of the others, in turns.
static uint32_t stages_of(const struct scenario *scenario, uint32_t message, bool all) {
    uint32_t some = message % 2 != 0 ? STAGE_TAKEN : STAGE_AFTER_REPLY;
    some = (some & scenario->stages) != 0 ? some : STAGE_TAKEN;
    return scenario->stages & (all ? STAGES_ALL : some | STAGE_MID_STEP << message % 3);
}

static bool next_spot(const struct scenario *scenario, struct spot *spot, uint32_t count,
                      bool all) {
    do {
        spot->stage++;
        if (spot->stage == HEAL_STAGES) {
            *spot = (struct spot){spot->message + 1, 0};
        }
    } while ((1u << spot->stage & stages_of(scenario, spot->message, all)) == 0);
    return spot->message <= count;
}

// Plays an act in which a death is due. Returns whether there was one.
static bool play_with_death(const struct scenario *scenario, const struct act *act, uint32_t round,
                            uint32_t count, struct spot spot) {
    uint32_t service = scenario->service;
    uint32_t starts = service_starts(service);
    uint32_t took = play(service, act, round);
    bool died = service_starts(service) != starts;
    // Each playing is the same, or nobody knows where the death was.
    CHECK(scenario->concurrent || took == count + (died && comes_again(spot.stage)));
    CHECK_EQ(service_starts(service), starts + died);
    // Acts of several at once differ by a message now and then: one that did not come kills nobody.
    bool came = !scenario->concurrent || took >= spot.message;
    CHECK(died || !came || !every_message_has(spot.stage));
    if (test_failed()) {
        log_printf("     act %s of %u messages, %u taken, death at %u, %s", act->name, count, took,
                   spot.message, heal_stages[spot.stage]);
    }
    return died;
}

// The instance that comes after a death is told where it is to die itself: how many messages are
// left of the act, one more to ask, and those of the next playing. So each death costs one start.
static void die_in_act(const struct scenario *scenario, const struct act *act, uint32_t round,
                       bool all, struct sum *sum) {
    uint32_t service = scenario->service;
    (void)play(service, act, round); // windows may have pages to be touched, the first time
    uint32_t count = play(service, act, round);
    struct spot spot = {0, HEAL_STAGES - 1};
    bool armed = false, more = next_spot(scenario, &spot, count, all);
    while (more && !test_failed()) {
        struct spot next = spot;
        if (!armed) {
            service_die_once(service, spot.message, heal_stages[spot.stage]);
            service_restart(service);
        }
        more = next_spot(scenario, &next, count, all);
        if (more && !scenario->concurrent) {
            service_die_once(service,
                             count - spot.message + comes_again(spot.stage) + 1 + next.message,
                             heal_stages[next.stage]);
        }
        bool died = play_with_death(scenario, act, round, count, spot);
        sum->deaths += died;
        armed = died && more && !scenario->concurrent;
        if (!died && more && 1u << spot.stage == STAGE_BEFORE_COMMIT &&
            1u << next.stage == STAGE_AFTER_COMMIT) {
            more = next_spot(scenario, &next, count, all); // it has neither
        }
        spot = next;
    }
    sum->messages += count;
}

void scenario_die_alone(const struct scenario *scenario, bool all_stages) {
    struct sum sum = {0};
    instant_t start = now();
    ask(scenario->service);
    for (uint32_t round = 0; round < scenario->rounds && !test_failed(); round++) {
        for (uint32_t i = 0; i < scenario->act_count && !test_failed(); i++) {
            die_in_act(scenario, &scenario->acts[i], round, all_stages, &sum);
        }
    }
    service_restart(scenario->service); // who is there may be about to die
    test_figure("%u deaths alone, at each of %u messages, in %u ms", sum.deaths, sum.messages,
                (uint32_t)((now() - start) / MILLISECONDS(1)));
}

// ---- many

// A death at each period-th message, the first one at `first`.
static uint32_t play_session(const struct scenario *scenario, uint32_t period, uint32_t first,
                             const char *stage) {
    uint32_t service = scenario->service;
    service_die_once(service, first, stage);
    service_restart(service);
    service_die_each(service, period, stage, "exit");
    uint32_t played = scenario_play(scenario);
    service_die_each(service, 0, NULL, NULL);
    service_restart(service);
    return played;
}

void scenario_die_often(const struct scenario *scenario, uint32_t period, bool all_stages) {
    uint32_t service = scenario->service, starts = service_starts(service), sessions = 0,
             played = 0;
    instant_t start = now();
    for (uint32_t i = 0; i < period * HEAL_STAGES && !test_failed(); i++) {
        uint32_t first = i % period, stage = (first + i / period) % HEAL_STAGES;
        bool wanted = all_stages || i < period;
        if (wanted && (scenario->stages & 1u << stage) == 0) {
            stage = 0;
            wanted = i < period; // all the others have it anyway
        }
        if (wanted) {
            played += play_session(scenario, period, 1 + first, heal_stages[stage]);
            sessions++;
        }
    }
    uint32_t deaths = service_starts(service) - starts - 2 * sessions;
    CHECK(deaths > played / period / 4); // half of them, and fewer of stages that not all have
    test_figure("%u deaths in %u sessions of %u messages, in %u ms", deaths, sessions,
                sessions != 0 ? played / sessions : 0,
                (uint32_t)((now() - start) / MILLISECONDS(1)));
}
