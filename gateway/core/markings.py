"""Markings: who receives a statement. Audience = recipients, narrowed by the marking.

* Default deny: an empty list or group means nobody, an unknown recipient is refused, and so is a
  statement that reaches nobody but its sender.
* CLEAR and GREEN go to members and groups; AMBER and AMBER+STRICT to named members only; RED to
  named persons, in sealed layers only.
* An opener is addressed to active members. A statement in a case is addressed to parties of that
  case only: a named one whatever its standing, so that a suspended party reads it once it is
  reinstated; a group is its active members among the parties.
* In a case a marking is never laxer than the opener's, except when the case's originator says so.
* The audience is fixed here, once. *Delivered implies entitled*: `may_read` is asked on every way
  out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gateway.core.directory import Directory
from gateway.core.errors import Reason, Refusal, invalid
from gateway.core.identity import MemberId, MemberKind
from gateway.core.members import Member
from gateway.core.statements import Group, GroupRecipient, Header, NamedRecipient, Tlp

_IN_GROUP: Final[Mapping[Group, Callable[[Member, str], bool]]] = {
    Group.SECTOR: lambda member, name: name in member.profile.sectors,
    Group.KIND: lambda member, name: member.kind == name,
    Group.COMMUNITY: lambda member, name: name in member.profile.communities,
}


def audience_of_opener(
    header: Header, directory: Directory, kinds: frozenset[MemberKind]
) -> tuple[MemberId, ...]:
    """Give the members that a statement which opens a case is delivered to.

    Args:
        header: The statement's header.
        directory: The directory at the size at which it is judged.
        kinds: Kinds of members that such a statement may go to.

    Returns:
        Their ids, ascending, without the sender.

    Raises:
        Refusal: TLP_NEEDS_SEALED_LAYER, TLP_NEEDS_NAMED_MEMBERS, RECIPIENT_UNKNOWN,
            RECIPIENT_KIND_NOT_PERMITTED or RECIPIENTS_EMPTY.
    """
    _check_level(header)
    found: set[MemberId] = set()
    for recipient in header.recipients:
        if isinstance(recipient, NamedRecipient):
            member = _named(recipient, directory)
            if member.kind not in kinds:
                raise invalid(
                    "header.recipients",
                    "names a member of a kind that this statement does not go to",
                    Reason.RECIPIENT_KIND_NOT_PERMITTED,
                )
            found.add(member.id)
        else:
            found |= {m.id for m in _members_of(recipient, directory) if m.kind in kinds}
    return _nonempty(found - {header.sender})


def audience_in_case(
    header: Header, directory: Directory, parties: frozenset[MemberId]
) -> tuple[MemberId, ...]:
    """Give the members that a statement in a case is delivered to.

    Args:
        header: The statement's header.
        directory: The directory at the size at which it is judged.
        parties: The parties of the case.

    Returns:
        Their ids, ascending, without the sender.

    Raises:
        Refusal: TLP_NEEDS_SEALED_LAYER, TLP_NEEDS_NAMED_MEMBERS, RECIPIENT_NOT_PARTY or
            RECIPIENTS_EMPTY.
    """
    _check_level(header)
    found: set[MemberId] = set()
    for recipient in header.recipients:
        if isinstance(recipient, NamedRecipient):
            if recipient.member not in parties:
                raise invalid(
                    "header.recipients",
                    "names a member that is not a party of the case",
                    Reason.RECIPIENT_NOT_PARTY,
                )
            found.add(recipient.member)
        else:
            found |= {m.id for m in _members_of(recipient, directory)} & parties
    return _nonempty(found - {header.sender})


def check_not_relaxed(header: Header, opener: Header) -> None:
    """Refuse a marking that is laxer than the case's, unless its originator says so.

    Args:
        header: The statement's header.
        opener: Header of the case's opener.

    Raises:
        Refusal: TLP_RELAXED.
    """
    if header.tlp < opener.tlp and header.sender != opener.sender:
        raise invalid(
            "header.tlp",
            "is laxer than the case's; only the originator of the case relaxes its marking",
            Reason.TLP_RELAXED,
        )


def may_read(*, reader: MemberId, sender: str, audience: Iterable[str], tlp: Tlp) -> bool:
    """Tell whether a member may read an entry; its own standing is asked elsewhere.

    Args:
        reader: The member that asks.
        sender: Id of the member that sent the statement.
        audience: Ids of the members that it was delivered to.
        tlp: Its marking.

    Returns:
        True for the sender, the audience, and for everyone where the marking is TLP:CLEAR.
    """
    return tlp is Tlp.CLEAR or reader == sender or reader in audience


def _check_level(header: Header) -> None:
    """Refuse a marking that the addressing cannot keep."""
    if header.tlp is Tlp.RED:
        raise invalid(
            "header.tlp",
            "is TLP:RED, which travels in sealed layers only; this exchange has none yet",
            Reason.TLP_NEEDS_SEALED_LAYER,
        )
    groups = any(isinstance(recipient, GroupRecipient) for recipient in header.recipients)
    if groups and header.tlp >= Tlp.AMBER:
        raise invalid(
            "header.recipients",
            "holds a group, but TLP:AMBER goes to named members only",
            Reason.TLP_NEEDS_NAMED_MEMBERS,
        )


def _named(recipient: NamedRecipient, directory: Directory) -> Member:
    member = directory.active(recipient.member)
    if member is None or (recipient.desk and recipient.desk not in member.profile.desks):
        raise invalid(
            "header.recipients",
            "names a member or desk that the directory does not list as active",
            Reason.RECIPIENT_UNKNOWN,
        )
    return member


def _members_of(recipient: GroupRecipient, directory: Directory) -> list[Member]:
    belongs = _IN_GROUP[recipient.group]
    return [
        member
        for member in directory.members.values()
        if belongs(member, recipient.name) and directory.active(member.id) is not None
    ]


def _nonempty(audience: set[MemberId]) -> tuple[MemberId, ...]:
    if not audience:
        raise Refusal(
            Reason.RECIPIENTS_EMPTY, "nobody but the sender would receive it; name a recipient"
        )
    return tuple(sorted(audience))
