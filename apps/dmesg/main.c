// SPDX-License-Identifier: MIT
//
// Shows the kernel's log.

#include <sys/string.h>
#include <tool/kmsg.h>
#include <tool/tool.h>

static const char help[] =
    "Usage: dmesg [-w] [-l LEVEL] [TEXT]\n"
    "Shows the kernel's log, or its lines that hold TEXT.\n"
    "  -w          goes on with the lines that come, until it is ended\n"
    "  -l LEVEL    0 to 7: leaves out lines of higher levels; a line that begins with <N> in the\n"
    "              log has level N, others have 6\n"
    "Needs /dev/kmsg, which is root's. Exit status: 0, 1 when it could not be done, 2 for wrong\n"
    "words.\n";

struct wish {
    bool follow;
    uint64_t level;
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

static void show(const void *context, const struct kmsg_line *line) {
    const struct wish *wish = context;
    if (line->level <= wish->level && (wish->find == NULL || holds(line->text, wish->find))) {
        kmsg_print(line);
    }
    if (wish->follow) {
        (void)print_flush();
    }
}

// Reads the words. False: they are wrong, and it was said how.
static bool understand(struct wish *wish) {
    const char *word;
    for (uint32_t i = 0; (word = tool_argument(i)) != NULL; i++) {
        if (strcmp(word, "-w") == 0) {
            wish->follow = true;
        } else if (strcmp(word, "-l") == 0) {
            const char *level = tool_argument(++i);
            if (level == NULL || !print_parse_number(level, &wish->level) || wish->level > 7) {
                (void)print_error("dmesg", "-l takes a LEVEL, 0 to 7; see dmesg --help");
                return false;
            }
        } else if (word[0] == '-') {
            (void)print_error("dmesg", "there is no option %s; see dmesg --help", word);
            return false;
        } else if (wish->find != NULL) {
            (void)print_error("dmesg", "one TEXT is enough: %s is left; see dmesg --help", word);
            return false;
        } else {
            wish->find = word;
        }
    }
    return true;
}

int tool_main(void) {
    struct wish wish = {.level = 7};
    if (tool_wants_help()) {
        return tool_help(help);
    }
    if (!understand(&wish)) {
        return TOOL_USAGE;
    }
    return kmsg_walk("dmesg", wish.follow, show, &wish);
}
