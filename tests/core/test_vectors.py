"""The vector files are what their generator writes, neither more nor less."""

from tests.vectors import generate
from tests.vectors.files import FOLDER


def test_files_are_fresh() -> None:
    written = dict(generate.files())
    kept = {
        path.relative_to(FOLDER).as_posix(): path.read_text("utf-8")
        for topic in generate.MAKERS
        for path in FOLDER.glob(f"{topic}/*.json")
    }
    assert kept == written, "run: python -m tests.vectors.generate"


def test_no_two_vectors_share_a_name() -> None:
    names = [name for name, _ in generate.files()]
    assert len(names) == len(set(names))
