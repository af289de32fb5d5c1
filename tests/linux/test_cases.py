# SPDX-License-Identifier: MIT
"""The cases and the tools around them: how they are read, packed, compared."""

import subprocess

from abigen.linux import LinuxArg, LinuxCall
from harness.debian import Result, pack_cases
from linux_cases import (PROGRAMS, Case, absent_calls, all_cases, case_name, not_yet, pattern,
                         read_source, reason_not_yet, Run)
from prunella.cpio import Cpio
from test_families import difference

SOURCE = """// SPDX-License-Identifier: MIT
// libcs: musl klibc
// run: one "two words" "" "a\\tb"
// stdin: "text\\n\\x00"
// status: 7
// run:
// stdin: pattern 300
//
// A program.
"""


def case(name, family="start"):
    return Case(name, family, ("/x",), b"", 0)


def test_comments_of_a_program(tmp_path):
    path = tmp_path / "x.c"
    path.write_text(SOURCE)
    libcs, runs = read_source(path)
    assert libcs == ("musl", "klibc")
    assert runs == [Run(("one", "two words", "", "a\tb"), b"text\n\0", 7),
                    Run((), pattern(300), 0)]
    assert case_name("start", "x", runs, 0, "musl") == "start/x[one_two_words_a_b]@musl"
    assert case_name("start", "x", runs, 1, "klibc") == "start/x@klibc"


def test_names_of_programs_are_their_own():
    """They lie in one folder for each C library."""
    names = [path.stem for path in PROGRAMS.glob("*/*.c")]
    assert len(names) == len(set(names))
    assert len(all_cases()) > 400


def test_not_yet_names_cases_that_exist():
    rows = not_yet()
    for row in rows:
        assert any(reason_not_yet(each, (), {}, [row]) for each in all_cases()), row[0]


def test_cases_wait_for_absent_calls():
    calls = {1: LinuxCall(1, "write", "files", "full", (LinuxArg("fd", "fd"),), "long", ""),
             2: LinuxCall(2, "open", "names", "absent", (), "long", ""),
             3: LinuxCall(3, "socket", "sockets", "absent", (), "long", ""),
             4: LinuxCall(4, "old", "legacy", "none", (), "long", "")}
    assert absent_calls(case("a"), {1, 2, 3, 4, 5}, calls) == ["open", "socket"]
    assert absent_calls(case("a", "shells"), {1, 2, 3}, calls) == ["open"]
    assert reason_not_yet(case("a"), {2}, calls, []) == "absent calls: open"
    assert reason_not_yet(case("b[1]@musl"), {1}, calls, [("b[*", "no b")]) == "no b"
    assert reason_not_yet(case("a"), {1}, calls, [("b*", "no b")]) is None


def test_differences_are_told():
    result = Result(b"one\ntwo\n", b"", 0)
    assert difference(result, Result(b"one\ntwo\n", b"", 0, frozenset({1}))) is None
    assert difference(result, Result(b"one\ntwo\n", b"", 1)).startswith("status 1, on Debian 0")
    assert "stdout differs at byte 6: b'twice'" in difference(
        result, Result(b"one\ntwice", b"", 0))
    assert "stderr differs at byte 0" in difference(result, Result(b"one\ntwo\n", b"!", 0))


def test_packed_cases_have_sizes_before_bytes():
    packed = pack_cases([Case("x", "start", ("/a", "b c"), b"in", 0)])
    assert packed.startswith(b"\2\0\0\0" b"\2\0\0\0/a" b"\3\0\0\0b c" b"\2\0\0\0in")


def test_archive_is_what_cpio_reads(tmp_path):
    archive = Cpio()
    archive.file("deep/er/file", b"some text", 0o640)
    archive.link("link", "deep/er")
    archive.directory("folder", 0o1777)
    (tmp_path / "x.cpio").write_bytes(archive.finish())
    with open(tmp_path / "x.cpio", "rb") as packed:
        subprocess.run(["/bin/busybox", "cpio", "-id"], stdin=packed, cwd=tmp_path, check=True)
    assert (tmp_path / "link" / "file").read_bytes() == b"some text"
    assert (tmp_path / "deep/er/file").stat().st_mode & 0o7777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o7777 == 0o1777
