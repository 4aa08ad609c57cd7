"""How tiles are named: one spelling each; and which of them a tree of a size has."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.core.merkle import MAX_SIZE, TILE_WIDTH
from gateway.core.tiled import MAX_LEVEL, TileName, bundle
from tests.vectors.files import Vector, load, name_of
from tests.world.budget import examples

levels = st.none() | st.integers(0, MAX_LEVEL)
numbers = st.integers(0, 3000) | st.integers(0, MAX_SIZE)
widths = st.integers(1, TILE_WIDTH)
names = st.builds(TileName, level=levels, n=numbers, width=widths)
paths = st.from_regex(r"tile/(entries|[0-9]{1,3})/(x?[0-9]{1,4}/){0,3}[0-9]{2,4}(\.p/[0-9]{1,3})?")


@given(names)
def test_a_name_is_read_as_it_is_written(name: TileName) -> None:
    assert TileName.parse(name.path()) == name


@settings(max_examples=examples(200))
@given(paths | st.text(max_size=40))
@example("tile/0/x001/x234/067.p/17")
def test_what_parses_is_written_the_same_again(path: str) -> None:
    name = TileName.parse(path)
    assert name is None or name.path() == path


@pytest.mark.parametrize("vector", load("tile", "name"), ids=name_of)
def test_the_outcome_is_the_one_in_the_file(vector: Vector) -> None:
    found = TileName.parse(vector["input"]["path"])
    if vector["expect"] == "ok":
        assert found is not None
        assert {"level": found.level, "n": found.n, "width": found.width} == vector["output"]
    else:
        assert found is None, vector["why"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("tile/0/000", TileName(level=0, n=0, width=256)),
        ("tile/63/x001/x234/067", TileName(level=63, n=1234067, width=256)),
        ("tile/entries/273.p/112", TileName(level=None, n=273, width=112)),
        ("tile/2/000.p/1", TileName(level=2, n=0, width=1)),
        (
            "tile/0/x009/x223/x372/x036/x854/x775/807",
            TileName(level=0, n=MAX_SIZE, width=256),
        ),
    ],
)
def test_names_of_the_specification(path: str, name: TileName) -> None:
    assert TileName.parse(path) == name
    assert name.path() == path


@pytest.mark.parametrize(
    "path",
    [
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/entry/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/x01/000",
        "tile/0/X001/000",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/x001/x009/x223/x372/x036/x854/x775/807",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/0/000/",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/٠٠٠",  # noqa: RUF001 - digits, but not of ASCII
        "checkpoint",
        "",
    ],
)
def test_other_spellings_are_no_names(path: str) -> None:
    assert TileName.parse(path) is None


@pytest.mark.parametrize("changed", [{"level": 64}, {"level": -1}, {"n": -1}, {"width": 0}])
def test_what_cannot_be_named_is_refused(changed: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"a (level|tile)"):
        TileName(**{"level": 0, "n": 0, "width": 1, **changed})


@settings(max_examples=examples(60))
@given(st.integers(0, 140_000))
@example(70_000)
@example(256)
@example(65_536)
def test_a_tree_has_the_tiles_that_the_specification_counts(size: int) -> None:
    """For a tree of size s, level l has s // 256**l hashes: full tiles, and a partial one."""
    for level in range(4):
        full, partial = divmod(size // 256**level, 256)
        covered = [
            full == 0 or TileName(level=level, n=full - 1, width=256).is_covered(size),
            partial == 0 or TileName(level=level, n=full, width=partial).is_covered(size),
        ]
        beyond = TileName(level=level, n=full, width=partial + 1)
        assert covered == [True, True]
        assert not beyond.is_covered(size)
    assert TileName(level=None, n=0, width=1).is_covered(size) == (size > 0)


def test_a_bundle_says_each_length_first() -> None:
    assert bundle([b"", b"ab", bytes(256)]) == b"\0\0\0\2ab\1\0" + bytes(256)
    with pytest.raises(OverflowError):
        bundle([bytes(65536)])
