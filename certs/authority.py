"""A root, one issuing CA below it, and the leaves that it signs.

* The root's key signs the issuing CA once and is never written anywhere.
* Leaves hold P-256 keys and carry names only as subject alternative names; the subject is empty
  (X509-SVID section 2). `Authority.issue` signs exactly one SPIFFE ID of its own trust domain, for
  a client; `Authority.leaf` signs whatever it is asked to, so that tests can make bad ones.
* No certificate outlives the CA that signed it.
* A folder becomes an authority in one step, and never twice.

It does not revoke, keep an inventory or protect its issuing key beyond the file's mode: it is for
development and tests.
"""

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.files import write_key, write_public
from certs.templates import Validity, ca_name, ca_template, leaf_template

CLIENT_AUTH: Final = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER_AUTH: Final = ExtendedKeyUsageOID.SERVER_AUTH

BUNDLE: Final = "ca.pem"
ISSUING: Final = "issuing.pem"
ISSUING_KEY: Final = "issuing.key"

LEAF_LIFETIME: Final = timedelta(days=30)
ISSUING_LIFETIME: Final = timedelta(days=365)
ROOT_LIFETIME: Final = timedelta(days=5 * 365)
# A caller whose clock is a little behind must not meet a certificate from its future.
SKEW: Final = timedelta(minutes=5)

_TRUST_DOMAIN: Final = re.compile(r"[a-z0-9._-]{1,255}")
# SPIFFE-ID sections 2.1 and 2.2: segments of these, none of them `.` or `..`.
_SPIFFE_ID: Final = re.compile(
    r"spiffe://([a-z0-9._-]{1,255})(?:/(?!\.{1,2}(?:/|$))[\w.-]+)+", re.ASCII
)


class IssuanceError(ValueError):
    """The authority does not sign this; the text says what would be signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """An authority that can sign leaves.

    Attributes:
        trust_domain: The SPIFFE trust domain, as in `exchange.example`.
        root: The trust anchor.
        issuing: The CA that signs leaves.
        issuing_key: Its key.
    """

    trust_domain: str
    root: x509.Certificate
    issuing: x509.Certificate
    issuing_key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, folder: Path, *, trust_domain: str) -> Self:
        """Make a new authority in a folder that does not exist or is empty.

        Args:
            folder: Where its files go, with mode 0700.
            trust_domain: The SPIFFE trust domain of everything that `issue` will sign.

        Returns:
            The authority.

        Raises:
            FileExistsError: The folder holds something.
            ValueError: The trust domain is not one.
        """
        if not _TRUST_DOMAIN.fullmatch(trust_domain):
            raise ValueError("a trust domain is 1 to 255 of a-z, 0-9, '.', '_' and '-'")
        if folder.is_dir() and any(folder.iterdir()):
            raise FileExistsError(f"{folder} is not empty")
        start = _now() - SKEW
        root_key = ec.generate_private_key(ec.SECP384R1())
        root_name = ca_name(trust_domain, "root")
        root = (
            ca_template(
                root_name,
                root_name,
                root_key.public_key(),
                trust_domain,
                Validity(start=start, end=start + ROOT_LIFETIME),
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .sign(root_key, hashes.SHA384())
        )
        issuing_key = ec.generate_private_key(ec.SECP384R1())
        issuing = (
            ca_template(
                ca_name(trust_domain, "issuing CA"),
                root_name,
                issuing_key.public_key(),
                trust_domain,
                Validity(start=start, end=start + ISSUING_LIFETIME),
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
                critical=False,
            )
            .sign(root_key, hashes.SHA384())
        )
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            write_key(scratch / ISSUING_KEY, _key_pem(issuing_key))
            write_public(scratch / ISSUING, _pem(issuing))
            write_public(scratch / BUNDLE, _pem(root))
            # The commit: a folder is an authority, whole, or it is not one. Of two who create at
            # once, the second finds a folder that is not empty.
            scratch.replace(folder)
        except OSError as error:
            raise FileExistsError(
                f"{folder} cannot become an authority: {error.strerror}"
            ) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return cls(trust_domain=trust_domain, root=root, issuing=issuing, issuing_key=issuing_key)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read an authority that `create` made.

        Args:
            folder: Its folder.

        Returns:
            The authority.

        Raises:
            FileNotFoundError: The folder is no authority.
            ValueError: Its files do not belong together.
        """
        root = x509.load_pem_x509_certificate((folder / BUNDLE).read_bytes())
        issuing = x509.load_pem_x509_certificate((folder / ISSUING).read_bytes())
        key = serialization.load_pem_private_key((folder / ISSUING_KEY).read_bytes(), None)
        try:
            issuing.verify_directly_issued_by(root)
        except Exception as error:
            raise ValueError(f"{folder}: {ISSUING} was not signed by {BUNDLE}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != (
            issuing.public_key()
        ):
            raise ValueError(f"{folder}: {ISSUING_KEY} is not the key of {ISSUING}")
        names = issuing.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uri = names.get_values_for_type(x509.UniformResourceIdentifier)[0]
        return cls(
            trust_domain=uri.removeprefix("spiffe://"), root=root, issuing=issuing, issuing_key=key
        )

    @property
    def bundle(self) -> bytes:
        """The trust anchors, PEM: the root alone, since every chain carries the issuing CA."""
        return _pem(self.root)

    def issue(self, csr_pem: bytes, *, lifetime: timedelta = LEAF_LIFETIME) -> bytes:
        """Sign a request for one system's client certificate.

        Only the key and the one name are taken over; whatever else is requested is refused or
        ignored, never copied.

        Args:
            csr_pem: A PKCS #10 request, PEM, whose only name is a SPIFFE ID of the trust domain.
            lifetime: From now.

        Returns:
            The chain, PEM: leaf, then issuing CA.

        Raises:
            IssuanceError: The request is none that this authority signs.
        """
        try:
            request = x509.load_pem_x509_csr(csr_pem)
            valid = request.is_signature_valid
            extensions = request.extensions
        except Exception as error:
            raise IssuanceError("this is no readable PKCS #10 request in PEM") from error
        if not valid:
            raise IssuanceError("the request is not signed by the key that it names")
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            raise IssuanceError("the request needs a P-256 key")
        try:
            names = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        except x509.ExtensionNotFound:
            names = []
        if len(names) != 1 or not isinstance(names[0], x509.UniformResourceIdentifier):
            raise IssuanceError("the request needs one URI as its only alternative name")
        self.require_own(names[0].value)
        return self._sign(key, names, (CLIENT_AUTH,), _now() - SKEW, lifetime + SKEW)

    def require_own(self, uri: str) -> None:
        """Refuse a name that is not one of this trust domain's.

        Args:
            uri: What should be a SPIFFE ID.

        Raises:
            IssuanceError: It is another trust domain's, or no SPIFFE ID with a path.
        """
        spiffe_id = _SPIFFE_ID.fullmatch(uri)
        if not spiffe_id or spiffe_id[1] != self.trust_domain:
            raise IssuanceError(f"the name must be spiffe://{self.trust_domain}/ and a path")

    def leaf(
        self,
        uris: Sequence[str],
        *,
        dns: Sequence[str] = (),
        ips: Sequence[str] = (),
        usages: Sequence[x509.ObjectIdentifier] = (CLIENT_AUTH,),
        not_before: datetime | None = None,
        lifetime: timedelta = LEAF_LIFETIME,
    ) -> tuple[bytes, bytes]:
        """Make a key and sign a certificate for it, as asked, sensible or not.

        Args:
            uris: URI names; a system has exactly one.
            dns: DNS names.
            ips: IP addresses.
            usages: Extended key usages; none leaves the extension out.
            not_before: Start of validity, with a time zone; five minutes ago unless given.
            lifetime: From that start.

        Returns:
            The chain (leaf, then issuing CA) and the key (PKCS #8), both PEM.

        Raises:
            IssuanceError: It would outlive the issuing CA.
        """
        names = [
            *(x509.UniformResourceIdentifier(uri) for uri in uris),
            *(x509.DNSName(name) for name in dns),
            *(x509.IPAddress(ip_address(address)) for address in ips),
        ]
        key = ec.generate_private_key(ec.SECP256R1())
        start = not_before or _now() - SKEW
        return self._sign(key.public_key(), names, usages, start, lifetime), _key_pem(key)

    def _sign(
        self,
        key: ec.EllipticCurvePublicKey,
        names: Sequence[x509.GeneralName],
        usages: Sequence[x509.ObjectIdentifier],
        start: datetime,
        lifetime: timedelta,
    ) -> bytes:
        """Sign a leaf and give its chain."""
        if start + lifetime > self.issuing.not_valid_after_utc:
            end = self.issuing.not_valid_after_utc
            raise IssuanceError(f"it would outlive the issuing CA, which ends at {end:%Y-%m-%d}")
        validity = Validity(start=start, end=start + lifetime)
        template = leaf_template(self.issuing, key, names, usages, validity)
        return _pem(template.sign(self.issuing_key, hashes.SHA384())) + _pem(self.issuing)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
