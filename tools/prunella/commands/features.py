# SPDX-License-Identifier: MIT
"""Print how much of Linux there is: the state of each of its calls, from abi/linux/syscalls.tbl.

  full     works as on Linux, as far as the tests show
  partial  works but for what is named
  absent   answers ENOSYS
  none     a number that Linux 6.1 itself answers with ENOSYS; not counted

Without arguments: counts by family, then each call. FAMILY and --state choose among the calls.
"""

import json
from collections import Counter

from abigen.linux import STATES, load_linux
from prunella import paths
from prunella.errors import UsageError

SUMMARY = "print the state of every Linux call"
COUNTED = [state for state in STATES if state != "none"]


def configure(parser):
    parser.add_argument("families", nargs="*", metavar="FAMILY",
                        help="only the calls of this family (files, memory, signals...)")
    parser.add_argument("--state", choices=STATES, help="only the calls in this state")
    parser.add_argument("--json", action="store_true", help="a JSON object in place of tables")


def _check_families(linux, names):
    for name in names:
        if name not in linux.families:
            raise UsageError(f"there is no family {name}",
                             f"the families are: {', '.join(linux.families)}")


def _counts(linux):
    """The number of calls in each state, by family; families that Linux does not serve are out."""
    counts = {family: Counter(call.state for call in linux.of_family(family))
              for family in linux.families}
    return {family: {state: states[state] for state in COUNTED}
            for family, states in counts.items() if any(states[state] for state in COUNTED)}


def _as_json(counts, calls):
    listed = [{"number": call.number, "name": call.name, "family": call.family,
               "state": call.state, "missing": call.missing,
               "arguments": [arg.name for arg in call.args]} for call in calls]
    return json.dumps({"counts": counts, "calls": listed}, indent=1)


def _print_table(rows, left=1):
    """Columns as wide as need be; the first `left` columns and the last are set to the left."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) if index < left or index == len(row) - 1 else cell.rjust(width)
                 for index, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())


def _print_counts(counts):
    total = {state: sum(each[state] for each in counts.values()) for state in COUNTED}
    _print_table([("family", *COUNTED, ""),
                  *((family, *(str(states[name]) for name in COUNTED), "")
                    for family, states in counts.items()),
                  ("all", *(str(total[name]) for name in COUNTED), "")])


def _print_calls(calls):
    if not calls:
        print("no call is in that state")
        return
    _print_table([("call", "family", "state", "number", "missing"),
                  *((call.name, call.family, call.state, str(call.number), call.missing)
                    for call in calls)], left=3)


def execute(options):
    linux = load_linux(paths.ROOT / "abi" / "linux")
    _check_families(linux, options.families)
    calls = [call for call in linux.calls
             if (not options.families or call.family in options.families)
             and (options.state is None or call.state == options.state)]
    counts = {family: states for family, states in _counts(linux).items()
              if not options.families or family in options.families}
    if options.json:
        print(_as_json(counts, calls))
        return 0
    if counts:
        _print_counts(counts)
        print()
    _print_calls(calls)
    return 0
