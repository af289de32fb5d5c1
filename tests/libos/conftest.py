# SPDX-License-Identifier: MIT
"""Linux programs in the boot archive, started by apps/linux-run without any server."""

import subprocess
import sys

import pytest
from prunella import make, paths

LIBCS = ("musl", "musl-pie", "glibc", "glibc-pie", "klibc")
EXTRA = (("bin/busybox", "/bin/busybox"),)


@pytest.fixture(scope="session")
def linux_archive():
    """A boot archive that holds the Linux programs of the build as linux/LIBC/NAME."""
    make.build(("all", "linux"))
    out = paths.out_folder()
    lines = [(paths.ROOT / "image/boot.list").read_text(encoding="utf-8")]
    for libc in LIBCS:
        lines += [f"linux/{libc}/{path.name} {path} 0755"
                  for path in sorted((out / "linux" / libc).iterdir())]
    lines += [f"{inside} {path} 0755" for inside, path in EXTRA]
    folder = out / "libos-tests"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["musl-gcc", "-O1", "-static", "-o", folder / "null_call",
                    "tests/libos/null_call.c"], cwd=paths.ROOT, check=True)
    lines.append(f"linux/null_call {folder / 'null_call'} 0755")
    (folder / "boot.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
    build = out / "x86_64"
    subprocess.run([sys.executable, "tools/mkarchive.py", "--build", build / "root", "--build",
                    build, "--depfile", folder / "boot.d", "--out", folder / "boot.tar",
                    folder / "boot.list"], cwd=paths.ROOT, check=True)
    return folder / "boot.tar"
