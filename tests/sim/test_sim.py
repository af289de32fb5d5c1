# SPDX-License-Identifier: MIT
"""Servers that heal, killed many times in the simulator on the host.

`sim` is built for speed: every point of a fixed script, pairs of points, spoilt vaults, and a storm
of random kills. `sim-check` is the same with sanitizers, with fewer kills. A failed case prints its
seed.
"""

import re
import subprocess

import pytest
from harness import results
from prunella import make, paths

KILLS = 100_000
LONG_KILLS = 1_000_000
CHECKED = ("--kills=2000", "--pairs=200", "--stride=37")
TIMEOUT_S = 600
_LINE = re.compile(r"ok (\S+)|FAIL ([^\s:]+): (.*)|# (.*)")


@pytest.fixture(scope="module")
def sim():
    """The folder of the simulator, built."""
    make.build(["sim"])
    return paths.out_folder() / "sim"


def run(program, *options):
    """Runs the simulator; each of its cases counts."""
    done = subprocess.run([program, *options], capture_output=True, text=True, check=False,
                          errors="replace", stdin=subprocess.DEVNULL, timeout=TIMEOUT_S)
    passed = 0
    for match in filter(None, map(_LINE.fullmatch, done.stdout.splitlines())):
        if match[1]:
            passed += 1
            results.passed(f"{program.name}:{match[1]}")
        elif match[2]:
            results.failed(f"{program.name}:{match[2]}", match[3])
        else:
            results.figure(f"{program.name}: {match[4]}")
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert passed >= 13


def test_a_hundred_thousand_kills(sim):
    run(sim / "sim", f"--kills={KILLS}")


def test_with_sanitizers(sim):
    run(sim / "sim-check", *CHECKED)


@pytest.mark.long
def test_a_million_kills(sim):
    run(sim / "sim", f"--kills={LONG_KILLS}")
