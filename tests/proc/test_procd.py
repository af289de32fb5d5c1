# SPDX-License-Identifier: MIT
"""procd, killed while processes that stand for Linux ones fork, wait, signal and stop each other.

apps/proc-test brings a supervisor; its processes run tests/proc/agent in the place of the libos.
What is random is tried much harder in the simulator (tests/sim).
"""

import pytest
from harness.cases import run_cases

PROGRAM = "init.priority=24 init.run=bin/proc-test"
TIMEOUT_S = 400
LONG_TIMEOUT_S = 3600
LONG_KILLS = 10_000


def run_in_guest(boot, smp, args=(), timeout=TIMEOUT_S, name="proc-test", **machine):
    return run_cases(boot, "sbin/init", args=args, name=f"{name}[{smp}]",
                     append=PROGRAM, smp=smp, timeout=timeout, **machine)


def test_everything_on_two_cpus(boot):
    cases = run_in_guest(boot, 2)
    assert len(cases.ok) >= 30


@pytest.mark.parametrize("smp", (1, 4))
def test_kills_on_other_numbers_of_cpus(boot, smp):
    run_in_guest(boot, smp, ("kills", "recovery"))


@pytest.mark.long
def test_two_thousand_messages(boot):
    args = ("script", "dies", "stages=5", "rounds=6")
    run_in_guest(boot, 2, args, timeout=LONG_TIMEOUT_S, name="proc-test-nth")


@pytest.mark.long
def test_ten_thousand_kills(boot, cpus):
    run_in_guest(boot, cpus, ("random_kills", f"kills={LONG_KILLS}"), timeout=LONG_TIMEOUT_S,
                 name="proc-test-long")
