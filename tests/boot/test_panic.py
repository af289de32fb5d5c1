# SPDX-License-Identifier: MIT
"""A panic names its reason, and its backtrace names functions of this kernel."""

import re
import subprocess

import pytest
from prunella import paths, qemu

FRAME = re.compile(r" +(?:0x)?([0-9a-f]+) ([A-Za-z_][\w.]*)\+(?:0x)?([0-9a-f]+)")


@pytest.fixture(scope="module")
def functions():
    """Address of each function of the kernel, from its file."""
    nm = subprocess.run(["nm", paths.kernel()], capture_output=True, text=True, check=True)
    fields = [line.split() for line in nm.stdout.splitlines()]
    return {name: int(address, 16) for address, kind, name in
            (field for field in fields if len(field) == 3) if kind in "tT"}


def panic_text(guest):
    """The kernel's lines from the panic on."""
    lines = guest.kernel_lines()
    start = next(number for number, line in enumerate(lines) if line.startswith("panic: "))
    return lines[start:]


def test_panic_ends_the_machine(boot, cpus):
    guest = boot(append="provoke=panic", smp=cpus)
    guest.expect("panic: ")
    guest.expect("end of panic")
    assert guest.wait() == qemu.PANIC


def test_backtrace_names_functions(boot, functions):
    guest = boot(append="provoke=panic")
    guest.expect("end of panic")
    guest.wait()
    lines = panic_text(guest)
    assert len(lines[0]) > len("panic: "), "no reason"
    frames = [match for match in map(FRAME.fullmatch, lines) if match]
    names = {match[2] for match in frames}
    assert len(names & functions.keys()) >= 2, f"{names} are not two functions of the kernel"
    for match in frames:
        if match[2] in functions:
            assert int(match[1], 16) - int(match[3], 16) == functions[match[2]], match[0]
