"""The clients of a grant as a program gives them: texts, outputs or resources. Their types alone decide which are late."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any

import pulumi

from grants.late import REALM, REQUESTER, TARGET
from kcadmin.rest.texts import shown
from providers.base.connections import CONNECTION, Server
from providers.base.resource import KeycloakResource, awaited

Client = pulumi.Input[str] | pulumi.Resource
"""A client id, or a resource with a ``client_id``, whose ``id`` is the client's UUID."""
Sources = Sequence[Client] | Mapping[str, Client]
Role = pulumi.Input[str] | Mapping[str, Client]


@dataclass
class LateArguments:
    """names: by symbol. ids: of those that are given as resources. fields: the grant's, symbols in place of names.

    coming: symbols of what the same run may make. A plain text is what is there already, unless ``depends_on`` says otherwise.
    connection: of the grant's own, where it has one.
    """

    fields: dict[str, Any]
    names: dict[str, pulumi.Input[str]] = field(default_factory=dict)
    ids: dict[str, pulumi.Input[str]] = field(default_factory=dict)
    coming: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    connection: Server | None = None

    def known(self) -> dict[str, str]:
        """The names that nothing in the run can change, so that the program may read them."""
        return {
            symbol: name for symbol, name in self.names.items() if symbol not in self.coming and isinstance(name, str)
        }

    def take(self, symbol: str, given: Any, of: str = "") -> str:
        """Notes a name, and gives its symbol. of: whose name, if not a client's."""
        if isinstance(given, pulumi.Resource) and of:
            self.faults.append(f"{symbol} is a resource; give the {of}'s name, which is one of its outputs")
            return symbol
        if isinstance(given, pulumi.Resource):
            if not hasattr(given, "client_id"):
                self.faults.append(f"{symbol} is a resource without client_id; give the client id")
                return symbol
            if isinstance(given, pulumi.CustomResource):
                self.ids[symbol] = given.id
            given = given.client_id
        if not isinstance(given, pulumi.Output) and not isawaitable(given) and not isinstance(given, str):
            self.faults.append(f"{symbol} is {shown(given)}; give a text, an output, or a resource with client_id")
            return symbol
        if not isinstance(given, str):
            self.coming.add(symbol)
        self.names[symbol] = given
        return symbol


def late_arguments(arguments: Mapping[str, Any], waits: bool, apart: bool = False) -> LateArguments | None:
    """The arguments of a grant by symbols; None where all its clients are texts, and in the stack's Keycloak.

    :param arguments: of ``TokenExchangeGrant``, without those that are not set. waits: the grant depends on resources of others.
        apart: it is late in any case, since this process does not see the program's other grants.
    """
    places = [arguments.get(key) for key in (REALM, TARGET, REQUESTER)]
    sources = arguments.get("sources", ())
    listed = list(sources.values()) if isinstance(sources, Mapping) else sources
    items = listed if isinstance(listed, list | tuple) else [listed]
    roles = arguments.get("required_roles") or ()
    of_roles = [part for role in _listed(roles) for part in (role.values() if isinstance(role, Mapping) else (role,))]
    connection = arguments.get(CONNECTION)
    if (
        connection is None
        and not waits
        and not apart
        and not any(is_late(each) for each in (*places, *items, *of_roles, roles))
    ):
        return None
    fields = {key: value for key, value in arguments.items() if key != CONNECTION}
    late = LateArguments(fields, connection=connection)
    late.fields["sources"] = [late.take(*each) for each in _sources(sources, late)]
    for key in (REALM, TARGET, REQUESTER):
        if key in arguments:
            late.fields[key] = late.take(key, arguments[key], REALM if key == REALM else "")
    late.fields.pop(REALM, None)
    if roles:
        late.fields["required_roles"] = [_role(number, role, late) for number, role in enumerate(_listed(roles), 1)]
    if isinstance(roles, pulumi.Output):
        late.faults.append(
            "required_roles is a single output; give a list of outputs, so that a preview knows how many there are"
        )
    elif roles and not isinstance(roles, list | tuple):
        late.faults.append(f"required_roles is {shown(_kind(roles))}; give a list")
    held = connection.values() if isinstance(connection, Mapping) else [connection]
    if connection is not None and (waits or any(map(is_late, held))):
        late.coming.add(CONNECTION)
    if waits:
        late.coming |= {REALM, *late.names}
    return late


def waits_for_others(opts: pulumi.ResourceOptions | None, ours: tuple[type, ...]) -> bool:
    """Whether a resource of another provider may make clients before the grant."""
    return any(not isinstance(each, (KeycloakResource, *ours)) for each in awaited(opts))


def _sources(sources: Any, late: LateArguments) -> Iterator[tuple[str, Any]]:
    if isinstance(sources, pulumi.Output) or isawaitable(sources):
        late.faults.append(
            "sources is a single output; give a list of outputs, so that a preview knows how many there are"
        )
    elif isinstance(sources, Mapping):
        for key, given in sources.items():
            if not isinstance(key, str) or not key.strip() or key in (REALM, TARGET, REQUESTER):
                late.faults.append(
                    f"sources has the key {shown(key)}; give a short name that is none of the grant's other parts"
                )
            else:
                yield key, given
    elif isinstance(sources, list | tuple):
        yield from ((f"source-{number}", given) for number, given in enumerate(sources, 1))
    else:
        late.faults.append(f"sources is {shown(_kind(sources))}; give a list or a mapping")


def _role(number: int, role: Any, late: LateArguments) -> dict[str, str]:
    parts = role if isinstance(role, Mapping) else {"role": role}
    if not set(parts) <= {"role", "client"} or "role" not in parts:
        late.faults.append(
            f"required_roles holds {shown(sorted(map(str, parts)))}; give a role's name, or role and client"
        )
        return {}
    return {
        key: late.take(f"role-{number}", parts[key], "role")
        if key == "role"
        else late.take(f"client-of-role-{number}", parts[key])
        for key in parts
    }


def _listed(roles: Any) -> Sequence[Any]:
    return list(roles) if isinstance(roles, list | tuple) else []


def is_late(value: Any) -> bool:
    """Whether a value is known only after the program has registered its resources."""
    return isinstance(value, pulumi.Output | pulumi.Resource) or isawaitable(value)


def _kind(value: Any) -> Any:
    return type(value).__name__ if isinstance(value, pulumi.Resource) else value
