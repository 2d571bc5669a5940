"""Guards of a realm's token exchange: makes entries of the realm's client policies and profiles from what stacks declare.

Keycloak has no condition on one client, so each guarded requester has a mark, an attribute with a random value
(``kcadmin/guards/marks.py``). Each guard is a policy and a profile of the same name. Stacks that declare the same guard share
both: the description contains each one's part, the entry is made of all parts, and the last stack removes it.

The executors used here act on a token exchange only. ``reject-request`` is not used: it acts on every event on which the
condition ``grant-type`` abstains, which are userinfo, refresh, logout, the login itself and each change in the Admin Console;
``mode: STRICT`` would prevent that, but older tools that write the list drop it.
https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kcadmin.guards.client_policies import PROFILES, Entry
from kcadmin.guards.parts import (
    ASKED,
    MARK,
    PREFIX,
    REQUESTERS,
    SCOPES,
    SOURCES,
    USER,
    GuardPart,
    guard_description,
    held_parts,
)
from kcadmin.marks.ownership import NOBODY, Writer
from kcadmin.marks.whose import command
from kcadmin.rest import texts
from kcadmin.rest.tokens import EXCHANGE_GRANT

GRANT_TYPE, CLIENT_ATTRIBUTES, CLIENT_SCOPES = "grant-type", "client-attributes", "client-scopes"
CLAIM_ENFORCER, DOWNSCOPE = "jwt-claim-enforcer", "downscope-assertion-grant-enforcer"
NOTHING = "(?!)"
MARK_FORM = re.compile(r"([0-9a-f]{16})-[0-9a-f]{32}")


@dataclass(frozen=True)
class Guards:
    """What one owner declares, all by client id. ``requesters``: None leaves it open who may exchange.

    ``sources``: by requester, whose tokens it may exchange. ``user_claims``: by requester and claim, a regular expression.
    ``scopes``: by requester and optional client scope, whose tokens it may exchange when it asks for that scope.
    """

    requesters: tuple[str, ...] | None = None
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    no_wider_scopes: tuple[str, ...] = ()
    user_claims: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scopes: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    @classmethod
    def read(cls, declared: Mapping[str, Any]) -> "Guards":
        """From a resource's inputs; what is not declared may be missing."""
        requesters, sources = declared.get("requesters"), declared.get("sources") or {}
        return cls(
            None if requesters is None else tuple(sorted(set(requesters))),
            {name: tuple(sorted(set(clients))) for name, clients in sources.items()},
            tuple(sorted(set(declared.get("no_wider_scopes") or ()))),
            {name: dict(claims) for name, claims in (declared.get("user_claims") or {}).items()},
            {
                name: {scope: tuple(sorted(set(clients))) for scope, clients in scopes.items()}
                for name, scopes in (declared.get("scopes") or {}).items()
            },
        )

    @property
    def marked(self) -> tuple[str, ...]:
        """The requesters that need a mark."""
        named = {*(self.requesters or ()), *self.sources, *self.no_wider_scopes, *self.user_claims, *self.scopes}
        return tuple(sorted(named))

    @property
    def clients(self) -> tuple[str, ...]:
        """All clients that the guards contain."""
        lists = [*self.sources.values(), *(names for scopes in self.scopes.values() for names in scopes.values())]
        return tuple(sorted({*self.marked, *(name for names in lists for name in names)}))

    @property
    def conditions(self) -> tuple[str, ...]:
        """What the server must offer."""
        return (GRANT_TYPE, CLIENT_ATTRIBUTES, *([CLIENT_SCOPES] if self.scopes else []))

    @property
    def executors(self) -> tuple[str, ...]:
        """What the server must offer."""
        enforcer = bool(self.requesters or self.sources or self.user_claims or self.scopes)
        return (*([CLAIM_ENFORCER] if enforcer else []), *([DOWNSCOPE] if self.no_wider_scopes else []))


def sources_by_requester(flows: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The argument ``sources`` for planned exchanges, each a requester and the client of its subject token."""
    found: dict[str, set[str]] = {}
    for requester, source in flows:
        found.setdefault(requester, set()).add(source)
    return {requester: tuple(sorted(found[requester])) for requester in sorted(found)}


def label_of(mark: str) -> str:
    """The part of a mark in entries' names, which is not secret; of a mark of earlier versions, the mark itself."""
    form = MARK_FORM.fullmatch(mark)
    return form[1] if form else mark


def guard_parts(guards: Guards, marks: Mapping[str, str], writer: Writer = NOBODY) -> dict[str, GuardPart]:
    """The owner's parts by the entry's name. ``marks``: of each requester, by client id."""
    found: dict[str, GuardPart] = {}
    if guards.requesters is not None:
        found[PREFIX + REQUESTERS] = GuardPart(REQUESTERS, tuple(sorted(marks[name] for name in guards.requesters)))
    for name, sources in guards.sources.items():
        found[f"{PREFIX}{SOURCES}.{name}.{label_of(marks[name])}"] = GuardPart(
            SOURCES, (marks[name],), "azp", tuple(sorted(sources))
        )
    for name in guards.no_wider_scopes:
        found[f"{PREFIX}{SCOPES}.{name}.{label_of(marks[name])}"] = GuardPart(SCOPES, (marks[name],))
    for name, claims in guards.user_claims.items():
        for claim, pattern in claims.items():
            part = GuardPart(USER, (marks[name],), claim, (pattern,))
            found[f"{PREFIX}{USER}.{claim}.{name}.{label_of(marks[name])}"] = part
    for name, scopes in guards.scopes.items():
        for scope, sources in scopes.items():
            part = GuardPart(ASKED, (marks[name],), scope, tuple(sorted(sources)))
            found[f"{PREFIX}{ASKED}.{scope}.{name}.{label_of(marks[name])}"] = part
    return {name: replace(part, writer=writer) for name, part in found.items()}


def merged(
    kind: str,
    entries: Sequence[Entry],
    mine: Mapping[str, GuardPart],
    owner: str,
    *,
    leaving: Collection[str] = (),
    ours: Collection[str] = (),
) -> list[Entry]:
    """The realm's list with our parts in it; entries without a part of ours stay unchanged and in place.

    :param leaving: owners whose parts are removed from entries that ``mine`` does not have.
    :param ours: names of entries that were ours, and are removed even if no part in them can be read any more.
    """
    then: list[Entry] = []
    for entry in entries:
        name, held = str(entry.get("name")), held_parts(entry)
        left = {who: part for who, part in held.items() if who not in leaving}
        if name in mine:
            then.append({**entry, **as_entry(kind, name, {**left, owner: mine[name]})})
        elif left != held:
            then += [{**entry, **as_entry(kind, name, left)}] if left else []
        elif held or name not in ours:
            then.append(entry)
    there = {str(entry.get("name")) for entry in entries}
    return then + [as_entry(kind, name, {owner: part}) for name, part in mine.items() if name not in there]


def pattern_conflicts(
    entries: Sequence[Entry], mine: Mapping[str, GuardPart], leaving: Collection[str]
) -> Iterator[str]:
    """Other owners' patterns for a claim that differ from ours, since both would have to match."""
    for entry in entries:
        part = mine.get(str(entry.get("name")))
        for who, other in held_parts(entry).items() if part and part.kind == USER else ():
            if part and who not in leaving and other.allowed != part.allowed:
                yield (
                    f"user_claims has {texts.named(part.allowed[0])} for {part.claim}, and {texts.named(who)} has "
                    f"{texts.named(other.allowed[0])} for the "
                    f"same requester; agree on one pattern, or, if that owner's stack no longer runs here, see {command(who)}"
                )


def guard_drift(kind: str, entries: Sequence[Entry], mine: Mapping[str, GuardPart], owner: str) -> Iterator[str]:
    """What somebody removed, disabled or changed of our entries, a sentence each."""
    there = {str(entry.get("name")): entry for entry in entries}
    what = "client profile" if kind == PROFILES else "client policy"
    for name, part in mine.items():
        entry = there.get(name)
        if entry is None:
            yield f"{what} {texts.named(name)} is gone"
            continue
        held = held_parts(entry)
        ours = held.get(owner)
        if ours != part:
            yield f"{what} {texts.named(name)} does not hold the part of {texts.named(owner)} as declared"
        elif part.writer.number and ours.writer.number not in ("", part.writer.number):
            yield f"{what} {texts.named(name)} holds the part of another resource of this stack"
        for key, value in as_entry(kind, name, held or {owner: part}).items():
            if key == "enabled" and not entry.get(key):
                yield f"{what} {texts.named(name)} is disabled"
            elif key != "description" and entry.get(key) != value:
                yield f"{what} {texts.named(name)} has other {key}"


def as_entry(kind: str, name: str, held: Mapping[str, GuardPart]) -> Entry:
    """A client policy or profile, made of all owners' parts."""
    body = {"executors": list(_executors(held.values()))} if kind == PROFILES else _policy(name, held.values())
    return {"name": name, "description": guard_description(held), **body}


def _policy(name: str, held: Collection[GuardPart]) -> dict[str, Any]:
    """Conditions are joined by AND: for ``requesters``, clients with none of the marks; else clients with this mark.

    A requested scope counts if it is an optional one of the requester.
    """
    marks = sorted({mark for part in held for mark in part.marks})
    negative = any(part.kind == REQUESTERS for part in held)
    exchange = {"is-negative-logic": False, "grant_types": [EXCHANGE_GRANT]}
    return {
        "enabled": True,
        "conditions": [
            {"condition": GRANT_TYPE, "configuration": exchange},
            *(
                {
                    "condition": CLIENT_ATTRIBUTES,
                    "configuration": {
                        "is-negative-logic": negative,
                        "attributes": json.dumps([{"key": MARK, "value": mark}]),
                    },
                }
                for mark in marks
            ),
            *(
                {
                    "condition": CLIENT_SCOPES,
                    "configuration": {"is-negative-logic": False, "type": "Optional", "scopes": [scope]},
                }
                for scope in sorted({part.claim for part in held if part.kind == ASKED})
            ),
        ],
        "profiles": [name],
    }


def _executors(held: Collection[GuardPart]) -> Iterator[dict[str, Any]]:
    kinds = {part.kind for part in held}
    allowed = sorted({each for part in held for each in part.allowed})
    if REQUESTERS in kinds:  # a claim that no token has, and a value that none matches
        yield _enforcer(PREFIX + REQUESTERS, NOTHING)
    if kinds & {SOURCES, ASKED}:
        yield _enforcer("azp", f"^({'|'.join(re.escape(name) for name in allowed)})$")
    if SCOPES in kinds:
        yield {"executor": DOWNSCOPE, "configuration": {}}
    if USER in kinds:  # two patterns are two executors, and both must match
        claim = next(part.claim for part in held)
        yield from (_enforcer(claim, pattern) for pattern in allowed)


def _enforcer(claim: str, pattern: str) -> dict[str, Any]:
    return {"executor": CLAIM_ENFORCER, "configuration": {"claim-name": claim, "allowed-value": pattern}}
