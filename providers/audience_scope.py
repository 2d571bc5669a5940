"""Client scopes that put a client into the ``aud`` of tokens: for holders of certain roles, or for those who ask.

https://www.keycloak.org/docs/latest/server_admin/#_client_scopes
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult

from kcadmin.marks.ownership import DESCRIPTION_LIMIT
from kcadmin.objects.audience_scopes import AudienceScope as Scope
from kcadmin.objects.audience_scopes import audience_of_ours, may_have_been
from kcadmin.objects.client_scopes import ClientScopes, scope_token
from kcadmin.objects.realm import Realm
from kcadmin.rest.texts import named, shown
from providers.base.compare import KEEP, RESTORE, REVOKE
from providers.base.connections import Server
from providers.base.held import ObjectMark, writer
from providers.base.owned import OwnedObjectProvider
from providers.base.provider import Props
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.stores import Store
from providers.base.uuids import is_known


class AudienceScopeProvider(OwnedObjectProvider[Scope]):
    """Create, read, update and delete of the scope with its mapper and its role scope mappings."""

    OBJECT = "client scope"
    HOLDER = "included_client_uuid"
    INPUTS = (
        "realm",
        "name",
        "description",
        "included_client",
        "included_client_uuid",
        "realm_roles",
        "client_roles",
        "in_token_scope",
    )
    DEFAULTS = {"description": "", "realm_roles": [], "client_roles": {}, "in_token_scope": True}
    SETS = ("realm_roles",)
    ON_REMOVE = (RESTORE, REVOKE, KEEP)
    REPLACE_ON = ("realm",)  # not on the UUID: deleting a scope deletes the policies that name it
    CLIENTS = {"included_client": "included_client_uuid"}

    def check(self, _olds: Props, news: Props) -> CheckResult:
        roles = news.get("client_roles")
        if isinstance(roles, Mapping) and is_known(roles) and _are_roles(roles):
            news = {**news, "client_roles": {client: sorted(set(roles[client])) for client in sorted(roles)}}
        return super().check(_olds, news)

    def refusals(self, props: Props) -> Iterator[str]:
        name, roles = props.get("name"), props.get("client_roles")
        if is_known(roles) and not _are_roles(roles):
            yield f"client_roles is {shown(roles)}; give lists of role names by client id"
        if isinstance(name, str) and name != scope_token(name):
            yield f"name holds what no scope may hold (RFC 6749, section 3.3); call it {named(scope_token(name))}"
        text = props.get("description")
        if isinstance(text, str) and len(text) > DESCRIPTION_LIMIT:
            yield f"description has {len(text)} characters; shorten it to {DESCRIPTION_LIMIT}"

    def store(self, realm: Realm, props: Props) -> ClientScopes:
        realm.client_scopes.forget()
        return realm.client_scopes

    def look(self, realm: Realm, props: Props) -> ClientScopes:
        return realm.client_scopes

    def bears(self, realm: Realm, id_: str, props: Props) -> ObjectMark | None:
        return ObjectMark.on(realm.client_scopes.marked_now(id_))

    def wanted(self, props: Props) -> Scope:
        of_clients = [(client, role) for client, roles in props["client_roles"].items() for role in roles]
        return Scope(
            props["name"],
            props.get("description") or "",
            props["included_client"],
            tuple(sorted([("", role) for role in props["realm_roles"]] + of_clients)),
            bool(props["in_token_scope"]),
            props["owner"],
            writer=writer(props),
        )

    def _take_over(self, realm: Realm, store: Store[Scope], found: Scope, wanted: Scope, props: Props) -> Props:
        realm.client_scopes.require_no_others(str(found.id), wanted)  # before the note of what it was is written
        return super()._take_over(realm, store, found, wanted, props)

    def is_as_made(self, realm: Realm, now: Scope, props: Props) -> bool:
        client = realm.clients.get(
            props[self.HOLDER]
        )  # a refresh leaves no name in the state where others add an audience
        return client is not None and audience_of_ours(now) == client.client_id

    def may_have_been(self, wanted: Scope, was: Mapping[str, Any]) -> bool:
        """A note alone makes a scope neither one for another audience nor one for other users."""
        return may_have_been(wanted, was)

    def shown(self, found: Scope, props: Props) -> Props:
        of_clients: dict[str, list[str]] = {}
        for client, role in found.roles:
            if client:
                of_clients.setdefault(client, []).append(role)
        return {
            "name": found.name,
            "description": found.description,
            "included_client": found.included_client or "",
            "realm_roles": [role for client, role in found.roles if not client],
            "client_roles": of_clients,
            "in_token_scope": found.in_token_scope,
        }


def _are_roles(given: Any) -> bool:
    return isinstance(given, Mapping) and all(
        client
        and isinstance(client, str)
        and isinstance(names, list | tuple)
        and all(isinstance(each, str) for each in names)
        for client, names in given.items()
    )


class AudienceScope(KeycloakResource, module="keycloak", name="AudienceScope"):
    """A client scope that puts a client into ``aud``; clients hold it by a ``ClientScopeAssignment``.

    :param name: the scope's name, which callers may ask for; a scope token (RFC 6749, section 3.3).
    :param included_client: the client id to put into ``aud``.
    :param realm_roles: names; client_roles: client id to names. Users who hold one of all these get it; none: everybody.
    :param in_token_scope: also name it in the token's ``scope``, where the legacy exchange's policies look.
    """

    name: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        name: Text,
        included_client: Text,
        included_client_uuid: Text | None = None,
        description: Text | None = None,
        realm_roles: Texts | None = None,
        client_roles: pulumi.Input[Mapping[str, Sequence[str]]] | None = None,
        in_token_scope: Flag | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        arguments: dict[str, Any] = locals()
        super().__init__(AudienceScopeProvider(), resource_name, arguments, opts)
