"""The examination: every check, one after the other.

To add a check, write a function that takes a `Patient` and yields findings, and give it a row here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from gateway.compose.doctor import certificates, clock, folder, lease, logs, process, witnesses
from gateway.compose.doctor.finding import Check, Finding, Level, problem
from gateway.compose.doctor.patient import Patient

CHECKS: Final[Mapping[str, Check]] = {
    "configuration": folder.configuration,
    "process": process.process,
    "serving": process.serving,
    "certificate": certificates.certificate,
    "authorities": certificates.authorities,
    "clock": clock.clock,
    "folder": folder.folder,
    "file system": folder.file_system,
    "disk": folder.disk,
    "ledger": logs.ledger,
    "audit log": logs.audit_log,
    "nats-server": process.nats,
    "lease": lease.lease,
    "witnesses": witnesses.witnesses,
    "open files": process.open_files,
}
"""Every check by its name, in the order in which they are made."""


def examine(patient: Patient) -> list[Finding]:
    """Make every check.

    Args:
        patient: The gateway.

    Returns:
        What was found; at least one finding.
    """
    return [
        replace(finding, check=name)
        for name, check in CHECKS.items()
        for finding in _made(check, patient)
    ]


def worst(findings: list[Finding]) -> Level:
    """Give the level of the worst finding."""
    return max((each.level for each in findings), default=Level.OK)


def _made(check: Check, patient: Patient) -> Iterator[Finding]:
    try:
        yield from check(patient)
    except Exception as error:  # noqa: BLE001 - what could not be looked at is not well
        why = type(error).__name__
        if isinstance(error, OSError) and error.strerror:
            why = f"{error.filename or 'a file'}: {error.strerror}"
        yield problem(
            f"it could not be looked at ({why})", "run this as the user that runs the gateway"
        )
