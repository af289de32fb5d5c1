// SPDX-License-Identifier: MIT

#include <load/program.h>

#include <core/process.h>
#include <core/status.h>
#include <load/elf.h>
#include <load/source.h>
#include <sys/calls.h>

#define PROGRAM_BASE 0x555555554000UL // of position-independent programs, as on Linux
#define PROGRAM_SLIDE (1UL << 36)
#define FLAGS_START 0x202UL

// Maps clock page and vDSO, one after the other, at the top of the free addresses.
static int64_t map_vdso(void) {
    struct linux_process *process = process_current();
    const struct libos_header *header = (const struct libos_header *)LIBOS_TEXT;
    struct memory *memory = &process->memory;
    mutex_lock(&memory->lock);
    uint64_t clock = memory_gap(memory, 0, header->vdso_bytes + PAGE_SIZE, memory->top);
    struct mapping parts[] = {
        {.start = clock, .end = clock + PAGE_SIZE, .kind = MAPPING_CLOCK, .protection = PROT_READ},
        {.start = clock + PAGE_SIZE,
         .end = clock + PAGE_SIZE + header->vdso_bytes,
         .kind = MAPPING_VDSO,
         .protection = PROT_READ | PROT_EXEC},
    };
    status_t status = clock == 0 ? ERR_NO_MEMORY : OK;
    if (status == OK) {
        status =
            memory_map(process->clock, 0, parts[0].start, PAGE_SIZE, PROT_READ, MAP_INHERIT_SHARE);
    }
    if (status == OK) {
        status = memory_map(process->libos, header->vdso - LIBOS_TEXT, parts[1].start,
                            header->vdso_bytes, parts[1].protection, MAP_INHERIT_SHARE);
    }
    if (status == OK && (!memory_note(memory, &parts[0]) || !memory_note(memory, &parts[1]))) {
        status = ERR_NO_MEMORY;
    }
    process->vdso = parts[1].start;
    mutex_unlock(&memory->lock);
    return status == OK ? 0 : linux_result(status);
}

// Where the program is moved to; its heap begins behind it.
static uint64_t choose_base(const struct libos_record *record, const struct elf_program *program) {
    if (!program->relocatable) {
        return 0;
    }
    return PROGRAM_BASE + page_down(seed_number(record, 4, PROGRAM_SLIDE)) - program->low;
}

static int64_t load_interpreter(struct linux_thread *self, const struct libos_record *record,
                                const char *path, uint64_t *base, uint64_t *entry) {
    struct elf_program program;
    struct program_source source;
    int64_t result = source_open_path(self, path, &source);
    if (result < 0) {
        return result;
    }
    result = elf_read(source.vmo, source.bytes, &program);
    struct memory *memory = &process_current()->memory;
    uint64_t bytes = program.high - program.low;
    uint64_t at = result < 0 ? 0 : memory_gap(memory, 0, bytes, memory->top);
    if (result == 0 && (at == 0 || !program.relocatable)) {
        result = -LINUX_ENOEXEC;
    }
    if (result == 0) {
        *base = at - program.low;
        *entry = *base + program.entry;
        result = elf_map(&source, &program, *base);
    }
    source_close(&source);
    (void)record;
    return result;
}

int64_t program_load(struct linux_thread *self, const struct libos_record *record,
                     struct registers *registers) {
    struct linux_process *process = process_current();
    struct elf_program program;
    struct program_source source;
    int64_t result = source_open_executable(&source);
    if (result < 0) {
        return result;
    }
    result = elf_read(source.vmo, source.bytes, &program);
    uint64_t base = choose_base(record, &program);
    if (result == 0) {
        result = elf_map(&source, &program, base);
    }
    source_close(&source);
    if (result < 0) {
        return result;
    }
    process->memory.brk_start = process->memory.brk = program.high + base;
    process->info.code_start = program.low + base;
    process->info.code_end = program.high + base;
    process->memory.top = LINUX_ADDR_MAX - (64UL << 20);
    struct stack_options options = {
        .record = record,
        .entry = program.entry + base,
        .headers = program.headers + base,
        .header_count = program.header_count,
    };
    *registers = (struct registers){.rip = options.entry, .rflags = FLAGS_START};
    if (result == 0 && program.interpreter[0] != '\0') {
        result =
            load_interpreter(self, record, program.interpreter, &options.base, &registers->rip);
    }
    result = result == 0 ? map_vdso() : result;
    int64_t stack = result == 0 ? stack_build(&options) : result;
    registers->rsp = (uint64_t)stack;
    return stack < 0 ? stack : 0;
}
