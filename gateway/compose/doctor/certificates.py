"""Certificates: whether the gateway can be reached with them, and for how long.

* The gateway's own is judged as a member's program would: dates, purpose, the name under which
  members reach it, the chain to the authorities that they pin.
* Authorities end too, and with them every certificate they signed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.compose.config import Config
from gateway.compose.doctor.finding import Finding, ok, problem, warning
from gateway.compose.doctor.patient import Patient
from gateway.edge.tls import TlsError

_RENEW: Final = "have the authority issue a new one and put it in place; no restart is needed"
_LONGEST_CHAIN: Final = 8


def certificate(patient: Patient) -> Iterator[Finding]:
    """Judge the gateway's own certificate as those who call it do."""
    config = patient.config
    if isinstance(config, str):
        return
    try:
        # As `serve` reads them: missing, unreadable, a key of another, a key that others may read.
        config.tls.files.credentials()
    except TlsError as error:
        yield problem(str(error), "put certificate and key in place as [tls] says")
        return
    chain = _certificates(config.tls.certificate)
    leaf = chain[0]
    yield from _dates(leaf, f"{config.tls.certificate}", config.doctor.certificate_days, patient)
    yield from _purpose(leaf, config)
    yield from _name(leaf, config)
    yield from _chain(chain, config)


def authorities(patient: Patient) -> Iterator[Finding]:
    """Tell when those end whom callers and members trust."""
    config = patient.config
    if isinstance(config, str):
        return
    kept = {
        config.tls.client_ca: "replace it with the authority that follows, before it ends: "
        "callers whose certificates it signed are refused from then on",
        config.tls.server_ca: "give members an exchange.toml with the authority that follows, "
        "before it ends: from then on their programs refuse the gateway",
    }
    for path, remedy in kept.items():
        try:
            found = _certificates(path)
        except (OSError, ValueError):
            yield problem(f"{path} holds no certificates in PEM form", "put them in place")
            continue
        for each in found:
            name = f"{each.subject.rfc4514_string() or 'an authority without a name'} in {path}"
            days = config.doctor.authority_days
            yield from _dates(each, name, days, patient, remedy)


def _dates(
    found: x509.Certificate,
    name: str,
    days: float,
    patient: Patient,
    remedy: str = _RENEW,
) -> Iterator[Finding]:
    start, end, now = found.not_valid_before_utc, found.not_valid_after_utc, patient.now
    if end <= now:
        yield problem(f"{name} ended on {_day(end)}", remedy)
    elif start > now:
        late = "wait until then, or set the clock right if it runs behind"
        yield problem(f"{name} is not valid before {_day(start)}", late)
    elif end - now < timedelta(days=days):
        left = (end - now) / timedelta(days=1)
        yield warning(f"{name} ends on {_day(end)}, in {left:.1f} days", remedy)
    else:
        yield ok(f"{name} ends on {_day(end)}, in {(end - now).days} days")


def _purpose(leaf: x509.Certificate, config: Config) -> Iterator[Finding]:
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(
        usages
    ):
        yield problem(
            f"{config.tls.certificate} is not for servers",
            "have the authority issue one with the extended key usage for servers",
        )


def _name(leaf: x509.Certificate, config: Config) -> Iterator[Finding]:
    """Look for the host of the public address among the names."""
    host = config.listen.public.host.strip("[]")
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    if not _covers(names, host):
        yield problem(
            f"{config.tls.certificate} does not name {host}, where members reach the gateway",
            "have the authority issue one with that name, or mend listen.public and run init again",
        )


def _covers(names: x509.SubjectAlternativeName, host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        wanted = host.lower()
        known = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
        # A star stands for one label (RFC 6125, 6.4.3).
        return wanted in known or f"*.{wanted.partition('.')[2]}" in known
    return address in names.get_values_for_type(x509.IPAddress)


def _chain(chain: list[x509.Certificate], config: Config) -> Iterator[Finding]:
    """Walk from the leaf to an authority that members pin."""
    try:
        pinned = _certificates(config.tls.server_ca)
    except (OSError, ValueError):
        return  # the authorities' own check says it
    at = chain[0]
    for _ in range(_LONGEST_CHAIN):
        if at in pinned or any(_issued(at, each) for each in pinned):
            return
        above = next((each for each in chain[1:] if each != at and _issued(at, each)), None)
        if above is None:
            break
        at = above
    yield problem(
        f"{config.tls.certificate} does not lead to an authority in {config.tls.server_ca}",
        "put the leaf first and every authority between it and the root after it, or mend "
        "tls.server_ca and run init again",
    )


def _issued(found: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        found.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _certificates(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}Z"
