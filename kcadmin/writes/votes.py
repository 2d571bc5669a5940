"""How the conditions of a realm's client policies vote at a write of a client.

Proven on 26.2.5, 26.5.6, 26.7.3 and 26.7.5. A policy applies if a condition votes yes and none votes no. A policy without
conditions, or whose conditions all abstain, never applies.
https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

Entry = Mapping[str, Any]
Version = tuple[int, ...] | None

ANY, ACCESS_TYPE, ROLES, TYPE = "any-client", "client-access-type", "client-roles", "client-type"
SOURCE_GROUPS, SOURCE_ROLES = "client-updater-source-groups", "client-updater-source-roles"
CONTEXT, SOURCE_HOST = "client-updater-context", "client-updater-source-host"
UPDATERS = (CONTEXT, SOURCE_HOST, SOURCE_GROUPS, SOURCE_ROLES)
BODY_COUNTS_SINCE = (26, 7)  # the access type in a write's body counts, too
GROUPS_BY_PATH_SINCE = (26, 7, 5)


class Vote(Enum):
    """The vote of a condition or a policy. UNKNOWN: only the server can tell."""

    YES = "yes"
    NO = "no"
    ABSTAINS = "abstains"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class WritingLogin:
    """The login that writes. groups: paths; roles: of those that conditions ask for, as they name them. None: unreadable.

    of_realm: whether it belongs to the realm that is written. among_roles: some of its roles, if not all can be read.
    """

    groups: frozenset[str] | None = None
    roles: frozenset[str] | None = None
    of_realm: bool = True
    among_roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Write:
    """A write of a client. client: its representation, empty for one that is made; body: what is sent. defined: its roles.

    version: of the server, its first three numbers; None if not known: servers show it only to logins with manage-realm.
    """

    client: Mapping[str, Any]
    body: Mapping[str, Any]
    defined: frozenset[str] | None = None
    writer: WritingLogin = WritingLogin()
    version: Version = None

    def may_be_before(self, version: tuple[int, ...]) -> bool:
        """Whether the server may be older than a version."""
        return self.version is None or self.version < version

    def may_be(self, version: tuple[int, ...]) -> bool:
        """Whether the server may be of a version or newer."""
        return self.version is None or self.version >= version

    def merged(self) -> dict[str, Any]:
        """The client after the write."""
        body = dict(self.body)
        attributes = {**(self.client.get("attributes") or {}), **(body.pop("attributes", None) or {})}
        return {**self.client, **body, "attributes": {key: value for key, value in attributes.items() if value}}


def holds(policy: Entry, write: Write) -> Vote:
    """Whether a policy holds for a write: YES, NO or UNKNOWN."""
    return joined(policy, lambda name, config: _plain_vote(name, config, write))


def holds_at_delete(policy: Entry, write: Write) -> Vote:
    """The same for a deletion, at which conditions on the writer abstain."""
    return joined(policy, lambda name, config: Vote.ABSTAINS if name in UPDATERS else _plain_vote(name, config, write))


def joined(policy: Entry, vote: Callable[[str, Mapping[str, Any]], Vote]) -> Vote:
    """Whether a policy holds: YES, NO or UNKNOWN. vote: what a condition says by name and configuration, without its logic."""
    votes = [_with_logic(condition, vote) for condition in policy.get("conditions") or ()]
    strict = policy.get("mode") == "STRICT"  # in strict mode an abstention counts as no
    if Vote.NO in votes or (strict and Vote.ABSTAINS in votes):
        return Vote.NO
    said = [each for each in votes if each is not Vote.ABSTAINS]
    return Vote.UNKNOWN if Vote.UNKNOWN in said else Vote.YES if said else Vote.NO


def is_true(value: object) -> bool:
    """A boolean of a configuration, which Keycloak stores as one or as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _with_logic(condition: Entry, of: Callable[[str, Mapping[str, Any]], Vote]) -> Vote:
    config: Mapping[str, Any] = condition.get("configuration") or {}
    name = str(condition.get("condition"))
    vote = of(name, config)
    if vote in (Vote.YES, Vote.NO) and name != TYPE and is_true(config.get("is-negative-logic")):
        return Vote.NO if vote is Vote.YES else Vote.YES
    return vote


def _plain_vote(name: str, config: Mapping[str, Any], write: Write) -> Vote:
    if not write.client and name in ("client-attributes", ROLES, TYPE):  # a new client has nothing yet
        return Vote.UNKNOWN if name == TYPE else Vote.ABSTAINS
    match name:
        case name if name == ANY:
            return Vote.YES
        case name if name == ACCESS_TYPE:
            return _agreed(either(types, config.get("type")) for types in _types(write))
        case "client-attributes":
            return yes(has_attributes(write.client, config.get("attributes")))
        case name if name == ROLES:
            return either(write.defined, config.get("roles"))
        case name if name == TYPE:
            return yes((write.client.get("protocol") or "openid-connect") == config.get("protocol"))
        case name if name == CONTEXT:
            return either(frozenset(("ByAuthenticatedUser",)), config.get("update-client-source"))
        case name if name == SOURCE_GROUPS:
            return _in_groups(write, config.get("groups"))
        case name if name == SOURCE_ROLES:
            some = either(write.writer.among_roles, config.get("roles"))
            return some if some is Vote.YES else either(write.writer.roles, config.get("roles"))
        case "grant-type" | "client-scopes" | "acr-condition" | "identity-provider-alias":
            return Vote.ABSTAINS
        case _:  # a host as the server sees it, or a custom provider
            return Vote.UNKNOWN


def _types(write: Write) -> Iterator[frozenset[str]]:
    """The access types that count: the client's, and since 26.7 also the body's, which counts as confidential without one."""
    if write.may_be_before(BODY_COUNTS_SINCE):
        yield frozenset((access_type(write.client),))
    if write.may_be(BODY_COUNTS_SINCE):
        yield frozenset((access_type(write.client), access_type(write.body)))


def access_type(described: Mapping[str, Any]) -> str:
    """The access type of a client's representation, as conditions name it."""
    if is_true(described.get("publicClient")):
        return "public"
    return "bearer-only" if is_true(described.get("bearerOnly")) else "confidential"


def has_attributes(client: Mapping[str, Any], wanted: object) -> bool:
    """Whether a client has all listed attributes. wanted: a JSON text."""
    pairs = pairs_of(wanted)
    attributes = client.get("attributes") or {}
    if pairs is None or len({key for key, _ in pairs}) < len(pairs):
        return False
    return all(attributes.get(key) == value for key, value in pairs)


def pairs_of(wanted: object) -> tuple[tuple[str, Any], ...] | None:
    """The attributes that a condition lists; None where it lists none."""
    try:
        return tuple((str(each["key"]), each["value"]) for each in json.loads(str(wanted)))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _in_groups(write: Write, wanted: object) -> Vote:
    """Up to 26.7.4 by name, since then by path. If the version is not known, both must agree."""
    if write.writer.groups is None:
        return Vote.UNKNOWN
    by_name = {path.rsplit("/", 1)[-1] for path in write.writer.groups}
    own = write.writer.groups if write.writer.of_realm else frozenset()  # by path those of another realm do not count
    by_path = {*own, *(path[1:] for path in own if path.count("/") == 1)}
    ways = [by_name] if write.may_be_before(GROUPS_BY_PATH_SINCE) else []
    ways += [by_path] if write.may_be(GROUPS_BY_PATH_SINCE) else []
    return _agreed(either(frozenset(each), wanted) for each in ways)


def _agreed(votes: Iterable[Vote]) -> Vote:
    """The vote on which all possible versions of the server agree."""
    said = {*votes}
    return said.pop() if len(said) == 1 else Vote.UNKNOWN


def either(held: frozenset[str] | None, wanted: object) -> Vote:
    """Whether one of the listed texts is held."""
    if held is None:
        return Vote.UNKNOWN
    return yes(not held.isdisjoint(texts(wanted)))


def texts(wanted: object) -> Iterator[str]:
    """The texts of a configuration that lists some, or holds one."""
    listed: Iterable[object] = wanted if isinstance(wanted, Collection) and not isinstance(wanted, str) else (wanted,)
    yield from (str(each) for each in listed if each is not None)


def yes(found: bool) -> Vote:
    """A vote that is not an abstention."""
    return Vote.YES if found else Vote.NO
