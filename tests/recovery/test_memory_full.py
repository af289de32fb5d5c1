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
MEMORY_S = 8
MEAN_MS = 30
LEAST_KILLS = 3
ENVIRONMENT = {"PATH": "/bin:/usr/bin", "HOME": "/"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A boot archive with the program full in it."""
    folder = tmp_path_factory.mktemp("full")
    subprocess.run(["musl-gcc", "-O1", "-Wall", "-Werror", "-static", "-o", folder / "full",
                    "tests/recovery/full.c"], cwd=paths.ROOT, check=True)
    return bootfiles.compose(folder / "boot.tar", [(folder / "full", "full")])


def run_under_storm(archive, name, words, smp):
    """Runs full under the storm. (what it printed, kills by server)"""
    machine = qemu.Machine(smp=smp, memory="64M", archive=archive,
                           append=["init.run=bin/svc-storm", "init.uses=svc",
                                   f"init.args=mean-ms={MEAN_MS},{','.join(SERVERS)}"])
    guest = Guest(machine, paths.log_folder() / f"full-{name}-{smp}.log")
    try:
        with guest:
            done = guest.run(["/full", *words], env=ENVIRONMENT, timeout=PATIENCE_S)
        log = guest.log_tail(None)
    except Exception:
        print(guest.log_tail())
        raise
    finally:
        guest.kill()
    assert (done.stderr, done.status) == (b"", 0), done.stdout
    assert "DISCARDED" not in log and "FAILED" not in log and "faulted" not in log
    text = done.stdout.decode().strip()
    kills = {server: len(re.findall(rf"init: {server} restarted", log)) for server in SERVERS}
    told = ", ".join(f"{server} {count}" for server, count in kills.items())
    results.figure(f"full, {smp} CPUs: {text}; killed {told}")
    return text, kills


@pytest.mark.parametrize("smp", (1, 2))
def test_servers_heal_when_memory_is_full(archive, smp):
    text, kills = run_under_storm(archive, "memory", ["memory", str(MEMORY_S)], smp)
    pieces, refused = map(int, re.match(r"memory: (\d+) pieces, (\d+) refused, 0 wrong",
                                        text).groups())
    assert pieces > 0 and refused > 0
    assert min(kills.values()) >= LEAST_KILLS


@pytest.mark.parametrize("what, rounds, least", (("disk", 20, 20), ("inodes", 2, 4096)))
def test_full_file_system_loses_nothing(archive, what, rounds, least):
    text, kills = run_under_storm(archive, what, [what, str(rounds)], 1)
    count = int(re.match(rf"{what}: (\d+) made, 0 wrong", text)[1])
    assert count >= rounds * least
    assert min(kills.values()) >= LEAST_KILLS
