# SPDX-License-Identifier: MIT
"""Writes results for `./prunella test`, a JSON object a line.

tools/prunella/suites/system.py reads them. Run by hand, without PRUNELLA_RESULTS, pytest alone
reports.
"""

import json
import os


def _write(**result):
    path = os.environ.get("PRUNELLA_RESULTS")
    if path:
        with open(path, "a", encoding="utf-8") as results:
            results.write(json.dumps(result) + "\n")


def passed(name):
    _write(kind="passed", name=name)


def failed(name, reason):
    _write(kind="failed", name=name, reason=reason)


def skipped(name):
    _write(kind="skipped", name=name)


def figure(text):
    _write(kind="figure", text=text)
