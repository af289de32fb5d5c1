# SPDX-License-Identifier: MIT
"""tmpfsd on the kernel: every operation, and no client that notices its deaths.

apps/fs-test brings a small supervisor of its own, so that it can say at which message and at which
stage tmpfsd dies. The simulator (tests/sim) tries the same at every word that it stores.
"""

import pytest
from harness.cases import run_cases

PROGRAM = "init.priority=24 init.run=bin/fs-test"
TIMEOUT_S = 400
LONG_TIMEOUT_S = 3600
# What a single client does, in turn with a server that dies when it is told to, hardly needs a
# second CPU, on which each call would wait for the emulator to come around. What differs there is
# who goes on while a server dies: sessions with many deaths run there, too.
ONE_AFTER_THE_OTHER = ("script", "dies_at", "leaks", "users", "sticky", "special", "refuses",
                       "secrets", "temporary", "roots", "limits", "tree")
LONG = ("script", "each_message", "kills", "leaks", "steps=2000", "kills=10000", "restarts=1000")


def run_in_guest(boot, smp, args=(), timeout=TIMEOUT_S, name="fs-test", **machine):
    return run_cases(boot, "sbin/init", args=args, name=f"{name}[{smp}]",
                     append=PROGRAM, smp=smp, timeout=timeout, **machine)


def test_operations_and_planned_deaths(boot):
    cases = run_in_guest(boot, 1, ONE_AFTER_THE_OTHER)
    assert len(cases.ok) >= 13


@pytest.mark.parametrize("smp", (1, 2, 4))
def test_kills_under_two_clients(boot, smp):
    run_in_guest(boot, smp, ("kills",))


def test_some_of_it_on_two_cpus(boot):
    run_in_guest(boot, 2, ("each_message", "users", "limits", "tree"), name="fs-test-more")


def test_in_instructions(boot):
    """The same machine each time: figures that can be compared."""
    run_in_guest(boot, 1, ("costs", "recovery"), name="fs-test-icount", icount=True)


@pytest.mark.long
def test_two_thousand_messages(boot):
    run_in_guest(boot, 1, ("nth_message", "stages=5", "rounds=8"), timeout=LONG_TIMEOUT_S,
                 name="fs-test-nth")


@pytest.mark.long
def test_two_thousand_operations(boot, cpus):
    run_in_guest(boot, cpus, LONG, timeout=LONG_TIMEOUT_S, name="fs-test-long")
