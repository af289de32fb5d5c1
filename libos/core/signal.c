// SPDX-License-Identifier: MIT

#include <core/signal.h>

#include <core/process.h>
#include <core/status.h>
#include <core/threads.h>
#include <sys/calls.h>

#define IGNORED_BY_DEFAULT                                                                         \
    ((1UL << (SIGCHLD - 1)) | (1UL << (SIGCONT - 1)) | (1UL << (SIGURG - 1)) |                     \
     (1UL << (SIGWINCH - 1)))

// States of a slot (abi/libos.h).
enum { SLOT_FREE, SLOT_FILLING, SLOT_FULL };

void signal_look(struct linux_thread *self) {
    __atomic_fetch_or(&self->block->latched, LATCH_WORK, __ATOMIC_SEQ_CST);
}

static bool is_ignored(const struct signal_action *action, int32_t number) {
    return action->handler == SIGNAL_IGNORE ||
           (action->handler == SIGNAL_DEFAULT && (IGNORED_BY_DEFAULT & signal_bit(number)) != 0);
}

static void publish_child(void) {
    struct signal_page *page = signal_page_current();
    const struct signal_action *child = &process_current()->actions.of[SIGCHLD - 1];
    bool no_zombies = child->handler == SIGNAL_IGNORE || (child->flags & SA_NOCLDWAIT) != 0;
    __atomic_store_n(&page->flags,
                     (no_zombies ? SIGNALS_NO_ZOMBIES : 0U) |
                         ((child->flags & SA_NOCLDSTOP) != 0 ? SIGNALS_NO_STOP_NEWS : 0U),
                     __ATOMIC_SEQ_CST);
}

// The two words with the bit of a signal as its action wants it.
static void published(int32_t number, uint64_t *ignored, uint64_t *caught) {
    const struct signal_action *action = &process_current()->actions.of[number - 1];
    uint64_t bit = signal_bit(number);
    *ignored = is_ignored(action, number) ? *ignored | bit : *ignored & ~bit;
    *caught = action->handler > SIGNAL_IGNORE ? *caught | bit : *caught & ~bit;
}

static void publish_words(uint64_t ignored, uint64_t caught) {
    struct signal_page *page = signal_page_current();
    struct signal_actions *actions = &process_current()->actions;
    actions->ignored = ignored;
    actions->caught = caught;
    __atomic_store_n(&page->ignored, ignored, __ATOMIC_SEQ_CST);
    __atomic_store_n(&page->caught, caught, __ATOMIC_SEQ_CST);
}

void signal_publish(void) {
    uint64_t ignored = 0, caught = 0;
    for (int32_t number = 1; number <= SIGNAL_COUNT; number++) {
        published(number, &ignored, &caught);
    }
    publish_words(ignored, caught);
    publish_child();
}

void signal_publish_again(void) {
    const struct signal_actions *actions = &process_current()->actions;
    publish_words(actions->ignored, actions->caught);
    publish_child();
}

void signal_publish_one(int32_t number) {
    uint64_t ignored = process_current()->actions.ignored;
    uint64_t caught = process_current()->actions.caught;
    published(number, &ignored, &caught);
    publish_words(ignored, caught);
    if (number == SIGCHLD) {
        publish_child();
    }
}

static uint64_t pending_of(struct linux_thread *self) {
    return __atomic_load_n(&self->signals->pending, __ATOMIC_SEQ_CST) |
           __atomic_load_n(&signal_page_current()->pending, __ATOMIC_SEQ_CST);
}

// A process-wide signal that this thread won't take goes to a thread that will.
static void pass_on(struct linux_thread *self) {
    uint64_t pending =
        __atomic_load_n(&signal_page_current()->pending, __ATOMIC_SEQ_CST) & self->signals->blocked;
    struct threads *threads = &process_current()->threads;
    if (pending == 0 || (threads->count < 2 && self == threads->first)) {
        return;
    }
    mutex_lock(&threads->lock);
    for (struct linux_thread *other = threads->first; other != NULL; other = other->next) {
        if (other != self && (pending & ~other->signals->blocked) != 0) {
            thread_interrupt(other, INTERRUPT_SIGNAL);
            break;
        }
    }
    mutex_unlock(&threads->lock);
}

void signal_pass_all(struct linux_thread *self) {
    struct threads *threads = &process_current()->threads;
    uint64_t pending = __atomic_load_n(&signal_page_current()->pending, __ATOMIC_SEQ_CST);
    if (pending == 0) {
        return;
    }
    mutex_lock(&threads->lock);
    for (struct linux_thread *other = threads->first; other != NULL; other = other->next) {
        if (other != self && (pending & ~other->signals->blocked) != 0) {
            thread_interrupt(other, INTERRUPT_SIGNAL);
        }
    }
    mutex_unlock(&threads->lock);
}

void signal_set_mask(struct linux_thread *self, uint64_t mask) {
    __atomic_store_n(&self->signals->blocked, mask & ~SIGNALS_UNBLOCKABLE, __ATOMIC_SEQ_CST);
    uint64_t pending = pending_of(self);
    if ((pending & ~mask) != 0) {
        signal_look(self);
    }
    if ((pending & mask) != 0) {
        pass_on(self);
    }
}

void signal_set_mask_for_call(struct linux_thread *self, uint64_t mask) {
    if (!self->restore_mask) {
        self->saved_mask = self->signals->blocked;
        self->restore_mask = true;
    }
    signal_set_mask(self, mask);
    signal_look(self);
}

void signal_call_ends(struct linux_thread *self, int64_t result) {
    bool restarts = result <= -LINUX_RESTART_FIRST && result >= -LINUX_RESTART_LAST;
    if (self->restore_mask && !restarts) {
        self->restore_mask = false;
        signal_set_mask(self, self->saved_mask);
    }
}

static bool slot_matches(const struct signal_slot *slot, int32_t number, int32_t tid) {
    return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == SLOT_FULL && slot->number == number &&
           slot->tid == tid;
}

// Takes what is known of a pending signal out of its slot. Sets the bit again when there is more.
static void slot_take(int32_t number, int32_t tid, uint64_t *pending, struct signal_info *info) {
    struct signal_page *page = signal_page_current();
    bool found = false;
    *info = (struct signal_info){.number = number};
    for (size_t i = 0; i < SIGNAL_SLOTS; i++) {
        struct signal_slot *slot = &page->slots[i];
        if (!slot_matches(slot, number, tid)) {
            continue;
        }
        if (found) {
            __atomic_fetch_or(pending, signal_bit(number), __ATOMIC_SEQ_CST);
            return;
        }
        found = true;
        info->code = slot->code;
        info->sent.pid = slot->pid;
        info->sent.uid = slot->uid;
        if (number == SIGCHLD && slot->code > 0) {
            info->child.status = (int32_t)slot->value;
        } else {
            info->sent.value = slot->value;
        }
        __atomic_store_n(&slot->state, SLOT_FREE, __ATOMIC_SEQ_CST);
    }
}

static bool take_from(uint64_t *pending, int32_t tid, uint64_t wanted, struct signal_info *info) {
    for (;;) {
        uint64_t have = __atomic_load_n(pending, __ATOMIC_SEQ_CST) & wanted;
        if (have == 0) {
            return false;
        }
        uint64_t bit = have & -have;
        if ((__atomic_fetch_and(pending, ~bit, __ATOMIC_SEQ_CST) & bit) != 0) {
            slot_take(__builtin_ctzl(bit) + 1, tid, pending, info);
            return true;
        }
    }
}

bool signal_take(struct linux_thread *self, uint64_t wanted, struct signal_info *info) {
    return take_from(&self->signals->pending, self->tid, wanted, info) ||
           take_from(&signal_page_current()->pending, 0, wanted, info);
}

static struct signal_action action_of(int32_t number) {
    struct signal_actions *actions = &process_current()->actions;
    mutex_lock(&actions->lock);
    struct signal_action action = actions->of[number - 1];
    mutex_unlock(&actions->lock);
    return action;
}

bool signal_deliverable(struct linux_thread *self) {
    for (;;) {
        uint64_t pending = pending_of(self) & ~self->signals->blocked;
        if (pending == 0) {
            return false;
        }
        int32_t number = __builtin_ctzl(pending) + 1;
        struct signal_action action = action_of(number);
        if (!is_ignored(&action, number)) {
            return true;
        }
        struct signal_info info;
        (void)signal_take(self, signal_bit(number), &info);
    }
}

bool signal_interrupts(struct linux_thread *self) {
    uint32_t bits = __atomic_exchange_n(&self->block->latched, 0, __ATOMIC_SEQ_CST);
    if ((bits & INTERRUPT_EXIT) != 0 || self->leaving || signal_deliverable(self)) {
        __atomic_fetch_or(&self->block->latched, LATCH_WORK | (bits & INTERRUPT_EXIT),
                          __ATOMIC_SEQ_CST);
        return true;
    }
    return false;
}

static struct signal_slot *slot_claim(void) {
    struct signal_page *page = signal_page_current();
    for (size_t i = 0; i < SIGNAL_SLOTS; i++) {
        uint32_t expected = SLOT_FREE;
        if (__atomic_compare_exchange_n(&page->slots[i].state, &expected, SLOT_FILLING, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            return &page->slots[i];
        }
    }
    return NULL;
}

// Whether this timer's last signal is still pending. Signals of different timers are different
// ones, even if they have one number.
static bool timer_pending(const struct signal_info *info, int32_t tid) {
    struct signal_page *page = signal_page_current();
    for (size_t i = 0; i < SIGNAL_SLOTS; i++) {
        const struct signal_slot *slot = &page->slots[i];
        if (slot_matches(slot, info->number, tid) && slot->code == SI_TIMER &&
            slot->pid == info->sent.pid) {
            return true;
        }
    }
    return false;
}

// Makes a thread look that does not block the signal: the caller, or another.
static void wake_somebody(struct linux_thread *self, uint64_t bit) {
    if ((self->signals->blocked & bit) == 0) {
        signal_look(self);
    } else {
        pass_on(self);
    }
}

int64_t signal_send(struct linux_thread *self, struct linux_thread *target,
                    const struct signal_info *info) {
    uint64_t bit = signal_bit(info->number);
    struct signal_action action = action_of(info->number);
    uint64_t *pending =
        target != NULL ? &target->signals->pending : &signal_page_current()->pending;
    bool blocked = ((target != NULL ? target : self)->signals->blocked & bit) != 0;
    if (is_ignored(&action, info->number) && !blocked) {
        return 0;
    }
    bool realtime = info->number >= SIGNAL_REALTIME;
    bool timer = info->code == SI_TIMER;
    bool there = timer ? timer_pending(info, target != NULL ? target->tid : 0)
                       : !realtime && (__atomic_load_n(pending, __ATOMIC_SEQ_CST) & bit) != 0;
    if (there) {
        return 0;
    }
    struct signal_slot *slot = slot_claim();
    if (slot == NULL && realtime && info->code != SI_USER) {
        return -LINUX_EAGAIN;
    }
    if (slot != NULL) {
        slot->number = info->number;
        slot->code = info->code;
        slot->pid = info->sent.pid;
        slot->uid = info->sent.uid;
        slot->tid = target != NULL ? target->tid : 0;
        slot->value = info->sent.value;
        slot->thread = slot->call_number = 0;
        __atomic_store_n(&slot->state, SLOT_FULL, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_or(pending, bit, __ATOMIC_SEQ_CST);
    if (target == NULL) {
        wake_somebody(self, bit);
    } else if (target == self) {
        signal_look(self);
    } else {
        thread_interrupt(target, INTERRUPT_SIGNAL);
    }
    return 0;
}

void signal_raise(struct linux_thread *self, int32_t number) {
    const volatile struct identity_page *identity = identity_current();
    struct signal_info info = {
        .number = number,
        .code = SI_USER,
        .sent = {.pid = identity->pid, .uid = identity->uid},
    };
    (void)signal_send(self, self, &info);
}
