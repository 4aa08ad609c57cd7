"""`python -m certs`: twice is fine, a refusal is one sentence."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import Authority
from certs.command import main

DESK = "spiffe://exchange.example/lab/aurora/release-desk"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    assert run("mint", tmp_path / "ca").exit_code == 0
    return tmp_path / "ca"


def test_minting_twice_changes_nothing(ca: Path) -> None:
    before = {path.name: path.read_bytes() for path in ca.iterdir()}

    again = run("mint", ca)

    assert again.exit_code == 0
    assert "already" in again.output
    assert {path.name: path.read_bytes() for path in ca.iterdir()} == before


def test_minting_completes_what_was_interrupted(ca: Path) -> None:
    (ca / "gateway.pem").unlink()

    assert run("mint", ca).exit_code == 0

    certificate = x509.load_pem_x509_certificate((ca / "gateway.pem").read_bytes())
    key = serialization.load_pem_private_key((ca / "gateway.key").read_bytes(), None)
    assert certificate.public_key() == key.public_key()


def test_the_gateways_certificate_is_for_this_machine(ca: Path) -> None:
    certificate = x509.load_pem_x509_certificate((ca / "gateway.pem").read_bytes())

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_another_trust_domain_needs_another_folder(ca: Path) -> None:
    refused = run("mint", ca, "--trust-domain", "elsewhere.example")

    assert refused.exit_code == 1
    assert "name another folder" in refused.output


def test_a_request_is_answered_and_answered_again(ca: Path, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(DESK)])
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(names, critical=True)
        .sign(key, hashes.SHA256())
    )
    csr, out = tmp_path / "desk.csr", tmp_path / "desk.pem"
    csr.write_bytes(request.public_bytes(serialization.Encoding.PEM))

    for _ in range(2):
        assert run("issue", "--ca", ca, "--csr", csr, "--out", out).exit_code == 0

    leaf, issuing = x509.load_pem_x509_certificates(out.read_bytes())
    assert leaf.public_key() == key.public_key()
    assert issuing == Authority.load(ca).issuing


def test_a_bad_request_writes_nothing(ca: Path, tmp_path: Path) -> None:
    csr, out = tmp_path / "desk.csr", tmp_path / "desk.pem"
    csr.write_text("nonsense")

    refused = run("issue", "--ca", ca, "--csr", csr, "--out", out)

    assert refused.exit_code == 1
    assert "is not signed" in refused.output
    assert not out.exists()


def test_a_leaf_is_never_written_over_another(ca: Path, tmp_path: Path) -> None:
    cert, key = tmp_path / "desk.pem", tmp_path / "desk.key"
    arguments = ("leaf", "--ca", ca, "--uri", DESK, "--out-cert", cert, "--out-key", key)
    assert run(*arguments).exit_code == 0
    before = key.read_bytes()

    refused = run(*arguments)

    assert refused.exit_code == 1
    assert "File exists" in refused.output
    assert key.read_bytes() == before


def test_a_leaf_of_another_trust_domain_is_refused(ca: Path, tmp_path: Path) -> None:
    uri = "spiffe://elsewhere.example/lab/aurora/desk"
    out = ("--out-cert", tmp_path / "a.pem", "--out-key", tmp_path / "a.key")

    refused = run("leaf", "--ca", ca, "--uri", uri, *out)

    assert refused.exit_code == 1
    assert "spiffe://exchange.example/" in refused.output
    assert not (tmp_path / "a.key").exists()


def test_without_an_authority_it_says_how_to_make_one(tmp_path: Path) -> None:
    out = ("--out-cert", tmp_path / "a.pem", "--out-key", tmp_path / "a.key")

    refused = run("leaf", "--ca", tmp_path / "none", "--uri", DESK, *out)

    assert refused.exit_code == 1
    assert "python -m certs mint" in refused.output
