"""The documentation says what the code says: reasons, case tables, kinds, recipes, and links."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.compose.doctor.examination import CHECKS
from gateway.core import commitment, envelope
from gateway.core.errors import Reason
from gateway.core.statements import Kind
from gateway.core.tables import OPENINGS, TABLES, Role, State
from gateway.edge.status import CODES
from gateway.wire import entries, statements

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "gateway" / "docs"
ADRS = ROOT / "gateway" / "adr"
CASES = ROOT / ".make" / "cases.py"
VECTORS = ROOT / "tests" / "vectors"

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def pages() -> list[Path]:
    """List every Markdown file that git would keep."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [ROOT / name for name in listed.stdout.splitlines()]
    # An unpacked sdist is no git checkout: there, only the folders that hold pages are looked at.
    return [page for page in found if page.is_file()] or sorted((ROOT / "gateway").rglob("*.md"))


def rows(page: Path) -> Iterator[list[str]]:
    """Give the cells of every table row of a page, heads and rulers included."""
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, formed as code hosts form them."""
    text = FENCE.sub("", page.read_text("utf-8"))
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in kept}


def broken(page: Path, text: str) -> list[str]:
    """Name the relative links of a page that lead nowhere."""
    wrong = []
    for target in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            wrong.append(target)
    return wrong


def test_the_refusals_are_exactly_the_reasons() -> None:
    listed = [row[0].strip("`") for row in rows(DOCS / "refusals.md") if row[0].startswith("`")]

    assert sorted(listed) == sorted(Reason)


def test_every_refusal_has_the_status_that_it_is_answered_with() -> None:
    said = {
        row[0].strip("`"): row[1] for row in rows(DOCS / "refusals.md") if row[0].startswith("`")
    }

    assert said == {reason.value: code.name for reason, code in CODES.items()}


def test_every_refusal_says_what_it_means_and_what_to_do() -> None:
    short = [
        row[0]
        for row in rows(DOCS / "refusals.md")
        if row[0].startswith("`") and not all(cell.endswith(".") for cell in row[2:4])
    ]

    assert short == []


def test_the_page_of_cases_is_what_the_tables_give() -> None:
    check = subprocess.run(
        [sys.executable, str(CASES), "--check"], capture_output=True, text=True, check=False
    )

    assert check.returncode == 0, check.stdout + check.stderr


def test_a_changed_table_changes_the_page() -> None:
    spec = importlib.util.spec_from_file_location("cases", CASES)
    assert spec
    assert spec.loader
    cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cases)

    for table in TABLES.values():
        for row in table:
            assert f"| {' | '.join(cases.follows(row))} |" in cases.page()
    for kind, opening in OPENINGS.items():
        assert f"| {' | '.join(cases.opened(kind, opening))} |" in cases.page()


def test_the_vocabulary_lists_every_kind_with_its_number() -> None:
    listed = [
        (row[0].strip("`"), row[1])
        for row in rows(DOCS / "vocabulary.md")
        if len(row) > 1 and row[1].isdigit()
    ]
    kinds = [("".join(w.capitalize() for w in kind.name.split("_")), str(kind)) for kind in Kind]

    assert sorted(listed) == sorted((name, str(int(number))) for name, number in kinds)


@pytest.mark.parametrize("words", [State, Role], ids=["states", "roles"])
def test_the_vocabulary_explains_every(words: type[State] | type[Role]) -> None:
    explained = {row[0].strip("`") for row in rows(DOCS / "vocabulary.md")}

    assert {word.value for word in words} - explained == set()


def test_decisions_are_numbered_and_listed() -> None:
    names = sorted(page.name for page in ADRS.glob("*.md"))
    listed = LINK.findall((DOCS / "README.md").read_text("utf-8"))

    assert [name[:4] for name in names] == [f"{n:04}" for n in range(1, len(names) + 1)]
    assert [target for target in listed if "/adr/" in target] == [f"../adr/{n}" for n in names]


@pytest.mark.parametrize("name", sorted(page.name for page in ADRS.glob("*.md")))
def test_a_decision_says_context_decision_and_cost(name: str) -> None:
    text = (ADRS / name).read_text("utf-8")

    assert text.startswith(f"# {int(name[:4])}. ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "What it costs"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    assert broken(page, page.read_text("utf-8")) == []


def test_a_broken_link_is_noticed() -> None:
    text = "[a](nowhere.md) [b](README.md#no-such-heading) [c](https://example.com/x)"

    assert broken(DOCS / "README.md", text) == ["nowhere.md", "README.md#no-such-heading"]


@pytest.fixture(scope="module")
def recipes() -> dict[str, Any]:
    """Run the code of the page for those who write their own client."""
    page = DOCS / "calling-without-the-sdk.md"
    code = compile("\n".join(PYTHON.findall(page.read_text("utf-8"))), page.name, "exec")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the project's own page
    return names


def test_what_the_page_signs_is_a_statement_that_the_gateway_takes(recipes: dict[str, Any]) -> None:
    parsed = entries.parse_envelope(recipes["envelope"])
    key = recipes["key"].public_key()
    spki = key.public_bytes(recipes["Encoding"].DER, recipes["PublicFormat"].SubjectPublicKeyInfo)
    public = envelope.public_key(spki)

    assert envelope.verify(parsed, {public.keyid: public}) == (public.keyid,)
    assert statements.parse(parsed.payload).header.kind is Kind.ALERT
    assert recipes["digest"](parsed.payload) == envelope.digest(parsed.payload)


def test_the_leaf_of_the_page_is_the_gateways(recipes: dict[str, Any]) -> None:
    body, salt = b"an entry body", bytes(range(32))

    assert recipes["leaf_hash"](body, salt) == commitment.entry_leaf_hash(body, salt)


def inclusion_vectors() -> list[dict[str, Any]]:
    """Load the vectors of inclusion, but those of lengths that the page leaves to its reader."""
    found = [json.loads(path.read_text("utf-8")) for path in VECTORS.glob("proof/inclusion-*.json")]
    return [vector for vector in found if vector["expect"] not in {"hash-length", "size-invalid"}]


@pytest.mark.parametrize("vector", inclusion_vectors(), ids=lambda vector: vector["name"])
def test_the_proofs_of_the_page_hold_exactly_where_they_should(
    recipes: dict[str, Any], vector: dict[str, Any]
) -> None:
    given = vector["input"]
    proof = [bytes.fromhex(item) for item in given["proof"]]
    leaf, root = bytes.fromhex(given["leaf_hash"]), bytes.fromhex(given["root"])
    try:
        holds = recipes["root_of"](leaf, given["index"], given["size"], proof) == root
    except ValueError:
        holds = False

    assert holds is (vector["expect"] == "ok")


def consistency_vectors() -> list[dict[str, Any]]:
    """Load the vectors of consistency between trees that are not empty."""
    found = [json.loads(path.read_text("utf-8")) for path in VECTORS.glob("proof/consistency-*")]
    return [
        vector
        for vector in found
        if vector["expect"] not in {"hash-length", "size-invalid"}
        and vector["input"]["old_size"] > 0
    ]


@pytest.mark.parametrize("vector", consistency_vectors(), ids=lambda vector: vector["name"])
def test_the_page_tells_exactly_the_logs_that_go_on(
    recipes: dict[str, Any], vector: dict[str, Any]
) -> None:
    given = vector["input"]
    old, new = bytes.fromhex(given["old_root"]), bytes.fromhex(given["new_root"])
    proof = [bytes.fromhex(item) for item in given["proof"]]

    goes_on = recipes["goes_on"](given["old_size"], old, given["new_size"], new, proof)
    assert goes_on is (vector["expect"] == "ok")


def checkpoint_vectors() -> list[dict[str, Any]]:
    """Load the vectors of good checkpoints and of those that the log did not sign."""
    found = [json.loads(path.read_text("utf-8")) for path in VECTORS.glob("note/*.json")]
    return [
        vector
        for vector in found
        if vector["recipe"] == "checkpoint"
        and vector["expect"] in {"ok", "no-known-key", "origin-foreign", "size-malformed"}
        and vector["input"]["verifiers"]
        and "note" in vector["input"]
    ]


@pytest.mark.parametrize("vector", checkpoint_vectors(), ids=lambda vector: vector["name"])
def test_the_checkpoints_of_the_page_hold_exactly_where_they_should(
    recipes: dict[str, Any], vector: dict[str, Any]
) -> None:
    given = vector["input"]
    note = given["note"].encode()
    try:
        size, root = recipes["checkpoint"](note, given["origin"], given["verifiers"][0])
    except ValueError:
        assert vector["expect"] != "ok"
    else:
        assert {"size": size, "root": root.hex()} == vector["output"]


def test_every_finding_of_the_doctor_is_described() -> None:
    described = {
        name for row in rows(DOCS / "watching.md") for name in re.findall(r"`([a-z -]+)`", row[0])
    }
    assert set(CHECKS) <= described
