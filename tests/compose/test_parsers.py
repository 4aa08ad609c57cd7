"""What the gateway reads of its own folder: understood, or refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compose.address import Address
from gateway.compose.config import Config
from gateway.compose.state import Inception, SetupError, StateFolder

NAMES = ("origin", "trust_domain", "genesis_digest", "log_key")

values = st.one_of(st.none(), st.integers(), st.text(), st.lists(st.text(), max_size=2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@given(st.text())
def test_an_address_is_read_or_refused(text: str) -> None:
    try:
        address = Address.parse(text)
    except SetupError:
        return
    assert Address.parse(str(address)) == address


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_a_configuration_that_is_none_is_a_sentence(folder: Path, data: bytes) -> None:
    path = folder / "other.toml"
    path.write_bytes(data)

    with pytest.raises(SetupError):
        Config.read(path)


@given(
    st.one_of(
        st.binary(),
        st.just(b"[" * 100_000),
        st.dictionaries(st.sampled_from([*NAMES, "version", "more"]), values).map(
            lambda table: json.dumps(table).encode()
        ),
        st.fixed_dictionaries(dict.fromkeys(NAMES, values)).map(
            lambda table: json.dumps(table | {"version": 1}).encode()
        ),
    )
)
def test_a_marker_is_read_or_refused(folder: Path, data: bytes) -> None:
    state = StateFolder(root=folder)
    state.inception.write_bytes(data)
    try:
        begun: Any = Inception.read(state)
    except SetupError:
        return
    assert all(isinstance(getattr(begun, name), str) for name in NAMES)
