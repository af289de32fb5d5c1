# SPDX-License-Identifier: MIT
"""ttyd in the guest: apps/tty-test plays its line, its processes and its programs, and kills it.

What the line discipline does to bytes is compared with the host's own pty elsewhere
(servers/ttyd/test, group `unit`).
"""

import pytest
from harness.cases import run_cases

PROGRAM = "init.priority=24 init.run=bin/tty-test"
TIMEOUT_S = 300
LONG_TIMEOUT_S = 3600
LONG_KILLS = 10_000
ON_TWO_CPUS = ("script", "often", "waits", "readiness", "hangs_up", "flow", "load", "leaks",
               "recovery")


def run_in_guest(boot, smp, args=(), timeout=TIMEOUT_S, name="tty-test", **machine):
    return run_cases(boot, "sbin/init", args=args, name=f"{name}[{smp}]",
                     append=PROGRAM, smp=smp, timeout=timeout, **machine)


def test_deaths_at_each_message(boot):
    """A single client, in turn with a server that dies when it is told to: one CPU is enough."""
    run_in_guest(boot, 1, ("script", "dies"), name="tty-test-nth")


def test_everything_else_on_two_cpus(boot):
    cases = run_in_guest(boot, 2, ON_TWO_CPUS)
    assert len(cases.ok) >= 9


@pytest.mark.parametrize("smp", (1, 4))
def test_script_and_kills_on_other_numbers_of_cpus(boot, smp):
    run_in_guest(boot, smp, ("script", "flow", "random", "kills=100"))


def test_recovery_in_instructions(boot):
    """The same machine each time: figures that can be compared."""
    run_in_guest(boot, 1, ("recovery", "undisturbed"), name="tty-test-icount", icount=True)


@pytest.mark.long
def test_two_thousand_messages(boot):
    run_in_guest(boot, 1, ("script", "dies", "stages=5", "rounds=10"), timeout=LONG_TIMEOUT_S,
                 name="tty-test-nth-long")


@pytest.mark.long
def test_ten_thousand_kills(boot, cpus):
    run_in_guest(boot, cpus, ("random", f"kills={LONG_KILLS}"), timeout=LONG_TIMEOUT_S,
                 name="tty-test-long")
