"""Policies that list roles, groups, users, client scopes or other policies: by name for people, by id for Keycloak.

A name is read just before a write, since Keycloak ignores an unknown role and answers 500 to other unknown names.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, TypeVar

from kcadmin.authz.exchange_permission import UNANIMOUS
from kcadmin.authz.policies import STRATEGIES, P, Policies, Policy, spell
from kcadmin.rest.errors import NotFound, Refusal, sentence
from kcadmin.rest.session import path
from kcadmin.rest.texts import UUID, named


@dataclass(frozen=True, order=True)
class RoleItem:
    """A role of the realm, or of a client (a client id). Where roles are required, all of these must be there."""

    role: str
    client: str = ""
    required: bool = False

    def __str__(self) -> str:
        return (f"{self.client}/{self.role}" if self.client else self.role) + (" (required)" if self.required else "")


@dataclass(frozen=True, order=True)
class GroupItem:
    """A group by its path, such as ``/staff/support``; with ``extend_children`` its subgroups' members match, too."""

    path: str
    extend_children: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", f"/{self.path.lstrip('/')}")

    def __str__(self) -> str:
        return self.path + (" (with subgroups)" if self.extend_children else "")


@dataclass(frozen=True, order=True)
class ScopeItem:
    """A client scope by its name. Where scopes are required, all of these must be in the token."""

    scope: str
    required: bool = False

    def __str__(self) -> str:
        return self.scope + (" (required)" if self.required else "")


Item = RoleItem | GroupItem | ScopeItem
T = TypeVar("T", bound=Item)
N = TypeVar("N", bound=Item | str)


def read_items(kind: type[T], given: Iterable[Any]) -> tuple[T, ...]:
    """Items as people write them: a name, or a mapping of the item's fields. In order, without duplicates.

    :raises ValueError: one is neither.
    """
    known = {each.name: bool if each.default is False else str for each in fields(kind)}
    first = next(iter(known))
    items = set()
    for each in given:
        entry = {first: each} if isinstance(each, str) else each
        if not (
            isinstance(entry, Mapping)
            and entry.get(first)
            and all(isinstance(value, known.get(str(key), ())) for key, value in entry.items())
        ):
            raise ValueError(f"{each!r} is neither a {first} nor a mapping with it")
        items.add(kind(**entry))
    return tuple(sorted(items))


def shortest(item: Item) -> Any:
    """An item in the shortest form that people would write."""
    first, *others = fields(item)
    entry = {key: value for key, value in asdict(item).items() if value}
    return entry if any(entry.get(each.name) for each in others) else entry[first.name]


def _items(kind: type[T], value: Iterable[Any]) -> tuple[T, ...]:
    """Items from a note in a claim, which contains only their fields."""
    return tuple(sorted(each if isinstance(each, kind) else kind(**each) for each in value))


@dataclass(frozen=True, kw_only=True)
class RolePolicy(Policy):
    """Matches holders of one of the roles, and of all required ones.

    ``fetch_roles``: checks the roles as stored now, not as in the token.
    """

    roles: tuple[RoleItem, ...] = ()
    fetch_roles: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "roles", _items(RoleItem, self.roles))


@dataclass(frozen=True, kw_only=True)
class GroupPolicy(Policy):
    """Matches members of one of the groups. ``groups_claim``: the claim that lists a token's groups, if one does."""

    groups: tuple[GroupItem, ...] = ()
    groups_claim: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", _items(GroupItem, self.groups))


@dataclass(frozen=True, kw_only=True)
class UserPolicy(Policy):
    """Matches the named users. ``users``: usernames."""

    users: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClientScopePolicy(Policy):
    """Matches tokens that have one of the client scopes, and all that are required."""

    client_scopes: tuple[ScopeItem, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "client_scopes", _items(ScopeItem, self.client_scopes))


@dataclass(frozen=True, kw_only=True)
class AggregatePolicy(Policy):
    """Combines other policies. ``policies``: ids or names."""

    policies: tuple[str, ...] = ()
    decision_strategy: Annotated[str, STRATEGIES] = UNANIMOUS


class _NamingPolicies(Policies[P]):
    """What the stores of such policies share."""

    def found(self, *segments: str, **query: str) -> Any:
        """What the realm has at a path, or None."""
        try:
            return self.realm.session.get(path("admin", "realms", self.realm.name, *segments), **query)
        except NotFound:
            return None

    def ids(self, wanted: P, items: Iterable[N], look_up: Callable[[N], tuple[str, str, Any]]) -> dict[N, str]:
        """The id of each item. :param look_up: gives the kind of thing, its name, and the representation or None.

        :raises Refusal: with a sentence for each that does not exist.
        """
        ids, missing = {}, []
        for item in items:
            kind, name, found = look_up(item)
            if found is None:
                remedy = f"create it, or correct {self.type} policy {named(wanted.name)}"
                missing.append(sentence(kind, name, self.realm.name, "does not exist", remedy))
            else:
                ids[item] = str(found["id"])
        if missing:
            raise Refusal(*missing)
        return ids


class RolePolicies(_NamingPolicies[RolePolicy]):
    """The role policies of a resource server."""

    TYPE, POLICY, KEPT = "role", RolePolicy, ("fetchRoles",)

    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        roles = [self._role(str(each["id"]), each.get("required") is True) for each in found.get("roles") or ()]
        return {"roles": tuple(role for role in roles if role), "fetch_roles": found.get("fetchRoles") is True}

    def body(self, wanted: RolePolicy) -> dict[str, Any]:
        ids = self.ids(wanted, wanted.roles, self._look_up)
        return {
            "roles": [{"id": id_, "required": item.required} for item, id_ in ids.items()],
            "fetchRoles": wanted.fetch_roles,
        }

    def _look_up(self, item: RoleItem) -> tuple[str, str, Any]:
        if not item.client:
            return "realm role", item.role, self.found("roles", item.role)
        client = self.realm.clients.find(item.client)
        found = self.found("clients", client.uuid, "roles", item.role) if client else None
        return f"role of client {named(item.client)}", item.role, found

    def _role(self, role_id: str, required: bool) -> RoleItem | None:
        role = self.found("roles-by-id", role_id)
        client = self.realm.clients.get(str(role["containerId"])) if role and role["clientRole"] else None
        return RoleItem(str(role["name"]), client.client_id if client else "", required) if role else None


class GroupPolicies(_NamingPolicies[GroupPolicy]):
    """The group policies of a resource server."""

    TYPE, POLICY, KEPT = "group", GroupPolicy, ("groupsClaim",)

    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        groups = [
            (self.found("groups", str(each["id"])), each.get("extendChildren") is True)
            for each in found.get("groups") or ()
        ]
        return {
            "groups": tuple(GroupItem(str(group["path"]), extend) for group, extend in groups if group),
            "groups_claim": found.get("groupsClaim") or None,
        }

    def body(self, wanted: GroupPolicy) -> dict[str, Any]:
        ids = self.ids(wanted, wanted.groups, self._look_up)
        return {
            "groups": [{"id": id_, "extendChildren": item.extend_children} for item, id_ in ids.items()],
            "groupsClaim": wanted.groups_claim or "",
        }

    def _look_up(self, item: GroupItem) -> tuple[str, str, Any]:
        return "group", item.path, self.found("group-by-path", *item.path.strip("/").split("/"))


class UserPolicies(_NamingPolicies[UserPolicy]):
    """The user policies of a resource server. Keycloak stores usernames in lower case."""

    TYPE, POLICY = "user", UserPolicy

    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        users = [self.found("users", str(each)) for each in found.get("users") or ()]
        names = [str(user["username"]) for user in users if user]
        asked = {name.lower(): name for name in self.spelled}
        return {"users": tuple(sorted(asked.get(name.lower(), name) for name in names))}

    def body(self, wanted: UserPolicy) -> dict[str, Any]:
        return {"users": list(self.ids(wanted, wanted.users, self._look_up).values())}

    def _look_up(self, name: str) -> tuple[str, str, Any]:
        found = self.found("users", username=name, exact="true")
        return "user", name, found[0] if found else None


class ClientScopePolicies(_NamingPolicies[ClientScopePolicy]):
    """The client-scope policies of a resource server."""

    TYPE, POLICY = "client-scope", ClientScopePolicy

    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        names = {str(each["id"]): str(each["name"]) for each in self.found("client-scopes") or ()}
        scopes = found.get("clientScopes") or ()
        items = [ScopeItem(names.get(each["id"], str(each["id"])), each.get("required") is True) for each in scopes]
        return {"client_scopes": tuple(items)}

    def body(self, wanted: ClientScopePolicy) -> dict[str, Any]:
        scopes = {str(each["name"]): each for each in self.found("client-scopes") or ()}
        ids = self.ids(wanted, wanted.client_scopes, lambda item: ("client scope", item.scope, scopes.get(item.scope)))
        if taken := scopes.keys() & ids.values():  # Keycloak reads each id as a name first
            wrong, remedy = (
                "has the id of another client scope as its name, and would count for it",
                "rename or delete it",
            )
            raise Refusal(*(sentence("client scope", name, self.realm.name, wrong, remedy) for name in sorted(taken)))
        return {"clientScopes": [{"id": id_, "required": item.required} for item, id_ in ids.items()]}


class AggregatePolicies(Policies[AggregatePolicy]):
    """The aggregate policies of a resource server."""

    TYPE, POLICY = "aggregate", AggregatePolicy

    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        members = self.server.policies_of(str(found["id"]))
        return {
            "policies": tuple(sorted(spell(each["id"], each["name"], self.spelled) for each in members)),
            "decision_strategy": str(found["decisionStrategy"]),
        }

    def body(self, wanted: AggregatePolicy) -> dict[str, Any]:
        remedy = f"create it on the same resource server, or correct aggregate policy {named(wanted.name)}"
        missing = [
            sentence("policy", each, self.realm.name, "does not exist", remedy)
            for each in wanted.policies
            if not self._is_there(each)
        ]
        if missing:
            raise Refusal(*missing)
        return {"policies": list(wanted.policies), "decisionStrategy": wanted.decision_strategy}

    def _is_there(self, id_or_name: str) -> bool:
        by_id = self.server.policy_of_any_type(id_or_name) if UUID.fullmatch(id_or_name) else None
        return (by_id or self.server.policy_named(id_or_name)) is not None
