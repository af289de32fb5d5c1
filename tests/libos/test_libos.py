# SPDX-License-Identifier: MIT
"""The libos by itself: programs that need neither files nor other processes, with three libcs."""

import re

import pytest
from harness import results

LIBCS = ("musl", "musl-pie", "glibc", "glibc-pie", "klibc")
# Instructions of a Linux call that needs nobody else: 0.40 of the 362 that Linux takes.
NULL_CALL_MOST = 145
_STATUS = re.compile(r"linux-run: status (-?\d+) cause (\d+)")


def run(boot, archive, *words, **machine):
    """Runs a program; returns its wait status and the lines that it wrote."""
    guest = boot("init.run=bin/linux-run -- " + " ".join(words), archive=archive, **machine)
    guest.wait_off()
    lines = guest.kernel_lines()
    end = next(at for at, line in enumerate(lines) if line.startswith("linux-run: status"))
    start = next(at for at, line in enumerate(lines) if re.fullmatch(r"\d+ CPUs? online", line))
    return int(_STATUS.fullmatch(lines[end])[1]), lines[start + 1:end]


@pytest.mark.parametrize("libc", LIBCS)
def test_hello(boot, linux_archive, libc):
    status, lines = run(boot, linux_archive, f"/linux/{libc}/hello")
    assert lines == ["hello", "a word on the error stream", "good bye"]
    assert status == 7 << 8


def test_busybox(boot, linux_archive):
    assert run(boot, linux_archive, "/bin/busybox", "echo", "two", "words") == (0, ["two words"])
    assert run(boot, linux_archive, "/bin/busybox", "false")[0] == 1 << 8


def test_trace(boot, linux_archive):
    """Each call is a line of the log with decoded arguments, its result and the error's name."""
    _, lines = run(boot, linux_archive, "trace", "/linux/musl/hello")
    assert r'[1] write(1, "hello\n", 6) = 6' in lines
    assert "[1] exit_group(7)" in lines


@pytest.mark.parametrize("words, expected", [
    (("/linux/musl/crash", "null-read"), 11),
    (("/linux/musl/crash", "divide"), 8),
    (("/linux/glibc/handlers",), 0),
    (("/linux/glibc/alternate_stack",), 0),
    (("/linux/musl/bad_pointers",), 0),
    (("/linux/glibc/create",), 0),
    (("/linux/musl/locks",), 0),
])
def test_program(boot, linux_archive, words, expected):
    """Faults, signals, EFAULT and threads, without any server."""
    status, lines = run(boot, linux_archive, *words)
    assert status == expected
    assert not [line for line in lines if line.endswith(": NO")]


def test_null_call(boot, linux_archive):
    status, lines = run(boot, linux_archive, "/linux/null_call", icount=True)
    count = int(re.fullmatch(r"getppid (\d+)", lines[-1])[1])
    results.figure(f"libos: getppid takes {count} instructions (at most {NULL_CALL_MOST})")
    assert status == 0
    assert count <= NULL_CALL_MOST
