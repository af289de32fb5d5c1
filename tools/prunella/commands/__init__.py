# SPDX-License-Identifier: MIT
"""One module a subcommand: SUMMARY, configure(parser), and execute(options) -> exit status."""
