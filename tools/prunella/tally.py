# SPDX-License-Identifier: MIT
"""Counts passed and failed cases, and keeps what is repeated at the end of a test run.

A case is a line `ok NAME` or `FAIL NAME: reason`, whoever prints it: lint, unit tests, programs in
the guest. A line `# TEXT` is a figure; it is shown again at the end.
"""

import re
from dataclasses import dataclass, field

_CASE = re.compile(r"(ok) (\S+)$|(FAIL) ([^\s:]+)(?:: (.*))?$")


@dataclass
class Tally:
    """The sums of a test run."""

    passed: int = 0
    failures: list = field(default_factory=list)
    figures: list = field(default_factory=list)
    skipped: int = 0

    def ok(self, name, show=True):
        self.passed += 1
        if show:
            print(f"ok {name}", flush=True)

    def fail(self, name, reason, show=True):
        self.failures.append(f"{name}: {reason}")
        if show:
            print(f"FAIL {name}: {reason}", flush=True)

    def figure(self, text):
        self.figures.append(text)

    def take_line(self, line, prefix="", show=True):
        """Counts one line of a test program; returns whether it was a case."""
        if line.startswith("# "):
            self.figure(prefix + line[2:])
            return False
        match = _CASE.match(line)
        if match is None:
            return False
        if match[1]:
            self.ok(prefix + match[2], show)
        else:
            self.fail(prefix + match[4], match[5] or "no reason given", show)
        return True

    def finish(self):
        """Prints figures, failures and the last line; returns the exit status."""
        if self.figures:
            print("\nFigures")
            for text in self.figures:
                print(f"  {text}")
        if self.failures:
            print("\nFailures")
            for text in self.failures:
                print(f"  {text}")
        print()
        if self.skipped:
            print(f"{self.skipped} skipped")
        print(f"{self.passed} passed, {len(self.failures)} failed", flush=True)
        return 1 if self.failures or self.passed == 0 else 0
