# SPDX-License-Identifier: MIT
"""`./prunella bench ipc`: the ceilings hold, and two runs give the same figures."""

from harness import results
from prunella.commands import bench

TIMEOUT_S = 120


def test_figures_repeat_and_stay_below_their_ceilings():
    rows = bench.measure(TIMEOUT_S)
    assert rows == bench.measure(TIMEOUT_S)
    for name, value in rows.items():
        results.figure(f"bench ipc: {name} {value} instructions")
    assert not bench.above_ceiling(rows)
