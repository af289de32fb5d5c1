# SPDX-License-Identifier: MIT
"""Mounts and named pipes, while vfsd and tmpfsd die at each message.

apps/vfs-test brings a supervisor of its own. What Linux programs make of mounts is compared with
Debian's kernel (tests/linux/programs/mounts), and vfsd is killed in tests/recovery, too.
"""

import pytest
from harness.cases import run_cases

PROGRAM = "init.priority=24 init.run=bin/vfs-test"
TIMEOUT_S = 400
LONG_TIMEOUT_S = 3600
# The script has a single client, in turn with a server that dies when it is told to: a second CPU
# would only make each call wait for the emulator. tmpfsd dies in sessions with many deaths here;
# alone at each message in `--long`, and with a script of its own in tests/fs.
SHORT = ("script", "vfsd_dies", "tmpfsd_dies_often", "meetings", "limit", "leaks")
ON_TWO_CPUS = ("script", "vfsd_dies_often", "meetings", "limit", "leaks")
LONG = ("script", "dies", "stages=5", "rounds=10")


def run_in_guest(boot, smp, args, timeout=TIMEOUT_S, name="vfs-test"):
    return run_cases(boot, "sbin/init", args=args, name=f"{name}[{smp}]",
                     append=PROGRAM, smp=smp, timeout=timeout)


def test_deaths_at_each_message(boot):
    cases = run_in_guest(boot, 1, SHORT)
    assert len(cases.ok) >= 6


def test_many_deaths_on_two_cpus(boot):
    run_in_guest(boot, 2, ON_TWO_CPUS, name="vfs-test-more")


@pytest.mark.long
def test_two_thousand_messages(boot):
    run_in_guest(boot, 1, LONG, timeout=LONG_TIMEOUT_S, name="vfs-test-long")
