"""Reading the vector files; both implementations' tests take them from here."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

Vector = dict[str, Any]


def load(topic: str, recipe: str) -> list[Vector]:
    """Give the vectors of a topic that are meant for one recipe, by name.

    Args:
        topic: Folder of the vectors, as in `note`.
        recipe: What is to be run, as in `checkpoint`.

    Returns:
        At least one vector, as `tests/vectors/README.md` describes them.

    Raises:
        LookupError: There is none, so that a test over them would check nothing.
    """
    every = [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob(f"{topic}/*.json"))]
    chosen = [vector for vector in every if vector["recipe"] == recipe]
    if not chosen:
        raise LookupError(f"no vectors for {topic}/{recipe}")
    return chosen


def name_of(vector: Vector) -> str:
    """Name a vector in a test's id."""
    return str(vector["name"])
