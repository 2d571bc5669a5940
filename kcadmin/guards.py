"""Guards of a realm's token exchange: from what stacks declare to entries of the realm's client policies and profiles.

No condition of Keycloak names a client, so each guarded requester bears a mark, an attribute whose value nobody can guess and
no other client has. Each guard is a policy and a profile of the same name. Stacks that declare the same guard share both: each
one's part stands in the description, the entry is made of all parts, and the last one out removes it.

The executors used here act on a token exchange only. ``reject-request`` is not used: it acts on every event on which the
condition ``grant-type`` abstains, which are userinfo, refresh, logout, the login itself and each change in the Admin Console;
``mode: STRICT`` would mend that, but older tools that write the list drop it.
https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kcadmin.client_policies import PROFILES, Entry
from kcadmin.ownership import hash16
from kcadmin.texts import shown
from kcadmin.tokens import EXCHANGE_GRANT

PREFIX = "pulumi.exchange."
MARK = f"{PREFIX}requester"
REQUESTERS, SOURCES, SCOPES, USER = "requesters", "sources", "no-wider-scopes", "user"
CONDITIONS = GRANT_TYPE, CLIENT_ATTRIBUTES = "grant-type", "client-attributes"
CLAIM_ENFORCER, DOWNSCOPE = "jwt-claim-enforcer", "downscope-assertion-grant-enforcer"
NOTHING = "(?!)"
# Claims that are no text or number wherever they occur: the executor refuses every token then.
NEVER_SCALAR = ("aud", "realm_access", "resource_access", "address", "allowed-origins", "email_verified")
_HELD = "Guard of token exchange, made by Pulumi. Parts by owner: "
# What Java and Python read alike; Keycloak takes any text, and with a broken one answers 500 to each exchange.
_PLAIN_PATTERN = re.compile(
    r"(?:\\[dDwWsS]|\\[^A-Za-z0-9]|\[\^?(?:\\[dDwWsS]|\\[^A-Za-z0-9]|[^\]\[\\&^])+\]"
    r"|\(\?:|\((?!\?)|\)|[|.^$*+?]|\{\d+(?:,\d*)?\}|[^\\\[\](){}*+?|.^$])+",
    re.DOTALL,
)


@dataclass(frozen=True)
class Guards:
    """What one owner declares, all by client id. ``requesters``: None leaves it open who may exchange.

    ``sources``: by requester, whose tokens it may exchange. ``user_claims``: by requester and claim, a regular expression.
    """

    requesters: tuple[str, ...] | None = None
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    no_wider_scopes: tuple[str, ...] = ()
    user_claims: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, declared: Mapping[str, Any]) -> "Guards":
        """From a resource's inputs; what is not declared may be missing."""
        requesters, sources = declared.get("requesters"), declared.get("sources") or {}
        return cls(
            None if requesters is None else tuple(sorted(set(requesters))),
            {name: tuple(sorted(set(clients))) for name, clients in sources.items()},
            tuple(sorted(set(declared.get("no_wider_scopes") or ()))),
            {name: dict(claims) for name, claims in (declared.get("user_claims") or {}).items()},
        )

    @property
    def marked(self) -> tuple[str, ...]:
        """The requesters that need a mark."""
        return tuple(sorted({*(self.requesters or ()), *self.sources, *self.no_wider_scopes, *self.user_claims}))

    @property
    def clients(self) -> tuple[str, ...]:
        """All clients that are named."""
        return tuple(sorted({*self.marked, *(name for names in self.sources.values() for name in names)}))

    @property
    def executors(self) -> tuple[str, ...]:
        """What the server must offer."""
        enforcer = bool(self.requesters or self.sources or self.user_claims)
        return (*([CLAIM_ENFORCER] if enforcer else []), *([DOWNSCOPE] if self.no_wider_scopes else []))


@dataclass(frozen=True)
class Part:
    """One owner's part of a guard. ``allowed``: client ids for ``sources``, a pattern for ``user``."""

    kind: str
    marks: tuple[str, ...]
    claim: str = ""
    allowed: tuple[str, ...] = ()


def sources_by_requester(flows: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The argument ``sources`` for planned exchanges, each a requester and the client of its subject token."""
    found: dict[str, set[str]] = {}
    for requester, source in flows:
        found.setdefault(requester, set()).add(source)
    return {requester: tuple(sorted(found[requester])) for requester in sorted(found)}


def mark_of(management_uuid: str, client_uuid: str) -> str:
    """The mark of one client: made of UUIDs that only administrators see, so no client can give itself another's."""
    return hash16(f"{management_uuid}|{client_uuid}")


def parts(guards: Guards, marks: Mapping[str, str]) -> dict[str, Part]:
    """The owner's parts by the entry's name. ``marks``: of each requester, by client id."""
    found: dict[str, Part] = {}
    if guards.requesters is not None:
        found[PREFIX + REQUESTERS] = Part(REQUESTERS, tuple(sorted(marks[name] for name in guards.requesters)))
    for name, sources in guards.sources.items():
        found[f"{PREFIX}{SOURCES}.{name}.{marks[name]}"] = Part(SOURCES, (marks[name],), "azp", tuple(sorted(sources)))
    for name in guards.no_wider_scopes:
        found[f"{PREFIX}{SCOPES}.{name}.{marks[name]}"] = Part(SCOPES, (marks[name],))
    for name, claims in guards.user_claims.items():
        for claim, pattern in claims.items():
            part = Part(USER, (marks[name],), claim, (pattern,))
            found[f"{PREFIX}{USER}.{claim}.{name}.{marks[name]}"] = part
    return found


def held_parts(entry: Entry) -> dict[str, Part]:
    """Each owner's part of an entry, read from its description; what cannot be read is nobody's."""
    description = str(entry.get("description") or "")
    if not str(entry.get("name")).startswith(PREFIX) or _HELD not in description:
        return {}
    try:
        found = json.loads(description.split(_HELD, 1)[1])
        return {
            owner: Part(part["kind"], tuple(part["marks"]), part["claim"], tuple(part["allowed"]))
            for owner, part in found.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def merged(
    kind: str,
    entries: Sequence[Entry],
    mine: Mapping[str, Part],
    owner: str,
    *,
    leaving: Collection[str] = (),
    ours: Collection[str] = (),
) -> list[Entry]:
    """The realm's list with our parts in it; entries that hold no part of ours stay as they are and where they are.

    :param leaving: owners whose parts go where ``mine`` names no such entry.
    :param ours: names of entries that were ours, and go even when nobody's part can be read any more.
    """
    then: list[Entry] = []
    for entry in entries:
        name, held = str(entry.get("name")), held_parts(entry)
        left = {who: part for who, part in held.items() if who not in leaving}
        if name in mine:
            then.append({**entry, **_entry(kind, name, {**left, owner: mine[name]})})
        elif left != held:
            then += [{**entry, **_entry(kind, name, left)}] if left else []
        elif held or name not in ours:
            then.append(entry)
    there = {str(entry.get("name")) for entry in entries}
    return then + [_entry(kind, name, {owner: part}) for name, part in mine.items() if name not in there]


def conflicts(entries: Sequence[Entry], mine: Mapping[str, Part], leaving: Collection[str]) -> Iterator[str]:
    """Other owners' patterns for a claim that differ from ours: both would have to match."""
    for entry in entries:
        part = mine.get(str(entry.get("name")))
        for who, other in held_parts(entry).items() if part and part.kind == USER else ():
            if part and who not in leaving and other.allowed != part.allowed:
                yield (
                    f"user_claims has '{part.allowed[0]}' for {part.claim}, and '{who}' has '{other.allowed[0]}' for the "
                    "same requester; agree on one pattern"
                )


def drift(kind: str, entries: Sequence[Entry], mine: Mapping[str, Part], owner: str) -> Iterator[str]:
    """What somebody removed, disabled or changed of our entries, a sentence each."""
    there = {str(entry.get("name")): entry for entry in entries}
    what = "client profile" if kind == PROFILES else "client policy"
    for name, part in mine.items():
        entry = there.get(name)
        if entry is None:
            yield f"{what} '{name}' is gone"
            continue
        held = held_parts(entry)
        if held.get(owner) != part:
            yield f"{what} '{name}' does not hold the part of '{owner}' as declared"
        for key, value in _entry(kind, name, held or {owner: part}).items():
            if key == "enabled" and not entry.get(key):
                yield f"{what} '{name}' is disabled"
            elif key != "description" and entry.get(key) != value:
                yield f"{what} '{name}' has other {key}"


def type_faults(declared: Mapping[str, Any]) -> list[str]:
    """What of the inputs is no map as it should be, so that nothing else can be said of it."""
    sources, claims = declared.get("sources", {}), declared.get("user_claims", {})
    found = []
    if not (isinstance(sources, Mapping) and all(_is_texts(names) for names in sources.values())):
        found.append(f"sources is {shown(sources)}; give a list of client ids for each requester")
    if not (
        isinstance(claims, Mapping)
        and all(isinstance(each, Mapping) and _is_texts([*each.values()]) for each in claims.values())
    ):
        found.append(f"user_claims is {shown(claims)}; give for each requester a map of claims, each with a pattern")
    return found


def faults(guards: Guards) -> Iterator[str]:
    """What cannot work, or would not guard what it seems to: ``<what is wrong>; <what to do>``."""
    if guards == Guards():
        yield "guards nothing; give requesters, sources, no_wider_scopes or user_claims"
    if guards.requesters == ():
        yield "requesters is empty, which would refuse every exchange of the realm; name at least one client"
    if guards.requesters:
        for name in guards.marked:
            if name not in guards.requesters:
                yield f"'{name}' is guarded but not one of requesters, so it could not exchange at all; add it there"
    for name, sources in guards.sources.items():
        if not sources:
            yield f"sources of '{name}' is empty; name the clients whose tokens it may exchange"
    for name, claims in guards.user_claims.items():
        if not claims:
            yield f"user_claims of '{name}' is empty; name a claim and its pattern"
        for claim, pattern in claims.items():
            yield from _claim_faults(name, claim, pattern)


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)


def _claim_faults(requester: str, claim: str, pattern: str) -> Iterator[str]:
    where = f"user_claims of '{requester}'"
    if claim == "azp":
        yield f"{where} has the claim azp, which names a client; use sources"
    elif not claim or claim in NEVER_SCALAR or claim.startswith(("realm_access.", "resource_access.")):
        yield (
            f"{where} has the claim '{claim}', but Keycloak compares only texts and numbers at the top of a token; "
            "choose such a claim, or for roles the requiredRoles of a grant"
        )
    try:
        plain = bool(_PLAIN_PATTERN.fullmatch(pattern)) and bool(re.compile(pattern))
    except re.error:
        plain = False
    if not plain:
        yield (
            f"{where} has the pattern '{pattern}' for {claim}, which Java and Python do not read alike, or not at all; "
            "use letters, classes, groups, |, quantifiers, and a backslash before other characters"
        )


def _entry(kind: str, name: str, held: Mapping[str, Part]) -> Entry:
    """A policy or a profile, made of all owners' parts."""
    texts = {owner: asdict(held[owner]) for owner in sorted(held)}
    description = _HELD + json.dumps(texts, sort_keys=True, separators=(",", ":"))
    body = {"executors": list(_executors(held.values()))} if kind == PROFILES else _policy(name, held.values())
    return {"name": name, "description": description, **body}


def _policy(name: str, held: Collection[Part]) -> dict[str, Any]:
    """Conditions are joined by AND: who bears none of the marks for ``requesters``, else who bears this one."""
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
        ],
        "profiles": [name],
    }


def _executors(held: Collection[Part]) -> Iterator[dict[str, Any]]:
    kinds = {part.kind for part in held}
    allowed = sorted({each for part in held for each in part.allowed})
    if REQUESTERS in kinds:  # a claim that no token has, and a value that none matches
        yield _enforcer(PREFIX + REQUESTERS, NOTHING)
    if SOURCES in kinds:
        yield _enforcer("azp", f"^({'|'.join(re.escape(name) for name in allowed)})$")
    if SCOPES in kinds:
        yield {"executor": DOWNSCOPE, "configuration": {}}
    if USER in kinds:  # two patterns are two executors, and both must match
        claim = next(part.claim for part in held)
        yield from (_enforcer(claim, pattern) for pattern in allowed)


def _enforcer(claim: str, pattern: str) -> dict[str, Any]:
    return {"executor": CLAIM_ENFORCER, "configuration": {"claim-name": claim, "allowed-value": pattern}}
