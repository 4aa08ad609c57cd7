"""The keys that a judgement reads and writes, by which the fold tells what is stale.

* Every statement reads the standing of its sender, so a suspension beats whatever was judged
  before it.
* Every statement between members reads who the members are, so that nobody is addressed who was
  suspended, or left a group, before the recording. Only the registrar writes that key.
* Directory statements read and write one key, so each is judged against the whole directory. Those
  by which nothing else is judged do not: any number of them holds up nobody.
* The fold compares these texts and knows nothing of what they mean.
"""

from __future__ import annotations

from typing import Final

from gateway.core.statements import Header

DIRECTORY: Final = "directory"
MEMBERS: Final = "members"


def statement(header: Header) -> str:
    """Name the key of a statement's id, which is unique with its sender."""
    return f"statement/{header.sender}/{header.statement_id}"


def member(name: str) -> str:
    """Name the key of what the directory says of a member."""
    return f"member/{name}"


def case(digest: bytes) -> str:
    """Name the key of a case."""
    return f"case/{digest.hex()}"
