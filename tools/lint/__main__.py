# SPDX-License-Identifier: MIT
"""Holds the tree to the rules of the house. `python3 tools/lint [--fix] [RULE...]`.

Each rule prints `ok lint-RULE` or `FAIL lint-RULE: file:line reason` (all findings are listed
before it, indented), and figures as `# text`. The exit status is 1 when a rule failed. --fix lays
the C files out with clang-format first.
"""

import argparse
import pathlib
import sys

sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)

from lint import c_rules, dependencies, layout, text_rules  # noqa: E402  (the path comes first)
from lint.tree import Tree  # noqa: E402

SHOWN_FINDINGS = 40
RULES = {**text_rules.RULES, **c_rules.RULES, **dependencies.RULES, **layout.RULES}


def run_rule(name, tree):
    """Runs and reports one rule; returns whether it passed."""
    report = RULES[name](tree)
    for text in report.figures:
        print(f"# lint {name}: {text}")
    if not report.findings:
        print(f"ok lint-{name}")
        return True
    for finding in report.findings[:SHOWN_FINDINGS]:
        print(f"  {finding}")
    if len(report.findings) > SHOWN_FINDINGS:
        print(f"  ... and {len(report.findings) - SHOWN_FINDINGS} more")
    more = f" (and {len(report.findings) - 1} more)" if len(report.findings) > 1 else ""
    print(f"FAIL lint-{name}: {report.findings[0]}{more}")
    return False


def main():
    parser = argparse.ArgumentParser(prog="tools/lint", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", nargs="*", metavar="RULE", help=", ".join(RULES))
    parser.add_argument("--fix", action="store_true", help="lay out the C files first")
    options = parser.parse_args()
    unknown = [name for name in options.rules if name not in RULES]
    if unknown:
        parser.error(f"there is no rule {unknown[0]}; the rules are: {', '.join(RULES)}")
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    if options.fix:
        layout.fix(Tree(root))
    tree = Tree(root)
    results = [run_rule(name, tree) for name in options.rules or RULES]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
