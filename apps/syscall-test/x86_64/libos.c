// SPDX-License-Identifier: MIT
//
// How the kernel enters a libos and how that returns (abi/libos.h), with the small one of libos.S.
// An address space gets its entry once, so each test runs in a child, which returns 0 or the line
// of what went wrong.

#include "libos.h"

#include "roles.h"

#include <sys/start.h>

static_assert(offsetof(struct thread_block, masked) == MASKED, "libos.h");
static_assert(offsetof(struct thread_block, latched) == LATCHED, "libos.h");
static_assert(offsetof(struct thread_block, redirect) == REDIRECT, "libos.h");
static_assert(offsetof(struct registers, r15) == R15, "libos.h");
static_assert(offsetof(struct registers, rflags) == RFLAGS, "libos.h");

#define LINUX_ENOSYS 38
#define NOT_CANONICAL 0x0000800000000000UL
#define FLAGS_PLAIN 0x202
#define IN_EXIT_RANGE 24 // bytes from its beginning to an instruction that has rcx, rsp changed

// What the libos has seen. Written by one thread at a time.
static struct {
    uint32_t calls;
    uint32_t latched; // times that the exit found something
    uint32_t interrupts;
    uint32_t exceptions;
    uint32_t vector;
    uint64_t code;
    uint64_t addr;
    uint64_t pc;
} seen;

int64_t mini_status;
static uint64_t resume_at; // where an exception goes on

static void take_bits(struct thread_block *block) {
    (void)__atomic_exchange_n(&block->latched, 0, __ATOMIC_SEQ_CST);
}

static void resume(const struct registers *registers) {
    status_t status = sys_thread_resume(registers);
    sys_process_exit(1000 - status);
}

void mini_call(struct thread_block *block) {
    uint64_t number = block->redirect.rax;
    seen.calls++;
    block->redirect.rax = block->redirect.rdi;
    struct registers full = block->redirect;
    full.rip = block->redirect_rip;
    full.rcx = full.rip;
    full.r11 = full.rflags;
    if (number == NUMBER_CLONE) {
        mini_status = sys_process_clone((handle_t)block->redirect.rdi, 0);
        return;
    }
    if (number != NUMBER_PLAIN && number != NUMBER_FULL) {
        __atomic_fetch_or(&block->latched, 2, __ATOMIC_SEQ_CST);
    }
    if (number == NUMBER_INTO_EXIT) {
        full = (struct registers){.rip = (uint64_t)mini_exit + IN_EXIT_RANGE, .rsp = 8};
    }
    if (number != NUMBER_PLAIN) {
        resume(&full);
    }
}

void mini_take_latched(struct thread_block *block) {
    take_bits(block);
    seen.latched++;
}

_Noreturn void mini_take_upcall(struct thread_block *block) {
    if (block->upcall_kind == UPCALL_INTERRUPT) {
        take_bits(block);
        seen.interrupts++;
    } else {
        seen.exceptions++;
        seen.vector = block->upcall_vector;
        seen.code = block->upcall_code;
        seen.addr = block->upcall_addr;
        seen.pc = block->upcall.rip;
        block->upcall.rip = resume_at;
    }
    resume(&block->upcall);
    __builtin_unreachable();
}

static struct aspace_entry entry(void) {
    return (struct aspace_entry){
        .redirect = (vaddr_t)mini_redirect,
        .upcall = (vaddr_t)mini_upcall,
        .exit_begin = (vaddr_t)mini_exit,
        .exit_end = (vaddr_t)mini_exit_end,
        .access_begin = (vaddr_t)mini_access,
        .access_end = (vaddr_t)mini_access_end,
        .access_fault = (vaddr_t)mini_access_fault,
        .child = (vaddr_t)mini_child,
    };
}

status_t mini_install(void) {
    struct aspace_entry mine = entry();
    return sys_aspace_set_entry(HANDLE_NONE, &mine);
}

int64_t mini_linux_call(uint64_t number, uint64_t argument) {
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(argument)
                     : "rcx", "r11", "memory");
    return result;
}

static void run_role(const char *role) {
    struct spawned child;
    REQUIRE(child_simple(&child, role, NULL));
    CHECK_EQ(child_finish(&child), 0);
}

// ---- calls

ROLE(libos_calls) {
    EXPECT(mini_linux_call(NUMBER_PLAIN, 5) == -LINUX_ENOSYS);
    EXPECT(mini_install() == OK);
    EXPECT(mini_linux_call(NUMBER_PLAIN, 5) == 5);
    thread_block()->masked = 1;
    EXPECT(mini_linux_call(NUMBER_PLAIN, 5) == -LINUX_ENOSYS);
    EXPECT(now() > 0); // native calls go on
    thread_block()->masked = 0;
    for (uint64_t i = 1; i <= 200; i++) {
        EXPECT(mini_call_checked(i * 0x0101010101010101, NUMBER_PLAIN) == 0);
    }
    EXPECT(seen.calls == 201 && seen.latched == 0 && seen.interrupts == 0);
    EXPECT(mini_call_checked(77, NUMBER_INTO_EXIT) == 0);
    EXPECT(seen.calls == 202 && seen.latched == 1 && seen.interrupts == 0);
    EXPECT(mini_call_checked(78, NUMBER_FULL) == 0);
    EXPECT(seen.calls == 203 && seen.latched == 1 && seen.interrupts == 0);
    EXPECT(mini_call_checked(79, NUMBER_LATCHED) == 0);
    EXPECT(seen.calls == 204 && seen.latched == 1 && seen.interrupts == 1);
    EXPECT(thread_block()->masked == 0 && thread_block()->latched == 0);
    return 0;
}

TEST(libos_calls_keep_all_registers) {
    run_role("libos_calls");
}

ROLE(libos_entry) {
    for (size_t i = 0; i < sizeof(struct aspace_entry) / sizeof(vaddr_t); i++) {
        static const vaddr_t bad[] = {0, NOT_CANONICAL, 0xffff800000000000, UINT64_MAX};
        for (size_t j = 0; j < COUNT(bad); j++) {
            struct aspace_entry wrong = entry();
            ((vaddr_t *)&wrong)[i] = bad[j];
            EXPECT(sys_aspace_set_entry(HANDLE_NONE, &wrong) == ERR_INVALID_ARGUMENT);
        }
    }
    EXPECT(mini_install() == OK);
    EXPECT(mini_install() == ERR_BAD_STATE);
    handle_t other = (handle_t)sys_aspace_create(suite.job, 0);
    struct aspace_entry mine = entry();
    EXPECT(sys_aspace_set_entry(other, &mine) == OK);
    EXPECT(sys_aspace_set_entry(other, &mine) == ERR_BAD_STATE);
    return 0;
}

TEST(libos_entry_is_checked_and_set_once) {
    run_role("libos_entry");
}

// ---- the access range

static int64_t check_copy(uint64_t to, uint64_t from, uint64_t bytes, uint64_t left) {
    uint64_t rest = UINT64_MAX;
    status_t status = mini_copy((void *)to, (const void *)from, bytes, &rest);
    EXPECT(status == (left != 0 ? ERR_FAULT : OK));
    EXPECT(rest == left);
    return 0;
}

static int64_t check_copies(void) {
    uint64_t pages = (uint64_t)pages_map(2);
    uint64_t good = (uint64_t)pages_map(1);
    EXPECT(sys_aspace_unmap(HANDLE_NONE, pages + PAGE_SIZE, PAGE_SIZE) == OK);
    const uint64_t bad[] = {
        pages + PAGE_SIZE, 0, 0x00007ffffffff000, NOT_CANONICAL, 0xffff800000000000, UINT64_MAX - 7,
    };
    int64_t line = check_copy(good, pages, PAGE_SIZE, 0);
    for (size_t i = 0; i < COUNT(bad) && line == 0; i++) {
        line = check_copy(good, bad[i], 8, 8);
        line = line == 0 ? check_copy(bad[i], good, 8, 8) : line;
    }
    EXPECT(line == 0);
    EXPECT(check_copy(good, pages + PAGE_SIZE - 5, 8, 3) == 0);
    EXPECT(check_copy(pages + PAGE_SIZE - 5, good, 8, 3) == 0);
    EXPECT(check_copy((uint64_t)&check_copy, good, 8, 8) == 0); // text
    pages_unmap((void *)pages, 1);
    pages_unmap((void *)good, 1);
    return 0;
}

ROLE(libos_access) {
    EXPECT(mini_install() == OK);
    int64_t line = check_copies();
    thread_block()->masked = 1;
    line = line == 0 ? check_copies() : line;
    EXPECT(thread_block()->masked == 1);
    EXPECT(seen.exceptions == 0);
    return line;
}

TEST(libos_access_faults_go_on_at_their_place) {
    run_role("libos_access");
}

// ---- exceptions of the program

#define PROVOKE(instruction, value)                                                                \
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\tmovq %%rax, %0\n\tmovq %1, %%rax\n\t" instruction   \
                     "\n1:"                                                                        \
                     : "=m"(resume_at)                                                             \
                     : "r"((uint64_t)(value))                                                      \
                     : "rax", "rdx", "memory", "cc")
#define CODE_WRITE 2
#define CODE_USER 4
#define CODE_FETCH 16

static bool saw(uint32_t count, uint32_t vector, uint64_t code, uint64_t addr) {
    return seen.exceptions == count && seen.vector == vector && seen.code == code &&
           seen.addr == addr && thread_block()->masked == 0;
}

ROLE(libos_exceptions) {
    EXPECT(mini_install() == OK);
    uint64_t fault = (uint64_t)(uint32_t)ERR_FAULT << 32;
    vaddr_t nowhere = unmapped_address(1);
    PROVOKE("movb (%%rax), %%al", nowhere + 7);
    EXPECT(saw(1, 14, fault | CODE_USER, nowhere + 7));
    PROVOKE("movb $1, (%%rax)", nowhere);
    EXPECT(saw(2, 14, fault | CODE_USER | CODE_WRITE, nowhere));
    PROVOKE("jmp *%%rax", nowhere);
    EXPECT(saw(3, 14, fault | CODE_USER | CODE_FETCH, nowhere) && seen.pc == nowhere);
    PROVOKE("xorl %%edx, %%edx\n\tdivl %%edx", 1);
    EXPECT(saw(4, 0, fault, 0));
    PROVOKE("ud2", 0);
    EXPECT(saw(5, 6, fault, 0));
    PROVOKE("int3", 0);
    EXPECT(saw(6, 3, fault, 0));
    PROVOKE("hlt", 0);
    EXPECT(saw(7, 13, fault, 0));
    PROVOKE("movb (%%rax), %%al", NOT_CANONICAL);
    EXPECT(saw(8, 13, fault, 0));
    PROVOKE("movb (%%rax), %%al", 0xffff800000000000);
    EXPECT(seen.exceptions == 9 && seen.vector == 14 && seen.addr == 0xffff800000000000);
    EXPECT(mini_call_checked(3, NUMBER_PLAIN) == 0);
    return 0;
}

TEST(libos_takes_exceptions) {
    run_role("libos_exceptions");
}

ROLE(libos_masked_fault) {
    EXPECT(mini_install() == OK);
    thread_block()->masked = 1;
    *(volatile char *)unmapped_address(1) = 1;
    return 0;
}

TEST(libos_fault_of_its_own_ends_the_process) {
    struct spawned child;
    REQUIRE(child_simple(&child, "libos_masked_fault", NULL));
    struct process_info info = child_wait(&child);
    CHECK_EQ(info.cause, EXIT_FAULT);
    CHECK_EQ(info.status, 14);
    spawned_close(&child);
}

// ---- the full return

TEST(libos_resume_refuses_what_the_machine_would) {
    const struct registers good = {.rip = 0x400000, .rsp = 0x400000, .rflags = FLAGS_PLAIN};
    static const uint64_t bad[] = {NOT_CANONICAL, 0x8000000000000000, 0xffff7fffffffffff};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct registers wrong[] = {good, good, good, good};
        wrong[0].rip = bad[i];
        wrong[1].rsp = bad[i];
        wrong[2].fs_base = bad[i];
        wrong[3].gs_base = bad[i];
        for (size_t j = 0; j < COUNT(wrong); j++) {
            CHECK_EQ(sys_thread_resume(&wrong[j]), ERR_INVALID_ARGUMENT);
        }
    }
    struct registers kernel = good;
    kernel.rip = 0xffffffff80200000;
    CHECK_EQ(sys_thread_resume(&kernel), ERR_INVALID_ARGUMENT);
    CHECK_EQ(thread_block()->masked, 0);
}

static uint64_t flags_after;

// Flags that a program may not have do not come with the registers.
TEST(libos_resume_masks_flags) {
    struct registers regs = {.rflags = ~0x100UL}; // all but single steps
    __asm__ volatile("movq %%rsp, %[sp]\n\tleaq 1f(%%rip), %%rax\n\tmovq %%rax, %[pc]\n\t"
                     "movq %%rbp, %[bp]\n\tmovq %%rbx, %[bx]\n\trdfsbase %%rax\n\t"
                     "movq %%rax, %[fs]\n\tmovl %[number], %%eax\n\tsyscall\n"
                     "1:\tpushfq\n\tpopq %[flags]\n\tpushq $2\n\tpopfq"
                     : [sp] "+m"(regs.rsp), [pc] "+m"(regs.rip), [bp] "+m"(regs.rbp),
                       [bx] "+m"(regs.rbx), [fs] "+m"(regs.fs_base), [flags] "=m"(flags_after)
                     : [number] "i"(CALL_NATIVE | CALL_THREAD_RESUME), "D"(&regs)
                     : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15", "memory", "cc");
    CHECK_EQ(flags_after & 0x200, 0x200);               // interrupts
    CHECK_EQ(flags_after & 0x3000, 0);                  // I/O privilege
    CHECK_EQ(flags_after & (1UL << 17 | 1UL << 19), 0); // virtual modes
}

// ---- interruptions

#define STORM_CALLS 3000
#define STORM_INTERRUPTS 200

static int64_t call_on_and_on(void *argument) {
    uint64_t wrong = 0;
    (void)argument;
    instant_t end = in(PATIENCE);
    for (uint64_t i = 1; i <= STORM_CALLS || (seen.interrupts < STORM_INTERRUPTS && now() < end);
         i++) {
        static const uint64_t numbers[] = {NUMBER_PLAIN, NUMBER_PLAIN, NUMBER_FULL,
                                           NUMBER_INTO_EXIT, NUMBER_LATCHED};
        wrong |= mini_call_checked(i * 0x0123456789abcdef, numbers[i % COUNT(numbers)]);
    }
    return (int64_t)wrong;
}

// The victim runs at a lower priority, so that each end of a sleep here stops it somewhere.
ROLE(libos_storm) {
    struct task task;
    uint64_t random = suite.seed;
    EXPECT(mini_install() == OK);
    task_start(&task, call_on_and_on, NULL);
    EXPECT(sys_thread_set_priority(task.thread.handle, 5) == OK);
    while (__atomic_load_n(&task.finished, __ATOMIC_ACQUIRE) == 0) {
        (void)!sys_thread_interrupt(task.thread.handle, 1); // it may just have ended
        (void)!sys_thread_sleep(in((duration_t)test_random_below(&random, MICROSECONDS(60))), 0);
    }
    EXPECT(task_join(&task) == 0);
    EXPECT(seen.interrupts >= STORM_INTERRUPTS && seen.calls >= STORM_CALLS);
    EXPECT(seen.exceptions == 0);
    return 0;
}

TEST(libos_registers_survive_a_storm) {
    run_role("libos_storm");
}

static int64_t sleep_masked(void *argument) {
    thread_block()->masked = 1;
    int64_t result = sys_thread_sleep(INSTANT_NEVER, WAIT_INTERRUPTIBLE);
    __atomic_store_n((uint32_t *)argument, thread_block()->latched, __ATOMIC_SEQ_CST);
    return result;
}

static int64_t sleep_open(void *argument) {
    return sys_thread_sleep(*(instant_t *)argument, 0);
}

ROLE(libos_latches) {
    struct task task;
    uint32_t latched = 0;
    EXPECT(mini_install() == OK);
    task_start(&task, sleep_masked, &latched);
    EXPECT(task_blocks(&task));
    EXPECT(sys_thread_interrupt(task.thread.handle, 8) == OK);
    EXPECT(task_join(&task) == ERR_INTERRUPTED);
    EXPECT(latched == 8 && seen.interrupts == 0);
    instant_t deadline = in(SECONDS(1));
    task_start(&task, sleep_open, &deadline);
    EXPECT(task_blocks(&task));
    EXPECT(sys_thread_interrupt(task.thread.handle, 8) == OK);
    EXPECT(task_join(&task) == OK);
    EXPECT(now() >= deadline && seen.interrupts == 1);
    return 0;
}

TEST(libos_masked_threads_are_not_entered) {
    run_role("libos_latches");
}

// A timer enters the upcall of a thread that does nothing but run.
ROLE(libos_timer) {
    handle_t timer = (handle_t)sys_timer_create();
    instant_t end = in(PATIENCE);
    EXPECT(mini_install() == OK);
    EXPECT(sys_timer_interrupt(timer, 16) == OK);
    EXPECT(sys_timer_set(timer, now(), MILLISECONDS(2), 0) == OK);
    while (*(volatile uint32_t *)&seen.interrupts < 5 && now() < end) {
    }
    EXPECT(seen.interrupts >= 5);
    EXPECT(sys_timer_ack(timer) > 0);
    EXPECT(sys_timer_interrupt(timer, 0) == OK);
    uint32_t before = seen.interrupts;
    sleep_for(MILLISECONDS(10));
    EXPECT(seen.interrupts == before && sys_timer_ack(timer) > 0);
    EXPECT(sys_timer_interrupt(timer, 16) == OK);
    thread_block()->masked = 1; // else the upcall comes, and the sleep goes on
    EXPECT(sys_timer_set(timer, in(MILLISECONDS(5)), 0, 0) == OK);
    EXPECT(sys_thread_sleep(end, WAIT_INTERRUPTIBLE) == ERR_INTERRUPTED);
    EXPECT(sys_handle_close(timer) == OK);
    return 0;
}

TEST(libos_timers_interrupt) {
    run_role("libos_timer");
}

// ---- the price

#define PRICE_CALLS 100000

ROLE(libos_price) {
    EXPECT(mini_install() == OK);
    instant_t start = now();
    for (uint32_t i = 0; i < PRICE_CALLS; i++) {
        EXPECT(mini_linux_call(NUMBER_PLAIN, 1) == 1);
    }
    return (now() - start) / (PRICE_CALLS / 1000);
}

TEST(libos_calls_have_a_price) {
    struct spawned child;
    REQUIRE(child_simple(&child, "libos_price", NULL));
    int64_t picoseconds = child_finish(&child);
    CHECK(picoseconds > 0);
    test_figure("a null call through the libos takes %ld ns", picoseconds / 1000);
}
