// SPDX-License-Identifier: MIT
//
// Making threads and processes: clone, clone3, fork, vfork. Three forms are known: a thread as C
// libraries make it, a fork, and a vfork, whose parent waits until the child has begun another
// program or ended.

#include <abi/linux/calls.h>
#include <core/access.h>
#include <core/fork.h>
#include <core/process.h>
#include <core/status.h>
#include <core/threads.h>
#include <linux/handlers.h>
#include <remote/proc.h>
#include <sys/calls.h>
#include <sys/string.h>

#define CLONE_VM 0x100UL
#define CLONE_FS 0x200UL
#define CLONE_FILES 0x400UL
#define CLONE_SIGHAND 0x800UL
#define CLONE_VFORK 0x4000UL
#define CLONE_THREAD 0x10000UL
#define CLONE_SYSVSEM 0x40000UL
#define CLONE_SETTLS 0x80000UL
#define CLONE_PARENT_SETTID 0x100000UL
#define CLONE_CHILD_CLEARTID 0x200000UL
#define CLONE_DETACHED 0x400000UL
#define CLONE_CHILD_SETTID 0x1000000UL
#define CLONE_CLEAR_SIGHAND 0x100000000UL
#define SIGNAL_MASK 0xffUL

#define FORM_THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define WISHES                                                                                     \
    (CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID |              \
     CLONE_SYSVSEM | CLONE_DETACHED)

extern const char entry_thread[];

static bool is_used(const struct threads *threads, uint32_t region) {
    return (threads->regions[region / 64] >> (region % 64) & 1) != 0;
}

static struct linux_thread *thread_of_region(uint32_t region) {
    return (struct linux_thread *)(libos_region(region) + THREAD_OFFSET);
}

// The lowest region of a thread that has left its stack for good, LIBOS_REGIONS_MAX when there is
// none. Where the next search has to begin is kept. threads.lock held.
static uint32_t left_region(struct threads *threads) {
    uint32_t region = threads->region_left, ending = threads->region_bound;
    for (; region < threads->region_bound; region++) {
        const struct linux_thread *thread = thread_of_region(region);
        if (!is_used(threads, region) || thread->listed || thread->handle == HANDLE_NONE) {
            continue;
        }
        if (sys_object_wait(thread->handle, SIGNAL_THREAD_ENDED, 0, 0) > 0) {
            threads->region_left = ending < region ? ending : region + 1;
            return region;
        }
        ending = ending < region ? ending : region; // still on its stack
    }
    threads->region_left = ending;
    return LIBOS_REGIONS_MAX;
}

static uint32_t unused_region(const struct threads *threads) {
    uint32_t word = 0;
    while (word < LIBOS_REGIONS_MAX / 64 && threads->regions[word] == UINT64_MAX) {
        word++;
    }
    return word == LIBOS_REGIONS_MAX / 64
               ? LIBOS_REGIONS_MAX
               : word * 64 + (uint32_t)__builtin_ctzll(~threads->regions[word]);
}

int64_t thread_take_region(struct linux_thread **out) {
    struct threads *threads = &process_current()->threads;
    status_t status = ERR_LIMIT;
    mutex_lock(&threads->lock);
    uint32_t region = left_region(threads);
    vaddr_t block = libos_region(region);
    if (region < LIBOS_REGIONS_MAX) {
        (void)!sys_handle_close(thread_of_region(region)->handle);
        status = OK;
    } else if ((region = unused_region(threads)) < LIBOS_REGIONS_MAX) {
        status = launch_region(HANDLE_NONE, HANDLE_NONE, region, &block);
        if (status == OK) {
            region_use(threads, region);
        }
    }
    if (status == OK) {
        *out = thread_of_region(region);
        **out = (struct linux_thread){.block = (struct thread_block *)block, .listed = true};
    }
    mutex_unlock(&threads->lock);
    return status == OK ? 0 : -LINUX_EAGAIN;
}

// Takes the mappings of a region away. It fails for want of memory at worst, and is kept then.
// threads.lock held.
static void unmap_region(struct threads *threads, uint32_t region) {
    if (sys_aspace_unmap(HANDLE_NONE, libos_region(region), BLOCK_REGION_BYTES) == OK) {
        threads->regions[region / 64] &= ~(1UL << (region % 64));
    }
}

// Gives a region back that no thread ever ran in.
static void drop_region(struct linux_thread *thread) {
    struct threads *threads = &process_current()->threads;
    mutex_lock(&threads->lock);
    unmap_region(threads, libos_region_of((vaddr_t)thread->block));
    mutex_unlock(&threads->lock);
}

void threads_drop_left(void) {
    struct threads *threads = &process_current()->threads;
    uint32_t region;
    mutex_lock(&threads->lock);
    while ((region = left_region(threads)) != LIBOS_REGIONS_MAX) {
        handle_t handle = thread_of_region(region)->handle;
        thread_of_region(region)->handle = HANDLE_NONE;
        (void)!sys_handle_close(handle);
        unmap_region(threads, region);
    }
    mutex_unlock(&threads->lock);
}

struct wish {
    uint64_t flags, stack, tls, parent_tid, child_tid;
    uint32_t exit_signal;
};

// What the new thread begins with: the caller's registers, its own stack.
static void fill(struct linux_thread *self, struct linux_thread *thread, const struct wish *wish) {
    struct thread_block *block = thread->block;
    registers_of_call(self, &block->redirect);
    block->redirect.rax = 0;
    block->redirect.rsp = wish->stack != 0 ? wish->stack : block->redirect.rsp;
    if ((wish->flags & CLONE_SETTLS) != 0) {
        block->redirect.fs_base = wish->tls;
    }
    block->masked = 1;
    block->latched = 0;
    thread->call_limit = self->call_limit;
    thread->clear_tid = (wish->flags & CLONE_CHILD_CLEARTID) != 0 ? wish->child_tid : 0;
    memcpy(thread->shown.name, self->shown.name, sizeof(thread->shown.name));
}

static int64_t start_thread(struct linux_thread *self, struct linux_thread *thread,
                            const struct wish *wish) {
    int64_t handle = sys_thread_create(HANDLE_NONE, (vaddr_t)thread->block);
    if (handle < 0) {
        drop_region(thread);
        return -LINUX_EAGAIN;
    }
    int32_t tid = thread->tid;
    thread->handle = (handle_t)handle;
    thread_publish(thread, self->signals->blocked);
    thread_add(thread);
    bool stored =
        ((wish->flags & CLONE_PARENT_SETTID) == 0 ||
         store_user32(wish->parent_tid, (uint32_t)tid)) &&
        ((wish->flags & CLONE_CHILD_SETTID) == 0 || store_user32(wish->child_tid, (uint32_t)tid));
    (void)stored; // as on Linux, the thread runs all the same
    status_t status = sys_thread_start(thread->handle, (vaddr_t)entry_thread, (vaddr_t)thread,
                                       (uint64_t)thread->block, 0);
    if (status != OK) {
        process_panic("a thread does not start", status);
    }
    return tid;
}

static int64_t clone_thread(struct linux_thread *self, const struct wish *wish) {
    struct linux_thread *thread;
    int64_t result = thread_take_region(&thread);
    if (result < 0) {
        return result;
    }
    fill(self, thread, wish);
    int64_t tid = proc_new_thread_id();
    if (tid < 0) {
        drop_region(thread);
        return tid;
    }
    thread->tid = (int32_t)tid;
    result = start_thread(self, thread, wish);
    if (result < 0) {
        proc_end_thread_id((int32_t)tid);
    }
    return result;
}

void clone_begin(struct linux_thread *self) {
    struct registers registers = self->block->redirect;
    program_resume(self, &registers);
}

static int64_t clone_process(struct linux_thread *self, const struct wish *wish) {
    struct fork_options options = {
        .stack = wish->stack,
        .tls = wish->tls,
        .set_tls = (wish->flags & CLONE_SETTLS) != 0,
        .parent_tid = (wish->flags & CLONE_PARENT_SETTID) != 0 ? wish->parent_tid : 0,
        .child_tid = (wish->flags & CLONE_CHILD_SETTID) != 0 ? wish->child_tid : 0,
        .clear_tid = (wish->flags & CLONE_CHILD_CLEARTID) != 0 ? wish->child_tid : 0,
        .share = (wish->flags & CLONE_VM) != 0,
        .wait = (wish->flags & CLONE_VFORK) != 0,
        .clear_handlers = (wish->flags & CLONE_CLEAR_SIGHAND) != 0,
    };
    return process_fork(self, &options);
}

static int64_t clone_by(struct linux_thread *self, const struct wish *wish) {
    uint64_t form = wish->flags & ~WISHES;
    if (form == FORM_THREAD) {
        return wish->stack == 0 ? -LINUX_EINVAL : clone_thread(self, wish);
    }
    bool process = (form & ~(CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND)) == 0;
    bool copies = (form & CLONE_VM) == 0 || (form & CLONE_VFORK) != 0;
    bool signals = wish->exit_signal == 0 || wish->exit_signal == SIGCHLD;
    return process && copies && signals ? clone_process(self, wish) : -LINUX_EINVAL;
}

int64_t clone_from_registers(struct linux_thread *self, const uint64_t args[6]) {
    const struct wish wish = {
        .flags = args[0] & ~SIGNAL_MASK & UINT32_MAX,
        .stack = args[1],
        .parent_tid = args[2],
        .child_tid = args[3],
        .tls = args[4],
        .exit_signal = args[0] & SIGNAL_MASK,
    };
    return clone_by(self, &wish);
}

struct clone_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_bytes, tls;
};

int64_t clone3_from_registers(struct linux_thread *self, const uint64_t args[6]) {
    struct clone_arguments a;
    if (args[1] < sizeof(a)) {
        return -LINUX_EINVAL;
    }
    if (!copy_in(&a, args[0], sizeof(a))) {
        return -LINUX_EFAULT;
    }
    if ((a.stack == 0) != (a.stack_bytes == 0)) {
        return -LINUX_EINVAL;
    }
    const struct wish wish = {
        .flags = a.flags,
        .stack = a.stack + a.stack_bytes,
        .parent_tid = a.parent_tid,
        .child_tid = a.child_tid,
        .tls = a.tls,
        .exit_signal = (uint32_t)a.exit_signal,
    };
    return clone_by(self, &wish);
}

int64_t linux_fork(struct linux_thread *self, const uint64_t args[6]) {
    (void)args;
    const struct wish wish = {.exit_signal = SIGCHLD};
    return clone_process(self, &wish);
}

int64_t linux_vfork(struct linux_thread *self, const uint64_t args[6]) {
    (void)args;
    const struct wish wish = {.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD};
    return clone_process(self, &wish);
}
