"""Authorization scopes of a resource server.

https://www.keycloak.org/docs/latest/authorization_services/#_resource_scope
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pulumi

from kcadmin.authz.scopes_and_permissions import AuthorizationScope as Scope
from kcadmin.authz.scopes_and_permissions import AuthorizationScopes, scope_kind
from kcadmin.objects.claims import adopted_kind
from kcadmin.objects.realm import MANAGEMENT_CLIENTS, Realm
from kcadmin.objects.shared_settings import write_claim
from kcadmin.rest.texts import named
from providers.base.claimed import OwnClaim
from providers.base.connections import Server
from providers.base.owned import CREATED, OwnedObjectProvider
from providers.base.props import Outputs, ResourceServerProps
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.resource_server import require_services
from providers.base.stores import Found
from reach.judged_writes import ClientWrite, claim_write


@dataclass(frozen=True, kw_only=True)
class ScopeProps(ResourceServerProps):
    display_name: str | None = None
    icon_uri: str | None = None


class AuthorizationScopeProvider(OwnedObjectProvider[Scope]):
    """Create, read, update and delete of a scope: claimed on the client first, since it has no room for a mark."""

    OBJECT = "authorization scope"
    PROPS = ScopeProps
    ON_HOLDER = True
    REPLACE_ON = ("realm", "resource_server_uuid")

    def refusals(self, props: ScopeProps) -> Iterator[str]:
        if props.resource_server in MANAGEMENT_CLIENTS:
            name = named(props.resource_server)
            yield f"resource server {name} has scopes of Keycloak's own only; name another resource server"

    def store(self, realm: Realm, props: ScopeProps) -> AuthorizationScopes:
        return AuthorizationScopes(realm.resource_server(props.resource_server_uuid), realm.clients, props.owner)

    def wanted(self, props: ScopeProps) -> Scope:
        shown = props.display_name or None, props.icon_uri or None
        return Scope(props.name, *shown, props.owner, writer=props.writer)

    def before_create(self, realm: Realm, props: ScopeProps) -> None:
        require_services(realm, props)
        _claim(realm, props).write()

    def client_writes(self, realm: Realm, olds: ScopeProps | None, props: ScopeProps) -> Iterator[ClientWrite]:
        client, seen = realm.clients.get(props.resource_server_uuid), self.in_sight(realm, props)
        moves = olds is not None and _claim(realm, olds, props.resource_server_uuid).found() is not None
        if seen and seen[1] is not Found.OURS and not moves:
            yield from super().client_writes(realm, olds, props)
        elif client and _claim(realm, props).found() is None:
            yield claim_write(client, props.owner, scope_kind(props.name))

    def continued(self, realm: Realm, found: Scope, wanted: Scope, props: ScopeProps) -> Outputs:
        for kind in (scope_kind(found.name), adopted_kind(str(found.id), Scope)):
            claim = OwnClaim(realm, props.resource_server_uuid, props, kind).found()
            if claim:
                write_claim(realm.clients, props.resource_server_uuid, replace(claim, writer=props.writer))
        return super().continued(realm, found, wanted, props)

    def change(self, realm: Realm, id_: str, olds: ScopeProps, news: ScopeProps) -> Outputs:
        if olds.found == CREATED:
            self.before_create(realm, news)
        notes = super().change(realm, id_, olds, news)
        if (olds.name, olds.owner) != (news.name, news.owner):
            _claim(realm, olds).drop()
        return notes

    def remove(self, realm: Realm, id_: str, props: ScopeProps) -> None:
        super().remove(realm, id_, props)
        _claim(realm, props).drop()


def _claim(realm: Realm, props: ScopeProps, client_uuid: str = "") -> OwnClaim:
    return OwnClaim(realm, client_uuid or props.resource_server_uuid, props, scope_kind(props.name))


class AuthorizationScope(KeycloakResource, module="keycloak", name="AuthorizationScope"):
    """An authorization scope of a resource server, such as ``token-exchange``.

    :param resource_server: the client id of the resource server.
    :param name: unique in the resource server; changes in place.
    :param display_name: shown to people. icon_uri: a URI of an icon.
    :param adopt: take over a scope of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        display_name: Text | None = None,
        icon_uri: Text | None = None,
        resource_server_uuid: Text | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(AuthorizationScopeProvider(), resource_name, locals(), opts)
