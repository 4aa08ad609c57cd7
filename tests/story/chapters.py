"""The story up to the revocation: enrolment, notices, a grant, a breach, alerts."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.story import cast, documents
from tests.story.exchange import Member
from tests.story.processes import Object
from tests.story.stage import REFUSED, Stage

_TO_SEND_A_NOTICE = timedelta(seconds=30)
_TO_BE_COMPARED = 60.0
_LATE_REPORTS = 5
_PAGE = 2
# Shorter lines of a key file could stand elsewhere by chance.
_TELLING = 40
_SECTORS = {"financial-services": "CIVIL-AI-2026-007", "healthcare": "CIVIL-AI-2026-008"}
_OWN = {
    cast.HARBOR_BANK: "financial-services",
    cast.QUAY_BANK: "financial-services",
    cast.MERCY_HOSPITAL: "healthcare",
}


def enrolment(stage: Stage) -> None:
    """The registrar enrols seven members; its keys stay away from the gateway."""
    story, exchange = stage.story, stage.exchange
    story.chapter("The registrar enrols two labs, two agencies, two banks and a hospital")
    exchange.build()
    roles = (cast.REGISTRAR, *cast.MEMBERS)
    story.note(f"gateway on {exchange.address}, everything in {exchange.folder}")

    listed = {item["member"]: item for item in stage[cast.QUAY_BANK].did("directory", "list")}
    active = {name for name, item in listed.items() if item["active"]}
    names = {role.member for role in cast.MEMBERS}
    story.claim(
        "a bank reads the verified directory: all seven are active", names <= active, active
    )
    homes = [stage[role].home for role in roles]
    story.claim(
        "no private key of the registrar or of a member is anywhere in the gateway's folder",
        not shared_secrets(homes, exchange.state),
    )
    modes = {stage[role].home.stat().st_mode & 0o777 for role in roles}
    keys = [key for role in roles for key in private_keys(stage[role].home)]
    modes_of_keys = {key.stat().st_mode & 0o777 for key in keys}
    story.claim(
        f"each party has a folder of its own, mode 0700, and its {len(keys)} keys mode 0600",
        modes == {0o700} and modes_of_keys == {0o600},
        (modes, modes_of_keys),
    )
    certificates = {role: certificate(stage[role].home) for role in roles}
    story.claim(
        "each certificate names one system, by one SPIFFE ID",
        all(uris(leaf) == [role.spiffe_id] for role, leaf in certificates.items()),
    )
    signing = {key for item in listed.values() for key in item["key_ids"]}
    story.claim(
        "the keys that sign statements are not those of the certificates",
        signing and not signing & {key_id(leaf) for leaf in certificates.values()},
    )


def notices(stage: Stage) -> None:
    """A lab announces a release to two agencies; neither can tell that there is another."""
    story = stage.story
    story.chapter(f"Aurora announces a model, {documents.DAYS_AHEAD} days ahead, to both agencies")
    wait = documents.before_midnight(datetime.now(UTC), _TO_SEND_A_NOTICE)
    if wait:
        story.note(f"it is nearly midnight, UTC, and days are counted by dates: {wait:.0f} s")
        time.sleep(wait)
    document = stage.document("notice.toml", cast.AURORA, agency="civil-ai")
    addressed = ("--to", "civil-ai", "--to", "natsec-ai", "--separately")
    civil, natsec = stage[cast.AURORA].did("notice", "send", document, *addressed)
    stage.sent |= {"civil-notice": civil, "natsec-notice": natsec}
    story.claim(
        "two statements, two cases, two handles",
        all(civil[key] != natsec[key] for key in ("digest", "case", "handle")),
    )
    says = {item["profile"].partition("@")[0]: item for item in civil["lead_times"]}
    draft, order = says["us-draft-2026-05"], says["us-eo-14409"]
    story.same("us-draft-2026-05 would have 90 days", draft["min_lead_days"], 90)
    ahead = (draft["lead_days"], draft["short_by_days"])
    story.same("it is 62 days ahead, 28 short of that", ahead, (documents.DAYS_AHEAD, 28))
    ordered = (order["min_lead_days"], order["short_by_days"], order["max_access_days"])
    story.same("us-eo-14409 sets no floor, and access of at most 30 days", ordered, (0, 0, 30))
    story.same("and nothing is blocked: the case is open", civil["case_state"], "NOTIFIED")

    others = {"civil-ai": natsec, "natsec-ai": civil}
    agencies = (cast.CIVIL_AI, cast.NATSEC_AI)
    inboxes = stage.each(lambda member: member.forewarn("inbox", "list").require(), agencies)
    cases = stage.each(lambda member: member.forewarn("case", "list").require(), agencies)
    for role in agencies:
        seen, seen_cases, other = inboxes[role], cases[role], others[role.member]
        story.claim(
            f"{role.member} has its notice, and no trace of the other one",
            len(seen.objects) == len(seen_cases.objects) == 1
            and not traces(other, seen.out + seen_cases.out),
            f"{len(seen.objects)} entries",
        )
    answer = stage[cast.CIVIL_AI].did("notice", "acknowledge", civil["case"])[0]
    story.same("civil-ai acknowledges", answer["case_state"], "ACKNOWLEDGED")
    untouched = stage[cast.AURORA].did("case", "show", natsec["case"])[0]
    story.same("the other case stays as it was", untouched["state"], "NOTIFIED")
    coverage(stage, civil["case"])


def coverage(stage: Stage, notice: str) -> None:
    """The lab asks an agency whether its model is covered; the answer moves nothing else."""
    story = stage.story
    words = ("--text", "We hold it not to be covered.", "--evidence", "UNKNOWN")
    asked = stage[cast.AURORA].did("coverage", "request", notice, *words)[0]
    story.same("Aurora asks whether the model is covered", asked["case_state"], "REQUESTED")
    facts = ("--outcome", "not_covered", "--basis", "developer_declared")
    decided = ("--decided-by", "director of evaluations", "--decided", "2026-11-20T15:00:00Z")
    told = ("--tear-line", "Not covered, as its developer declares.")
    determined = stage[cast.CIVIL_AI].did(
        "coverage", "determine", asked["case"], *facts, *decided, *told
    )[0]
    story.same("civil-ai determines it", determined["case_state"], "DETERMINED")
    notified = stage[cast.AURORA].did("case", "show", notice)[0]
    story.same("the notice's own case is as before", notified["state"], "ACKNOWLEDGED")


def grant(stage: Stage) -> None:
    """A lab offers access, a bank accepts, the lab activates; the other bank learns nothing."""
    story, lab, bank = stage.story, stage[cast.AURORA], stage[cast.HARBOR_BANK]
    story.chapter("Aurora grants Harbor Bank early access; Quay Bank can learn nothing of it")
    stage.follow(cast.HARBOR_BANK, cast.QUAY_BANK, cast.MERCY_HOSPITAL)
    offer = lab.did("grant", "offer", stage.document("offer.toml", cast.AURORA))[0]
    stage.sent["offer"] = offer
    inbox = stage.streams["harbor-bank"]
    offered = inbox.wait(of_kind("ModelAccessGrant", offer["case"])).value
    story.same("the bank's open stream shows the offer", offered["case_state"], "OFFERED")
    accepted = bank.did("grant", "accept", offer["case"])[0]
    story.same("it countersigns the offer", accepted["case_state"], "ACCEPTED")
    activated = lab.did("grant", "activate", offer["case"])[0]
    active = inbox.wait(of_kind("GrantActivation", offer["case"])).value
    states = [activated["case_state"], active["case_state"]]
    story.same("the lab activates; the bank's stream shows it", states, ["ACTIVE", "ACTIVE"])
    views = [member.did("case", "show", offer["case"])[0] for member in (lab, bank)]
    seen = [[entry["digest"] for entry in view["entries"]] for view in views]
    story.claim(
        "both sides see the same three statements", seen[0] == seen[1] and len(seen[0]) == 3
    )

    quay = stage[cast.QUAY_BANK]
    shown = [quay.forewarn(what, "list").require().out for what in ("inbox", "case")]
    story.claim(
        "Quay Bank's inbox and cases hold nothing of it",
        not any(traces(sent, "".join(shown)) for sent in (offer, accepted, activated)),
    )
    real, made_up = (quay.forewarn("case", "show", case) for case in (offer["case"], "0" * 64))
    # Each no is on record, at a place of its own.
    told = [{**each.error, "audit_index": None} for each in (real, made_up)]
    story.claim(
        "asked for the case by its name, it is answered as for one that does not exist"
        f" ({real.error.get('reason')})",
        real.status == made_up.status == REFUSED and told[0] == told[1],
        (real.error, made_up.error),
    )


def breach(stage: Stage) -> None:
    """A lab reports a breach to both agencies; one pulls its reports, page by page."""
    story, agency = stage.story, stage[cast.CIVIL_AI]
    story.chapter("Aurora reports a breach, TLP:AMBER, to both agencies in one statement")
    report = stage[cast.AURORA].did("breach", "report", stage.document("breach.toml", cast.AURORA))[
        0
    ]
    stage.sent["breach"] = report
    pulled = pull(stage)
    digests = [record["digest"] for record in pulled]
    story.same("civil-ai pulls its reports: this one", digests, [report["digest"]])
    marking = (pulled[0]["tlp"], pulled[0]["audience"])
    story.same("marked, to both", marking, ("AMBER", ["civil-ai", "natsec-ai"]))
    many = [
        stage.document("breach.toml", cast.BOREALIS, name=f"breach-{number}.toml")
        for number in range(_LATE_REPORTS)
    ]
    later = stage[cast.BOREALIS].did("breach", "report", *many)
    records = pull(stage)
    digests = [record["digest"] for record in records]
    pages = [record["page"] for record in records]
    story.same(
        f"after {_LATE_REPORTS} more it pulls those, {_PAGE} a page, from its last cursor",
        (digests, pages),
        (
            [item["digest"] for item in sorted(later, key=lambda item: int(item["index"]))],
            [number // _PAGE + 1 for number in range(_LATE_REPORTS)],
        ),
    )
    story.same("and then there is nothing new", pull(stage), [])
    stage[cast.NATSEC_AI].did("breach", "pull")
    index, lab = report["index"], stage[cast.AURORA]
    given = lab.did("audit", "list", "--since", report["received_time"], "--entry", str(index))
    fetched = [event["system"] for event in given if event["event"] == "content_released"]
    story.same(
        "Aurora reads in the audit log, with proofs, that both agencies fetched its report",
        fetched,
        [cast.CIVIL_AI.spiffe_id, cast.NATSEC_AI.spiffe_id],
    )
    of_the_bank = stage[cast.HARBOR_BANK].did("audit", "list")
    story.claim(
        "a bank's view of the audit log holds its own calls, and nothing of this",
        all({"harbor-bank"} & {each["member"], each.get("concerned")} for each in of_the_bank)
        and not any(index in each.get("entries", ()) for each in of_the_bank),
    )
    number = ("--number", "2026-118", "--desk", "incident")
    triaged = agency.did("breach", "triage", report["case"], *number)[0]
    story.same("it gives the case its number", triaged["case_state"], "TRIAGED")


def alerts(stage: Stage) -> None:
    """An agency alerts two sectors; each has its own at once, and not the other's."""
    story, agency = stage.story, stage[cast.CIVIL_AI]
    story.chapter("Civil AI alerts two sectors, TLP:GREEN, each with an advisory attached")
    files = {}
    for sector, number in _SECTORS.items():
        blanks = {"sector": sector, "title": f"{number}: stolen session tokens"}
        files[sector] = stage.document(
            "advisory.json", cast.CIVIL_AI, name=f"{sector}.json", number=number, **blanks
        )
        document = stage.document("alert.toml", cast.CIVIL_AI, advisory=f"{sector}.json", **blanks)
        stage.sent[sector] = agency.did("alert", "send", document)[0]
    lines = {
        role: stage.streams[role.member].wait(of_kind("Alert", stage.sent[sector]["case"]))
        for role, sector in _OWN.items()
    }
    saved = stage.each(lambda member: save(member, lines[member.role].value), _OWN)
    for role, line in lines.items():
        millis = stage.millis_since_received(line.seconds, line.value)
        story.claim(
            f"{role.member} has it, verified, {millis:.0f} ms after the gateway received it",
            0 < millis < 5000,
            f"{millis:.0f} ms",
        )
        advisory = files[_OWN[role]]
        story.claim(
            f"{advisory.name} arrived byte for byte",
            saved[role].get(advisory.name) == advisory.read_bytes(),
            sorted(saved[role]),
        )
    listed = stage.each(lambda member: member.forewarn("inbox", "list").require().out, _OWN)
    for role, own in _OWN.items():
        shown = json.dumps(stage.streams[role.member].values()) + listed[role]
        foreign = [stage.sent[sector] for sector in _SECTORS if sector != own]
        story.claim(
            f"{role.member} sees nothing of the other sector's",
            traces(stage.sent[own], shown) and not any(traces(sent, shown) for sent in foreign),
        )
    accounted(stage)


def accounted(stage: Stage) -> None:
    """The agency sees who has its alerts: open streams had their inboxes compared meanwhile."""
    facts, end = dict[str, Object](), time.monotonic() + _TO_BE_COMPARED
    while not all(facts.get(role.member, {}).get("signed") for role in _OWN):
        if time.monotonic() > end:
            break
        for sector in _SECTORS:
            found = stage[cast.CIVIL_AI].did("deliveries", str(stage.sent[sector]["index"]))
            facts |= {each["recipient"]: each for each in found}
    proven = [each["released"] and each["received"] and each["signed"] for each in facts.values()]
    stage.story.claim(
        "Civil AI sees who has its alerts: both banks and the hospital, each by its own signature",
        facts.keys() == {role.member for role in _OWN} and all(proven),
        facts,
    )
    stage.story.claim(
        "received is not answered: none of them has acknowledged one yet",
        not any(each["acknowledged"] or each["answered"] for each in facts.values()),
        facts,
    )


def revocation(stage: Stage) -> None:
    """The lab revokes the grant, and the bank's open stream says so at once."""
    story, case = stage.story, stage.sent["offer"]["case"]
    story.chapter("Aurora revokes the grant")
    cause = ("--cause", "terms_violated")
    revoked = stage[cast.AURORA].did("grant", "revoke", case, *cause)[0]
    story.same("the lab has its receipt", revoked["case_state"], "REVOKED")
    line = stage.streams["harbor-bank"].wait(of_kind("GrantRevocation", case))
    millis = stage.millis_since_received(line.seconds, line.value)
    story.claim(
        f"the bank's open stream said so, {millis:.0f} ms after the gateway received it",
        line.value["case_state"] == "REVOKED" and 0 < millis < 5000,
        line.value,
    )
    refused = stage[cast.HARBOR_BANK].forewarn("grant", "complete", case)
    story.claim(
        f"completing it now is refused ({refused.error.get('reason')})",
        refused.status == REFUSED,
        refused.err,
    )


def pull(stage: Stage) -> list[Object]:
    """Have civil-ai pull its new reports, and give them in the order in which they came."""
    printed = stage[cast.CIVIL_AI].did("breach", "pull", "--page-size", str(_PAGE))
    return [value for value in printed if value["event"] == "record"]


def save(member: Member, record: Object) -> dict[str, bytes]:
    """Have a member save the files of an entry, and give them by their names."""
    folder = member.home / f"saved-{record['index']}"
    member.did("inbox", "save", record["digest"], "--into", folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def traces(sent: Object, shown: str) -> bool:
    """Tell whether anything that names a statement stands in what somebody was shown."""
    names = (sent["digest"], sent["case"], sent["statement_id"], sent["handle"])
    return any(name in shown for name in names if name)


def of_kind(kind: str, case: str) -> Callable[[Object], object]:
    """Tell the entry of a kind in a case from all others."""
    return lambda value: value.get("kind") == kind and value.get("case") == case


def private_keys(home: Path) -> list[Path]:
    """List the files of a folder that hold private keys."""
    return [path for path in home.rglob("*.pem") if b"PRIVATE KEY" in path.read_bytes()]


def shared_secrets(owners: Iterable[Path], other: Path) -> list[Path]:
    """List the files below a folder that hold a private key of others, in PEM or as such."""
    secrets = set[bytes]()
    for key in (key for owner in owners for key in private_keys(owner)):
        body = key.read_bytes().splitlines()[1:-1]
        secrets |= {line for line in body if len(line) >= _TELLING}
        if key.name.startswith("signing"):
            # The last 32 bytes of an Ed25519 key in PKCS #8 are the key itself (RFC 8410).
            secrets.add(base64.b64decode(b"".join(body))[-32:])
    contents = {path: path.read_bytes() for path in other.rglob("*") if path.is_file()}
    if not secrets or not contents:
        raise AssertionError("there is nothing to compare")
    return [path for path, content in contents.items() if any(s in content for s in secrets)]


def certificate(home: Path) -> x509.Certificate:
    """Read a member's certificate."""
    return x509.load_pem_x509_certificates((home / "tls.crt").read_bytes())[0]


def uris(leaf: x509.Certificate) -> list[str]:
    """List the URI names of a certificate."""
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def key_id(leaf: x509.Certificate) -> str:
    """Give the id that a certificate's key would have if it signed statements."""
    spki = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()
