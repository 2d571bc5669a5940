"""Which of a realm's client policies hold for a token exchange, and what their executors do. No other module decides this.

Keycloak runs them at each exchange, standard and legacy. Proven on 26.2.5, 26.5.6 and 26.7.3: three executors can refuse
one, but none in a built-in profile does. https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Any

from kcadmin.guards.entries import CLAIM_ENFORCER, CLIENT_ATTRIBUTES, CLIENT_SCOPES, DOWNSCOPE, GRANT_TYPE
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL
from kcadmin.objects.clients import Client
from kcadmin.rest.tokens import EXCHANGE_GRANT
from kcadmin.writes.executors import KNOWN, REJECT
from kcadmin.writes.prediction import Cause, RealmPolicies
from kcadmin.writes.votes import (
    ACCESS_TYPE,
    ANY,
    ROLES,
    TYPE,
    Entry,
    Version,
    Vote,
    access_type,
    either,
    has_attributes,
    is_true,
    joined,
    pairs_of,
    texts,
    yes,
)
from reach.held_mappers import held_scopes

Pair = tuple[str, Any]
CLIENT_COUNTS, TYPE_COUNTS = ((26, 2), (26, 5)), ((26, 5), (26, 7))
"""For conditions on the client and on its protocol: the last version in which they abstain, and the first in which they count."""
DEFAULTS, OPTIONALS, EITHER = (
    "Default",
    "Optional",
    "Any",
)  # types of the condition on client scopes; with another type it is never true
SILENT = KNOWN - {REJECT, CLAIM_ENFORCER, DOWNSCOPE}
"""Keycloak's executors that do nothing at an exchange."""


class Effect(Enum):
    """What an executor does to an exchange. UNKNOWN: only the server can tell."""

    REFUSES = "refuses it"
    NEEDS_CLAIM = "refuses it unless a claim of the subject token matches"
    NARROWS = "refuses wider scopes, and leaves the requester's own mappers out"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Asking:
    """An exchange that a client asks for.

    defined: the roles that the client defines, None if not known. scopes: that it requests by name; None if not known.
    """

    requester: Client
    defined: frozenset[str] | None = None
    scopes: frozenset[str] | None = None


@dataclass(frozen=True)
class Act:
    """What one executor does to an exchange.

    sure: its policy certainly applies. claim, pattern: those that a subject token must have.
    """

    cause: Cause
    effect: Effect
    sure: bool
    claim: str = ""
    pattern: str = ""

    def lets(self, value: str) -> bool | None:
        """Whether a value of the claim matches as a whole; None where only the server can tell."""
        try:
            return re.fullmatch(self.pattern, value) is not None
        except re.error:
            return None


class ActingPolicies:
    """A realm's client policies, for questions about many exchanges.

    :param version: the server's, its first two numbers; None where it is not known.
    """

    def __init__(self, policies: RealmPolicies, version: Version) -> None:
        self._version = _known(policies, version)
        self._policies = policies
        counts = _counts(CLIENT_COUNTS, self._version, Vote.YES) is Vote.YES
        self._sifted = [_sifted(policy) if counts else _Sifted(policy) for policy in policies.acting]
        self._scopes = frozenset(
            scope
            for policy in policies.acting
            for each in policy.get("conditions") or ()
            if each.get("condition") == CLIENT_SCOPES
            for scope in texts((each.get("configuration") or {}).get("scopes"))
        )
        self._by_need: dict[Pair, list[int]] = {}
        self._of_all: list[int] = []
        for number, each in enumerate(self._sifted):
            (self._by_need.setdefault(min(each.needs), []) if each.needs else self._of_all).append(number)

    def acts(self, asking: Asking) -> list[Act]:
        """What the policies that apply, or may apply, do to an exchange, in Keycloak's order."""
        vote = partial(_vote, asking, self._version)
        has = frozenset((key, value) for key, value in asking.requester.attributes.items() if isinstance(value, str))
        numbers = sorted({*self._of_all, *(number for pair in has for number in self._by_need.get(pair, ()))})
        near = [
            each.rest for each in map(self._sifted.__getitem__, numbers) if each.needs <= has and not each.never & has
        ]
        steps = replace(self._policies, policies=near).steps_of(lambda policy: joined(policy, vote))
        return [_act(cause, config, sure=sure) for cause, config, sure in steps if cause.executor not in SILENT]

    def asked_scopes(self, client: Client) -> list[str]:
        """The optional client scopes of a client that conditions check, so that its acts depend on the request."""
        held = held_scopes(client)
        return sorted(scope for scope in self._scopes if held.get(scope) == OPTIONAL)


@dataclass(frozen=True)
class _Sifted:
    """A policy split into the attributes that a client must have, those that it must not have, and the rest."""

    rest: Entry
    needs: frozenset[Pair] = frozenset()
    never: frozenset[Pair] = frozenset()


def _sifted(policy: Entry) -> _Sifted:
    """Thousands of clients may have marks, each with a condition of its own."""
    rest: list[Entry] = []
    needs: set[Pair] = set()
    never: set[Pair] = set()
    for each in policy.get("conditions") or ():
        config: Mapping[str, Any] = each.get("configuration") or {}
        pairs = pairs_of(config.get("attributes")) if each.get("condition") == CLIENT_ATTRIBUTES else None
        plain = (
            pairs is not None and len(dict(pairs)) == len(pairs) and all(isinstance(value, str) for _, value in pairs)
        )
        negative = is_true(config.get("is-negative-logic"))
        if not plain or pairs is None or (negative and len(pairs) != 1):
            rest.append(each)
        else:
            (never if negative else needs).update(pairs)
    whole = len(rest) == len(policy.get("conditions") or ())
    looked_up: list[Entry] = [] if whole else [{"condition": ANY}]  # says yes, as the split conditions do
    return _Sifted({**policy, "conditions": [*rest, *looked_up]}, frozenset(needs), frozenset(never))


def _act(cause: Cause, config: Mapping[str, Any], *, sure: bool) -> Act:
    claim, pattern = str(config.get("claim-name") or ""), str(config.get("allowed-value") or "")
    if cause.executor == REJECT:
        return Act(cause, Effect.REFUSES, sure)
    if cause.executor == DOWNSCOPE:
        return Act(cause, Effect.NARROWS, sure)
    if cause.executor == CLAIM_ENFORCER and claim and pattern:
        return Act(cause, Effect.NEEDS_CLAIM, sure, claim, pattern)
    return Act(cause, Effect.UNKNOWN, sure)


def _known(policies: RealmPolicies, version: Version) -> Version:
    """A server that does not show its version but has the executors of 26.5 is not older than that."""
    executors = (each.get("executor") for profile in policies.profiles for each in profile.get("executors") or ())
    newer = version is None and not {CLAIM_ENFORCER, DOWNSCOPE}.isdisjoint(executors)
    return CLIENT_COUNTS[1] if newer else version


def _vote(asking: Asking, version: Version, name: str, config: Mapping[str, Any]) -> Vote:
    """What a condition says before its negative logic."""
    client = asking.requester
    match name:
        case name if name == ANY:
            return Vote.YES
        case name if name == GRANT_TYPE:
            return either(frozenset((EXCHANGE_GRANT,)), config.get("grant_types"))
        case name if name == CLIENT_SCOPES:
            return _scopes(asking, str(config.get("type") or OPTIONALS), frozenset(texts(config.get("scopes"))))
        case name if name == ACCESS_TYPE:
            kind = frozenset((access_type(client.representation),))
            return _counts(CLIENT_COUNTS, version, either(kind, config.get("type")))
        case name if name == CLIENT_ATTRIBUTES:
            found = has_attributes(client.representation, config.get("attributes"))
            return _counts(CLIENT_COUNTS, version, yes(found))
        case name if name == ROLES:
            return _counts(CLIENT_COUNTS, version, either(asking.defined, config.get("roles")))
        case name if name == TYPE:
            protocol = str(client.value("protocol") or "openid-connect")
            return _counts(TYPE_COUNTS, version, yes(protocol == config.get("protocol")))
        case name if name.startswith("client-updater-") or name in ("acr-condition", "identity-provider-alias"):
            return Vote.ABSTAINS
        case _:  # a custom provider
            return Vote.UNKNOWN


def _scopes(asking: Asking, kind: str, wanted: Collection[str]) -> Vote:
    """An optional scope counts if it is requested, a default one always; with ``Any``, both."""
    held = held_scopes(asking.requester)
    if kind in (DEFAULTS, EITHER) and any(held.get(scope) == DEFAULT for scope in wanted):
        return Vote.YES
    if kind not in (OPTIONALS, EITHER):
        return Vote.NO
    optional = frozenset(scope for scope in wanted if held.get(scope) == OPTIONAL)
    if asking.scopes is None:
        return Vote.UNKNOWN if optional else Vote.NO
    return yes(not optional.isdisjoint(asking.scopes))


def _counts(since: tuple[tuple[int, int], tuple[int, int]], version: Version, vote: Vote) -> Vote:
    """A vote at a version. For versions between the two known ones, only the server can tell."""
    last_without, first = since
    if version is None or last_without < version[:2] < first:
        return Vote.UNKNOWN
    return vote if version >= first else Vote.ABSTAINS


def listed(pattern: str) -> frozenset[str] | None:
    """The values that a pattern lists one by one, as guards write it; None for another pattern."""
    whole = re.fullmatch(r"\^\((.*)\)\$", pattern, re.DOTALL)
    found: Iterable[str] = re.findall(r"(?:\\.|[^|\\])+", whole[1], re.DOTALL) if whole else ()
    values = [re.sub(r"\\(.)", r"\1", each, flags=re.DOTALL) for each in found]
    return frozenset(values) if values and pattern == f"^({'|'.join(map(re.escape, values))})$" else None
