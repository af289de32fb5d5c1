// SPDX-License-Identifier: MIT
//
// Looks at services and rules over them, through init.

#include <abi/names.h>
#include <abi/proto/svc.h>
#include <proto/svc_client.h>
#include <sys/calls.h>
#include <sys/string.h>
#include <tool/kmsg.h>
#include <tool/linux.h>
#include <tool/tool.h>

#define DEVICE "/dev/svc"
#define LIST_STEP 16
#define INIT "init" // rules over the others and is none of them, but has a status and can be killed

static const char help[] =
    "Usage: svc COMMAND [NAME]\n"
    "Looks at services and rules over them.\n"
    "  svc list             all services, and init\n"
    "  svc status NAME      one of them, in full\n"
    "  svc start NAME       starts it and what it depends on\n"
    "  svc stop NAME        ends it and gives up its state\n"
    "  svc restart NAME     replaces it by a new instance with its state\n"
    "  svc kill NAME        ends its process; it comes back\n"
    "  svc freeze NAME      stops its threads; it is found out and replaced\n"
    "  svc log NAME         the lines of the log that are by or about it\n"
    "Needs " DEVICE ", which is root's. Exit status: 0, 1 when it could not be done, 2 for wrong\n"
    "words.\n";

static handle_t channel;

static const char *state_name(uint32_t state) {
    static const char *const names[] = {
        [SVC_STATE_REFUSED] = "refused", [SVC_STATE_STOPPED] = "stopped",
        [SVC_STATE_WAITING] = "waiting", [SVC_STATE_RUNNING] = "running",
        [SVC_STATE_DOWN] = "down",       [SVC_STATE_FAILED] = "failed",
        [SVC_STATE_DONE] = "done",
    };
    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static int fail(const char *what, const char *name, int64_t status) {
    switch (status) {
    case ERR_NOT_FOUND:
        return print_error("svc", "there is no service %s", name);
    case ERR_BAD_STATE:
        return print_error("svc", "can't %s %s in its state; see svc status", what, name);
    default:
        return print_error("svc", "can't %s %s: %s", what, name, status_name(status));
    }
}

static void show_entry(const struct svc_entry *entry) {
    char up[24];
    print_duration(up, sizeof(up), entry->uptime);
    print_line("%-23s %-8s %5u %8lu %8lu %s", entry->name, state_name(entry->state), entry->level,
               entry->process, entry->restarts, entry->process != 0 ? up : "-");
}

static int do_list(const char *name) {
    (void)name;
    struct svc_list_request request = {0};
    struct svc_entry entries[LIST_STEP];
    struct svc_status_request init = {.name = INIT};
    struct svc_status_reply reply;
    int64_t status = svc_status(channel, &init, &reply, INSTANT_NEVER);
    if (status < 0) {
        return fail("look at", INIT, status);
    }
    print_line("%-23s %-8s %5s %8s %8s %s", "SERVICE", "STATE", "LEVEL", "PROCESS", "RESTARTS",
               "UP");
    show_entry(&reply.entry);
    for (;;) {
        int64_t count = svc_list(channel, &request, entries, sizeof(entries), INSTANT_NEVER);
        if (count <= 0) {
            return count == 0 ? 0 : fail("list", "services", count);
        }
        for (int64_t i = 0; i < count; i++) {
            show_entry(&entries[i]);
        }
        request.first += (uint32_t)count;
    }
}

static void show_last(const struct svc_status_reply *reply) {
    if (reply->last_cause == EXIT_FAULT) {
        print_line("  last end   fault: trap %ld at pc 0x%lx, address 0x%lx", reply->last_status,
                   reply->last_pc, reply->last_addr);
    } else if (reply->last_cause != EXIT_RUNNING) {
        print_line("  last end   %s, status %ld", print_cause(reply->last_cause),
                   reply->last_status);
    }
}

static int do_status(const char *name) {
    struct svc_status_request request = {0};
    struct svc_status_reply reply;
    text_copy(request.name, sizeof(request.name), name);
    int64_t status = svc_status(channel, &request, &reply, INSTANT_NEVER);
    if (status < 0) {
        return fail("look at", name, status);
    }
    char up[24];
    print_duration(up, sizeof(up), reply.entry.uptime);
    print_line("%s", name);
    print_line("  state      %s%s", state_name(reply.entry.state), reply.frozen ? ", frozen" : "");
    print_line("  process    %lu, up %s, instance %lu", reply.entry.process, up, reply.instance);
    print_line("  level      %u of the failure ladder", reply.entry.level);
    print_line("  restarts   %lu: %lu crashes, %lu ordered; %lu hangs", reply.entry.restarts,
               reply.crashes, reply.kills, reply.hangs);
    print_line("  provider   %lu", reply.entry.provider);
    show_last(&reply);
    if (reply.entry.state == SVC_STATE_DOWN) {
        print_duration(up, sizeof(up), reply.next_start - (instant_t)sys_clock_get());
        print_line("  next start in %s", up);
    }
    return 0;
}

static int report(const char *what, const char *name, int64_t status) {
    if (status != OK) {
        return fail(what, name, status);
    }
    return TOOL_OK;
}

static int do_start(const char *name) {
    struct svc_start_request request = {0};
    text_copy(request.name, sizeof(request.name), name);
    return report("start", name, svc_start(channel, &request, INSTANT_NEVER));
}

static int do_stop(const char *name) {
    struct svc_stop_request request = {0};
    text_copy(request.name, sizeof(request.name), name);
    return report("stop", name, svc_stop(channel, &request, INSTANT_NEVER));
}

// The number of the instance that runs now, or a status.
static int64_t present_instance(const char *name) {
    struct svc_status_request request = {0};
    struct svc_status_reply reply;
    text_copy(request.name, sizeof(request.name), name);
    int64_t status = svc_status(channel, &request, &reply, INSTANT_NEVER);
    return status < 0 ? status : (int64_t)reply.instance;
}

// The operations that end the instance that they name. Their requests are the same.
#define END_INSTANCE(operation)                                                                    \
    static int do_##operation(const char *name) {                                                  \
        struct svc_##operation##_request request = {0};                                            \
        int64_t instance = present_instance(name);                                                 \
        if (instance < 0) {                                                                        \
            return fail(#operation, name, instance);                                               \
        }                                                                                          \
        request.instance = (uint64_t)instance;                                                     \
        text_copy(request.name, sizeof(request.name), name);                                       \
        return report(#operation, name, svc_##operation(channel, &request, INSTANT_NEVER));        \
    }
END_INSTANCE(restart)
END_INSTANCE(kill)
END_INSTANCE(freeze)

// Prints a line that begins with `NAME: ` or `init: NAME`.
static void show_log_line(const void *context, const struct kmsg_line *line) {
    const char *name = context;
    const char *text = line->text;
    size_t length = strlen(name);
    bool about = strncmp(text, "init: ", 6) == 0 && strncmp(text + 6, name, length) == 0 &&
                 (text[6 + length] == ' ' || text[6 + length] == ':');
    bool by = strncmp(text, name, length) == 0 && text[length] == ':';
    if (by || about) {
        kmsg_print(line);
    }
}

static int do_log(const char *name) {
    return kmsg_walk("svc", false, show_log_line, name);
}

static const struct {
    const char *word;
    bool name;
    int (*run)(const char *name);
} commands[] = {
    {"list", false, do_list},    {"status", true, do_status},   {"start", true, do_start},
    {"stop", true, do_stop},     {"restart", true, do_restart}, {"kill", true, do_kill},
    {"freeze", true, do_freeze}, {"log", true, do_log},
};

int tool_main(void) {
    const char *word = tool_argument(0);
    if (tool_wants_help()) {
        return tool_help(help);
    }
    for (size_t i = 0; word != NULL && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(word, commands[i].word) != 0) {
            continue;
        }
        if (tool_argument_count() != (commands[i].name ? 2 : 1)) {
            (void)print_error("svc", "%s takes %s; see svc --help", word,
                              commands[i].name ? "the name of a service" : "nothing more");
            return TOOL_USAGE;
        }
        bool asks = commands[i].run != do_log;
        channel = asks ? tool_open("svc", DEVICE, LINUX_O_RDWR) : HANDLE_NONE;
        return asks && channel == HANDLE_NONE ? TOOL_FAILED : commands[i].run(tool_argument(1));
    }
    (void)print_error("svc",
                      word != NULL ? "there is no command %s; see svc --help"
                                   : "a command is missing; see svc --help",
                      word);
    return TOOL_USAGE;
}
