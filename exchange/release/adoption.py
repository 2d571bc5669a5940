"""Which of an owner's things a stack's config declares: what a preview of the stack under that owner's name would make."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml  # type: ignore[import-untyped]

from exchange.stack.place import Deployable
from exchange.stack.stack import NAMESPACE, StackProblem, as_object, run_pulumi
from exchange.stack.state import OBJECTS
from kcadmin.guards.entries import Guards
from kcadmin.marks.ownership import owned_name
from kcadmin.marks.whose import TAKEN_OVER_BY
from kcadmin.rest.texts import named
from reach.leftovers import Leftover, What

Key = tuple[str, What, str, str]
"""The realm, what it is, the client that has it, and its name."""
OF_CLIENT = {
    "StandardTokenExchange": (What.SWITCH,),
    "TokenLifespan": (What.LIFESPAN,),
    "RefreshTokensOff": (What.REFRESH_TOKENS,),
    "FullScopeOff": (What.FULL_SCOPE,),
    "AuthorizationServices": (What.SERVICES,),
    "ManagementPermissions": (What.MANAGEMENT, What.STRATEGY),
}
ANY = ""


def declared(chosen: Sequence[str], owner: str, place: Deployable) -> frozenset[Key]:
    """What the stack declares, named as that owner's. :raises StackProblem: it cannot be previewed."""
    name = run_pulumi(["stack", "--show-name", *chosen]).strip()
    file = Path(f"Pulumi.{name}.yaml")
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise StackProblem(f"file {named(file)}: cannot be read; run this in the project's folder.") from None
    config.setdefault("config", {}).update({f"{NAMESPACE}:owner": owner, f"{NAMESPACE}:url": place.connection.url})
    with TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        copy.write_text(yaml.safe_dump(config), encoding="utf-8")
        arguments = ["preview", "--json", "--show-sames", "--config-file", str(copy), *chosen]
        preview = as_object(run_pulumi(arguments, {TAKEN_OVER_BY: place.owner}, None))
    resources = [each.get("newState") or {} for each in preview.get("steps") or ()]
    return frozenset(key for each in resources for key in _keys(each, owner))


def is_declared(left: Leftover, realm: str, keys: Collection[Key]) -> bool:
    """Whether a thing is one of those. A note of what an adopted object was goes over with that object."""
    of_realm = left.what in (What.GUARD, What.EVENTS)
    return (realm, left.what, ANY if of_realm else left.client, ANY if of_realm else left.name) in keys


def _keys(resource: Mapping[str, Any], owner: str) -> Iterator[Key]:
    kind, inputs = str(resource.get("type")), resource.get("inputs") or {}
    if not kind.startswith(OBJECTS):
        return
    kind, realm, client = kind.removeprefix(OBJECTS), str(inputs.get("realm")), str(inputs.get("client_id") or "")
    server, name = str(inputs.get("resource_server") or ""), str(inputs.get("name") or "")
    if kind == "AudienceMapper":
        audience = inputs.get("included_client") or inputs.get("custom_audience")
        whose = str(inputs.get("owner") or owner)
        yield realm, What.MAPPER, client, name or owned_name(f"audience-{audience}", whose)
    elif kind == "AudienceScope":
        yield realm, What.SCOPE, "", name
    elif kind == "ClientScopeAssignment":
        yield realm, What.ASSIGNMENT, client, str(inputs.get("scope"))
    elif kind == "AuthorizationScope":
        yield realm, What.AUTHORIZATION_SCOPE, server, name
    elif kind == "ScopePermission":
        yield realm, What.PERMISSION, server, name
    elif kind.endswith("Policy"):
        yield realm, What.POLICY, server, name
    elif kind == "ExchangeEvents":
        yield realm, What.EVENTS, ANY, ANY
    elif kind == "ExchangeGuards":
        yield realm, What.GUARD, ANY, ANY
        for requester in Guards.read(inputs).marked:
            yield realm, What.GUARD_MARK, requester, ""
    for what in OF_CLIENT.get(kind, ()):
        yield realm, what, client, ""
