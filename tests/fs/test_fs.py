# SPDX-License-Identifier: MIT
"""tmpfsd on the kernel: every operation, and no client that notices its deaths.

apps/fs-test brings a small supervisor of its own, so that it can say at which message and at which
stage tmpfsd dies. The simulator (tests/sim) tries the same at every word that it stores.
"""

import pytest
from harness.cases import run_cases

TIMEOUT_S = 400
LONG_TIMEOUT_S = 3600
LONG = ("script", "each_message", "kills", "steps=2000", "kills=10000")


def run_in_guest(boot, smp, args=(), timeout=TIMEOUT_S, name="fs-test", **machine):
    return run_cases(boot, "sbin/init", args=args, name=f"{name}[{smp}]",
                     append="init.run=bin/fs-test", smp=smp, timeout=timeout, **machine)


def test_everything_on_two_cpus(boot):
    cases = run_in_guest(boot, 2)
    assert len(cases.ok) >= 17


@pytest.mark.parametrize("smp", (1, 4))
def test_deaths_on_other_numbers_of_cpus(boot, smp):
    run_in_guest(boot, smp, ("script", "kills"))


def test_in_instructions(boot):
    """The same machine each time: figures that can be compared."""
    run_in_guest(boot, 1, ("costs", "recovery"), name="fs-test-icount", icount=True)


@pytest.mark.long
def test_two_thousand_operations(boot, cpus):
    run_in_guest(boot, cpus, LONG, timeout=LONG_TIMEOUT_S, name="fs-test-long")
