// SPDX-License-Identifier: MIT
//
// Clients of procd: one native process that begins Linux processes, and those, which fork, wait,
// signal, stop and end each other at random and check every answer against what the simulator
// knows.
#pragma once

#include "world.h"

#define LINUX_MAX 40 // more than procd has room for

void linux_begin(void);
// Starts the native process: it spawns `roots` first processes one after another, each with so many
// rounds, and waits for them; 0 roots: until linux_stop.
void linux_start(uint32_t roots, uint32_t rounds);
void linux_stop(void);
// Forgets those of whose end nobody was told any more: before the world ends.
void linux_end(void);
// Collects the dead. Returns how many processes are alive, the native one included; fails the world
// when one is stuck.
uint32_t linux_watch(void);
// Kills or interrupts a random Linux process.
void linux_kill_one(void);
void linux_interrupt_one(void);
uint64_t linux_calls(void);
