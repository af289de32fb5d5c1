// SPDX-License-Identifier: MIT
//
// The simulator of servers that heal.
//
//   sim [--seed=N] [--kills=N] [--pairs=N] [--script=N] [--stride=N] [--proposed] [--verbose]
//       [CASE...]
//
// Without the name of a case all are run; cases.h says what they are. --proposed is for kernels to
// come, see struct sim. A failed case prints the seed to repeat it with. The exit status is 1 when
// a case failed.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cases.h"
#include "world.h"

#define DEFAULT_KILLS 100000
#define DEFAULT_PAIRS 20000
#define DEFAULT_SCRIPT 11

static const struct {
    const char *name;
    bool (*run)(const struct options *options);
} cases[] = {
    {"vault", vault_run},
    {"join", join_run},
    {"limits", limits_run},
    {"hooks", hooks_run},
    {"poison", poison_run},
    {"first-start", first_start_run},
    {"exhaustive", exhaustive_run},
    {"pairs", pairs_run},
    {"garbage", garbage_run},
    {"storm", storm_run},
    {"procd-exhaustive", procd_exhaustive_run},
    {"procd-pairs", procd_pairs_run},
    {"procd-storm", procd_storm_run},
    {"files", files_run},
    {"files-first", files_first_run},
    {"files-storm", files_storm_run},
    {"files-repair", files_repair_run},
};

bool case_report(const char *name, const char *failure) {
    bool good = failure == NULL || failure[0] == '\0';
    if (good) {
        printf("ok %s\n", name);
    } else {
        printf("FAIL %s: %s\n", name, failure);
    }
    fflush(stdout);
    return good;
}

static bool read_number(const char *argument, const char *key, uint64_t *value) {
    size_t length = strlen(key);
    if (strncmp(argument, key, length) != 0) {
        return false;
    }
    *value = strtoull(argument + length, NULL, 0);
    return true;
}

static void read_option(const char *argument, struct options *options) {
    if (strcmp(argument, "--proposed") == 0) {
        world_proposed = true;
    } else if (strcmp(argument, "--verbose") == 0) {
        options->verbose = true;
    } else if (!read_number(argument, "--seed=", &options->seed) &&
               !read_number(argument, "--kills=", &options->kills) &&
               !read_number(argument, "--pairs=", &options->pairs) &&
               !read_number(argument, "--script=", &options->script) &&
               !read_number(argument, "--stride=", &options->stride)) {
        fprintf(stderr, "sim: unknown option %s\n", argument);
        exit(2);
    }
}

static bool wanted(const char *name, int count, char **arguments) {
    bool any = false;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], name) == 0) {
            return true;
        }
        any |= arguments[i][0] != '-';
    }
    return !any;
}

int main(int count, char **arguments) {
    struct options options = {
        .seed = (uint64_t)time(NULL),
        .kills = DEFAULT_KILLS,
        .pairs = DEFAULT_PAIRS,
        .script = DEFAULT_SCRIPT,
        .stride = 1,
    };
    for (int i = 1; i < count; i++) {
        if (arguments[i][0] == '-') {
            read_option(arguments[i], &options);
        }
    }
    printf("# seed %" PRIu64 "\n", options.seed);
    bool good = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (wanted(cases[i].name, count, arguments)) {
            clock_t begin = clock();
            good &= cases[i].run(&options);
            printf("# %s: %.1f s\n", cases[i].name, (double)(clock() - begin) / CLOCKS_PER_SEC);
        }
    }
    return good ? 0 : 1;
}
