"""What an owner left in a realm: shown with the exchanges that end, and removed. docs/release.md says what is trusted."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exchange.release.adoption import Declared
from exchange.release.adoption import adopted as adopted_of
from exchange.release.client_writes import release_changes
from exchange.release.realm_without import policies_given_back, without
from exchange.release.removal import Released, release_all
from exchange.release.takeover import take_over
from exchange.terminal.printing import counted
from kcadmin.marks.ownership import stack_of
from kcadmin.marks.whose import command
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.rest.session import Session
from kcadmin.rest.texts import FEW, first_few, named, shown, some, together
from kcadmin.writes.partial_put import AUTHORIZATION_SERVICES
from kcadmin.writes.watch import watched
from reach.allowed import realm_reach
from reach.leftovers import Leftover, crowds, leftovers, of_owner
from reach.newly_allowed import NewlyAllowed, newly_allowed
from reach.reasons import ANY_CLIENT
from reach.roles import survey_roles
from reach.survey import Progress, Survey, survey

STILL = "still exists, or was created again; run the same command again, and find who writes it."
KEPT = "stays, since not all could be taken over; run the same command again."


@dataclass(frozen=True)
class Leavings:
    """What was found in a realm. left: things of the given owner. others: how many things each other owner has.

    ends, opens: exchanges that end, or that the end of a guard lets through, a sentence each. unread: why there may be more.
    adopted: of left, what becomes the owner's whose name is in ``by``. titles: of the policies in it, as adoption tells them.
    refused: what client policies would change when clients are written, and nobody has accepted; told: what else they do.
    crowds: where owners have something, as ``reach.leftovers.crowds`` gives it.
    """

    realm: str
    owner: str
    left: tuple[Leftover, ...]
    others: Mapping[str, int]
    ends: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    adopted: tuple[Leftover, ...] = ()
    by: str = ""
    titles: Mapping[Leftover, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    crowds: Mapping[str, str] = field(default_factory=dict)


def find(
    session: Session,
    realm_name: str,
    owner: str,
    progress: Progress = lambda what: None,
    *,
    own: Collection[str] = (),
    by: str = "",
    wanted: Iterable[Declared] = (),
    accepted: Collection[str] = (),
) -> Leavings:
    """Reads a realm, and what an owner has in it. owner: with or without a grant after ``#``; empty finds the others alone.

    :param own: the owners of the stack that is selected, whose policies are told by them.
    :param by: the owner who takes over what is ``wanted``. accepted: fields of clients that client policies may change.
    :raises KeycloakError: the realm cannot be read.
    """
    read, left, everything = _left(session, realm_name, owner, progress, own)
    others = Counter(stack_of(each.owner) for each in {*everything}.difference(left))
    adopted = adopted_of(left, realm_name, wanted)
    titles = {each: there.title for each, there in adopted.items()}
    going = [each for each in left if each not in adopted]
    ends, opens = _exchanges(session, read, going, progress) if going else ((), ())
    seen = dict(sorted(others.items()))
    unread = (*_unread(read), *_untold(read, going))
    judged = release_changes(realm_for(session, realm_name), read.clients, going, adopted, by, accepted)
    said = (ends, opens, unread, tuple(adopted), by, titles, judged.faults, judged.notes, crowds(everything))
    return Leavings(realm_name, owner, tuple(left), seen, *said)


def take_away(
    session: Session,
    found: Leavings,
    progress: Progress = lambda what: None,
    own: Collection[str] = (),
    accepted: Collection[str] = (),
) -> list[Released]:
    """Removes what was found, and takes over what is adopted. accepted: fields of clients that client policies may change.

    :raises Unreachable: the server is gone; the same command goes on.
    """
    with watched(accepted):
        return _taken_away(session, found, progress, own)


def _taken_away(session: Session, found: Leavings, progress: Progress, own: Collection[str]) -> list[Released]:
    realm = realm_for(session, found.realm)
    done = list(take_over(realm, found.adopted, found.by, progress, found.titles))
    over = {*found.adopted}
    rest = [each for each in found.left if each not in over]
    if any(each.fault for each in done):
        done += [Released(each, fault=f"{each.about} in realm {named(found.realm)}: {KEPT}") for each in rest]
    else:
        done += release_all(realm, rest, progress)
    told = {each.left for each in done if each.stays or each.fault}
    still = {each: None for each in _left(session, found.realm, found.owner, progress, own)[1] if each not in told}
    return [each for each in done if each.left not in still] + [Released(each, fault=STILL) for each in still]


def _left(
    session: Session, realm_name: str, owner: str, progress: Progress, own: Collection[str]
) -> tuple[Survey, list[Leftover], list[Leftover]]:
    """A realm, what the owner has in it, and what all owners have."""
    realm = realm_for(session, realm_name)
    realm.client_scopes.forget()
    read = survey(session, realm_name, progress)
    everything = leftovers(read, _servers(realm, read, progress), [*own, *([owner] if owner else ())])
    return read, of_owner(everything, owner) if owner else [], everything


def _servers(realm: Realm, read: Survey, progress: Progress) -> dict[str, Iterable[Mapping[str, Any]]]:
    """The policies and permissions of every resource server of the realm, by client id."""
    found: dict[str, Iterable[Mapping[str, Any]]] = {realm.management_client_id: list(read.policies.values())}
    for name, client in read.clients.items():
        if client.is_on(AUTHORIZATION_SERVICES) and name not in found:
            progress(f"policies of {named(name)}")
            found[name] = list((realm.resource_server(client.uuid).settings() or {}).get("policies") or ())
    return found


def _exchanges(
    session: Session, read: Survey, left: Sequence[Leftover], progress: Progress
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    roles = survey_roles(session, read, progress)
    now, then = realm_reach(read, roles), realm_reach(without(read, left), roles)
    clients = sorted(read.clients)
    ends = sorted({_said(each) for each in newly_allowed(then, now, clients)})
    opens = sorted({_said(each) for each in newly_allowed(now, then, clients)})
    return tuple(ends), tuple(opens)


def _said(each: NewlyAllowed) -> str:
    """An exchange, or many that are alike, in words."""
    sources = [named(source) if source != ANY_CLIENT else "any client" for source in sorted(each.sources)]
    told = [first_few(sources)] if sources else []
    told += ["any client with users' roles"] if each.carriers else []
    audiences = [named(to) if to else "itself" for to in sorted(each.audiences, key=str)]
    to = [first_few(audiences)] if audiences else []
    to += ["any client of which the user has a role"] if each.carried else []
    when = f", when {' and '.join(each.when)}" if each.when else ""
    return f"{named(each.requester)} exchanges tokens of {' and '.join(told)} for {' and '.join(to)}{when}"


def _unread(read: Survey) -> Iterator[str]:
    if read.client_policies is None or read.client_profiles is None:
        yield (
            f"realm {named(read.realm)}: this login may not read its client policies, so guards are not listed; "
            "give it the role view-realm, and to remove them manage-realm"
        )


def _untold(read: Survey, left: Sequence[Leftover]) -> Iterator[str]:
    if names := sorted(name for name, then in policies_given_back(read, left).items() if then is None):
        yield (
            f"realm {named(read.realm)}: {some(names)} were adopted, and are given back as their notes "
            "say; what they let through then is not computed here, so check the policies themselves"
        )


def as_lines(found: Leavings, own: Collection[str] = ()) -> list[str]:
    """What was found, for people. own: the owners of the stack that is selected."""
    if not found.left:
        lines = [f"realm {named(found.realm)}: owner {named(found.owner)} has nothing here"] if found.owner else []
        return [*lines, *_of_others(found, own)]
    lines = [f"realm {named(found.realm)}: owner {named(found.owner)} has {counted(len(found.left), 'thing')}"]
    over = {*found.adopted}
    going = Counter(each.about for each in found.left if each not in over)
    lines += [f"  {about}{f' ({number} ×)' if number > 1 else ''}" for about, number in going.items()]
    lines += [f"  becomes that of {named(found.by)}: {each.about}" for each in found.adopted]
    lines += [f"  ends: {each}" for each in found.ends] or ["  ends: no exchange"]
    lines += [f"  opens, since a guard is removed: {each}" for each in found.opens]
    return lines


def _of_others(found: Leavings, own: Collection[str]) -> Iterator[str]:
    here = f"realm {named(found.realm)}"
    for owners in together(found.others, lambda owner: None if owner in own else found.crowds.get(owner)):
        if len(owners) > FEW:
            many = f"{len(owners)} owners have things at {found.crowds[owners[0]]}: {some(owners)}"
            yield f"{here}: {many}, which anybody who may write there may have invented; --json lists them all"
            continue
        for owner in owners:
            how = "they are this stack's own" if owner in own else f"{command(owner)} shows them"
            yield f"{here}: owner {shown(owner)} has {counted(found.others[owner], 'thing')}; {how}"


def as_json(found: Sequence[Leavings], done: Sequence[Released] | None) -> str:
    """Everything, for programs. done: None for what was only shown."""
    realms = [
        {
            "realm": each.realm,
            "left": [{**_object(left), "adopted": left in each.adopted} for left in each.left],
            "ends": list(each.ends),
            "opens": list(each.opens),
            "otherOwners": each.others,
            "unread": list(each.unread),
            "policyChanges": [*each.refused, *each.told],
        }
        for each in found
    ]
    told = (
        None
        if done is None
        else [{**_object(each.left), "stays": each.stays or None, "fault": each.fault or None} for each in done]
    )
    return json.dumps({"owner": found[0].owner, "realms": realms, "released": told}, indent=2, ensure_ascii=False)


def _object(left: Leftover) -> dict[str, Any]:
    return {
        "what": left.what.value,
        "client": left.client or None,
        "name": left.name or None,
        "owner": left.owner,
        "type": left.type or None,
    }
