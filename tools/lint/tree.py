# SPDX-License-Identifier: MIT
"""The files that the rules look at: what git tracks or would track, so no build output.

Without git (an exported tree) all files are taken but those in out/ and in hidden folders.
"""

import pathlib
import re
import subprocess
from functools import cached_property

C_SUFFIXES = (".c", ".h")
ASSEMBLY_SUFFIXES = (".S",)
ARCHITECTURES = ("x86_64", "aarch64", "riscv64")

_STRIP = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
_LONG_FUNCTION = re.compile(r"lint: long-function (\w+) (\S.*)")


def _blank(match):
    """The same number of characters and lines, without content; strings keep their quotes."""
    text = match[0]
    blank = re.sub(r"[^\n]", " ", text)
    return text[0] + blank[1:-1] + text[-1] if text[0] in "\"'" else blank


class Function:
    """A function definition in C."""

    def __init__(self, name, first_line, last_line):
        self.name = name
        self.first_line = first_line
        self.last_line = last_line

    @property
    def lines(self):
        return self.last_line - self.first_line + 1


class File:
    """A text file of the tree; path is relative to the root, with slashes."""

    def __init__(self, root, path):
        self.path = path
        self.absolute = root / path
        self.suffix = pathlib.PurePath(path).suffix
        self.parts = tuple(path.split("/"))

    def __str__(self):
        return self.path

    @cached_property
    def text(self):
        """The content, or None for what is no text."""
        content = self.absolute.read_bytes()
        if b"\0" in content:
            return None
        return content.decode("utf-8", errors="replace")

    @cached_property
    def lines(self):
        return self.text.split("\n")[:-1] if self.text.endswith("\n") else self.text.split("\n")

    @property
    def is_c(self):
        return self.suffix in C_SUFFIXES

    @property
    def is_code(self):
        return self.suffix in C_SUFFIXES + ASSEMBLY_SUFFIXES

    @property
    def is_unit_test(self):
        """In a folder test/ of a module. (lib/test itself is a library.)"""
        return "test" in self.parts[2:-1] or self.path.startswith("kernel/test/")

    @cached_property
    def stripped(self):
        """The text with comments and the inside of strings blanked out."""
        return _STRIP.sub(_blank, self.text)

    @cached_property
    def comment_lines(self):
        """Number of lines that hold a comment, alone or after code."""
        pieces = (match for match in _STRIP.finditer(self.text) if match[0][0] == "/")
        lines = set()
        for match in pieces:
            first = self.text.count("\n", 0, match.start())
            lines.update(range(first, first + match[0].count("\n") + 1))
        return len(lines)

    @cached_property
    def long_functions_allowed(self):
        """Names of functions that a comment exempts, with a reason."""
        return {match[1] for match in map(_LONG_FUNCTION.search, self.lines) if match}

    @cached_property
    def functions(self):
        """The function definitions, found by braces at the outermost level."""
        return list(_find_functions(self.stripped)) if self.is_c else []


def _find_functions(text):
    """Function definitions in text without comments and preprocessor lines."""
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda match: _blank(match), text,
                  flags=re.MULTILINE)
    depth, head_start, start, name = 0, 0, None, None
    for match in re.finditer(r"[{};]", text):
        symbol, position = match[0], match.start()
        if symbol == "{":
            if depth == 0:
                name = _function_name(text[head_start:position])
                start = position
            depth += 1
        elif symbol == "}":
            depth = max(0, depth - 1)
            if depth == 0 and name:
                yield Function(name, text.count("\n", 0, start) + 1,
                               text.count("\n", 0, position) + 1)
                name = None
            if depth == 0:
                head_start = position + 1
        elif depth == 0:
            head_start = position + 1


def _function_name(head):
    """The name that a definition's head declares, or None when it is no function."""
    if "=" in head or ")" not in head:
        return None
    head = re.sub(r"__attribute__\s*\(\(.*?\)\)|\[\[.*?\]\]", "", head, flags=re.DOTALL)
    match = re.search(r"([A-Za-z_]\w*)\s*\(", head)
    return match[1] if match and match[1] not in ("struct", "union", "enum") else None


class Tree:
    """All text files."""

    def __init__(self, root):
        self.root = root
        paths = [path for path in self._list() if (root / path).is_file()]
        files = [File(root, path) for path in sorted(set(paths))]
        self.files = [file for file in files
                      if not file.absolute.is_symlink() and file.text is not None]

    def _list(self):
        command = ["git", "-C", str(self.root), "ls-files", "--cached", "--others",
                   "--exclude-standard", "-z"]
        try:
            result = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            result = None
        if result is not None and result.returncode == 0:
            return [path for path in result.stdout.split("\0") if path]
        return [str(path.relative_to(self.root)) for path in self.root.rglob("*")
                if not any(part.startswith(".") or part in ("out", "__pycache__")
                           for part in path.relative_to(self.root).parts)]

    def having(self, *suffixes):
        return [file for file in self.files if file.suffix in suffixes]

    @property
    def c_files(self):
        return self.having(*C_SUFFIXES)

    @property
    def code_files(self):
        return self.having(*C_SUFFIXES, *ASSEMBLY_SUFFIXES)
