# SPDX-License-Identifier: MIT
"""Curves of bench, one panel for each operation: cost by number of things, work by number of CPUs.

As a table for a terminal or a page, and as a plot (SVG). Both axes are logarithmic.
"""

import math
from dataclasses import dataclass

from prunella.benchreport import aligned, number
from prunella.scaling import COUNTS, CPUS, OPERATIONS
from prunella.sidebyside import LINUX

_COLOURS = {LINUX: "#777"}
_OWN_COLOUR = "#3a7d44"
_WIDTH, _HEIGHT, _ACROSS = 250, 170, 3
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 30, 26


@dataclass(frozen=True)
class Curves:
    """Curves of one kind: {panel: {system: {x: y}}}."""

    title: str
    heading: str    # of the column of panels
    panels: dict
    points: tuple   # the x that there can be
    labels: dict    # {panel: what else is to be said about it}

    def cells(self):
        """The heading and the rows of a table, as text; `-` where there is no point."""
        rows = [[self.heading, "system", *(f"{x:,}" for x in self.points)]]
        for panel, systems in self.panels.items():
            points = sorted({x for curve in systems.values() for x in curve})
            own = points if any(x not in self.points for x in points) else self.points
            for system, curve in systems.items():
                shown = [number(curve.get(x)) for x in own]
                if own is not self.points:
                    shown = [f"{text} ({x})" for text, x in zip(shown, own)]
                shown += ["-"] * (len(self.points) - len(shown))
                rows.append([self._name(panel), system, *shown])
        return rows

    def text(self):
        """The table for a terminal."""
        return "\n".join([self.title, *aligned(self.cells())])

    def _name(self, panel):
        return f"{panel}: {self.labels[panel]}" if panel in self.labels else panel

    def plot(self):
        """An SVG."""
        down = math.ceil(len(self.panels) / _ACROSS)
        parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH * _ACROSS}" '
                 f'height="{_HEIGHT * down + 24}" font-family="sans-serif" font-size="11">',
                 '<rect width="100%" height="100%" fill="white"/>',
                 f'<text x="6" y="15">{self.title} (grey: Linux, green: Prunella)</text>']
        for at, (panel, systems) in enumerate(self.panels.items()):
            left, top = at % _ACROSS * _WIDTH, at // _ACROSS * _HEIGHT + 24
            parts += _panel(self._name(panel), systems, left, top)
        return "\n".join([*parts, "</svg>", ""])


def _scale(values, start, end):
    """A function from values to places between start and end, by their logarithm."""
    low, high = math.log(min(values)), math.log(max(values))
    span = (high - low) or 1.0
    return lambda value: start + (end - start) * (math.log(value) - low) / span


def _panel(name, systems, left, top):
    """The pieces of one panel, whose upper left corner is there."""
    xs = sorted({x for curve in systems.values() for x in curve})
    ys = [y for curve in systems.values() for y in curve.values()]
    parts = [f'<text x="{left + 8}" y="{top + 16}" font-weight="bold">{name}</text>']
    if not ys:
        return parts
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))
    across = _scale(xs, left + _LEFT, left + _WIDTH - _RIGHT)
    up = _scale([low, high], top + _HEIGHT - _BOTTOM, top + _TOP)
    for exponent in range(round(math.log10(low)), round(math.log10(high)) + 1):
        place = up(10 ** exponent)
        parts.append(f'<line x1="{left + _LEFT}" y1="{place:.1f}" x2="{left + _WIDTH - _RIGHT}" '
                     f'y2="{place:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left + _LEFT - 4}" y="{place + 4:.1f}" text-anchor="end" '
                     f'fill="#555">{10 ** exponent:,}</text>')
    for x in xs:
        parts.append(f'<text x="{across(x):.1f}" y="{top + _HEIGHT - 10}" text-anchor="middle" '
                     f'fill="#555">{x:,}</text>')
    for system, curve in systems.items():
        colour = _COLOURS.get(system, _OWN_COLOUR)
        places = [(across(x), up(y)) for x, y in sorted(curve.items())]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    return parts


def of_scale(found):
    """The Curves of scaling.scale()."""
    return Curves("instructions per operation while there are so many", "kind", found, COUNTS,
                  OPERATIONS)


def of_cpus(found):
    """The Curves of scaling.rates()."""
    return Curves("operations a second of as many processes as CPUs", "operation", found, CPUS, {})
