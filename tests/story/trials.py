"""The end of the story: attacks, a gateway killed and started again, receipts without a gateway."""

import json
import secrets
import signal
from pathlib import Path

from certs.authority import Authority
from certs.files import write_pair
from certs.flaws import Flaw, flawed
from gateway.core.proof import ProofError, verify_consistency
from tests.story import cast
from tests.story.claims import Story
from tests.story.exchange import Member, is_free
from tests.story.processes import Object
from tests.story.stage import Stage


def attacks(stage: Stage) -> None:
    """Calls that no honest client makes, each refused with its reason."""
    stage.story.chapter("Attacks, on the real wire")
    forgeries(stage)
    strangers(stage)
    curiosity(stage)


def forgeries(stage: Stage) -> None:
    """Somebody else's signature, a changed byte, a replay."""
    story, lab, rival = stage.story, stage[cast.AURORA], stage[cast.BOREALIS]
    document = stage.document("breach.toml", cast.AURORA, name="attacked.toml")
    draft = lab.home / "attacked.statement"
    lab.did("breach", "report", document, "--draft", draft)
    before = size(lab)
    # What crosses between the two are files, as stolen bytes would.
    signed = lab.home / "attacked.envelope"
    lab.attack("sign", draft, signed).require()
    forged, disguised = lab.home / "forged.envelope", lab.home / "disguised.envelope"
    own = lab.did("directory", "show", "aurora")[0]["key_ids"][0]
    rival.attack("sign", draft, forged).require()
    rival.attack("--keyid", own, "sign", draft, disguised).require()
    by_rival, as_own = lab.attack("submit", forged, disguised).require().objects
    refused(story, "Aurora's words, signed by Borealis", by_rival, "KEY_NOT_OF_SENDER")
    refused(story, "the same, passed off under Aurora's key id", as_own, "SIGNATURE_INVALID")
    changed = lab.attack("change", signed).require().object
    refused(story, "one byte changed after signing", changed, "SIGNATURE_INVALID")
    stolen, posing = rival.attack("submit", signed, forged).require().objects
    refused(story, "Aurora's signed statement, handed in by Borealis", stolen, "KEY_NOT_OF_SENDER")
    refused(story, "Borealis speaking as Aurora under its own key", posing, "SENDER_MISMATCH")
    story.same("none of them is in the ledger", size(lab), before)
    first, again = lab.attack("submit", signed, signed).require().objects
    story.claim(
        f"a replay is answered with the same entry, at index {first.get('index')}",
        first == again and first.get("index") == before,
        (first, again),
    )
    story.same("and recorded once", size(lab), before + 1)


def refused(story: Story, attack: str, answer: Object, reason: str) -> None:
    """Claim that an attack was refused for a reason, and show it in the gateway's own words."""
    story.claim(
        f"{attack}: refused, {answer.get('reason')}: {answer.get('text')}",
        answer.get("reason") == reason,
        f"{answer}, not {reason}",
    )


def strangers(stage: Stage) -> None:
    """A caller without a certificate, and one whose certificate names two systems."""
    story, exchange = stage.story, stage.exchange
    folder = exchange.folder / "stranger"
    folder.mkdir(mode=0o700)
    bank = stage[cast.QUAY_BANK]
    # The stranger has a folder of its own, which holds no member's key.
    stranger = Member(role=bank.role, home=folder, processes=exchange.processes)
    where = ("--address", exchange.address, "--ca", exchange.pki / "ca.pem")
    nobody = stranger.attack(*where, "call").require().object
    story.claim(
        "a caller without a certificate: TLS closes the connection, no answer comes"
        f" ({nobody.get('code')})",
        nobody.get("code") == "UNAVAILABLE" and nobody.get("reason") == "",
        nobody,
    )
    chain, key = folder / "two.pem", folder / "two.key"
    authority = Authority.load(exchange.pki)
    write_pair(chain, key, flawed(authority, cast.QUAY_BANK.spiffe_id, Flaw.TWO_NAMES))
    two = stranger.attack(*where, "--chain", chain, "--key", key, "call").require().object
    refused(story, "a certificate with two SPIFFE IDs", two, "SPIFFE_ID_AMBIGUOUS")


def curiosity(stage: Stage) -> None:
    """A bank asks for what is not its own, and for what does not exist."""
    story, bank = stage.story, stage[cast.QUAY_BANK]
    offer = stage.sent["offer"]
    beyond = size(stage[cast.AURORA]) + 1000
    for what, own, nothing in (
        ("entry, by digest", f"digest:{offer['digest']}", f"digest:{secrets.token_hex(32)}"),
        ("entry, by index", f"index:{offer['index']}", f"index:{beyond}"),
        ("case", f"case:{offer['case']}", f"case:{secrets.token_hex(32)}"),
    ):
        answers = bank.attack("fetch", own, nothing).require().objects
        places = [each.pop("on_record", "") for each in answers]
        story.claim(
            f"another's {what}: code, text and details are those of what does not exist"
            f" ({answers[0].get('reason')}); each is on record at a place of its own",
            answers[0] == answers[1]
            and answers[0].get("code") == "NOT_FOUND"
            and "" not in places
            and len({*places}) == len(places),
            (answers, places),
        )


def killed(stage: Stage) -> None:
    """SIGKILL right after an answer; every receipt still holds, the retry has the same index."""
    story, exchange, agency = stage.story, stage.exchange, stage[cast.CIVIL_AI]
    story.chapter("The gateway is killed right after an answer, and started again")
    draft = agency.home / "last.statement"
    blanks = {"sector": "financial-services", "title": "CIVIL-AI-2026-009: last before the end"}
    files = stage.document("advisory.json", cast.CIVIL_AI, number="9", **blanks)
    document = stage.document("alert.toml", cast.CIVIL_AI, advisory=files.name, **blanks)
    agency.did("alert", "send", document, "--draft", draft)
    sending = agency.stream("submit", str(draft), "--yes", log=exchange.logs / "last.log")
    answer = sending.wait(lambda value: "index" in value).value
    status = exchange.stop(signal.SIGKILL)
    story.same("SIGKILL, the moment the receipt is there", status, -signal.SIGKILL)
    exchange.processes.stop(sending.process)
    everyone = (cast.REGISTRAR, *cast.MEMBERS)
    before = {role: stage[role].checkpoint() for role in everyone}
    began = story.seconds
    exchange.serve()
    story.note(f"the gateway serves again after {story.seconds - began:.1f} s")
    retried = agency.did("submit", draft, "--yes")[0]
    same = [(value["index"], value["digest"]) for value in (answer, retried)]
    story.claim(
        f"the same statement again has the same index, {retried['index']}", same[0] == same[1], same
    )
    proven = stage.each(reproven, everyone)
    story.claim(
        f"all {sum(map(len, proven.values()))} receipts returned before hold,"
        " and the log proves each entry anew",
        all(all(entries.values()) for entries in proven.values()) and any(proven.values()),
        proven,
    )
    after = {role: stage[role].checkpoint() for role in everyone}
    story.claim(
        f"from each of the {len(everyone)} checkpoints that members had verified before, the log is"
        " proven to go on",
        all(goes_on(agency, before[role], after[role]) for role in everyone),
        {role.member: (before[role], after[role]) for role in everyone},
    )
    line = stage.streams["harbor-bank"].wait(lambda value: value.get("digest") == answer["digest"])
    indexes = [
        value["index"] for value in stage.streams["harbor-bank"].values() if "index" in value
    ]
    story.claim(
        "the bank's stream came back by itself: no gap, nothing twice",
        line.value["index"] == answer["index"] and indexes == sorted(set(indexes)),
        indexes,
    )


def offline(stage: Stage) -> None:
    """The gateway stops; receipts are verified against what members have pinned."""
    story, exchange = stage.story, stage.exchange
    story.chapter("The gateway stops; receipts speak for themselves")
    for stream in stage.streams.values():
        exchange.processes.stop(stream.process)
    story.same("the gateway ends in good order", exchange.stop(), 0)
    saved = {
        role: list((stage[role].home / "receipts").glob("*.json"))
        for role in (cast.REGISTRAR, *cast.MEMBERS)
    }
    senders = [role for role, files in saved.items() if files]
    verified = stage.each(lambda member: member.did("receipt", "verify"), senders)
    for role, proofs in verified.items():
        story.claim(
            f"{role.member}: {counted(len(saved[role]), 'receipt')} verified offline",
            len(proofs) == len(saved[role]) and all(item["verified"] for item in proofs),
        )
    victim = stage[cast.AURORA]
    spoilt = victim.home / "spoilt.json"
    spoilt.write_bytes(spoiled(max((victim.home / "receipts").glob("*.json"))))
    answer = victim.forewarn("receipt", "verify", spoilt)
    story.claim(
        f"a receipt with one changed byte is found out ({answer.error.get('reason')})",
        answer.status == 5,
        answer.err,
    )
    story.claim("and indeed nothing listens where the gateway was", is_free(exchange.address))


def reproven(member: Member) -> dict[int, bool]:
    """Tell of each receipt of a member whether it holds, and the log proves the entry today.

    Returns:
        Index to whether the gateway now serves that very statement there, with a proof that the
        member's command has verified; the registrar's are read from the verified directory.
    """
    if not any((member.home / "receipts").iterdir()):
        return {}
    receipts = {item["index"]: item["digest"] for item in member.did("receipt", "list")}
    if member.role is cast.REGISTRAR:
        enrolled = {item["enrolled_index"] for item in member.did("directory", "list")}
        return {index: index in enrolled for index in receipts}
    sent = {i["index"]: i["digest"] for i in member.did("inbox", "list", "--box", "sent")}
    return {index: sent.get(index) == digest for index, digest in receipts.items()}


def goes_on(asking: Member, before: tuple[int, bytes], after: tuple[int, bytes]) -> bool:
    """Tell whether the log proves that it goes on from one checkpoint to another."""
    answer = asking.attack("compare", f"{before[0]}:{after[0]}").require().object
    proof = [bytes.fromhex(item) for item in answer["proof"]]
    try:
        verify_consistency(*before, *after, proof)
    except ProofError:
        return False
    return 0 < before[0] <= after[0]


def size(member: Member) -> int:
    """Ask the gateway how long the ledger is: one more than its newest entry."""
    return int(member.attack("size").require().object["size"])


def spoiled(receipt: Path) -> bytes:
    """Change one character of the entry that a receipt holds."""
    document = json.loads(receipt.read_bytes())
    body = document["entry"]["entry_body"]
    middle = len(body) // 2
    swapped = "A" if body[middle] != "A" else "B"
    document["entry"]["entry_body"] = body[:middle] + swapped + body[middle + 1 :]
    return json.dumps(document).encode()


def counted(count: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
