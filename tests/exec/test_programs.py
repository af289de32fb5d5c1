# SPDX-License-Identifier: MIT
"""Programs of the host with what they need: what is found, where it goes, and that it runs."""

import os
import subprocess
import tarfile

import pytest
from prunella import bootfiles, paths, programs
from prunella.errors import UsageError

COMMAND = [str(paths.ROOT / "prunella"), "exec", "--no-setup"]
TIMEOUT_S = 120
LIBRARY = "int two(void) { return 2; }\n"
PROGRAM = "int two(void); int main(void) { return 40 + two(); }\n"


@pytest.fixture
def program(tmp_path):
    """A dynamic program with a library of its own, which RUNPATH leads to."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "two.c").write_text(LIBRARY)
    (tmp_path / "main.c").write_text(PROGRAM)
    library = tmp_path / "lib/libtwo.so.1.0"
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-soname,libtwo.so.1", "-o", library,
                    tmp_path / "two.c"], check=True)
    (tmp_path / "lib/libtwo.so.1").symlink_to("libtwo.so.1.0")
    subprocess.run(["gcc", "-o", tmp_path / "main", tmp_path / "main.c", library,
                    "-Wl,-rpath,$ORIGIN/lib"], check=True)
    return tmp_path / "main"


def test_interpreter_and_libraries_are_found(program):
    found = programs.collect({}, [str(program)])
    own = str(program.parent)[1:]
    assert found.files[f"{own}/main"] == str(program)
    assert found.files[f"{own}/lib/libtwo.so.1.0"] == f"/{own}/lib/libtwo.so.1.0"
    assert found.links[f"{own}/lib/libtwo.so.1"] == "libtwo.so.1.0"
    names = {os.path.basename(path) for path in [*found.files, *found.links]}
    assert {"libc.so.6", "ld-linux-x86-64.so.2", "ld.so.cache"} <= names


def test_a_library_that_is_missing(program):
    (program.parent / "lib/libtwo.so.1").unlink()
    with pytest.raises(UsageError, match=r"libtwo\.so\.1, which is nowhere"):
        programs.collect({}, [str(program)])


def test_links_of_the_guest_lead_the_way(tmp_path):
    """Where the guest has a link or a folder itself, the host's does not count."""
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "usr/share").mkdir()
    (tmp_path / "usr/share/x").touch()
    (tmp_path / "usr/bin/x").symlink_to("../share/x")
    (tmp_path / "new").symlink_to("usr/share")
    root = str(tmp_path)
    inside = root[1:]
    tree = {f"{inside}/bin": None, f"{inside}/usr": None, f"{inside}/usr/bin": "../bin"}
    found = programs.collect(tree, [f"{root}/usr/bin/x", f"{root}/new/x"])
    assert found.files == {f"{inside}/usr/share/x": f"{root}/usr/share/x"}
    assert found.links == {f"{inside}/bin/x": f"{root}/usr/share/x",
                           f"{inside}/new": "usr/share"}


def test_scripts_bring_their_interpreter(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh -e\necho\n")
    script.chmod(0o755)
    assert os.path.realpath("/bin/sh") in programs.collect({}, [str(script)]).files.values()
    there = programs.collect({"bin": None, "bin/sh": "busybox"}, [str(script)])
    assert list(there.files.values()) == [str(script)], "what the guest has stays"
    script.write_text("#!/nonexistent/x\n")
    with pytest.raises(UsageError, match="/nonexistent/x: no such file"):
        programs.collect({}, [str(script)])


def test_links_go_before_what_lies_below_them(tmp_path):
    found = programs.collect({}, ["/bin/cat"])
    base = tmp_path / "base.tar"
    tarfile.open(base, "w").close()
    out = bootfiles.compose(tmp_path / "out.tar", base=base, programs=found)
    with tarfile.open(out) as tar:
        names = tar.getnames()
    assert len(set(names)) == len(names)
    assert names.index("root/bin") < names.index("root/usr/bin/cat")


def test_debian_programs_run(tmp_path, program):
    """A shell of the C library, a script, a program with RUNPATH, in place of busybox's names."""
    script = tmp_path / "script"
    script.write_text("#!/usr/bin/env bash\nset -- {1..3}\n/bin/cat --version | head -1\n"
                      f"{program}\necho $# $?\nexit 3\n")
    script.chmod(0o755)
    done = subprocess.run([*COMMAND, "--with", script, "--with", program, "--with-package",
                           "coreutils", "--", script], capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False)
    assert done.returncode == 3, done.stderr
    first, last = done.stdout.splitlines()
    assert first.startswith("cat (GNU coreutils)")
    assert last == "3 42"


@pytest.mark.parametrize("words", (
    ("--with", "no-such-program"), ("--with", "/nonexistent/x"), ("--with", "/usr"),
    ("--with-package", "no-such-package")))
def test_what_is_not_there_boots_nothing(words):
    done = subprocess.run([*COMMAND, *words, "--", "cat"], capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False)
    assert (done.returncode, done.stdout) == (125, "")
    assert words[0] in done.stderr and words[1] in done.stderr
    assert "command line:" not in done.stderr
