# SPDX-License-Identifier: MIT
"""The layout of C files is what clang-format makes of them (.clang-format)."""

import re
import shutil
import subprocess

from lint.report import Report

_FINDING = re.compile(r"(.+?):(\d+):\d+: error: (.*)")


def _run(tree, words):
    """clang-format on all C files; its diagnostics."""
    files = [file.path for file in tree.c_files]
    if not files:
        return ""
    command = ["clang-format", "--style=file", *words, *files]
    result = subprocess.run(command, cwd=tree.root, capture_output=True, text=True, check=False)
    return result.stderr


def clang_format(tree):
    """Each file is laid out as clang-format would do it; the first difference of each is told."""
    report = Report()
    if shutil.which("clang-format") is None:
        report.figures.append("not checked: clang-format is not installed")
        return report
    seen = set()
    for line in _run(tree, ["--dry-run", "-Werror"]).splitlines():
        match = _FINDING.match(line)
        if match and match[1] not in seen:
            seen.add(match[1])
            report.find(match[1], match[2],
                        "is not laid out by clang-format (python3 tools/lint --fix)")
    return report


def fix(tree):
    """Lays out all C files."""
    _run(tree, ["-i"])


RULES = {"clang-format": clang_format}
