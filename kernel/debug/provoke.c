// SPDX-License-Identifier: MIT
//
// `provoke=NAME` on the command line breaks one of the kernel's rules on purpose, at the end of the
// boot. The system tests look whether the panic that follows names what was violated: a protection
// that nobody tries is a protection that may be off.
#include <arch/boot.h>
#include <arch/mmu.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <mm/page.h>

#define NAME_BYTES 32
#define USER_PAGE 0x400000UL
#define RETURN_INSTRUCTION 0xc3
#define STACK_STEP_BYTES 256

extern const char kernel_text_start[];
static uint8_t writable_code[16] = {RETURN_INSTRUCTION};
static const uint64_t constant = 1;
static volatile uintptr_t null_field = 8;
static volatile uint32_t depth_max = UINT32_MAX;

static void provoke_panic(void) {
    panic("provoked");
}

static void provoke_assert(void) {
    assert(boot_info.range_count == 0);
    panic("assertions are not compiled in");
}

static void provoke_null(void) {
    *(volatile uint64_t *)null_field = 0;
}

// Not a loop for the compiler: each call needs its own frame.
static uint32_t recurse(uint32_t depth) {
    volatile uint8_t frame[STACK_STEP_BYTES];
    frame[depth % STACK_STEP_BYTES] = 1;
    return depth == depth_max ? 0 : recurse(depth + 1) + frame[0];
}

static void provoke_stack(void) {
    log_line("%u", recurse(0));
}

static void provoke_canary(void) {
    volatile uint8_t array[16];
    for (volatile size_t i = 0; i < 64; i++) {
        array[i] = 0xff;
    }
    log_line("%u", array[0]);
}

static void provoke_text(void) {
    *(volatile uint8_t *)(uintptr_t)kernel_text_start = 0;
}

static void provoke_rodata(void) {
    *(volatile uint64_t *)(uintptr_t)&constant = 0;
}

static void provoke_execute(void) {
    ((void (*)(void))(uintptr_t)writable_code)();
}

// Maps and loads an address space with one page of user memory, holding a return instruction.
static void *make_user_page(void) {
    static struct arch_space space;
    struct page *page;
    if (page_alloc(NULL, PAGE_ALLOC_ZERO, &page) != OK || mmu_space_create(&space, NULL) != OK ||
        mmu_map(&space, NULL, USER_PAGE, page_to_phys(page),
                MMU_USER | MMU_READ | MMU_WRITE | MMU_EXECUTE) != OK) {
        panic("no memory to provoke with");
    }
    *(uint8_t *)page_to_virt(page) = RETURN_INSTRUCTION;
    mmu_load(&space);
    return (void *)USER_PAGE;
}

static void provoke_smap(void) {
    *(volatile uint64_t *)make_user_page() = 1;
}

static void provoke_smep(void) {
    ((void (*)(void))make_user_page())();
}

static const struct {
    const char *name;
    void (*run)(void);
} provocations[] = {
    {"panic", provoke_panic},   {"assert", provoke_assert},   {"null", provoke_null},
    {"stack", provoke_stack},   {"canary", provoke_canary},   {"text", provoke_text},
    {"rodata", provoke_rodata}, {"execute", provoke_execute}, {"smap", provoke_smap},
    {"smep", provoke_smep},
};

void provoke_run(void) {
    char name[NAME_BYTES];
    if (!boot_option("provoke", name, sizeof(name))) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(provocations); i++) {
        if (strcmp(name, provocations[i].name) == 0) {
            log_line("provoke: %s", name);
            provocations[i].run();
            log_line("provoke: %s went through unnoticed", name);
            return;
        }
    }
    log_line("provoke: there is no '%s'", name);
}
