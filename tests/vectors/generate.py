"""Writes the vector files: `python -m tests.vectors.generate`.

The bytes are put together by hand, from the specifications, and not by the code that the vectors
test. Keys come from a fixed text: they are made up, known to all, and protect nothing.
"""

import json
from collections.abc import Iterator

from tests.vectors import envelopes, identities, inboxes, notes, published, trees
from tests.vectors.files import FOLDER, Vector

MAKERS = {
    "merkle": (trees.roots,),
    "proof": (trees.inclusion, trees.consistency),
    "commitment": (trees.commitments,),
    "note": (notes.signers, notes.texts, notes.forms, notes.verifier_keys),
    "dsse": (envelopes.paes, envelopes.public_keys, envelopes.envelopes),
    "spiffe": (identities.uris, identities.certificates),
    "tile": (published.names,),
    "tlog-proof": (published.proofs,),
    "inbox": (inboxes.spans, inboxes.comparisons),
    "evidence": (published.evidence,),
}


def files() -> Iterator[tuple[str, str]]:
    """Give the path of every file, below this folder, and its content."""
    for topic, makers in MAKERS.items():
        for maker in makers:
            for vector in maker():
                yield f"{topic}/{vector['name']}.json", encode(vector)


def encode(vector: Vector) -> str:
    """Give a file's content."""
    return json.dumps(vector, indent=2) + "\n"


def main() -> None:
    """Write every file, and remove those that are no vector any more."""
    for topic in MAKERS:
        for path in FOLDER.glob(f"{topic}/*.json"):
            path.unlink()
    for name, content in files():
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, "utf-8")


if __name__ == "__main__":
    main()
