"""What a check of one log is given: the log, whom to tell of findings, whom of progress."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.care.findings import Damage, Findings
from gateway.care.site import LogSite, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A check of one log, under way.

    Attributes:
        site: The log.
        findings: What was found so far.
        progress: Told how far it is.
    """

    site: LogSite
    findings: Findings
    progress: Progress

    def add(self, damage: Damage, where: str, detail: str) -> None:
        """Report a finding."""
        self.findings.add(damage, where, detail)

    def in_store(self, damage: Damage, where: str, detail: str) -> None:
        """Report a finding at a place of the store."""
        self.findings.add(damage, f"{self.site.store.name}, {where}", detail)

    def tell(self, what: str, done: int, total: int) -> None:
        """Report progress."""
        self.progress(f"{self.site.name}: {what}", done, total)
