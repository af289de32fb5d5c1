# SPDX-License-Identifier: MIT
"""Set up what is missing, build, and run tests. Without a GROUP, all of them.

  lint     the rules of the house (tools/lint)
  build    both compilers, no warning, a quick build without changes
  unit     unit tests on the host, with sanitizers
  NAME     the system tests in tests/NAME, in the virtual machine

The last line is `N passed, N failed`; the exit status is 0 only when none failed.
"""


from prunella import debian, setup
from prunella.cli import add_setup_option
from prunella.errors import UsageError
from prunella.suites import builds, lint, system, unit
from prunella.tally import Tally

SUMMARY = "run the tests"


def configure(parser):
    parser.add_argument("groups", nargs="*", metavar="GROUP",
                        help="lint, build, unit, or a folder of tests/ (default: all)")
    parser.add_argument("--long", action="store_true", help="run the long tests too")
    add_setup_option(parser)


def _choose(names):
    known = ["lint", "build", "unit", *system.groups()]
    for name in names:
        if name not in known:
            raise UsageError(f"there is no test group {name}",
                             f"the groups are: {', '.join(known)}")
    return [name for name in known if name in names] if names else known


def execute(options):
    chosen = _choose(options.groups)
    setup.ensure(setup.TEST, options.setup)
    if "linux" in chosen:
        debian.kernel(options.setup)
    tally = Tally()
    if "lint" in chosen:
        lint.execute(tally)
    if chosen != ["lint"]:
        _run_built(tally, chosen, options.long)
    return tally.finish()


def _run_built(tally, chosen, long):
    """The groups that need a build."""
    folders = [name for name in chosen if name in system.groups()]
    if not builds.build_for_tests(builds.SYSTEM_TARGETS if folders else builds.TARGETS):
        tally.fail("build", "the build failed (its errors are above), nothing else was run")
        return
    if "build" in chosen:
        builds.execute(tally)
    if "unit" in chosen:
        unit.execute(tally)
    system.execute(tally, folders, long)
