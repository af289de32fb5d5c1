# SPDX-License-Identifier: MIT
"""The rules of the house as programs: what style.md says, a rule each.

tree.py          the files of the repository, their text, their functions
text_rules.py    lines, columns, spaces, licence line, paths of build machines, Python
c_rules.py       lengths, #if, the kernel's budget, assertions, comments
dependencies.py  which folder may include which, include cycles
layout.py        clang-format
"""
