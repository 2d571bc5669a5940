"""Hardcoded claim mappers of a client: they write one fixed claim into its tokens, and none that opens a gate.

https://www.keycloak.org/docs/latest/server_admin/#_protocol-mappers
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi

from kcadmin.objects.claim_mappers import STRING, HardcodedClaimMappers, may_have_been
from kcadmin.objects.claim_mappers import HardcodedClaimMapper as Mapper
from kcadmin.objects.clients import RECENT_SECONDS
from kcadmin.objects.realm import Realm
from kcadmin.rest.texts import shown
from providers.base.compare import KEEP, RESTORE, REVOKE
from providers.base.connections import Server
from providers.base.held import writer
from providers.base.owned import OwnedObjectProvider
from providers.base.provider import Props
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from reach.gate_claims import gate
from reach.written_audiences import claim_parts

FLAGS = ("access_token", "id_token", "userinfo", "introspection", "lightweight")
BITS = {"int": 32, "long": 64}


class HardcodedClaimMapperProvider(OwnedObjectProvider[Mapper]):
    """Create, read, update and delete of a hardcoded claim mapper."""

    OBJECT = "hardcoded claim mapper"
    HOLDER = "client_uuid"
    ON_HOLDER = True
    INPUTS = ("realm", "client_id", "client_uuid", "name", "claim_name", "claim_value", "json_type", *FLAGS)
    ON_REMOVE = (RESTORE, REVOKE, KEEP)
    DEFAULTS = {"json_type": STRING, **dict.fromkeys(FLAGS, False), "access_token": True, "introspection": True}
    CHOICES = {"json_type": (STRING, "int", "long", "boolean", "JSON")}
    REPLACE_ON = ("realm", "client_uuid", "name")  # a PUT with another name answers 204 and keeps the old one

    def refusals(self, props: Props) -> Iterator[str]:
        name, value, kind = props.get("claim_name"), props.get("claim_value"), props.get("json_type")
        if isinstance(name, str) and (opened := gate(name)):
            claim, decides = opened
            yield f"claim_name is {shown(name)}, and {claim!r} decides {decides}; choose a claim that decides nothing"
        elif isinstance(name, str) and name.strip() and not claim_parts(name):
            yield f"claim_name is {shown(name)}, which is not a valid claim name; correct it"
        if isinstance(value, str) and isinstance(kind, str) and not _is(kind, value):
            yield f"claim_value is {shown(value)}, which is no {kind}; correct it, or set another json_type"
        if all(props.get(flag) is False for flag in FLAGS):
            yield f"{', '.join(FLAGS)} are all false, so it maps nothing; set one of them"

    def store(self, realm: Realm, props: Props) -> HardcodedClaimMappers:
        return HardcodedClaimMappers(realm.clients, props["client_uuid"], max_age=RECENT_SECONDS)

    def look(self, realm: Realm, props: Props) -> HardcodedClaimMappers:
        return HardcodedClaimMappers(realm.clients, props["client_uuid"])

    def wanted(self, props: Props) -> Mapper:
        return Mapper(
            props["name"],
            props["claim_name"],
            props["claim_value"],
            props["json_type"],
            bool(props["access_token"]),
            bool(props["id_token"]),
            bool(props["userinfo"]),
            bool(props["introspection"]),
            bool(props["lightweight"]),
            props["owner"],
            writer=writer(props),
        )

    def shown(self, found: Mapper, props: Props) -> Props:
        client = self.realm(props).clients.get(props["client_uuid"])
        return {**super().shown(found, props), "client_id": client.client_id if client else None}

    def may_have_been(self, wanted: Mapper, was: Mapping[str, Any]) -> bool:
        """A note alone brings no other claim into tokens, no other value, and no mark onto a mapper."""
        return may_have_been(wanted, was)


def _is(kind: str, value: str) -> bool:
    """Whether Keycloak can make a JSON value of a type out of a text."""
    if kind in BITS:
        bound = 2 ** (BITS[kind] - 1)
        return bool(re.fullmatch("[+-]?[0-9]{1,20}", value)) and -bound <= int(value) < bound
    if kind == "boolean":
        return value in ("true", "false")
    if kind == "JSON":
        try:
            json.loads(value, parse_constant=int)  # NaN is no JSON
        except (ValueError, RecursionError):
            return False
    return True


class HardcodedClaimMapper(KeycloakResource, module="keycloak", name="HardcodedClaimMapper"):
    """Writes one fixed claim into the tokens issued for a client. A claim that opens a gate, such as ``aud``, is refused.

    :param client_id: the client whose tokens change; a client id, not a UUID.
    :param name: the mapper's name. claim_name: a dot makes an object of it, and a backslash before the dot does not.
    :param claim_value: as text; json_type: what it is in the token: String, int, long, boolean or JSON.
    :param access_token: map into access tokens, id_token: into ID tokens, userinfo: into the userinfo endpoint's answers,
        introspection: into introspection answers, lightweight: into lightweight access tokens.
    :param adopt: take over a mapper of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]
    client_uuid: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        client_id: Text,
        name: Text,
        claim_name: Text,
        claim_value: Text,
        client_uuid: Text | None = None,
        json_type: Text | None = None,
        access_token: Flag | None = None,
        id_token: Flag | None = None,
        userinfo: Flag | None = None,
        introspection: Flag | None = None,
        lightweight: Flag | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(HardcodedClaimMapperProvider(), resource_name, locals(), opts)
