# SPDX-License-Identifier: MIT
"""The folders of tests/: a run of pytest for each that was chosen: none sees another's files.

tests/conftest.py writes what happened, a JSON object a line, into the file that PRUNELLA_RESULTS
names: each pytest test, each case that a program in the guest reported, each figure. pytest's own
output goes through to the reader.
"""

import json
import os
import subprocess
import sys
import tempfile

from prunella import paths


def groups():
    """Names of the folders of tests/ that hold tests."""
    return sorted({test.parent.name for test in (paths.ROOT / "tests").glob("*/test_*.py")})


def _command(name, long):
    words = [sys.executable, "-E", "-s", "-B", "-m", "pytest", "--verbose", "--tb=short",
             "--no-header", "-p", "no:cacheprovider", "-W", "ignore:setDaemon:DeprecationWarning",
             "-c", "/dev/null", "--rootdir", str(paths.ROOT),
             "--confcutdir", str(paths.ROOT / "tests")]
    words += ["--long"] if long else []
    return [*words, f"tests/{name}"]


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


def execute(tally, name, long=False):
    """Runs the tests in tests/NAME."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl", encoding="utf-8") as results:
        environment["PRUNELLA_RESULTS"] = results.name
        sys.stdout.flush()
        failures_before = len(tally.failures)
        status = subprocess.run(_command(name, long), cwd=paths.ROOT, env=environment,
                                stdin=subprocess.DEVNULL, check=False).returncode
        _take(tally, results)
    # 0 and 5: all passed, or none was chosen; 1: some failed, and they are counted.
    if status not in (0, 1, 5) or (status == 1 and len(tally.failures) == failures_before):
        tally.fail(name, f"pytest ended with status {status} (its output is above)")
