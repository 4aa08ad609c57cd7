"""Ways to damage what a stopped gateway keeps, each as small as it can be."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

Damaging = Callable[[Path], None]


def stream_folder(state: Path, stream: str = "LEDGER") -> Path:
    """Find what JetStream keeps of a stream."""
    (found,) = (state / "jetstream").glob(f"**/streams/{stream}")
    return found


def last_file(state: Path, stream: str = "LEDGER") -> Path:
    """Find the newest file of messages."""
    files = (stream_folder(state, stream) / "msgs").glob("*.blk")
    return max(files, key=lambda path: int(path.stem))


def flip(path: Path, at: int) -> None:
    """Flip one bit; a negative place counts from the end."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def forget_index(state: Path, stream: str = "LEDGER") -> None:
    """Remove what JetStream would find its messages by."""
    (stream_folder(state, stream) / "msgs" / "index.db").unlink()


def message_place(path: Path, number: int) -> int:
    """Find a byte in the middle of the message with a number, from 1, within a file."""
    content = path.read_bytes()
    at = 0
    for _ in range(number):
        at = content.index(b"Nats-Msg-Id", at + 1)
    return at + 200


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a store to damage it, and have the damage in the file itself."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sql(statement: str, *values: Any, file: str = "ledger.db") -> Damaging:
    """Change a row behind the gateway's back."""

    def damage(state: Path) -> None:
        with database(state / file) as connection:
            assert connection.execute(statement, values).rowcount > 0

    return damage


def flip_stored(column: str, table: str, where: str, file: str = "ledger.db") -> Damaging:
    """Flip a bit in a value of a row."""

    def damage(state: Path) -> None:
        with database(state / file) as connection:
            found = connection.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()  # noqa: S608 - ours
            value = bytearray(found[0])
            value[len(value) // 2] ^= 0x10
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (bytes(value),))  # noqa: S608 - ours

    return damage


def flip_in_stream(number: int, *, indexed: bool = True, stream: str = "LEDGER") -> Damaging:
    """Flip a bit in a message of the newest file; from its end where the number is negative."""

    def damage(state: Path) -> None:
        path = last_file(state, stream)
        count = path.read_bytes().count(b"Nats-Msg-Id")
        flip(path, message_place(path, number if number > 0 else count + 1 + number))
        if not indexed:
            forget_index(state, stream)

    return damage


def cut_stream(to: float, *, indexed: bool = True, stream: str = "LEDGER") -> Damaging:
    """Cut the newest file of messages to a part of its length."""

    def damage(state: Path) -> None:
        path = last_file(state, stream)
        with path.open("r+b") as file:
            file.truncate(int(path.stat().st_size * to))
        if not indexed:
            forget_index(state, stream)

    return damage


def in_stream(name: str, act: Callable[[Path], object], *, stream: str = "LEDGER") -> Damaging:
    """Do something to a file of the stream's folder."""

    def damage(state: Path) -> None:
        act(stream_folder(state, stream) / name)

    return damage


def in_folder(name: str, act: Callable[[Path], object]) -> Damaging:
    """Do something to a file of the state folder."""

    def damage(state: Path) -> None:
        act(state / name)

    return damage


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def several(*damages: Damaging) -> Damaging:
    """Do one after the other."""

    def damage(state: Path) -> None:
        for each in damages:
            each(state)

    return damage


def back(copy: Path, *names: str) -> Damaging:
    """Put parts of an older copy in place of what is there."""

    def damage(state: Path) -> None:
        for name in names:
            for found in state.glob(f"{name}*"):
                remove(found)
            for older in copy.glob(f"{name}*"):
                if older.is_dir():
                    shutil.copytree(older, state / older.name)
                else:
                    shutil.copy2(older, state / older.name)

    return damage


def place(number: int, content: bytes) -> Damaging:
    """Overwrite a place of the ledger's high-water mark."""

    def damage(state: Path) -> None:
        with (state / "keeper" / "high-water").open("r+b") as file:
            file.seek(number * 4096)
            file.write(content)

    return damage
