"""Audience mappers of a client: they put a client, or any text, into the ``aud`` of the tokens issued for it.

https://www.keycloak.org/docs/latest/server_admin/#_audience
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.dynamic import DiffResult

from kcadmin.marks.ownership import owned_name
from kcadmin.objects.clients import RECENT_SECONDS
from kcadmin.objects.mappers import LIGHTWEIGHT_CLAIM, LIGHTWEIGHT_TOKENS, AudienceMappers, may_have_been
from kcadmin.objects.mappers import AudienceMapper as Mapper
from kcadmin.objects.realm import Realm
from providers.base.after_removal import tell_token_life_of_grant, warn_of_mappers
from providers.base.compare import KEEP, RESTORE, REVOKE
from providers.base.connections import Server
from providers.base.held import writer
from providers.base.owned import USED, OwnedObjectProvider
from providers.base.provider import Props
from providers.base.resource import Flag, KeycloakResource, Text, Texts


class AudienceMapperProvider(OwnedObjectProvider[Mapper]):
    """Create, read, update and delete of an audience mapper. Without a name it is identified by its audience."""

    OBJECT = "audience mapper"
    HOLDER = "client_uuid"
    ON_HOLDER = True
    INPUTS = (
        "realm",
        "client_id",
        "client_uuid",
        "name",
        "included_client",
        "custom_audience",
        "access_token",
        "id_token",
        "introspection",
        "exchange",
    )
    ON_REMOVE = (RESTORE, REVOKE, KEEP)
    DEFAULTS = {"access_token": True, "id_token": False, "introspection": True}
    FREE_WHEN_UNSET = ("name", "exchange")
    REPLACE_ON = ("realm", "client_uuid", "name")  # a PUT with another name answers 204 and keeps the old one

    def refusals(self, props: Props) -> Iterator[str]:
        named, custom = props.get("included_client"), props.get("custom_audience")
        if (named is None) == (custom is None):
            yield (
                f"included_client is {named!r} and custom_audience is {custom!r}; set exactly one of them"
                if named is None or isinstance(named, str)
                else "both audiences are set; set exactly one of them"
            )
        if props.get("access_token") is False and props.get("id_token") is False:
            yield "access_token and id_token are both false, so it maps nothing; set one of them"

    def store(self, realm: Realm, props: Props) -> AudienceMappers:
        return AudienceMappers(realm.clients, props["client_uuid"], max_age=RECENT_SECONDS)

    def look(self, realm: Realm, props: Props) -> AudienceMappers:
        return AudienceMappers(realm.clients, props["client_uuid"])

    def wanted(self, props: Props) -> Mapper:
        included, custom = props.get("included_client"), props.get("custom_audience")
        return Mapper(
            props.get("name") or owned_name(f"audience-{included or custom}", props["owner"]),
            included,
            custom,
            bool(props["access_token"]),
            bool(props["id_token"]),
            bool(props["introspection"]),
            props["owner"],
            props.get("exchange"),
            writer=writer(props),
        )

    def shown(self, found: Mapper, props: Props) -> Props:
        client = self.realm(props).clients.get(props["client_uuid"])
        mark = {"exchange": props.get("exchange")} if props.get("found") == USED else {}  # a stranger's bears none
        return {**super().shown(found, props), "client_id": client.client_id if client else None, **mark}

    def compare(self, _olds: Props, _news: Props) -> DiffResult:
        mark = {"exchange": _news.get("exchange")} if _olds.get("found") == USED else {}
        return super().compare({**_olds, **mark}, _news)

    def candidates(self, realm: Realm, looked: AudienceMappers, wanted: Mapper, props: Props) -> list[Mapper]:
        if props.get("name"):
            return looked.named(wanted.name)
        # To a grant the audience says which mapper it is: a stranger's under any name will do, where it is as wanted.
        same = [
            each if each.mark else replace(each, name=wanted.name)
            for each in looked.all()
            if each.audience == wanted.audience and (each.mark or self._serves(realm, each, props))
        ]
        fit = [each for each in same if each.mark or props.get("adopt") or not self._differences(each, wanted)]
        return [*fit, *looked.named(wanted.name)]

    def may_have_been(self, wanted: Mapper, was: Mapping[str, Any]) -> bool:
        """A note alone brings no other audience into tokens, nor a mark onto a mapper."""
        return may_have_been(wanted.audience, was)

    def tell_left(self, realm: Realm, props: Props) -> None:
        holder, audience = realm.clients.get(props["client_uuid"]), props.get("included_client")
        if not holder or not audience or not props["access_token"] or holder.client_id == audience:
            super().tell_left(realm, props)
        else:
            warn_of_mappers(realm, holder, audience, props["owner"])
        if holder and audience and props.get("exchange"):
            tell_token_life_of_grant(realm, holder.client_id, audience, props["exchange"])

    @staticmethod
    def _serves(realm: Realm, found: Mapper, props: Props) -> bool:
        """Whether a stranger's mapper reaches the tokens of a client whose access tokens are lightweight."""
        client = realm.clients.get(props["client_uuid"])
        lightweight = client is not None and client.is_on(LIGHTWEIGHT_TOKENS)
        return not lightweight or (LIGHTWEIGHT_CLAIM, "true") in found.stored


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
