# SPDX-License-Identifier: MIT
"""Turns the data under abi/ into headers, tables, stubs, reference pages and fuzz grammars."""
