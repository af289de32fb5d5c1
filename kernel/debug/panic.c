// SPDX-License-Identifier: MIT
//
// The end of the system: the first CPU that panics stops the others and tells what happened. It
// takes no lock and allocates nothing, since whatever it might need can be what is broken. A panic
// within a panic says so in one line and gives up. With `panic=exit` the emulator ends with status
// 99; otherwise the CPU halts, so that the text stays on the screen.
#include <arch/boot.h>
#include <arch/cpu.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <ds/format.h>
#include <sched/cpu.h>

#define EXIT_VALUE 99
#define STOP_WAIT_CYCLES 100000000ULL
#define FRAMES_MAX 32

// Index + 1 of the CPU that panics.
static uint32_t owner;

// The canary of -fstack-protector; the boot CPU makes it random (stack_guard_init).
uintptr_t __stack_chk_guard = 0x595e9fbd94fda766;
_Noreturn void __stack_chk_fail(void);

bool panic_running(void) {
    return __atomic_load_n(&owner, __ATOMIC_RELAXED) != 0;
}

_Noreturn static void end(void) {
    char value[8];
    if (boot_option("panic", value, sizeof(value)) && strcmp(value, "exit") == 0) {
        arch_emulator_exit(EXIT_VALUE);
    }
    arch_stop();
}

// Makes this CPU the one that panics, or ends it when there is another, or when it is the second
// time.
static void claim(void) {
    uint32_t self = cpu_this()->index + 1;
    uint32_t expected = 0;
    if (__atomic_compare_exchange_n(&owner, &expected, self, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        return;
    }
    if (expected != self) {
        arch_stop();
    }
    static const char text[] = "panic within a panic\n";
    arch_serial_write(text, sizeof(text) - 1);
    end();
}

// Stops the other CPUs and gives them a moment to get there.
static void stop_others(void) {
    for (uint32_t i = 0; i < cpu_count; i++) {
        if (cpus[i] != cpu_this() && cpus[i]->online) {
            cpu_mail(cpus[i], MAIL_STOP);
        }
    }
    uint64_t start = arch_cycles();
    for (uint32_t i = 0; i < cpu_count; i++) {
        while (cpus[i] != cpu_this() && __atomic_load_n(&cpus[i]->online, __ATOMIC_ACQUIRE) &&
               arch_cycles() - start < STOP_WAIT_CYCLES) {
            arch_pause();
        }
    }
}

static void print_frame(uintptr_t pc, bool is_return) {
    const char *name;
    uintptr_t offset;
    // A call at the very end of a function returns to the next one.
    if (symbol_find(pc - is_return, &name, &offset)) {
        log_line("  %016lx %s+0x%lx", pc, name, offset + is_return);
    } else {
        log_line("  %016lx ?", pc);
    }
}

static void print_return(uintptr_t pc, void *context) {
    uint32_t *frames = context;
    if ((*frames)++ < FRAMES_MAX) {
        print_frame(pc, true);
    }
}

static void print_backtrace(uintptr_t pc, uintptr_t frame) {
    uint32_t frames = 0;
    log_line("backtrace:");
    if (pc != 0) {
        print_frame(pc, false);
    }
    arch_backtrace(frame, print_return, &frames);
    if (frames > FRAMES_MAX) {
        log_line("  and %u more", frames - FRAMES_MAX);
    }
}

_Noreturn static void panic_v(uintptr_t pc, uintptr_t frame, void (*details)(const void *context),
                              const void *context, const char *format, __builtin_va_list args) {
    char text[256];
    claim();
    stop_others();
    log_enter_panic();
    text_format_v(text, sizeof(text), format, args);
    log_line("panic: %s", text);
    log_line("on CPU %u of %u", cpu_this()->index, cpu_count);
    if (details != NULL) {
        details(context);
    }
    print_backtrace(pc, frame);
    log_line("end of panic");
    end();
}

void panic_at(uintptr_t pc, uintptr_t frame, void (*details)(const void *context),
              const void *context, const char *format, ...) {
    __builtin_va_list args;
    __builtin_va_start(args, format);
    panic_v(pc, frame, details, context, format, args);
}

void panic(const char *format, ...) {
    __builtin_va_list args;
    __builtin_va_start(args, format);
    panic_v(0, (uintptr_t)__builtin_frame_address(0), NULL, NULL, format, args);
}

// Not itself guarded: it would end with another canary than it began with. The lowest byte is zero,
// so that no string function can write a canary.
__attribute__((no_stack_protector)) void stack_guard_init(void) {
    uint64_t random;
    if (!arch_random(&random)) {
        random = arch_cycles() * 0x9e3779b97f4a7c15;
    }
    __stack_chk_guard = random & ~0xffUL;
}

void __stack_chk_fail(void) {
    panic("a function has written past the end of an array on its stack");
}
