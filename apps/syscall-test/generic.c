// SPDX-License-Identifier: MIT
//
// What every native call must refuse, taken from the generated table of calls: bad, wrong and weak
// handles, hostile pointers, unknown flags, wide arguments, unknown numbers.
//
// Each call is made with arguments that are all good but one, so that the order in which a handler
// checks them does not matter; at the end it is made with all of them good, which shows that they
// were.

#include "suite.h"

#include <abi/grammar.h>
#include <sys/message.h>

#define BUFFER_BYTES 512
#define NOWHERE 0x123456780000UL // nothing is mapped there

// One object of each type, and memory of each kind.
struct fixture {
    handle_t objects[OBJECT_LAST + 1];
    struct service service;
    struct task client; // waits in a call that was taken
    uint64_t token;
    uint8_t *buffer;   // one page, then one without access
    vaddr_t read_only; // a page
    vaddr_t region;    // in the fixture's aspace: free for a thread block
    vaddr_t mapped;    // in the fixture's aspace: a page
    handle_t second_end;
};

static uint8_t window_memory[64];

static int64_t client_call(void *argument) {
    const struct fixture *f = argument;
    struct message *message = message_begin(1);
    message_window_in(message, window_memory, sizeof(window_memory));
    message_window_out(message, window_memory, sizeof(window_memory));
    return sys_channel_call(f->service.client, INSTANT_NEVER, 0);
}

// A good item for object_wait_many.
static struct wait_item good_item(const struct fixture *f) {
    return (struct wait_item){.handle = f->objects[OBJECT_EVENT], .signals = 1};
}

static void make_memory(struct fixture *f) {
    f->buffer = pages_map(2);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, (vaddr_t)f->buffer + PAGE_SIZE, PAGE_SIZE, 0), OK);
    f->read_only = (vaddr_t)pages_map(1);
    *(struct wait_item *)f->read_only = good_item(f);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, f->read_only, PAGE_SIZE, MAP_READ), OK);
}

static void make_process(struct fixture *f) {
    static const struct process_options options = {.label = "fixture"};
    handle_t aspace = expect_handle(sys_aspace_create(suite.job, 0));
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, 4 * PAGE_SIZE, VMO_RESIZABLE));
    f->objects[OBJECT_ASPACE] = aspace;
    f->objects[OBJECT_VMO] = vmo;
    f->mapped = (vaddr_t)sys_aspace_map(aspace, vmo, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    f->region = 2 * BLOCK_REGION_BYTES;
    CHECK_EQ(thread_region_map(aspace, BLOCK_REGION_BYTES * 4), OK);
    CHECK_EQ(thread_region_map(aspace, f->region), OK);
    handle_t process =
        expect_handle(sys_process_create(f->objects[OBJECT_JOB], aspace, HANDLE_NONE, 0, &options));
    f->objects[OBJECT_PROCESS] = process;
    CHECK(sys_handle_give(process, narrowed(vmo, RIGHTS_VMO), 0) > 0);
    f->objects[OBJECT_THREAD] = expect_handle(sys_thread_create(process, BLOCK_REGION_BYTES * 4));
}

static void make_service(struct fixture *f) {
    f->service = service_create();
    f->objects[OBJECT_PORT] = f->service.port;
    f->objects[OBJECT_CHANNEL] = f->service.client;
    f->objects[OBJECT_ENDPOINT] = f->service.server;
    task_start(&f->client, client_call, f);
    CHECK_EQ(packet_take(f->service.port), OK);
    f->token = thread_block()->packet.token;
}

static void fixture_make(struct fixture *f) {
    *f = (struct fixture){0};
    f->objects[OBJECT_JOB] = job_with(0, 0, 0, 0);
    make_process(f);
    int64_t streams = sys_stream_create(STREAM_MIN_BYTES, STREAM_DUPLEX);
    CHECK(streams > 0);
    f->objects[OBJECT_STREAM] = handle_pair_first(streams);
    f->second_end = handle_pair_second(streams);
    CHECK_EQ(sys_stream_write(f->second_end, "0123456789", 10, INSTANT_NEVER, 0), 10);
    f->objects[OBJECT_EVENT] = expect_handle(sys_event_create());
    CHECK_EQ(sys_event_signal(f->objects[OBJECT_EVENT], 0, 1), 0);
    make_memory(f);
    f->objects[OBJECT_TIMER] = expect_handle(sys_timer_create());
    f->objects[OBJECT_LOG] = narrowed(suite.log, RIGHTS_LOG);
    f->objects[OBJECT_SYSTEM] = narrowed(suite.system, RIGHTS_SYSTEM);
    make_service(f);
}

static void fixture_free(struct fixture *f) {
    for (uint32_t type = 0; type <= OBJECT_LAST; type++) {
        // A good call may have closed or moved it.
        if (f->objects[type] != HANDLE_NONE) {
            (void)!sys_handle_close(f->objects[type]);
        }
    }
    drop(f->second_end);
    (void)task_join(&f->client);
    pages_unmap(f->buffer, 2);
    pages_unmap((void *)f->read_only, 1);
}

// A good value for an argument, by its kind.
static uint64_t good_value(const struct fixture *f, const struct grammar_call *call,
                           const struct grammar_arg *arg) {
    switch (arg->kind) {
    case GRAMMAR_HANDLE:
        return f->objects[arg->object != OBJECT_NONE ? arg->object : (uint32_t)OBJECT_EVENT];
    case GRAMMAR_IN:
    case GRAMMAR_OUT:
    case GRAMMAR_INOUT:
    case GRAMMAR_ADDR:
        return (uint64_t)f->buffer;
    case GRAMMAR_SIZE:
        for (uint32_t i = 0; i < call->argc; i++) {
            if (call->args[i].length_arg != 0) {
                return 64;
            }
        }
        return PAGE_SIZE;
    case GRAMMAR_SIGNALS:
    case GRAMMAR_U32:
    case GRAMMAR_U64:
    case GRAMMAR_INSTANT:
        return 1;
    case GRAMMAR_TOKEN:
        return f->token;
    default:
        return 0;
    }
}

// Where a kind does not say enough.
static void adjust(const struct fixture *f, uint32_t number, uint64_t args[6]) {
    switch (number) {
    case CALL_HANDLE_NEXT:
        args[1] = 0;
        break;
    case CALL_OBJECT_GET:
        args[0] = f->objects[OBJECT_VMO];
        args[2] = sizeof(struct vmo_info);
        break;
    case CALL_OBJECT_WAIT_MANY:
        *(struct wait_item *)f->buffer = good_item(f);
        break;
    case CALL_TASK_KILL:
        args[0] = f->objects[OBJECT_PROCESS];
        break;
    case CALL_PROCESS_CREATE:
        args[2] = HANDLE_NONE;
        break;
    case CALL_THREAD_CREATE:
        args[1] = f->region;
        break;
    case CALL_ASPACE_MAP:
        args[3] = 0;
        args[5] = MAP_READ;
        break;
    case CALL_ASPACE_UNMAP:
    case CALL_ASPACE_PROTECT:
    case CALL_ASPACE_QUERY:
    case CALL_ASPACE_READ:
    case CALL_ASPACE_WRITE:
        args[1] = f->mapped;
        break;
    case CALL_ASPACE_SWAP:
        args[2] = f->region; // there is a second thread here
        break;
    case CALL_ASPACE_SET_ENTRY:
        for (size_t i = 0; i < sizeof(struct aspace_entry) / sizeof(vaddr_t); i++) {
            ((vaddr_t *)f->buffer)[i] = f->mapped;
        }
        break;
    case CALL_FUTEX_REQUEUE:
        args[2] += 8;
        break;
    case CALL_LOG_WRITE:
        memset(f->buffer, '#', 64);
        break;
    case CALL_LOG_READ:
        args[3] = BUFFER_BYTES;
        args[2] += 1024;
        break;
    case CALL_SYSTEM_CONTROL:
        args[1] = 0; // no operation: the others end the system
        break;
    default:
        break;
    }
}

static void good_arguments(const struct fixture *f, const struct grammar_call *call,
                           uint64_t args[6]) {
    memset(f->buffer, 0, PAGE_SIZE);
    for (uint32_t i = 0; i < call->argc; i++) {
        args[i] = good_value(f, call, &call->args[i]);
    }
    adjust(f, call->number, args);
}

static int64_t make_call(const struct grammar_call *call, const uint64_t args[6]) {
    return native_call6(call->number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

// Makes the call with one argument replaced and expects a status.
static void expect(const struct grammar_call *call, const uint64_t good[6], uint32_t index,
                   uint64_t value, int64_t wanted) {
    uint64_t args[6];
    memcpy(args, good, sizeof(args));
    args[index] = value;
    int64_t result = make_call(call, args);
    if (result != wanted) {
        test_figure("%s with %s = 0x%lx: %ld", call->name, call->args[index].name, value, result);
    }
    CHECK_EQ(result, wanted);
}

// What a test does to one argument of a call.
typedef void check_t(struct fixture *f, const struct grammar_call *call, const uint64_t args[6],
                     uint32_t index);

// There is no device to be had by everybody; devices.c tests these calls.
static bool needs_device(const struct grammar_call *call) {
    uint32_t type = call->args[0].kind == GRAMMAR_HANDLE ? call->args[0].object : OBJECT_NONE;
    return type == OBJECT_DEVICE || type == OBJECT_INTERRUPT;
}

// Runs a check on every argument of every call. A fixture lasts until the good call that may use it
// up.
static void for_each_argument(check_t *check) {
    for (uint32_t i = 0; i < GRAMMAR_CALLS; i++) {
        const struct grammar_call *call = &grammar_calls[i];
        if (call->noreturn || needs_device(call)) {
            continue;
        }
        struct fixture f;
        fixture_make(&f);
        uint64_t args[6] = {0};
        good_arguments(&f, call, args);
        for (uint32_t index = 0; index < call->argc; index++) {
            check(&f, call, args, index);
        }
        fixture_free(&f);
    }
}

static bool is_generic_error(int64_t result) {
    return result == ERR_BAD_HANDLE || result == ERR_WRONG_TYPE || result == ERR_ACCESS_DENIED ||
           result == ERR_FAULT || result == ERR_INVALID_ARGUMENT || result == ERR_NO_SUCH_CALL ||
           result == ERR_STALE_TOKEN;
}

static void close_results(const struct grammar_call *call, int64_t result) {
    if (result > 0 && call->returns == GRAMMAR_RETURNS_HANDLE && call->number != CALL_HANDLE_GIVE) {
        drop((handle_t)result);
    }
    if (result > 0 && call->returns == GRAMMAR_RETURNS_HANDLE_PAIR) {
        drop(handle_pair_first(result));
        drop(handle_pair_second(result));
    }
}

TEST(generic_good_arguments_are_taken) {
    for (uint32_t i = 0; i < GRAMMAR_CALLS; i++) {
        const struct grammar_call *call = &grammar_calls[i];
        if (call->noreturn || call->number == CALL_THREAD_RESUME ||
            call->number == CALL_SYSTEM_CONTROL || needs_device(call)) {
            continue;
        }
        struct fixture f;
        fixture_make(&f);
        uint64_t args[6] = {0};
        good_arguments(&f, call, args);
        int64_t result = make_call(call, args);
        if (is_generic_error(result)) {
            test_figure("%s: %s", call->name, status_name(result));
        }
        CHECK(!is_generic_error(result));
        close_results(call, result);
        fixture_free(&f);
    }
}

static void check_bad_handle(struct fixture *f, const struct grammar_call *call,
                             const uint64_t args[6], uint32_t index) {
    if (call->args[index].kind != GRAMMAR_HANDLE) {
        return;
    }
    handle_t closed = expect_handle(sys_event_create());
    drop(closed);
    uint32_t next_generation = (uint32_t)args[index] + (1u << 20);
    const uint64_t bad[] = {closed,
                            0x000fffff,
                            0x7fffffff,
                            0x7ff00000,
                            0x80000000,
                            0xffffffff,
                            (uint64_t)args[index] | 0x80000000,
                            next_generation};
    for (size_t i = 0; i < COUNT(bad); i++) {
        expect(call, args, index, bad[i], ERR_BAD_HANDLE);
    }
    (void)f;
}

TEST(generic_bad_handles_are_refused) {
    for_each_argument(check_bad_handle);
}

static void check_wrong_type(struct fixture *f, const struct grammar_call *call,
                             const uint64_t args[6], uint32_t index) {
    const struct grammar_arg *arg = &call->args[index];
    if (arg->kind != GRAMMAR_HANDLE || arg->object == OBJECT_NONE) {
        return;
    }
    for (uint32_t type = 1; type <= OBJECT_LAST; type++) {
        if (f->objects[type] != HANDLE_NONE && type != arg->object) {
            expect(call, args, index, f->objects[type], ERR_WRONG_TYPE);
        }
    }
}

TEST(generic_wrong_types_are_refused) {
    for_each_argument(check_wrong_type);
}

static void check_weak_handle(struct fixture *f, const struct grammar_call *call,
                              const uint64_t args[6], uint32_t index) {
    const struct grammar_arg *arg = &call->args[index];
    struct handle_info info;
    (void)f;
    if (arg->kind != GRAMMAR_HANDLE || arg->mask == 0 ||
        sys_handle_info((handle_t)args[index], &info) != OK ||
        (info.rights & RIGHT_DUPLICATE) == 0) {
        return;
    }
    for (uint32_t right = 1; right != 0 && right <= arg->mask; right <<= 1) {
        if ((arg->mask & right) != 0) {
            handle_t weak = narrowed(info.handle, info.rights & ~right);
            expect(call, args, index, weak, ERR_ACCESS_DENIED);
            drop(weak);
        }
    }
}

TEST(generic_weak_handles_are_refused) {
    for_each_argument(check_weak_handle);
}

static bool is_pointer(const struct grammar_arg *arg) {
    return arg->kind == GRAMMAR_IN || arg->kind == GRAMMAR_OUT || arg->kind == GRAMMAR_INOUT;
}

// A range whose first bytes are good: a call that copies may stop there and say how far it came.
static void check_straddle(const struct grammar_call *call, const uint64_t good[6], uint32_t index,
                           uint64_t value) {
    uint64_t args[6];
    memcpy(args, good, sizeof(args));
    args[index] = value;
    int64_t result = make_call(call, args);
    bool partial = call->returns == GRAMMAR_RETURNS_SIZE && result > 0 && result <= 4;
    if (result != ERR_FAULT && !partial) {
        test_figure("%s with a straddling %s: %ld", call->name, call->args[index].name, result);
    }
    CHECK(result == ERR_FAULT || partial);
}

static void check_pointer(struct fixture *f, const struct grammar_call *call,
                          const uint64_t args[6], uint32_t index) {
    const struct grammar_arg *arg = &call->args[index];
    if (!is_pointer(arg)) {
        return;
    }
    const uint64_t hostile[] = {
        0,                  // null
        8,                  // nearly
        0x0000800000000000, // the first address that is not canonical
        0x00007ffffffff000, // the last page below it
        0x00007ffffffffffc, // straddles that border
        0xffff800000000000, // the kernel's half
        0xffffffff80000000,
        0xfffffffffffff000,
        UINT64_MAX - 3, // wraps around
        UINT64_MAX,
        (uint64_t)f->buffer + PAGE_SIZE, // no access
        NOWHERE,
    };
    for (size_t i = 0; i < COUNT(hostile); i++) {
        expect(call, args, index, hostile[i], ERR_FAULT);
    }
    if (arg->kind == GRAMMAR_OUT) {
        expect(call, args, index, f->read_only, ERR_FAULT);
        expect(call, args, index, (uint64_t)&check_pointer, ERR_FAULT);
    } else if (call->number == CALL_OBJECT_WAIT_MANY) {
        expect(call, args, index, f->read_only, ERR_FAULT);
    }
    check_straddle(call, args, index, (uint64_t)f->buffer + PAGE_SIZE - 4);
}

TEST(generic_hostile_pointers_are_refused) {
    for_each_argument(check_pointer);
}

static void check_flags(struct fixture *f, const struct grammar_call *call, const uint64_t args[6],
                        uint32_t index) {
    const struct grammar_arg *arg = &call->args[index];
    (void)f;
    if (arg->kind != GRAMMAR_FLAGS) {
        return;
    }
    for (uint32_t bit = 0; bit < 64; bit++) {
        if (bit >= 32 || (arg->mask & 1u << bit) == 0) {
            expect(call, args, index, args[index] | 1UL << bit, ERR_INVALID_ARGUMENT);
        }
    }
}

TEST(generic_unknown_flags_are_refused) {
    for_each_argument(check_flags);
}

static void check_wide(struct fixture *f, const struct grammar_call *call, const uint64_t args[6],
                       uint32_t index) {
    uint8_t kind = call->args[index].kind;
    (void)f;
    if (kind == GRAMMAR_HANDLE || kind == GRAMMAR_RIGHTS || kind == GRAMMAR_U32 ||
        kind == GRAMMAR_SIGNALS) {
        expect(call, args, index, args[index] | 1UL << 32, ERR_INVALID_ARGUMENT);
        expect(call, args, index, args[index] | 1UL << 63, ERR_INVALID_ARGUMENT);
    }
}

TEST(generic_wide_arguments_are_refused) {
    for_each_argument(check_wide);
}

static bool number_is_known(uint32_t number) {
    for (uint32_t i = 0; i < GRAMMAR_CALLS; i++) {
        if (grammar_calls[i].number == number) {
            return true;
        }
    }
    return false;
}

TEST(generic_unknown_numbers_are_refused) {
    for (uint32_t number = 0; number < CALL_LAST + 300; number++) {
        if (!number_is_known(number)) {
            CHECK_EQ(native_call0(number), ERR_NO_SUCH_CALL);
        }
    }
    const uint32_t large[] = {0x7fffffff, 0x7ffffffe, 0x10000, 0x40000000};
    for (size_t i = 0; i < COUNT(large); i++) {
        CHECK_EQ(native_call6(large[i], 1, 2, 3, 4, 5, 6), ERR_NO_SUCH_CALL);
    }
}

// Everything that the ABI does not say is lost must be there after a call.
TEST(generic_registers_survive_a_call) {
    uint64_t after[8];
    uint64_t result;
    __asm__ volatile(
        "mov %[pattern], %%rbx\n\t"
        "lea 1(%%rbx), %%r12\n\t"
        "lea 2(%%rbx), %%r13\n\t"
        "lea 3(%%rbx), %%r14\n\t"
        "lea 4(%%rbx), %%r15\n\t"
        "lea 5(%%rbx), %%r8\n\t"
        "lea 6(%%rbx), %%r9\n\t"
        "lea 7(%%rbx), %%rdx\n\t"
        "syscall\n\t"
        "mov %%rbx, 0(%[out])\n\t"
        "mov %%r12, 8(%[out])\n\t"
        "mov %%r13, 16(%[out])\n\t"
        "mov %%r14, 24(%[out])\n\t"
        "mov %%r15, 32(%[out])\n\t"
        "mov %%r8, 40(%[out])\n\t"
        "mov %%r9, 48(%[out])\n\t"
        "mov %%rdx, 56(%[out])\n\t"
        : "=a"(result)
        : "0"(CALL_NATIVE | CALL_CLOCK_GET), [out] "S"(after), [pattern] "r"(0x1234567890abcdefUL)
        : "rbx", "rcx", "rdx", "r8", "r9", "r11", "r12", "r13", "r14", "r15", "memory");
    for (uint64_t i = 0; i < COUNT(after); i++) {
        CHECK_EQ(after[i], 0x1234567890abcdefUL + i);
    }
    CHECK(result > 0);
}
