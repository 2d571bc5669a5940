"""Which of an owner's things a stack's config declares: what a preview of the stack under that owner's name would make."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml  # type: ignore[import-untyped]

from exchange.stack.place import Deployable
from exchange.stack.stack import NAMESPACE, StackProblem, as_object, run_pulumi
from exchange.stack.state import OBJECTS
from kcadmin.guards.entries import Guards
from kcadmin.marks.ownership import owned_name, policy_title, stack_of
from kcadmin.marks.packed import each_of
from kcadmin.marks.whose import TAKEN_OVER_BY
from kcadmin.rest.texts import named
from reach.leftovers import Audience, Leftover, LeftoverKind


@dataclass(frozen=True)
class Declared:
    """One thing that a stack declares. client: that has it. owner: with its grant, under the former owner's name.

    audience, type: what distinguishes it from another one of that name, else empty. title: the full text of a policy's
    name, whose end a long name lacks.
    """

    realm: str
    what: LeftoverKind
    client: str
    name: str
    owner: str
    audience: Audience = (None, None)
    type: str = ""
    title: str = field(default="", compare=False)


OF_REALM = (LeftoverKind.GUARD, LeftoverKind.EVENTS)
ANYBODYS = (LeftoverKind.STRATEGY,)  # the first grant has noted it
OF_CLIENT = {
    "StandardTokenExchange": (LeftoverKind.SWITCH,),
    "TokenLifespan": (LeftoverKind.LIFESPAN,),
    "RefreshTokensOff": (LeftoverKind.REFRESH_TOKENS,),
    "FullScopeOff": (LeftoverKind.FULL_SCOPE,),
    "AuthorizationServices": (LeftoverKind.SERVICES,),
    "ManagementPermissions": (LeftoverKind.MANAGEMENT, LeftoverKind.STRATEGY),
}
_POLICY_TYPES = {
    "AggregatePolicy": "aggregate",
    "ClientPolicy": "client",
    "ClientScopePolicy": "client-scope",
    "GroupPolicy": "group",
    "RegexPolicy": "regex",
    "RolePolicy": "role",
    "ScriptPolicy": "",
    "TimePolicy": "time",
    "UserPolicy": "user",
}


def declared_parts(chosen: Sequence[str], owner: str, place: Deployable) -> tuple[Declared, ...]:
    """What the stack declares, named as that owner's. :raises StackProblem: it cannot be previewed."""
    name = run_pulumi(["stack", "--show-name", *chosen]).strip()
    file = Path(f"Pulumi.{name}.yaml")
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise StackProblem(f"file {named(file)}: cannot be read; run this in the project's folder.") from None
    given = {f"{NAMESPACE}:owner": owner, f"{NAMESPACE}:url": place.connection.url}
    config["config"] = {**(config.get("config") or {}), **given}
    with TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        copy.write_text(yaml.safe_dump(config), encoding="utf-8")
        arguments = ["preview", "--json", "--show-sames", "--config-file", str(copy), *chosen]
        preview = as_object(run_pulumi(arguments, {TAKEN_OVER_BY: place.owner}, None))
    return declared_by([each.get("newState") or {} for each in preview.get("steps") or ()], owner)


def declared_by(resources: Iterable[Mapping[str, Any]], owner: str) -> tuple[Declared, ...]:
    """What resources declare: each has its ``urn``, its ``type`` and its ``inputs``."""
    return tuple(dict.fromkeys(each for resource in each_of(map(dict, resources)) for each in _of(resource, owner)))


def adopted(left: Iterable[Leftover], realm: str, wanted: Iterable[Declared]) -> dict[Leftover, Declared]:
    """Which of an owner's things are declared ones: of that grant, and with what these put into tokens.

    An object that has only the name or the mark of one may be anybody's.
    """
    known = {each: each for each in wanted}
    found = {each: known.get(_as_declared(each, realm)) for each in left}
    return {each: there for each, there in found.items() if there}


def _as_declared(left: Leftover, realm: str) -> Declared:
    of_realm = left.what in OF_REALM
    owner = stack_of(left.owner) if left.what in ANYBODYS else left.owner
    client, name = ("", "") if of_realm else (left.client, left.name)
    return Declared(realm, left.what, client, name, owner, left.audience, left.type)


def _of(resource: Mapping[str, Any], former: str) -> Iterator[Declared]:
    kind, inputs = str(resource.get("type")), resource.get("inputs") or {}
    if not kind.startswith(OBJECTS):
        return
    kind, realm, client = kind.removeprefix(OBJECTS), str(inputs.get("realm")), str(inputs.get("client_id") or "")
    server, name = str(inputs.get("resource_server") or ""), str(inputs.get("name") or "")
    owner = str(inputs.get("owner") or former)
    audience = (inputs.get("included_client") or None, inputs.get("custom_audience") or None)
    if kind == "AudienceMapper":
        name = name or owned_name(f"audience-{audience[0] or audience[1]}", owner)
        yield Declared(realm, LeftoverKind.MAPPER, client, name, owner, audience)
    elif kind == "HardcodedClaimMapper":
        claim = (str(inputs.get("claim_name")), str(inputs.get("claim_value")))
        yield Declared(realm, LeftoverKind.CLAIM_MAPPER, client, name, owner, claim)
    elif kind == "AudienceScope":
        yield Declared(realm, LeftoverKind.SCOPE, "", name, owner, audience)
    elif kind == "ClientScopeAssignment":
        yield Declared(realm, LeftoverKind.ASSIGNMENT, client, str(inputs.get("scope")), owner)
    elif kind == "AuthorizationScope":
        yield Declared(realm, LeftoverKind.AUTHORIZATION_SCOPE, server, name, owner)
    elif kind == "ScopePermission":
        yield Declared(realm, LeftoverKind.PERMISSION, server, name, owner, type="scope")
    elif kind.endswith("Policy"):
        type_ = str(inputs.get("policy_type") or _POLICY_TYPES[kind])
        title = _title(str(resource.get("urn")), realm, name, owner)
        yield Declared(realm, LeftoverKind.POLICY, server, name, owner, type=type_, title=title)
    elif kind == "ExchangeEvents":
        yield Declared(realm, LeftoverKind.EVENTS, "", "", owner)
    elif kind == "ExchangeGuards":
        yield Declared(realm, LeftoverKind.GUARD, "", "", owner)
        for requester in Guards.read(inputs).marked:
            yield Declared(realm, LeftoverKind.GUARD_MARK, requester, "", owner)
    for what in OF_CLIENT.get(kind, ()):
        yield Declared(realm, what, client, "", owner)


def _title(urn: str, realm: str, name: str, owner: str) -> str:
    """The full text of a grant's policy name. Its place in the program is ``<realm>/<target>/<grant>-<part>``."""
    place, grant = urn.split("::")[-1].removeprefix(f"{realm}/"), owner.partition("#")[2]
    target, _, part = place.rpartition(f"/{grant}-")
    title = policy_title(grant, target, "" if part == "requesters" else part.replace("-", " "))
    return title if owned_name(title, owner) == name else ""
