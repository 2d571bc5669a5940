"""What would void the condition of a grant: all that adds its target to tokens besides the grant's own client scope.

Nothing is trusted that another party can write: neither an owner's name nor a mark. What counts is what a mapper adds, and for
whom. https://www.keycloak.org/docs/latest/server_admin/#_client_scopes
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kcadmin.authz.tickets import ticket_way
from kcadmin.objects.claims import adopted_kind, claims
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL
from kcadmin.objects.clients import FULL_SCOPE, Client
from kcadmin.objects.mappers import AudienceMapper
from kcadmin.objects.realm import Realm
from kcadmin.objects.setting_claims import FULL_SCOPE_CLAIM
from kcadmin.rest import texts
from kcadmin.rest.errors import Forbidden, NotFound
from kcadmin.rest.session import path
from reach.audiences import Added, Shapes, added, issued, resolvers
from reach.heeded import as_heeded, scopes_in
from reach.held_mappers import held_scopes
from reach.introspection import changes_tokens, introspectors_for
from reach.lightweight import lighteners

Role = tuple[str, str]
"""(client id, or "" for a role of the realm; name)"""


@dataclass(frozen=True)
class Opening:
    """One way that adds a target to a client's tokens.

    by: in words. needs: sets of roles; the user must hold one of each set. on_request: whether a scope must be requested.
    mapper: the id of an audience mapper of the client itself that adds only the target.
    owner, number: of its mark. adopted: whether the mapper was adopted, so that it would be restored. by_roles: whether the
    target is in aud
    because the tokens may contain its roles.
    """

    by: str
    needs: tuple[frozenset[Role], ...] = ()
    on_request: bool = False
    mapper: str | None = None
    owner: str | None = None
    adopted: bool = False
    by_roles: bool = False
    number: str = ""

    def is_within(self, roles: Collection[Role], *, on_request: bool) -> bool:
        """Whether everybody who passes it fulfils a condition. roles: of which one is required."""
        held = not roles or any(needed <= {*roles} for needed in self.needs)
        return held and (self.on_request or not on_request)


@dataclass(frozen=True)
class Openings:
    """All ways for one client and target."""

    ways: tuple[Opening, ...] = ()


def ways_in(
    realm: Realm,
    client_id: str,
    target_id: str,
    *,
    full_scope_goes: bool,
    on_request: bool = False,
    received: bool = False,
    made: Collection[str] = (),
) -> Openings:
    """Every way that may add a target to a client's tokens.

    :param full_scope_goes: the run switches it off. on_request: whether it matters if a scope must be requested.
    :param received: whether the target exchanges the tokens itself. Then tokens that Keycloak accepts as its own count,
        too.
    :param made: the names of client scopes that the run makes or corrects for this target, whose content does not count.
    """
    client, target = _client(realm, client_id), realm.clients.find(target_id)
    if client is None or target is None:
        return Openings()
    realm.client_scopes.require_seen(client)
    scopes = scopes_in(realm)
    passing = introspectors_for(realm, [client], scopes).of(client, scopes) if received else ""
    shapes = Shapes(_lighteners(realm, client, scopes), passing)
    found = [*added(client, scopes, shapes), *(issued(client, scopes, shapes) if received else ())]
    named = [each for each in found if each.may_add(target_id) and not _is_made(each, made)]
    if any(each.renamed for each in named) and (
        full_scope_goes or not (client.is_on(FULL_SCOPE) or full_scope_returns(client))
    ):
        carried = _mapped(realm, client)
        named = [each for each in named if each.renamed is None or _role(each.renamed) in carried]
    through = [each for each in resolvers(client, scopes, shapes) if not _is_made(each, made)]
    roles = roles_in_reach(realm, client, target, without_full_scope=full_scope_goes) if through else frozenset()
    always = roles
    if roles and on_request:  # a requested scope may add some to the token
        always = roles_in_reach(realm, client, target, without_full_scope=full_scope_goes, kinds=(DEFAULT,))
    by_roles = [
        Opening(
            f"roles of {texts.named(target_id)} that its users may hold ({texts.first_few(sorted(carried))}){_where(each)}",
            (*_needs(realm, scopes, each), frozenset((target_id, role) for role in carried)),
            asked or each.on_request,
            by_roles=True,
        )
        for each in through
        for carried, asked in ((always, False), (roles - always, True))
        if carried
    ]
    ticket = ticket_way(realm, target) if received else None
    by_ticket = [Opening(ticket)] if ticket else []
    return Openings((*(_opening(realm, scopes, client, each) for each in named), *by_roles, *by_ticket))


def replacing_mappers(realm: Realm, client_id: str) -> tuple[str, ...]:
    """The mappers, in words, that may remove from a client's tokens what a grant adds to ``aud``."""
    client = _client(realm, client_id)
    if client is None:
        return ()
    scopes = scopes_in(realm)
    found = added(client, scopes, Shapes(_lighteners(realm, client, scopes)))
    return tuple(_by(each) for each in found if each.sets and not each.on_request)


def other_audiences(realm: Realm, client_id: str) -> tuple[str, ...]:
    """What adds other audiences to a client's tokens, in words, apart from full scope."""
    client = _client(realm, client_id)
    if client is None:
        return ()
    scopes = scopes_in(realm)
    found = [each.by for each in added(client, scopes) if each.audience != client_id]
    mapped = sorted({name for name, _ in _mapped(realm, client)} - {"", client_id})
    return (*found, *(f"roles of {texts.named(other)} that are mapped to {texts.named(client_id)}" for other in mapped))


def full_scope_returns(client: Client) -> bool:
    """Whether a claim has switched full scope off. It returns when that claim is released, perhaps in this run."""
    return not client.is_on(FULL_SCOPE) and bool(claims(client, FULL_SCOPE_CLAIM))


def roles_in_reach(
    realm: Realm,
    client: Client,
    target: Client,
    *,
    without_full_scope: bool = False,
    kinds: Collection[str] = (DEFAULT, OPTIONAL),
) -> frozenset[str]:
    """The target's client roles that a client's tokens may contain, each of which adds the target to ``aud``.

    :param without_full_scope: as if full scope were off already. kinds: of the client scopes that count.
    """
    if full_scope_returns(client) and not without_full_scope:
        return frozenset(str(role["name"]) for role in realm.session.get(realm.clients.path(target.uuid, "roles")))
    if without_full_scope and client.is_on(FULL_SCOPE):
        return frozenset(name for name_of, name in _mapped(realm, client, kinds) if name_of == target.client_id)
    optional = " ".join(client.value(f"{OPTIONAL}ClientScopes") or ()) if OPTIONAL in kinds else ""
    at = realm.clients.path(client.uuid, "evaluate-scopes", "scope-mappings", target.uuid, "granted")
    return frozenset(str(role["name"]) for role in realm.session.get(at, scope=optional))


def _client(realm: Realm, client_id: str) -> Client | None:
    found = realm.clients.find(client_id)
    return as_heeded(found, realm.features) if found else None


def parts_of(realm: Realm, client_id: str, role: str) -> frozenset[Role] | None:
    """The roles in a composite role, at any depth.

    If it is required, Keycloak lets their holders through. None if the role does not exist.
    :raises Forbidden: the login may not see roles of the realm.
    """
    client = realm.clients.find(client_id) if client_id else None
    if client_id and client is None:
        return None
    holder = realm.clients.path(client.uuid) if client else path("admin", "realms", realm.name)
    try:
        found = realm.session.get(holder + path("roles", role))
    except NotFound:
        return None
    return _expanded(realm, [found]) - {(client_id, role)}


def default_roles(realm: Realm) -> frozenset[Role] | None:
    """The roles that each new user gets with the realm's default role; None if the login may not read them."""
    try:
        default = realm.session.get(path("admin", "realms", realm.name)).get("defaultRole")
        return _expanded(realm, [default]) if default else None
    except Forbidden:
        return None


def default_groups(realm: Realm) -> dict[Role, str]:
    """The roles that each new user gets by a default group, with that group's path; of groups that the login may view.

    Keycloak silently leaves out other groups (role view-users).
    """
    of_realm = path("admin", "realms", realm.name)
    found: dict[Role, str] = {}
    for group in realm.session.get(f"{of_realm}/default-groups"):
        above: Mapping[str, Any] = group
        while above:  # a group has the roles of those above it
            at = f"{of_realm}/groups{path(str(above['id']))}"
            for role in _expanded(realm, _roles_in(realm.session.get(f"{at}/role-mappings"))):
                found.setdefault(role, str(group["path"]))
            parent = above.get("parentId")
            above = realm.session.get(f"{of_realm}/groups{path(str(parent))}") if parent else {}
    return found


def _lighteners(realm: Realm, client: Client, scopes: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The client policies that may make a client's tokens lightweight; read only if that changes their audiences.

    None if the login may not read them.
    """
    if not changes_tokens(Shapes(lighteners=None), client, scopes):
        return ()
    found, readable = realm.policies()
    return lighteners(client, found.policies, (*found.of_server, *found.profiles)) if readable else None


def _by(each: Added) -> str:
    """A way in words, with the client policy or the introspection that it depends on."""
    return f"{each.by}{_where(each)}"


def _where(each: Added) -> str:
    return f", where {each.when}" if each.when else ""


def _is_made(each: Added, made: Collection[str]) -> bool:
    return any(scope.name in made for scope in each.scopes)


def _opening(realm: Realm, scopes: Mapping[str, Any], client: Client, each: Added) -> Opening:
    needs = [*_needs(realm, scopes, each)]
    if each.renamed:
        needs.append(frozenset({_role(each.renamed)}))
    own = each.own
    mapper_id = own.id if own and own.custom_audience is None else None
    adopted = bool(mapper_id and claims(client, adopted_kind(mapper_id, AudienceMapper)))
    said = Opening(_by(each), tuple(needs), each.on_request, mapper_id, adopted=adopted)
    return replace(said, owner=own.owner, number=own.writer.number) if own else said


def _role(spelt: str) -> Role:
    """A role of a mapper's configuration, ``<client id>.<role>`` or ``<role>``."""
    client, _, name = spelt.rpartition(".")
    return client, name


def _needs(realm: Realm, scopes: Mapping[str, Any], each: Added) -> Iterator[frozenset[Role]]:
    """The roles of each client scope of a way, of which a user must hold one. A scope without roles is for all."""
    for scope in each.scopes:
        at = realm.client_scopes.path(str(scopes[scope.name]["id"]), "scope-mappings")
        if roles := _expanded(realm, _roles_in(realm.session.get(at))):
            yield roles


def _mapped(realm: Realm, client: Client, kinds: Collection[str] = (DEFAULT, OPTIONAL)) -> frozenset[Role]:
    """The roles that a client's tokens may contain without full scope. kinds: of the client scopes that count."""
    held = {name for name, kind in held_scopes(client).items() if kind in kinds}
    of_scopes = [
        realm.client_scopes.path(str(each["id"])) for each in realm.client_scopes.all() if each["name"] in held
    ]
    found = [
        role
        for holder in (realm.clients.path(client.uuid), *of_scopes)
        for role in _roles_in(realm.session.get(f"{holder}/scope-mappings"))
    ]
    own = realm.session.get(realm.clients.path(client.uuid, "roles"))  # always contained, with the roles in them
    return _expanded(realm, [*found, *own])


def _roles_in(mappings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    of_clients = (mappings.get("clientMappings") or {}).values()
    return [*(mappings.get("realmMappings") or ()), *(role for entry in of_clients for role in entry["mappings"])]


def _expanded(realm: Realm, roles: Collection[Mapping[str, Any]]) -> frozenset[Role]:
    """These roles with all that they are composed of."""
    found: dict[str, Role] = {}
    left = list(roles)
    while left:
        role = left.pop()
        if role["id"] in found:
            continue
        holder = realm.clients.get(str(role["containerId"])) if role.get("clientRole") else None
        found[role["id"]] = (holder.client_id if holder else "", str(role["name"]))
        if role.get("composite"):
            left += realm.session.get(path("admin", "realms", realm.name, "roles-by-id", str(role["id"]), "composites"))
    return frozenset(found.values())
