# SPDX-License-Identifier: MIT
"""Arguments and dispatch. Usage errors end with status 2, all other failures with 1."""

import argparse
import importlib
import signal
import sys

from prunella.errors import Failure

COMMANDS = ("run", "exec", "test", "bench", "build", "debug", "clean", "features",
            "version")


USAGE_STATUS = 2
EXEC_USAGE_STATUS = 125


def _parser():
    parser = argparse.ArgumentParser(
        prog="./prunella", description="Build, run and test the Prunella operating system.",
        epilog="./prunella COMMAND --help tells more about a command.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"prunella.commands.{name}")
        sub = commands.add_parser(name, help=module.SUMMARY, description=module.__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        module.configure(sub)
        sub.set_defaults(execute=module.execute)
    return parser


def main(arguments):
    """Runs one command; returns the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # What follows the first `--` of exec is the guest's, further `--` too; argparse takes them out.
    ours, words = arguments, []
    if arguments[:1] == ["exec"] and "--" in arguments:
        cut = arguments.index("--")
        ours, words = arguments[:cut], arguments[cut + 1:]
    try:
        options = _parser().parse_args(ours)
    except SystemExit as end:
        # A status that a program of the guest is not likely to have.
        if end.code == USAGE_STATUS and ours[:1] == ["exec"]:
            return EXEC_USAGE_STATUS
        raise
    options.words = [*getattr(options, "words", []), *words]
    try:
        return options.execute(options)
    except Failure as failure:
        sys.stdout.flush()
        print(f"prunella: {failure.cause}", file=sys.stderr)
        if failure.remedy:
            print(f"prunella: {failure.remedy}", file=sys.stderr)
        return failure.status
    except KeyboardInterrupt:
        print("\nprunella: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader of our output has gone: nobody is left to tell.
        sys.stderr.close()
        return 128 + signal.SIGPIPE


def add_setup_option(parser):
    """--no-setup, the same in all commands that may install packages."""
    parser.add_argument("--no-setup", dest="setup", action="store_false",
                        help="install nothing: say what is missing and stop")
