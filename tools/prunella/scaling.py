# SPDX-License-Identifier: MIT
"""Cost as things grow in number, and work done by several CPUs: the rows `scale` and `cpus`.

Scale: an operation of a Linux program while there are so many of a kind (bench/many.c), in
instructions, on both kernels; of native handles and services Prunella alone. The number grows by
tens from 10 to 10,000, or until a limit of the system refuses more.

CPUs: operations a second that as many processes do at once as there are CPUs (bench/parallel.c), by
the guest's clock. Each CPU of the guest is a thread of the host: figures for more CPUs than the
host has cores show what contention costs, not what the work gains.
"""

import re
import tempfile

from prunella import bootfiles, native, paths, sidebyside
from prunella.errors import Failure
from prunella.progress import heartbeat
from prunella.sidebyside import LINUX, PRUNELLA

COUNTS = (10, 100, 1000, 10_000)
CPUS = (1, 2, 4)
# For the many; not what other rows are measured with.
MEMORY = "4G"
# What is done while there are so many of a kind.
OPERATIONS = {"processes": "fork, exit, wait", "threads": "create, join", "files": "open, close",
              "mappings": "mmap, touch, munmap", "entries": "create, unlink",
              "handles": "event created, closed", "services": "restart of one"}
# Beside those of the image; init knows at most 32.
SERVICES = (1, 10, 18)
_RATE = re.compile(r"^RATE (\S+) [0-9]+ ([0-9]+)$", re.MULTILINE)


def _of_programs(kind, system, timeout):
    names = [f"{kind}:{count}" for count in COUNTS]
    found = sidebyside.measure(system, names, True, timeout, memory=MEMORY)
    return {count: found.best[name] for count, name in zip(COUNTS, names) if name in found.best}


def _more_services(count, folder):
    """The boot archive with so many more services, which are like one that is there."""
    guest, text = bootfiles.service(paths.ROOT / "image/services/relay.svc")
    more = [(guest.replace("relay", f"relay-{at}"),
             re.sub(rb"(?m)^(service|provides)( +)relay$", rb"\1\2relay-%d" % at, text))
            for at in range(count)]
    return bootfiles.compose(f"{folder}/boot.tar", (), more,
                             base=paths.boot_archive(sidebyside.release_folder()))


def _of_services(timeout):
    found = {}
    for count in SERVICES:
        with tempfile.TemporaryDirectory(prefix="prunella-bench-") as folder:
            rows = native.measure(sidebyside.release_folder(), timeout,
                                  archive=_more_services(count, folder))
        found[count] = float(rows["restart"])
    return found


def _of_handles(timeout):
    return {count: float(native.measure(sidebyside.release_folder(), timeout,
                                        words=(f"init.args=handles={count}",))
                         ["event-create-close"]) for count in COUNTS}


def scale(timeout):
    """{kind: {system: {count: instructions per operation}}}. Failure."""
    found = {}
    for kind in sidebyside.kinds():
        with heartbeat(f"bench: many {kind}"):
            found[kind] = {system: _of_programs(kind, system, timeout)
                           for system in (LINUX, PRUNELLA)}
    with heartbeat("bench: many handles and services"):
        found["handles"] = {PRUNELLA: _of_handles(timeout)}
        found["services"] = {PRUNELLA: _of_services(timeout)}
    return found


def rates(timeout):
    """{operation: {system: {CPUs: operations a second}}}. Failure."""
    found = {}
    for cpus in CPUS:
        for system in (LINUX, PRUNELLA):
            with heartbeat(f"bench: {cpus} CPUs, {system}"):
                text = sidebyside.said_by(system, ["--rates", str(cpus)], timeout, icount=False,
                                          smp=cpus)
            if not re.search("^DONE$", text, re.MULTILINE):
                raise Failure(f"{cpus} CPUs: the benchmark did not end well on {system}; its last "
                              "words:\n" + "\n".join(text.splitlines()[-10:]))
            for name, rate in _RATE.findall(text):
                found.setdefault(name, {}).setdefault(system, {})[cpus] = float(rate)
    return found
