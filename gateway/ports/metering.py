"""Port of metering: what is counted while the gateway works.

* Whatever is said here is one of a closed set, a number, or a duration: never a member, a digest, a
  handle, or anything that came from outside. Who reads metrics learns how much, not who or what.
* To count costs next to nothing, waits for nothing, and never fails.
"""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Counts."""

    def called(self, *, rpc: str, outcome: str, seconds: float) -> None:
        """Count a call that has ended.

        Args:
            rpc: Its method, one of those that the policy lists.
            outcome: OK, CANCELLED, or the reason with which it was refused.
            seconds: From its arrival to its end.
        """

    def opened(self, rpc: str) -> None:
        """Count a stream that has begun; `closed` follows."""

    def closed(self, rpc: str) -> None:
        """Count a stream that has ended."""

    def submitted(self, outcome: str) -> None:
        """Count a statement that was handed in: ACCEPTED, or the reason against it."""

    def appended(self, *, size: int, seconds: float) -> None:
        """Count a block that the stream has on disk.

        Args:
            size: Its size, in bytes.
            seconds: How long the stream took.
        """

    def delivered(self, seconds: float) -> None:
        """Count a page that is handed to an open stream.

        Args:
            seconds: Since word came that there is something to read.
        """

    def released(self, outcome: str) -> None:
        """Count an answer that holds content above TLP:GREEN: RECORDED, or why it stays."""
