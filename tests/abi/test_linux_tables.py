# SPDX-License-Identifier: MIT
"""The tables of Linux: what is made of the sample, what is refused, what the real ones hold."""

from pathlib import Path

import pytest
from abigen_support import DATA, ROOT, compile_to, includes, run_abigen, run_program

from abigen.linux import KINDS, load_linux
from abigen.load import load

CALLS = "linux/syscalls.tbl"
ERRORS = "linux/errno.tbl"


def test_dispatch_and_table(sample_abi: Path, sample_gen: Path, compiler: str,
                            tmp_path: Path) -> None:
    libos = sample_gen / "libos"
    compile_to(tmp_path / "linux", compiler, *includes(sample_gen, sample_abi),
               DATA.parent / "c" / "linux.c", libos / "linux_table.c", libos / "linux_dispatch.c")
    kinds = ["none", *KINDS]
    number, hexadecimal, none = kinds.index("long"), kinds.index("hex"), kinds.index("none")
    assert run_program(tmp_path / "linux").splitlines() == [
        f"0 read files 0 {number} 3 107",
        f"1 write files 1 {number} 3 207",
        "2 - files 3 0 0 -38",
        f"3 close files 2 {number} 1 -38",
        f"4 brk system 0 {hexadecimal} 1 307",
        "5 - files 3 0 0 -38",
        f"6 exit system 0 {none} 1 407",
        f"7 old legacy 3 {number} 0 -38",
        "ENOENT -",
    ]


@pytest.mark.parametrize("name, old, new, complaint", [
    (CALLS, "fd:fd buffer:room", "fd:thing buffer:room", "line 7: `thing` is no kind"),
    (CALLS, "0 read  files", "0 read  fishes", "line 7: there is no family `fishes`"),
    (CALLS, "files  absent", "files  done", "line 9: `done` is no state"),
    (CALLS, " -- writing to anything but a terminal", "", "line 8: ` -- ` and what is missing"),
    (CALLS, "buffer:data count:size", "buffer:data", "line 8: no size follows `buffer`"),
    (CALLS, "3 close", "1 close", "line 9: number 1 is out of order"),
    (CALLS, "3 close", "3 read", "line 9: `read` is there already"),
    (CALLS, "status:int", "a:int b:int c:int d:int e:int f:int g:int", "line 11: has more than 6"),
    (CALLS, "=hex", "=colour", "line 10: `colour` is no kind of result"),
    (CALLS, "7 old   legacy none    -", "7 old", "line 12: needs number"),
    (ERRORS, "38 ENOSYS", "1 ENOSYS", "line 4: number 1 is out of order"),
    (ERRORS, "ENOENT", "noent", "line 3: needs number, name and text"),
])
def test_bad_lines_are_refused(sample: Path, name: str, old: str, new: str,
                               complaint: str) -> None:
    text = (sample / name).read_text()
    assert old in text
    (sample / name).write_text(text.replace(old, new, 1))
    done = run_abigen("--abi", sample)
    assert done.returncode == 1
    assert f"abi/{name}: {complaint}" in done.stderr


def test_data_without_linux_makes_none_of_it(sample: Path, tmp_path: Path) -> None:
    for path in (sample / "linux").iterdir():
        path.unlink()
    (sample / "linux").rmdir()
    assert load(sample).linux is None
    assert run_abigen("--abi", sample, "--out", tmp_path / "gen").returncode == 0
    assert not (tmp_path / "gen" / "libos").exists()


def test_real_table_has_all_of_linux() -> None:
    linux = load_linux(ROOT / "abi" / "linux")
    numbers = [call.number for call in linux.calls]
    # Linux 6.1: 0 to 334 without a gap, then 424 to 450.
    assert numbers == [*range(335), *range(424, 451)]
    named = {call.name: call.number for call in linux.calls}
    assert (named["write"], named["execve"], named["statx"], named["futex_waitv"]) == (1, 59, 332,
                                                                                      449)
    errors = {each.name: each.number for each in linux.errors}
    assert (errors["EPERM"], errors["ENOSYS"], errors["EHWPOISON"]) == (1, 38, 133)
