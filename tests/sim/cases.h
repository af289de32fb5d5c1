// SPDX-License-Identifier: MIT
//
// What the simulator can be asked to do. Each returns whether all went well, and prints `ok` or
// `FAIL` lines and figures.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct options {
    uint64_t seed;
    uint64_t kills;
    uint64_t pairs;  // deaths by twos
    uint64_t script; // seed of the script for exhaustive, pairs, first-start and hooks
    uint64_t stride; // exhaustive: every so many-th point
    bool verbose;
};

// Kills at random under load, in many short worlds.
bool storm_run(const struct options *options);
// One fixed script, with a death at every point of each service.
bool exhaustive_run(const struct options *options);
// The same script with two deaths at random.
bool pairs_run(const struct options *options);
// Deaths at every point of the very first start.
bool first_start_run(const struct options *options);
// The start arguments die-at and die-how.
bool hooks_run(const struct options *options);
// Requests that make a server crash, each time that they are tried.
bool poison_run(const struct options *options);
// Garbage in vaults.
bool garbage_run(const struct options *options);
// The vault's functions by themselves.
bool vault_run(const struct options *options);
// Two calls of the same id at once.
bool join_run(const struct options *options);
// More calls than there is room for.
bool limits_run(const struct options *options);

// procd with Linux processes: the same storm, script and pairs.
bool procd_storm_run(const struct options *options);
bool procd_exhaustive_run(const struct options *options);
bool procd_pairs_run(const struct options *options);

// tmpfsd, with the script of lib/fstest: deaths at each point of it, at each point of the first
// start, and at random with two clients.
bool files_run(const struct options *options);
bool files_first_run(const struct options *options);
bool files_storm_run(const struct options *options);
// tmpfsd with records that somebody has spoilt.
bool files_repair_run(const struct options *options);

// Prints the outcome of a case; `failure` null or empty: it passed.
bool case_report(const char *name, const char *failure);
