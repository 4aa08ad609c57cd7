"""Policies of witnesses: gateway and client read the same files and come to the same verdicts."""

from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_client import note, witness_policy
from forewarn_client.errors import Flaw, VerificationError
from forewarn_witness.cosigning import Cosigner
from gateway.core.checkpoint import parse_note
from gateway.core.witness_policy import PolicyError, WitnessPolicy
from tests.witness.logs import PaperLog

NOW = 1_790_000_000
COSIGNERS = [
    Cosigner(name=f"witness.example/w{n}", key=Ed25519PrivateKey.generate()) for n in range(4)
] + [Cosigner(name="witness.example/w4", key=MLDSA44PrivateKey.generate())]
KEYS = [str(each.verifier) for each in COSIGNERS]
LOG = PaperLog()
LOG.grow(3)
TEXT = note.parse_note(LOG.note()).text

THREE = "".join(f"witness w{n} {KEYS[n]} https://w{n}.example/\n" for n in range(3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    text: str
    met_by: tuple[set[int], ...] = ()
    not_by: tuple[set[int], ...] = ()


GOOD = {
    "nobody has to": Case(text="quorum none\n", met_by=(set(),)),
    "one witness": Case(
        text=THREE + "quorum w1\n", met_by=({1}, {0, 1}), not_by=(set(), {0}, {0, 2})
    ),
    "two of three": Case(
        text=THREE + "group g 2 w0 w1 w2\nquorum g\n",
        met_by=({0, 1}, {1, 2}, {0, 1, 2}),
        not_by=(set(), {0}, {2}),
    ),
    "all": Case(
        text=THREE + "group g all w0 w1 w2\nquorum g\n", met_by=({0, 1, 2},), not_by=({0, 1},)
    ),
    "any": Case(text=THREE + "group g any w0 w1\nquorum g\n", met_by=({0},), not_by=({2}, set())),
    "groups of groups": Case(
        text=THREE
        + f"witness w3 {KEYS[3]}\nwitness w4 {KEYS[4]}\n"
        + "group a 2 w0 w1 w2\ngroup b any w3 w4\ngroup both all a b\nquorum both\n",
        met_by=({0, 1, 3}, {1, 2, 4}),
        not_by=({0, 1, 2}, {3, 4, 0}, set()),
    ),
    "comments, tabs, empty lines": Case(
        text=f"# who\n\n \t# else\n\twitness \t w0\t{KEYS[0]} \nquorum w0", met_by=({0},)
    ),
    "a log": Case(text=f"log {LOG.key}\nquorum none\n", met_by=(set(),)),
    "a name that is not ASCII": Case(
        text=f"witness zeugin-\u00fc {KEYS[0]}\nquorum zeugin-\u00fc\n", met_by=({0},)
    ),
}

BAD = {
    "nothing": "",
    "no quorum": THREE,
    "two quorums": THREE + "quorum w0\nquorum w1\n",
    "an unknown quorum": THREE + "quorum w9\n",
    "a quorum of two names": THREE + "quorum w0 w1\n",
    "a quorum before its witness": "quorum w0\n" + THREE,
    "a group before its member": "group g any w0\n" + THREE + "quorum g\n",
    "an empty group": THREE + "group g any\nquorum g\n",
    "a group of none": THREE + "group g 0 w0\nquorum g\n",
    "a group of too many": THREE + "group g 3 w0 w1\nquorum g\n",
    "a group of a fraction": THREE + "group g 1.5 w0 w1\nquorum g\n",
    "a member twice": THREE + "group g 2 w0 w0 w1\nquorum g\n",
    "a member of two groups": THREE + "group g any w0\ngroup h any w0 w1\nquorum h\n",
    "none as a member": THREE + "group g any none w0\nquorum g\n",
    "none as a name": f"witness none {KEYS[0]}\nquorum none\n",
    "a name twice": THREE + f"witness w0 {KEYS[3]}\nquorum w0\n",
    "a key twice": THREE + f"witness w9 {KEYS[0]}\nquorum w0\n",
    "a key that is none": "witness w0 nonsense\nquorum w0\n",
    "a log's key for a witness": f"witness w0 {LOG.key}\nquorum w0\n",
    "a log's key that is none": "log witness\nquorum none\n",
    "a log twice": f"log {LOG.key}\nlog {LOG.key}\nquorum none\n",
    "another word": "witnesses w0\nquorum none\n",
    "a witness without a key": "witness w0\nquorum none\n",
    "too many words": f"witness w0 {KEYS[0]} https://w0.example/ more\nquorum w0\n",
    "a control character": "quorum none\r\n",
    "too long": "#" * (256 << 10) + "\nquorum none\n",
    "too many names": "".join(f"group g{n} any g{n - 1}\n" for n in range(1, 70)),
}


def signed(cosigners: set[int]) -> bytes:
    return LOG.note() + b"".join(COSIGNERS[n].cosign(TEXT, NOW) for n in sorted(cosigners))


def gateway_says(text: str, cosigners: set[int]) -> bool:
    policy = WitnessPolicy.parse(text.encode())
    return policy.stands_behind(parse_note(signed(cosigners)))


def client_says(text: str, cosigners: set[int]) -> bool:
    return witness_policy.WitnessPolicy.parse(text.encode()).standing(signed(cosigners)).met


@pytest.mark.parametrize("name", GOOD)
def test_a_quorum_is_met_or_not(name: str) -> None:
    case = GOOD[name]
    for says in (gateway_says, client_says):
        for cosigners in case.met_by:
            assert says(case.text, cosigners), cosigners
        for cosigners in case.not_by:
            assert not says(case.text, cosigners), cosigners


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_policy_is_refused(name: str) -> None:
    with pytest.raises(PolicyError):
        WitnessPolicy.parse(BAD[name].encode())
    with pytest.raises(VerificationError) as caught:
        witness_policy.WitnessPolicy.parse(BAD[name].encode())
    assert caught.value.reason is Flaw.POLICY_MALFORMED


WORDS = st.sampled_from(
    [
        "witness",
        "group",
        "quorum",
        "log",
        "none",
        "any",
        "all",
        "1",
        "2",
        "w0",
        "w1",
        "g",
        *KEYS[:2],
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    lines=st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=8),
    cosigners=st.sets(st.integers(0, 2)),
)
def test_both_come_to_the_same_verdict(lines: list[str], cosigners: set[int]) -> None:
    text = THREE + "\n".join(lines) + "\nquorum w2\n"
    verdicts: list[bool | None] = []
    for says, error in ((gateway_says, PolicyError), (client_says, VerificationError)):
        try:
            verdicts.append(says(text, cosigners))
        except error:
            verdicts.append(None)
    assert verdicts[0] == verdicts[1]


def test_a_forged_line_in_a_witness_name_is_refused_by_the_client() -> None:
    policy = witness_policy.WitnessPolicy.parse((THREE + "quorum w1\n").encode())
    line = COSIGNERS[0].cosign(TEXT, NOW)
    other = PaperLog(signer=LOG.signer)
    other.grow(4)
    with pytest.raises(VerificationError) as caught:
        policy.standing(other.note() + line)
    assert caught.value.reason is Flaw.COSIGNATURE_INVALID


def test_a_standing_says_who_is_missing() -> None:
    policy = witness_policy.WitnessPolicy.parse(GOOD["two of three"].text.encode())
    assert (
        str(policy.standing(signed({0})))
        == "1 of 3 witnesses, pending: the quorum is not there yet"
    )
    assert str(policy.standing(signed({0, 2}))) == "2 of 3 witnesses"
