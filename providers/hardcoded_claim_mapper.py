"""Hardcoded claim mappers of a client: they write one fixed claim into its tokens, and none that opens a gate.

https://www.keycloak.org/docs/latest/server_admin/#_protocol-mappers
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.objects.claim_mappers import STRING, HardcodedClaimMappers, is_value_of
from kcadmin.objects.claim_mappers import HardcodedClaimMapper as Mapper
from kcadmin.rest.texts import shown
from providers.base.connections import Server
from providers.base.mapper import MapperProvider
from providers.base.props import ClientProps, made_of
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.uuids import is_known
from reach.gate_claims import gate_claim
from reach.written_audiences import claim_parts


@dataclass(frozen=True, kw_only=True)
class ClaimMapperProps(ClientProps):
    name: str
    claim_name: str
    claim_value: str
    json_type: str = STRING
    access_token: bool = True
    id_token: bool = False
    userinfo: bool = False
    introspection: bool = True
    lightweight: bool = False


class HardcodedClaimMapperProvider(MapperProvider[Mapper]):
    """Create, read, update and delete of a hardcoded claim mapper."""

    OBJECT = "hardcoded claim mapper"
    PROPS = ClaimMapperProps
    STORE = HardcodedClaimMappers
    CHOICES = {"json_type": (STRING, "int", "long", "boolean", "JSON")}

    def refusals(self, props: ClaimMapperProps) -> Iterator[str]:
        name, value, kind = props.claim_name, props.claim_value, props.json_type
        if is_known(name) and (opened := gate_claim(name)):
            claim, decides = opened
            yield f"claim_name is {shown(name)}, and {claim!r} decides {decides}; choose a claim that decides nothing"
        elif is_known(name) and name.strip() and not claim_parts(name):
            yield f"claim_name is {shown(name)}, which is not a valid claim name; correct it"
        if is_known([value, kind]) and not is_value_of(kind, value):
            yield f"claim_value is {shown(value)}, which is not of the type {kind}; correct it, or set another json_type"
        flags = (props.access_token, props.id_token, props.userinfo, props.introspection, props.lightweight)
        if is_known(flags) and not any(flags):
            names = "access_token, id_token, userinfo, introspection, lightweight"
            yield f"{names} are all false, so it maps nothing; set one of them"

    def wanted(self, props: ClaimMapperProps) -> Mapper:
        return made_of(Mapper, props)


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
