"""`doctor`: what is not as it should be, and what to do about it."""

# ruff: noqa: D301 - \b is for click

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.command.frame import json_option, state_option
from gateway.compose.doctor.examination import examine, worst
from gateway.compose.doctor.finding import Finding
from gateway.compose.doctor.patient import Patient
from gateway.compose.state import StateFolder


@click.command()
@state_option
@json_option
def doctor(*, state: Path, as_json: bool) -> None:
    """Examine a gateway, running or stopped: certificates, clock, disk, both logs, settings.

    Changes nothing and does not disturb a gateway that runs. Of what is not on this machine it
    asks NATS servers of your own, and the witnesses of the policy, which it hands the last signed
    checkpoint: whether they can be reached, know both logs and cosign with the keys in the policy.
    The exit status is 0 where all is well, 1 with warnings, 2 with problems.

    \b
    Examples:
      forewarn-gateway doctor --state run/gateway
      forewarn-gateway doctor --state run/gateway --json
    """
    folder = StateFolder(root=state.absolute())
    findings = examine(Patient.of(folder, datetime.now(UTC)))
    for each in findings:
        click.echo(json.dumps(_plain(each), ensure_ascii=False) if as_json else _line(each))
    sys.exit(worst(findings))


def _plain(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "level": finding.level.name.lower(),
        "what": finding.what,
        "remedy": finding.remedy,
    }


def _line(finding: Finding) -> str:
    line = f"{finding.level.name.lower():8} {finding.check:14} {finding.what}"
    return f"{line}\n{'':8} {'':14} -> {finding.remedy}" if finding.remedy else line
