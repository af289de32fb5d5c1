# SPDX-License-Identifier: MIT
"""Where things are. PRUNELLA_OUT in the environment names another output folder than out/."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ARCH = "x86_64"


def out_folder():
    """The output folder of the build, absolute."""
    given = os.environ.get("PRUNELLA_OUT")
    return pathlib.Path(given).resolve() if given else ROOT / "out"


def build_folder(out=None):
    """What the build made for the guest's architecture, in this output folder."""
    return (out or out_folder()) / ARCH


def kernel(out=None):
    return build_folder(out) / "kernel.elf"


def boot_archive(out=None):
    return build_folder(out) / "boot.tar"


def log_folder():
    """Serial logs of the virtual machines; made when it is first asked for."""
    folder = out_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shown(path):
    """A path as it is printed: relative to the current directory when that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
