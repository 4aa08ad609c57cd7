"""What the registrar and the members say of the directory with the command."""

from typing import Final

from forewarn_client.cli.verbs import Needs, Option, Verb

_ENDING: Final = Option(
    flag="--reason",
    path="facts.reason",
    help="superseded, compromised, ceased, misconduct or other.",
)
_SYSTEM: Final = Option(flag="--system", path="facts.system", help="SPIFFE ID of the system.")
_KEY_ID: Final = Option(flag="--key-id", path="facts.key_id", help="Id of the key, 64 hex digits.")

VERBS: Final[tuple[Verb, ...]] = (
    Verb(
        group="registrar",
        name="update",
        kind="MemberUpdate",
        help="Change what the directory says of a member: its profile, whole, in a document.",
        needs=Needs.MEMBER,
        examples=("forewarn registrar update harbor-bank profile.toml",),
    ),
    Verb(
        group="registrar",
        name="register-key",
        kind="KeyRegistration",
        help="Add a signing key to a member.",
        needs=Needs.MEMBER,
        options=(
            Option(
                flag="--key", path="facts.key", help="File with the public key, PEM.", is_file=True
            ),
        ),
        examples=("forewarn registrar register-key aurora --key new-key.pub.pem",),
    ),
    Verb(
        group="registrar",
        name="revoke-key",
        kind="KeyRevocation",
        help="Revoke a signing key of a member.",
        needs=Needs.MEMBER,
        options=(_KEY_ID, _ENDING),
        examples=("forewarn registrar revoke-key aurora --key-id 5e1f... --reason compromised",),
    ),
    Verb(
        group="registrar",
        name="register-system",
        kind="SystemRegistration",
        help="Add a system to a member.",
        needs=Needs.MEMBER,
        options=(_SYSTEM,),
        examples=(
            "forewarn registrar register-system aurora \\",
            "    --system spiffe://exchange.example/lab/aurora/second-desk",
        ),
    ),
    Verb(
        group="registrar",
        name="suspend-system",
        kind="SystemSuspension",
        help="Suspend a system of a member.",
        needs=Needs.MEMBER,
        options=(_SYSTEM, _ENDING),
        examples=(
            "forewarn registrar suspend-system aurora --reason compromised \\",
            "    --system spiffe://exchange.example/lab/aurora/second-desk",
        ),
    ),
    Verb(
        group="registrar",
        name="suspend",
        kind="MemberSuspension",
        help="Suspend a member.",
        needs=Needs.MEMBER,
        options=(_ENDING,),
        examples=("forewarn registrar suspend quay-bank --reason misconduct",),
    ),
    Verb(
        group="registrar",
        name="reinstate",
        kind="MemberReinstatement",
        help="Reinstate a suspended member.",
        needs=Needs.MEMBER,
        examples=("forewarn registrar reinstate quay-bank",),
    ),
    Verb(
        group="registrar",
        name="depart",
        kind="MemberDeparture",
        help="Record that a member has left; leaving needs no reason.",
        needs=Needs.MEMBER,
        examples=("forewarn registrar depart quay-bank",),
    ),
    Verb(
        group="directory",
        name="revoke-key",
        kind="KeyRevocation",
        help="Revoke a signing key of your own, at once.",
        needs=Needs.OWN,
        options=(_KEY_ID, _ENDING),
        examples=("forewarn directory revoke-key --key-id 5e1f... --reason compromised",),
    ),
    Verb(
        group="directory",
        name="suspend-system",
        kind="SystemSuspension",
        help="Suspend a system of your own, at once.",
        needs=Needs.OWN,
        options=(_SYSTEM, _ENDING),
        examples=(
            "forewarn directory suspend-system --reason compromised \\",
            "    --system spiffe://exchange.example/lab/aurora/second-desk",
        ),
    ),
    Verb(
        group="directory",
        name="participate",
        kind="Participation",
        help="Opt in to a framework, or out of it.",
        needs=Needs.OWN,
        options=(
            Option(flag="--framework", path="facts.framework", help="Slug of the framework."),
            Option(flag="--handle", path="facts.handle", help="Model it concerns; else all."),
            Option(flag="--choice", path="facts.choice", help="in or out."),
        ),
        examples=("forewarn directory participate --framework us-eo-14409 --choice in",),
    ),
)
