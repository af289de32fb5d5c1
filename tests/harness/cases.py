# SPDX-License-Identifier: MIT
"""Runs a native test program in the guest, as init, and turns what it prints into results.

The program prints `ok NAME` or `FAIL NAME: reason` for each case, `# TEXT` for a figure, and at the
end `done N ok, M failed`. Each case counts in the totals of `./prunella test`. The test that called
run_cases() fails when a case failed, when the sums differ, or when the guest did not power off.
"""

import re

from harness import results
from harness.guest import KERNEL_LINE, GuestError

_LINE = re.compile(r"(ok) (\S+)|(FAIL) ([^\s:]+)(?:: (.*))?|(#) (.*)|(done) (\d+) ok, (\d+) failed")
_END = re.compile(r"done \d+ ok, \d+ failed\r?\n|end of panic")


class Cases:
    """The cases that one program reported."""

    def __init__(self, name):
        self.name = name
        self.ok = []
        self.failed = []
        self.figures = []
        self.sums = None

    def take(self, line):
        """Reads one line of the console; what is no result is left alone."""
        stamped = KERNEL_LINE.fullmatch(line)
        match = _LINE.fullmatch((stamped[1] if stamped else line).strip())
        if match is None:
            return
        if match[1]:
            self.ok.append(match[2])
        elif match[3]:
            self.failed.append((match[4], match[5] or "no reason given"))
        elif match[6]:
            self.figures.append(match[7])
        else:
            self.sums = (int(match[9]), int(match[10]))

    def report(self):
        """Hands the cases to ./prunella test, and prints them for pytest's own report."""
        for case in self.ok:
            results.passed(f"{self.name}:{case}")
        for case, reason in self.failed:
            results.failed(f"{self.name}:{case}", reason)
            print(f"FAIL {case}: {reason}")
        for text in self.figures:
            results.figure(f"{self.name}: {text}")

    def check(self):
        """Raises when the program did not end well."""
        counted = (len(self.ok), len(self.failed))
        if self.sums is None:
            raise GuestError(f"the program did not print its sums, after {sum(counted)} cases")
        if self.sums != counted:
            raise GuestError(f"the program counts {self.sums} cases, but {counted} were printed")
        if self.failed:
            raise GuestError(f"{len(self.failed)} cases failed: {self.failed[0][0]}, ...")
        if not self.ok:
            raise GuestError("the program has no case")


def run_cases(boot, init, args=(), name=None, append="", **machine):
    """Boots with `init` (a path in the boot archive) and its arguments; returns the Cases."""
    words = " ".join([append, f"init={init}", *(("--", *args) if args else ())])
    guest = boot(append=words.strip(), **machine)
    cases = Cases(name or f"{init.rsplit('/', 1)[-1]}[{guest.machine.smp}]")
    error = None
    try:
        guest.expect(_END)
        guest.wait_off()
    except GuestError as caught:
        error = caught
    for line in guest.lines():
        cases.take(line)
    cases.report()
    if error is not None:
        raise GuestError(f"{error}, after {len(cases.ok)} good and {len(cases.failed)} bad cases")
    cases.check()
    return cases
