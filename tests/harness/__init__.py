# SPDX-License-Identifier: MIT
"""What system tests use beside the fixtures of conftest.py:

guest.py    a virtual machine that runs, its console, its end
cases.py    programs in the guest that print cases, turned into results
results.py  the file in which results reach ./prunella test
"""
