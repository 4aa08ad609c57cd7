"""`gateway.toml`: every key is described, what is written reads back, and nothing is guessed."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, asdict, dataclass, field, fields
from enum import StrEnum, unique
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compose.address import Address
from gateway.compose.config import VERSION, Config, Listen, Tls
from gateway.compose.limits import Limits
from gateway.compose.settings import Setting, read_tables, render_tables, setting, tables_of
from gateway.compose.state import SetupError
from gateway.edge.server import EdgeLimits
from gateway.ledger.recorder import RecorderLimits

HERE = Path("/etc/exchange")
MINIMAL = """
[listen]
address = "127.0.0.1:8443"
public = "gateway.exchange.example:8443"
[tls]
certificate = "gateway.pem"
key = "/keys/gateway.key"
client_ca = "ca.pem"
server_ca = "ca.pem"
"""


@unique
class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """A table with a key of every type."""

    colour: Colour = field(default=Colour.RED, metadata=setting("The colour."))
    coats: int = field(default=2, metadata=setting("Coats.", unit="coats", least=1, most=9))
    hours: float = field(default=1.5, metadata=setting("Drying.", unit="hours", least=0.5, most=48))
    shiny: bool = field(default=False, metadata=setting("Whether it shines."))
    maker: str = field(default="", metadata=setting("Who made it."))
    shop: Address | None = field(default=None, metadata=setting("Where to buy it."))
    label: Path | None = field(default=None, metadata=setting("What it says on the tin."))
    rooms: tuple[str, ...] = field(default=(), metadata=setting("Where it goes."))
    name: str = field(metadata=setting("Its name."))


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    paint: Paint = field(metadata=setting("How a house is painted.\nOnce every ten years."))


def of(made: type[Any]) -> list[Setting]:
    return [each for table in tables_of(made) for each in table.settings]


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
addresses = st.builds(
    Address,
    host=st.from_regex(r"\[[0-9a-f:]{2,9}\]|[a-z0-9.-]{1,20}", fullmatch=True),
    port=st.integers(0, 65535),
)


# Where a table asks more of a value than its type and range.
NARROWER: dict[str, st.SearchStrategy[Any]] = {
    "metrics.address": st.sampled_from(
        [Address(host=host, port=9464) for host in ("127.0.0.1", "127.9.9.9", "[::1]", "localhost")]
    ),
    "log.parts": st.lists(st.sampled_from(["gateway.edge=debug", "nats=info"])).map(tuple),
    "nats.replicas": st.sampled_from([1, 3, 5]),
    "node.name": st.from_regex(r"[A-Za-z0-9 _.-]{0,64}", fullmatch=True),
}


def values(each: Setting) -> st.SearchStrategy[Any]:
    """Give every value that a key may have."""
    found: st.SearchStrategy[Any]
    if each.name in NARROWER:
        found = NARROWER[each.name]
    elif each.kind is bool:
        found = st.booleans()
    elif each.kind is int:
        found = st.integers(int(each.least or 0), int(each.most or 0))
    elif each.kind is float:
        found = st.floats(each.least, each.most)
    elif each.kind is Path:
        found = words.map(lambda name: Path("/etc") / f"x{name}")
    elif each.kind is Address:
        found = addresses
    elif each.kind is str:
        found = words if each.default is MISSING else st.one_of(st.just(each.default), words)
    elif each.kind == tuple[str, ...]:
        found = st.lists(words, max_size=3).map(tuple)
    else:
        found = st.sampled_from(list(each.kind))
    return st.one_of(st.none(), found) if each.optional else found


def made_of(table: type[Any], keys: dict[str, Any]) -> Any:
    """Make a table; None where its keys do not go together."""
    try:
        return table(**keys)
    except ValueError:
        return None


def filled(made: type[Any]) -> st.SearchStrategy[Any]:
    tables = {
        table.name: st.fixed_dictionaries({each.key: values(each) for each in table.settings})
        .map(partial(made_of, table.made))
        .filter(lambda found: found is not None)
        for table in tables_of(made)
    }
    return st.builds(made, **tables)


@given(filled(Config))
def test_what_is_written_is_read(config: Config) -> None:
    said = tomllib.loads(config.render())

    assert Config.of(said, HERE / "gateway.toml") == config
    # Every key is written, none twice.
    assert [
        f"{table}.{key}" for table, keys in said.items() if table != "version" for key in keys
    ] == [each.name for each in of(Config)]
    assert said["version"] == VERSION


@given(filled(House))
def test_every_type_is_written_and_read(house: House) -> None:
    assert read_tables(House, tomllib.loads(render_tables(house)), HERE) == house


def test_every_key_is_described_with_unit_and_bounds() -> None:
    for each in of(Config):
        assert each.comment.endswith("."), each.name
        if each.kind in {int, float}:
            assert each.unit, each.name
            assert each.least is not None, each.name
            assert each.most is not None, each.name
            assert each.default is not MISSING, each.name
            assert each.least <= each.default <= each.most, each.name


def test_what_is_left_out_has_its_default_and_paths_lead_from_the_folder() -> None:
    read = Config.of(tomllib.loads(MINIMAL), HERE / "gateway.toml")

    assert read == Config(
        listen=Listen(
            address=Address(host="127.0.0.1", port=8443),
            public=Address(host="gateway.exchange.example", port=8443),
        ),
        tls=Tls(
            certificate=HERE / "gateway.pem",
            key=Path("/keys/gateway.key"),
            client_ca=HERE / "ca.pem",
            server_ca=HERE / "ca.pem",
        ),
        limits=Limits(),
    )


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("[limits]\ncals = 5", "cals is not known in [limits]; did you mean calls?"),
        ("[limit]\ncalls = 5", "limit is not known in the file; did you mean [limits]?"),
        (
            "[zebra]",
            "zebra is not known in the file; known are [listen], [tls], [node], [nats], [limits]",
        ),
        ("[limits]\ncalls = 0", "calls is 0: give a whole number of calls from 1 to 1,000,000"),
        ("[limits]\nconnection_hours = 169", "a whole number of hours from 1 to 168"),
        ("[limits]\ncalls = 5.5", "limits.calls is 5.5: give a whole number"),
        ("[limits]\ncalls = true", "limits.calls is true: give a whole number"),
        ('[limits]\ncalls = "many"', 'limits.calls is "many": give a whole number'),
        ("[limits]\ncalls = [1]", "limits.calls is a list: give a whole number"),
        ("[limits]\ncalls = nan", "limits.calls is nan: give a whole number"),
    ],
)
def test_what_is_not_understood_is_named(more: str, sentence: str) -> None:
    with pytest.raises(SetupError) as refused:
        Config.of(tomllib.loads(MINIMAL + more), HERE / "gateway.toml")

    assert sentence in str(refused.value)
    assert str(refused.value).startswith("/etc/exchange/gateway.toml: ")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({}, "paint.name is missing: give a text in quotes"),
        ({"name": ""}, 'paint.name is "": give a text in quotes'),
        ({"name": "a\0b"}, "give a text in quotes"),
        ({"name": 5}, "paint.name is 5: give a text in quotes"),
        ({"name": "x", "colour": "blue"}, 'paint.colour is "blue": give one of "red", "green"'),
        ({"name": "x", "hours": 0.4}, "a number of hours from 0.5 to 48"),
        ({"name": "x", "hours": float("nan")}, "paint.hours is nan"),
        ({"name": "x", "hours": float("inf")}, "paint.hours is inf"),
        ({"name": "x", "hours": 10**400}, "paint.hours is 1000"),
        ({"name": "x", "shiny": 1}, "paint.shiny is 1: give true or false"),
        ({"name": "x", "shop": "nowhere"}, 'as in "127.0.0.1:8443", or "" for none'),
        ({"name": "x", "label": 5}, 'paint.label is 5: give a path in quotes, or "" for none'),
        ({"name": "x", "rooms": "hall"}, 'paint.rooms is "hall": give a list of texts in quotes'),
        ({"name": "x", "rooms": [""]}, "paint.rooms is a list: give a list of texts in quotes"),
    ],
)
def test_every_type_is_checked(table: dict[str, object], sentence: str) -> None:
    with pytest.raises(SetupError) as refused:
        read_tables(House, {"paint": table}, HERE)

    assert sentence in str(refused.value)


def test_what_is_written_says_what_each_key_is_for() -> None:
    text = render_tables(House(paint=Paint(name="Dawn")))

    assert text.startswith("# How a house is painted.\n# Once every ten years.\n[paint]\n")
    assert "# Drying.\n# In hours, from 0.5 to 48; by default 1.5.\nhours = 1.5\n" in text
    assert '# The colour.\n# One of "red", "green".\ncolour = "red"\n' in text
    assert '# "" for none.\nshop = ""\n' in text


@pytest.mark.parametrize("host", ["[::]", "10.0.0.1", "gateway.exchange.example"])
def test_metrics_are_for_this_machine_only(host: str) -> None:
    with pytest.raises(SetupError, match="metrics have no authentication"):
        Config.of(
            tomllib.loads(f'{MINIMAL}[metrics]\naddress = "{host}:9464"'), HERE / "gateway.toml"
        )


@pytest.mark.parametrize("version", ["version = 1", ""])
def test_a_file_of_this_version_or_none_is_read(version: str) -> None:
    assert Config.of(tomllib.loads(version + MINIMAL), HERE / "gateway.toml").limits == Limits()


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("2", "written for a newer gateway (version 2; this one reads up to 1)"),
        ("0", "version is not known"),
        ('"1"', "version is not known"),
    ],
)
def test_a_file_of_another_version_is_refused(version: str, sentence: str) -> None:
    with pytest.raises(SetupError) as refused:
        Config.of(tomllib.loads(f"version = {version}{MINIMAL}"), HERE / "gateway.toml")

    assert sentence in str(refused.value)


# Limits of the parts that are not for whoever runs a gateway, and why.
FIXED = {
    "block_bytes": "the format's own bound: readers refuse larger blocks",
    "blocks": "how recorder and fold share the work",
    "look_seconds": "how soon a lost announcement is noticed",
    "late_seconds": "how long JetStream may take to store what it did not acknowledge",
}


def test_what_bounds_a_part_is_a_setting_or_fixed_for_a_reason() -> None:
    """A limit that is added to a part is decided about: a setting, or fixed."""
    bounds = {each.name for part in (EdgeLimits, RecorderLimits) for each in fields(part)}

    assert bounds - FIXED.keys() <= {each.name for each in fields(Limits)}
    assert not FIXED.keys() - bounds


def test_every_limit_reaches_its_part() -> None:
    """Each value that is not the default is found in what the parts are given, or read by name."""
    changed = {
        each.key: each.least if each.default == each.most else each.most
        for each in of(Config)
        if each.table == "limits"
    }
    limits = Limits(**changed)  # type: ignore[arg-type] # each of its own type
    given = {**asdict(limits.recorder), **asdict(limits.edge)}

    assert {key: given[key] for key in changed.keys() & given.keys()} == {
        key: changed[key] for key in changed.keys() & given.keys()
    }
    assert limits.audit_recorder.answer_seconds == changed["audit_answer_seconds"]
