# SPDX-License-Identifier: MIT
"""Entry of ./prunella: puts tools/ in the module path and hands over to cli.py."""

import pathlib
import sys

sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)

from prunella import cli  # noqa: E402  (the path comes first)

sys.exit(cli.main(sys.argv[1:]))
