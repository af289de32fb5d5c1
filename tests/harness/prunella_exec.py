# SPDX-License-Identifier: MIT
"""Runs Linux commands on Prunella, for the comparison with Debian's kernel: many in one boot.

The programs of one C library and the userland of harness.debian go into the boot archive of one
guest, which runs the cases one after the other. A case that does not end in time, or ends the
guest, costs a boot: the next one gets a new guest. After MAX_LOST of them the rest of the cases
fail unseen, so that a broken system does not take hours to say so.
"""

import shutil
import tempfile
from itertools import groupby
from pathlib import Path

import pytest
from harness import debian
from linux_cases import DEBIAN, Case
from prunella import bootfiles, paths, qemu
from prunella.guest import CannotStart, Guest, GuestFailed, TimedOut

ENVIRONMENT = {"PATH": "/bin:/usr/bin", "HOME": "/", "TERM": "linux"}
LIMIT_S = 20
MAX_LOST = 12
MEMORY, MEMORY_DEBIAN = "512M", "1G"


def require(programs):
    """Skips the test in a tree that can't run the smallest of programs."""
    case = Case("hello", "start", ("/linux/musl/hello",), b"", 7, "musl/hello")
    result = run([case], programs)["hello"]
    if result.status != case.status:
        pytest.skip(f"no Linux program runs on Prunella yet: status {result.status}, "
                    f"{result.stderr[:300]!r}")


def _library(case):
    """What has a boot archive of its own: a C library, Debian's programs, the shells ("")."""
    if case.family == DEBIAN:
        return DEBIAN
    return case.program.split("/")[0] if case.program else ""


def _stage(folder, cases, programs):
    """(host, guest) of all that the cases need, for bootfiles.compose."""
    puts = [(programs / name, f"linux/{name}")
            for name in sorted({case.program for case in cases if case.program})]
    for name, text in debian.FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        puts.append((path, name))
    if any(case.program is None and case.family != DEBIAN for case in cases):
        _stage_shells(folder)
        puts.append((folder / "bin", "bin"))
    return puts


def _stage_shells(folder):
    """bin/ with the shells, and a link for each thing that busybox can be."""
    (folder / "bin").mkdir()
    for name, source in debian.SHELLS.items():
        shutil.copyfile(source, folder / name)
        (folder / name).chmod(0o755)
    for name in debian.applets():
        (folder / "bin" / name).symlink_to("busybox")


class _Runner:
    """Guests for one group of cases, booted as they are needed."""

    def __init__(self, archive, log, memory):
        self._archive, self._log, self._memory = archive, log, memory
        self._guest = None
        self.lost = 0

    def _boot(self):
        machine = qemu.Machine(smp=2, memory=self._memory, archive=self._archive)
        self._guest = Guest(machine, log=self._log)
        self._guest.boot()

    def run(self, case):
        """A harness.debian.Result; its stderr tells when there was none."""
        if self.lost >= MAX_LOST:
            return debian.Result(b"", b"not run: too many cases ended their guest", None)
        try:
            if self._guest is None:
                self._boot()
            done = self._guest.run(list(case.argv), case.stdin, env=ENVIRONMENT, timeout=LIMIT_S)
            return debian.Result(done.stdout, done.stderr, done.status)
        except CannotStart as failure:
            return debian.Result(b"", failure.cause.encode(), failure.status)
        except (GuestFailed, TimedOut) as failure:
            self.lost += 1
            text = f"{failure.cause}: {self._guest.log_tail(5)}"
            self._guest.kill()
            self._guest = None
            return debian.Result(b"", text.encode(), None)

    def finish(self):
        if self._guest is not None:
            self._guest.kill()


def run(cases, programs):
    """A harness.debian.Result for each case, by its name."""
    results = {}
    for library, group in groupby(sorted(cases, key=_library), _library):
        group = list(group)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            packages = None
            if library == DEBIAN:
                packages = debian.debian_userland(bootfiles.guest_tree(paths.boot_archive()))
            archive = bootfiles.compose(folder / "boot.tar", _stage(folder, group, programs),
                                        programs=packages)
            runner = _Runner(archive, paths.log_folder() / f"linux-{library or 'shells'}.log",
                             MEMORY_DEBIAN if library == DEBIAN else MEMORY)
            for case in group:
                results[case.name] = runner.run(case)
            runner.finish()
    return results
