# SPDX-License-Identifier: MIT
"""Rules about C: length of functions, #if, the kernel's budget of lines, assertions, comments."""

import math
import re
import statistics

from lint.report import Report
from lint.text_rules import MAX_FUNCTION_LINES
from lint.tree import ARCHITECTURES

MAX_IFS_PER_1000_LINES = 2
KERNEL_LIMIT_LINES = 15000
_NO_CODE = re.compile(r"\s*(//.*)?")

# Folders below kernel/ and what kernel.md plans for them, in lines.
KERNEL_BUDGET = (
    (("arch",), 3000),
    (("mm",), 3600),
    (("object",), 2100),
    (("ipc",), 1700),
    (("sched", "time"), 1300),
    (("syscall",), 800),
    (("boot", "lib", "log", "debug", "main"), 1400),
)

MIN_ASSERTIONS = 49  # in a hundred functions of the kernel: what has been reached

_IF = re.compile(r"\s*#\s*(?:if|ifdef|ifndef)\b")
_ARCHITECTURE = re.compile(r"\s*#\s*(?:if|ifdef|ifndef|elif)\b.*"
                           r"(?:__x86_64|__amd64|__i386|__aarch64|__arm|__riscv|\bARCH_)")
_ASSERTION = re.compile(r"\bassert\s*\(")


def function_lines(tree):
    """Functions are short; a comment `lint: long-function NAME reason` exempts one."""
    report = Report()
    lengths = []
    for file in tree.c_files:
        for function in file.functions:
            lengths.append(function.lines)
            exempt = function.name in file.long_functions_allowed
            if function.lines > MAX_FUNCTION_LINES and not exempt:
                report.find(file, function.first_line, f"{function.name} has {function.lines} "
                            f"lines, the limit is {MAX_FUNCTION_LINES}")
    if lengths:
        report.figures.append(f"{len(lengths)} functions, median "
                              f"{statistics.median(lengths):.0f} lines, longest {max(lengths)}")
    return report


def if_share(tree):
    """Almost no #if inside .c files."""
    report = Report()
    places, total = [], 0
    for file in tree.having(".c"):
        total += len(file.lines)
        places += [(file, number) for number, line in enumerate(file.lines, 1) if _IF.match(line)]
    allowed = math.ceil(total * MAX_IFS_PER_1000_LINES / 1000)
    report.figures.append(f"{len(places)} #if in {total} lines of .c files, {allowed} are allowed")
    if len(places) > allowed:
        for file, number in places:
            report.find(file, number, f"#if: {len(places)} of them in {total} lines, "
                        f"{allowed} are allowed; choose variants by file")
    return report


def architecture_if(tree):
    """Nothing outside arch/ asks which machine it is on."""
    report = Report()
    for file in tree.code_files:
        if "arch" in file.parts or any(name in file.parts for name in ARCHITECTURES):
            continue
        for number, line in enumerate(file.lines, 1):
            if _ARCHITECTURE.match(line):
                report.find(file, number, "an #if on the architecture outside arch/")
    return report


def _kernel_part(file):
    """The folder below kernel/ that a file counts for, headers with their subject."""
    parts = file.parts[1:]
    if parts[0] == "include":
        parts = parts[1:]
    return parts[0] if len(parts) > 1 else "main"


def kernel_budget(tree):
    """The kernel of one architecture, with what it takes from lib/ds, stays within its limit.

    Lines of code: neither empty nor of comments alone (docs/decisions/0005).
    """
    report = Report()
    for architecture in ARCHITECTURES:
        others = set(ARCHITECTURES) - {architecture}
        if not (tree.root / "kernel/arch" / architecture).is_dir():
            continue
        counts = {}
        for file in tree.code_files:
            if file.is_unit_test or others & set(file.parts):
                continue
            if file.path.startswith("lib/ds/"):
                part = "lib/ds"
            elif file.path.startswith("kernel/"):
                part = _kernel_part(file)
            else:
                continue
            code = sum(1 for line in file.lines if not _NO_CODE.fullmatch(line))
            counts[part] = counts.get(part, 0) + code
        total = sum(counts.values())
        _report_budget(report, architecture, counts, total)
        if total > KERNEL_LIMIT_LINES:
            report.find("kernel", 1, f"{total} lines for {architecture}, "
                        f"the limit is {KERNEL_LIMIT_LINES}")
    return report


def _report_budget(report, architecture, counts, total):
    """A line for each row of the budget, and one for the sum."""
    rest = dict(counts)
    for parts, planned in KERNEL_BUDGET:
        lines = sum(rest.pop(part, 0) for part in parts)
        report.figures.append(f"{architecture} {' '.join(parts):24} {lines:6} of {planned:6} lines")
    for part, lines in sorted(rest.items()):
        report.figures.append(f"{architecture} {part:24} {lines:6} (not in the plan)")
    report.figures.append(f"{architecture} {'sum':24} {total:6} of {KERNEL_LIMIT_LINES:6} lines")


def assertions(tree):
    """The kernel has assertions, and doesn't lose them; the house wants about sixty a hundred
    functions (docs/decisions/0006)."""
    report = Report()
    files = [file for file in tree.c_files
             if file.path.startswith("kernel/") and not file.is_unit_test]
    functions = sum(len(file.functions) for file in files)
    count = sum(len(_ASSERTION.findall(file.stripped)) for file in files if file.suffix == ".c")
    if functions:
        report.figures.append(f"{count} in {functions} functions of the kernel: "
                              f"{100 * count / functions:.0f} a hundred (wanted: about 60)")
        if 100 * count < MIN_ASSERTIONS * functions:
            report.find("kernel", 1, f"{count} assertions in {functions} functions, at least "
                        f"{MIN_ASSERTIONS} a hundred are wanted")
    return report


def comment_share(tree):
    """Tells the share of lines with comments; the house wants 15 to 25 %."""
    report = Report()
    for top in ("kernel", "abi", "lib", "libos", "servers", "drivers", "apps"):
        files = [file for file in tree.code_files if file.parts[0] == top]
        lines = sum(1 for file in files for line in file.lines if line.strip())
        if lines:
            share = 100 * sum(file.comment_lines for file in files) / lines
            report.figures.append(f"{top}: {share:.0f} % of {lines} lines (wanted: 15 to 25 %)")
    return report


RULES = {
    "function-lines": function_lines,
    "if-share": if_share,
    "architecture-if": architecture_if,
    "kernel-budget": kernel_budget,
    "assertions": assertions,
    "comment-share": comment_share,
}
