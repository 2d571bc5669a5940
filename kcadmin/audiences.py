"""What puts a client into the ``aud`` of another client's tokens: its mappers, its scopes', and its users' roles.

https://www.keycloak.org/docs/latest/server_admin/#_audience_resolve
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kcadmin.client_scopes import DEFAULT, OPTIONAL, audience_mappers
from kcadmin.clients import Client
from kcadmin.mappers import AUDIENCE_MAPPER, AudienceMapper
from kcadmin.ownership import OWNER_KEY
from kcadmin.realm import Realm

FULL_SCOPE = "fullScopeAllowed"


@dataclass(frozen=True)
class AudienceSource:
    """One thing that names an audience. by: in words; owner: whose it is, None for a stranger's; scope: the scope it is in."""

    audience: str
    by: str
    owner: str | None
    scope: str | None = None


@dataclass(frozen=True)
class Openings:
    """What puts a target into a client's tokens. named: mappers; roles: the target's, which users may hold."""

    named: tuple[AudienceSource, ...] = ()
    roles: tuple[str, ...] = ()


def openings(realm: Realm, client_id: str, target_id: str, *, full_scope_goes: bool) -> Openings:
    """Every way by which a client's tokens may name a target. full_scope_goes: as if full scope were off already."""
    client, target = realm.clients.find(client_id), realm.clients.find(target_id)
    if client is None or target is None:
        return Openings()
    named = tuple(each for each in named_audiences(realm, client) if each.audience == target_id)
    return Openings(named, tuple(roles_in_reach(realm, client, target.uuid, without_full_scope=full_scope_goes)))


def other_audiences(realm: Realm, client_id: str) -> tuple[AudienceSource, ...]:
    """What puts audiences beside its own into a client's tokens; full scope left aside."""
    client = realm.clients.find(client_id)
    if client is None:
        return ()
    mapped = [
        AudienceSource(other, f"roles of '{other}' that are mapped to '{client_id}'", None)
        for other in mapped_clients(realm, client)
    ]
    return (*(each for each in named_audiences(realm, client) if each.audience != client_id), *mapped)


def named_audiences(realm: Realm, client: Client) -> Iterator[AudienceSource]:
    """Every audience that a mapper puts into a client's tokens, its own or of a scope that it holds, also on request."""
    own = [AudienceMapper.read(each) for each in client.mappers if each["protocolMapper"] == AUDIENCE_MAPPER]
    for mapper in own:
        if mapper.access_token:
            name = mapper.included_client or mapper.custom_audience or ""
            yield AudienceSource(name, f"the audience mapper '{mapper.name}' of '{client.client_id}'", mapper.owner)
    held = {name: kind for kind in (DEFAULT, OPTIONAL) for name in client.value(f"{kind}ClientScopes") or ()}
    for scope in realm.client_scopes.all():
        kind = held.get(str(scope["name"]))
        for mapper in audience_mappers(scope) if kind else ():
            if mapper.access_token:
                name = mapper.included_client or mapper.custom_audience or ""
                owner = (scope.get("attributes") or {}).get(OWNER_KEY)
                by = f"the {kind} client scope '{scope['name']}' of '{client.client_id}'"
                yield AudienceSource(name, by, owner or None, str(scope["name"]))


def roles_in_reach(realm: Realm, client: Client, target_uuid: str, *, without_full_scope: bool = False) -> list[str]:
    """The target's client roles that a client's tokens may carry, each of which puts the target into ``aud``.

    :param without_full_scope: as if full scope were off already; a composite realm role counts as one that brings some.
    """
    if without_full_scope and client.is_on(FULL_SCOPE):
        return sorted(set(_mapped_roles(realm, client, target_uuid)))
    optional = " ".join(client.value(f"{OPTIONAL}ClientScopes") or ())
    at = realm.clients.path(client.uuid, "evaluate-scopes", "scope-mappings", target_uuid, "granted")
    return sorted(str(role["name"]) for role in realm.session.get(at, scope=optional))


def mapped_clients(realm: Realm, client: Client) -> list[str]:
    """The other clients whose roles are mapped to a client's tokens, which puts each into ``aud``; full scope left aside."""
    holders = [realm.clients.path(client.uuid), *_scopes_held(realm, client)]
    found = {
        str(client_id)
        for holder in holders
        for client_id in (realm.session.get(f"{holder}/scope-mappings").get("clientMappings") or {})
    }
    return sorted(found - {client.client_id})


def _mapped_roles(realm: Realm, client: Client, target_uuid: str) -> Iterator[str]:
    for holder in [realm.clients.path(client.uuid), *_scopes_held(realm, client)]:
        mappings = realm.session.get(f"{holder}/scope-mappings")
        for entry in (mappings.get("clientMappings") or {}).values():
            if entry["id"] == target_uuid:
                yield from (str(role["name"]) for role in entry["mappings"])
        for role in mappings.get("realmMappings") or ():
            if role.get("composite"):
                yield f"those of the composite realm role {role['name']}"


def _scopes_held(realm: Realm, client: Client) -> list[str]:
    held = {*(client.value(f"{DEFAULT}ClientScopes") or ()), *(client.value(f"{OPTIONAL}ClientScopes") or ())}
    return [realm.client_scopes.path(str(each["id"])) for each in realm.client_scopes.all() if each["name"] in held]
