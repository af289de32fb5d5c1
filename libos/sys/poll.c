// SPDX-License-Identifier: MIT
//
// poll, ppoll, select, pselect.

#include <core/access.h>
#include <core/clock.h>
#include <core/heap.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <files/poll.h>
#include <linux/handlers.h>

static int64_t poll_at(struct linux_thread *self, uint64_t from, uint64_t count, int64_t deadline) {
    if (count > files_limit()) {
        return -LINUX_EINVAL;
    }
    size_t bytes = count * sizeof(struct poll_entry);
    struct poll_entry *entries = count == 0 ? NULL : heap_alloc_dirty(bytes);
    if (count > 0 && entries == NULL) {
        return -LINUX_ENOMEM;
    }
    int64_t result = count == 0 || copy_in(entries, from, bytes) ? 0 : -LINUX_EFAULT;
    if (result == 0) {
        result = poll_wait(self, entries, NULL, (uint32_t)count, deadline);
        if (result >= 0 && count > 0 && !copy_out(from, entries, bytes)) {
            result = -LINUX_EFAULT;
        }
    }
    heap_free(entries, bytes);
    return result;
}

int64_t linux_poll(struct linux_thread *self, const uint64_t args[6]) {
    int32_t timeout_ms = (int32_t)args[2];
    int64_t deadline = timeout_ms < 0    ? INSTANT_NEVER
                       : timeout_ms == 0 ? 0
                                         : deadline_after(MILLISECONDS(timeout_ms));
    return poll_at(self, args[0], args[1], deadline);
}

// The deadline of a struct timespec that may be absent.
static int64_t deadline_in(uint64_t addr, int64_t *deadline) {
    int64_t ns;
    *deadline = INSTANT_NEVER;
    int64_t result = addr == 0 ? 0 : time_in(addr, &ns);
    if (result == 0 && addr != 0) {
        *deadline = ns == 0 ? 0 : deadline_after(ns);
    }
    return result;
}

// What is left goes back to the program, as Linux does.
static void store_left(uint64_t addr, int64_t deadline, int64_t unit) {
    if (addr != 0 && deadline != INSTANT_NEVER) {
        int64_t left = deadline == 0 ? 0 : deadline - clock_now();
        left = left > 0 ? left : 0;
        const int64_t time[2] = {left / SECOND, left % SECOND / unit};
        (void)!copy_out(addr, time, sizeof(time));
    }
}

static int64_t mask_for_call(struct linux_thread *self, uint64_t addr, uint64_t bytes) {
    uint64_t mask;
    if (addr == 0) {
        return 0;
    }
    if (bytes != 8) {
        return -LINUX_EINVAL;
    }
    if (!load_user64(addr, &mask)) {
        return -LINUX_EFAULT;
    }
    signal_set_mask_for_call(self, mask);
    return 0;
}

int64_t linux_ppoll(struct linux_thread *self, const uint64_t args[6]) {
    int64_t deadline;
    int64_t result = deadline_in(args[2], &deadline);
    result = result < 0 ? result : mask_for_call(self, args[3], args[4]);
    if (result < 0) {
        return result;
    }
    result = poll_at(self, args[0], args[1], deadline);
    signal_call_ends(self, result);
    store_left(args[2], deadline, 1);
    return result;
}

// ---- select: sets of bits.

#define SET_WORDS (LIBOS_FDS_MAX / 64)
enum { READABLE, WRITABLE, EXCEPTIONAL, SETS };

struct select {
    uint64_t sets[SETS][SET_WORDS];
    struct poll_entry entries[LIBOS_FDS_MAX];
    uint32_t count;
};

static bool has(const uint64_t *set, uint32_t fd) {
    return (set[fd / 64] >> (fd % 64) & 1) != 0;
}

static int64_t sets_in(struct select *select, uint32_t fds, const uint64_t from[SETS]) {
    size_t bytes = (fds + 63) / 64 * 8;
    for (uint32_t i = 0; i < SETS; i++) {
        if (from[i] != 0 && !copy_in(select->sets[i], from[i], bytes)) {
            return -LINUX_EFAULT;
        }
    }
    struct poll_entry *next = select->entries;
    for (uint32_t word = 0; word * 64 < fds; word++) {
        uint64_t in = select->sets[READABLE][word], out = select->sets[WRITABLE][word];
        uint64_t exceptional = select->sets[EXCEPTIONAL][word];
        uint64_t left = in | out | exceptional;
        bool reads = (out | exceptional) == 0; // as most do
        left &= fds - word * 64 < 64 ? (1UL << (fds - word * 64)) - 1 : UINT64_MAX;
        for (; left != 0; left &= left - 1) {
            uint32_t at = (uint32_t)__builtin_ctzl(left);
            uint64_t events = reads ? POLLIN
                                    : (in >> at & 1) * POLLIN | (out >> at & 1) * POLLOUT |
                                          (exceptional >> at & 1) * POLLPRI;
            *next++ = (struct poll_entry){(int32_t)(word * 64 + at), (uint16_t)events, 0};
        }
    }
    select->count = (uint32_t)(next - select->entries);
    return 0;
}

// Fills the sets from what is ready, so many entries. Returns how many bits are set, or EBADF.
static int64_t sets_fill(struct select *select, uint32_t words, int64_t ready) {
    int64_t bits = 0;
    uint64_t wanted[SETS][SET_WORDS];
    for (uint32_t set = 0; set < SETS; set++) {
        for (uint32_t word = 0; word < words; word++) {
            wanted[set][word] = select->sets[set][word];
            select->sets[set][word] = 0;
        }
    }
    static const uint16_t meaning[SETS] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI};
    for (const struct poll_entry *entry = select->entries; ready > 0; entry++) {
        if (entry->ready == 0) {
            continue;
        }
        ready--;
        uint32_t fd = (uint32_t)entry->fd;
        if ((entry->ready & POLLNVAL) != 0) {
            return -LINUX_EBADF;
        }
        for (uint32_t set = 0; set < SETS; set++) {
            if (has(wanted[set], fd) && (entry->ready & meaning[set]) != 0) {
                select->sets[set][fd / 64] |= 1UL << (fd % 64);
                bits++;
            }
        }
    }
    return bits;
}

static int64_t select_run(struct linux_thread *self, struct select *select, uint32_t fds,
                          const uint64_t sets[SETS], int64_t deadline) {
    int64_t result = sets_in(select, fds, sets);
    if (result < 0) {
        return result;
    }
    result = poll_wait(self, select->entries, NULL, select->count, deadline);
    uint32_t words = (fds + 63) / 64;
    result = result < 0 ? result : sets_fill(select, words, result);
    for (uint32_t i = 0; result >= 0 && i < SETS; i++) {
        if (sets[i] != 0 && !copy_out(sets[i], select->sets[i], words * 8UL)) {
            result = -LINUX_EFAULT;
        }
    }
    return result;
}

static int64_t select_at(struct linux_thread *self, const uint64_t args[6], int64_t deadline) {
    int32_t fds = (int32_t)args[0];
    if (fds < 0) {
        return -LINUX_EINVAL;
    }
    struct select *select = heap_alloc_dirty(sizeof(*select));
    if (select == NULL) {
        return -LINUX_ENOMEM;
    }
    __builtin_memset(select->sets, 0, sizeof(select->sets));
    select->count = 0;
    uint32_t count = fds < LIBOS_FDS_MAX ? (uint32_t)fds : LIBOS_FDS_MAX;
    int64_t result = select_run(self, select, count, &args[1], deadline);
    heap_free(select, sizeof(*select));
    return result;
}

int64_t linux_select(struct linux_thread *self, const uint64_t args[6]) {
    int64_t time[2], deadline = INSTANT_NEVER;
    if (args[4] != 0) {
        if (!copy_in(time, args[4], sizeof(time))) {
            return -LINUX_EFAULT;
        }
        if (time[0] < 0 || time[1] < 0) {
            return -LINUX_EINVAL;
        }
        bool far = time[0] > INT64_MAX / SECOND / 2 || time[1] > INT64_MAX / 2000;
        int64_t ns = far ? INT64_MAX : time[0] * SECOND + time[1] * 1000;
        deadline = ns == 0 ? 0 : deadline_after(ns);
    }
    int64_t result = select_at(self, args, deadline);
    store_left(args[4], deadline, 1000);
    return result;
}

int64_t linux_pselect6(struct linux_thread *self, const uint64_t args[6]) {
    int64_t deadline;
    uint64_t mask[2] = {0, 0};
    int64_t result = deadline_in(args[4], &deadline);
    if (result == 0 && args[5] != 0 && !copy_in(mask, args[5], sizeof(mask))) {
        result = -LINUX_EFAULT;
    }
    result = result < 0 ? result : mask_for_call(self, mask[0], mask[1]);
    if (result < 0) {
        return result;
    }
    result = select_at(self, args, deadline);
    signal_call_ends(self, result);
    store_left(args[4], deadline, 1);
    return result;
}
