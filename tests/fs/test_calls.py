# SPDX-License-Identifier: MIT
"""What Linux calls on files cost in instructions, against ceilings.

The ceilings are those of a debug build, a fifth above what was measured. A call to tmpfsd costs
more than 4,000, so a Linux call that makes one more than before is above its ceiling.
"""

import subprocess

from harness import results
from prunella import paths

TIMEOUT_S = 300
# Without any call to a server.
SEEN = {"fstat": 620, "pread-4096": 1150, "lseek-read-512": 830, "lseek-read-end": 900,
        "pread-shared": 700, "read-zero": 270, "write-null": 240}
# With so many.
CALLS = {"stat": (1, 8400), "pwrite-4096": (1, 9600), "read-moving-shared": (1, 5600),
         "mmap-munmap": (2, 22000), "open-close": (1, 27000), "two-renames": (2, 46000)}


def test_calls_of_files_and_their_ceilings(tmp_path):
    program = tmp_path / "calls"
    subprocess.run(["musl-gcc", "-O1", "-static", "-o", program, "tests/fs/calls.c"],
                   cwd=paths.ROOT, check=True)
    done = subprocess.run([paths.ROOT / "prunella", "exec", "--icount", "--put", program, "--",
                           "/calls"], cwd=paths.ROOT, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    found = {name: int(count) for name, count in map(str.split, done.stdout.splitlines())}
    ceilings = SEEN | {name: most for name, (_, most) in CALLS.items()}
    for name, count in found.items():
        results.figure(f"fs: {name} takes {count} instructions" +
                       (f" (at most {ceilings[name]})" if name in ceilings else ""))
    assert found.keys() >= ceilings.keys()
    over = {name: found[name] for name, most in ceilings.items() if found[name] > most}
    assert not over
