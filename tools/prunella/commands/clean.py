# SPDX-License-Identifier: MIT
"""Remove the output folder: all that was built, and the logs."""

import shutil

from prunella import paths

SUMMARY = "remove all that was built"


def configure(parser):
    del parser


def execute(options):
    del options
    folder = paths.out_folder()
    if folder.exists():
        shutil.rmtree(folder)
        print(f"removed {paths.shown(folder)}")
    return 0
