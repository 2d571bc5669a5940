"""Reasons why exchanges are allowed: ways, rules made of them, and the verdict on one exchange."""

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from kcadmin.rest import texts
from kcadmin.rest.texts import first_few, quoted

OWN, MAPPER, SCOPE, ROLES, PERMISSION = "own", "mapper", "scope", "roles", "permission"


class _AnyClient(str):
    """A value in place of a client id that equals no client id, since any text may be one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __hash__(self) -> int:
        return id(self)


ANY_CLIENT = _AnyClient("any client")
_OF_SOURCES = "the token is one of"


@dataclass(frozen=True)
class Way:
    """Why an exchange is allowed, for its source or its audience.

    kind: one of the words above. by: in words, with its name. owner: ``<organization>/<project>/<stack>``, with
    ``#<grant>``, or the hash of that; None if unmanaged. when: further conditions, a phrase each; empty for always.
    """

    kind: str
    by: str
    owner: str | None = None
    when: tuple[str, ...] = ()


def always(ways: Iterable[Way]) -> bool:
    """Whether one of the ways has no condition."""
    return any(not way.when for way in ways)


Ways = tuple[Way, ...]


@dataclass(frozen=True)
class AllowedExchanges:
    """A requester may exchange any of the sources' tokens for one for any of the audiences, by one exchange.

    sources: by client id; ``ANY_CLIENT`` if Keycloak does not check whose token it is. audiences: by client id; None is
    itself. role_sources, role_audiences: those that only a user's roles allow. when: conditions for all of it.
    """

    requester: str
    exchange: str
    sources: Mapping[str, Ways]
    audiences: Mapping[str | None, Ways]
    role_sources: frozenset[str] = frozenset()
    role_audiences: frozenset[str] = frozenset()
    when: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reasoning:
    """The verdict on one exchange. ways: what allows it. when: further conditions. why_not: a phrase each, empty if allowed."""

    exchange: str | None
    source_ways: Ways = ()
    audience_ways: Ways = ()
    when: tuple[str, ...] = ()
    why_not: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether it may pass, at least under conditions."""
        return not self.why_not

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions, a phrase each; empty if it always passes for every user, as far as that is judged."""
        return tuple(dict.fromkeys((*self.when, *conditions(self.source_ways), *conditions(self.audience_ways))))

    def opens_more_than(self, other: "Reasoning") -> bool:
        """Whether it passes in a case in which the other does not."""
        return not all(any(within(each, old) for old in other._each_way()) for each in self._each_way())

    def _each_way(self) -> list[frozenset[str]]:
        """The conditions of each way by which it passes."""
        if not self.allowed:
            return []
        to: tuple[Way | None, ...] = self.audience_ways or (None,)
        return [
            frozenset((*self.when, *source.when, *(audience.when if audience else ())))
            for source, audience in itertools.product(self.source_ways, to)
        ]


def conditions(ways: Ways) -> tuple[str, ...]:
    """The conditions for one of the ways: all of the phrases."""
    if always(ways) or not ways:
        return ()
    if len(ways) == 1:
        return ways[0].when
    return (first_few([*dict.fromkeys(" and ".join(way.when) for way in ways)], between=" or "),)


class OneOf(str):
    """A condition in words: the user has one of some roles, as ``<client id>/<role>`` or ``<role>``."""

    __slots__ = ("roles",)
    roles: frozenset[str]

    def __new__(cls, roles: Iterable[str]) -> "OneOf":
        named = tuple(roles)
        made = super().__new__(cls, f"the user has the role {' or '.join(repr(role) for role in named)}")
        made.roles = frozenset(named)
        return made


class Unseen(str):
    """A condition in words that no example of a token shows."""

    __slots__ = ()


class Elsewhere(Unseen):
    """A condition in words: a token passes for one of a client that its user is not logged in to. party: the client, in words."""

    __slots__ = ("unless",)
    unless: str

    def __new__(cls, party: str) -> "Elsewhere":
        made = super().__new__(cls, f"its user is not logged in to {party}, too")
        made.unless = logged_in(party)
        return made


class Unordered(Unseen):
    """A condition in words: of two mappers that write the same claim, one comes last. Each token may have its own order."""

    __slots__ = ()


def logged_in(party: str) -> str:
    """A condition on the user of a token that passes for another client's. party: the client, in words."""
    return f"its user is logged in to {party}, too"


def within(when: Collection[str], other: Collection[str]) -> bool:
    """Whether the others are true whenever these conditions are."""
    return all(phrase in when or any(_implies(each, phrase) for each in when) for phrase in other)


def _implies(phrase: str, other: str) -> bool:
    return isinstance(phrase, OneOf) and isinstance(other, OneOf) and phrase.roles <= other.roles


def of_sources(names: Iterable[str]) -> str:
    """A condition on the token's source."""
    return f"{_OF_SOURCES} {quoted(sorted(names))}"


def is_of_sources(phrase: str) -> bool:
    """Whether a condition is about the token's source."""
    return phrase.startswith(_OF_SOURCES)


def writes(by: str, name: str) -> str:
    """A condition on the value of a mapper that may write any text."""
    return f"what {by} writes is {texts.named(name)}"


def written_audience(phrase: str, audience: str | None) -> str:
    """Such a condition on an audience, in words that are the same for all audiences."""
    end = f" writes is {texts.named(audience)}"
    return f"{phrase.removesuffix(end)} writes is the audience" if phrase.endswith(end) else phrase
