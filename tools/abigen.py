#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generates headers, stubs, tables and reference pages from abi/. See abi/README.md."""

import sys

# The package of the same name stands beside this file, and an import finds it first.
from abigen.main import main

sys.exit(main())
