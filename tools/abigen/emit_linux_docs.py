# SPDX-License-Identifier: MIT
"""The page of Linux calls: how many of each family there are, then each call."""

from collections import Counter

from .emit_docs import page, table
from .linux import CALLS, STATES, Linux, LinuxCall

COUNTED = ("full", "partial", "absent")


def count_rows(linux: Linux) -> list[tuple[str, ...]]:
    """Calls of each state, a row a family, and the sum. What Linux does not serve is out."""
    rows, sums = [], Counter()
    for family, text in linux.families.items():
        states = Counter(call.state for call in linux.of_family(family))
        sums += states
        if any(states[state] for state in COUNTED):
            rows.append((f"[{family}](#{family})", text, *(str(states[name]) for name in COUNTED)))
    return rows + [("all", "", *(str(sums[name]) for name in COUNTED))]


def arguments(call: LinuxCall) -> str:
    return ", ".join(arg.name for arg in call.args)


def family_section(linux: Linux, family: str) -> str:
    rows = [(str(call.number), call.name, arguments(call), call.state, call.missing)
            for call in linux.of_family(family)]
    return (f"## {family}\n\n{linux.families[family]}\n\n"
            + table(("number", "call", "arguments", "state", "missing"), rows))


def linux_page(linux: Linux) -> str:
    states = "".join(f"- **{name}**: {text}.\n" for name, text in STATES.items())
    sections = "".join(family_section(linux, family) for family in linux.families
                       if linux.of_family(family))
    return (page("Linux calls", CALLS)
            + "Every call of Linux 6.1 on x86_64, and how much of it the libos serves. The same "
              "from the\ncommand line: `./prunella features`.\n\n" + states + "\n"
            + table(("family", "", *COUNTED), count_rows(linux)) + sections).rstrip("\n") + "\n"


def pages(linux: Linux | None) -> dict[str, str]:
    return {"linux.md": linux_page(linux)} if linux else {}
