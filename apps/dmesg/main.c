// SPDX-License-Identifier: MIT
//
// Shows the kernel's log.

#include <abi/names.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>
#include <tool/logview.h>
#include <tool/print.h>

static const char help[] = "dmesg: shows the kernel's log\n"
                           "  dmesg all            every line\n"
                           "  dmesg tail N         the last N lines\n"
                           "  dmesg find TEXT      the lines that hold TEXT\n"
                           "needs the handle log with READ\n";

struct filter {
    uint64_t skip;    // lines still to leave out
    uint64_t lines;   // seen
    const char *find; // null: everything
};

static bool holds(const char *line, const char *text) {
    size_t length = strlen(text);
    for (; *line != '\0'; line++) {
        if (strncmp(line, text, length) == 0) {
            return true;
        }
    }
    return length == 0;
}

static void count(void *context, const struct logview_line *line) {
    struct filter *filter = context;
    (void)line;
    filter->lines++;
}

static void show(void *context, const struct logview_line *line) {
    struct filter *filter = context;
    if (filter->skip > 0) {
        filter->skip--;
    } else if (filter->find == NULL || holds(line->text, filter->find)) {
        print_line("%s", line->whole);
    }
}

static int64_t show_tail(handle_t log, uint64_t wanted) {
    struct filter filter = {0};
    status_t status = logview_walk(log, count, &filter);
    if (status == OK) {
        filter.skip = filter.lines > wanted ? filter.lines - wanted : 0;
        status = logview_walk(log, show, &filter);
    }
    return status == OK ? 0 : print_error("dmesg", "can't read the log: %s", status_name(status));
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    if (print_wants_help()) {
        print_text(help);
        return start_argument_count() == 0;
    }
    const char *command = start_argument(0);
    const char *word = start_argument(1);
    uint64_t wanted = UINT64_MAX;
    struct filter filter = {0};
    if (strcmp(command, "find") == 0 && word != NULL) {
        filter.find = word;
        status_t status = logview_walk(start_handle("log"), show, &filter);
        return status == OK ? 0
                            : print_error("dmesg", "can't read the log: %s", status_name(status));
    }
    bool tail = strcmp(command, "tail") == 0 && word != NULL && print_parse_number(word, &wanted);
    if (!tail && strcmp(command, "all") != 0) {
        return print_error("dmesg", "can't do that: %s; see dmesg --help", command);
    }
    return show_tail(start_handle("log"), wanted);
}
