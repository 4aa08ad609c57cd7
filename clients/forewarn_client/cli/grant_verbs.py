"""What labs, agencies and operators say of a grant with the command."""

from typing import Final

from forewarn_client.cli.answer_verbs import NOTE, TEXT, acknowledgement, declination, questions
from forewarn_client.cli.verbs import Needs, Option, Verb

_CAUSE: Final = Option(
    flag="--cause",
    path="facts.cause",
    help="purpose_ended, security_incident, terms_violated, model_unsafe, request or other.",
)

VERBS: Final[tuple[Verb, ...]] = (
    Verb(
        group="grant",
        name="apply",
        kind="EarlyAccessApplication",
        help="Ask a lab for early access.",
        needs=Needs.DOCUMENTS,
        examples=("forewarn grant apply application.toml",),
    ),
    Verb(
        group="grant",
        name="offer",
        kind="ModelAccessGrant",
        help="Offer access to a model; with --case, in an application's or offer's own case.",
        needs=Needs.DOCUMENTS,
        examples=(
            "forewarn grant offer offer.toml --to harbor-bank",
            "forewarn grant offer second-version.toml --case 3f9a2c51",
        ),
    ),
    Verb(
        group="grant",
        name="accept",
        kind="GrantAcceptance",
        help="Countersign the newest offer of a case.",
        needs=Needs.CASE,
        options=(NOTE,),
        examples=("forewarn grant accept 3f9a2c51",),
    ),
    Verb(
        group="grant",
        name="cosign",
        kind="GrantCosignature",
        help="Cosign the newest offer of a case, as a cosigner that it names.",
        needs=Needs.CASE,
        examples=("forewarn grant cosign 3f9a2c51",),
    ),
    Verb(
        group="grant",
        name="activate",
        kind="GrantActivation",
        help="Put an accepted grant in force.",
        needs=Needs.CASE,
        examples=("forewarn grant activate 3f9a2c51",),
    ),
    Verb(
        group="grant",
        name="suspend",
        kind="GrantSuspension",
        help="Suspend a grant.",
        needs=Needs.CASE,
        options=(_CAUSE, NOTE),
        examples=("forewarn grant suspend 3f9a2c51 --cause security_incident",),
    ),
    Verb(
        group="grant",
        name="resume",
        kind="GrantResumption",
        help="Resume a suspended grant.",
        needs=Needs.CASE,
        options=(NOTE,),
        examples=("forewarn grant resume 3f9a2c51",),
    ),
    Verb(
        group="grant",
        name="narrow",
        kind="GrantNarrowing",
        help="Take away part of what was granted: the terms as they stand now, whole.",
        needs=Needs.CASE,
        options=(NOTE,),
        examples=("forewarn grant narrow 3f9a2c51 narrower.toml",),
    ),
    Verb(
        group="grant",
        name="revoke",
        kind="GrantRevocation",
        help="Revoke a grant, at once.",
        needs=Needs.CASE,
        options=(_CAUSE, NOTE),
        examples=("forewarn grant revoke 3f9a2c51 --cause terms_violated",),
    ),
    Verb(
        group="grant",
        name="complete",
        kind="GrantCompletion",
        help="Say that you have finished.",
        needs=Needs.CASE,
        options=(NOTE,),
        examples=("forewarn grant complete 3f9a2c51",),
    ),
    Verb(
        group="grant",
        name="withdraw",
        kind="GrantWithdrawal",
        help="Withdraw before the grant is in force.",
        needs=Needs.CASE,
        options=(NOTE,),
        examples=("forewarn grant withdraw 3f9a2c51",),
    ),
    declination("grant", example="terms"),
    acknowledgement("grant", answered="an offer or an application"),
    *questions("grant"),
    Verb(
        group="grant",
        name="attest",
        kind="DestructionAttestation",
        help="Attest that what was to be destroyed is destroyed.",
        needs=Needs.CASE,
        options=(
            Option(flag="--destroyed", path="facts.destroyed_time", help="When it was complete."),
            TEXT,
            Option(flag="--attested-by", path="body.attested_by", help="Who attests."),
        ),
        examples=(
            "forewarn grant attest 3f9a2c51 --destroyed 2027-02-01T10:00:00Z \\",
            '    --text "Outputs and logs erased." --attested-by "Head of security"',
        ),
    ),
)
