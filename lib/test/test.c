// SPDX-License-Identifier: MIT
//
// Runs tests and prints their outcome. Freestanding: its own small formatter, no allocation.
#include <test/test.h>

#include <stdarg.h>

#define LINE_BYTES 240
#define FAILURES_SHOWN 8

// The linker's names for the ends of the section that TEST fills.
extern const struct test_case *const __start_test_cases[] __attribute__((weak));
extern const struct test_case *const __stop_test_cases[] __attribute__((weak));

static const struct test_case *running;
static uint32_t failures; // of the running test; atomic

struct line {
    char text[LINE_BYTES];
    size_t bytes;
};

static void line_char(struct line *line, char c) {
    if (line->bytes < LINE_BYTES - 1) {
        line->text[line->bytes++] = c;
    }
}

static void line_text(struct line *line, const char *text) {
    while (*text != '\0') {
        line_char(line, *text++);
    }
}

static void line_number(struct line *line, uint64_t value, unsigned base) {
    char digits[20];
    int count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (count > 0) {
        line_char(line, digits[--count]);
    }
}

static void line_signed(struct line *line, int64_t value) {
    if (value < 0) {
        line_char(line, '-');
    }
    line_number(line, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

static void line_write(struct line *line) {
    line->text[line->bytes] = '\n';
    test_write(line->text, line->bytes + 1);
}

static void line_format(struct line *line, const char *format, va_list *args) {
    for (const char *c = format; *c != '\0'; c++) {
        if (*c != '%') {
            line_char(line, *c);
            continue;
        }
        bool wide = false;
        c++;
        while (*c == 'l' || *c == 'z') {
            wide = true;
            c++;
        }
        switch (*c) {
        case 's':
            line_text(line, va_arg(*args, const char *));
            break;
        case 'd':
            line_signed(line, wide ? va_arg(*args, int64_t) : va_arg(*args, int));
            break;
        case 'u':
        case 'x':
            line_number(line, wide ? va_arg(*args, uint64_t) : va_arg(*args, unsigned),
                        *c == 'x' ? 16 : 10);
            break;
        case '\0':
            return;
        default:
            line_char(line, *c);
        }
    }
}

static void print(const char *format, ...) {
    struct line line = {.bytes = 0};
    va_list args;
    va_start(args, format);
    line_format(&line, format, &args);
    va_end(args);
    line_write(&line);
}

void test_figure(const char *format, ...) {
    struct line line = {.bytes = 0};
    va_list args;
    line_text(&line, "# ");
    va_start(args, format);
    line_format(&line, format, &args);
    va_end(args);
    line_write(&line);
}

// Counts a failure. Returns the line to print it on, begun with where it was, or false when there
// have been enough.
static bool fail_begin(struct line *line, const char *file, int line_in_file) {
    uint32_t before = __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
    if (before == 0) {
        line_text(line, "FAIL ");
        line_text(line, running != NULL ? running->name : "?");
        line_text(line, ": ");
    } else {
        line_text(line, "     ");
    }
    line_text(line, file);
    line_char(line, ':');
    line_signed(line, line_in_file);
    line_char(line, ' ');
    return before < FAILURES_SHOWN;
}

bool test_check(const char *file, int line_in_file, const char *what, bool passed) {
    struct line line = {.bytes = 0};
    if (!passed && fail_begin(&line, file, line_in_file)) {
        line_text(&line, what);
        line_write(&line);
    }
    return passed;
}

bool test_check_eq(const char *file, int line_in_file, const char *what, int64_t a, int64_t b) {
    struct line line = {.bytes = 0};
    if (a != b && fail_begin(&line, file, line_in_file)) {
        line_text(&line, what);
        line_text(&line, " (");
        line_signed(&line, a);
        line_text(&line, ", not ");
        line_signed(&line, b);
        line_text(&line, ")");
        line_write(&line);
    }
    return a == b;
}

bool test_failed(void) {
    return __atomic_load_n(&failures, __ATOMIC_RELAXED) != 0;
}

static int compare_text(const char *a, const char *b) {
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

static bool contains(const char *text, const char *part) {
    for (;; text++) {
        size_t length = 0;
        while (part[length] != '\0' && text[length] == part[length]) {
            length++;
        }
        if (part[length] == '\0') {
            return true;
        }
        if (*text == '\0') {
            return false;
        }
    }
}

// Whether a filter chooses a test: contained in its name, or after ^ its beginning.
static bool chooses(const char *filter, const char *name) {
    if (filter[0] != '^') {
        return contains(name, filter);
    }
    size_t i = 0;
    while (filter[i + 1] != '\0' && filter[i + 1] == name[i]) {
        i++;
    }
    return filter[i + 1] == '\0';
}

// Tests run in the order of their files and lines: compilers do not keep the order in a section.
static bool before(const struct test_case *a, const struct test_case *b) {
    int order = compare_text(a->file, b->file);
    return order < 0 || (order == 0 && a->line < b->line);
}

static const struct test_case *next_after(const struct test_case *last) {
    const struct test_case *best = NULL;
    for (const struct test_case *const *p = __start_test_cases; p < __stop_test_cases; p++) {
        if ((last == NULL || before(last, *p)) && (best == NULL || before(*p, best))) {
            best = *p;
        }
    }
    return best;
}

int test_run_all(const char *filter) {
    uint32_t passed = 0;
    uint32_t failed = 0;
    const struct test_case *test = NULL;
    while ((test = next_after(test)) != NULL) {
        if (filter != NULL && !chooses(filter, test->name)) {
            continue;
        }
        running = test;
        __atomic_store_n(&failures, 0, __ATOMIC_RELAXED);
        test->run();
        if (test_failed()) {
            failed++;
        } else {
            passed++;
            print("ok %s", test->name);
        }
    }
    running = NULL;
    print("done %u ok, %u failed", passed, failed);
    return (int)failed;
}

uint64_t test_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

uint64_t test_random_below(uint64_t *state, uint64_t bound) {
    return test_random(state) % bound;
}
