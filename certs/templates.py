"""What the certificates look like: one template for a CA, one for a leaf.

* A CA signs certificates and nothing else; its SPIFFE ID is the trust domain without a path
  (X509-SVID section 4.1).
* A leaf makes signatures and nothing else. Its subject is empty, its names are alternative names
  and therefore critical (RFC 5280 section 4.2.1.6).

The templates choose no key, no name and no date: `authority` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_NOTHING: Final = {
    "digital_signature": False,
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}
SIGNS_CERTIFICATES: Final = x509.KeyUsage(**{**_NOTHING, "key_cert_sign": True, "crl_sign": True})
SIGNS_HANDSHAKES: Final = x509.KeyUsage(**{**_NOTHING, "digital_signature": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when to when a certificate counts, both with a time zone."""

    start: datetime
    end: datetime


def ca_name(trust_domain: str, role: str) -> x509.Name:
    """Name a CA; no two get the same name, which RFC 5280 section 4.1.2.4 wants of issuers.

    Args:
        trust_domain: Its trust domain.
        role: As in `root`.

    Returns:
        Its subject.
    """
    nonce = f"{x509.random_serial_number():040x}"[-8:]
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, trust_domain[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Development {role} {nonce}"),
        ]
    )


def ca_template(
    name: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    trust_domain: str,
    validity: Validity,
) -> x509.CertificateBuilder:
    """Describe a CA, but for how many CAs may stand below it.

    Args:
        name: Its subject.
        issuer: The subject of the CA that signs it.
        key: Its key.
        trust_domain: Its trust domain.
        validity: When it counts.

    Returns:
        A builder that still needs its basic constraints.
    """
    uri = x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")
    return (
        _template(name, issuer, key, validity)
        .add_extension(SIGNS_CERTIFICATES, critical=True)
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
    )


def leaf_template(
    issuer: x509.Certificate,
    key: ec.EllipticCurvePublicKey,
    names: Sequence[x509.GeneralName],
    usages: Sequence[x509.ObjectIdentifier],
    validity: Validity,
) -> x509.CertificateBuilder:
    """Describe a leaf.

    Args:
        issuer: The CA that will sign it.
        key: Its key.
        names: Its alternative names; none leaves the extension out.
        usages: Its extended key usages; none leaves the extension out.
        validity: When it counts.

    Returns:
        A builder, complete.
    """
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
        issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    )
    builder = (
        _template(x509.Name([]), issuer.subject, key, validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(SIGNS_HANDSHAKES, critical=True)
        .add_extension(authority, critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder


def _template(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.start)
        .not_valid_after(validity.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
