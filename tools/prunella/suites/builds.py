# SPDX-License-Identifier: MIT
"""Group `build`: both compilers build everything in silence, and a repeated build is quick."""

import time

from prunella import make, paths
from prunella.progress import say

NO_CHANGE_LIMIT_S = 2.0
TARGETS = ("all", "host")
# What system tests build besides: made before them, since they run side by side in one tree.
SYSTEM_TARGETS = (*TARGETS, "linux", "sim")
COMPILERS = ("gcc", "clang")

# Lines that are no complaint: one for each class of steps (tools/make).
STEPS = ("compile ", "link ", "archive ", "pack ", "generate ", "remove ")


def build_for_tests(targets):
    """Builds what the other groups need; returns whether it succeeded. Its output goes through."""
    say("building")
    succeeded, output = make.build_captured(targets)
    if not succeeded:
        print(output, end="", flush=True)
    return succeeded


def _clang_folder():
    return paths.out_folder() / "clang"


def _check_compiler(tally, compiler):
    out = _clang_folder() if compiler == "clang" else None
    succeeded, output = make.build_captured(TARGETS, out=out, compiler=compiler)
    complaints = [line for line in output.splitlines() if line and not line.startswith(STEPS)]
    if succeeded and not complaints:
        tally.ok(f"build-{compiler}")
        return
    for line in complaints[:60]:
        print(f"  {line}")
    what = "the build prints warnings" if succeeded else "the build fails"
    tally.fail(f"build-{compiler}", f"{what}: {complaints[0] if complaints else 'without a word'}")


def _check_no_change(tally):
    start = time.monotonic()
    succeeded, _ = make.build_captured(TARGETS)
    took_s = time.monotonic() - start
    if succeeded and took_s < NO_CHANGE_LIMIT_S:
        tally.ok("build-no-change")
    else:
        tally.fail("build-no-change", f"a build without changes took {took_s:.1f} s, "
                   f"the limit is {NO_CHANGE_LIMIT_S:g} s" if succeeded else "the build fails")
    tally.figure(f"build without changes: {took_s:.2f} s")


def execute(tally):
    """Counts one case for each compiler, and one for the repeated build."""
    for compiler in COMPILERS:
        _check_compiler(tally, compiler)
    _check_no_change(tally)
