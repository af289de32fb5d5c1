# SPDX-License-Identifier: MIT
"""Errors that the user sees."""


class Failure(Exception):
    """Ends the command: says what went wrong, and what to do about it."""

    def __init__(self, cause, remedy=None, status=1):
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy
        self.status = status


class UsageError(Failure):
    """The command line makes no sense."""

    def __init__(self, cause, remedy=None):
        super().__init__(cause, remedy, status=2)
