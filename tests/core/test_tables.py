"""The tables as data: whole, without states that nothing reaches or rows that contradict."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.core.identity import MemberKind
from gateway.core.statements import Kind
from gateway.core.tables import OPENINGS, TABLES, VERSIONED, Protocol, Row, State, Then


def test_every_kind_has_its_place() -> None:
    in_cases = {row.kind for rows in TABLES.values() for row in rows}
    directory = {kind for kind in Kind if kind.is_directory}
    assert directory | in_cases | set(OPENINGS) == set(Kind)
    assert not directory & (in_cases | set(OPENINGS))


def test_every_state_is_reached_and_only_requested_belongs_to_two_protocols() -> None:
    found: Counter[State] = Counter()
    for protocol, rows in TABLES.items():
        states = {opening.to for opening in OPENINGS.values() if opening.protocol is protocol}
        reached = set(states)
        while True:
            further = {
                row.to for row in rows if row.states & reached and isinstance(row.to, State)
            } | ({State.CONTAINED} if protocol is Protocol.BREACH else set())
            if further <= reached:
                break
            reached |= further
        asked = {state for row in rows for state in row.states}
        assert asked <= reached
        found.update(reached)
    assert found == dict.fromkeys(State, 1) | {State.REQUESTED: 2}


def test_no_two_rows_speak_of_the_same() -> None:
    for rows in TABLES.values():
        said = [
            (row.kind, report, role, state)
            for row in rows
            for report in row.reports or {None}
            for role in row.by
            for state in row.states
        ]
        assert len(said) == len(set(said))


@pytest.mark.parametrize("protocol", Protocol)
def test_only_what_changes_nothing_may_be_judged_beside_others(protocol: Protocol) -> None:
    def changes_nothing(row: Row) -> bool:
        return row.to is Then.UNCHANGED and row.kind not in VERSIONED[protocol]

    for row in TABLES[protocol]:
        if not row.alone:
            assert changes_nothing(row)
            # A cosignature changes no state, but an activation counts it.
            assert row.kind is not Kind.GRANT_COSIGNATURE


def test_no_opening_goes_to_the_registrar_or_a_witness() -> None:
    for opening in OPENINGS.values():
        assert not (opening.recipients | opening.senders) & {
            MemberKind.REGISTRAR,
            MemberKind.WITNESS,
        }


def test_versions_are_kinds_of_their_protocol() -> None:
    for protocol, kinds in VERSIONED.items():
        known = {row.kind for row in TABLES[protocol]} | {
            kind for kind, opening in OPENINGS.items() if opening.protocol is protocol
        }
        assert kinds <= known
