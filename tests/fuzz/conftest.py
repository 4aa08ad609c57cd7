"""One certificate to spoil."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import Authority


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A member system's certificate, DER."""
    folder: Path = tmp_path_factory.mktemp("authority")
    authority = Authority.create(folder / "ca", trust_domain="exchange.example")
    pem = authority.leaf(["spiffe://exchange.example/lab/aurora/desk-a"])[0]
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
