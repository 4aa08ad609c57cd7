"""Who calls: members, their systems, and the one SPIFFE ID in a caller's certificate.

* A system is named `spiffe://<trust domain>/<member kind>/<member>/<system>`, at most 2048 bytes
  (SPIFFE-ID section 2.3). The trust domain has 1 to 255 of `[a-z0-9._-]` (section 2.1).
* A member's name is 1 to 32, a system's 1 to 64, of `[a-z0-9]` and, inside, `-`. This is narrower
  than SPIFFE's `[a-zA-Z0-9._-]`, so that no two names differ only in case or look like a path.
* A certificate names its system in exactly one URI SAN (X509-SVID section 2); a second URI of any
  scheme makes it ambiguous. It may be used by a client, and does not sign certificates.
* The common name is never read.

It does not check the chain or revocation: TLS did, before this is called. It does not know which
members exist: the directory does.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Final, Self

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.core.errors import Reason, Refusal

MAX_SPIFFE_ID_BYTES: Final = 2048

_SCHEME: Final = "spiffe://"
_TRUST_DOMAIN: Final = re.compile(r"[a-z0-9._-]{1,255}")
_MEMBER: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_SYSTEM: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")

# What `cryptography` raises, lazily, on extensions that it cannot make sense of.
_UNREADABLE: Final = (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


@unique
class MemberKind(StrEnum):
    """What a member is."""

    LAB = "lab"
    AGENCY = "agency"
    OPERATOR = "operator"
    RELAY = "relay"
    WITNESS = "witness"
    REGISTRAR = "registrar"


_KINDS: Final = frozenset(kind.value for kind in MemberKind)


class MemberId(str):
    """The name of a member, as in `aurora`: 1 to 32 of `[a-z0-9]` and, inside, `-`.

    Making one from anything else raises `ValueError`, whose text never repeats the input.
    """

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Parse the name."""
        if not _MEMBER.fullmatch(name):
            raise ValueError("a member's name is 1 to 32 of a-z and 0-9, with '-' inside only")
        return super().__new__(cls, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemId:
    """The SPIFFE ID of one system of one member; `str()` gives the URI.

    Attributes:
        trust_domain: The exchange's trust domain, as in `exchange.example`.
        kind: What the member is.
        member: The member's name.
        system: The system's name within the member.
    """

    trust_domain: str
    kind: MemberKind
    member: MemberId
    system: str

    def __post_init__(self) -> None:
        """Refuse with `ValueError` whatever would not parse again from its URI."""
        if not _TRUST_DOMAIN.fullmatch(self.trust_domain):
            raise ValueError("a trust domain is 1 to 255 of a-z, 0-9, '.', '_' and '-'")
        if not _SYSTEM.fullmatch(self.system):
            raise ValueError("a system's name is 1 to 64 of a-z and 0-9, with '-' inside only")

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain}/{self.kind}/{self.member}/{self.system}"

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Read a SPIFFE ID of this exchange's shape.

        Args:
            uri: The whole URI.

        Returns:
            The system that it names; `str()` of it is `uri` again.

        Raises:
            Refusal: SPIFFE_ID_MALFORMED.
        """
        trust_domain, path = _split(uri)
        parts = path.split("/")
        if len(parts) != 3:  # noqa: PLR2004 - kind, member, system
            raise _malformed("its path is not /<member kind>/<member>/<system>")
        kind, member, system = parts
        if kind not in _KINDS:
            raise _malformed("its path does not begin with a kind of member")
        try:
            return cls(
                trust_domain=trust_domain,
                kind=MemberKind(kind),
                member=MemberId(member),
                system=system,
            )
        except ValueError as error:
            raise _malformed(str(error)) from None


def peer_system(certificate: bytes, trust_domain: str) -> SystemId:
    """Name the system that a caller's certificate was issued to.

    Args:
        certificate: The leaf certificate that TLS has verified, PEM or DER.
        trust_domain: The exchange's own trust domain.

    Returns:
        The calling system.

    Raises:
        Refusal: SPIFFE_ID_MISSING, there is no URI SAN; SPIFFE_ID_AMBIGUOUS, there is more than
            one; SPIFFE_ID_MALFORMED, it is no SPIFFE ID of this exchange's shape, or the
            certificate does not parse or signs others; TRUST_DOMAIN_FOREIGN, it belongs elsewhere;
            CLIENT_AUTH_EKU_MISSING, the certificate is not one for clients.
    """
    extensions = _extensions(certificate)
    uri = _only_uri(extensions)
    found, _ = _split(uri)
    if found != trust_domain:
        raise Refusal(
            Reason.TRUST_DOMAIN_FOREIGN,
            "the certificate's SPIFFE ID belongs to another trust domain; use one of this exchange",
        )
    system = SystemId.parse(uri)
    _check_leaf(extensions)
    _check_for_clients(extensions)
    return system


def valid_until(certificate: bytes) -> datetime:
    """Tell until when a caller's certificate is valid.

    TLS asks for it when a connection is made, and not when a session is resumed (RFC 8446 section
    2.2): whoever kept a ticket could call for days with a certificate that has expired.

    Args:
        certificate: The leaf certificate that TLS has verified, PEM or DER.

    Returns:
        The last instant at which it is valid, UTC.

    Raises:
        Refusal: SPIFFE_ID_MALFORMED, it does not parse.
    """
    return _load(certificate).not_valid_after_utc


def _extensions(certificate: bytes) -> x509.Extensions:
    loaded = _load(certificate)
    try:
        return loaded.extensions
    except _UNREADABLE:
        raise _unreadable() from None


def _load(certificate: bytes) -> x509.Certificate:
    """Load a certificate; DER begins with the tag of a SEQUENCE, which PEM never does."""
    try:
        if certificate.startswith(b"\x30"):
            return x509.load_der_x509_certificate(certificate)
        return x509.load_pem_x509_certificate(certificate)
    except _UNREADABLE:
        raise _unreadable() from None


def _only_uri(extensions: x509.Extensions) -> str:
    """Give the one URI among the subject's alternative names (X509-SVID section 2)."""
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        uris = []
    if not uris:
        raise Refusal(
            Reason.SPIFFE_ID_MISSING,
            "the certificate has no URI SAN; ask for one with the system's SPIFFE ID",
        )
    if len(uris) > 1:
        raise Refusal(
            Reason.SPIFFE_ID_AMBIGUOUS,
            "the certificate has more than one URI SAN; ask for one with a single SPIFFE ID",
        )
    return uris[0]


def _check_leaf(extensions: x509.Extensions) -> None:
    """Refuse a signing certificate: its SPIFFE ID names no system (X509-SVID section 5.2)."""
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            raise _malformed("the certificate that holds it signs other certificates")
    except x509.ExtensionNotFound:
        pass
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        if usage.key_cert_sign or usage.crl_sign:
            raise _malformed("the certificate that holds it signs other certificates")
    except x509.ExtensionNotFound:
        pass


def _check_for_clients(extensions: x509.Extensions) -> None:
    """Ask for the extended key usage clientAuth by name: anyExtendedKeyUsage is not enough."""
    try:
        usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        usages = None
    if usages is None or ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
        raise Refusal(
            Reason.CLIENT_AUTH_EKU_MISSING,
            "the certificate lacks the extended key usage clientAuth; ask for one for clients",
        )


def _split(uri: str) -> tuple[str, str]:
    """Take a SPIFFE ID apart into trust domain and path, the path without its first slash."""
    if len(uri) > MAX_SPIFFE_ID_BYTES:
        raise _malformed(f"it has more than {MAX_SPIFFE_ID_BYTES} bytes")
    if not uri.startswith(_SCHEME):
        raise _malformed(f"it does not begin with {_SCHEME}")
    trust_domain, _, path = uri.removeprefix(_SCHEME).partition("/")
    if not _TRUST_DOMAIN.fullmatch(trust_domain):
        raise _malformed("its trust domain is not 1 to 255 of a-z, 0-9, '.', '_' and '-'")
    return trust_domain, path


def _unreadable() -> Refusal:
    return _malformed("the certificate that should hold it does not parse")


def _malformed(why: str) -> Refusal:
    return Refusal(Reason.SPIFFE_ID_MALFORMED, f"not a SPIFFE ID of this exchange: {why}")
