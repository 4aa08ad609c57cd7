"""Names of members and systems, and the certificates that carry them."""

import base64
import contextlib

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, MemberKind, SystemId, peer_system
from tests.vectors import identities
from tests.vectors.files import Vector, load, name_of

TRUST_DOMAIN = "exchange.example"

members = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
systems = st.builds(
    SystemId,
    trust_domain=st.from_regex(r"[a-z0-9._-]{1,40}", fullmatch=True),
    kind=st.sampled_from(MemberKind),
    member=members.map(MemberId),
    system=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", fullmatch=True),
)


@pytest.mark.parametrize("vector", load("spiffe", "uri"), ids=name_of)
def test_uri_vectors(vector: Vector) -> None:
    uri = vector["input"]["uri"]
    if vector["expect"] != "ok":
        with pytest.raises(Refusal) as refused:
            SystemId.parse(uri)
        assert refused.value.reason == Reason(vector["expect"])
        return
    system = SystemId.parse(uri)
    named = {name: str(getattr(system, name)) for name in vector["output"]}
    assert named == vector["output"]
    assert str(system) == uri


@pytest.mark.parametrize("form", ["der", "pem"])
@pytest.mark.parametrize("vector", load("spiffe", "certificate"), ids=name_of)
def test_certificate_vectors(vector: Vector, form: str) -> None:
    der = base64.b64decode(vector["input"]["certificate"])
    certificate = der if form == "der" else _pem(der)
    if vector["expect"] != "ok":
        with pytest.raises(Refusal) as refused:
            peer_system(certificate, vector["input"]["trust_domain"])
        assert refused.value.reason == Reason(vector["expect"])
        return
    system = peer_system(certificate, vector["input"]["trust_domain"])
    assert str(system) == vector["output"]["uri"]


def _pem(der: bytes) -> bytes:
    body = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"


@given(systems)
def test_a_system_is_its_uri(system: SystemId) -> None:
    assert SystemId.parse(str(system)) == system


@given(st.text(max_size=60))
def test_any_path_is_a_system_or_refused(junk: str) -> None:
    for uri in (junk, f"spiffe://{junk}", f"spiffe://{TRUST_DOMAIN}/lab/{junk}"):
        with contextlib.suppress(Refusal):
            assert str(SystemId.parse(uri)) == uri


@given(members)
def test_a_member_is_its_name(name: str) -> None:
    member = MemberId(name)
    assert str(member) == name
    assert member == name
    assert hash(member) == hash(name)


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "A", "a.b", "a_b", "a/b", "a b", "a\n", "\u0430", "a" * 33]
)
def test_no_member_has_such_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        MemberId(name)


@pytest.mark.parametrize(
    ("trust_domain", "system"),
    [("", "desk"), ("a/b", "desk"), ("A", "desk"), ("a", ""), ("a", "x/y"), ("a", "s" * 65)],
)
def test_no_system_is_made_that_would_not_parse(trust_domain: str, system: str) -> None:
    with pytest.raises(ValueError, match=r"name|domain"):
        SystemId(
            trust_domain=trust_domain,
            kind=MemberKind.LAB,
            member=MemberId("aurora"),
            system=system,
        )


@given(st.binary(max_size=300))
def test_any_bytes_are_no_certificate(junk: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        peer_system(junk, TRUST_DOMAIN)
    assert refused.value.reason == Reason.SPIFFE_ID_MALFORMED


def test_a_certificate_with_an_endless_name_is_malformed_wherever_it_belongs() -> None:
    endless = x509.UniformResourceIdentifier("spiffe://elsewhere.example/".ljust(2049, "s"))
    with pytest.raises(Refusal) as refused:
        peer_system(base64.b64decode(identities.certificate(endless)), TRUST_DOMAIN)
    assert refused.value.reason == Reason.SPIFFE_ID_MALFORMED


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(Refusal) as refused:
        SystemId.parse(f"spiffe://{TRUST_DOMAIN}/secret-name/secret-name/secret-name")
    assert "secret" not in str(refused.value)
