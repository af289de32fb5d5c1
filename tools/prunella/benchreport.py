# SPDX-License-Identifier: MIT
"""What `bench` measured, for people: tables, a plot, and both in docs/benchmarks.md."""

import math
import re
from dataclasses import dataclass
from statistics import median

from prunella import paths
from prunella.errors import Failure
from prunella.sidebyside import LINUX, PRUNELLA, TUNED

CONTROL = "ctl_"
PAGE = paths.ROOT / "docs/benchmarks.md"
# Controls run the same instructions on both kernels. Counted, they are the same but for interrupts;
# by the clock even a quiet host makes a difference.
TOLERANCE = {"icount": 0.01, "wall": 0.10}
# By the clock this one shows how large QEMU's table of translations is, which it chooses anew at
# each flush: no property of the kernels.
COUNTED_ONLY = "ctl_tlb_walk"


@dataclass
class Row:
    """Ticks per operation of a row, by system; a system is not there when it could not run it."""

    name: str
    ticks: dict
    spread: float   # the widest of both systems: (most - least) / median over the boots

    @property
    def ratio(self):
        """Prunella to Linux; None when one of them could not run it."""
        linux, prunella = self.ticks.get(LINUX), self.ticks.get(PRUNELLA)
        return prunella / linux if linux and prunella else None


@dataclass
class Table:
    """The rows of one mode ("icount" or "wall")."""

    mode: str
    rows: list
    ticks_per_us: float
    failed: dict    # (system, row): why

    def ratios(self):
        """{row: ratio} of the rows that count: no controls, none that failed."""
        return {row.name: row.ratio for row in self.rows
                if row.ratio and not row.name.startswith(CONTROL)}

    def geometric_mean(self):
        """Of the ratios; None without any."""
        ratios = self.ratios().values()
        return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None

    def unequal_controls(self):
        """The names of the controls that differ by more than the mode's tolerance."""
        return [row.name for row in self.rows if row.name.startswith(CONTROL)
                and not (self.mode == "wall" and row.name == COUNTED_ONLY)
                and not (row.ratio and abs(row.ratio - 1) <= TOLERANCE[self.mode])]


def _spread(values):
    return (max(values) - min(values)) / median(values) if values else 0.0


def summed_up(mode, names, boots):
    """The Table of these boots: {system: [Figures, ...]}; medians over the boots."""
    rows, failed = [], {}
    for name in names:
        found = {system: [figures.best[name] for figures in runs if name in figures.best]
                 for system, runs in boots.items()}
        for system, runs in boots.items():
            failed.update(((system, name), figures.failed[name]) for figures in runs
                          if name in figures.failed)
        rows.append(Row(name, {system: median(values) for system, values in found.items()
                               if values},
                        max(_spread(values) for values in found.values())))
    clocks = [figures.ticks_per_us for figures in boots[LINUX]]
    return Table(mode, rows, median(clocks), failed)


def number(value):
    if value is None:
        return "-"
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _micros(ticks, table):
    return None if ticks is None else ticks / table.ticks_per_us


def _cells(table):
    """The heading and the rows of a table, as text."""
    if table.mode == "icount":
        tuned = any(TUNED in row.ticks for row in table.rows)
        heading = ["row", "Linux", *(["tuned"] if tuned else []), "Prunella", "ratio"]
        lines = [[row.name, number(row.ticks.get(LINUX)),
                  *([number(row.ticks.get(TUNED))] if tuned else []),
                  number(row.ticks.get(PRUNELLA))] for row in table.rows]
    else:
        heading = ["row", "Linux, µs", "Prunella, µs", "ratio", "spread"]
        lines = [[row.name, *(_micro_text(_micros(row.ticks.get(system), table))
                              for system in (LINUX, PRUNELLA))] for row in table.rows]
    for row, line in zip(table.rows, lines):
        line.append(f"{row.ratio:.2f}" if row.ratio else "failed")
        if table.mode == "wall":
            line.append(f"{row.spread:.0%}")
    return heading, lines


def _micro_text(value):
    return "-" if value is None else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def _summary(table):
    mean = table.geometric_mean()
    ratios = table.ratios()
    slower = sum(ratio > 1 for ratio in ratios.values())
    return (f"{len(ratios)} rows, geometric mean {mean:.2f}, {slower} above 1.0" if mean
            else "no row to compare")


def text(table):
    """The table for a terminal."""
    heading, lines = _cells(table)
    what = {"icount": "guest instructions per operation",
            "wall": "time per operation, by the host's clock"}[table.mode]
    shown = [f"{table.mode}: {what}", *aligned([heading, *lines])]
    shown += [f"{name} failed on {system}: {why}" for (system, name), why in table.failed.items()]
    return "\n".join([*shown, f"{table.mode}: {_summary(table)}"])


def _markdown(table):
    heading, lines = _cells(table)
    shown = markdown_rows([heading, *lines])
    return "\n".join([f"![Prunella to Linux, {table.mode}](benchmarks-{table.mode}.svg)", "",
                      *shown, "", f"{_summary(table)}."])


# The plot: a bar for each row, its length the logarithm of the ratio to Linux.
_BAR, _LABEL, _PLOT, _VALUE, _TOP = 18, 190, 520, 60, 34
_LEAST, _MOST = 0.1, 100.0


def _place(ratio):
    """Where a ratio lies between the ends of the axis, in pixels."""
    ratio = min(max(ratio, _LEAST), _MOST)
    return _LABEL + _PLOT * math.log(ratio / _LEAST) / math.log(_MOST / _LEAST)


def plot(table):
    """An SVG with one bar a row; bars to the left of the middle line are faster than Linux."""
    ratios = table.ratios()
    height = _TOP + _BAR * len(ratios) + 10
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LABEL + _PLOT + _VALUE}" '
             f'height="{height}" font-family="sans-serif" font-size="11">',
             f'<rect width="100%" height="100%" fill="white"/>',
             f'<text x="6" y="14">Prunella to Linux, {table.mode}: '
             'below 1 is faster (logarithmic)</text>']
    for mark in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100):
        place = _place(mark)
        colour = "#444" if mark == 1 else "#ddd"
        parts.append(f'<line x1="{place:.1f}" y1="{_TOP}" x2="{place:.1f}" y2="{height - 6}" '
                     f'stroke="{colour}"/>')
        parts.append(f'<text x="{place:.1f}" y="{_TOP - 4}" text-anchor="middle" '
                     f'fill="#555">{mark:g}</text>')
    for number, (name, ratio) in enumerate(ratios.items()):
        top = _TOP + number * _BAR
        left, right = sorted((_place(1), _place(ratio)))
        colour = "#3a7d44" if ratio <= 1 else "#b5482f"
        parts.append(f'<text x="{_LABEL - 6}" y="{top + 13}" text-anchor="end">{name}</text>')
        parts.append(f'<rect x="{left:.1f}" y="{top + 3}" width="{max(right - left, 1):.1f}" '
                     f'height="{_BAR - 6}" fill="{colour}"/>')
        parts.append(f'<text x="{_LABEL + _PLOT + 6}" y="{top + 13}">{ratio:.2f}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _replace(page, mark, content):
    """The page with other text between the marks. Failure when they are not there."""
    pattern = rf"(<!-- {mark}: begin -->\n).*?(<!-- {mark}: end -->)"
    changed, count = re.subn(pattern, lambda match: match[1] + content + "\n" + match[2], page,
                             flags=re.DOTALL)
    if count != 1:
        raise Failure(f"{paths.shown(PAGE)} has no place for the table of {mark}",
                      f"write <!-- {mark}: begin --> and <!-- {mark}: end --> into it")
    return changed


_COUNTED = ["row", "instructions", "kernel entries", "server calls", "switches of space"]


def _count_cells(counts):
    return [[row, f"{found.instructions:,.0f}", f"{found.entries:.1f}",
             f"{found.server_calls:.1f}", f"{found.switches:.1f}"]
            for row, found in counts.items()]


def aligned(lines):
    """Lines of cells for a terminal: the first one to the left, the others to the right."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return ["  ".join([line[0].ljust(widths[0]),
                       *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))])
            for line in lines]


def count_text(counts):
    """{row: profile.Profile} for a terminal."""
    return "\n".join(aligned([_COUNTED, *_count_cells(counts)]))


def markdown_rows(lines):
    rows = [lines[0], ["---", *["---:"] * (len(lines[0]) - 1)], *lines[1:]]
    return ["| " + " | ".join(row) + " |" for row in rows]


def write_counts(counts):
    """Puts the counts into the page; returns it."""
    page = PAGE.read_text(encoding="utf-8")
    table = "\n".join(markdown_rows([_COUNTED, *_count_cells(counts)]))
    PAGE.write_text(_replace(page, "count", table), encoding="utf-8")
    return PAGE


def write(tables, figures, curves):
    """Puts the tables and the plots into docs/; returns the files that were written.

    figures: {place in the page: {what: figure}}. curves: {place: prunella.benchcurves.Curves}.
    """
    page = PAGE.read_text(encoding="utf-8")
    plots = {}
    for table in tables:
        page = _replace(page, table.mode, _markdown(table))
        plots[table.mode] = plot(table)
    for mark, found in figures.items():
        rows = [["row", "figure"], *([name, f"{value:,}"] for name, value in found.items())]
        page = _replace(page, mark, "\n".join(markdown_rows(rows)))
    for mark, found in curves.items():
        picture = f"![{found.title}](benchmarks-{mark}.svg)"
        page = _replace(page, mark, "\n".join([picture, "", *markdown_rows(found.cells())]))
        plots[mark] = found.plot()
    for name, content in plots.items():
        PAGE.with_name(f"benchmarks-{name}.svg").write_text(content, encoding="utf-8")
    PAGE.write_text(page, encoding="utf-8")
    return [PAGE, *(PAGE.with_name(f"benchmarks-{name}.svg") for name in plots)]


def as_json(tables, others):
    """What json.dumps takes: all figures by mode, row and system."""
    found = {table.mode: {"ticks_per_us": table.ticks_per_us,
                          "geometric_mean": table.geometric_mean(),
                          "rows": {row.name: {**row.ticks, "ratio": row.ratio,
                                              "spread": row.spread} for row in table.rows},
                          "failed": [{"system": system, "row": row, "reason": why}
                                     for (system, row), why in table.failed.items()]}
             for table in tables}
    return {**found, **others}
