# SPDX-License-Identifier: MIT
"""What a rule hands back."""

from dataclasses import dataclass, field


@dataclass
class Report:
    """Findings make the rule fail; figures are only told."""

    findings: list = field(default_factory=list)
    figures: list = field(default_factory=list)

    def find(self, file, line, reason):
        self.findings.append(f"{file}:{line} {reason}")
