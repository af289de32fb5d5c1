// SPDX-License-Identifier: MIT
//
// Signal frames: what a handler finds on its stack, laid out as Linux does on x86_64, since
// programs read and change it (arch/x86/include/uapi/asm/sigcontext.h, ucontext.h). The vector
// state goes straight between the CPU and the frame by xsave64 and xrstor64.

#include <core/signal.h>

#include <core/access.h>
#include <core/process.h>

struct signal_context {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, trap, old_mask, fault_addr;
    uint64_t vectors;
    uint64_t reserved[8];
};
static_assert(sizeof(struct signal_context) == 256, "struct sigcontext of Linux");

struct user_context {
    uint64_t flags, link;
    uint64_t stack_addr;
    uint32_t stack_flags, pad;
    uint64_t stack_bytes;
    struct signal_context context;
    uint64_t mask;
};
static_assert(sizeof(struct user_context) == 304, "ucontext_t of Linux, with a mask of 8 bytes");

struct frame {
    uint64_t return_to;
    struct user_context user;
    struct signal_info info;
};

// In the bytes of the legacy area that the CPU leaves to software.
struct vector_note {
    uint32_t magic;
    uint32_t bytes;
    uint64_t features;
    uint32_t state_bytes;
    uint32_t pad[7];
};

enum {
    USER_CONTEXT_FLAGS = 7, // FP_XSTATE, SIGCONTEXT_SS, STRICT_RESTORE_SS
    MAGIC_1 = 0x46505853,
    MAGIC_2 = 0x46505845,
    NOTE_OFFSET = 464,
    HEADER_OFFSET = 512,
    HEADER_BYTES = 64,
    RED_ZONE = 128,
    USER_CODE = 0x33,
    USER_DATA = 0x2b,
    STACK_DISABLE = 2,
    STACK_ON = 1,
};
#define STACK_AUTODISARM 0x80000000u
// Flags that a handler begins without: trap, direction, resume, alignment of the stepper's.
#define FLAGS_CLEARED 0x50500UL
// Flags that sigreturn takes from the frame.
#define FLAGS_RESTORED 0x50dd5UL

void frame_start(void) {
    struct linux_process *process = process_current();
    uint32_t low, high, a = 0xd, bytes, c = 0, d;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    __asm__ volatile("cpuid" : "+a"(a), "=b"(bytes), "+c"(c), "=d"(d));
    process->vector_mask = (uint64_t)high << 32 | low;
    process->vector_bytes = bytes;
}

uint64_t frame_bytes(void) {
    return sizeof(struct frame) + process_current()->vector_bytes + 4 + 64 + 16;
}

static bool on_stack(const struct signal_stack *stack, uint64_t rsp) {
    return (stack->flags & STACK_AUTODISARM) == 0 && rsp > stack->addr &&
           rsp - stack->addr <= stack->bytes;
}

// Saves the vector state at `area`.
static bool vectors_save(uint64_t area) {
    const struct linux_process *process = process_current();
    uint32_t bytes = process->vector_bytes;
    struct vector_note note = {
        .magic = MAGIC_1,
        .bytes = bytes + 4,
        .features = process->vector_mask,
        .state_bytes = bytes,
    };
    const uint32_t end = MAGIC_2;
    return user_range(area, bytes + 4) &&
           access_clear((void *)(area + HEADER_OFFSET), HEADER_BYTES) == 0 &&
           access_save_vectors((void *)area, process->vector_mask) == OK &&
           copy_out(area + NOTE_OFFSET, &note, sizeof(note)) &&
           copy_out(area + bytes, &end, sizeof(end));
}

static bool vectors_load(uint64_t area) {
    const struct linux_process *process = process_current();
    struct vector_note note;
    uint32_t end;
    if (!copy_in(&note, area + NOTE_OFFSET, sizeof(note)) ||
        !user_range(area, process->vector_bytes)) {
        return false;
    }
    uint64_t mask = 3; // x87 and SSE, as FXRSTOR
    if (note.magic == MAGIC_1 && note.state_bytes <= process->vector_bytes &&
        load_user32(area + note.state_bytes, &end) && end == MAGIC_2) {
        mask = note.features & process->vector_mask;
    } else if (access_clear((void *)(area + HEADER_OFFSET), HEADER_BYTES) != 0 ||
               !store_user64(area + HEADER_OFFSET, 3)) {
        return false;
    }
    return access_load_vectors((const void *)area, mask) == OK;
}

static void context_fill(struct signal_context *context, const struct registers *r,
                         const struct signal_frame_options *options) {
    *context = (struct signal_context){
        .r8 = r->r8,
        .r9 = r->r9,
        .r10 = r->r10,
        .r11 = r->r11,
        .r12 = r->r12,
        .r13 = r->r13,
        .r14 = r->r14,
        .r15 = r->r15,
        .rdi = r->rdi,
        .rsi = r->rsi,
        .rbp = r->rbp,
        .rbx = r->rbx,
        .rdx = r->rdx,
        .rax = r->rax,
        .rcx = r->rcx,
        .rsp = r->rsp,
        .rip = r->rip,
        .cs = USER_CODE,
        .ss = USER_DATA,
        .rflags = r->rflags,
        .old_mask = options->mask,
    };
    if (options->upcall != NULL) {
        context->error = (uint32_t)options->upcall->upcall_code;
        context->trap = options->upcall->upcall_vector;
        context->fault_addr = options->upcall->upcall_addr;
    }
}

// The place for the frame, below what the program uses.
static uint64_t frame_place(struct linux_thread *self, const struct registers *registers,
                            const struct signal_action *action, uint64_t *vectors) {
    const struct signal_stack *stack = &self->stack;
    uint64_t at = registers->rsp - RED_ZONE;
    bool inside = on_stack(stack, registers->rsp);
    if ((action->flags & SA_ONSTACK) != 0 && stack->bytes > 0 && !inside) {
        at = stack->addr + stack->bytes;
        inside = true;
    }
    *vectors = (at - process_current()->vector_bytes - 4) & ~63UL;
    uint64_t place = ((*vectors - sizeof(struct frame)) & ~15UL) - 8;
    // An alternate stack that is too small is left alone, and the program dies.
    return inside && place < stack->addr ? UINT64_MAX : place;
}

bool frame_push(struct linux_thread *self, struct registers *registers,
                const struct signal_frame_options *options) {
    uint64_t vectors;
    const struct signal_action *action = options->action;
    uint64_t at = frame_place(self, registers, action, &vectors);
    if (!user_range(at, sizeof(struct frame)) || (action->flags & SA_RESTORER) == 0) {
        return false;
    }
    uint32_t on = on_stack(&self->stack, registers->rsp) ? STACK_ON : 0;
    struct frame frame = {
        .return_to = action->restorer,
        .user =
            {
                .flags = USER_CONTEXT_FLAGS,
                .stack_addr = self->stack.addr,
                .stack_flags = self->stack.bytes == 0 ? STACK_DISABLE : self->stack.flags | on,
                .stack_bytes = self->stack.bytes,
                .mask = options->mask,
            },
        .info = *options->info,
    };
    context_fill(&frame.user.context, registers, options);
    frame.user.context.vectors = vectors;
    if (!vectors_save(vectors) || !copy_out(at, &frame, sizeof(frame))) {
        return false;
    }
    if ((self->stack.flags & STACK_AUTODISARM) != 0) {
        self->stack = (struct signal_stack){0};
    }
    registers->rdi = (uint64_t)options->info->number;
    registers->rsi = at + offsetof(struct frame, info);
    registers->rdx = at + offsetof(struct frame, user);
    registers->rax = 0;
    registers->rsp = at;
    registers->rip = action->handler;
    registers->rflags &= ~FLAGS_CLEARED;
    return true;
}

bool frame_pop(struct linux_thread *self, struct registers *registers) {
    struct user_context user;
    uint64_t at = registers->rsp - 8 + offsetof(struct frame, user);
    if (!copy_in(&user, at, sizeof(user))) {
        return false;
    }
    const struct signal_context *c = &user.context;
    struct registers r = {
        .rax = c->rax,
        .rbx = c->rbx,
        .rcx = c->rcx,
        .rdx = c->rdx,
        .rsi = c->rsi,
        .rdi = c->rdi,
        .rbp = c->rbp,
        .rsp = c->rsp,
        .r8 = c->r8,
        .r9 = c->r9,
        .r10 = c->r10,
        .r11 = c->r11,
        .r12 = c->r12,
        .r13 = c->r13,
        .r14 = c->r14,
        .r15 = c->r15,
        .rip = c->rip,
        .rflags = (registers->rflags & ~FLAGS_RESTORED) | (c->rflags & FLAGS_RESTORED),
        .fs_base = registers->fs_base,
        .gs_base = registers->gs_base,
    };
    if (c->vectors != 0 && ((c->vectors & 63) != 0 || !vectors_load(c->vectors))) {
        return false;
    }
    *registers = r;
    self->stack = (struct signal_stack){0};
    if ((user.stack_flags & STACK_DISABLE) == 0) {
        self->stack = (struct signal_stack){
            .addr = user.stack_addr,
            .bytes = user.stack_bytes,
            .flags = user.stack_flags & STACK_AUTODISARM,
        };
    }
    signal_set_mask(self, user.mask);
    return true;
}
