"""Audience mappers of a client: they put a client, or any text, into the ``aud`` of the tokens issued for it.

https://www.keycloak.org/docs/latest/server_admin/#_audience
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pulumi

from kcadmin.marks.ownership import owned_name
from kcadmin.objects.mappers import AudienceMapper as Mapper
from kcadmin.objects.mappers import AudienceMappers, reaches_tokens
from kcadmin.objects.realm import Realm
from providers.base.after_removal import tell_token_life_of_grant, warn_of
from providers.base.connections import Server
from providers.base.mapper import MapperProvider
from providers.base.props import ClientProps, made_of
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.stores import differing_fields
from providers.base.uuids import is_known
from reach.after_removal import mappers_stay


@dataclass(frozen=True, kw_only=True)
class MapperProps(ClientProps):
    name: str | None = None
    included_client: str | None = None
    custom_audience: str | None = None
    access_token: bool = True
    id_token: bool = False
    introspection: bool = True
    exchange: str | None = None


class AudienceMapperProvider(MapperProvider[Mapper]):
    """Create, read, update and delete of an audience mapper. Without a name it is identified by its audience."""

    OBJECT = "audience mapper"
    PROPS = MapperProps
    STORE = AudienceMappers
    FREE_WHEN_UNSET = ("name", "exchange")
    FREE_WHEN_USED = ("exchange",)

    def refusals(self, props: MapperProps) -> Iterator[str]:
        included, custom = props.included_client, props.custom_audience
        if (included is None) == (custom is None):
            told = f"included_client is {included!r} and custom_audience is {custom!r}"
            yield f"{told if is_known([included, custom]) else 'both audiences are set'}; set exactly one of them"
        if props.access_token is False and props.id_token is False:
            yield "access_token and id_token are both false, so it maps nothing; set one of them"

    def wanted(self, props: MapperProps) -> Mapper:
        default = owned_name(f"audience-{props.included_client or props.custom_audience}", props.owner)
        return made_of(Mapper, replace(props, name=props.name or default))

    def candidates(self, realm: Realm, store: AudienceMappers, wanted: Mapper, props: MapperProps) -> list[Mapper]:
        if props.name:
            return store.named(wanted.name)
        # A grant needs only the audience: an unmanaged mapper of any name is used, if it is as declared.
        client = realm.clients.get(props.client_uuid)
        same = [
            each if each.mark else replace(each, name=wanted.name)
            for each in store.all()
            if each.audience == wanted.audience and (each.mark or reaches_tokens(each, client))
        ]
        fit = [each for each in same if each.mark or props.adopt or not differing_fields(each, wanted)]
        return [*fit, *store.named(wanted.name)]

    def tell_left(self, realm: Realm, props: MapperProps) -> None:
        holder, audience = realm.clients.get(props.client_uuid), props.included_client
        if not holder or not audience or not props.access_token or holder.client_id == audience:
            super().tell_left(realm, props)
        else:
            warn_of(realm, mappers_stay(realm, holder, audience, props.owner))
        if holder and audience and props.exchange:
            tell_token_life_of_grant(realm, holder.client_id, audience, props.exchange)


class AudienceMapper(KeycloakResource, module="keycloak", name="AudienceMapper"):
    """Puts an audience into the tokens issued for a client.

    :param client_id: the client whose tokens change; a client id, not a UUID.
    :param included_client: the client id to put into ``aud``; or
    :param custom_audience: any text to put there.
    :param name: the mapper's name; without one it is identified by its audience.
    :param access_token: map into access tokens, id_token: into ID tokens, introspection: into introspection answers.
    :param exchange: which exchange a grant needs it for, kept as a mark on the mapper.
    :param adopt: take over a mapper of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str | None]
    client_uuid: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        client_id: Text,
        client_uuid: Text | None = None,
        name: Text | None = None,
        included_client: Text | None = None,
        custom_audience: Text | None = None,
        access_token: Flag | None = None,
        id_token: Flag | None = None,
        introspection: Flag | None = None,
        exchange: Text | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(AudienceMapperProvider(), resource_name, locals(), opts)
