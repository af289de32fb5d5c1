// SPDX-License-Identifier: MIT
//
// Arguments: the names of parts, which are run in turn; or `random SEED COUNT`: so many at random.

#include "agent.h"

#include <abi/names.h>
#include <ds/format.h>

#define PATIENCE SECONDS(30)

uint64_t agent_random(struct agent *agent, uint64_t bound) {
    // splitmix64
    uint64_t z = agent->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
}

void agent_sleep(duration_t duration) {
    (void)!sys_thread_sleep((instant_t)sys_clock_get() + duration, 0);
}

_Noreturn void agent_exit(const struct agent *agent, int code) {
    (void)agent;
    sys_process_exit(LINUX_STATUS_EXIT(code));
}

_Noreturn void agent_fail(const struct agent *agent, const char *file, int line, int64_t got,
                          int64_t wanted) {
    char text[200];
    size_t bytes = text_format(text, sizeof(text), "     process %d: %s:%d: got %ld, not %ld",
                               agent->pid, file, line, got, wanted);
    (void)!sys_log_write(agent->log, text, bytes);
    agent_exit(agent, AGENT_FAILED);
}

// ---- signals

static void publish(const struct agent *agent) {
    struct signal_page *page = signals();
    page->threads[0].tid = agent->pid;
    page->threads[0].blocked = 0;
    __atomic_store_n(&page->threads[0].thread, thread_block()->thread, __ATOMIC_SEQ_CST);
}

void agent_take_signals(struct agent *agent) {
    struct signal_page *page = signals();
    thread_block()->latched = 0;
    uint64_t pending = __atomic_exchange_n(&page->pending, 0, __ATOMIC_SEQ_CST);
    pending |= __atomic_exchange_n(&page->threads[0].pending, 0, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; pending != 0 && i < SIGNAL_SLOTS; i++) {
        struct signal_slot *slot = &page->slots[i];
        uint32_t full = 2;
        int32_t number = slot->number;
        if (__atomic_compare_exchange_n(&slot->state, &full, 0, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            WANT(agent, number >= 1 && number <= SIGNAL_COUNT, true);
            agent->taken[number]++;
        }
    }
}

void agent_await(struct agent *agent, int32_t number, uint32_t count) {
    instant_t end = (instant_t)sys_clock_get() + PATIENCE;
    for (;;) {
        agent_take_signals(agent);
        if (agent->taken[number] >= count) {
            return;
        }
        WANT(agent, (instant_t)sys_clock_get() < end, true);
        // Interrupted at once when something comes.
        (void)!sys_thread_sleep((instant_t)sys_clock_get() + MILLISECONDS(20), WAIT_INTERRUPTIBLE);
    }
}

int64_t agent_kill(struct agent *agent, int32_t pid, int32_t number) {
    struct proc_kill_request request = {.pid = pid, .number = number};
    return proc_kill(agent->proc, &request, INSTANT_NEVER);
}

// ---- processes

int32_t agent_fork(struct agent *agent) {
    struct proc_fork_request request = {0};
    struct proc_fork_reply reply;
    handle_t embryo[1];
    WANT(agent, proc_fork(agent->proc, &request, &reply, embryo, INSTANT_NEVER), OK);
    int64_t which = agent_clone(embryo[0]);
    if (which == 1) {
        agent->pid = identity()->pid;
        agent->depth++;
        agent->random += (uint64_t)agent->pid;
        memset(agent->taken, 0, sizeof(agent->taken));
        publish(agent);
        return 0;
    }
    WANT(agent, which, OK);
    WANT(agent, sys_handle_close(embryo[0]), OK);
    return reply.pid;
}

int64_t agent_wait(struct agent *agent, int32_t *pid, uint32_t options) {
    struct proc_wait_request request = {
        .who = *pid > 0 ? PROC_WHO_PID : PROC_WHO_ANY,
        .id = *pid,
        .options = options,
    };
    struct proc_wait_reply reply;
    int64_t result;
    do {
        result = proc_wait(agent->proc, &request, &reply, INSTANT_NEVER);
        thread_block()->latched = 0;
    } while (result == ERR_INTERRUPTED || result == ERR_NOT_DONE);
    *pid = reply.pid;
    return result == OK ? reply.status : result;
}

void agent_want_exit(struct agent *agent, int32_t pid, int64_t status) {
    int32_t who = pid;
    WANT(agent, agent_wait(agent, &who, PROC_WAIT_EXITED), status);
    WANT(agent, who, pid);
}

// ---- the program

static const char *next_word(const char *word) {
    return word + strlen(word) + 1;
}

static uint64_t number_of(const char *word) {
    uint64_t value = 0;
    for (; *word >= '0' && *word <= '9'; word++) {
        value = value * 10 + (uint64_t)(*word - '0');
    }
    return value;
}

static void run_named(struct agent *agent, const char *name) {
    bool found = false;
    for (uint32_t i = 0; i < part_count; i++) {
        if (strcmp(parts[i].name, name) == 0) {
            parts[i].run(agent);
            found = true;
        }
    }
    WANT(agent, found, true);
}

static void run_random(struct agent *agent, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        parts[agent_random(agent, part_count)].run(agent);
    }
}

// ---- showing itself

// What a libos would show (struct libos_info): descriptors from SHOWN_FILES on, one that leads
// nowhere behind them, two mappings, and a list of threads without an end.
#define SHOWN_FILES 7
#define SHOWN_PAGES 0x400000UL
static const struct libos_file shown_files[] = {
    {.kind = FD_STREAM, .inode = 4242, .flags = 1},
    {.kind = FD_STREAM, .inode = 4243, .flags = 2},
    {.kind = FD_EVENT, .flags = 2},
    {.kind = FD_TIMER},
    {.kind = FD_PROCESS},
    {.kind = FD_LOG, .flags = 1},
    {.kind = FD_TERMINAL, .device = 5 << 8 | 1, .flags = 2},
    {.kind = FD_PORT},
    {.kind = FD_FILE, .device = 136 << 8 | 3, .private = 1, .position = 99},
    {.kind = FD_FILE, .device = 7 << 8 | 9},
    {.kind = FD_FILE}, // neither a secret nor a device
};
#define SHOWN_COUNT (sizeof(shown_files) / sizeof(shown_files[0]))

struct shown {
    struct libos_info info;
    struct libos_slot slots[LIBOS_FDS_MAX];
    struct libos_file files[SHOWN_COUNT];
    struct libos_mapping mappings[2];
    struct libos_list list;
    struct libos_places places;
    struct libos_thread thread;
    vaddr_t threads;
    uint64_t brk[2];
    uint32_t umask;
    char args[8], environment[8], exe[16], file[16];
};
#define SHOWN_BYTES ((sizeof(struct shown) + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1))

static _Noreturn void run_show(struct agent *agent) {
    int64_t vmo = sys_vmo_create(HANDLE_NONE, SHOWN_BYTES, 0);
    WANT(agent, vmo > 0, true);
    WANT(agent,
         sys_aspace_map(HANDLE_NONE, (handle_t)vmo, 0, LIBOS_INFO, SHOWN_BYTES,
                        MAP_READ | MAP_WRITE | MAP_FIXED | MAP_EXCLUSIVE),
         LIBOS_INFO);
    WANT(agent,
         sys_aspace_map(HANDLE_NONE, (handle_t)vmo, 0, SHOWN_PAGES, 2 * PAGE_SIZE,
                        MAP_READ | MAP_FIXED | MAP_EXCLUSIVE),
         SHOWN_PAGES);
    struct shown *shown = (struct shown *)LIBOS_INFO;
    memcpy(shown->args, "one\0two", 8);
    memcpy(shown->environment, "A=bcdef", 8);
    memcpy(shown->exe, "/bin/shown", 11);
    memcpy(shown->file, "/lib/a file", 12);
    memcpy(shown->files, shown_files, sizeof(shown_files));
    for (uint32_t i = 0; i < SHOWN_COUNT; i++) {
        shown->slots[SHOWN_FILES + i].file = (vaddr_t)&shown->files[i];
    }
    shown->slots[SHOWN_FILES].close_on_exec = 1;
    shown->slots[SHOWN_FILES + SHOWN_COUNT].file = LINUX_ADDR_MIN + 1;
    shown->mappings[0] = (struct libos_mapping){
        .start = SHOWN_PAGES,
        .end = SHOWN_PAGES + PAGE_SIZE,
        .offset = 2 * PAGE_SIZE,
        .device = 8 << 8 | 1,
        .inode = 55,
        .name = (vaddr_t)shown->file,
        .kind = MAPPING_FILE,
    };
    shown->mappings[1] = (struct libos_mapping){
        .start = SHOWN_PAGES + PAGE_SIZE,
        .end = SHOWN_PAGES + 2 * PAGE_SIZE,
        .kind = MAPPING_BRK,
    };
    shown->list = (struct libos_list){.first = (vaddr_t)shown->mappings, .count = 2};
    shown->umask = 027;
    shown->thread = (struct libos_thread){
        .next = (vaddr_t)&shown->thread,
        .tid = agent->pid,
        .name = "shown-one",
    };
    shown->threads = (vaddr_t)&shown->thread;
    shown->info = (struct libos_info){
        .version = LIBOS_INFO_VERSION,
        .args_start = (vaddr_t)shown->args,
        .args_end = (vaddr_t)shown->args + sizeof(shown->args),
        .environ_start = (vaddr_t)shown->environment,
        .environ_end = (vaddr_t)shown->environment + sizeof(shown->environment),
        .slots = (vaddr_t)shown->slots,
        .exe = (vaddr_t)shown->exe,
        .places = (vaddr_t)&shown->places, // all the root directory, and no file of the program
        .mappings = (vaddr_t)&shown->list,
        .brk = (vaddr_t)shown->brk,
        .umask = (vaddr_t)&shown->umask,
        .threads = (vaddr_t)&shown->threads,
    };
    __atomic_store_n(&shown->info.magic, LIBOS_INFO_MAGIC, __ATOMIC_RELEASE);
    for (;;) {
        agent_sleep(SECONDS(1));
    }
}

_Noreturn void agent_main(struct thread_block *block, const struct libos_record *record);

_Noreturn void agent_main(struct thread_block *block, const struct libos_record *record) {
    struct agent agent = {.proc = record->proc, .log = record->log, .pid = identity()->pid};
    const char *word = (const char *)record + record->text;
    (void)block;
    publish(&agent);
    if (record->argc == 4 && strcmp(next_word(word), "random") == 0) {
        const char *seed = next_word(next_word(word));
        agent.random = number_of(seed);
        run_random(&agent, number_of(next_word(seed)));
        agent_exit(&agent, 0);
    }
    if (record->argc == 2 && strcmp(next_word(word), "show") == 0) {
        run_show(&agent);
    }
    for (uint32_t i = 1; i < record->argc; i++) {
        word = next_word(word);
        run_named(&agent, word);
    }
    agent_exit(&agent, 0);
}
