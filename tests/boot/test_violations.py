# SPDX-License-Identifier: MIT
"""The kernel's own rules hold: breaking one on purpose ends in a panic that names it."""

import re

import pytest
from prunella import qemu

# What `provoke=` is told to do, and how the panic must begin.
VIOLATIONS = {
    "assert": r"assertion failed: .+",
    "null": r"null pointer: write at 0x8",
    "stack": r"stack overflow: guard page of the kernel stack of CPU 0 at 0x[0-9a-f]+",
    "canary": r"a function has written past the end of an array on its stack",
    "text": r"W\^X violation: kernel text: write at 0x[0-9a-f]+",
    "rodata": r"read-only kernel memory: write at 0x[0-9a-f]+",
    "execute": r"NX violation: not kernel text: execution at 0x[0-9a-f]+",
    "smap": r"SMAP violation: write at 0x400000",
    "smep": r"SMEP violation: execution at 0x400000",
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_violation_is_caught(boot, name):
    guest = boot(append=f"provoke={name}")
    guest.expect("end of panic")
    assert guest.wait() == qemu.PANIC
    reasons = [line.removeprefix("panic: ") for line in guest.kernel_lines()
               if line.startswith("panic: ")]
    assert len(reasons) == 1 and re.fullmatch(VIOLATIONS[name], reasons[0]), reasons


def test_protections_are_on(boot):
    guest = boot(append="provoke=panic")
    guest.expect("end of panic")
    guest.wait()
    line = next(line for line in guest.kernel_lines() if line.startswith("cpu: on: "))
    assert {"WP", "NX", "SMEP", "SMAP", "UMIP"} <= set(line.split())
