"""A member's folder: keys made once and kept from others, an exchange pinned key by key."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from certs.authority import SERVER_AUTH, Authority
from forewarn_client import files
from forewarn_client.enrolment import EnrolmentRequest
from forewarn_client.errors import HomeError
from forewarn_client.home import Home
from forewarn_client.join import Exchange, JoinFile, load_toml
from forewarn_client.signing import Signer
from tests.world.ledger_builder import TRUST_DOMAIN, Ledger


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "ca", trust_domain=TRUST_DOMAIN)


@pytest.fixture
def join(tmp_path: Path, authority: Authority) -> JoinFile:
    """Read a join file as whoever runs a gateway writes it."""
    ledger = Ledger()
    table = {
        "origin": ledger.origin,
        "trust_domain": TRUST_DOMAIN,
        "genesis_digest": ledger.genesis_digest.hex(),
        "log_key": ledger.log_vkey,
        "address": "localhost:8443",
        "ca": authority.bundle.decode(),
    }
    path = tmp_path / "exchange.toml"
    path.write_bytes(files.toml({"": table}))
    return JoinFile.load(path)


def make(folder: Path, join: JoinFile, **changed: str) -> Home:
    names = {"member": "aurora", "kind": "lab", "system": "release-desk", **changed}
    return Home.create(folder, join=join, **names)


def test_a_new_home_has_its_keys_and_nothing_for_others(tmp_path: Path, join: JoinFile) -> None:
    home = make(tmp_path / "aurora", join)
    assert Home.load(home.path) == home
    assert home.system_id == f"spiffe://{TRUST_DOMAIN}/lab/aurora/release-desk"
    modes = {item.name: item.stat().st_mode & 0o777 for item in home.path.iterdir()}
    assert modes == {
        "ca.pem": 0o644,
        "forewarn.toml": 0o644,
        "receipts": 0o700,
        "signing.pem": 0o600,
        "state": 0o700,
        "tls.csr": 0o644,
        "tls.pem": 0o600,
    }
    assert home.path.stat().st_mode & 0o777 == 0o700


def test_the_request_names_one_system_and_nothing_else(tmp_path: Path, join: JoinFile) -> None:
    home = make(tmp_path / "aurora", join)
    request = x509.load_pem_x509_csr((home.path / "tls.csr").read_bytes())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.UniformResourceIdentifier(home.system_id)]
    assert not list(request.subject)
    key = request.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"


def test_making_it_again_keeps_every_key(tmp_path: Path, join: JoinFile) -> None:
    home = make(tmp_path / "aurora", join)
    keys = [(home.path / name).read_bytes() for name in ("signing.pem", "tls.pem")]
    (home.path / "forewarn.toml").unlink()
    assert make(tmp_path / "aurora", join) == home
    assert keys == [(home.path / name).read_bytes() for name in ("signing.pem", "tls.pem")]
    with pytest.raises(HomeError, match="another member"):
        make(tmp_path / "aurora", join, member="borealis")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_keys_that_others_may_read_are_refused(
    tmp_path: Path, join: JoinFile, authority: Authority, mode: int
) -> None:
    home = make(tmp_path / "aurora", join)
    home.install_certificate(authority.issue((home.path / "tls.csr").read_bytes()))
    assert len(home.signers()) == 1
    assert b"CERTIFICATE" in home.tls().chain
    for name, use in (("signing.pem", home.signers), ("tls.pem", home.tls)):
        (home.path / name).chmod(mode)
        with pytest.raises(HomeError, match="chmod 600"):
            use()


def test_private_keys_do_not_show(tmp_path: Path, join: JoinFile, authority: Authority) -> None:
    home = make(tmp_path / "aurora", join)
    home.install_certificate(authority.issue((home.path / "tls.csr").read_bytes()))
    shown = repr((home.signers(), home.tls(), home))
    assert "PRIVATE" not in shown
    assert "Ed25519PrivateKey" not in shown


def test_only_the_right_certificate_is_taken(
    tmp_path: Path, join: JoinFile, authority: Authority
) -> None:
    home = make(tmp_path / "aurora", join)
    with pytest.raises(HomeError, match="is missing"):
        home.tls()
    other = make(tmp_path / "borealis", join, member="borealis")
    for chain, why in (
        (authority.issue((other.path / "tls.csr").read_bytes()), "but this folder is for"),
        (authority.leaf([home.system_id])[0], "another key"),
        (authority.leaf([home.system_id], usages=[SERVER_AUTH])[0], "TLS clients"),
        (authority.leaf([home.system_id, other.system_id])[0], "more than one URI"),
        (b"junk", "no certificates"),
    ):
        with pytest.raises(HomeError, match=why):
            home.install_certificate(chain)


def test_a_second_key_stands_beside_the_first(tmp_path: Path, join: JoinFile) -> None:
    home = make(tmp_path / "aurora", join)
    second = Signer.generate(home.path / "signing-2.pem")
    assert [signer.keyid for signer in home.signers()][1:] == [second.keyid]
    with pytest.raises(HomeError, match="never overwritten"):
        Signer.generate(home.path / "signing-2.pem")


def test_the_registrars_home_makes_no_key(tmp_path: Path, join: JoinFile) -> None:
    home = make(tmp_path / "registrar", join, member="exchange-registrar", kind="registrar")
    with pytest.raises(HomeError, match=r"signing\.pem"):
        home.signers()


def test_an_enrolment_request_carries_what_is_public(tmp_path: Path, join: JoinFile) -> None:
    home = make(tmp_path / "aurora", join)
    path = home.write_enrolment({"display_name": 'Aurora "AI"\n\\', "desks": ["notice"]})
    request = EnrolmentRequest.load(path)
    assert request.profile == {"display_name": 'Aurora "AI"\n\\', "desks": ["notice"]}
    assert [key.keyid for key in request.keys] == [home.signers()[0].keyid]
    assert request.systems == (home.system_id,)
    good = path.read_text()
    for wrong in (
        good.replace("aurora/", "borealis/"),
        good.replace('kind = "lab"', 'kind = "agency"'),
        good.replace('keys = ["', 'keys = ["!'),
        good.replace("keys = [", "keys = 1 # ["),
        good.replace("member =", "name ="),
        "junk",
    ):
        path.write_text(wrong)
        with pytest.raises(HomeError):
            EnrolmentRequest.load(path)


@pytest.mark.parametrize("key", ["origin", "trust_domain", "genesis_digest", "log_key", "address"])
def test_every_pin_is_needed(join: JoinFile, key: str) -> None:
    table: dict[str, object] = dict(join.exchange.table())
    assert Exchange.of(table, "exchange.toml") == join.exchange
    for wrong in (None, "", 1, "x y", str(table[key]) + "0\n"):
        if key == "trust_domain" and isinstance(wrong, str) and wrong:
            continue  # any text may name a domain; the genesis statement has to agree with it
        with pytest.raises(HomeError):
            Exchange.of({**table, key: wrong}, "exchange.toml")


def test_the_log_key_is_the_origins(join: JoinFile) -> None:
    with pytest.raises(HomeError, match="another log"):
        replace(join.exchange, origin="elsewhere.example/ledger")


def test_a_folder_that_is_no_home_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="forewarn init"):
        Home.load(tmp_path)
    (tmp_path / "forewarn.toml").write_text("member = 1")
    with pytest.raises(HomeError, match="lacks member"):
        Home.load(tmp_path)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(), max_size=4))
def test_what_is_written_as_toml_reads_back(table: dict[str, str]) -> None:
    data = files.toml({"": table, "TABLE": table})
    assert tomllib.loads(data.decode()) == {**table, "TABLE": table}


def test_junk_is_no_toml(tmp_path: Path) -> None:
    for junk in (b"\xff", b"= 1", b"a = "):
        (tmp_path / "x.toml").write_bytes(junk)
        with pytest.raises(HomeError):
            load_toml(tmp_path / "x.toml")
