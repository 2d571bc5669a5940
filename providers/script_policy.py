"""Policies of a deployed script: a JavaScript in a JAR in Keycloak's ``providers/`` folder, with the feature ``scripts``.

On ``realm-management`` a script is the only policy that can check the requester's address.

https://www.keycloak.org/docs/latest/authorization_services/#_policy_js
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.authz.policies import Policies, ScriptPolicies
from kcadmin.authz.policies import ScriptPolicy as Policy
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import ResourceServer
from kcadmin.rest.errors import Refusal, sentence
from kcadmin.rest.texts import named, shown
from providers.base.connections import Server
from providers.base.policy import PolicyProps, PolicyProvider
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.uuids import is_known


@dataclass(frozen=True, kw_only=True)
class ScriptPolicyProps(PolicyProps):
    policy_type: str


class ScriptPolicyProvider(PolicyProvider[Policy]):
    """Create, read, update and delete of a script policy."""

    OBJECT = "script policy"
    PROPS = ScriptPolicyProps
    STORE = ScriptPolicies
    REPLACE_ON = (*PolicyProvider.REPLACE_ON, "policy_type")

    def refusals(self, props: ScriptPolicyProps) -> Iterator[str]:
        yield from super().refusals(props)
        if is_known(props.policy_type) and not re.fullmatch(r"script-.+\.js", props.policy_type):
            yield f"policy_type is {shown(props.policy_type)}; give script-<file>.js, after the script's file in the JAR"

    def store_on(self, realm: Realm, server: ResourceServer, props: ScriptPolicyProps) -> Policies[Policy]:
        return ScriptPolicies(realm, server, props.policy_type)

    def before_create(self, realm: Realm, props: ScriptPolicyProps) -> None:
        super().before_create(realm, props)
        offered = realm.resource_server(props.resource_server_uuid).policy_types()
        if props.policy_type not in offered:
            scripts = ", ".join(each for each in offered if each.startswith("script-")) or "none"
            wrong = (
                f"is of type {named(props.policy_type)}, which the server does not offer (deployed scripts: {scripts})"
            )
            remedy = "put the script's JAR into Keycloak's providers folder, and start it with --features=scripts"
            raise Refusal(sentence(self.OBJECT, props.name, realm.name, wrong, remedy))


class ScriptPolicy(KeycloakResource, module="keycloak", name="ScriptPolicy"):
    """A policy of a deployed script on a resource server.

    :param resource_server: the client id of the resource server.
    :param name: unique among the policies and permissions of the resource server; changes in place.
    :param policy_type: ``script-<file>.js``, after the script's file in the JAR; another one replaces the policy.
    :param logic: ``POSITIVE`` or ``NEGATIVE``.
    :param adopt: take over a policy of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        policy_type: Text,
        description: Text | None = None,
        logic: Text | None = None,
        resource_server_uuid: Text | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(ScriptPolicyProvider(), resource_name, locals(), opts)
