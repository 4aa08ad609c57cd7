"""The page for whoever looks after the ledger says what the checks can find."""

from __future__ import annotations

from pathlib import Path

from gateway.care.findings import REMARKS, Damage, Gravity

PAGE = Path(__file__).parents[2] / "gateway" / "docs" / "ledger-care.md"


def test_the_page_lists_every_finding_with_its_gravity_and_a_remedy() -> None:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    listed = {row[0].strip("`"): row[1] for row in cells if row[0].strip("`").isupper()}
    gravities = {
        damage.value: Gravity.REMARK if damage in REMARKS else Gravity.DAMAGE for damage in Damage
    }

    assert listed == gravities
    assert list(listed) == list(gravities)
    assert all(cell.endswith(".") for row in cells for cell in row[2:4])
