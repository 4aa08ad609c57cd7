"""A fresh world for each test."""

from collections.abc import Iterator

import pytest

from tests.world.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made
