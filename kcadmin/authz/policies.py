"""Authorization policies of a resource server: their common part, and the types whose names need no request.

Each type is a frozen dataclass with a store of five verbs (``named``, ``get``, ``create``, ``update``, ``delete``); the field
``mark`` is the hash of the owner. The types that name other objects are in ``kcadmin.authz.named_policies``.
https://www.keycloak.org/docs/latest/authorization_services/#_policy_overview
"""

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from kcadmin.authz.exchange_permission import UNANIMOUS
from kcadmin.authz.policy_removal import delete_policy
from kcadmin.marks.ownership import NOBODY, Writer, marked, unmarked
from kcadmin.objects.clients import RECENT_SECONDS
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import ResourceServer
from kcadmin.rest import texts
from kcadmin.rest.errors import Refusal, sentence

STRATEGIES = re.compile("UNANIMOUS|AFFIRMATIVE|CONSENSUS")
LOGIC = re.compile("POSITIVE|NEGATIVE")
TIME_FIELDS: Mapping[str, str] = {
    "not_before": "notBefore",
    "not_on_or_after": "notOnOrAfter",
    "year": "year",
    "year_end": "yearEnd",
    "month": "month",
    "month_end": "monthEnd",
    "day_month": "dayMonth",
    "day_month_end": "dayMonthEnd",
    "hour": "hour",
    "hour_end": "hourEnd",
    "minute": "minute",
    "minute_end": "minuteEnd",
}
"""Our name of a time policy's field → Keycloak's."""
TIME_DATES = ("not_before", "not_on_or_after")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What policies of all types have in common. ``logic`` is empty where a policy of another type has the name.

    ``stored``: the fields that are stored although they are empty, to restore them exactly.
    """

    name: str
    description: str
    logic: Annotated[str, LOGIC]
    owner: str | None = None
    mark: str | None = None
    id: str | None = None
    stored: tuple[str, ...] = ()
    writer: Writer = NOBODY


@dataclass(frozen=True, kw_only=True)
class ClientPolicy(Policy):
    """Matches requests of the named clients. ``clients``: client UUIDs, a set to Keycloak."""

    clients: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TimePolicy(Policy):
    """Matches in a span of time of the server's own zone. Fields are text where the server stores no number."""

    not_before: str | None = None
    not_on_or_after: str | None = None
    year: int | str | None = None
    year_end: int | str | None = None
    month: int | str | None = None
    month_end: int | str | None = None
    day_month: int | str | None = None
    day_month_end: int | str | None = None
    hour: int | str | None = None
    hour_end: int | str | None = None
    minute: int | str | None = None
    minute_end: int | str | None = None


@dataclass(frozen=True, kw_only=True)
class RegexPolicy(Policy):
    """Matches where the whole value of a claim, or of an attribute of the request, matches a Java regular expression."""

    target_claim: str = ""
    pattern: str = ""
    target_context_attributes: bool = False


@dataclass(frozen=True, kw_only=True)
class ScriptPolicy(Policy):
    """Asks a script that is deployed on the server."""


P = TypeVar("P", bound=Policy)


class Policies(Generic[P]):
    """The policies of one type of a resource server. ``KEPT``: fields that keep their value when a PUT leaves them out."""

    TYPE: ClassVar[str]
    KEPT: ClassVar[tuple[str, ...]] = ()
    POLICY: type[P]

    def __init__(self, realm: Realm, server: ResourceServer, spelled: Iterable[str] = ()) -> None:
        """:param spelled: the names or ids that the stack uses, where Keycloak knows an object by several."""
        self.realm = realm
        self.server = server
        self.spelled = tuple(spelled)

    @property
    def type(self) -> str:
        """Keycloak's name of the type."""
        return self.TYPE

    def named(self, name: str) -> list[P]:
        """The policy of that name; a policy of another type counts as one that differs in everything."""
        found = self.server.policy_named(name)
        if found is None:
            return []
        if found["type"] != self.type:
            taken = f"a policy of type {found['type']}"
            return [self.POLICY(name=name, description=taken, logic="", id=str(found["id"]))]
        policy = self.get(str(found["id"]))
        return [policy] if policy else []

    def get(self, policy_id: str) -> P | None:
        """The policy with that id, or None."""
        found = self.look_up(policy_id)
        if found is None:
            return None
        description, mark, writer = unmarked(str(found.get("description") or ""))
        return self.POLICY(
            name=str(found["name"]),
            description=description,
            logic=str(found["logic"]),
            mark=mark,
            id=str(found["id"]),
            stored=stored_empty(found, "description"),
            writer=writer,
            **self.fields(found),
        )

    def create(self, wanted: P) -> P:
        """:raises Conflict: the name is taken, by a policy or permission of any type.

        :raises Refusal: it names something that does not exist.
        """
        body = {key: value for key, value in self._body(wanted).items() if value or key not in self.KEPT}
        body["decisionStrategy"] = body["decisionStrategy"] or UNANIMOUS
        return replace(wanted, id=self.server.create_policy(self.type, body))

    def update(self, policy_id: str, wanted: P) -> P:
        """Replaces all fields. :raises Refusal: it names something that does not exist."""
        body, now = self._body(wanted), self.look_up(policy_id) or {}
        unset = [key for key in self.KEPT if not body[key] and key not in now]
        body = {key: value for key, value in body.items() if key not in unset}
        if body["decisionStrategy"] is None:
            body["decisionStrategy"] = now.get("decisionStrategy") or UNANIMOUS  # of a type that has no use for it
        self.server.update_policy(self.type, policy_id, body)
        return replace(wanted, id=policy_id)

    def delete(self, policy_id: str) -> None:
        """Deletes the policy, and keeps the permissions that used it."""
        delete_policy(self.realm, self.server, policy_id)

    def look_up(self, policy_id: str) -> Mapping[str, Any] | None:
        """Keycloak's representation with the fields of the type, or None."""
        return self.server.policy(self.type, policy_id)

    @abstractmethod
    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of the type, from Keycloak's representation."""

    @abstractmethod
    def body(self, wanted: P) -> dict[str, Any]:
        """The fields of the type for Keycloak. :raises Refusal: it names something that does not exist."""

    def _body(self, wanted: P) -> dict[str, Any]:
        description = marked(wanted.description, wanted.owner, wanted.writer)
        return {
            "type": self.type,
            "name": wanted.name,
            "logic": wanted.logic,
            "decisionStrategy": None,
            **given(wanted.stored, description=description),
            **self.body(wanted),
        }


class ClientPolicies(Policies[ClientPolicy]):
    """The client policies of a resource server."""

    TYPE, POLICY = "client", ClientPolicy

    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        return {"clients": tuple(sorted(found.get("clients") or ()))}

    def body(self, wanted: ClientPolicy) -> dict[str, Any]:
        """By client ids: Keycloak reads each text as a client id first, and somebody's client id may be another's UUID."""
        found = {uuid: self.realm.clients.get(uuid, max_age=RECENT_SECONDS) for uuid in wanted.clients}
        remedy = f"run `pulumi refresh`, or correct {self.type} policy {texts.named(wanted.name)}"
        if gone := [uuid for uuid, client in found.items() if client is None]:
            raise Refusal(*(sentence("client with UUID", uuid, self.realm.name, "is gone", remedy) for uuid in gone))
        return {"clients": [client.client_id for client in found.values() if client]}


class TimePolicies(Policies[TimePolicy]):
    """The time policies of a resource server."""

    TYPE, POLICY = "time", TimePolicy

    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        given = {ours: found.get(theirs) or None for ours, theirs in TIME_FIELDS.items()}
        return {key: value if key in TIME_DATES else _number(value) for key, value in given.items()}

    def body(self, wanted: TimePolicy) -> dict[str, Any]:
        given = {theirs: getattr(wanted, ours) for ours, theirs in TIME_FIELDS.items()}
        return {key: str(value) for key, value in given.items() if value is not None}


class RegexPolicies(Policies[RegexPolicy]):
    """The regex policies of a resource server."""

    TYPE, POLICY = "regex", RegexPolicy

    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "target_claim": str(found.get("targetClaim") or ""),
            "pattern": str(found.get("pattern") or ""),
            "target_context_attributes": found.get("targetContextAttributes") is True,
        }

    def body(self, wanted: RegexPolicy) -> dict[str, Any]:
        return {
            "targetClaim": wanted.target_claim,
            "pattern": wanted.pattern,
            "targetContextAttributes": wanted.target_context_attributes,
        }


class ScriptPolicies(Policies[ScriptPolicy]):
    """The policies of one deployed script of a resource server."""

    POLICY = ScriptPolicy

    def __init__(self, realm: Realm, server: ResourceServer, type_: str) -> None:
        super().__init__(realm, server)
        self._type = type_

    @property
    def type(self) -> str:
        return self._type

    def look_up(self, policy_id: str) -> Mapping[str, Any] | None:
        """The path of a type that is no longer deployed shows no policy, but the policy still exists."""
        return self.server.policy_of_any_type(policy_id)

    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def body(self, wanted: ScriptPolicy) -> dict[str, Any]:
        return {}


def stored_empty(found: Mapping[str, Any], *fields: str) -> tuple[str, ...]:
    """The fields of a representation that are present but empty, which for Keycloak is not the same as absent."""
    return tuple(field for field in fields if found.get(field) == "")


def given(stored: Iterable[str], **fields: str | None) -> dict[str, str]:
    """The fields of a body that hold something, or were stored empty; what a PUT leaves out is cleared."""
    return {field: value or "" for field, value in fields.items() if value or field in stored}


def spell(identity: str, name: str, spelled: Iterable[str]) -> str:
    """An object's name, or its id where the stack uses that."""
    return name if name in spelled or identity not in spelled else identity


def _number(value: Any) -> int | str | None:
    text = str(value).strip() if value is not None else ""
    return int(text) if text.isdecimal() else text or None
