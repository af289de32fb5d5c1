# SPDX-License-Identifier: MIT
"""/proc: what procfsd tells, while it and procd die at each message.

apps/procfs-test brings a supervisor of its own. What busybox makes of it is tried in tests/exec.
"""

from harness.cases import run_cases

TIMEOUT_S = 400


def test_everything_on_two_cpus(boot):
    cases = run_cases(boot, "sbin/init", name="procfs-test[2]", append="init.run=bin/procfs-test",
                      smp=2, timeout=TIMEOUT_S)
    assert len(cases.ok) >= 4
