# SPDX-License-Identifier: MIT
"""The cases of the Linux tests: each a command, its standard input and the status it must have.

Programs carry theirs in comments at their top (tests/linux/programs/FAMILY/NAME.c):

    // libcs: musl glibc klibc            the C libraries it is built with, a case each
    // run: one "two words"               a run with these arguments; may come several times
    // stdin: "text\n\x00"                the input of the run above, as a Python string
    // stdin: pattern 100000              or so many bytes of a pattern
    // status: 139                        the status of the run above, 0 where none is given

scripts/NAME.sh are scripts for the shells that their `# shells:` line names; `# stdin:` and
`# status:` as above. applets.tbl has commands for the applets of busybox.

debian/NAME.sh, .py and .pl are scripts for Debian's own dynamic programs (harness.debian.PACKAGES),
in a guest that has nothing else; their interpreter goes by the suffix.

A case that makes a call which the libos lacks can't be equal on Prunella; which others can't be
yet, and why, stands in not_yet.tbl.
"""

import ast
import fnmatch
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
# Where the guests find the programs.
GUEST_FOLDER = "/linux"
_WORD = re.compile(r"// (libcs|run|stdin|status):(.*)")
_SCRIPT_WORD = re.compile(r"^# (shells|stdin|status):(.*)", re.MULTILINE)
# How a shell is started, by the name that scripts use.
SHELLS = {"ash": ("/bin/busybox", "sh"), "bash": ("/bin/bash",), "mksh": ("/bin/mksh",),
          "mksh-klibc": ("/bin/mksh-klibc",)}
# The same for scripts of the family debian, by their suffix.
INTERPRETERS = {".sh": ("/bin/bash", "-c"), ".py": ("/usr/bin/python3.11", "-c"),
                ".pl": ("/usr/bin/perl", "-e")}
DEBIAN = "debian"

# Calls whose absence every program of the cases copes with, and those that only shells try.
SPARED = {"rseq", "clone3"}
SPARED_BY_SHELLS = {"socket", "connect", "getpeername", "faccessat2"}


@dataclass(frozen=True)
class Case:
    """A command and what goes into it."""

    name: str                       # family/program[arguments]@libc: unique
    family: str
    argv: tuple[str, ...]           # as in the guest
    stdin: bytes
    status: int | None              # 128 + n for signal n; None: not declared
    program: str | None = None      # LIBC/NAME below out/linux, of our own programs


@dataclass(frozen=True)
class Run:
    words: tuple[str, ...]
    stdin: bytes = b""
    status: int = 0


def pattern(size):
    """Bytes that are easily made, and differ from place to place."""
    return bytes((at * 7 + at // 256) & 0xFF for at in range(size))


def read_stdin(text):
    kind, _, rest = text.partition(" ")
    if kind == "pattern":
        return pattern(int(rest))
    return ast.literal_eval("b" + text)


def read_words(text):
    """Arguments, with the escapes of C."""
    return tuple(word.encode().decode("unicode_escape") for word in shlex.split(text))


def read_source(path):
    """(C libraries, runs) of a program; no libraries: it is part of another program."""
    libcs, runs = (), []
    for key, text in _WORD.findall(path.read_text(encoding="utf-8")):
        text = text.strip()
        if key == "libcs":
            libcs = tuple(text.split())
        elif key == "run":
            runs.append(Run(read_words(text)))
        elif key == "stdin":
            runs[-1] = Run(runs[-1].words, read_stdin(text), runs[-1].status)
        else:
            runs[-1] = Run(runs[-1].words, runs[-1].stdin, int(text))
    return libcs, runs


def case_name(family, program, runs, index, libc):
    """With the arguments where they tell the runs apart, with a number where they do not."""
    words = " ".join(runs[index].words)
    same = [at for at, run in enumerate(runs) if run.words == runs[index].words]
    number = f"#{same.index(index) + 1}" if len(same) > 1 else ""
    plain = re.sub(r"[^\w.,+-]+", "_", words)[:40].strip("_")
    detail = f"[{plain}{number}]" if len(runs) > 1 and plain + number else ""
    return f"{family}/{program}{detail}@{libc}"


def program_cases():
    """The cases of all of our own programs, sorted by name."""
    cases = []
    for path in sorted(PROGRAMS.glob("*/*.c")):
        family, program = path.parent.name, path.stem
        libcs, runs = read_source(path)
        for libc in libcs:
            for index, run in enumerate(runs):
                inside = f"{libc}/{program}"
                cases.append(Case(case_name(family, program, runs, index, libc), family,
                                  (f"{GUEST_FOLDER}/{inside}", *run.words), run.stdin, run.status,
                                  inside))
    return sorted(cases, key=lambda case: case.name)


def script_cases():
    """Each script in each of its shells."""
    cases = []
    for path in sorted((HERE / "scripts").glob("*.sh")):
        text = path.read_text(encoding="utf-8")
        words = dict(_SCRIPT_WORD.findall(text))
        stdin = read_stdin(words["stdin"].strip()) if "stdin" in words else b""
        for shell in words["shells"].split():
            cases.append(Case(f"shells/{path.stem}@{shell}", "shells",
                              (*SHELLS[shell], "-c", text, path.stem), stdin,
                              int(words.get("status", "0"))))
    return cases


def debian_cases():
    """Each script for Debian's own programs."""
    cases = []
    for path in sorted((HERE / "debian").iterdir()):
        text = path.read_text(encoding="utf-8")
        status = dict(_SCRIPT_WORD.findall(text)).get("status", "0")
        cases.append(Case(f"{DEBIAN}/{path.stem}", DEBIAN, (*INTERPRETERS[path.suffix], text), b"",
                          int(status)))
    return cases


def applet_cases():
    """The lines of applets.tbl; what a command's status is, Debian alone knows."""
    cases, seen = [], {}
    for line in (HERE / "applets.tbl").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, command = line.split(maxsplit=1)
        seen[name] = seen.get(name, 0) + 1
        number = f"#{seen[name]}" if seen[name] > 1 else ""
        cases.append(Case(f"applets/{name}{number}", "applets",
                          (*SHELLS["ash"], "-c", command), b"", None))
    return cases


def all_cases():
    """Every case, each with a name of its own."""
    cases = program_cases() + script_cases() + applet_cases() + debian_cases()
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
    return cases


def not_yet():
    """(pattern, reason) of cases that can't be equal yet, from not_yet.tbl."""
    rows = []
    for line in (HERE / "not_yet.tbl").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, reason = line.split(maxsplit=1)
            rows.append((name, reason))
    return rows


def absent_calls(case, made, calls):
    """Names of calls that the case makes on Debian (numbers `made`) and that the libos lacks.

    Those that C libraries and shells do well without are left out; calls: {number: LinuxCall}.
    """
    spared = SPARED | (SPARED_BY_SHELLS if case.family in ("shells", "applets", DEBIAN) else set())
    return [calls[number].name for number in sorted(made)
            if number in calls and calls[number].state == "absent"
            and calls[number].name not in spared]


def reason_not_yet(case, made, calls, rows):
    """Why the case can't be equal yet; None when it should be."""
    absent = absent_calls(case, made, calls)
    if absent:
        return f"absent calls: {', '.join(absent)}"
    for name, reason in rows:
        if fnmatch.fnmatchcase(case.name, name.replace("[", "[[]")):
            return reason
    return None
