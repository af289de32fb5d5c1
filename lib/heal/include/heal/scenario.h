// SPDX-License-Identifier: MIT
//
// The exhaustive test of a server that heals: a script of calls, in which the server dies at each
// message and at each stage of it, and no result may differ from those of an undisturbed run.
//
// A script is a list of acts. An act makes calls and checks each result itself; it leaves what it
// has found, and takes as many messages each time. So what a death costs is a new instance and one
// act, not the whole script. What a death has spoiled is seen by the rest of its act, by the same
// act when it is played for the next death, or by the acts that follow on the same state.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct act {
    const char *name;
    // Plays. Rounds are numbered from 0: what can be varied is, by the number of the round.
    void (*play)(uint32_t round);
};

// As bits: heal_stages (heal/program.h). TAKEN and AFTER_REPLY are in each message; the others
// where the vault is changed, or an answer is kept in it.
#define STAGE_TAKEN 1u
#define STAGE_MID_STEP 2u
#define STAGE_BEFORE_COMMIT 4u
#define STAGE_AFTER_COMMIT 8u
#define STAGE_AFTER_REPLY 16u
#define STAGES_ALL 31u

struct scenario {
    uint32_t service; // that dies
    uint32_t stages;  // at which it dies; TAKEN is one of them
    // Several call the service at once, so that a death lets more than one message come again: then
    // nobody knows how many there will be, and each death takes a start more.
    bool concurrent;
    uint32_t act_count;
    const struct act *acts;
    uint32_t rounds; // of all acts
};

// Plays all of it, undisturbed. Returns how many messages the service took.
uint32_t scenario_play(const struct scenario *scenario);

// One death alone, again and again: for each message of the script the act that it is of is played
// with a death there, at each stage, or at two that change from message to message. No message is
// left out. Stops at the first failure. Reports figures.
void scenario_die_alone(const struct scenario *scenario, bool all_stages);

// Many deaths: the whole script is played `period` times, with a death at each `period`-th message,
// the first at one of the first `period`: so each message meets one, and the results of whole runs
// are compared. The stage changes from session to session, or there are sessions for each. Where a
// message has not the stage, the next that has it is met. Reports figures.
void scenario_die_often(const struct scenario *scenario, uint32_t period, bool all_stages);
