"""Faults of declared guards, a sentence each: what cannot work, or would not guard what it seems to guard."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kcadmin.guards.entries import Guards
from kcadmin.rest.texts import harmless, named, shown

# Claims that are no text or number wherever they occur: the executor refuses every token then.
NEVER_SCALAR = ("aud", "realm_access", "resource_access", "address", "allowed-origins", "email_verified")
# What Java and Python read alike; Keycloak takes any text, and with a broken one answers 500 to each exchange.
_PLAIN_PATTERN = re.compile(
    r"(?:\\[dDwWsS]|\\[^A-Za-z0-9]|\[\^?(?:\\[dDwWsS]|\\[^A-Za-z0-9]|[^\]\[\\&^])+\]"
    r"|\(\?:|\((?!\?)|\)|[|.^$*+?]|\{\d+(?:,\d*)?\}|[^\\\[\](){}*+?|.^$])+",
    re.DOTALL,
)


def guard_type_faults(declared: Mapping[str, Any]) -> list[str]:
    """Inputs that are not maps of the right shape, so that nothing else can be checked about them."""
    declared = {name: value for name, value in declared.items() if value is not None}
    sources, claims = declared.get("sources", {}), declared.get("user_claims", {})
    found = []
    if not (isinstance(sources, Mapping) and all(_is_texts(names) for names in sources.values())):
        found.append(f"sources is {shown(sources)}; give a list of client ids for each requester")
    if not (
        isinstance(claims, Mapping)
        and all(isinstance(each, Mapping) and _is_texts([*each.values()]) for each in claims.values())
    ):
        found.append(f"user_claims is {shown(claims)}; give for each requester a map of claims, each with a pattern")
    scopes = declared.get("scopes", {})
    if not (
        isinstance(scopes, Mapping)
        and all(isinstance(each, Mapping) and all(map(_is_texts, each.values())) for each in scopes.values())
    ):
        found.append(f"scopes is {shown(scopes)}; give for each requester a map of client scopes, each with client ids")
    return found


def guard_faults(guards: Guards) -> Iterator[str]:
    """What cannot work, or would not guard what it seems to guard: ``<what is wrong>; <what to do>``."""
    if guards == Guards():
        yield "guards nothing; give requesters, sources, scopes, no_wider_scopes or user_claims"
    if guards.requesters == ():
        yield "requesters is empty, which would refuse every exchange of the realm; name at least one client"
    if guards.requesters:
        for name in guards.marked:
            if name not in guards.requesters:
                yield f"{named(name)} is guarded but not one of requesters, so it could not exchange at all; add it there"
    for name, sources in guards.sources.items():
        if not sources:
            yield f"sources of {named(name)} is empty; name the clients whose tokens it may exchange"
    for name, scopes in guards.scopes.items():
        for scope in [scope for scope, sources in scopes.items() if not (scope and sources)] or (
            [] if scopes else [""]
        ):
            yield (
                f"scopes of {named(name)} has no sources for {named(scope)}; name the clients whose tokens it may "
                "exchange for it"
            )
    for name, claims in guards.user_claims.items():
        if not claims:
            yield f"user_claims of {named(name)} is empty; name a claim and its pattern"
        for claim, pattern in claims.items():
            yield from _claim_faults(name, claim, pattern)


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)


def _claim_faults(requester: str, claim: str, pattern: str) -> Iterator[str]:
    where = f"user_claims of {named(requester)}"
    if claim == "azp":
        yield f"{where} has the claim azp, which names a client; use sources"
    elif not claim or claim in NEVER_SCALAR or claim.startswith(("realm_access.", "resource_access.")):
        yield (
            f"{where} has the claim {named(claim)}, but Keycloak compares only texts and numbers at the top of a token; "
            "choose such a claim, or for roles the requiredRoles of a grant"
        )
    try:
        plain = bool(_PLAIN_PATTERN.fullmatch(pattern)) and bool(re.compile(pattern))
    except re.error:
        plain = False
    if not plain:
        yield (
            f"{where} has the pattern '{harmless(pattern)}' for {claim}, which Java and Python do not read "
            "alike, or not at all; "
            "use letters, classes, groups, |, quantifiers, and a backslash before other characters"
        )
