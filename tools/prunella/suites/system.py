# SPDX-License-Identifier: MIT
"""The folders of tests/: a run of pytest for each test file of those that were chosen.

As many files run side by side as the host has CPUs: most guests have one CPU, and wait much. What
a file prints is kept until it has ended, so that outputs don't mix; a line on standard error tells
which ones run. The files that take longest begin first, so that none is left for the end.

tests/conftest.py writes what happened, a JSON object a line, into the file that PRUNELLA_RESULTS
names: each pytest test, each case that a program in the guest reported, each figure.
"""

import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time

from prunella import paths
from prunella.progress import heartbeat, say

# What takes longest, in that order; a wrong order costs time only.
LONG_FILES = (
    "recovery/test_heal.py", "recovery/test_init.py", "linux/test_families.py", "sim/test_sim.py",
    "tty/test_ttyd.py", "recovery/test_linux_storm.py", "proc/test_procd.py", "fs/test_fs.py",
    "kernel/test_native_calls.py", "tty/test_session.py",
)


def _files(name):
    return sorted((paths.ROOT / "tests" / name).glob("test_*.py"))


def groups():
    """Names of the folders of tests/ that hold tests."""
    return sorted({test.parent.name for test in (paths.ROOT / "tests").glob("*/test_*.py")})


def _command(file, long):
    words = [sys.executable, "-E", "-s", "-B", "-m", "pytest", "--verbose", "--tb=short",
             "--no-header", "-p", "no:cacheprovider", "-W", "ignore:setDaemon:DeprecationWarning",
             "-c", "/dev/null", "--rootdir", str(paths.ROOT),
             "--confcutdir", str(paths.ROOT / "tests")]
    words += ["--long"] if long else []
    return [*words, str(file)]


def _take(tally, lines):
    """Sums up the lines of the results file."""
    for line in lines:
        result = json.loads(line)
        kind = result["kind"]
        if kind == "figure":
            tally.figure(result["text"])
        elif kind == "skipped":
            tally.skipped += 1
        elif kind == "passed":
            tally.ok(result["name"], show=False)
        else:
            tally.fail(result["name"], result["reason"], show=False)


def _run(file, long):
    """(status of pytest, its output, lines of its results, seconds) of one test file."""
    say(f"{file.parent.name}/{file.name} begins")
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    start = time.monotonic()
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl", encoding="utf-8") as results:
        environment["PRUNELLA_RESULTS"] = results.name
        ended = subprocess.run(_command(file, long), cwd=paths.ROOT, env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace",
                               check=False)
        return ended.returncode, ended.stdout, results.readlines(), time.monotonic() - start


def _count(tally, file, outcome):
    """Shows and counts what one test file gave."""
    status, output, lines, seconds = outcome
    name = f"{file.parent.name}/{file.name}"
    failures_before = len(tally.failures)
    print(output, end="", flush=True)
    say(f"{name} has ended after {seconds:.0f} s")
    _take(tally, lines)
    # 0 and 5: all passed, or none was chosen; 1: some failed, and they are counted.
    if status not in (0, 1, 5) or (status == 1 and len(tally.failures) == failures_before):
        tally.fail(name, f"pytest ended with status {status} (its output is above)")


def _rank(file):
    name = f"{file.parent.name}/{file.name}"
    return LONG_FILES.index(name) if name in LONG_FILES else len(LONG_FILES)


def execute(tally, names, long=False):
    """Runs the tests in tests/NAME for each of the names."""
    files = sorted((file for name in names for file in _files(name)), key=_rank)
    if not files:
        return
    with (concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool,
          heartbeat("system tests")):
        runs = {pool.submit(_run, file, long): file for file in files}
        for run in concurrent.futures.as_completed(runs):
            _count(tally, runs[run], run.result())
