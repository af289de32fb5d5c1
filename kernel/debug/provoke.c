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

// Not a loop for the compiler: each call needs its own frame.
static uint32_t recurse(uint32_t depth) {
    volatile uint8_t frame[STACK_STEP_BYTES];
    frame[depth % STACK_STEP_BYTES] = 1;
    return depth == depth_max ? 0 : recurse(depth + 1) + frame[0];
}

static void overrun_array(void) {
    volatile uint8_t array[16];
    for (volatile size_t i = 0; i < 64; i++) {
        array[i] = 0xff;
    }
    log_line("%u", array[0]);
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

// Returns when the name is unknown, or what it names went through.
static bool provoke(const char *name) {
    if (strcmp(name, "panic") == 0) {
        panic("provoked");
    } else if (strcmp(name, "assert") == 0) {
        assert(boot_info.range_count == 0);
        panic("assertions are not compiled in");
    } else if (strcmp(name, "null") == 0) {
        *(volatile uint64_t *)null_field = 0;
    } else if (strcmp(name, "stack") == 0) {
        log_line("%u", recurse(0));
    } else if (strcmp(name, "canary") == 0) {
        overrun_array();
    } else if (strcmp(name, "text") == 0) {
        *(volatile uint8_t *)(uintptr_t)kernel_text_start = 0;
    } else if (strcmp(name, "rodata") == 0) {
        *(volatile uint64_t *)(uintptr_t)&constant = 0;
    } else if (strcmp(name, "execute") == 0) {
        ((void (*)(void))(uintptr_t)writable_code)();
    } else if (strcmp(name, "smap") == 0) {
        *(volatile uint64_t *)make_user_page() = 1;
    } else if (strcmp(name, "smep") == 0) {
        ((void (*)(void))make_user_page())();
    } else {
        return false;
    }
    return true;
}

void provoke_run(void) {
    char name[NAME_BYTES];
    if (boot_option("provoke", name, sizeof(name))) {
        log_line("provoke: %s", name);
        log_line(provoke(name) ? "provoke: %s went through unnoticed" : "provoke: there is no '%s'",
                 name);
    }
}
