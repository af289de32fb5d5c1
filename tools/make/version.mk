# SPDX-License-Identifier: MIT
# `./prunella version` reads this line, the code gets it as PRUNELLA_VERSION.
VERSION := 0.1.0
