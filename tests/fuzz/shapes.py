"""What fuzzing is made of: any message of a type, and valid bytes spoiled in some places."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

_F: Final = FieldDescriptor
_DEEPEST: Final = 4


def _whole(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.sampled_from([0, 1, most, least]) | st.integers(least, most) | st.integers(0, 64)


_SCALARS: Final[dict[int, st.SearchStrategy[Any]]] = {
    _F.TYPE_BOOL: st.booleans(),
    _F.TYPE_BYTES: st.binary(max_size=40) | st.sampled_from([bytes(32), b""]),
    _F.TYPE_STRING: st.text(max_size=40) | st.sampled_from(["aurora", "release", "\0", "h-"]),
    _F.TYPE_INT32: _whole(32, signed=True),
    _F.TYPE_INT64: _whole(64, signed=True),
    _F.TYPE_UINT32: _whole(32, signed=False),
    _F.TYPE_UINT64: _whole(64, signed=False),
    _F.TYPE_DOUBLE: st.floats(),
    _F.TYPE_ENUM: st.integers(-1, 120) | st.just(2**31 - 1),
}


@st.composite
def messages(draw: st.DrawFn, kind: type[Message], depth: int = 0) -> Message:
    """Make a message of a type: well-formed, and valid only by chance."""
    made = kind()
    for field in kind.DESCRIPTOR.fields:
        if not draw(st.booleans()):
            continue
        count = draw(st.integers(1, 3)) if field.is_repeated else 1
        for _ in range(count):
            if field.message_type is None:
                value = draw(_SCALARS[field.type])
                if field.is_repeated:
                    getattr(made, field.name).append(value)
                else:
                    setattr(made, field.name, value)
            elif depth < _DEEPEST:
                inner_type: Any = field.message_type
                inner = draw(messages(GetMessageClass(inner_type), depth + 1))
                if field.is_repeated:
                    getattr(made, field.name).append(inner)
                else:
                    getattr(made, field.name).CopyFrom(inner)
    return made


@st.composite
def spoiled(draw: st.DrawFn, data: bytes) -> bytes:
    """Change valid bytes in a few places: flipped, cut out, put in, said twice."""
    made = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(made) - 1)))
        length = draw(st.integers(1, 8))
        way = draw(st.sampled_from(["flip", "cut", "put", "again", "end"]))
        if way == "flip" and made:
            made[at] ^= 1 << draw(st.integers(0, 7))
        elif way == "cut":
            del made[at : at + length]
        elif way == "put":
            made[at:at] = draw(st.binary(min_size=1, max_size=length))
        elif way == "again":
            made[at:at] = made[at : at + length]
        elif way == "end":
            del made[at:]
    return bytes(made)
