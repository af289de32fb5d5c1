# SPDX-License-Identifier: MIT
"""The parts of a test run: builds.py, lint.py, unit.py, and system.py (pytest in tests/)."""
