// SPDX-License-Identifier: MIT

#include <heal/pause.h>

#include <sys/calls.h>

#define STEP MICROSECONDS(500)

void pause_in_steps(duration_t pause) {
    for (duration_t left = pause; left > 0; left -= STEP) {
        (void)!sys_thread_sleep((instant_t)sys_clock_get() + (left < STEP ? left : STEP), 0);
    }
}
