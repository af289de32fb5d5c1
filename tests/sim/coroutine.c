// SPDX-License-Identifier: MIT
//
// ucontext makes the first entry, setjmp and longjmp the later ones: they don't enter the host's
// kernel. The address sanitizer is told of each change of stack, through hooks that are empty
// without it.

#include "coroutine.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "sanitizer.h"

#define STACK_BYTES (BLOCK_REGION_BYTES - 2 * PAGE_SIZE)

struct coroutine {
    uint8_t *region;
    jmp_buf here;
    ucontext_t start;
    bool entered;
    void (*function)(void *argument);
    void *argument;
    void *fake_stack;
    struct coroutine *next_free;
};

static struct coroutine *free_ones;
static jmp_buf main_here;
static void *main_fake_stack;
static const void *main_bottom;
static size_t main_bytes;
static struct coroutine *starting;

static void *stack_of(struct coroutine *coroutine) {
    return coroutine->region + 2 * PAGE_SIZE;
}

static uint8_t *make_region(void) {
    uint8_t *memory = mmap(NULL, 2 * BLOCK_REGION_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        abort();
    }
    uintptr_t at = ((uintptr_t)memory + BLOCK_REGION_BYTES - 1) & ~(BLOCK_REGION_BYTES - 1);
    mprotect((uint8_t *)at + PAGE_SIZE, PAGE_SIZE, PROT_NONE);
    return (uint8_t *)at;
}

static void first_entry(void) {
    struct coroutine *self = starting;
    sanitizer_finish_switch(NULL, &main_bottom, &main_bytes);
    self->function(self->argument);
    abort();
}

struct coroutine *coroutine_create(void (*function)(void *argument), void *argument) {
    struct coroutine *coroutine = free_ones;
    if (coroutine != NULL) {
        free_ones = coroutine->next_free;
        sanitizer_unpoison(stack_of(coroutine), STACK_BYTES);
    } else {
        coroutine = calloc(1, sizeof(*coroutine));
        coroutine->region = make_region();
    }
    memset(coroutine->region, 0, PAGE_SIZE);
    coroutine->entered = false;
    coroutine->function = function;
    coroutine->argument = argument;
    coroutine->fake_stack = NULL;
    return coroutine;
}

struct thread_block *coroutine_block(struct coroutine *coroutine) {
    return (struct thread_block *)coroutine->region;
}

void coroutine_enter(struct coroutine *coroutine) {
    sanitizer_start_switch(&main_fake_stack, stack_of(coroutine), STACK_BYTES);
    if (_setjmp(main_here) == 0) {
        if (coroutine->entered) {
            _longjmp(coroutine->here, 1);
        }
        coroutine->entered = true;
        getcontext(&coroutine->start);
        coroutine->start.uc_stack.ss_sp = stack_of(coroutine);
        coroutine->start.uc_stack.ss_size = STACK_BYTES;
        coroutine->start.uc_link = NULL;
        makecontext(&coroutine->start, first_entry, 0);
        starting = coroutine;
        setcontext(&coroutine->start);
    }
    sanitizer_finish_switch(main_fake_stack, NULL, NULL);
}

void coroutine_leave(struct coroutine *coroutine, bool last) {
    sanitizer_start_switch(last ? NULL : &coroutine->fake_stack, main_bottom, main_bytes);
    if (last || _setjmp(coroutine->here) == 0) {
        _longjmp(main_here, 1);
    }
    sanitizer_finish_switch(coroutine->fake_stack, &main_bottom, &main_bytes);
}

void coroutine_abandon(struct coroutine *coroutine) {
    coroutine->next_free = free_ones;
    free_ones = coroutine;
}
