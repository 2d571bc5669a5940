"""The faults of a grant whose clients may be created in the same run, from what is known so far."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from grants.description import title
from grants.gating import is_gated
from grants.late import LateGrant, late_faults, late_plan
from grants.plan import GrantPlan
from grants.policy_facts import policy_facts
from grants.spec import GrantSpec
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.rest.connection import Connection
from kcadmin.rest.session import session_for
from kcadmin.rest.texts import named, quoted
from providers.base import messages
from providers.checks.judge import JudgedGrants, judge, tell
from reach.facts import Coming, Facts, Own
from reach.preflight import ask_server

NOTHING_OWN, OWN = Own(), ("mappers", "policies", "scopes", "owners")
NOT_KNOWN = "the Keycloak of its connection is not known yet"
REPORTS = 10  # reports on what grants allow, per realm and process: each reads the realm's clients
_reports: "WeakKeyDictionary[Realm, int]" = WeakKeyDictionary()
_lock = threading.Lock()


@dataclass(frozen=True)
class LateJudgement:
    """faults: why it is refused.

    notes: a sentence each. whole: the judgement on the whole grant, if all of it exists. line: who may act for whom, if
    that is new. If all exists, uuids: by symbol; facts: see ``grants.policy_facts``; takes_away: see ``GrantPlan``, if the
    grant is conditional; scope: the existing scope that it names.
    """

    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    whole: JudgedGrants | None = None
    line: str = ""
    uuids: Mapping[str, str] | None = None
    facts: Mapping[str, Any] | None = None
    takes_away: Mapping[str, Sequence[str]] | None = None
    scope: Mapping[str, Any] | None = None

    def tell(self) -> None:
        """Shows notes and warnings to people."""
        if self.line:
            messages.info(self.line)
        tell(self.notes)
        if self.whole:
            self.whole.tell()

    def derived(self) -> dict[str, Any]:
        """What the grant's parts take from its check."""
        said = {"uuids": self.uuids, "facts": self.facts, "takes_away": self.takes_away, "scope": self.scope}
        return {key: dict(value) for key, value in said.items() if value is not None}


def judge_late(
    connection: Connection,
    late: LateGrant,
    ids: Mapping[str, str],
    own: Own = NOTHING_OWN,
    was: Mapping[str, str] | None = None,
    *,
    before_writes: bool,
    shared: Callable[[GrantSpec, Facts], Iterable[str]] = lambda spec, facts: (),
) -> LateJudgement:
    """:param ids: by symbol, what a program gives as a client's UUID.

    own: from the stack's state.
    :param was: by symbol, the clients' UUIDs at the last run; a preview has not seen those of new clients.
    :param before_writes: all is known, so each fault is refused. Else faults that the run may still change are only
        reported.
    :param shared: returns which other stacks have the grant's owner, too.
    :raises KeycloakError: the server cannot be reached.
    """
    spec, faults = late.spec()
    if spec is None:
        return LateJudgement(tuple(faults))
    realm = realm_for(session_for(connection), spec.realm)
    facts = ask_server(connection, late.questions(spec))
    facts = replace(
        facts,
        own=own,
        coming=Coming() if before_writes else late.may_come(spec),
        missing_realms=facts.missing_realms | ({spec.realm} & late.unknown),
    )
    if others := tuple(shared(spec, facts)):
        return LateJudgement(others)
    planned = late_plan(spec, facts)
    found = late_faults(planned, facts)
    refused = (*found.refused, *_other_ids(spec, late, ids, facts)) if before_writes else found.refused
    if refused:
        return LateJudgement(refused)
    if missing := list(_missing(spec, facts, late)):
        text = _note(spec, "; ".join(missing))
        return LateJudgement(notes=(text, *_told(found.unless_changed)), line=title(planned))
    if found.unless_changed:
        return LateJudgement(notes=tuple(_told(found.unless_changed)), line=title(planned))
    uuids = {symbol: planned.uuids[name] for symbol, name in late.names.items() if name in planned.uuids}
    opens = (not before_writes or uuids != was) and _may_look(realm)
    judged = judge([spec], connection, facts, opens=opens)
    if judged.faults:
        return LateJudgement(judged.faults, whole=judged)
    return _whole(judged, late, uuids, line="" if uuids == was else title(planned))


def own_of(given: Mapping[str, Sequence[Sequence[str]]]) -> Own:
    """What a program passes on from its state: lists of texts by ``mappers``, ``policies``, ``scopes`` and ``owners``."""
    found = {key: [tuple(map(str, each)) for each in given.get(key) or ()] for key in OWN}
    return Own(
        owners=frozenset(owner for (owner,) in found["owners"]),
        policies={(realm, name): mark for realm, name, mark in found["policies"]},
        scopes=frozenset((realm, name) for realm, name in found["scopes"]),
        mappers=frozenset((realm, uuid, client, number) for realm, uuid, client, number in found["mappers"]),
    )


def not_judged(late: LateGrant, why: str) -> LateJudgement:
    """The judgement in a preview that cannot ask the server yet."""
    spec, faults = late.spec()
    if spec is None:
        return LateJudgement(tuple(faults))
    return LateJudgement(notes=(_note(spec, why),), line=title(late_plan(spec, Facts(None, {}))))


def _note(spec: GrantSpec, why: str) -> str:
    return spec.note(f"{why}. The rest is checked by `pulumi up`, before it writes anything of the grant")


def _may_look(realm: Realm) -> bool:
    with _lock:
        _reports[realm] = reports = _reports.get(realm, 0) + 1
    if reports == REPORTS + 1:
        tell(
            [
                f"note on realm {named(realm.name)}: one run reports what {REPORTS} late grants allow, and there are more; "
                "`python -m exchange graph` shows who may exchange for whom."
            ]
        )
    return reports <= REPORTS


def _whole(judged: JudgedGrants, late: LateGrant, uuids: Mapping[str, str], line: str) -> LateJudgement:
    (planned,) = judged.grants
    return LateJudgement(
        whole=judged,
        line=line,
        uuids=uuids,
        facts=policy_facts(planned),
        takes_away=_by_symbol(planned, late),
        scope=_scope_of_others(planned),
    )


def _by_symbol(planned: GrantPlan, late: LateGrant) -> dict[str, Sequence[str]] | None:
    away = planned.takes_away
    if not is_gated(planned.spec):
        return None
    return {symbol: list(away[name]) for symbol, name in late.names.items() if name in away}


def _scope_of_others(planned: GrantPlan) -> dict[str, Any] | None:
    """The named client scope as it exists, if somebody else made it; empty if the grant makes it."""
    found = planned.scope
    if not planned.spec.scope:
        return None
    if found is None or found.owner == planned.spec.grant_owner:
        return {}
    return {"description": found.description, "in_token_scope": found.in_token_scope}


def _missing(spec: GrantSpec, facts: Facts, late: LateGrant) -> Iterator[str]:
    """What does not exist, or is not known, in this preview."""
    unknown, there = late.unknown, {client for _, client in facts.clients}
    clients = [client for _, client in sorted(spec.clients())]
    if spec.realm in facts.missing_realms and spec.realm not in unknown:
        yield "the realm does not exist yet"
    elif missing := [client for client in clients if client not in there and client not in unknown]:
        yield f"{quoted(missing, 'and')} {'does' if len(missing) == 1 else 'do'} not exist yet"
    if unnamed := sorted(unknown):
        names = "name of" if len(unnamed) == 1 else "names of"
        yield f"the {names} {quoted(unnamed, 'and')} {'is' if len(unnamed) == 1 else 'are'} not known yet"
    roles = [role for role in spec.required_roles if (spec.realm, role.client, role.role) in facts.missing_roles]
    if roles:
        yield f"{quoted(map(str, roles), 'and')} {'does' if len(roles) == 1 else 'do'} not exist yet as a role"


def _told(faults: Sequence[str]) -> Iterator[str]:
    for fault in faults:
        yield f"as it is now, {fault.removesuffix('.')}. `pulumi up` refuses the grant unless it changes that first."


def _other_ids(spec: GrantSpec, late: LateGrant, ids: Mapping[str, str], facts: Facts) -> Iterator[str]:
    """Resources whose ids are not the UUIDs of their clients."""
    for symbol, id_ in ids.items():
        client = facts.clients.get((spec.realm, late.names.get(symbol, "")))
        if client and client.uuid != id_:
            yield spec.describe(
                f"the resource given for client {named(client.client_id)} has the id {named(id_)}, which is not the client's "
                "UUID",
                "give its client_id instead of the resource",
            )
