// SPDX-License-Identifier: MIT

#include <core/threads.h>

#include <core/access.h>
#include <core/process.h>
#include <core/signal.h>
#include <remote/proc.h>
#include <sys/calls.h>

void region_use(struct threads *threads, uint32_t region) {
    threads->regions[region / 64] |= 1UL << (region % 64);
    threads->region_bound = region < threads->region_bound ? threads->region_bound : region + 1;
}

void thread_add(struct linux_thread *thread) {
    struct threads *threads = &process_current()->threads;
    thread->region = libos_region_of((vaddr_t)thread->block);
    mutex_lock(&threads->lock);
    region_use(threads, thread->region);
    thread->next = threads->first;
    thread->shown.tid = thread->tid;
    thread->shown.next = threads->shown;
    thread->listed = true;
    threads->first = thread;
    threads->shown = (vaddr_t)&thread->shown;
    threads->count++;
    mutex_unlock(&threads->lock);
}

void thread_publish(struct linux_thread *thread, uint64_t mask) {
    struct signal_page *page = signal_page_current();
    thread->signals = &thread->own_signals;
    for (size_t i = 0; i < SIGNAL_THREADS; i++) {
        struct signal_thread *entry = &page->threads[i];
        uint64_t expected = 0;
        if (__atomic_compare_exchange_n(&entry->thread, &expected, thread->block->thread, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            thread->signals = entry;
            break;
        }
    }
    thread->signals->tid = thread->tid;
    thread->signals->pending = 0;
    thread->signals->blocked = mask & ~SIGNALS_UNBLOCKABLE;
    thread->signals->thread = thread->block->thread;
}

void thread_withdraw(struct linux_thread *thread) {
    thread->signals->tid = 0;
    __atomic_store_n(&thread->signals->thread, 0, __ATOMIC_SEQ_CST);
    thread->own_signals.blocked = ~0UL;
    thread->signals = &thread->own_signals;
}

void thread_interrupt(struct linux_thread *thread, uint32_t bits) {
    (void)!sys_process_interrupt(HANDLE_NONE, thread->block->thread, bits);
}

struct linux_thread *thread_find(int32_t tid) {
    struct linux_thread *thread = process_current()->threads.first;
    while (thread != NULL && thread->tid != tid) {
        thread = thread->next;
    }
    return thread;
}

// Takes a thread out of the list. Returns how many are left.
static uint32_t unlist(struct linux_thread *self) {
    struct threads *threads = &process_current()->threads;
    vaddr_t *shown = &threads->shown;
    mutex_lock(&threads->lock);
    for (struct linux_thread **at = &threads->first; *at != NULL; at = &(*at)->next) {
        if (*at == self) {
            *shown = self->shown.next;
            *at = self->next;
            self->listed = false;
            threads->region_left =
                self->region < threads->region_left ? self->region : threads->region_left;
            threads->count--;
            break;
        }
        shown = &(*at)->shown.next;
    }
    uint32_t left = threads->count;
    mutex_unlock(&threads->lock);
    return left;
}

// Robust futexes: each lock of the list that this thread holds is marked as of a dead owner
// (Linux, Documentation/robust-futex-ABI.txt).
#define ROBUST_ENTRIES_MAX 2048
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER 0x3fffffffu

static bool mark_dead(struct linux_thread *self, uint64_t at) {
    uint32_t value;
    if (at % 4 != 0 || !load_user32(at, &value)) {
        return false;
    }
    while ((value & FUTEX_OWNER) == (uint32_t)self->tid) {
        uint32_t seen = value;
        uint32_t wanted = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        if (access_cas32((uint32_t *)at, &seen, wanted) != OK) {
            return false;
        }
        if (seen == value) {
            if ((value & FUTEX_WAITERS) != 0) {
                (void)!sys_futex_wake(at, 1, UINT32_MAX, 0);
                (void)!sys_futex_wake(at, 1, UINT32_MAX, FUTEX_SHARED);
            }
            return true;
        }
        value = seen;
    }
    return true;
}

static void robust_list_walk(struct linux_thread *self) {
    struct {
        uint64_t first;
        int64_t offset;
        uint64_t pending;
    } head;
    uint64_t list = self->robust_head;
    if (list == 0 || !copy_in(&head, list, sizeof(head))) {
        return;
    }
    uint64_t entry = head.first;
    for (uint32_t i = 0; entry != list && i < ROBUST_ENTRIES_MAX; i++) {
        uint64_t next;
        if (!load_user64(entry & ~1UL, &next)) {
            return;
        }
        if (entry != head.pending && !mark_dead(self, (entry & ~1UL) + (uint64_t)head.offset)) {
            return;
        }
        entry = next;
    }
    if (head.pending != 0) {
        (void)mark_dead(self, (head.pending & ~1UL) + (uint64_t)head.offset);
    }
}

// Who joins the thread learns of its end, and may take its stack away: this code has its own. The
// region and the handle stay for a later thread, which takes them when this one has left
// (core/clone.c).
static _Noreturn void end_quietly(struct linux_thread *self) {
    uint64_t clear = self->clear_tid;
    if (self->tid != identity_current()->pid) {
        proc_end_thread_id(self->tid);
    }
    if (clear != 0 && clear % 4 == 0 && store_user32(clear, 0)) {
        (void)!sys_futex_wake(clear, 1, UINT32_MAX, 0);
        (void)!sys_futex_wake(clear, 1, UINT32_MAX, FUTEX_SHARED);
    }
    for (;;) {
        sys_thread_exit(0, 0, 0);
    }
}

void thread_end(struct linux_thread *self, int64_t status) {
    robust_list_walk(self);
    self->robust_head = 0;
    (void)!sys_robust_list(0, 0);
    thread_withdraw(self);
    if (unlist(self) == 0) {
        process_end(status);
    }
    signal_pass_all(self);
    end_quietly(self);
}

void thread_leave(struct linux_thread *self) {
    thread_end(self, LINUX_STATUS_SIGNAL(SIGKILL));
}

void threads_stop_others(struct linux_thread *self) {
    struct threads *threads = &process_current()->threads;
    for (;;) {
        mutex_lock(&threads->lock);
        uint32_t count = threads->count;
        for (struct linux_thread *other = threads->first; other != NULL; other = other->next) {
            if (other != self) {
                other->leaving = true;
                thread_interrupt(other, INTERRUPT_EXIT);
            }
        }
        mutex_unlock(&threads->lock);
        if (count <= 1) {
            return;
        }
        (void)!sys_thread_sleep(sys_clock_get() + MILLISECONDS(1), 0);
    }
}

void threads_forget_others(struct linux_thread *self) {
    struct threads *threads = &process_current()->threads;
    for (uint32_t word = 0; word * 64 < threads->region_bound; word++) {
        uint64_t own = word == self->region / 64 ? 1UL << (self->region % 64) : 0;
        for (uint64_t others = threads->regions[word] & ~own; others != 0; others &= others - 1) {
            uint32_t region = word * 64 + (uint32_t)__builtin_ctzl(others);
            (void)!sys_aspace_unmap(HANDLE_NONE, libos_region(region), BLOCK_REGION_BYTES);
        }
        threads->regions[word] &= own;
    }
    threads->first = self;
    threads->shown = (vaddr_t)&self->shown;
    threads->count = 1;
    self->next = NULL;
    self->shown.next = 0;
}
