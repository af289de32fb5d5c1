// SPDX-License-Identifier: MIT
//
// A tiny test framework, for unit tests on the host and for test programs in the guest. It needs no
// library: output goes line by line to test_write, which whoever runs the tests provides (on the
// host lib/test/test/host_main.c, in the guest the program that writes to the log).
//
//   TEST(list_keeps_order) {
//       struct list list;
//       list_init(&list);
//       CHECK(list_empty(&list));
//   }
//
// A test program defines tests in any of its files and calls test_run_all once. Each test prints
// `ok NAME`, or at its first failed check `FAIL NAME: file:line reason`, and after all of them
// `done N ok, M failed` is printed. A failed CHECK counts and goes on; REQUIRE leaves the function.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test_case {
    const char *name;
    const char *file;
    int line;
    void (*run)(void);
};

// Defines a test. The linker gathers the pointers of all of them in one section.
#define TEST(test_name)                                                                            \
    static void test_run_##test_name(void);                                                        \
    static const struct test_case test_case_##test_name = {#test_name, __FILE__, __LINE__,         \
                                                           test_run_##test_name};                  \
    static const struct test_case *const test_entry_##test_name                                    \
        __attribute__((section("test_cases"), used)) = &test_case_##test_name;                     \
    static void test_run_##test_name(void)

// Counts a failure of the running test unless the condition holds, and goes on.
#define CHECK(cond) ((void)test_check(__FILE__, __LINE__, #cond, !!(cond)))
// The same for two integers, booleans or pointers that should be equal; shows both.
#define CHECK_EQ(a, b)                                                                             \
    ((void)test_check_eq(__FILE__, __LINE__, #a " == " #b, (int64_t)(a), (int64_t)(b)))
// As CHECK and CHECK_EQ, but return from the (void) function when it fails.
#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!test_check(__FILE__, __LINE__, #cond, !!(cond))) {                                    \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define REQUIRE_EQ(a, b)                                                                           \
    do {                                                                                           \
        if (!test_check_eq(__FILE__, __LINE__, #a " == " #b, (int64_t)(a), (int64_t)(b))) {        \
            return;                                                                                \
        }                                                                                          \
    } while (0)

// Records the outcome of a check. Returns whether it passed. Threads may call these at once.
bool test_check(const char *file, int line, const char *what, bool passed);
bool test_check_eq(const char *file, int line, const char *what, int64_t a, int64_t b);
// Whether the running test has failed already.
bool test_failed(void);

// Prints `# ` and a figure: shown again at the end of a test run. Knows %s %d %u %x and %%, with
// any number of l or z.
void test_figure(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Runs every test whose name contains `filter` (`^x`: begins with x; null: all). Returns how many
// failed.
int test_run_all(const char *filter);

// Pseudo-random numbers (splitmix64) from a state that the test owns.
uint64_t test_random(uint64_t *state);
// A number in 0 ... bound - 1.
uint64_t test_random_below(uint64_t *state, uint64_t bound);

// Provided by the program: writes one line, which ends in a newline.
void test_write(const char *line, size_t bytes);
