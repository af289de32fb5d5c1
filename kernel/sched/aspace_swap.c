// SPDX-License-Identifier: MIT
//
// The calling thread, the only one of its process, leaves its aspace for another, where a block
// waits for it. Everything that can fail comes first; from then on the old aspace is only released.
#include <mm/aspace.h>
#include <mm/page.h>
#include <sched/current.h>

// Makes the aspace the process's, if that has one thread. Nobody else can add one meanwhile: it
// would have to be in the process's list first.
static bool take_process(struct process *process, struct aspace *aspace) {
    spin_lock(&process->lock);
    bool fit = process->state == PROCESS_STARTED && aspace != process->aspace &&
               list_first(&process->threads) == list_last(&process->threads);
    if (fit) {
        object_ref(aspace_object(aspace));
        process->aspace = aspace;
    }
    spin_unlock(&process->lock);
    return fit;
}

// What others have latched is written to the block under the thread's lock: nothing gets lost.
static void move_to_block(struct thread *self, struct thread_block *block, vaddr_t addr) {
    block->self = addr;
    block->thread = self->id;
    block->process = self->process->id;
    spin_lock(&self->lock);
    block->latched |= self->block->latched;
    self->block = block;
    self->block_addr = addr;
    spin_unlock(&self->lock);
}

int64_t aspace_swap(struct aspace *aspace, vaddr_t pc, vaddr_t block) {
    struct thread *self = thread_self();
    struct aspace *old = self->aspace;
    vaddr_t old_addr = self->block_addr;
    struct page *old_page = page_from_phys(virt_to_phys(self->block));
    struct page *page;
    if (!arch_user_address(pc)) {
        return ERR_INVALID_ARGUMENT;
    }
    if (!object_try_ref(aspace_object(aspace))) {
        return ERR_BAD_HANDLE;
    }
    status_t status = aspace_pin_block(aspace, block, &page);
    if (status == OK && !take_process(self->process, aspace)) {
        aspace_unpin_block(aspace, block, page);
        status = ERR_BAD_STATE;
    }
    if (status != OK) {
        object_unref(aspace_object(aspace));
        return status;
    }
    move_to_block(self, page_to_virt(page), block);
    self->robust_head = 0;
    self->aspace = aspace;
    self->entry = aspace_entry(aspace);
    aspace_switch(aspace);
    aspace_unpin_block(old, old_addr, old_page);
    object_unref_many(aspace_object(old), 2); // the thread's and the process's
    arch_thread_reset(self, pc, block, LIBOS_RECORD);
    source_update(&self->process->source, 0, SIGNAL_PROCESS_LEFT_ASPACE);
    return STATUS_RESUMED;
}
