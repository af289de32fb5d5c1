# SPDX-License-Identifier: MIT
"""`./prunella bench`: figures repeat to the last digit, ceilings hold, wrong options say so."""

import json
import re
import subprocess
import xml.etree.ElementTree

import pytest
from harness import results
from prunella import benchcurves, benchreport, native, paths, scaling, sidebyside
from prunella.benchreport import Row, Table, summed_up
from prunella.commands import bench
from prunella.errors import Failure
from prunella.sidebyside import LINUX, PRUNELLA, Figures, take_apart

TIMEOUT_S = 120


def prunella(*words):
    return subprocess.run([paths.ROOT / "prunella", "bench", *words], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, check=False)


def test_quick_repeats_and_stays_below_its_ceilings():
    done = prunella("--quick", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, row in found["icount"]["rows"].items():
        results.figure(f"bench: {name}: Linux {row['linux']:,.1f}, Prunella {row['prunella']:,.1f} "
                       f"instructions, ratio {row['ratio']:.2f}")
    for name, value in found["native"].items():
        results.figure(f"bench native: {name} {value} instructions")
    assert set(bench.QUICK_CEILINGS) < set(found["icount"]["rows"])
    assert set(native.CEILINGS) <= set(found["native"])
    again = prunella("--quick", "--json")
    assert again.stdout == done.stdout


@pytest.mark.parametrize("words", [
    ("no_such_row",), ("files:many",), ("--quick", "fstat"), ("--quick", "--wall"),
    ("--boots", "0"), ("--timeout", "-1"), ("--write", "fstat"), ("--profile",),
    ("--profile", "native"), ("--count", "native"), ("--profile", "boot"),
    ("--count", "--wall")], ids=" ".join)
def test_usage_errors(words):
    done = prunella(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "prunella: " in done.stderr


def test_profile_names_functions_of_kernel_and_libos():
    done = prunella("--profile", "pipe_rtt_1")
    assert done.returncode == 0, done.stderr
    head, _, *lines = done.stdout.splitlines()
    assert re.fullmatch(r"pipe_rtt_1: \d+ operations of [\d,]+ instructions; each enters the "
                        r"kernel [\d.]+ times, calls servers 0\.00 times, switches spaces "
                        r"[\d.]+ times", head)
    assert any("(kernel.elf)" in line for line in lines)
    assert any("(libos)" in line for line in lines)
    shares = [float(line.split("%")[0]) for line in lines if "%" in line]
    assert sorted(shares, reverse=True) == shares and 50 < sum(shares) <= 100.5
    ways = [line.split()[3:] for line in lines[lines.index("") + 2:]]
    assert ["stream_write", "(libos)"] in ways and ["redirect", "(bench)"] in ways


def test_no_row_calls_servers_more_often_than_it_may():
    done = prunella("--count", "--json", *bench.CALL_BUDGETS)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == set(bench.CALL_BUDGETS)
    for row, most in bench.CALL_BUDGETS.items():
        assert found[row]["server_calls"] <= most, row
        # Whatever enters no kernel was not seen at all.
        assert found[row]["instructions"] > 50
    assert found["getppid"]["entries"] >= 1 and found["stat_3comp"]["server_calls"] == 1


def test_output_that_lacks_something_is_refused():
    whole = "START 7\nROW a 10.5 11.0 100\nFAILED b open: No such file\nCLOCK 1000.0\nDONE\n"
    assert take_apart(whole, ["a", "b"], "x") == Figures({"a": 10.5}, {"b": "open: No such file"},
                                                         1000.0, 7)
    for word, other in (("DONE\n", ""), ("CLOCK", "CLICK"), ("START", "STOP"), ("ROW a", "ROW c")):
        wrong = whole.replace(word, other)
        with pytest.raises(Failure, match="did not end well on x"):
            take_apart(wrong, ["a", "b"], "x")


def table(**ratios):
    rows = [Row(name, {LINUX: 100.0, PRUNELLA: 100.0 * ratio} if ratio else {LINUX: 100.0}, 0.0)
            for name, ratio in ratios.items()]
    return Table("icount", rows, 1000.0, {})


def test_the_mean_is_geometric_and_leaves_out_controls_and_failures():
    assert table(ctl_a=1.0, b=0.5, c=2.0, d=None).geometric_mean() == pytest.approx(1.0)
    assert table(ctl_a=1.0).geometric_mean() is None


def test_unequal_controls_make_a_run_void():
    assert table(ctl_a=1.009, b=5.0).unequal_controls() == []
    assert table(ctl_a=1.011).unequal_controls() == ["ctl_a"]
    assert table(ctl_a=None).unequal_controls() == ["ctl_a"]
    by_the_clock = table(ctl_tlb_walk=0.1, ctl_a=1.09, ctl_b=1.11)
    by_the_clock.mode = "wall"
    assert by_the_clock.unequal_controls() == ["ctl_b"]


def test_medians_and_spread_over_boots():
    boots = {LINUX: [Figures({"a": value}, {}, 2.0, 1) for value in (10.0, 12.0, 11.0)],
             PRUNELLA: [Figures({"a": value}, {}, 2.0, 1) for value in (22.0, 22.0, 33.0)]}
    found = summed_up("wall", ["a"], boots)
    assert found.rows == [Row("a", {LINUX: 11.0, PRUNELLA: 22.0}, 0.5)]
    assert "22.00" not in benchreport.text(found) and "11.00" in benchreport.text(found)


def test_the_plot_has_a_bar_for_each_row_that_counts():
    root = xml.etree.ElementTree.fromstring(benchreport.plot(table(ctl_a=1.0, b=0.5, c=200.0)))
    bars = [element for element in root if element.tag.endswith("rect")]
    assert len(bars) == 1 + 2


def test_curves_as_table_and_plot():
    found = {"files": {LINUX: {10: 5.0, 100: 6.0}, PRUNELLA: {10: 7.0}},
             "services": {PRUNELLA: {1: 1000.0, 18: 2000.0}}}
    curves = benchcurves.of_scale(found)
    heading, *rows = curves.cells()
    assert heading == ["kind", "system", "10", "100", "1,000", "10,000"]
    assert rows == [["files: open, close", "linux", "5.0", "6.0", "-", "-"],
                    ["files: open, close", "prunella", "7.0", "-", "-", "-"],
                    ["services: restart of one", "prunella", "1,000 (1)", "2,000 (18)", "-", "-"]]
    root = xml.etree.ElementTree.fromstring(curves.plot())
    assert sum(element.tag.endswith("polyline") for element in root) == 3
    assert sum(element.tag.endswith("circle") for element in root) == 5


# What an operation may cost among the second number of things, as a multiple of among the first.
GROWTH_CEILINGS = {("processes", 10, 1000): 1.5, ("threads", 10, 1000): 1.2,
                   ("files", 10, 1000): 1.1, ("mappings", 10, 10_000): 1.3,
                   ("entries", 10, 10_000): 1.1}


def test_an_operation_costs_the_same_among_many():
    sidebyside.build()
    for (kind, few, many), most in GROWTH_CEILINGS.items():
        rows = [f"{kind}:{few}", f"{kind}:{many}"]
        found = sidebyside.measure(PRUNELLA, rows, True, TIMEOUT_S, memory=scaling.MEMORY).best
        results.figure(f"bench {kind}: {found[rows[0]]:,.0f} instructions among {few}, "
                       f"{found[rows[1]]:,.0f} among {many}")
        assert found[rows[1]] <= most * found[rows[0]], kind


def test_many_of_a_kind_are_rows():
    assert set(sidebyside.kinds()) < set(scaling.OPERATIONS)
    assert sidebyside.is_among_many("files:10")
    assert not any(map(sidebyside.is_among_many, ("files", "files:", "a:10", "files:x")))


def test_the_page_has_a_place_for_each_table():
    page = benchreport.PAGE.read_text(encoding="utf-8")
    for mark in ("icount", "wall", "count", "native", "boot", "scale", "cpus"):
        assert page.count(f"<!-- {mark}: begin -->") == page.count(f"<!-- {mark}: end -->") == 1


def test_all_rows_are_listed():
    done = prunella("--list")
    assert done.stdout.split() == ["native", "boot", "scale", "cpus", *sidebyside.all_rows()]
    assert len(sidebyside.all_rows()) >= 35
