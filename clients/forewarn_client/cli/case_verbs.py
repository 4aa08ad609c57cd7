"""What members say to one another with the command: the rows of every kind of case."""

from typing import Final

from forewarn_client.cli.verbs import Needs, Option, Verb

_NOTE: Final = Option(flag="--note", path="body.note", help="Anything to add, in words.")
_TEXT: Final = Option(flag="--text", path="body.text", help="The text.")
_CAUSE: Final = Option(
    flag="--cause",
    path="facts.cause",
    help="purpose_ended, security_incident, terms_violated, model_unsafe, request or other.",
)


def _answers(group: str, *, answered: str) -> tuple[Verb, ...]:
    """Make the common answers of a group."""
    return (
        Verb(
            group=group,
            name="acknowledge",
            kind="Acknowledgement",
            help=f"Say that {answered} was received and read; neither consent nor assessment.",
            needs=Needs.CASE,
            options=(
                Option(flag="--reference", path="body.reference", help="Your own reference."),
                _NOTE,
            ),
            examples=(f"forewarn {group} acknowledge 3f9a2c51 --reference CASE-2026-118",),
        ),
    )


def _declines(group: str, *, example: str) -> Verb:
    return Verb(
        group=group,
        name="decline",
        kind="Declination",
        help="Decline what the case proposes.",
        needs=Needs.CASE,
        options=(
            Option(
                flag="--reason",
                path="facts.reason",
                help="out_of_scope, no_capacity, terms or other.",
            ),
            _NOTE,
        ),
        examples=(f"forewarn {group} decline 3f9a2c51 --reason {example}",),
    )


def _questions(group: str) -> tuple[Verb, ...]:
    return (
        Verb(
            group=group,
            name="ask",
            kind="Question",
            help="Ask about a case.",
            needs=Needs.CASE,
            options=(_TEXT,),
            examples=(f'forewarn {group} ask 3f9a2c51 --text "Which surfaces are planned?"',),
        ),
        Verb(
            group=group,
            name="answer",
            kind="Answer",
            help="Answer the newest question of a case.",
            needs=Needs.CASE,
            options=(_TEXT,),
            examples=(f'forewarn {group} answer 3f9a2c51 --text "The API only."',),
        ),
    )


VERBS: Final[tuple[Verb, ...]] = (
    Verb(
        group="notice",
        name="send",
        kind="PreReleaseNotice",
        help="Announce a release to agencies. The answer shows what each lead-time profile says.",
        needs=Needs.DOCUMENTS,
        examples=(
            "forewarn template PreReleaseNotice > notice.toml",
            "forewarn notice send notice.toml",
            "forewarn notice send notice.toml --to civil-ai --to natsec-ai --separately",
        ),
    ),
    Verb(
        group="notice",
        name="amend",
        kind="NoticeAmendment",
        help="Change what a notice said: the plan as it stands now, whole.",
        needs=Needs.CASE,
        options=(_TEXT,),
        examples=("forewarn notice amend 3f9a2c51 amendment.toml",),
    ),
    Verb(
        group="notice",
        name="withdraw",
        kind="NoticeWithdrawal",
        help="Take a notice back, or say that the release is cancelled.",
        needs=Needs.CASE,
        options=(
            Option(flag="--type", path="facts.withdrawal_type", help="cancelled or withdrawn."),
            _NOTE,
        ),
        examples=("forewarn notice withdraw 3f9a2c51 --type withdrawn",),
    ),
    Verb(
        group="notice",
        name="confirm",
        kind="ReleaseConfirmation",
        help="Confirm that the release has happened.",
        needs=Needs.CASE,
        options=(
            Option(flag="--released", path="facts.released_time", help="When it happened."),
            Option(flag="--mode", path="facts.release_mode", help="api, limited or open_weights."),
            Option(flag="--public-name", path="body.public_name", help="Its public name."),
            _NOTE,
        ),
        examples=("forewarn notice confirm 3f9a2c51 --released 2027-01-22T16:00:00Z --mode api",),
    ),
    *_answers("notice", answered="a notice"),
    *_questions("notice"),
    Verb(
        group="coverage",
        name="request",
        kind="CoverageRequest",
        help="Ask an agency whether the model of a notice is covered.",
        needs=Needs.NOTICE,
        options=(
            _TEXT,
            Option(flag="--evidence", path="body.evidence", help="Evidence in words, or UNKNOWN."),
        ),
        examples=(
            'forewarn coverage request 3f9a2c51 --text "We hold it to be covered." \\',
            '    --evidence "Our cyber evaluation, section 3."',
            "forewarn coverage request 3f9a2c51 request.toml --to civil-ai",
        ),
    ),
    Verb(
        group="coverage",
        name="progress",
        kind="CaseProgress",
        help="Say where the work on a case stands.",
        needs=Needs.CASE,
        options=(
            Option(flag="--stage", path="facts.stage", help="under_benchmark or evidence_wanted."),
            _NOTE,
        ),
        examples=("forewarn coverage progress 3f9a2c51 --stage under_benchmark",),
    ),
    Verb(
        group="coverage",
        name="determine",
        kind="CoverageDetermination",
        help="Determine whether a model is covered; after a reconsideration, with --review.",
        needs=Needs.CASE,
        options=(
            Option(
                flag="--outcome",
                path="facts.outcome",
                help="covered, not_covered or not_determined.",
            ),
            Option(
                flag="--basis",
                path="facts.basis_class",
                help="benchmark, by_analogy or developer_declared; none for not_determined.",
            ),
            Option(flag="--decided-by", path="facts.decided_by", help="The role that decided."),
            Option(flag="--decided", path="facts.decided_time", help="When it was decided."),
            Option(
                flag="--valid-until", path="facts.valid_until_time", help="Until when it holds."
            ),
            Option(flag="--review", path="facts.review", help="upheld or changed."),
            Option(flag="--tear-line", path="body.tear_line", help="What may be told of it."),
        ),
        examples=(
            "forewarn coverage determine 3f9a2c51 --outcome covered --basis benchmark \\",
            '    --decided-by "director of evaluations" --decided 2026-12-01T10:00:00Z \\',
            '    --tear-line "Covered, on its own evaluation."',
            "forewarn coverage determine 3f9a2c51 determination.toml --review upheld",
        ),
    ),
    Verb(
        group="coverage",
        name="reconsider",
        kind="ReconsiderationRequest",
        help="Ask the agency to look at its determination again.",
        needs=Needs.CASE,
        options=(Option(flag="--grounds", path="body.grounds", help="Why."),),
        examples=('forewarn coverage reconsider 3f9a2c51 --grounds "New safeguards."',),
    ),
    _declines("coverage", example="no_capacity"),
    *_answers("coverage", answered="a request or a determination"),
    *_questions("coverage"),
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
        options=(_NOTE,),
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
        options=(_CAUSE, _NOTE),
        examples=("forewarn grant suspend 3f9a2c51 --cause security_incident",),
    ),
    Verb(
        group="grant",
        name="resume",
        kind="GrantResumption",
        help="Resume a suspended grant.",
        needs=Needs.CASE,
        options=(_NOTE,),
        examples=("forewarn grant resume 3f9a2c51",),
    ),
    Verb(
        group="grant",
        name="narrow",
        kind="GrantNarrowing",
        help="Take away part of what was granted: the terms as they stand now, whole.",
        needs=Needs.CASE,
        options=(_NOTE,),
        examples=("forewarn grant narrow 3f9a2c51 narrower.toml",),
    ),
    Verb(
        group="grant",
        name="revoke",
        kind="GrantRevocation",
        help="Revoke a grant, at once.",
        needs=Needs.CASE,
        options=(_CAUSE, _NOTE),
        examples=("forewarn grant revoke 3f9a2c51 --cause terms_violated",),
    ),
    Verb(
        group="grant",
        name="complete",
        kind="GrantCompletion",
        help="Say that you have finished.",
        needs=Needs.CASE,
        options=(_NOTE,),
        examples=("forewarn grant complete 3f9a2c51",),
    ),
    Verb(
        group="grant",
        name="withdraw",
        kind="GrantWithdrawal",
        help="Withdraw before the grant is in force.",
        needs=Needs.CASE,
        options=(_NOTE,),
        examples=("forewarn grant withdraw 3f9a2c51",),
    ),
    _declines("grant", example="terms"),
    *_answers("grant", answered="an offer or an application"),
    *_questions("grant"),
    Verb(
        group="grant",
        name="attest",
        kind="DestructionAttestation",
        help="Attest that what was to be destroyed is destroyed.",
        needs=Needs.CASE,
        options=(
            Option(flag="--destroyed", path="facts.destroyed_time", help="When it was complete."),
            _TEXT,
            Option(flag="--attested-by", path="body.attested_by", help="Who attests."),
        ),
        examples=(
            "forewarn grant attest 3f9a2c51 --destroyed 2027-02-01T10:00:00Z \\",
            '    --text "Outputs and logs erased." --attested-by "Head of security"',
        ),
    ),
    Verb(
        group="breach",
        name="report",
        kind="BreachReport",
        help="Report a breach to agencies: the initial report, which opens a case.",
        needs=Needs.DOCUMENTS,
        examples=(
            "forewarn template BreachReport > breach.toml",
            "forewarn breach report breach.toml",
        ),
    ),
    Verb(
        group="breach",
        name="supplement",
        kind="BreachReport",
        help="Report more: a supplemental, intermediate or final report, or a retraction.",
        needs=Needs.CASE,
        examples=("forewarn breach supplement 3f9a2c51 final.toml",),
    ),
    Verb(
        group="breach",
        name="triage",
        kind="Triage",
        help="Give a case its number and lead desk.",
        needs=Needs.CASE,
        options=(
            Option(flag="--number", path="facts.case_number", help="Your number of the case."),
            Option(flag="--desk", path="facts.lead_desk", help="The desk that leads."),
            _NOTE,
        ),
        examples=("forewarn breach triage 3f9a2c51 --number 2026-118 --desk incident",),
    ),
    Verb(
        group="breach",
        name="close",
        kind="CaseClosure",
        help="Close a case.",
        needs=Needs.CASE,
        options=(
            Option(flag="--reason", path="facts.reason", help="resolved, retracted or referred."),
            _NOTE,
        ),
        examples=("forewarn breach close 3f9a2c51 --reason resolved",),
    ),
    *_answers("breach", answered="a report"),
    *_questions("breach"),
    Verb(
        group="breach",
        name="feedback",
        kind="Feedback",
        help="Say what came of a report.",
        needs=Needs.CASE,
        options=(_TEXT,),
        examples=('forewarn breach feedback 3f9a2c51 --text "It helped us to ..."',),
    ),
    Verb(
        group="alert",
        name="send",
        kind="Alert",
        help="Warn operators.",
        needs=Needs.DOCUMENTS,
        examples=(
            "forewarn template Alert > alert.toml",
            "forewarn alert send alert.toml --attach advisory.json --attach advisory.json.asc",
        ),
    ),
    Verb(
        group="alert",
        name="update",
        kind="AlertUpdate",
        help="Change an alert: the alert as it stands now, whole.",
        needs=Needs.CASE,
        examples=("forewarn alert update 3f9a2c51 update.toml",),
    ),
    Verb(
        group="alert",
        name="cancel",
        kind="AlertCancellation",
        help="Cancel an alert.",
        needs=Needs.CASE,
        options=(_NOTE,),
        examples=('forewarn alert cancel 3f9a2c51 --note "Patched everywhere."',),
    ),
    *_answers("alert", answered="an alert"),
    *_questions("alert"),
    Verb(
        group="alert",
        name="sighting",
        kind="Sighting",
        help="Say that you have seen what an alert warns of.",
        needs=Needs.CASE,
        options=(
            Option(flag="--seen", path="facts.seen_time", help="When; or UNKNOWN."),
            _TEXT,
        ),
        examples=('forewarn alert sighting 3f9a2c51 --seen 2026-11-21 --text "Two hosts."',),
    ),
)
