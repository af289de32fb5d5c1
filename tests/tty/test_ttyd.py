# SPDX-License-Identifier: MIT
"""ttyd in the guest: apps/tty-test plays its line, its processes and its programs, and kills it.

What the line discipline does to bytes is compared with the host's own pty elsewhere
(servers/ttyd/test, group `unit`).
"""

import pytest
from harness.cases import run_cases

TIMEOUT_S = 300
LONG_TIMEOUT_S = 3600
LONG_KILLS = 10_000


def run_in_guest(boot, smp, args=(), timeout=TIMEOUT_S, name="tty-test", **machine):
    return run_cases(boot, "sbin/init", args=args, name=f"{name}[{smp}]",
                     append="init.run=bin/tty-test", smp=smp, timeout=timeout, **machine)


def test_everything_on_two_cpus(boot):
    cases = run_in_guest(boot, 2)
    assert len(cases.ok) >= 10


@pytest.mark.parametrize("smp", (1, 4))
def test_session_and_kills_on_other_numbers_of_cpus(boot, smp):
    run_in_guest(boot, smp, ("session", "flow", "random", "kills=100"))


def test_recovery_in_instructions(boot):
    """The same machine each time: figures that can be compared."""
    run_in_guest(boot, 1, ("recovery", "undisturbed"), name="tty-test-icount", icount=True)


@pytest.mark.long
def test_each_message_by_itself(boot):
    args = ("dies", "step=1", "stages=5")
    run_in_guest(boot, 2, args, timeout=LONG_TIMEOUT_S, name="tty-test-nth")


@pytest.mark.long
def test_ten_thousand_kills(boot, cpus):
    run_in_guest(boot, cpus, ("random", f"kills={LONG_KILLS}"), timeout=LONG_TIMEOUT_S,
                 name="tty-test-long")
