"""Client scopes that put a client into the ``aud`` of tokens: for holders of certain roles, or for those who ask.

https://www.keycloak.org/docs/latest/server_admin/#_client_scopes
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from kcadmin.marks.ownership import DESCRIPTION_LIMIT
from kcadmin.objects.audience_scopes import AudienceScope as Scope
from kcadmin.objects.audience_scopes import are_client_roles, audience_of_ours, roles_of
from kcadmin.objects.client_scopes import ClientScopes, scope_token
from kcadmin.objects.realm import Realm
from kcadmin.rest.texts import named, shown
from providers.base.connections import Server
from providers.base.held import ObjectMark
from providers.base.owned import OwnedObjectProvider
from providers.base.props import KEEP, RESTORE, REVOKE, KeycloakProps, Outputs, outputs, uuid_of
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.resource_server import description_faults
from providers.base.uuids import is_known


@dataclass(frozen=True, kw_only=True)
class AudienceProps(KeycloakProps):
    name: str
    description: str = ""
    included_client: str
    included_client_uuid: str = uuid_of("included_client")
    realm_roles: tuple[str, ...] = ()
    client_roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    in_token_scope: bool = True


class AudienceScopeProvider(OwnedObjectProvider[Scope]):
    """Create, read, update and delete of the scope with its mapper and its role scope mappings."""

    OBJECT = "client scope"
    PROPS = AudienceProps
    HOLDER = "included_client_uuid"
    ON_REMOVE = (RESTORE, REVOKE, KEEP)
    REPLACE_ON = ("realm",)  # not on the UUID: deleting a scope deletes the policies that name it

    def refusals(self, props: AudienceProps) -> Iterator[str]:
        if is_known(props.client_roles) and not are_client_roles(props.client_roles):
            yield f"client_roles is {shown(props.client_roles)}; give lists of role names by client id"
        if is_known(props.name) and props.name != (token := scope_token(props.name)):
            yield f"name holds what no scope may hold (RFC 6749, section 3.3); call it {named(token)}"
        yield from description_faults(props.description, DESCRIPTION_LIMIT)

    def store(self, realm: Realm, props: AudienceProps) -> ClientScopes:
        realm.client_scopes.forget()
        return realm.client_scopes

    def snapshot(self, realm: Realm, props: AudienceProps) -> ClientScopes:
        return realm.client_scopes

    def bears(self, realm: Realm, id_: str, props: AudienceProps) -> ObjectMark | None:
        return ObjectMark.on(realm.client_scopes.marked_now(id_))

    def wanted(self, props: AudienceProps) -> Scope:
        roles = roles_of(props.realm_roles, props.client_roles)
        given = (props.name, props.description, props.included_client, roles, props.in_token_scope, props.owner)
        return Scope(*given, writer=props.writer)

    def before_take_over(self, realm: Realm, found: Scope, wanted: Scope) -> None:
        realm.client_scopes.require_no_others(str(found.id), wanted)

    def is_as_made(self, realm: Realm, now: Scope, props: AudienceProps) -> bool:
        client = realm.clients.get(props.included_client_uuid)  # a refresh finds no name if others add an audience
        return client is not None and audience_of_ours(now) == client.client_id

    def shown(self, realm: Realm, found: Scope, props: AudienceProps) -> Outputs:
        roles = outputs(realm_roles=found.realm_roles, client_roles=found.client_roles)
        return {**super().shown(realm, found, props), **roles, **outputs(included_client=found.included_client or "")}


class AudienceScope(KeycloakResource, module="keycloak", name="AudienceScope"):
    """A client scope that puts a client into ``aud``; clients hold it by a ``ClientScopeAssignment``.

    :param name: the scope's name, which callers may ask for; a scope token (RFC 6749, section 3.3).
    :param included_client: the client id to put into ``aud``.
    :param realm_roles: names; client_roles: client id to names. Users who hold one of all these get it; none: everybody.
    :param in_token_scope: also list it in the token's ``scope``, which the legacy exchange's policies check.
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
        super().__init__(AudienceScopeProvider(), resource_name, locals(), opts)
