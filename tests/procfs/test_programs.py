# SPDX-License-Identifier: MIT
"""What Debian's busybox makes of /proc, and of a file system that is mounted."""

import subprocess

from prunella import paths

COMMAND = [str(paths.ROOT / "prunella"), "exec", "--no-setup", "--timeout", "100", "--",
           "busybox", "sh", "-c"]
TIMEOUT_S = 200

# Each part ends with a line that tells its number.
SCRIPT = r"""
ps -o pid,ppid,stat,comm; echo = 1
free | head -2; echo = 2
mount; echo = 3
df | sed 's/ .*//'; echo = 4
uptime; echo = 5
top -b -n1 | grep -c busybox; echo = 6
cd /proc/sys/kernel; pwd; cat ../../../etc/hostname ../../sys/kernel/hostname; cd ../../..; pwd
echo = 7
[ -L /proc/self ] && readlink /proc/self >/dev/null && [ -d /proc/self/ ] && echo link; echo = 8
{ mkdir /proc/x; rmdir /proc; rm /proc/version; mv /etc/hostname /proc/hostname
  echo x >/proc/version; ls /proc/no /proc/1; } 2>&1; echo = 9
(read -r name; read -r name rest; echo "$name") </proc/meminfo; echo = 10
sleep 100 & sed 's/ .*//' /proc/$!/stat | grep -c $!; kill -9 $!; wait
ls /proc/$! 2>&1 | grep -c No
echo = 11
"""


def parts():
    done = subprocess.run([*COMMAND, SCRIPT], capture_output=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    found, lines = {}, []
    for line in done.stdout.decode().splitlines():
        if line.startswith("= "):
            found[int(line[2:])] = lines
            lines = []
        else:
            lines.append(line)
    return found


def test_busybox():
    part = parts()
    processes = [line.split() for line in part[1]]
    assert processes[0] == ["PID", "PPID", "STAT", "COMMAND"]
    assert processes[1] == ["2", "0", "S", "busybox"]
    assert processes[2][1:] == ["2", "R", "ps"]
    total, used, free = (int(word) for word in part[2][1].split()[1:4])
    assert 0 < free < total and used > 0
    assert part[3] == ["tmpfs on / type tmpfs (rw,relatime)",
                       "proc on /proc type proc (rw,relatime)"]
    assert part[4] == ["Filesystem", "tmpfs"]  # one without blocks is not shown
    assert "load average: 0.00, 0.00, 0.00" in part[5][0]
    assert int(part[6][0]) >= 2
    assert part[7] == ["/proc/sys/kernel", "prunella", "prunella", "/"]
    assert part[8] == ["link"]
    assert [line.rsplit(": ", 1)[1] for line in part[9]] == [
        "No such file or directory", "Device or resource busy", "Operation not permitted",
        "No such file or directory", "Permission denied",
        "No such file or directory", "No such file or directory"]
    assert part[10] == ["MemFree:"]
    assert part[11] == ["1", "1"]
