"""The gateway's certificate, and the authorities of its callers: read anew when a file changes.

* Mutual TLS always: a caller without a certificate of one of the authorities never gets through the
  handshake.
* Files are looked at on every handshake. What cannot be read, or does not fit together, is logged,
  and what was good before stays in force.
* The key's file is for its owner alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_log: Final = logging.getLogger(__name__)

_OTHERS: Final = 0o077

Stamp: TypeAlias = tuple[tuple[int, int, int], ...]


class TlsError(Exception):
    """The files cannot be served with; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where certificate, key and authorities are, all PEM.

    Attributes:
        certificate: The gateway's chain, leaf first.
        key: Its key.
        client_ca: The authorities whose certificates callers present.
    """

    certificate: Path
    key: Path
    client_ca: Path

    def credentials(self, reloaded: Callable[[], None] | None = None) -> grpc.ServerCredentials:
        """Give credentials that follow the files.

        Args:
            reloaded: Called, from a thread of gRPC, whenever the files were read anew.

        Returns:
            Credentials that require a client certificate.

        Raises:
            TlsError: The files are not fit for use.
        """
        watcher = _Watcher(self, reloaded)
        return grpc.dynamic_ssl_server_credentials(
            watcher.current,
            watcher.changed,  # type: ignore[arg-type] # None says that nothing changed
            require_client_authentication=True,
        )


class _Watcher:
    """Compares the files with what they were, from gRPC's own threads."""

    def __init__(self, files: TlsFiles, reloaded: Callable[[], None] | None) -> None:
        self._files = files
        self._reloaded = reloaded
        self._stamp = self._looked()
        self.current = _load(files)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Give the configuration that counts from now on; None where it is the one before."""
        try:
            found = self._looked()
            if found == self._stamp:
                return None
            configuration = _load(self._files)
        except TlsError as error:
            _log.error(
                "certificates stay as they were: %s",
                error,
                extra={"event": "certificates_unfit"},
            )
            return None
        self._stamp = found
        _log.info("certificates were read anew", extra={"event": "certificates_read"})
        if self._reloaded is not None:
            self._reloaded()
        return configuration

    def _looked(self) -> Stamp:
        files = self._files
        return stamp(files.certificate, files.key, files.client_ca)


def stamp(*paths: Path) -> Stamp:
    """Give what tells whether files are as they were when last looked at.

    Args:
        paths: The files.

    Returns:
        A value that is another once one of them was written or replaced.

    Raises:
        TlsError: One is not there.
    """
    try:
        stats = [path.stat() for path in paths]
    except OSError as error:
        raise TlsError(f"{error.filename} cannot be read: {error.strerror}") from None
    return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


def _load(files: TlsFiles) -> grpc.ServerCertificateConfiguration:
    certificate, key = read_pair(files.certificate, files.key)
    try:
        authorities = files.client_ca.read_bytes()
        x509.load_pem_x509_certificates(authorities)
    except OSError as error:
        raise TlsError(f"{error.filename} cannot be read: {error.strerror}") from None
    except ValueError:
        raise TlsError(f"{files.client_ca} holds no certificates in PEM form") from None
    return grpc.ssl_server_certificate_configuration([(key, certificate)], authorities)


def read_pair(certificate: Path, key: Path) -> tuple[bytes, bytes]:
    """Read a certificate chain and its key, and see whether they can be served with.

    Args:
        certificate: The chain, leaf first, PEM.
        key: The key, PEM, for its owner alone.

    Returns:
        The content of both files.

    Raises:
        TlsError: One cannot be read, is open to others, or is not the other's.
    """
    try:
        if key.stat().st_mode & _OTHERS:
            raise TlsError(f"others may read {key}: chmod it to 600")
        chain, private = certificate.read_bytes(), key.read_bytes()
    except OSError as error:
        raise TlsError(f"{error.filename} cannot be read: {error.strerror}") from None
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
    except ValueError:
        raise TlsError(f"{certificate} holds no certificate in PEM form") from None
    try:
        own = load_pem_private_key(private, None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TlsError(f"{key} holds no private key in PEM form without password") from None
    if own != leaf.public_key():
        raise TlsError(f"{key} is not the key of {certificate}")
    return chain, private
