# SPDX-License-Identifier: MIT
"""Mounts, while vfsd and tmpfsd die at each message.

apps/vfs-test brings a supervisor of its own. What Linux programs make of mounts is compared with
Debian's kernel (tests/linux/programs/mounts), and vfsd is killed in tests/recovery, too.
"""

from harness.cases import run_cases

TIMEOUT_S = 400


def test_everything_on_two_cpus(boot):
    cases = run_cases(boot, "sbin/init", name="vfs-test[2]", append="init.run=bin/vfs-test",
                      smp=2, timeout=TIMEOUT_S)
    assert len(cases.ok) >= 4
