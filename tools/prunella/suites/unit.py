# SPDX-License-Identifier: MIT
"""Group `unit`: the host unit tests that `make host` has built.

A test program prints a case a line and exits with 0 when all passed. A crash, a finding of a
sanitizer, a time-out, or a program without a case counts as one failed case of its own.
"""

import os
import subprocess

from prunella import paths
from prunella.progress import heartbeat

TIMEOUT_S = 120
TAIL_LINES = 40


def programs():
    """The programs of the last build, from the list that it wrote."""
    words = (paths.out_folder() / "host" / "programs").read_text(encoding="utf-8").split()
    return [paths.ROOT / word for word in words if word != "list:"]


def _run(program):
    """(exit status or None after a time-out, standard output, standard error)."""
    environment = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1")
    try:
        result = subprocess.run([program], cwd=paths.ROOT, env=environment, timeout=TIMEOUT_S,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                errors="replace", check=False)
    except subprocess.TimeoutExpired as late:
        text = late.stdout.decode(errors="replace") if late.stdout else ""
        return None, text, ""
    return result.returncode, result.stdout, result.stderr


def _run_and_count(tally, program):
    failures_before = len(tally.failures)
    with heartbeat(program.name):
        status, output, errors = _run(program)
    cases = sum(tally.take_line(line, f"{program.name}:") for line in output.splitlines())
    failed = len(tally.failures) - failures_before
    if status is None:
        tally.fail(program.name, f"did not end within {TIMEOUT_S} s")
    elif status != 0 and (failed == 0 or status != 1):
        print("\n".join(f"  {line}" for line in errors.splitlines()[-TAIL_LINES:]))
        tally.fail(program.name, f"ended with status {status} after {cases} cases")
    elif status == 0 and failed:
        tally.fail(program.name, "ended with status 0 though cases failed")
    elif cases == 0:
        tally.fail(program.name, "has no case")


def execute(tally):
    """Runs all programs."""
    for program in programs():
        _run_and_count(tally, program)
