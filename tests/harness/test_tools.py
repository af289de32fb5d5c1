# SPDX-License-Identifier: MIT
"""The small tools of the build: the boot archive and the kernel's symbol table."""

import subprocess
import sys
import tarfile

from prunella import paths

TOOLS = paths.ROOT / "tools"


def run_tool(name, *words, stdin=""):
    """Runs a tool; returns the finished process."""
    return subprocess.run([sys.executable, TOOLS / name, *map(str, words)], input=stdin, text=True,
                          capture_output=True, check=False)


def pack(folder, text, out="a.tar", more=()):
    """Packs a list; sources of the build folder are in folder/build."""
    (folder / "boot.list").write_text(text, encoding="utf-8")
    return run_tool("mkarchive.py", "--build", folder / "build/root", "--build", folder / "build",
                    "--depfile", folder / "a.d", "--out", folder / out, *more, folder / "boot.list")


def make_program(folder):
    for name, content in (("root/bin/init", "stripped"), ("bin/init", "whole"), ("data", "data")):
        path = folder / "build" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


LIST = """# what is in it
sbin/init  @/bin/init  0755  # the first program
etc/data   @/data      0640
var/log/   -           0700
bin/sh     -> busybox
"""


def test_archive_holds_what_the_list_says(tmp_path):
    make_program(tmp_path)
    assert pack(tmp_path, LIST).returncode == 0
    with tarfile.open(tmp_path / "a.tar") as archive:
        found = {entry.name: (oct(entry.mode), entry.type, entry.linkname) for entry in archive}
        assert archive.extractfile("sbin/init").read() == b"stripped"
        owners = {(entry.uid, entry.gid, entry.uname, entry.mtime) for entry in archive}
    assert found == {
        "boot/table": ("0o444", tarfile.REGTYPE, ""),
        "bin": ("0o755", tarfile.DIRTYPE, ""), "bin/sh": ("0o777", tarfile.SYMTYPE, "busybox"),
        "etc": ("0o755", tarfile.DIRTYPE, ""), "etc/data": ("0o640", tarfile.REGTYPE, ""),
        "sbin": ("0o755", tarfile.DIRTYPE, ""), "sbin/init": ("0o755", tarfile.REGTYPE, ""),
        "var": ("0o755", tarfile.DIRTYPE, ""), "var/log": ("0o700", tarfile.DIRTYPE, "")}
    assert owners == {(0, 0, "root", 0)}


def test_archive_is_plain_ustar_and_sorted(tmp_path):
    make_program(tmp_path)
    pack(tmp_path, LIST)
    content = (tmp_path / "a.tar").read_bytes()
    assert content[257:265] == b"ustar\x0000"
    with tarfile.open(tmp_path / "a.tar") as archive:
        first, *others = archive.getnames()
    assert first == "boot/table" and others == sorted(others)


def test_archive_is_the_same_each_time(tmp_path):
    make_program(tmp_path)
    pack(tmp_path, LIST)
    backwards = "\n".join(reversed(LIST.splitlines()))
    pack(tmp_path, backwards, "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_archive_names_its_sources_for_make(tmp_path):
    make_program(tmp_path)
    pack(tmp_path, LIST)
    rule = (tmp_path / "a.d").read_text(encoding="utf-8").splitlines()[0]
    assert str(tmp_path / "build/root/bin/init") in rule and str(tmp_path / "build/data") in rule


def test_archive_of_a_tree(tmp_path):
    make_program(tmp_path)
    (tmp_path / "tree.list").write_text("bin/{a,b} -> x\nbin/c => root/data\ndata @/data 0600\n"
                                        "dev/null c:1:3 0666\n", encoding="utf-8")
    result = pack(tmp_path, LIST, more=("--prefix", "root/", "--under", tmp_path / "tree.list"))
    assert result.returncode == 0, result.stderr
    with tarfile.open(tmp_path / "a.tar") as archive:
        below = {entry.name: (entry.type, entry.linkname, entry.devmajor, entry.devminor)
                 for entry in archive if entry.name.startswith("root/")}
        names = archive.getnames()
    assert below == {
        "root/bin": (tarfile.DIRTYPE, "", 0, 0), "root/dev": (tarfile.DIRTYPE, "", 0, 0),
        "root/bin/a": (tarfile.SYMTYPE, "x", 0, 0), "root/bin/b": (tarfile.SYMTYPE, "x", 0, 0),
        "root/bin/c": (tarfile.LNKTYPE, "root/data", 0, 0),
        "root/data": (tarfile.REGTYPE, "", 0, 0), "root/dev/null": (tarfile.CHRTYPE, "", 1, 3)}
    assert names.index("root/bin/c") > names.index("root/data")


def test_archive_refuses_a_bad_list(tmp_path):
    make_program(tmp_path)
    for line, reason in (("x @/nothing 0755", "is in none of"), ("x @/data", "three are expected"),
                         ("x @/data rwx", "not a mode"), ("/x @/data 0644", "not a path"),
                         ("../x @/data 0644", "not a path"), ("x no/such 0644", "does not exist")):
        result = pack(tmp_path, f"# first\n{line}\n")
        assert result.returncode == 1
        assert "boot.list:2: " in result.stderr and reason in result.stderr, result.stderr
    twice = pack(tmp_path, "x @/data 0644\nx @/data 0644\n")
    assert twice.returncode == 1 and "appears twice" in twice.stderr


NM = """0000000000100000 t low_entry
ffffffff80100000 T kernel_text_start
ffffffff80100000 t local_alias
ffffffff80100000 T boot
ffffffff80100040 t helper
ffffffff80100050 W weak
ffffffff80100060 D data_in_text_range
ffffffff80100080 T kernel_text_end
ffffffff80100080 T after
"""


def test_symbols_of_the_text_are_written_in_order():
    result = run_tool("ksyms.py", stdin=NM)
    assert result.returncode == 0
    words = [line.strip() for line in result.stdout.splitlines() if line.startswith("    .")]
    offsets = [line.split()[1] for line in words if line.startswith(".long")]
    names = [line.split()[1] for line in words if line.startswith(".asciz")]
    assert offsets == ["3", "0x0", "0x40", "0x50"]
    assert names == ['"boot"', '"helper"', '"weak"']


def test_symbols_need_the_ends_of_the_text():
    result = run_tool("ksyms.py", stdin="ffffffff80100000 T boot\n")
    assert result.returncode == 1 and "kernel_text_start" in result.stderr


def test_empty_table_assembles(tmp_path):
    result = run_tool("ksyms.py", "--empty")
    assembler = subprocess.run(["gcc", "-x", "assembler", "-c", "-o", tmp_path / "a.o", "-"],
                               input=result.stdout, text=True, check=False)
    assert assembler.returncode == 0
