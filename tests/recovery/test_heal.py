# SPDX-License-Identifier: MIT
"""Servers that heal, on the kernel: killed, frozen and broken while clients use them.

apps/heal-test brings a small supervisor of its own, so that it can say at which call and at which
stage a server dies. What the library promises is tried much harder in the simulator (tests/sim);
here it meets the real kernel, on one CPU and on several.
"""

import pytest
from harness.cases import run_cases

PROGRAM = "init.priority=24 init.run=bin/heal-test"
TIMEOUT_S = 300
LONG_TIMEOUT_S = 3600
# On two CPUs everything; on others what depends on their number.
PARTS = ("nobody", "nth_message", "kills", "poisoned", "frozen", "recovery")
LONG_KILLS = 10_000


def run_in_guest(boot, smp, args=(), timeout=TIMEOUT_S, name="heal-test", **machine):
    return run_cases(boot, "sbin/init", args=args, name=f"{name}[{smp}]",
                     append=PROGRAM, smp=smp, timeout=timeout, **machine)


def test_everything_on_two_cpus(boot):
    cases = run_in_guest(boot, 2)
    assert len(cases.ok) >= 16


@pytest.mark.parametrize("smp", (1, 4))
def test_deaths_on_other_numbers_of_cpus(boot, smp):
    run_in_guest(boot, smp, PARTS)


def test_in_instructions(boot):
    """The same machine each time: figures that can be compared."""
    run_in_guest(boot, 1, ("costs", "recovery"), name="heal-test-icount", icount=True)


@pytest.mark.long
def test_ten_thousand_kills(boot, cpus):
    run_in_guest(boot, cpus, ("random_kills", f"kills={LONG_KILLS}"), timeout=LONG_TIMEOUT_S,
                 name="heal-test-long")
