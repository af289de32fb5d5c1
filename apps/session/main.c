// SPDX-License-Identifier: MIT
//
// The session on the console: starts a shell that has it as its controlling terminal, waits for its
// end, and ends with it (init then ends the machine).
//
//   session [rows=N] [columns=N] [sizes=1] [term=NAME] [trace=1] [PROGRAM [ARG...]]
//
// It is no service and keeps nothing: when init dies meanwhile, it goes on.

#include <abi/names.h>
#include <abi/terminal.h>
#include <ds/format.h>
#include <proto/proc_client.h>
#include <proto/tty_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define SPAWN_TRACE 1u
#define SPAWN_LEADS_SESSION 4u
#define TEXT_BYTES 4096
#define DEFAULT_PROGRAM "/bin/sh"
#define HOME "/root"

// Zero-terminated strings, one behind the other.
struct text {
    char bytes[TEXT_BYTES];
    size_t used;
    bool overflow;
};

static void add(struct text *text, const char *string) {
    size_t bytes = strlen(string) + 1;
    if (bytes > sizeof(text->bytes) - text->used) {
        text->overflow = true;
        return;
    }
    memcpy(text->bytes + text->used, string, bytes);
    text->used += bytes;
}

static uint16_t number_option(const char *key, uint16_t otherwise) {
    uint64_t value = start_number(key, otherwise);
    return value != 0 && value <= UINT16_MAX ? (uint16_t)value : otherwise;
}

static int64_t open_console(handle_t *console) {
    const struct tty_open_request request = {
        .rdev = DEVICE_CONSOLE,
        .flags = TTY_OPEN_READ | TTY_OPEN_WRITE | TTY_OPEN_OFFER |
                 (number_option("sizes", 0) != 0 ? TTY_OPEN_SIZES : 0),
    };
    struct tty_open_reply reply;
    int64_t result = tty_open(start_handle("tty"), &request, &reply, console, INSTANT_NEVER);
    if (result < 0) {
        return result;
    }
    const struct tty_set_size_request size = {
        .size = {.rows = number_option("rows", 24), .columns = number_option("columns", 80)},
    };
    return tty_set_size(*console, &size, INSTANT_NEVER);
}

// Arguments without `=` before the first of them are the program and its own.
static uint32_t add_program(struct text *text) {
    uint32_t first = 0;
    while (first < start_argument_count() && strchr(start_argument(first), '=') != NULL) {
        first++;
    }
    if (first == start_argument_count()) {
        add(text, "-sh"); // a login shell
        return 1;
    }
    for (uint32_t i = first; i < start_argument_count(); i++) {
        add(text, start_argument(i));
    }
    return start_argument_count() - first;
}

static int64_t start_shell(handle_t console) {
    static struct text text;
    char term[64];
    const char *name = start_option("term");
    uint32_t argc = add_program(&text);
    const char *program = strcmp(text.bytes, "-sh") == 0 ? DEFAULT_PROGRAM : text.bytes;
    text_format(term, sizeof(term), "TERM=%s", name != NULL ? name : "linux");
    add(&text, "HOME=" HOME);
    add(&text, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add(&text, "USER=root");
    add(&text, term);
    add(&text, program);
    add(&text, HOME);
    if (text.overflow) {
        return ERR_NO_SPACE;
    }
    const struct proc_spawn_request request = {
        .argc = argc,
        .envc = 4,
        .path_bytes = (uint32_t)strlen(program),
        .flags = SPAWN_LEADS_SESSION | (number_option("trace", 0) != 0 ? SPAWN_TRACE : 0),
        .terminal = DEVICE_CONSOLE,
    };
    const handle_t files[3] = {console, console, console};
    struct proc_spawn_reply reply;
    int64_t result = proc_spawn(start_handle("proc"), &request, text.bytes, text.used, files,
                                &reply, INSTANT_NEVER);
    return result < 0 ? result : reply.pid;
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    handle_t console;
    int64_t result = open_console(&console);
    if (result < 0) {
        log_printf("session: no console: %s", status_name(result));
        return 1;
    }
    result = start_shell(console);
    if (result < 0) {
        log_printf("session: the shell can't be started: %s", status_name(result));
        return 1;
    }
    const struct proc_wait_request wait = {
        .who = PROC_WHO_PID,
        .options = PROC_WAIT_EXITED,
        .id = (int32_t)result,
    };
    struct proc_wait_reply ended;
    result = proc_wait(start_handle("proc"), &wait, &ended, INSTANT_NEVER);
    if (result < 0) {
        log_printf("session: can't wait for the shell: %s", status_name(result));
        return 1;
    }
    const struct tty_drain_request drain = {0};
    log_printf("session: the shell has ended with status %ld", ended.status);
    // A console that was hung up has nothing to say any more.
    (void)!tty_drain(console, &drain, INSTANT_NEVER);
    return 0;
}
