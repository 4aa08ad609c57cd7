"""Real material on the exchange: every case study as a report, every advisory as an alert."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from tests.story import cast, material
from tests.story.exchange import Member
from tests.story.processes import Object
from tests.story.stage import Stage

_SECTORS = ("sector:financial-services", "sector:healthcare")


def bulk(stage: Stage) -> None:
    """Send all real material there is; say so where there is none."""
    story, data = stage.story, material.folder()
    story.interlude("Real material: ATLAS case studies as reports, CSAF advisories as alerts")
    studies, advisories = material.case_studies(data), material.advisories(data)
    if not studies or not advisories:
        story.note(f"skipped: no real material at {data} (set {material.WHERE} to name another)")
        return
    reports(stage, studies)
    warnings(stage, advisories)


def reports(stage: Stage, paths: list[Path]) -> None:
    """Exercises by a lab, incidents by a bank; civil-ai receives what the catalogue says."""
    story, agency = stage.story, stage[cast.CIVIL_AI]
    agency.did("breach", "pull")
    studies = {path.stem: material.read_case_study(path) for path in paths}
    sent: dict[str, str] = {}
    for role, name, kind in (
        (cast.BOREALIS, "Borealis", "exercise"),
        (cast.QUAY_BANK, "Quay Bank", "incident"),
    ):
        chosen = {
            key: material.breach_document(study, submitter=name)
            for key, study in studies.items()
            if study["case-study-type"] == kind
        }
        files = written(stage[role], chosen)
        for answer in stage[role].did("breach", "report", *files):
            sent[answer["digest"]] = Path(answer["file"]).stem
    story.claim(
        f"{len(studies)} case studies sent, each recorded with a receipt",
        set(sent.values()) == set(studies),
        len(sent),
    )
    received = {
        sent[record["digest"]]: record
        for record in agency.did("breach", "pull", "--page-size", "10")
        if record["event"] == "record"
    }
    story.same("civil-ai pulls every one of them", set(received), set(studies))
    wrong = [key for key, record in received.items() if not told(record, studies[key])]
    steps = sum(len(study["procedure"]) for study in studies.values())
    story.same(
        f"names, dates, actors and all {steps} techniques read as in the catalogue", wrong, []
    )
    exercises = [r for r in received.values() if r["facts"]["incident_type"] == "exercise"]
    count = sum(study["case-study-type"] == "exercise" for study in studies.values())
    story.same(f"{count} exercises are exercises", len(exercises), count)
    unknown = [r for r in received.values() if r["facts"]["times"]["aware"] == "UNKNOWN"]
    story.same("and what the catalogue does not say is UNKNOWN", len(unknown), len(studies))


def told(record: Object, study: dict[str, object]) -> bool:
    """Tell whether a received report says what its case study says."""
    sent = material.breach_document(study, submitter="")
    body, meant = record["body"], sent["body"]
    return (
        record["facts"]["times"]["occurred"] == sent["facts"]["times"]["occurred"]
        and body["techniques"] == meant["techniques"]
        and body["parties"]["actor"] == meant["parties"]["actor"]
        and body["references"] == meant["references"]
        and (body["title"], body["statement"]) == (meant["title"], meant["statement"])
        and body["parties"]["entity"] == meant["parties"]["entity"]
    )


def warnings(stage: Stage, paths: list[Path]) -> None:
    """Advisories with signature and digest, byte for byte; a bank checks all it received."""
    story, agency, bank = stage.story, stage[cast.CIVIL_AI], stage[cast.HARBOR_BANK]
    documents = {path.stem: material.alert_document(path, recipients=_SECTORS) for path in paths}
    answers = agency.did("alert", "send", *written(agency, documents))
    story.same(f"{len(paths)} advisories sent as alerts", len(answers), len(paths))
    stream = stage.streams["harbor-bank"]
    arrived = [stream.wait(of_digest(answer["digest"])) for answer in answers]
    millis = sorted(stage.millis_since_received(line.seconds, line.value) for line in arrived)
    story.note(f"Harbor Bank's stream had the median one after {millis[len(millis) // 2]:.0f} ms")
    folder = bank.home / "advisories"
    bank.did("inbox", "save", *(line.value["digest"] for line in arrived), "--into", folder)
    saved = {path.name: path.read_bytes() for path in folder.iterdir()}
    stated = {
        item["file_name"]: item["sha256"]
        for line in arrived
        for item in line.value["body"]["attachments"]
    }
    files = [path.with_name(path.name + end) for path in paths for end in ("", *material.SIDECARS)]
    story.same(
        f"all {len(files)} files arrived: advisories, .asc signatures, .sha512 digests",
        set(saved),
        {path.name for path in files},
    )
    story.claim(
        "their bytes are those on the agency's disk, and their digests those in the alerts",
        all(
            saved[path.name] == path.read_bytes()
            and stated[path.name] == hashlib.sha256(saved[path.name]).hexdigest()
            for path in files
        ),
    )
    story.claim(
        "each advisory has the SHA-512 that its own .sha512 file states",
        all(
            material.sha512(saved[path.name])
            == material.stated_sha512(saved[f"{path.name}.sha512"])
            for path in paths
        ),
    )


def of_digest(digest: str) -> Callable[[Object], object]:
    """Tell one entry from all others."""
    return lambda value: value.get("digest") == digest


def written(member: Member, documents: dict[str, material.Document]) -> list[Path]:
    """Write documents into the folder of the member that will send them."""
    folder = member.home / "real"
    folder.mkdir(exist_ok=True)
    files = []
    for name, document in documents.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document), "utf-8")
        files.append(path)
    return files
