// SPDX-License-Identifier: MIT
//
// The program of the kernel command line: `init.run=PATH init.args=A,B init.uses=CHANNEL,...
// init.grants=WORD,...`. It runs once; when it has ended, the machine ends: powered off when its
// status was 0, else (and when it could not be started) with the emulator status RUN_FAILED. With
// `init.recovery=SERVICE` that service is started instead, and also when a service has failed for
// good that the program stands on.
#pragma once

#include "init.h"

#include <abi/info.h>

#define RUN_FAILED 1
#define RUN_AGAIN SECONDS(1) // until the next try to start it

// Makes the program's entry and its service, when the command line names one.
void run_prepare(struct init *init);
// Looks whether it can ever start, or go on, and what is to be done if not.
void run_advance(struct init *init);
// Its process has ended: ends the machine, or leaves it to the recovery.
void run_ended(struct init *init, const struct process_info *info);
// Whether there is something else to start when it can't be.
bool run_has_recovery(struct init *init);
_Noreturn void run_end_machine(bool success);
// The limits of its job: most of the machine, so that init is never starved.
[[nodiscard]] status_t run_limits(struct job_limits *limits);
