// SPDX-License-Identifier: MIT
//
// Looks at services and rules over them, through init.

#include <abi/names.h>
#include <abi/proto/svc.h>
#include <proto/svc_client.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>
#include <tool/logview.h>
#include <tool/print.h>

#define TIMEOUT SECONDS(10)
#define LIST_STEP 16

static const char help[] =
    "svc: looks at services and rules over them\n"
    "  svc list             all services\n"
    "  svc status NAME      one of them, in full\n"
    "  svc start NAME       starts it and what it depends on\n"
    "  svc stop NAME        ends it and gives up its state\n"
    "  svc restart NAME     replaces it by a new instance with its state\n"
    "  svc kill NAME        ends its process; it comes back\n"
    "  svc freeze NAME      stops its threads; it is found out and replaced\n"
    "  svc log NAME         the lines of the log that are by or about it\n"
    "needs the handle svc; `log` needs the handle log with READ\n";

static handle_t channel;

static instant_t soon(void) {
    return sys_clock_get() + TIMEOUT;
}

static const char *state_name(uint32_t state) {
    static const char *const names[] = {
        [SVC_STATE_REFUSED] = "refused", [SVC_STATE_STOPPED] = "stopped",
        [SVC_STATE_WAITING] = "waiting", [SVC_STATE_RUNNING] = "running",
        [SVC_STATE_DOWN] = "down",       [SVC_STATE_FAILED] = "failed",
        [SVC_STATE_DONE] = "done",
    };
    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static int64_t fail(const char *what, const char *name, int64_t status) {
    switch (status) {
    case ERR_NOT_FOUND:
        return print_error("svc", "there is no service %s", name);
    case ERR_BAD_STATE:
        return print_error("svc", "can't %s %s in its state; see svc status", what, name);
    case ERR_BAD_HANDLE:
        return print_error("svc", "this program was not given the handle svc");
    default:
        return print_error("svc", "can't %s %s: %s", what, name, status_name(status));
    }
}

static int64_t do_list(const char *name) {
    (void)name;
    struct svc_list_request request = {0};
    struct svc_entry entries[LIST_STEP];
    print_line("%-23s %-8s %5s %8s %8s %s", "SERVICE", "STATE", "LEVEL", "PROCESS", "RESTARTS",
               "UP");
    for (;;) {
        int64_t count = svc_list(channel, &request, entries, sizeof(entries), soon());
        if (count <= 0) {
            return count == 0 ? 0 : fail("list", "services", count);
        }
        for (int64_t i = 0; i < count; i++) {
            char up[24];
            print_duration(up, sizeof(up), entries[i].uptime);
            print_line("%-23s %-8s %5u %8lu %8lu %s", entries[i].name, state_name(entries[i].state),
                       entries[i].level, entries[i].process, entries[i].restarts,
                       entries[i].process != 0 ? up : "-");
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

static int64_t do_status(const char *name) {
    struct svc_status_request request = {0};
    struct svc_status_reply reply;
    text_copy(request.name, sizeof(request.name), name);
    int64_t status = svc_status(channel, &request, &reply, soon());
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

static int64_t report(const char *what, const char *name, int64_t status) {
    if (status != OK) {
        return fail(what, name, status);
    }
    print_line("svc: %s %s: ok", what, name);
    return 0;
}

static int64_t do_start(const char *name) {
    struct svc_start_request request = {0};
    text_copy(request.name, sizeof(request.name), name);
    return report("start", name, svc_start(channel, &request, soon()));
}

static int64_t do_stop(const char *name) {
    struct svc_stop_request request = {0};
    text_copy(request.name, sizeof(request.name), name);
    return report("stop", name, svc_stop(channel, &request, soon()));
}

// The number of the instance that runs now, or a status.
static int64_t present_instance(const char *name) {
    struct svc_status_request request = {0};
    struct svc_status_reply reply;
    text_copy(request.name, sizeof(request.name), name);
    int64_t status = svc_status(channel, &request, &reply, soon());
    return status < 0 ? status : (int64_t)reply.instance;
}

// The operations that end the instance that they name. Their requests are the same.
#define END_INSTANCE(operation)                                                                    \
    static int64_t do_##operation(const char *name) {                                              \
        struct svc_##operation##_request request = {0};                                            \
        int64_t instance = present_instance(name);                                                 \
        if (instance < 0) {                                                                        \
            return fail(#operation, name, instance);                                               \
        }                                                                                          \
        request.instance = (uint64_t)instance;                                                     \
        text_copy(request.name, sizeof(request.name), name);                                       \
        return report(#operation, name, svc_##operation(channel, &request, soon()));               \
    }
END_INSTANCE(restart)
END_INSTANCE(kill)
END_INSTANCE(freeze)

// Shows a line that begins with `NAME: ` or `init: NAME`.
static void show_log_line(void *context, const struct logview_line *line) {
    const char *name = context;
    const char *text = line->text;
    size_t length = strlen(name);
    bool about = strncmp(text, "init: ", 6) == 0 && strncmp(text + 6, name, length) == 0 &&
                 (text[6 + length] == ' ' || text[6 + length] == ':');
    bool by = strncmp(text, name, length) == 0 && text[length] == ':';
    if (by || about) {
        print_line("  %s", line->whole);
    }
}

static int64_t do_log(const char *name) {
    char copy[64];
    text_copy(copy, sizeof(copy), name);
    status_t status = logview_walk(start_handle("log"), show_log_line, copy);
    return status == OK ? 0 : print_error("svc", "can't read the log: %s", status_name(status));
}

static const struct {
    const char *word;
    bool name;
    int64_t (*run)(const char *name);
} commands[] = {
    {"list", false, do_list},    {"status", true, do_status},   {"start", true, do_start},
    {"stop", true, do_stop},     {"restart", true, do_restart}, {"kill", true, do_kill},
    {"freeze", true, do_freeze}, {"log", true, do_log},
};

int64_t native_main(struct thread_block *block) {
    (void)block;
    if (print_wants_help()) {
        print_text(help);
        return start_argument_count() == 0;
    }
    channel = start_handle("svc");
    const char *word = start_argument(0);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(word, commands[i].word) != 0) {
            continue;
        }
        uint32_t wanted = commands[i].name ? 2 : 1;
        if (start_argument_count() != wanted) {
            return print_error("svc", "%s takes %s; see svc --help", word,
                               wanted == 2 ? "the name of a service" : "nothing more");
        }
        return commands[i].run(start_argument(1));
    }
    return print_error("svc", "there is no command %s; see svc --help", word);
}
