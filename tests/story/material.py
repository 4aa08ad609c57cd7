"""Real material, as documents that members author: ATLAS case studies and CSAF advisories.

* A case study becomes a `BreachReport`, an advisory an `Alert` with its file, signature and digest
  attached byte for byte.
* What a source does not say stays UNKNOWN, or is left out where it may be; nothing is guessed.
* Texts go over verbatim: placeholders such as `{{discovery.id}}` are the catalogue's own.

It does not send, and none of the material lies in this project: `folder` says where it is looked
for.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
WHERE: Final = "FOREWARN_DATA"
SIDECARS: Final = (".asc", ".sha512")

_PRECISION: Final = {"DATE": "%Y-%m-%d", "MONTH": "%Y-%m", "YEAR": "%Y"}
_SEVERITIES: Final = ("informational", "low", "medium", "high", "critical")
_NO_SCORE: Final = "NONE"

Document = dict[str, Any]


def folder() -> Path:
    """Say where the material is looked for: FOREWARN_DATA, or `shared/data` beside the project."""
    return Path(os.environ.get(WHERE) or ROOT.parent / "shared" / "data").absolute()


def case_studies(data: Path) -> list[Path]:
    """List the case studies below a data folder, by name."""
    return sorted((data / "atlas").glob("*.yaml"))


def advisories(data: Path) -> list[Path]:
    """List the advisories below a data folder, by name; their signatures lie beside them."""
    return sorted((data / "csaf").glob("*.json"))


def read_case_study(path: Path) -> dict[str, Any]:
    """Read a case study."""
    study = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(study, dict):
        raise TypeError(f"{path.name} is no case study")
    return study


def breach_document(study: Mapping[str, Any], *, submitter: str) -> Document:
    """Turn a case study into a breach report about something publicly known.

    Args:
        study: The case study, as `read_case_study` gives it.
        submitter: Name of the member that reports.

    Returns:
        A document for `forewarn breach report`.
    """
    reporter = study.get("reporter")
    return {
        "kind": "BreachReport",
        "recipients": ["civil-ai"],
        "tlp": "CLEAR",
        "facts": {
            "report_kind": "initial",
            "regimes": ["voluntary"],
            "incident_type": study["case-study-type"],
            # Breach kinds are this exchange's; the catalogue classifies otherwise.
            "breach_kind": "unknown",
            "times": {"aware": "UNKNOWN", "occurred": occurred(study)},
        },
        "body": {
            "title": study["name"],
            "parties": {
                "entity": study["target"],
                "submitter": submitter,
                "capacity": "public",
                "actor": _stated(study.get("actor")),
            },
            "awareness": {
                "trigger": f"Reported by {reporter}" if reporter else "UNKNOWN",
                "decided_by": "UNKNOWN",
            },
            "qualifies_because": "UNKNOWN",
            "statement": study["summary"],
            "internal_use": "UNKNOWN",
            "techniques": [
                {
                    "catalogue": "ATLAS",
                    "tactic": step["tactic"],
                    "technique": step["technique"],
                    "description": step["description"],
                }
                for step in study["procedure"]
            ],
            "references": [
                {"title": f"MITRE ATLAS {study['id']}", "url": atlas_page(study)},
                *(study.get("references") or ()),
            ],
        },
    }


def occurred(study: Mapping[str, Any]) -> str:
    """Write when it happened, as exactly as the case study says."""
    when = study["incident-date"]
    if not isinstance(when, date):
        raise TypeError(f"{study['id']}: incident-date is no date")
    return when.strftime(_PRECISION[study["incident-date-granularity"]])


def atlas_page(study: Mapping[str, Any]) -> str:
    """Name the page on which the catalogue shows a case study."""
    return f"https://atlas.mitre.org/studies/{study['id']}"


def alert_document(path: Path, *, recipients: Sequence[str]) -> Document:
    """Turn an advisory into an alert that carries it.

    Args:
        path: The advisory's JSON file; its `.asc` and `.sha512` lie beside it.
        recipients: Whom to alert.

    Returns:
        A document for `forewarn alert send`; it names the attached files by their full paths.
    """
    advisory = json.loads(path.read_text("utf-8"))
    document = advisory["document"]
    flaws = advisory.get("vulnerabilities", [])
    remedies = (remedy["details"] for flaw in flaws for remedy in flaw.get("remediations", []))
    files = [path, *(path.with_name(path.name + suffix) for suffix in SIDECARS)]
    return {
        "kind": "Alert",
        "recipients": list(recipients),
        "tlp": "GREEN",
        "facts": {"severity": severity(flaws)},
        "body": {
            "title": f"{document['tracking']['id']}: {document['title']}",
            "summary": next(n["text"] for n in document["notes"] if n["category"] == "summary"),
            "affected_products": _once(_products(advisory.get("product_tree", {}))),
            "recommended_actions": _once(remedies),
            "references": [
                {"title": reference["summary"], "url": reference["url"]}
                for reference in document.get("references", [])
            ],
            "attachments": [{"file": str(file)} for file in files],
        },
    }


def severity(flaws: Iterable[Mapping[str, Any]]) -> str:
    """Take the highest severity that an advisory's CVSS scores state."""
    stated = {
        score[scale]["baseSeverity"]
        for flaw in flaws
        for score in flaw.get("scores", [])
        for scale in ("cvss_v3", "cvss_v4")
        if scale in score
    }
    known = [word for word in _SEVERITIES if word.upper() in stated - {_NO_SCORE}]
    return known[-1] if known else _SEVERITIES[0]


def stated_sha512(sidecar: bytes) -> str:
    """Read the digest out of a `.sha512` file: hex, spaces, file name."""
    return sidecar.decode("ascii").split()[0]


def sha512(data: bytes) -> str:
    """Digest bytes as a `.sha512` file states it."""
    return hashlib.sha512(data).hexdigest()


def _stated(text: str | None) -> str:
    """Keep a text; where there is none, or the source says that nobody knows, UNKNOWN."""
    return "UNKNOWN" if not text or text.casefold() == "unknown" else text


def _products(tree: Mapping[str, Any]) -> Iterable[str]:
    """Walk a product tree to the products' full names."""
    for branch in tree.get("branches", ()):
        if "product" in branch:
            yield branch["product"]["name"]
        yield from _products(branch)


def _once(texts: Iterable[str]) -> list[str]:
    """Keep the first of equal texts, in order."""
    return list(dict.fromkeys(texts))
