// SPDX-License-Identifier: MIT
//
// The recovery shell. When what a session stands on has failed for good, init starts this in its
// place (init.recovery=): it says on the console what is wrong, and answers a few words. It needs
// nothing but init and the driver of the serial line: no files, no Linux processes, no ttyd, which
// it stops, since both would read the same line.
//
// It keeps nothing. Its successor, after a kill, says again what is wrong; what was typed meanwhile
// is still in the line's ring.

#include <abi/names.h>
#include <driver/ring.h>
#include <ds/format.h>
#include <proto/svc_client.h>
#include <proto/uart_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define WAKE 1u
#define WORDS_BYTES 80
#define LOG_BYTES 4096
#define LIST_STEP 16

static struct line {
    struct ring rx, tx;
    handle_t bell, news;
} line;

static status_t line_attach(void) {
    struct uart_attach_reply reply;
    handle_t handles[3];
    int64_t result = uart_attach(start_handle("uart"), &reply, handles, INSTANT_NEVER);
    int64_t base = result < 0 ? result
                              : sys_aspace_map(HANDLE_NONE, handles[0], 0, 0, reply.vmo_bytes,
                                               MAP_READ | MAP_WRITE);
    if (base < 0) {
        return (status_t)base;
    }
    uint8_t *memory = (uint8_t *)base;
    line.tx = (struct ring){(struct device_ring *)(memory + reply.tx_index), memory + reply.tx_data,
                            reply.ring_bytes};
    line.rx = (struct ring){(struct device_ring *)(memory + reply.rx_index), memory + reply.rx_data,
                            reply.ring_bytes};
    line.bell = handles[1];
    line.news = handles[2];
    return OK;
}

// Waits until the driver has moved something. Wake-ups that came before may be for nothing.
static void line_wait(void) {
    (void)!sys_object_wait(line.news, WAKE, INSTANT_NEVER, 0);
    (void)!sys_event_signal(line.news, WAKE, 0);
}

static void put(const char *text, size_t bytes) {
    while (bytes > 0) {
        uint32_t room = ring_room(&line.tx);
        uint32_t piece = bytes < room ? (uint32_t)bytes : room;
        if (piece == 0) {
            line_wait();
            continue;
        }
        ring_fill(&line.tx, 0, text, piece);
        ring_publish(&line.tx, piece);
        (void)!sys_event_signal(line.bell, 0, WAKE);
        text += piece;
        bytes -= piece;
    }
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    text_format_v(text, sizeof(text), format, args);
    va_end(args);
    put(text, strlen(text));
}

static char get(void) {
    char byte;
    while (ring_used(&line.rx) == 0) {
        line_wait();
    }
    ring_peek(&line.rx, 0, &byte, 1);
    ring_consume(&line.rx, 1);
    (void)!sys_event_signal(line.bell, 0, WAKE);
    return byte;
}

// ---- what it can say

static const char *state_name(uint32_t state) {
    static const char *const names[] = {
        [SVC_STATE_REFUSED] = "refused", [SVC_STATE_STOPPED] = "stopped",
        [SVC_STATE_WAITING] = "waiting", [SVC_STATE_RUNNING] = "running",
        [SVC_STATE_DOWN] = "down",       [SVC_STATE_FAILED] = "FAILED",
        [SVC_STATE_DONE] = "done",
    };
    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static bool is_wrong(const struct svc_entry *entry) {
    return entry->state == SVC_STATE_FAILED || entry->state == SVC_STATE_REFUSED ||
           entry->state == SVC_STATE_WAITING;
}

// Shows the services: all of them, or those that are not as they should be.
static void list(bool all) {
    struct svc_list_request request = {0};
    struct svc_entry entries[LIST_STEP];
    int64_t count;
    do {
        count = svc_list(start_handle("svc"), &request, entries, sizeof(entries), INSTANT_NEVER);
        for (int64_t i = 0; i < count; i++) {
            if (all || is_wrong(&entries[i])) {
                say("  %-23s %-8s level %u, %lu restarts\r\n", entries[i].name,
                    state_name(entries[i].state), entries[i].level, entries[i].restarts);
            }
        }
        request.first += count > 0 ? (uint32_t)count : 0;
    } while (count > 0);
}

static void show_log(void) {
    static char buffer[LOG_BYTES];
    uint64_t position = 0;
    int64_t bytes;
    while ((bytes = sys_log_read(start_handle("log"), &position, buffer, sizeof(buffer))) > 0) {
        for (int64_t i = 0; i < bytes; i++) {
            put(buffer[i] == '\n' ? "\r\n" : &buffer[i], buffer[i] == '\n' ? 2 : 1);
        }
    }
}

static void obey(const char *words) {
    if (strcmp(words, "list") == 0) {
        list(true);
    } else if (strcmp(words, "log") == 0) {
        show_log();
    } else if (strcmp(words, "off") == 0 || strcmp(words, "exit") == 0) {
        (void)!sys_system_control(start_handle("system"), SYSTEM_POWER_OFF, 0);
    } else if (strcmp(words, "restart") == 0) {
        (void)!sys_system_control(start_handle("system"), SYSTEM_RESTART, 0);
    } else if (words[0] != '\0') {
        say("list: all services; log: the kernel's log; restart, off: the machine\r\n");
    }
}

// Reads a line with echo; backspace takes a character back.
static void read_words(char words[WORDS_BYTES]) {
    size_t length = 0;
    for (;;) {
        char byte = get();
        if (byte == '\r' || byte == '\n') {
            break;
        }
        if ((byte == '\b' || byte == 0x7f) && length > 0) {
            length--;
            put("\b \b", 3);
        } else if (byte >= ' ' && byte < 0x7f && length + 1 < WORDS_BYTES) {
            words[length++] = byte;
            put(&byte, 1);
        }
    }
    words[length] = '\0';
    put("\r\n", 2);
}

// Another reader of the line goes. It stays in the list as what it is when it has failed.
static void stop_terminals(void) {
    struct svc_status_request question = {.name = "ttyd"};
    struct svc_stop_request stop = {.name = "ttyd"};
    struct svc_status_reply reply;
    int64_t status = svc_status(start_handle("svc"), &question, &reply, INSTANT_NEVER);
    bool runs = reply.entry.state == SVC_STATE_RUNNING || reply.entry.state == SVC_STATE_DOWN;
    if (status >= 0 && runs) {
        (void)!svc_stop(start_handle("svc"), &stop, INSTANT_NEVER);
    }
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    stop_terminals();
    status_t status = line_attach();
    if (status != OK) {
        log_printf("recovery: no console: %s", status_name(status));
        return 1;
    }
    log_printf("recovery: a shell is on the console");
    say("\r\n\r\nPrunella can't start its shell. This is the recovery shell of the boot "
        "archive.\r\n"
        "What is wrong:\r\n");
    list(false);
    say("Type help for what can be done.\r\n");
    for (;;) {
        char words[WORDS_BYTES];
        say("recovery> ");
        read_words(words);
        obey(words);
    }
}
