"""A member's own folder: its keys, its certificate, and the exchange that it pinned.

* `forewarn.toml` says who the member is and which exchange it trusts, key by key.
* `signing.pem` signs statements; `signing-*.pem` join it where two keys have to sign, or follow it
  once it is revoked; `public-*.pem` are their public halves, for the registrar. `tls.pem`
  is the key of connections, `tls.csr` the request for its certificate, `tls.crt` the chain that
  came back, `ca.pem` the authorities that the gateway's certificate is checked against.
* `enrolment.toml` is what the registrar needs to enrol the member. It holds nothing secret.
* `state/` holds cursors, the verified directory, and the newest checkpoint that was verified:
  without it, a ledger that was rewritten since goes unnoticed. `receipts/` holds what proves that
  statements were recorded, `evidence/` what proves that the exchange contradicted itself, and
  `confirmed/` the exchange's word that this is all that was addressed to the member.
* Keys are made once and never overwritten. A key that others may read is refused.

It holds only this member's keys: never the gateway's, the registrar's or another member's.
"""

import base64
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from forewarn_client import files, identity, witness_policy
from forewarn_client.errors import HomeError, VerificationError
from forewarn_client.identity import SystemName
from forewarn_client.join import Exchange, JoinFile, is_certificates, load_toml
from forewarn_client.signing import Signer
from forewarn_client.witness_policy import WitnessPolicy

CONFIGURATION: Final = "forewarn.toml"
SIGNING_KEY: Final = "signing.pem"
MORE_SIGNING_KEYS: Final = "signing-*.pem"
TLS_KEY: Final = "tls.pem"
TLS_REQUEST: Final = "tls.csr"
TLS_CHAIN: Final = "tls.crt"
CA_BUNDLE: Final = "ca.pem"
ENROLMENT: Final = "enrolment.toml"
_PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """What a connection needs, PEM.

    Attributes:
        key: The private key.
        chain: The certificate and those between it and its authority.
        ca: Authorities that the gateway's certificate is checked against.
    """

    key: bytes = field(repr=False)
    chain: bytes
    ca: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A member's folder.

    Attributes:
        path: The folder.
        member: Id of the member, as in `aurora`.
        kind: Kind of the member, as in `lab`.
        system: The system that calls from here, as in `release-desk`.
        exchange: The exchange, as the member pinned it.
    """

    path: Path
    member: str
    kind: str
    system: str
    exchange: Exchange

    def __post_init__(self) -> None:
        """Refuse names that are none.

        Raises:
            HomeError: The member, its kind or its system is not named as it has to be.
        """
        try:
            _ = self.system_id
        except VerificationError as error:
            raise HomeError(f"{self.path / CONFIGURATION}: {error.detail}") from None

    @property
    def system_id(self) -> str:
        """SPIFFE ID of the system that calls from here."""
        name = SystemName(
            trust_domain=self.exchange.trust_domain,
            kind=self.kind,
            member=self.member,
            system=self.system,
        )
        return str(name)

    @property
    def state(self) -> Path:
        """Folder of how far the member has come."""
        return self.path / "state"

    @property
    def receipts(self) -> Path:
        """Folder of saved receipts."""
        return self.path / "receipts"

    @property
    def evidence(self) -> Path:
        """Folder of what proves that the exchange contradicted itself."""
        return self.path / "evidence"

    @property
    def confirmed(self) -> Path:
        """Folder of what the exchange has confirmed of the member's inbox."""
        return self.path / "confirmed"

    def witnesses(self) -> WitnessPolicy | None:
        """Read which witnesses the member trusts, from `witnesses.policy` in the folder.

        Returns:
            The policy; None where there is no such file.

        Raises:
            HomeError: Others may change it, or it is the policy of another log.
            VerificationError: POLICY_MALFORMED.
        """
        path = self.path / witness_policy.FILE_NAME
        if not path.exists():
            return None
        files.refuse_writable(path)
        policy = WitnessPolicy.parse(files.read(path))
        if policy.logs and self.exchange.log_key not in policy.logs:
            raise HomeError(f"{path} is for another log than the one that {CONFIGURATION} pins")
        return policy

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Load a folder that `create` made.

        Args:
            path: The folder.

        Returns:
            The home.

        Raises:
            HomeError: It is no home, its configuration is damaged, or others may change it.
        """
        folder = Path(path)
        if not (folder / CONFIGURATION).is_file():
            raise HomeError(f"{folder} is no member's folder: make one with `forewarn init`")
        for pinning in (folder, folder / CONFIGURATION, folder / CA_BUNDLE):
            files.refuse_writable(pinning)
        table = load_toml(folder / CONFIGURATION)
        names = {key: table.get(key) for key in ("member", "kind", "system")}
        exchange = table.get("exchange")
        if not isinstance(exchange, dict) or not all(isinstance(n, str) for n in names.values()):
            raise HomeError(
                f"{folder / CONFIGURATION} lacks member, kind, system or the table [exchange]"
            )
        return cls(
            path=folder,
            member=str(names["member"]),
            kind=str(names["kind"]),
            system=str(names["system"]),
            exchange=Exchange.of(exchange, CONFIGURATION),
        )

    @classmethod
    def create(
        cls, path: Path | str, *, member: str, kind: str, system: str, join: JoinFile
    ) -> Self:
        """Make a member's folder: keys, certificate request, configuration.

        Can be run again after an interruption: keys that are there are kept.

        Args:
            path: The folder.
            member: Id of the member.
            kind: Kind of the member.
            system: Name of the system that will call from here.
            join: The exchange to pin.

        Returns:
            The home. It can call once `tls.crt` is there and the registrar has enrolled it.

        Raises:
            HomeError: The folder is another home already, a name is wrong, or a file cannot be
                written.
        """
        folder = Path(path)
        home = cls(path=folder, member=member, kind=kind, system=system, exchange=join.exchange)
        if (folder / CONFIGURATION).exists() and home not in _successors(cls.load(folder), join):
            raise HomeError(f"{folder} is the folder of another member or exchange already")
        for part in (folder, home.state, home.receipts):
            files.make_folder(part)
        # The registrar's keys are older than the exchange: the genesis statement names them.
        if kind != "registrar" and not (folder / SIGNING_KEY).exists():
            Signer.generate(folder / SIGNING_KEY)
        if not (folder / TLS_KEY).exists():
            files.write(folder / TLS_KEY, _new_tls_key())
        files.write(folder / TLS_REQUEST, home._request(), mode=_PUBLIC)
        files.write(folder / CA_BUNDLE, join.ca, mode=_PUBLIC)
        # Last: without it, the folder is no home yet.
        configuration = {
            "": {"member": member, "kind": kind, "system": system},
            "exchange": join.exchange.table(),
        }
        files.write(folder / CONFIGURATION, files.toml(configuration), mode=_PUBLIC)
        return home

    def signers(self) -> tuple[Signer, ...]:
        """Load the keys that sign statements.

        Returns:
            The key of `signing.pem` first, then those of `signing-*.pem` by name.

        Raises:
            HomeError: There is none, or one is not fit for use.
        """
        paths = [self.path / SIGNING_KEY, *sorted(self.path.glob(MORE_SIGNING_KEYS))]
        return tuple(Signer.load(path) for path in paths)

    def add_signing_key(self) -> tuple[Signer, Path]:
        """Make one more signing key, beside those that are there.

        Returns:
            The key, and the file of its public half, for the registrar.

        Raises:
            HomeError: A file cannot be written.
        """
        number = 2
        while (self.path / f"signing-{number}.pem").exists():
            number += 1
        signer = Signer.generate(self.path / f"signing-{number}.pem")
        public = self.path / f"public-{number}.pem"
        key = load_der_public_key(signer.spki)
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        files.write(public, pem, mode=_PUBLIC)
        return signer, public

    def tls(self) -> TlsIdentity:
        """Load what a connection needs.

        Returns:
            Key, certificate chain and authorities.

        Raises:
            HomeError: The certificate is missing, is not for this system or not for this key, is
                not valid now, or a file is not fit for use.
        """
        if not (self.path / TLS_CHAIN).is_file():
            raise HomeError(
                f"{self.path / TLS_CHAIN} is missing: have {TLS_REQUEST} signed by the authority "
                "of your systems and put the chain there"
            )
        tls = TlsIdentity(
            key=files.read_private(self.path / TLS_KEY),
            chain=files.read(self.path / TLS_CHAIN),
            ca=files.read(self.path / CA_BUNDLE),
        )
        self._check(tls)
        return tls

    def install_certificate(self, chain: bytes) -> None:
        """Put a certificate chain in its place, after checking that it is the right one.

        Args:
            chain: The certificate and those between it and its authority, PEM.

        Raises:
            HomeError: It is not for this system, not for this key, or not valid now.
        """
        key = files.read_private(self.path / TLS_KEY)
        self._check(TlsIdentity(key=key, chain=chain, ca=files.read(self.path / CA_BUNDLE)))
        files.write(self.path / TLS_CHAIN, chain, mode=_PUBLIC)

    def write_enrolment(self, profile: dict[str, str | list[str]]) -> Path:
        """Write what the registrar needs to enrol this member.

        Args:
            profile: Fields of `MemberProfile`, as a document states them; `display_name` at least.

        Returns:
            The file, to be given to the registrar.

        Raises:
            HomeError: A key is not fit for use, or the file cannot be written.
        """
        request: dict[str, str | list[str]] = {
            "member": self.member,
            "kind": self.kind,
            "systems": [self.system_id],
            "keys": [base64.b64encode(signer.spki).decode() for signer in self.signers()],
        }
        path = self.path / ENROLMENT
        files.write(path, files.toml({"": request, "profile": profile}), mode=_PUBLIC)
        return path

    def _request(self) -> bytes:
        """Make the certificate request: one URI, the system's name, and an empty subject."""
        name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(self.system_id)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        key = _tls_key(files.read_private(self.path / TLS_KEY), self.path)
        request = builder.add_extension(name, critical=True).sign(key, hashes.SHA256())
        return request.public_bytes(Encoding.PEM)

    def _check(self, tls: TlsIdentity) -> None:
        where = self.path / TLS_CHAIN
        if not is_certificates(tls.chain):
            raise HomeError(f"{where} holds no certificates in PEM form")
        leaf = x509.load_pem_x509_certificates(tls.chain)[0]
        try:
            name = identity.certificate_system(leaf, self.exchange.trust_domain)
        except VerificationError as error:
            raise HomeError(f"{where}: {error.detail}; have {TLS_REQUEST} signed again") from None
        if str(name) != self.system_id:
            raise HomeError(f"{where} is for {name}, but this folder is for {self.system_id}")
        if leaf.public_key() != _tls_key(tls.key, self.path).public_key():
            raise HomeError(f"{where} is for another key than {TLS_KEY}")
        # By this machine's clock, which the connection would go by, too.
        now, since, until = datetime.now(UTC), leaf.not_valid_before_utc, leaf.not_valid_after_utc
        if now > until:
            raise HomeError(
                f"{where} expired on {until:%Y-%m-%d %H:%M} UTC: have {TLS_REQUEST} signed again, "
                "then run `forewarn init --certificate FILE`"
            )
        if now < since:
            raise HomeError(
                f"{where} is not valid before {since:%Y-%m-%d %H:%M} UTC, and this machine's clock "
                f"says {now:%Y-%m-%d %H:%M}: set the clock, or wait"
            )


def _successors(home: Home, join: JoinFile) -> tuple[Home, Home]:
    """Give what a home may become: itself, or what pins an audit log where it pinned none yet.

    Where the logs are read may change in any case: nothing is believed because of it.
    """
    changed = replace(
        home.exchange,
        audit_log_key=home.exchange.audit_log_key or join.exchange.audit_log_key,
        log_url=join.exchange.log_url,
        audit_log_url=join.exchange.audit_log_url,
    )
    return home, replace(home, exchange=changed)


def _new_tls_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _tls_key(pem: bytes, folder: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise HomeError(f"{folder / TLS_KEY} is not an unencrypted EC private key in PEM form")
    return key
