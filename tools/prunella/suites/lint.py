# SPDX-License-Identifier: MIT
"""Group `lint`: the rules of tools/lint, one case each."""

import subprocess
import sys

from prunella import paths
from prunella.progress import heartbeat


def execute(tally):
    """Runs all rules."""
    command = [sys.executable, "-E", "-s", str(paths.ROOT / "tools/lint")]
    with heartbeat("lint"), subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True,
                                             stdout=subprocess.PIPE) as process:
        cases = 0
        for line in process.stdout:
            cases += tally.take_line(line.rstrip("\n"))
            if line.startswith("  "):
                print(line, end="", flush=True)
    if process.returncode not in (0, 1) or cases == 0:
        tally.fail("lint", f"tools/lint ended with status {process.returncode} and {cases} cases")
