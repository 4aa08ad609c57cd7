"""`[log_http]` of `gateway.toml`: where strangers read the logs, and how much they may ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.compose.address import Address
from gateway.compose.settings import setting
from gateway.compose.state import SetupError
from gateway.edge.https import HttpsLimits
from gateway.edge.https_tls import HttpsFiles

_HTTPS: Final = HttpsLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHttp:
    """See `[log_http]`."""

    address: Address | None = field(
        default=None,
        metadata=setting('Where both logs are served over HTTPS, for everybody; "" for nowhere.'),
    )
    public: Address | None = field(
        default=None,
        metadata=setting(
            'Under which strangers reach it: what exchange.toml tells; "" for the same.'
        ),
    )
    certificate: Path | None = field(
        default=None,
        metadata=setting('Its chain, leaf first, PEM; "" for that of [tls].'),
    )
    key: Path | None = field(
        default=None, metadata=setting('Its key, PEM, mode 0600; "" for that of [tls].')
    )
    connections: int = field(
        default=_HTTPS.connections,
        metadata=setting("Most connections at once.", unit="connections", least=1, most=100_000),
    )
    connections_per_address: int = field(
        default=_HTTPS.connections_per_address,
        metadata=setting("The same from one address.", unit="connections", least=1, most=100_000),
    )
    requests_per_second: int = field(
        default=_HTTPS.requests_per_second,
        metadata=setting(
            "Requests that one address may go on asking; twice as many at once.",
            unit="requests a second",
            least=1,
            most=1_000_000,
        ),
    )

    @property
    def limits(self) -> HttpsLimits:
        """What it takes on."""
        return HttpsLimits(
            connections=self.connections,
            connections_per_address=self.connections_per_address,
            requests_per_second=self.requests_per_second,
        )

    def files(self, usual: HttpsFiles) -> HttpsFiles:
        """Say with which certificate it is served.

        Args:
            usual: The gateway's own.

        Returns:
            The files.

        Raises:
            SetupError: Only one of the two is named.
        """
        if self.certificate is None and self.key is None:
            return usual
        if self.certificate is None or self.key is None:
            raise SetupError("log_http.certificate and log_http.key belong together: name both")
        return HttpsFiles(certificate=self.certificate, key=self.key)
