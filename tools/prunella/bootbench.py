# SPDX-License-Identifier: MIT
"""What a boot takes, and what lies in memory before a program runs: the row `boot` of bench.

Times are guest instructions from power-on, firmware included, to the first instruction of the
benchmark program, which is the first process on Linux and started by `exec` on Prunella. The least
memory is what QEMU must be given for a shell to print a word: found by trying. Bytes of an idle
process are what free memory falls by when a small program forks 1,000 that do nothing: page tables
and the pages that each has written to, counted by the kernel.
"""

import tempfile

from prunella import bootfiles, closed, paths, qemu, sidebyside
from prunella.errors import Failure
from prunella.guest import CannotStart
from prunella.progress import heartbeat

LEAST_MIB, MOST_MIB = 16, 128
_SHELL = ["/bin/busybox", "sh", "-c", "echo works"]
_PROBE_S = 30
IDLE_PROCESSES = 1000


def _works_with(mebibytes, folder):
    out = sidebyside.release_folder()
    said = closed.all_frames(_SHELL, b"", {"PATH": "/bin"}, "/")
    archive = bootfiles.compose(f"{folder}/boot.tar", (), [closed.service(), closed.script(said)],
                                base=paths.boot_archive(out))
    machine = qemu.Machine(smp=1, memory=f"{mebibytes}M", accel="tcg", kernel=paths.kernel(out),
                           archive=archive)
    try:
        stdout, _, status = closed.run(machine, _SHELL[0], paths.log_folder() / "bench-memory.log",
                                       _PROBE_S)
    except (Failure, CannotStart):
        return False
    return status == 0 and stdout == b"works\n"


def least_memory():
    """Mebibytes. Failure when even MOST_MIB are too few."""
    with tempfile.TemporaryDirectory(prefix="prunella-bench-") as folder, \
            heartbeat("bench: least memory"):
        low, high = LEAST_MIB - 1, MOST_MIB
        if not _works_with(high, folder):
            raise Failure(f"no shell comes up with {high} MiB",
                          f"read {paths.shown(paths.log_folder() / 'bench-memory.log')}")
        while high - low > 1:
            middle = (low + high) // 2
            if _works_with(middle, folder):
                high = middle
            else:
                low = middle
    return high


def measure(timeout):
    """{what: figure}. Failure."""
    out = sidebyside.release_folder()
    starts = {system: sidebyside.measure(system, ["ctl_cpu_mix"], True, timeout).start
              for system in (sidebyside.LINUX, sidebyside.PRUNELLA)}
    idle = {system: sidebyside.idle_bytes(system, IDLE_PROCESSES, timeout)
            for system in (sidebyside.LINUX, sidebyside.PRUNELLA)}
    return {
        "linux-boot-to-program-instructions": starts[sidebyside.LINUX],
        "boot-to-program-instructions": starts[sidebyside.PRUNELLA],
        "least-memory-mib": least_memory(),
        "linux-bytes-an-idle-process": idle[sidebyside.LINUX],
        "bytes-an-idle-process": idle[sidebyside.PRUNELLA],
        "kernel-image-bytes": paths.kernel(out).stat().st_size,
        "libos-image-bytes": (paths.build_folder(out) / "root/lib/libos.img").stat().st_size,
        "boot-archive-bytes": paths.boot_archive(out).stat().st_size,
    }
