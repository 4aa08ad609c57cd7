"""Writing keys and certificates.

* A key is created with mode 0600 in one step, never over something that is there, never through a
  symbolic link.
* A certificate is public: it is replaced as a whole, so that who reads it meanwhile sees the old
  one or the new one.

It does not read, and it does not say what belongs in a file.
"""

import errno
import os
import tempfile
from pathlib import Path

KEY_MODE = 0o600
PUBLIC_MODE = 0o644


def write_key(path: Path, pem: bytes) -> None:
    """Create a file that only its owner reads.

    Args:
        path: Where; its folder exists.
        pem: The key.

    Raises:
        FileExistsError: Something is there already, also a dangling link.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, KEY_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)


def write_public(path: Path, pem: bytes) -> None:
    """Create or replace a file that anyone may read.

    Args:
        path: Where; its folder exists.
        pem: Certificates; never a key.
    """
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            os.fchmod(file.fileno(), PUBLIC_MODE)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def write_pair(certificate: Path, key: Path, pems: tuple[bytes, bytes]) -> None:
    """Create a certificate and its key, neither over something that is there.

    Args:
        certificate: Where the chain goes.
        key: Where the key goes.
        pems: The chain and the key, as `Authority.leaf` gives them.

    Raises:
        FileExistsError: One of the two is there already; nothing was written.
    """
    if os.path.lexists(certificate):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(certificate))
    write_key(key, pems[1])
    write_public(certificate, pems[0])
