"""Who takes part in the story: two labs, two agencies, two banks, a hospital, a registrar.

All names are invented, and so is the exchange.
"""

from dataclasses import dataclass, field
from typing import Final

TRUST_DOMAIN: Final = "exchange.example"
ORIGIN: Final = "exchange.example/ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One who takes part.

    Attributes:
        member: Its id.
        kind: Its kind, as the second element of its systems' SPIFFE IDs.
        system: The system that calls for it.
        profile: What the directory says of it, as options of `forewarn init`.
    """

    member: str
    kind: str
    system: str
    profile: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def spiffe_id(self) -> str:
        """SPIFFE ID of its system."""
        return f"spiffe://{TRUST_DOMAIN}/{self.kind}/{self.member}/{self.system}"


REGISTRAR: Final = Role(member="exchange-registrar", kind="registrar", system="console")
AURORA: Final = Role(
    member="aurora", kind="lab", system="release-desk", profile={"name": ("Aurora",)}
)
BOREALIS: Final = Role(
    member="borealis", kind="lab", system="release-desk", profile={"name": ("Borealis",)}
)
CIVIL_AI: Final = Role(
    member="civil-ai",
    kind="agency",
    system="incident-desk",
    profile={
        "name": ("Civil AI",),
        "agency-type": ("civil",),
        "desk": ("notice", "case-team", "incident"),
    },
)
NATSEC_AI: Final = Role(
    member="natsec-ai",
    kind="agency",
    system="incident-desk",
    profile={
        "name": ("National Security AI",),
        "agency-type": ("national_security",),
        "desk": ("notice", "incident"),
    },
)
HARBOR_BANK: Final = Role(
    member="harbor-bank",
    kind="operator",
    system="defence",
    profile={"name": ("Harbor Bank",), "sector": ("financial-services",)},
)
QUAY_BANK: Final = Role(
    member="quay-bank",
    kind="operator",
    system="defence",
    profile={"name": ("Quay Bank",), "sector": ("financial-services",)},
)
MERCY_HOSPITAL: Final = Role(
    member="mercy-hospital",
    kind="operator",
    system="defence",
    profile={"name": ("Mercy Hospital",), "sector": ("healthcare",)},
)

MEMBERS: Final = (
    AURORA,
    BOREALIS,
    CIVIL_AI,
    NATSEC_AI,
    HARBOR_BANK,
    QUAY_BANK,
    MERCY_HOSPITAL,
)
