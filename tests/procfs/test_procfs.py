# SPDX-License-Identifier: MIT
"""/proc: what procfsd tells, while it and procd die at each message.

apps/procfs-test brings a supervisor of its own. What busybox makes of it is tried in tests/exec.
"""

import pytest
from harness.cases import run_cases

PROGRAM = "init.priority=24 init.run=bin/procfs-test"
TIMEOUT_S = 400
LONG_TIMEOUT_S = 3600
ON_TWO_CPUS = ("script", "procfsd_dies_often", "leaks")
LONG = ("script", "dies", "stages=5", "rounds=6")


def run_in_guest(boot, smp, args=(), timeout=TIMEOUT_S, name="procfs-test"):
    return run_cases(boot, "sbin/init", args=args, name=f"{name}[{smp}]",
                     append=PROGRAM, smp=smp, timeout=timeout)


def test_deaths_at_each_message(boot):
    """A single client, in turn with a server that dies when it is told to: one CPU is enough."""
    cases = run_in_guest(boot, 1)
    assert len(cases.ok) >= 6


def test_many_deaths_on_two_cpus(boot):
    run_in_guest(boot, 2, ON_TWO_CPUS, name="procfs-test-more")


@pytest.mark.long
def test_two_thousand_messages(boot):
    run_in_guest(boot, 1, LONG, timeout=LONG_TIMEOUT_S, name="procfs-test-long")
