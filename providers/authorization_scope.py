"""Authorization scopes of a resource server.

https://www.keycloak.org/docs/latest/authorization_services/#_resource_scope
"""

from collections.abc import Iterator
from dataclasses import replace

import pulumi

from kcadmin.authz.scopes_and_permissions import AuthorizationScope as Scope
from kcadmin.authz.scopes_and_permissions import AuthorizationScopes, scope_kind
from kcadmin.objects.claims import Claim, adopted_kind, claim_of
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import drop_claim, write_claim
from kcadmin.rest.texts import named
from providers.base.connections import Server
from providers.base.held import writer
from providers.base.judged_writes import ClientWrite, claim_write
from providers.base.owned import CREATED, OwnedObjectProvider
from providers.base.provider import Props
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.resource_server import require_services
from providers.base.stores import Found


class AuthorizationScopeProvider(OwnedObjectProvider[Scope]):
    """Create, read, update and delete of a scope: claimed on the client first, since it has no room for a mark."""

    OBJECT = "authorization scope"
    ON_HOLDER = True
    INPUTS = ("realm", "resource_server", "resource_server_uuid", "name", "display_name", "icon_uri")
    REPLACE_ON = ("realm", "resource_server_uuid")
    CLIENTS = {"resource_server": "resource_server_uuid"}

    def refusals(self, props: Props) -> Iterator[str]:
        if props.get("resource_server") in ("realm-management", "master-realm"):
            yield (
                f"resource server {named(props['resource_server'])} has scopes of Keycloak's own only; "
                "name another resource server"
            )

    def store(self, realm: Realm, props: Props) -> AuthorizationScopes:
        server = realm.resource_server(props["resource_server_uuid"])
        return AuthorizationScopes(server, realm.clients, props["owner"])

    def wanted(self, props: Props) -> Scope:
        shown = props.get("display_name") or None, props.get("icon_uri") or None
        return Scope(props["name"], *shown, props["owner"], writer=writer(props))

    def before_create(self, realm: Realm, props: Props) -> None:
        require_services(realm, props)
        claim = Claim(props["owner"], scope_kind(props["name"]), {}, {}, writer(props))
        write_claim(realm.clients, props[self.HOLDER], claim)

    def client_writes(self, realm: Realm, olds: Props, props: Props) -> Iterator[ClientWrite]:
        client, seen = realm.clients.get(props[self.HOLDER]), self.in_sight(realm, props)
        kind, former = scope_kind(props["name"]), scope_kind(str(olds.get("name")))
        moves = claim_of(client, str(olds.get("owner")), former) is not None
        if seen and seen[1] is not Found.OURS and not moves:
            yield from super().client_writes(realm, olds, props)
        elif client and claim_of(client, props["owner"], kind) is None:
            yield claim_write(client, props["owner"], kind)

    def continued(self, realm: Realm, found: Scope, wanted: Scope, props: Props) -> Props:
        holder = props[self.HOLDER]
        for kind in (scope_kind(found.name), adopted_kind(str(found.id), Scope)):
            claim = claim_of(realm.clients.get(holder), props["owner"], kind)
            if claim:
                write_claim(realm.clients, holder, replace(claim, writer=writer(props)))
        return super().continued(realm, found, wanted, props)

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        if olds.get("found") == CREATED:
            self.before_create(realm, news)
        notes = super().change(realm, id_, olds, news)
        if (olds["name"], olds["owner"]) != (news["name"], news["owner"]):
            drop_claim(realm.clients, olds[self.HOLDER], olds["owner"], scope_kind(olds["name"]))
        return notes

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        super().remove(realm, id_, props)
        drop_claim(realm.clients, props[self.HOLDER], props["owner"], scope_kind(props["name"]))


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
