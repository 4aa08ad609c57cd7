"""Policy as data: the lead-time profiles and sectors that ship with the gateway.

* The files beside this module are all there is; a change of policy is a new version in a file.
* A profile is named by its id; the newest version counts for what is recorded from then on.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from gateway.core.profiles import Anchor, LeadTimeProfile

# The profile by which a member says that it follows a policy of its own.
CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The policy data that the gateway works with.

    Attributes:
        lead_times: The newest version of every lead-time profile, in the file's order.
        sectors: Slugs of the sectors.
    """

    lead_times: tuple[LeadTimeProfile, ...]
    sectors: frozenset[str]

    def version_of(self, profile: str) -> str | None:
        """Give a profile's name with its version, as an entry records it.

        Args:
            profile: Id of a profile; may be empty.

        Returns:
            As in `us-eo-14409@1`; empty for none, the id itself for `custom`; None where there is
            no such profile.
        """
        if profile in {"", CUSTOM}:
            return profile
        return next((p.name for p in self.lead_times if p.id == profile), None)


def load() -> Policy:
    """Read the files beside this module.

    Returns:
        The policy.
    """
    newest: dict[str, LeadTimeProfile] = {}
    for row in _read("lead_times.toml")["profile"]:
        profile = LeadTimeProfile(**{**row, "anchor": Anchor(row["anchor"])})
        if profile.id not in newest or newest[profile.id].version < profile.version:
            newest[profile.id] = profile
    return Policy(
        lead_times=tuple(newest.values()), sectors=frozenset(_read("sectors.toml")["sectors"])
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__name__).joinpath(name).read_text("utf-8"))
