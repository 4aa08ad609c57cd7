"""Become another program whose system calls are told to whoever holds the other end of a socket.

    watched.py <socket> <numbers, as 74,75> <masks, as 257:2:1052672> <program> <argument>...

* A seccomp filter is put before the program and everything that it starts, for good: each call with
  one of the numbers, or with one of the bits in one of its arguments, waits until it was answered
  (seccomp_unotify(2)). Where the answers come from goes through the socket, once.
* It needs no right that an ordinary user has not.

Linux on x86-64 alone: numbers of calls differ elsewhere. It imports nothing but the standard
library; run it with `-I -S`. It answers nothing: `tests.faults.calls` does.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from typing import Final, NoReturn

_ARCH_X86_64: Final = 0xC000003E
_SECCOMP: Final = 317
_SET_MODE_FILTER: Final = 1
# Once an answer is on its way, no other signal than a deadly one makes the call begin anew: Go
# interrupts its threads all the time.
_NEW_LISTENER: Final = 1 << 3
_WAIT_KILLABLE: Final = 1 << 5
_NO_NEW_PRIVS: Final = 38
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_BITS: Final = 0x45
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_TELL: Final = 0x7FC00000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def program(numbers: list[int], masks: list[tuple[int, int, int]]) -> list[tuple[int, ...]]:
    """Write the filter: which calls are told of.

    Args:
        numbers: Those that always are.
        masks: Those that are if an argument has one of some bits: number, argument, bits.
    """
    lines: list[tuple[int, ...]] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _ARCH_X86_64),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, 0),
    ]
    for number in numbers:
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _TELL)]
    for number, argument, bits in masks:
        lines += [
            (_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, 16 + 8 * argument),
            (_BITS, 0, 1, bits),
            (_RETURN, 0, 0, _TELL),
            (_RETURN, 0, 0, _ALLOW),
        ]
    return [*lines, (_RETURN, 0, 0, _ALLOW)]


def listen(lines: list[tuple[int, ...]]) -> int:
    """Put the filter before this process; give the descriptor that answers come from.

    Raises:
        OSError: The kernel has no such filters, or refuses this one.
    """
    code = b"".join(struct.pack("HBBI", *line) for line in lines)
    held = ctypes.create_string_buffer(code, len(code))
    given = _Program(len(lines), ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        flags = _NEW_LISTENER | _WAIT_KILLABLE
        found = int(libc.syscall(_SECCOMP, _SET_MODE_FILTER, flags, ctypes.byref(given)))
        if found >= 0:
            return found
    code_of_error = ctypes.get_errno()
    raise OSError(code_of_error, os.strerror(code_of_error))


def become(end: int, numbers: str, masks: str, words: list[str]) -> NoReturn:
    """Filter, hand over the listener, and become the program."""
    asked = [
        (int(number), int(argument), int(bits))
        for number, argument, bits in (each.split(":") for each in masks.split(",") if each)
    ]
    lines = program([int(each) for each in numbers.split(",") if each], asked)
    with socket.socket(fileno=end) as told:
        listener = listen(lines)
        socket.send_fds(told, [b"x"], [listener])
        os.close(listener)
    os.execv(words[0], words)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
