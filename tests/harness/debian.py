# SPDX-License-Identifier: MIT
"""Runs commands on Debian's own kernel: one boot for a whole list, byte-exact results.

The first file system holds the programs, busybox and the shells, the list of commands, and an init
of ours (tests/linux/runner/init.c) that runs them and writes what each did to an NVMe disk, whose
driver is built into that kernel. The machine is that of Prunella's tests but for this disk.

The cases of the family debian have a boot of their own, in which there are the packages below and
nothing else.

Results are kept in out/debian/results by a digest of the kernel and of all that was put into the
guest: nothing is booted when nothing has changed.
"""

import hashlib
import os
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from linux_cases import DEBIAN
from prunella import debian, paths, programs, qemu
from prunella.cpio import Cpio

LIMIT_MS = 20_000
BOOT_LIMIT_S = 900
DISK_BYTES = 64 << 20
CALLS_BYTES = 64
MAGIC, END, TIMED_OUT = 0x53454341, 0xFFFFFFFF, 0x10000
SHELLS = {"bin/busybox": "/bin/busybox", "bin/bash": "/bin/bash-static",
          "bin/mksh": "/usr/lib/x86_64-linux-musl/bin/mksh",
          "bin/mksh-klibc": "/usr/lib/klibc/bin/mksh"}
FILES = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n",
         "etc/hostname": "guest\n"}
# For the family debian: packages, and files of packages that are too large as a whole.
PACKAGES = ("bash", "dash", "coreutils", "sed", "grep", "mawk", "findutils", "diffutils", "tar",
            "gzip", "bzip2", "xz-utils", "perl-base", "sqlite3", "make", "python3.11-minimal",
            "libpython3.11-minimal", "libpython3.11-stdlib", "libc6-dev", "linux-libc-dev")
_GCC = "/usr/lib/gcc/x86_64-linux-gnu/12"
PROGRAMS = ("/usr/bin/awk", "/usr/bin/git", "/usr/lib/git-core/git", "/usr/bin/gcc", "/usr/bin/as",
            "/usr/bin/ld", "/lib/x86_64-linux-gnu/libgcc_s.so.1", *(f"{_GCC}/{name}" for name in (
                "cc1", "collect2", "liblto_plugin.so", "libgcc.a", "libgcc_s.so", "crtbegin.o",
                "crtbeginS.o", "crtend.o", "crtendS.o", "include/stddef.h", "include/stdarg.h",
                "include/stdint.h", "include/limits.h", "include/syslimits.h")))
FOLDERS = ("proc", "sys", "root", "tmp", "var", "srv", "usr/bin")


@dataclass(frozen=True)
class Result:
    """What a command did. status: 128 + n for signal n, None when its time was up."""

    stdout: bytes
    stderr: bytes
    status: int
    # Numbers of the Linux calls that it made, as far as they were seen.
    calls: frozenset = field(default=frozenset(), compare=False)


class DebianError(AssertionError):
    """The guest did not give the results."""


def applets():
    """Names of all that busybox can be."""
    listing = subprocess.run([SHELLS["bin/busybox"], "--list"], capture_output=True, text=True,
                             check=True).stdout
    return [name for name in listing.split() if name not in ("bash", "mksh", "busybox")]


def add_userland(archive):
    """The shells and the few files that they look for; the same is put into Prunella."""
    for name in FOLDERS:
        archive.directory(name, 0o1777 if name == "tmp" else 0o755)
    for name, source in SHELLS.items():
        archive.file(name, Path(source), 0o755)
    for name in applets():
        archive.link(f"bin/{name}", "busybox")
    for name, text in FILES.items():
        archive.file(name, text.encode())


def pack_cases(cases):
    """The list of commands as init.c reads it."""
    parts = []
    for case in cases:
        parts.append(struct.pack("<I", len(case.argv)))
        for word in case.argv:
            encoded = word.encode()
            parts += [struct.pack("<I", len(encoded)), encoded]
        parts += [struct.pack("<I", len(case.stdin)), case.stdin, struct.pack("<I", LIMIT_MS)]
    return b"".join(parts)


def debian_userland(tree):
    """The prunella.programs.Collection for a guest that has this tree."""
    return programs.collect(tree, PROGRAMS, PACKAGES)


def add_packages(archive):
    """A tree of Debian's own programs, laid out as Debian does it."""
    for name in FOLDERS:
        if name != "usr/bin":
            archive.directory(name, 0o1777 if name == "tmp" else 0o755)
    archive.collection(debian_userland({}))
    for name, text in FILES.items():
        archive.file(name, text.encode())


def make_archive(cases, built):
    archive = Cpio()
    archive.console()
    if cases[0].family == DEBIAN:
        add_packages(archive)
    else:
        add_userland(archive)
    archive.file("init", paths.out_folder() / "linux" / "runner", 0o755)
    for name in sorted({case.program for case in cases if case.program}):
        archive.file(f"linux/{name}", built / name, 0o755)
    archive.file("cases", pack_cases(cases))
    return archive.finish()


def boot(kernel, archive, disk, log):
    """Boots until init powers off."""
    machine = qemu.Machine(
        smp=2, memory="2G", kernel=kernel, archive=archive, log=log,
        append=["console=ttyS0", "panic=-1", "quiet", "mitigations=off", "rdinit=/init"],
        extra=["-drive", f"file={disk},if=none,format=raw,id=results,cache=unsafe",
               "-device", "nvme,drive=results,serial=results"])
    try:
        done = subprocess.run(machine.command(), stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=BOOT_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise DebianError(f"Debian's kernel was not done in {BOOT_LIMIT_S} s; see {log}") from None
    if b"init: done" not in done.stdout:
        tail = (done.stdout + done.stderr).decode(errors="replace")[-2000:]
        raise DebianError(f"Debian's kernel did not come to its end:\n{tail}")


def _numbers(bits):
    """The numbers whose bits are set."""
    return frozenset(at for at in range(len(bits) * 8) if bits[at // 8] >> at % 8 & 1)


def read_results(path, count):
    """The results on the disk, which must be `count`."""
    data = path.read_bytes()
    results, at = [], 0
    while True:
        magic, index, status, out_size, error_size = struct.unpack_from("<5I", data, at)
        calls = data[at + 20:at + 20 + CALLS_BYTES]
        at += 20 + CALLS_BYTES
        if magic != MAGIC or (index != END and index != len(results)):
            raise DebianError(f"the disk holds no result at byte {at - 20 - CALLS_BYTES}")
        if index == END:
            break
        stdout, stderr = data[at:at + out_size], data[at + out_size:at + out_size + error_size]
        at += out_size + error_size
        results.append(Result(stdout, stderr, None if status == TIMED_OUT else status,
                              _numbers(calls)))
    if len(results) != count:
        raise DebianError(f"{len(results)} results for {count} commands")
    return results


def run(cases, built):
    """A Result for each case; built: the folder with what the build made, out/linux."""
    results = {}
    for world in ("packages", "programs"):
        group = [case for case in cases if (case.family == DEBIAN) == (world == "packages")]
        if group:
            found = _run_world(world, group, built)
            results.update((case.name, result) for case, result in zip(group, found))
    return [results[case.name] for case in cases]


def _run_world(world, cases, built):
    kernel = debian.kernel()
    content = make_archive(cases, built)
    key = hashlib.sha256(kernel.read_bytes() + content).hexdigest()[:32]
    folder = debian.folder() / "results" / world
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{key}.disk"
    if not kept.exists():
        for stale in folder.iterdir():
            stale.unlink()
        archive, disk = folder / "initrd.cpio", folder / "new"
        archive.write_bytes(content)
        with open(disk, "wb") as file:
            file.truncate(DISK_BYTES)
        boot(kernel, archive, disk, paths.log_folder() / "debian.log")
        read_results(disk, len(cases))
        archive.unlink()
        os.replace(disk, kept)
    return read_results(kept, len(cases))
