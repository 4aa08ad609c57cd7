"""Templates: a commented document for each kind of statement, made from the protocol files.

* Every field stands in it, with the protocol file's own comment, in the order of its number.
* What is required holds an example; what is optional is commented out, `#key = example`, so that
  taking the `#` away is enough.
* A template as it comes makes a statement; `...` marks the texts that its author has to write.
* What the `forewarn` command fills in from a case is commented out.

It does not know the case tables, and holds nothing that is not in the protocol files but examples.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from forewarn.statement.v1 import header_pb2
from forewarn_client import kinds, strict, words

PLACEHOLDER: Final = "..."

_WIDTH: Final = 98
_DIRECTORY_KINDS: Final = range(32, 64)
_OPENERS: Final = {
    "Alert",
    "BreachReport",
    "EarlyAccessApplication",
    "ModelAccessGrant",
    "PreReleaseNotice",
}
# Openers that never stand in a case of another's.
_OPENERS_ONLY: Final = {"Alert", "CoverageRequest", "EarlyAccessApplication", "PreReleaseNotice"}
_HEADER_KEYS: Final = (
    *("recipients", "tlp", "case_digest", "refers_to", "on_behalf_of", "expire_time"),
    *("embargo_until_time", "community", "pap", "cui", "market_sensitive", "protection_regime"),
    *("protection_regime_date", "profile"),
)
_PEM: Final = (
    '"""\n-----BEGIN PUBLIC KEY-----\n'
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    '-----END PUBLIC KEY-----\n"""'
)

# Examples by type, by name of the field, and by `Message.field`; the last that is there is taken.
_BY_TYPE: Final[Mapping[str, str]] = {
    "google.protobuf.Timestamp": "2027-01-31T12:00:00Z",
    "google.protobuf.Duration": '"30d"',
    "forewarn.statement.v1.PreciseTime": "2027-03-01",
    "forewarn.statement.v1.StatedText": f'"{PLACEHOLDER}"',
    "forewarn.statement.v1.StatedCount": '"UNKNOWN"',
    "forewarn.statement.v1.StatedChoice": '"UNKNOWN"',
    "forewarn.statement.v1.StatedTime": '"UNKNOWN"',
    "forewarn.statement.v1.Recipient": '"civil-ai"',
    "forewarn.statement.v1.SigningKey": _PEM,
    "forewarn.statement.v1.Attachment": '{ file = "advisory.json" }',
}
_EXAMPLES: Final[Mapping[str, str]] = {
    "actions": '"inference"',
    "affected_products": '"Example Server 4.2"',
    "affected_sectors": '"energy"',
    "case_digest": f'"{"0" * 64}"',
    "clients": '"harbor-bank"',
    "community": '"west-coast-banks"',
    "communities": '"west-coast-banks"',
    "cosigners": '"civil-ai"',
    "desks": '"incident"',
    "email": '"desk@example.org"',
    "endpoint": '"https://models.aurora.example/early"',
    "framework": '"us-eo-14409"',
    "grant_id": '"new"',
    "grantee_systems": '"spiffe://exchange.example/operator/harbor-bank/defence"',
    "handle": '"new"',
    "key_id": f'"{"0" * 64}"',
    "lead_desk": '"incident"',
    "max_token_lifetime": '"300s"',
    "max_staleness": '"60s"',
    "member": '"harbor-bank"',
    "not_after_time": "2027-04-30T12:00:00Z",
    "on_behalf_of": '"harbor-bank"',
    "person_attributes": '"vetted"',
    "phone": '"+12025550100"',
    "predecessor": '"civil-ai"',
    "profile": '"us-draft-2026-05"',
    "prohibited_purposes": '"offensive-security"',
    "protection_regime": '"6 USC 681e"',
    "protection_regime_date": '"2026-11-21"',
    "purpose_code": '"defensive-security"',
    "refers_to": f'"{"0" * 64}"',
    "regimes": '"voluntary"',
    "regions": '"worldwide"',
    "registrar": '"exchange-registrar"',
    "sectors": '"financial-services"',
    "stix_pattern": "\"[ipv4-addr:value = '198.51.100.7']\"",
    "successor": '"natsec-ai"',
    "surfaces": '"api"',
    "system": '"spiffe://exchange.example/operator/harbor-bank/defence"',
    "systems": '"spiffe://exchange.example/operator/harbor-bank/defence"',
    "tlp": '"AMBER"',
    "trust_domain": '"exchange.example"',
    "url": '"https://example.org/advisory"',
    "valid_until_time": "2027-04-30T12:00:00Z",
    "vulnerabilities": '"CVE-2019-20634"',
    "GenesisFacts.systems": '"spiffe://exchange.example/registrar/exchange-registrar/console"',
    "MemberEnrolmentFacts.kind": '"operator"',
    "MemberProfile.domain": '"harbor-bank.example"',
    "MemberProfile.agency_type": '"civil"',
    "ClassifiedPointer.marking": '"SECRET//NOFORN"',
    "CoverageDeterminationFacts.decided_by": '"director of evaluations"',
    "Technique.catalogue": '"ATLAS"',
}
# Required, but stated by the command, from the notice.
_FROM_THE_NOTICE: Final = {"CoverageRequestFacts.handle"}
# Optional by their rules, but one of them has to be there.
_UNCOMMENTED: Final = {"PlannedTimes.public_release", "CoverageDeterminationFacts.basis_class"}


def template(kind: str) -> str:
    """Make the template of a kind.

    Args:
        kind: Its name, as in `PreReleaseNotice`.

    Returns:
        A TOML document.

    Raises:
        kinds.KindError: There is no such kind.
    """
    the_kind = kinds.find(kind)
    value = header_pb2.StatementKind.Name(the_kind.number)
    lines = [
        *_wrapped(f"{the_kind.name}: {comments()[f'StatementKind.{value}']}"),
        "#",
        *_wrapped(
            f'A line such as `#key = ...` is optional: take the # away to use it. "{PLACEHOLDER}" '
            "stands for a text of your own. A value that may be absent is a value, or "
            '"UNKNOWN", or { withheld = "why" }.'
        ),
        f'kind = "{the_kind.name}"',
        "",
        *_header(the_kind),
    ]
    if the_kind.facts:
        facts: Any = header_pb2.Header.DESCRIPTOR.fields_by_name[the_kind.facts]
        lines += _table(facts.message_type, "facts", header="[facts]", active=True)
    if the_kind.body is not None:
        body: Any = the_kind.body.DESCRIPTOR
        lines += _table(body, "body", header="[body]", active=True)
    return "\n".join(lines).rstrip("\n") + "\n"


@cache
def comments() -> dict[str, str]:
    """Read the protocol files' comments, by name without the package, as in `Header.tlp`."""
    text = files("forewarn_client").joinpath("comments.json").read_text("utf-8")
    package = f"{header_pb2.DESCRIPTOR.package}."
    loaded: dict[str, str] = json.loads(text)
    return {name.removeprefix(package): comment for name, comment in loaded.items()}


def _header(kind: kinds.Kind) -> Iterator[str]:
    """Write the header's keys: the two that a new case needs first, then the optional ones."""
    fields: Any = header_pb2.Header.DESCRIPTOR.fields_by_name
    directory = kind.number in _DIRECTORY_KINDS
    opener = kind.name in _OPENERS
    for name in _HEADER_KEYS:
        addressing = name in {"recipients", "tlp"}
        if directory and name not in {"refers_to", "expire_time"}:
            continue
        if name == "case_digest" and kind.name in _OPENERS_ONLY:
            continue
        yield from _wrapped(comments()[f"Header.{name}"])
        if not opener and name in {"case_digest", "recipients", "tlp"}:
            yield from _wrapped("The command fills it in from the case.")
        yield from _words_of(fields[name])
        key = "case" if name == "case_digest" else name
        yield from _assignment(fields[name], key, active=addressing and opener)
        yield ""


def _table(descriptor: Descriptor, path: str, *, header: str, active: bool) -> Iterator[str]:
    """Write a table: its own comment, its single values, then its inner tables."""
    mark = "" if active else "#"
    yield f"{mark}{header}"
    fields = [_described(descriptor, rule) for rule in strict.rules(descriptor)]
    for rule, field in fields:
        if not _has_own_table(field):
            yield from _wrapped(comments()[f"{descriptor.name}.{rule.name}"])
            yield from _words_of(field)
            name = f"{descriptor.name}.{rule.name}"
            if name in _FROM_THE_NOTICE:
                yield from _wrapped("The command fills it in from the notice.")
            needed = name in _UNCOMMENTED or (rule.required and name not in _FROM_THE_NOTICE)
            yield from _assignment(field, rule.name, active=active and needed)
    yield ""
    for rule, field in fields:
        if _has_own_table(field):
            inner: Any = field.message_type
            inner_path = f"{path}.{rule.name}"
            yield from _wrapped(comments()[f"{descriptor.name}.{rule.name}"])
            inner_header = f"[[{inner_path}]]" if rule.repeated else f"[{inner_path}]"
            yield from _table(
                inner, inner_path, header=inner_header, active=active and rule.required
            )


def _assignment(field: FieldDescriptor, key: str, *, active: bool) -> Iterator[str]:
    example = _example(field)
    if field.is_repeated:
        example = f"[{example}]"
    mark = "" if active else "#"
    yield from (f"{mark}{line}" for line in f"{key} = {example}".split("\n"))


def _example(field: FieldDescriptor) -> str:
    container: Any = field.containing_type
    for name in (f"{container.name}.{field.name}", field.name):
        if name in _EXAMPLES:
            return _EXAMPLES[name]
    if field.message_type is not None:
        return _BY_TYPE[field.message_type.full_name]
    if field.enum_type is not None:
        enum: Any = field.enum_type
        return f'"{next(iter(words.words(enum).values()))}"'
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "false"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return f'"{"0" * 64}"'
    return f'"{PLACEHOLDER}"' if field.type == FieldDescriptor.TYPE_STRING else "1"


def _words_of(field: FieldDescriptor) -> Iterator[str]:
    """List the words of an enum with what they mean."""
    if field.enum_type is None:
        return
    enum: EnumDescriptor | Any = field.enum_type
    for number, word in words.words(enum).items():
        meaning = comments().get(f"{enum.name}.{enum.values_by_number[number].name}", "")
        yield from _wrapped(f"{word}: {meaning}", indent="  ")


def _has_own_table(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name not in _BY_TYPE


def _described(descriptor: Descriptor, rule: strict.Rule) -> tuple[strict.Rule, FieldDescriptor]:
    field: Any = descriptor.fields_by_name[rule.name]
    return rule, field


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent=f"# {indent}",
        subsequent_indent=f"# {indent}{indent}",
        break_long_words=False,
        break_on_hyphens=False,
    )
