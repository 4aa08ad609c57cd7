"""`exchange.toml`: what members are given to join, and pin.

* It holds nothing secret, and everything that a member has to know before it believes anything:
  compare the genesis digest and the log keys over another channel.
"""

from __future__ import annotations

import json

from cryptography import x509

from gateway.compose.config import Config
from gateway.compose.published import urls
from gateway.compose.state import Inception, SetupError


def join_file(inception: Inception, config: Config) -> str:
    """Write the text of the join file.

    Args:
        inception: What the ledger was begun with.
        config: The configuration.

    Returns:
        The text.

    Raises:
        SetupError: The authorities' certificates cannot be read.
    """
    try:
        authorities = config.tls.server_ca.read_text("ascii")
        x509.load_pem_x509_certificates(authorities.encode())
    except OSError as error:
        raise SetupError(f"{error.filename} cannot be read: {error.strerror}") from None
    except ValueError:
        raise SetupError(f"{config.tls.server_ca} holds no certificates in PEM form") from None
    facts = {
        "origin": inception.origin,
        "trust_domain": inception.trust_domain,
        "genesis_digest": inception.genesis_digest,
        "log_key": inception.log_key,
        "audit_log_key": inception.audit_log_key,
        "address": str(config.listen.public),
        **urls(inception, config),
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in facts.items()]
    return (
        "# What a member pins to join this exchange: forewarn init --exchange exchange.toml\n"
        "# Compare genesis_digest and both log keys over another channel before you believe them.\n"
        + "\n".join(lines)
        + f'\nca = """\n{authorities.strip()}\n"""\n'
    )
