// SPDX-License-Identifier: MIT

#include <sys/string.h>
#include <tool/linux.h>
#include <tool/tool.h>

static uint64_t argument_count;
static const char *const *arguments;

// Called by _start. Above the count lie the arguments' addresses, the program's name first.
_Noreturn void tool_start(const uint64_t *stack);

_Noreturn void tool_start(const uint64_t *stack) {
    argument_count = stack[0] > 0 ? stack[0] - 1 : 0;
    arguments = (const char *const *)(stack + 2);
    int status = tool_main();
    linux_exit(print_flush() ? status : TOOL_FAILED);
}

uint32_t tool_argument_count(void) {
    return (uint32_t)argument_count;
}

const char *tool_argument(uint32_t index) {
    return index < argument_count ? arguments[index] : NULL;
}

bool tool_wants_help(void) {
    const char *first = tool_argument(0);
    return first != NULL && (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0);
}

int tool_help(const char *text) {
    print_text(text);
    return TOOL_OK;
}
