# SPDX-License-Identifier: MIT
"""Arrows between folders run one way, and no header includes itself by a detour.

    abi <- kernel        abi <- lib <- {libos, servers, drivers, apps}

lib/ds is shared with the kernel, so it includes nothing but itself and abi. Servers, drivers and
apps each see their own folder, lib and abi. Host unit tests see what they test, and lib.

An include is looked up where the compiler would look, and then everywhere: a header that is found
only outside the allowed folders is a finding. Generated headers are not in the tree and count as
abi.
"""

import posixpath
import re

from lint.report import Report
from lint.tree import ARCHITECTURES

_INCLUDE = re.compile(r'\s*#\s*include\s*(["<])([^">]+)[">]')


def unit_of(path):
    """The unit that a file belongs to: abi, kernel, lib/x, libos, servers/x, drivers/c/d, ..."""
    parts = path.split("/")
    depth = {"lib": 2, "servers": 2, "apps": 2, "drivers": 3}.get(parts[0], 1)
    return "/".join(parts[:depth])


def may_include(file, target):
    """Whether the arrows allow a file to include one of the unit `target`."""
    unit = unit_of(file.path)
    if target == unit or target == "abi":
        return True
    if unit == "abi":
        return False
    if unit == "kernel":
        return target == "lib/ds" or (target == "lib/test" and file.is_unit_test)
    if unit == "lib/ds":
        return target == "lib/test" and file.is_unit_test
    return target.startswith("lib/")


def include_folders(tree):
    """All folders of the tree that are given to compilers as include folders."""
    folders = {"abi/include"}
    for file in tree.having(".h"):
        parts = file.parts
        if "include" in parts:
            folders.add("/".join(parts[:parts.index("include") + 1]))
    return sorted(folders)


class Includes:
    """The include graph of the tree."""

    def __init__(self, tree):
        self.paths = {file.path: file for file in tree.code_files}
        self.folders = include_folders(tree)
        self.edges = {file.path: list(self._of(file)) for file in tree.code_files}

    def _of(self, file):
        for number, line in enumerate(file.lines, 1):
            match = _INCLUDE.match(line)
            if match:
                target = self._find(file, match[1] == '"', match[2])
                if target:
                    yield number, target

    def _find(self, file, quoted, name):
        """The file that an include means: of several with that name one that is allowed."""
        own = posixpath.dirname(file.path)
        folders = ([own] if quoted else []) + self.folders
        candidates = [posixpath.normpath(posixpath.join(folder, name)) for folder in folders]
        found = [path for path in candidates if path in self.paths and path != file.path]
        allowed = [path for path in found if may_include(file, unit_of(path))]
        same_machine = [path for path in allowed if self._same_machine(file.path, path)]
        return next(iter(same_machine or allowed or found), None)

    @staticmethod
    def _same_machine(path, other):
        machines = set(ARCHITECTURES)
        mine, theirs = machines & set(path.split("/")), machines & set(other.split("/"))
        return not mine or not theirs or mine == theirs


def arrows(tree):
    """Includes follow the arrows."""
    report = Report()
    includes = Includes(tree)
    for path, edges in includes.edges.items():
        for number, target in edges:
            if not may_include(includes.paths[path], unit_of(target)):
                report.find(path, number, f"includes {target}: {unit_of(path)} may not see "
                            f"{unit_of(target)}")
    return report


def include_cycles(tree):
    """No header includes itself through others."""
    report = Report()
    includes = Includes(tree)
    done, stack = set(), []

    def visit(path):
        if path in stack:
            cycle = stack[stack.index(path):] + [path]
            report.find(path, 1, f"include cycle: {' -> '.join(cycle)}")
            return
        if path in done:
            return
        stack.append(path)
        for _, target in includes.edges.get(path, []):
            visit(target)
        stack.pop()
        done.add(path)

    for path in sorted(includes.edges):
        visit(path)
    return report


RULES = {"arrows": arrows, "include-cycles": include_cycles}
