"""What a realm's client policies refuse: our guards are judged, those of others only named.

https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kcadmin.client_policies import POLICIES, PROFILES, Entry
from kcadmin.guard_marks import is_own
from kcadmin.guard_parts import ASKED, MARK, PREFIX, REQUESTERS, SCOPES, SOURCES, USER, Part, held_parts
from kcadmin.guards import MARK_FORM, merged
from kcadmin.survey import Survey


@dataclass(frozen=True)
class GuardReach:
    """What guards leave, by client id. requesters: None for all. sources: a requester that is absent may have all.

    no_wider_scopes: requesters whose own mappers do not count. when: by requester, what must hold of the user.
    asked: by requester, the sources with whose tokens alone it may ask for a client scope.
    unjudged: what may refuse more, or was changed by hand, a sentence each.
    """

    requesters: frozenset[str] | None = None
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    no_wider_scopes: frozenset[str] = frozenset()
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    unjudged: tuple[str, ...] = ()


def guard_reach(survey: Survey) -> GuardReach:
    """Reads the realm's client policies, in the meaning that Keycloak gives them."""
    if survey.client_policies is None or survey.client_profiles is None:
        lacking = "client policies: the login may not read them (role view-realm), so guards are left out of account"
        return GuardReach(unjudged=(lacking,))
    marked: dict[str, set[str]] = {}
    for name, client in survey.clients.items():
        if client.attributes.get(MARK):
            marked.setdefault(client.attributes[MARK], set()).add(name)
    profiles = {str(each.get("name")): each for each in survey.client_profiles}
    requesters: frozenset[str] | None = None
    sources: dict[str, frozenset[str]] = {}
    scopes: set[str] = set()
    when: dict[str, tuple[str, ...]] = {}
    asked: dict[str, dict[str, frozenset[str]]] = {}
    unjudged = list(_borrowed(survey, marked))
    for entry in survey.client_policies:
        name = str(entry.get("name"))
        if not entry.get("enabled"):
            continue
        parts = tuple(held_parts(entry).values())
        if not (parts and _as_made(POLICIES, entry) and _as_made(PROFILES, profiles.get(name))):
            changed = ", and was changed by hand" if name.startswith(PREFIX) else ""
            unjudged.append(f"client policy '{name}': may refuse more; it is not judged here{changed}")
            continue
        bearers = frozenset(each for part in parts for mark in part.marks for each in marked.get(mark, ()))
        kind = parts[0].kind
        if kind == REQUESTERS:
            requesters = bearers if requesters is None else requesters & bearers
        for bearer in bearers:
            if kind == SOURCES:
                allowed = frozenset(each for part in parts for each in part.allowed)
                sources[bearer] = allowed & sources.get(bearer, allowed)
            elif kind == SCOPES:
                scopes.add(bearer)
            elif kind == ASKED:
                mine = asked.setdefault(bearer, {})
                for part in parts:
                    mine[part.claim] = frozenset(part.allowed) & mine.get(part.claim, frozenset(part.allowed))
            elif kind == USER:
                when[bearer] = (*when.get(bearer, ()), *dict.fromkeys(_said(part) for part in parts))
    return GuardReach(requesters, sources, frozenset(scopes), when, asked, tuple(unjudged))


def _borrowed(survey: Survey, marked: Mapping[str, set[str]]) -> Iterator[str]:
    """Clients with a mark that was not made for them; of a mark of earlier versions, all that bear it beside others."""
    for mark, names in marked.items():
        if len(names) > 1 or MARK_FORM.fullmatch(mark):
            for name in sorted(names):
                if not is_own(mark, survey.clients[name].uuid):
                    yield f"client '{name}': bears a mark that was made for another client; guards take it for that one"


def _as_made(kind: str, entry: Entry | None) -> bool:
    """Whether an entry is what its own description says that our stacks made of it."""
    held = held_parts(entry) if entry else {}
    if entry is None or not held:
        return False
    owner = next(iter(held))
    return merged(kind, [entry], {str(entry["name"]): held[owner]}, owner) == [entry]


def _said(part: Part) -> str:
    return f"the user's claim {part.claim} matches '{part.allowed[0]}'"
