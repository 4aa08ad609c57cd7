"""Names of systems: SPIFFE IDs `spiffe://<trust domain>/<kind>/<member>/<system>`.

* A name is parsed once and strictly: four parts, lower-case letters, digits and inner hyphens.
* The second part is the member's kind, the third its id.
* A certificate names one system: its only URI, never its common name.

It does not check a certificate's chain or dates: TLS does.
"""

import re
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from forewarn_client.errors import Flaw, VerificationError

MEMBER_KINDS: Final = ("lab", "agency", "operator", "relay", "witness", "registrar")
MAX_MEMBER: Final = 32
MAX_SYSTEM: Final = 64
MAX_URI: Final = 2048
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_TRUST_DOMAIN: Final = re.compile(r"[a-z0-9._-]{1,255}")
_SCHEME: Final = "spiffe://"

_E = TypeVar("_E", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemName:
    """Name of a system.

    Attributes:
        trust_domain: As in `exchange.example`.
        kind: Kind of the member, as in `lab`.
        member: Id of the member, as in `aurora`.
        system: The system's own name, as in `release-desk`.
    """

    trust_domain: str
    kind: str
    member: str
    system: str

    def __post_init__(self) -> None:
        """Refuse what is no name.

        Raises:
            VerificationError: SYSTEM_NAME_INVALID; the text says which part.
        """
        if _TRUST_DOMAIN.fullmatch(self.trust_domain) is None:
            raise _malformed("the trust domain is not a lower-case host name")
        if self.kind not in MEMBER_KINDS:
            raise _malformed(f"the kind of member is not one of {', '.join(MEMBER_KINDS)}")
        if not is_member_id(self.member):
            raise _malformed(f"the member's id is not {_rule(MAX_MEMBER)}")
        if not _is_slug(self.system, MAX_SYSTEM):
            raise _malformed(f"the system's name is not {_rule(MAX_SYSTEM)}")

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain}/{self.kind}/{self.member}/{self.system}"

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Parse a SPIFFE ID of this exchange's form.

        Args:
            uri: As in `spiffe://exchange.example/lab/aurora/release-desk`.

        Returns:
            The name.

        Raises:
            VerificationError: SYSTEM_NAME_INVALID; it has another form.
        """
        parts = uri.removeprefix(_SCHEME).split("/")
        if not uri.startswith(_SCHEME) or len(parts) != len(cls.__slots__) or len(uri) > MAX_URI:
            raise _malformed("a system's name is spiffe://<trust domain>/<kind>/<member>/<system>")
        trust_domain, kind, member, system = parts
        return cls(trust_domain=trust_domain, kind=kind, member=member, system=system)


def is_member_id(text: str) -> bool:
    """Tell whether a text can be the id of a member.

    Args:
        text: Any text.

    Returns:
        True for 1 to 32 lower-case letters, digits and inner hyphens.
    """
    return _is_slug(text, MAX_MEMBER)


def certificate_system(certificate: x509.Certificate, trust_domain: str) -> SystemName:
    """Read the system that a certificate is for.

    Args:
        certificate: A leaf certificate.
        trust_domain: Trust domain of the exchange.

    Returns:
        The name that its only URI gives.

    Raises:
        VerificationError: SYSTEM_NAME_INVALID; the exchange would refuse the certificate. The rule
            is the exchange's own reason, as in `SPIFFE_ID_AMBIGUOUS`.
    """
    try:
        extensions = certificate.extensions
    except ValueError:
        raise _malformed("the certificate's extensions do not parse") from None
    names = _extension(extensions, x509.SubjectAlternativeName)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names else []
    if not uris:
        raise _invalid("SPIFFE_ID_MISSING", "the certificate has no URI among its names")
    if len(uris) > 1:
        raise _invalid("SPIFFE_ID_AMBIGUOUS", "the certificate has more than one URI")
    constraints = _extension(extensions, x509.BasicConstraints)
    allowed = _extension(extensions, x509.KeyUsage)
    # X509-SVID section 4.3: what names a workload signs neither certificates nor revocation lists.
    signs = allowed and (allowed.key_cert_sign or allowed.crl_sign)
    if signs or (constraints and constraints.ca):
        raise _malformed("the certificate is an authority's")
    domain = uris[0].removeprefix(_SCHEME).split("/")[0]
    if uris[0].startswith(_SCHEME) and _TRUST_DOMAIN.fullmatch(domain) and domain != trust_domain:
        raise _invalid("TRUST_DOMAIN_FOREIGN", f"the certificate is not for {trust_domain}")
    name = SystemName.parse(uris[0])
    usages = _extension(extensions, x509.ExtendedKeyUsage)
    if not usages or ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
        raise _invalid("CLIENT_AUTH_EKU_MISSING", "the certificate is not for TLS clients")
    return name


def _extension(extensions: x509.Extensions, kind: type[_E]) -> _E | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _is_slug(text: str, longest: int) -> bool:
    return len(text) <= longest and _SLUG.fullmatch(text) is not None


def _rule(longest: int) -> str:
    return f"made of lower-case letters, digits and inner hyphens, at most {longest} in all"


def _malformed(detail: str) -> VerificationError:
    return _invalid("SPIFFE_ID_MALFORMED", detail)


def _invalid(rule: str, detail: str) -> VerificationError:
    return VerificationError(Flaw.SYSTEM_NAME_INVALID, detail, rule)
