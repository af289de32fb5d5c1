# SPDX-License-Identifier: MIT
"""The libos by itself: programs that need neither files nor other processes, with three libcs."""

import re

import pytest

LIBCS = ("musl", "musl-pie", "glibc", "glibc-pie", "klibc")
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
    status, lines = run(boot, linux_archive, f"linux/{libc}/hello")
    assert lines == ["hello", "a word on the error stream", "good bye"]
    assert status == 7 << 8


def test_busybox(boot, linux_archive):
    assert run(boot, linux_archive, "bin/busybox", "echo", "two", "words") == (0, ["two words"])
    assert run(boot, linux_archive, "bin/busybox", "false")[0] == 1 << 8


def test_trace(boot, linux_archive):
    """Each call is a line of the log with decoded arguments, its result and the error's name."""
    _, lines = run(boot, linux_archive, "trace", "linux/musl/hello")
    assert r'[1] write(1, "hello\n", 6) = 6' in lines
    assert "[1] exit_group(7)" in lines
