"""Why tokens of a client cannot be exchanged: Keycloak fails to make them, or does not accept them. As on 26.7.3."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from kcadmin.objects.clients import Client
from kcadmin.objects.features import STANDARD
from kcadmin.rest.texts import named, shown
from reach.audiences import acts_at_issue
from reach.held_mappers import AssignedScope, Scopes, held_mappers
from reach.lightweight import lighteners
from reach.readable_claims import (
    KEY,
    ONCE_EACH,
    PARTY,
    UNSEEN,
    ClaimRules,
    claim_rules,
    first_claim,
    may_spoil,
    writes_claim,
    written_value,
)
from reach.reasons import MAPPER, SCOPE, Elsewhere, Unordered, Unseen, Way
from reach.roles import RoleFacts, scope_conditions
from reach.survey import Json, Survey
from reach.written_audiences import UNKNOWN, lacks, parties

NOT_MADE, NOT_TAKEN, BOUND, EARLY = "not made", "not taken", "bound", "early"
ALGORITHM = "access.token.signed.response.alg"
ALGORITHMS = frozenset({"EdDSA", *(f"{kind}{bits}" for kind in ("RS", "PS", "ES", "HS") for bits in (256, 384, 512))})


@dataclass(frozen=True)
class Failure:
    """What one mapper, or a setting, does to a client's tokens. kind: one of the words above.

    way: the mapper, and where that happens. field: the client's field, if it is one.
    """

    client: str
    kind: str
    way: Way
    field: str = "protocolMappers"

    @property
    def sure(self) -> bool:
        """Whether it concerns every token."""
        return not self.way.when

    @property
    def remedy(self) -> str:
        """The remedy."""
        if self.field != Failure.field:
            return f"clear {self.field} of the client"
        return "set that in the mapper, or delete the mapper" if self.kind == NOT_MADE else "delete the mapper"

    @property
    def told(self) -> str:
        """The consequence, a phrase."""
        where = f" where {' and '.join(self.way.when)}" if self.way.when else ""
        name = named(self.client)
        what = {
            NOT_MADE: f"Keycloak fails (500) to make tokens of {name}",
            NOT_TAKEN: f"exchanges refuse tokens of {name} (Invalid token)",
            EARLY: f"exchanges refuse tokens of {name} until then (Invalid token)",
            BOUND: f"tokens of {name} say to be bound to a key, so {name} alone may exchange them",
        }[self.kind]
        return f"{what}{where}: {self.way.by}"

    @property
    def unless(self) -> str:
        """The condition under which it has no effect, a phrase."""
        what = {
            NOT_MADE: ("made", "at which Keycloak fails"),
            NOT_TAKEN: ("exchanged", "which makes it an invalid token"),
            EARLY: ("exchanged", "which is still to come"),
            BOUND: ("exchanged", "which binds it to a key"),
        }[self.kind]
        phrase = f"no token of {named(self.client)} is {what[0]} where {' and '.join(self.way.when)}, {what[1]}: {self.way.by}"
        if len(self.way.when) == 1 and isinstance(self.way.when[0], Elsewhere):
            return Unseen(self.way.when[0].unless)
        seen = [each for each in self.way.when if isinstance(each, Unseen)]
        return type(seen[0])(phrase) if seen else phrase


def as_maker(found: Iterable[Failure]) -> Iterator[Failure]:
    """The failures that count for a client whose token an exchange makes."""
    return (each for each in found if each.kind == NOT_MADE)


def no_token(found: Iterable[Failure]) -> Iterator[str]:
    """Why an exchange makes no token of a client, a phrase each."""
    return (each.told for each in as_maker(found) if each.sure)


def as_source(found: Iterable[Failure], exchange: str | None, *, foreign: bool) -> Iterator[Failure]:
    """The failures that count for a client whose token is exchanged. foreign: by another client."""
    for each in found:
        if each.kind != BOUND:
            yield each
        elif exchange == STANDARD:
            proof = Unseen(f"{named(each.client)} does not prove that it has the key")
            yield each if foreign else replace(each, way=replace(each.way, when=(*each.way.when, proof)))


def failing_in(survey: Survey, roles: RoleFacts, client: Client) -> tuple[Failure, ...]:
    """All mappers of a client at which Keycloak fails. ``way.when``: the condition."""
    policies = lighteners(client, survey.client_policies, survey.client_profiles)
    return tuple(failing(client, survey.scopes, policies, roles, claim_rules(survey.features)))


def failing(
    client: Client, scopes: Scopes, policies: Sequence[str] | None, roles: RoleFacts, rules: ClaimRules
) -> Iterator[Failure]:
    """The same. policies: those that may make the client's tokens lightweight. rules: the server's."""
    yield from _by_settings(client)
    for mapper, by, held, owner in held_mappers(client, scopes):
        kind, what, more = _effect(mapper, client, by, scopes, policies, rules)
        on, when = acts_at_issue(mapper, client, policies) if kind else (False, None)
        if on:
            where = (*(_of_scope(roles, held) if held else ()), *((when,) if when else ()))
            yield Failure(
                client.client_id, kind, Way(SCOPE if held else MAPPER, f"{by} {what}", owner, (*where, *more))
            )


def _by_settings(client: Client) -> Iterator[Failure]:
    """A signature that the server cannot make; tokens that are revoked before they are issued."""
    algorithm, since = client.attributes.get(ALGORITHM) or "", client.value("notBefore")
    if algorithm and algorithm not in ALGORITHMS:
        unknown = () if algorithm == "none" else (f"the server has no signature algorithm {named(algorithm)}",)
        way = Way(MAPPER, f"its access tokens are to be signed with {named(algorithm)}", None, unknown)
        yield Failure(client.client_id, NOT_MADE, way, f"attributes.{ALGORITHM}")
    if isinstance(since, int) and since > time.time():
        way = Way(MAPPER, "its notBefore is a time that is still to come")
        yield Failure(client.client_id, EARLY, way, "notBefore")


def _of_scope(roles: RoleFacts, held: AssignedScope) -> tuple[str, ...]:
    known = held.name in roles.scope_roles
    return (
        *(() if known else (f"the client scope {named(held.name)} acts for the user",)),
        *scope_conditions(roles, held.name, held.kind),
    )


def _effect(
    mapper: Json, client: Client, by: str, scopes: Scopes, policies: Sequence[str] | None, rules: ClaimRules
) -> tuple[str, str, tuple[str, ...]]:
    """The kind of failure, or none; what the mapper does, and its conditions, a phrase each."""
    setting = lacks(mapper)
    if setting:
        return NOT_MADE, f"has no {named(setting)}", ()
    others = parties(mapper)
    if others != ():
        party = "its client" if others is None else named(others[0])
        elsewhere = () if others == (client.client_id,) else (Elsewhere(party),)
        return (NOT_TAKEN if elsewhere else ""), f"writes {PARTY}", elsewhere
    claim, value = first_claim(mapper), written_value(mapper)
    is_read = claim == KEY and value is not UNKNOWN and rules.shapes[claim](value)
    if not may_spoil(mapper, rules) or (is_read and not rules.binds):
        return "", "", ()
    if value is UNKNOWN:
        phrase = f"what it writes is not what Keycloak reads in {named(claim)}"
        return NOT_TAKEN, f"writes {named(claim)}", (Unseen(phrase) if claim in UNSEEN else phrase,)
    replaced = tuple(
        Unordered(f"{other} does not replace it")
        for writer, other, _, _ in held_mappers(client, scopes, lambda each: writes_claim(each, claim))
        if claim in ONCE_EACH and other != by and acts_at_issue(writer, client, policies)[0]
    )
    return (BOUND if is_read else NOT_TAKEN), f"writes {shown(value)} to {named(claim)}", replaced
