// SPDX-License-Identifier: MIT
//
// Entering the libos from the kernel for anything but a call (that is the architecture's entry
// code): abi/libos.h says when and how. The block is the process's own memory, so its words are
// hostile; they only ever decide what happens to this thread. All that is changed is the thread's
// registers and its block, at the end of an entry, where nothing of the kernel depends on them.
#include <mm/aspace.h>
#include <syscall/syscall.h>

static bool in_range(vaddr_t pc, vaddr_t begin, vaddr_t end) {
    return pc >= begin && pc < end;
}

// An aspace that has no entry shows it by this word; the others are valid once it is not 0.
static bool has_entry(const struct thread *thread) {
    return __atomic_load_n(&thread->entry->redirect, __ATOMIC_ACQUIRE) != 0;
}

static bool is_masked(const struct thread *thread) {
    return __atomic_load_n(&thread->block->masked, __ATOMIC_RELAXED) != 0;
}

static void enter(struct thread *thread, vaddr_t pc) {
    assert(has_entry(thread));
    __atomic_store_n(&thread->block->masked, 1, __ATOMIC_RELAXED);
    arch_thread_enter(&thread->arch, pc, thread->block_addr);
}

static void upcall(struct thread *thread, uint32_t kind, uint32_t vector, uint64_t code,
                   vaddr_t addr) {
    assert(!is_masked(thread));
    struct thread_block *block = thread->block;
    arch_thread_get_registers(thread, &block->upcall);
    block->upcall_kind = kind;
    block->upcall_vector = vector;
    block->upcall_code = code;
    block->upcall_addr = addr;
    enter(thread, thread->entry->upcall);
}

void upcall_interrupt(struct thread *thread) {
    assert(thread == cpu_this_thread());
    assert(spin_none_held());
    const struct aspace_entry *entry = thread->entry;
    if (!has_entry(thread)) {
        return;
    }
    if (in_range(arch_thread_pc(&thread->arch), entry->exit_begin, entry->exit_end)) {
        enter(thread, entry->exit_begin);
    } else if (!is_masked(thread) && thread_latched(thread)) {
        upcall(thread, UPCALL_INTERRUPT, 0, 0, 0);
    }
}

bool upcall_exception(struct thread *thread, uint32_t vector, uint64_t code, vaddr_t addr,
                      status_t status) {
    const struct aspace_entry *entry = thread->entry;
    if (!has_entry(thread)) {
        return false;
    }
    if (in_range(arch_thread_pc(&thread->arch), entry->access_begin, entry->access_end)) {
        arch_thread_set_result(&thread->arch, status);
        arch_thread_set_pc(&thread->arch, entry->access_fault);
        return true;
    }
    if (is_masked(thread)) {
        return false;
    }
    upcall(thread, UPCALL_EXCEPTION, vector, (uint32_t)code | (uint64_t)status << 32, addr);
    return true;
}
