# SPDX-License-Identifier: MIT
"""Machines whose memory, files or names are used up, while their servers are killed."""

import re
import subprocess

import pytest
from harness import results
from harness.guest import SCALE
from prunella import bootfiles, paths, qemu
from prunella.guest import Guest

SERVERS = ("execd", "uart16550", "procd", "tmpfsd", "vfsd")
PATIENCE_S = 120 * SCALE
MEMORY_S = 6
MEAN_MS = 30
LEAST_KILLS = 3
RUNS_MAX = 60
ENVIRONMENT = {"PATH": "/bin:/usr/bin", "HOME": "/"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A boot archive with the program full in it."""
    folder = tmp_path_factory.mktemp("full")
    subprocess.run(["musl-gcc", "-O1", "-Wall", "-Werror", "-static", "-o", folder / "full",
                    "tests/recovery/full.c"], cwd=paths.ROOT, check=True)
    return bootfiles.compose(folder / "boot.tar", [(folder / "full", "full")])


def kills_in(log):
    """How often each server was killed, by the kernel's log."""
    return {server: len(re.findall(rf"init: {server} restarted", log)) for server in SERVERS}


def run_under_storm(archive, name, words, smp):
    """Runs full under the storm, until each server was killed. What it printed, run by run."""
    machine = qemu.Machine(smp=smp, memory="64M", archive=archive,
                           append=["init.run=bin/svc-storm", "init.uses=svc",
                                   f"init.args=mean-ms={MEAN_MS},{','.join(SERVERS)}"])
    guest = Guest(machine, paths.log_folder() / f"full-{name}-{smp}.log")
    texts = []
    try:
        with guest:
            while min(kills_in(guest.log_tail(None)).values()) < LEAST_KILLS:
                assert len(texts) < RUNS_MAX, "hardly anybody was killed"
                done = guest.run(["/full", *words], env=ENVIRONMENT, timeout=PATIENCE_S)
                assert (done.stderr, done.status) == (b"", 0), done.stdout
                texts.append(done.stdout.decode().strip())
        log = guest.log_tail(None)
    except Exception:
        print(guest.log_tail())
        raise
    finally:
        guest.kill()
    assert "DISCARDED" not in log and "FAILED" not in log and "faulted" not in log
    told = ", ".join(f"{server} {count}" for server, count in kills_in(log).items())
    results.figure(f"full, {smp} CPUs: {'; '.join(texts)}; killed {told}")
    return texts


@pytest.mark.parametrize("smp", (1, 2))
def test_servers_heal_when_memory_is_full(archive, smp):
    for text in run_under_storm(archive, "memory", ["memory", str(MEMORY_S)], smp):
        pieces, refused = map(int, re.match(r"memory: (\d+) pieces, (\d+) refused, 0 wrong",
                                            text).groups())
        assert pieces > 0 and refused > 0


@pytest.mark.parametrize("what, least", (("disk", 20), ("inodes", 4096)))
def test_full_file_system_loses_nothing(archive, what, least):
    for text in run_under_storm(archive, what, [what], 1):
        assert int(re.match(rf"{what}: (\d+) made, 0 wrong", text)[1]) >= least
