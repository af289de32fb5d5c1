# SPDX-License-Identifier: MIT
"""Build the kernel, the servers, drivers and apps, and the boot archive."""

from prunella import make, paths, setup
from prunella.cli import add_setup_option

SUMMARY = "build everything that runs in the guest"


def configure(parser):
    parser.add_argument("targets", nargs="*", metavar="TARGET",
                        help="targets of the Makefile (default: all; host: the unit tests)")
    parser.add_argument("--compiler", choices=("gcc", "clang"), default="gcc")
    parser.add_argument("--verbose", action="store_true", help="show each command")
    add_setup_option(parser)


def execute(options):
    setup.ensure(setup.BUILD + ((options.compiler,) if options.compiler != "gcc" else ()),
                 options.setup)
    make.build(options.targets, compiler=options.compiler, verbose=options.verbose)
    print(f"built: {paths.shown(paths.build_folder())}")
    return 0
