// SPDX-License-Identifier: MIT

#include <heal/program.h>

#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>
#include <test/test.h>

const char *const heal_stages[HEAL_STAGES] = {"taken", "mid-step", "before-commit", "after-commit",
                                              "after-reply"};

static uint32_t ok_count, failed_count;

static bool begins_with(const char *line, size_t bytes, const char *word) {
    size_t length = strlen(word);
    return bytes >= length && memcmp(line, word, length) == 0;
}

// The sums of each single run are replaced by those of the whole program.
void test_write(const char *line, size_t bytes) {
    if (begins_with(line, bytes, "done ")) {
        return;
    }
    ok_count += begins_with(line, bytes, "ok ");
    failed_count += begins_with(line, bytes, "FAIL ");
    log_text(line, bytes - 1);
}

int heal_program(int failed_before) {
    uint32_t parts = 0;
    int failed = failed_before;
    for (uint32_t i = 0; i < start_argument_count(); i++) {
        if (strchr(start_argument(i), '=') == NULL) {
            failed += test_run_all(start_argument(i));
            parts++;
        }
    }
    failed += parts == 0 ? test_run_all(NULL) : 0;
    log_printf("done %u ok, %u failed", ok_count, failed_count + (uint32_t)failed_before);
    return failed != 0;
}
