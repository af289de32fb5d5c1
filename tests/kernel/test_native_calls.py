# SPDX-License-Identifier: MIT
"""The native calls, tested in the guest by apps/syscall-test and apps/fuzz-call on 1, 2 and 4 CPUs.

Each part is a boot of its own, so that a panic in one leaves the others.
"""

import re
import time

import pytest
from harness.cases import run_cases

TIMEOUT_S = 240
LONG_TIMEOUT_S = 3600

PARTS = {
    "handles": ("runtime", "generic", "handles", "objects"),
    "processes": ("processes", "threads"),
    "memory": ("memory",),
    "ipc": ("ipc", "keep"),
    "rest": ("streams", "futexes", "time", "system"),
    "protection": ("protection",),
    "libos": ("libos",),
}

# Steps of all races together: a few batches of each in the short run.
SHORT_ROUNDS = 5000
LONG_ROUNDS = 1_000_000
SHORT_CALLS = 100_000
LONG_CALLS = 2_000_000


def run_program(boot, program, name, args, smp, timeout=TIMEOUT_S, **machine):
    """Runs a program of the boot archive as a child of init; returns its cases."""
    return run_cases(boot, "sbin/init", args=args, name=f"{name}[{smp}]",
                     append=f"init.run=bin/{program}", smp=smp, timeout=timeout, **machine)


@pytest.mark.parametrize("part", PARTS)
def test_calls(boot, cpus, part):
    cases = run_program(boot, "syscall-test", "syscall-test", PARTS[part], cpus)
    assert len(cases.ok) > len(PARTS[part])


def test_devices(boot, cpus):
    """On the second serial port, which nobody else uses."""
    cases = run_cases(boot, "sbin/init", args=["devices"], name=f"devices[{cpus}]", smp=cpus,
                      append="init.run=bin/syscall-test init.grants=serial2",
                      extra=["-chardev", "null,id=second", "-serial", "chardev:second"])
    assert len(cases.ok) >= 7


def test_the_time_of_day(boot):
    """The clock page tells the time of the machine's own clock, which QEMU takes from the host."""
    before = time.time()
    cases = run_program(boot, "syscall-test", "time", ["--only=time_clock_page"], 1)
    seconds = int(re.fullmatch(r"unix time (\d+)", cases.figures[0])[1])
    assert before - 2 <= seconds <= time.time() + 1


def test_races(boot, cpus):
    cases = run_program(boot, "syscall-test", "races", ["races", f"--rounds={SHORT_ROUNDS}"], cpus)
    assert len(cases.ok) >= 9


def test_races_of_cpus_that_run_at_once(boot):
    run_program(boot, "syscall-test", "races-parallel", ["races", f"--rounds={SHORT_ROUNDS}"], 4,
                parallel=True)


def test_random_calls(boot, cpus):
    run_program(boot, "fuzz-call", "fuzz-call", [f"--calls={SHORT_CALLS}"], cpus)


@pytest.mark.long
def test_a_million_races(boot):
    run_program(boot, "syscall-test", "races-long",
                ["races", f"--rounds={LONG_ROUNDS}", "--repeat=0"], 4, timeout=LONG_TIMEOUT_S,
                parallel=True)


@pytest.mark.long
def test_millions_of_random_calls(boot, cpus):
    run_program(boot, "fuzz-call", "fuzz-call-long", [f"--calls={LONG_CALLS}"], cpus,
                timeout=LONG_TIMEOUT_S)


@pytest.mark.long
@pytest.mark.parametrize("memory", ("64M", "2G"))
def test_calls_with_little_and_much_memory(boot, memory):
    parts = [group for groups in PARTS.values() for group in groups]
    run_program(boot, "syscall-test", f"syscall-test-{memory}", parts, 2, timeout=LONG_TIMEOUT_S,
                memory=memory)
