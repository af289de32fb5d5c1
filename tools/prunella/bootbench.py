# SPDX-License-Identifier: MIT
"""What a boot takes, and what lies in memory before a program runs: the row `boot` of bench.

Times are guest instructions from power-on, firmware included: to the first instruction of the
benchmark program, which is the first process on Linux and started by `exec` on Prunella, and to the
prompt of the shell on the console, which the shell draws by asking that program. The least memory
is what QEMU must be given for a shell to print a word: found by trying. Bytes are what free memory
falls by when a program makes many of a kind that do nothing: processes, threads, open files,
mappings of a page that is not touched, empty files in a folder.
"""

import re
import subprocess
import tempfile
import threading

from prunella import bootfiles, closed, paths, qemu, sidebyside
from prunella.commands.run import session_words
from prunella.errors import Failure
from prunella.guest import CannotStart
from prunella.progress import heartbeat

LEAST_MIB, MOST_MIB = 16, 128
_SHELL = ["/bin/busybox", "sh", "-c", "echo works"]
_PROBE_S = 30
# The kinds of which a program can make many (bench/many.c), how many, and what one is called. So
# many that what each CPU of Linux keeps at hand counts little.
KINDS = {"processes": (1000, "an-idle-process"), "threads": (1000, "a-thread"),
         "files": (1000, "an-open-file"), "mappings": (9000, "a-mapping"),
         "entries": (9000, "an-empty-file")}
_PROFILE = f"PS1='$(/{sidebyside.PROGRAM} --now)# '\n"
_PROMPT = re.compile(rb"NOW ([0-9]+)# ")


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


def _bytes_of(system, kind, count, timeout):
    """The bytes of memory that one of so many takes; None when there can't be so many."""
    with heartbeat(f"bench: {count} {kind}, {system}"):
        text = sidebyside.said_by(system, ["--bytes", f"{kind}:{count}"], timeout,
                                  icount=True)
    found = re.search(rf"^BYTES {kind} (-?[0-9]+)$", text, re.MULTILINE)
    return int(found[1]) if found else None


def _prompt(folder, timeout):
    """Instructions from power-on until the shell on the console draws its prompt. Failure."""
    out = sidebyside.release_folder()
    base = paths.boot_archive(out)
    archive = bootfiles.compose(f"{folder}/prompt.tar",
                                [(sidebyside.program(), sidebyside.PROGRAM)],
                                [(f"{bootfiles.GUEST_ROOT}root/.profile", _PROFILE.encode())],
                                base=base)
    log = paths.log_folder() / "bench-prompt.log"
    machine = qemu.Machine(smp=1, memory=sidebyside.MEMORY, accel="tcg", icount=True,
                           kernel=paths.kernel(out), archive=archive, console="frames", log=log,
                           append=[*session_words(), qemu.PANIC_WORD])
    said = b""
    with subprocess.Popen(machine.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          bufsize=0) as process:
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        try:
            while not (found := _PROMPT.search(said)):
                piece = process.stdout.read(4096)
                if not piece:
                    raise Failure(f"no prompt came, only {said.decode(errors='replace')!r}",
                                  f"read {paths.shown(log)}, or give a longer --timeout")
                said += piece
        finally:
            timer.cancel()
            process.kill()
    return int(found[1])


def measure(timeout):
    """{what: figure}. Failure."""
    out = sidebyside.release_folder()
    systems = {sidebyside.LINUX: "linux-", sidebyside.PRUNELLA: ""}
    found = {f"{prefix}boot-to-program-instructions":
             sidebyside.measure(system, ["ctl_cpu_mix"], True, timeout).start
             for system, prefix in systems.items()}
    with tempfile.TemporaryDirectory(prefix="prunella-bench-") as folder:
        found["boot-to-prompt-instructions"] = _prompt(folder, timeout)
    found["least-memory-mib"] = least_memory()
    for kind, (count, name) in KINDS.items():
        found.update((f"{prefix}bytes-{name}", _bytes_of(system, kind, count, timeout))
                     for system, prefix in systems.items())
    found["kernel-image-bytes"] = paths.kernel(out).stat().st_size
    found["libos-image-bytes"] = (paths.build_folder(out) / "root/lib/libos.img").stat().st_size
    found["boot-archive-bytes"] = paths.boot_archive(out).stat().st_size
    return found
