"""TLS for the HTTPS edges: 1.3 only, the certificate read anew when its files change.

* Files are looked at for each connection. What is not fit for use is logged once, and what was good
  before stays in force.
* No session is resumed: each connection has a handshake of its own, with the certificate of the
  day.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.edge.tls import Stamp, TlsError, read_pair, stamp

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsFiles:
    """Where certificate and key of an HTTPS edge are, PEM.

    Attributes:
        certificate: Its chain, leaf first.
        key: Its key, mode 0600.
    """

    certificate: Path
    key: Path


class HttpsContext:
    """The TLS context that counts."""

    def __init__(self, files: HttpsFiles) -> None:
        """Read the files.

        Args:
            files: Certificate and key.

        Raises:
            TlsError: They are not fit for use.
        """
        self._files = files
        self._looked_at = self._stamp()
        self._context = _load(files)

    def current(self) -> ssl.SSLContext:
        """Give the context for a new connection, from files that were written since."""
        try:
            found = self._stamp()
            if found != self._looked_at:
                # Said once, whether it is fit or not.
                self._looked_at = found
                self._context = _load(self._files)
                _log.info(
                    "the certificate for HTTPS was read anew", extra={"event": "certificates_read"}
                )
        except TlsError as error:
            _log.error(
                "the certificate for HTTPS stays as it was: %s",
                error,
                extra={"event": "certificates_unfit"},
            )
        return self._context

    def _stamp(self) -> Stamp:
        try:
            return stamp(self._files.certificate, self._files.key)
        except TlsError:
            # Also gone is a change, to be told when they are read.
            return ()


def _load(files: HttpsFiles) -> ssl.SSLContext:
    read_pair(files.certificate, files.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        # Another pair than the one that was just looked at, or one that OpenSSL does not take.
        raise TlsError(f"{files.certificate} cannot be served with: {error}") from None
    return context
