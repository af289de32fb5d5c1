# SPDX-License-Identifier: MIT
"""Rules about text: length of files and lines, spaces, the licence line, paths, Python."""

import ast
import re
import statistics

from lint.report import Report

MAX_FILE_LINES = 800
MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 70
SPDX = "SPDX-License-Identifier: MIT"

# Files that are code in some language, so that a line has a comment sign and a width.
HASH_SUFFIXES = (".py", ".mk", ".sh", ".toml", ".tbl", ".list")
HASH_NAMES = ("Makefile", "prunella", ".ci/run", ".clang-format", ".clang-tidy")
SLASH_SUFFIXES = (".c", ".h", ".S", ".ld")
# In these a tab is part of the language.
TAB_SUFFIXES = (".mk", ".tbl")
# Tables of data: a row is a line, however long its sentence.
WIDE_SUFFIXES = (".toml", ".tbl", ".list")

# Folders of one machine: no file may name them, as paths there mean nothing elsewhere. The key is a
# beginning of a path, the value says why a file there may (paths of the guest's own file system).
FORBIDDEN = re.compile(r"(?<![\w.])/(?:%s)/" % "|".join(("work", "tmp")))
PATHS_ALLOWED = {"bench/": "temporary files of the guest"}


def _is_hash(file):
    return file.suffix in HASH_SUFFIXES or file.path in HASH_NAMES


def _is_slash(file):
    return file.suffix in SLASH_SUFFIXES


def _is_program_text(file):
    return _is_hash(file) or _is_slash(file)


def file_lines(tree):
    """Files are short."""
    report = Report()
    files = [file for file in tree.files if file.is_code or file.suffix == ".py"]
    for file in files:
        if len(file.lines) > MAX_FILE_LINES:
            report.find(file, MAX_FILE_LINES + 1,
                        f"{len(file.lines)} lines, the limit is {MAX_FILE_LINES}: split the file")
    lengths = [len(file.lines) for file in files if file.is_code]
    if lengths:
        report.figures.append(f"{len(lengths)} C and assembly files, median "
                              f"{statistics.median(lengths):.0f} lines, longest {max(lengths)}")
    return report


def columns(tree):
    """Lines fit on the screen."""
    report = Report()
    for file in filter(_is_program_text, tree.files):
        if file.suffix in WIDE_SUFFIXES:
            continue
        for number, line in enumerate(file.lines, 1):
            if len(line.expandtabs(8)) > MAX_COLUMNS:
                report.find(file, number, f"{len(line.expandtabs(8))} columns, "
                            f"the limit is {MAX_COLUMNS}")
    return report


def spaces(tree):
    """No tabs, no space at the end of a line, a newline at the end of the file."""
    report = Report()
    for file in tree.files:
        has_tabs = file.suffix in TAB_SUFFIXES or file.path == "Makefile"
        has_tabs = has_tabs or not _is_program_text(file)
        for number, line in enumerate(file.lines, 1):
            if not has_tabs and "\t" in line:
                report.find(file, number, "a tab")
            if line != line.rstrip() and file.suffix != ".md":
                report.find(file, number, "space at the end of the line")
        if file.text and not file.text.endswith("\n"):
            report.find(file, len(file.lines), "no newline at the end of the file")
    return report


def licence(tree):
    """The first line names the licence (the second, after #!)."""
    report = Report()
    for file in filter(_is_program_text, tree.files):
        first = file.lines[1:2] if file.text.startswith("#!") else file.lines[:1]
        sign = "#" if _is_hash(file) else "//"
        wanted = f"{sign} {SPDX}"
        if first != [wanted] and first != [f"/* {SPDX} */"]:
            report.find(file, 1, f"does not begin with `{wanted}`")
    return report


def machine_paths(tree):
    """No path of a build machine."""
    report = Report()
    for file in tree.files:
        if any(file.path.startswith(prefix) for prefix in PATHS_ALLOWED):
            continue
        for number, line in enumerate(file.lines, 1):
            match = FORBIDDEN.search(line)
            if match:
                report.find(file, number, f"{match[0]} is a path of a build machine")
    return report


def python(tree):
    """Python files compile, and their functions are short."""
    report = Report()
    for file in tree.having(".py"):
        try:
            module = ast.parse(file.text, file.path)
        except SyntaxError as error:
            report.find(file, error.lineno or 1, f"does not compile: {error.msg}")
            continue
        for node in ast.walk(module):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            lines = node.end_lineno - node.lineno + 1
            if lines > MAX_FUNCTION_LINES and node.name not in file.long_functions_allowed:
                report.find(file, node.lineno, f"{node.name} has {lines} lines, "
                            f"the limit is {MAX_FUNCTION_LINES}")
    return report


RULES = {
    "file-lines": file_lines,
    "columns": columns,
    "spaces": spaces,
    "licence": licence,
    "machine-paths": machine_paths,
    "python": python,
}
