# SPDX-License-Identifier: MIT
"""The ./prunella command. One file per subcommand in commands/, the shared parts beside them:

cli.py       arguments, dispatch, how errors are shown
paths.py     where things are in the tree and in the output folder
setup.py     installs missing Debian packages
make.py      runs GNU make
qemu.py      the virtual machine: its command line, its exit, what its exit means
progress.py  signs of life during long steps
tally.py     counts of passed and failed cases
"""
