#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the kernel's own symbol table, an assembly file, from the output of `nm -n` on the kernel.

The kernel prints names in its backtraces, and it reads them from this table in its own read-only
data:

    kernel_symbol_count   uint32_t: number of entries n (0 in the first link)
    kernel_symbols        uint32_t[n]: offset of each function from kernel_text_start in bytes,
                          ascending, no two equal
    kernel_symbol_names   char[]: n names, each ended by a zero byte, in the same order: to find
                          name i, skip i names

Both `kernel_text_start` and `kernel_text_end` come from the linker script. Symbols of text (t, T,
w, W) in that range are taken; of several at one address a global one is preferred, then the first
in alphabetical order. The entry for an address in the text is the last one whose offset is not
greater than (address - kernel_text_start), wherever the kernel was loaded. A return address belongs
to the instruction before it: look up (address - 1), or a call at the very end of a function gets
the name of the next one. Declare the tables as:

    extern const uint32_t kernel_symbol_count;
    extern const uint32_t kernel_symbols[];
    extern const char kernel_symbol_names[];

They lie in section .rodata.kernel_symbols, which must follow the text in memory, so that growing
them moves no function; tools/make/kernel.mk links until the table is that of the kernel which
carries it.
"""

import sys

START, END = "kernel_text_start", "kernel_text_end"


def read_symbols(lines):
    """The (offset, name) pairs of the kernel's functions, in ascending order."""
    start = end = None
    text = []
    for line in lines:
        fields = line.split()
        if len(fields) != 3:
            continue
        address, kind, name = int(fields[0], 16), fields[1], fields[2]
        if name == START:
            start = address
        elif name == END:
            end = address
        elif kind in "tTwW" and not name.startswith(".L"):
            text.append((address, kind.islower(), name))
    if start is None or end is None:
        sys.exit(f"ksyms.py: no {START} or no {END}: the kernel's linker script must define both")
    symbols = {}
    for address, _, name in sorted(text):
        if start <= address < end:
            symbols.setdefault(address - start, name)
    return sorted(symbols.items())


def write_assembly(symbols, out):
    """The assembly file that defines the three tables."""
    out.write("/* Written by tools/ksyms.py. */\n")
    out.write('    .section .rodata.kernel_symbols, "a", @progbits\n')
    out.write("    .globl kernel_symbol_count, kernel_symbols, kernel_symbol_names\n")
    out.write("    .balign 4\n")
    out.write(f"kernel_symbol_count:\n    .long {len(symbols)}\nkernel_symbols:\n")
    for offset, _ in symbols:
        out.write(f"    .long {offset:#x}\n")
    out.write("kernel_symbol_names:\n")
    for _, name in symbols:
        out.write(f'    .asciz "{name}"\n')
    out.write('    .section .note.GNU-stack, "", @progbits\n')


def main():
    if sys.argv[1:] == ["--empty"]:
        write_assembly([], sys.stdout)
    elif not sys.argv[1:]:
        write_assembly(read_symbols(sys.stdin), sys.stdout)
    else:
        sys.exit("usage: nm -n KERNEL | ksyms.py > TABLE.S, or ksyms.py --empty > TABLE.S")


if __name__ == "__main__":
    main()
