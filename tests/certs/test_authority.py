"""The authority: what it signs, what it refuses, and what it leaves on disk."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.authority import BUNDLE, ISSUING_KEY, Authority, IssuanceError
from certs.files import write_key, write_pair

DESK = "spiffe://exchange.example/lab/aurora/release-desk"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("pki") / "ca", trust_domain="exchange.example")


def request(
    *names: x509.GeneralName,
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | None = None,
) -> bytes:
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody.example")])
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


def uri(value: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(value)


def test_a_request_becomes_a_chain_with_that_one_name(authority: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())

    chain = x509.load_pem_x509_certificates(authority.issue(request(uri(DESK), key=key)))

    leaf, issuing = chain
    leaf.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(authority.root)
    assert leaf.public_key() == key.public_key()
    assert list(leaf.subject) == []
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert list(names.value) == [uri(DESK)]
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert leaf.not_valid_after_utc - datetime.now(UTC) <= timedelta(days=30)


@pytest.mark.parametrize(
    ("csr", "said"),
    [
        pytest.param(b"nonsense", "PKCS #10", id="no request"),
        pytest.param(request(), "one URI", id="no name"),
        pytest.param(request(uri(DESK), uri(DESK + "-2")), "one URI", id="two names"),
        pytest.param(request(uri(DESK), x509.DNSName("a.example")), "one URI", id="also a host"),
        pytest.param(request(x509.DNSName("a.example")), "one URI", id="only a host"),
        pytest.param(
            request(uri("spiffe://elsewhere.example/lab/aurora/desk")), "must be", id="foreign"
        ),
        pytest.param(request(uri("spiffe://exchange.example")), "must be", id="no path"),
        pytest.param(request(uri(DESK + "/")), "must be", id="trailing slash"),
        pytest.param(request(uri("spiffe://exchange.example/a/../b")), "must be", id="dots"),
        pytest.param(request(uri(DESK + "\n")), "must be", id="newline"),
        pytest.param(request(uri(DESK + "?q")), "must be", id="query"),
        pytest.param(request(uri("https://exchange.example/lab")), "must be", id="scheme"),
        pytest.param(
            request(uri(DESK), key=ec.generate_private_key(ec.SECP384R1())), "P-256", id="P-384"
        ),
        pytest.param(
            request(uri(DESK), key=ed25519.Ed25519PrivateKey.generate()), "P-256", id="Ed25519"
        ),
    ],
)
def test_any_other_request_is_refused(authority: Authority, csr: bytes, said: str) -> None:
    with pytest.raises(IssuanceError, match=said):
        authority.issue(csr)


def test_a_request_with_a_broken_signature_is_refused(authority: Authority) -> None:
    csr = x509.load_pem_x509_csr(request(uri(DESK))).public_bytes(serialization.Encoding.DER)
    # The last byte belongs to the signature's last integer.
    broken = x509.load_der_x509_csr(csr[:-1] + bytes([csr[-1] ^ 1]))

    with pytest.raises(IssuanceError, match="not signed by"):
        authority.issue(broken.public_bytes(serialization.Encoding.PEM))


def test_no_leaf_outlives_its_issuer(authority: Authority) -> None:
    with pytest.raises(IssuanceError, match="outlive"):
        authority.issue(request(uri(DESK)), lifetime=timedelta(days=400))


def test_what_is_loaded_signs_like_what_was_created(tmp_path: Path) -> None:
    created = Authority.create(tmp_path / "ca", trust_domain="exchange.example")

    loaded = Authority.load(tmp_path / "ca")

    assert loaded.bundle == created.bundle
    assert loaded.trust_domain == "exchange.example"
    chain, _ = loaded.leaf([DESK])
    x509.load_pem_x509_certificates(chain)[0].verify_directly_issued_by(created.issuing)


def test_an_authority_is_never_made_over_something(tmp_path: Path) -> None:
    first = Authority.create(tmp_path / "ca", trust_domain="exchange.example")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "note").write_text("mine")

    for name in ("ca", "other"):
        with pytest.raises(FileExistsError):
            Authority.create(tmp_path / name, trust_domain="exchange.example")

    assert Authority.load(tmp_path / "ca").bundle == first.bundle
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca", "other"]


@pytest.mark.parametrize("trust_domain", ["", "Exchange.example", "a/b", "a" * 256])
def test_a_bad_trust_domain_is_refused(tmp_path: Path, trust_domain: str) -> None:
    with pytest.raises(ValueError, match="trust domain"):
        Authority.create(tmp_path / "ca", trust_domain=trust_domain)


@pytest.mark.parametrize("swapped", [BUNDLE, ISSUING_KEY])
def test_files_of_two_authorities_are_not_one(tmp_path: Path, swapped: str) -> None:
    for name in ("a", "b"):
        Authority.create(tmp_path / name, trust_domain="exchange.example")
    (tmp_path / "a" / swapped).write_bytes((tmp_path / "b" / swapped).read_bytes())

    with pytest.raises(ValueError, match=swapped):
        Authority.load(tmp_path / "a")


def test_only_the_owner_reads_keys_and_the_folder(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "ca", trust_domain="exchange.example")
    write_pair(tmp_path / "a.pem", tmp_path / "a.key", authority.leaf([DESK]))

    assert stat.S_IMODE((tmp_path / "ca").stat().st_mode) == 0o700
    for key in (tmp_path / "ca" / ISSUING_KEY, tmp_path / "a.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_roots_key_is_nowhere(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "ca", trust_domain="exchange.example")

    keys = [path for path in (tmp_path / "ca").iterdir() if b"PRIVATE KEY" in path.read_bytes()]

    assert [path.name for path in keys] == [ISSUING_KEY]
    kept = serialization.load_pem_private_key(keys[0].read_bytes(), None)
    assert kept.public_key() != authority.root.public_key()


def test_a_key_is_written_neither_over_a_file_nor_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "target")

    for name in ("there", "link"):
        with pytest.raises(FileExistsError):
            write_key(tmp_path / name, b"key")

    assert (tmp_path / "there").read_text() == "mine"
    assert not (tmp_path / "target").exists()
