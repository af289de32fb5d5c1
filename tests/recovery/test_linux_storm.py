# SPDX-License-Identifier: MIT
"""Shell scripts of Debian's busybox, with pipes, forks, files and /proc, while every server that
they use is killed again and again: outputs and statuses are those of an undisturbed run."""

import hashlib
import random
import re

import pytest
from harness import results
from harness.guest import SCALE
from prunella import paths, qemu
from prunella.guest import Guest

SERVERS = ("execd", "uart16550", "procd", "tmpfsd", "procfsd", "vfsd")
ENVIRONMENT = {"PATH": "/bin:/usr/bin", "HOME": "/"}
PATIENCE_S = 120 * SCALE
LINES = 10_000
SORT = ("cat > /run/a; sort -n < /run/a | tee /run/b | md5sum >&2; cat /run/b; "
        "rm /run/a /run/b; exit 5")
FORKS = 'i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo $i | cat; done | md5sum'
# What /proc says of the shell itself, in lines that are the same each time.
PASSWD = (paths.ROOT / "image" / "root" / "passwd").read_bytes()
PROC_ROUNDS = 4
PROC = (f'exec 7</etc/passwd; i=0; while [ $i -lt {PROC_ROUNDS} ]; do i=$((i+1)); '
        'readlink /proc/$$/fd/7; cat /proc/self/fd/7; cat /proc/$$/comm; ps -o comm | grep "^ps$"; '
        'top -b -n1 | sed -n "s/^Mem:.*/Mem/p"; (read -r name rest; echo $name) </proc/meminfo; '
        'echo done >/dev/stdout; done')
PROC_SAYS = (b"/etc/passwd\n" + PASSWD + b"sh\nps\nMem\nMemTotal:\ndone\n") * PROC_ROUNDS
# File systems that come and go, with a bind, a walk out, and a look at the table.
MOUNT_ROUNDS = 6
MOUNTS = (f'i=0; while [ $i -lt {MOUNT_ROUNDS} ]; do i=$((i+1)); '
          'mount -t tmpfs -o mode=700 t$i /mnt || exit 1; mkdir /mnt/a /mnt/b; '
          'cp /etc/passwd /mnt/a/p; mount --bind /mnt/a /mnt/b || exit 2; '
          'cmp /mnt/b/p /etc/passwd; '
          'grep -c " /mnt" /proc/mounts; cd /mnt/b; cat ../../etc/hostname; '
          'umount /mnt/b 2>/dev/null && exit 3; cd /; umount /mnt/b || exit 4; '
          'umount /mnt || exit 5; ls /mnt; done; wc -l < /proc/mounts')
MOUNTS_SAY = b"2\nprunella\n" * MOUNT_ROUNDS + b"2\n"

# Named pipes: readers and writers that wait for each other, and a loop that many write to.
FIFO_ROUNDS = 8
FIFOS = (f'mkfifo /run/p /run/q; i=0; while [ $i -lt {FIFO_ROUNDS} ]; do i=$((i+1)); '
         'seq 500 > /run/p & sort -rn < /run/p > /run/q & head -n 2 /run/q; wait; '
         'echo visit > /run/p & read -r word < /run/p; echo $word; wait; '
         'exec 5<> /run/p; for n in 1 2 3; do echo $n > /run/p & done; wait; '
         '(for n in 1 2 3; do read -r line <&5; echo $line; done) | sort; exec 5<&-; '
         'done; rm /run/p /run/q')
FIFOS_SAY = b"500\n499\nvisit\n1\n2\n3\n" * FIFO_ROUNDS


def check_scripts(guest):
    """One round of scripts, each with a checksum that the host knows."""
    numbers = random.Random(1).sample(range(100_000), LINES)
    text = "".join(f"{number}\n" for number in numbers).encode()
    wanted = "".join(f"{number}\n" for number in sorted(numbers)).encode()
    done = guest.run(["sh", "-c", SORT], text, env=ENVIRONMENT, timeout=PATIENCE_S)
    assert (done.stdout == wanted, done.status) == (True, 5)
    assert done.stderr == f"{hashlib.md5(wanted).hexdigest()}  -\n".encode()
    counted = "".join(f"{number}\n" for number in range(1, 31)).encode()
    done = guest.run(["sh", "-c", FORKS], env=ENVIRONMENT, timeout=PATIENCE_S)
    assert done.stdout == f"{hashlib.md5(counted).hexdigest()}  -\n".encode()
    assert (done.stderr, done.status) == (b"", 0)
    done = guest.run(["sh", "-c", PROC], env=ENVIRONMENT, timeout=PATIENCE_S)
    assert (done.stdout, done.stderr, done.status) == (PROC_SAYS, b"", 0)
    done = guest.run(["sh", "-c", MOUNTS], env=ENVIRONMENT, timeout=PATIENCE_S)
    assert (done.stdout, done.stderr, done.status) == (MOUNTS_SAY, b"", 0)
    done = guest.run(["sh", "-c", FIFOS], env=ENVIRONMENT, timeout=PATIENCE_S)
    assert (done.stdout, done.stderr, done.status) == (FIFOS_SAY, b"", 0)


def kills_in(text):
    """How often each server was killed, by the kernel's log."""
    return {name: len(re.findall(rf"init: {name} restarted", text)) for name in SERVERS}


def storm(smp, wanted):
    """Runs the scripts under the storm until each server was killed `wanted` times."""
    machine = qemu.Machine(smp=smp, append=["init.run=bin/svc-storm", "init.uses=svc",
                                            f"init.args=mean-ms=35,{','.join(SERVERS)}"])
    guest = Guest(machine, paths.log_folder() / f"linux-storm-{smp}.log")
    rounds = 0
    try:
        with guest:
            while min(kills_in(guest.log_tail(None)).values()) < wanted:
                assert rounds < wanted, "a round of scripts in which hardly anybody was killed"
                rounds += 1
                check_scripts(guest)
    except Exception:
        print(guest.log_tail())
        raise
    finally:
        guest.kill()
    kills = kills_in(guest.log_tail(None))
    told = ", ".join(f"{name} {count}" for name, count in kills.items())
    results.figure(f"scripts under a storm, {smp} CPUs: {rounds} rounds, killed {told}")


@pytest.mark.parametrize("smp", (1, 2))
def test_scripts_notice_nothing(smp):
    storm(smp, 100)


@pytest.mark.long
@pytest.mark.parametrize("smp", (1, 2, 4))
def test_scripts_notice_nothing_for_long(smp):
    storm(smp, 500)
