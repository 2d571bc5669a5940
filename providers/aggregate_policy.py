"""Aggregate policies of a resource server: they combine other policies into one.

https://www.keycloak.org/docs/latest/authorization_services/#_policy_aggregated
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi

from kcadmin.authz.named_policies import AggregatePolicies
from kcadmin.authz.named_policies import AggregatePolicy as Policy
from kcadmin.rest.texts import shown
from providers.base.connections import Server
from providers.base.policy import PolicyProps, PolicyProvider
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.uuids import is_known


@dataclass(frozen=True, kw_only=True)
class AggregatePolicyProps(PolicyProps):
    policies: tuple[str, ...]
    decision_strategy: str = "UNANIMOUS"


class AggregatePolicyProvider(PolicyProvider[Policy]):
    """Create, read, update and delete of an aggregate policy."""

    OBJECT = "aggregate policy"
    PROPS = AggregatePolicyProps
    STORE = AggregatePolicies
    NEEDS = {"policies": "policy"}
    CHOICES = {**PolicyProvider.CHOICES, "decision_strategy": ("UNANIMOUS", "AFFIRMATIVE", "CONSENSUS")}

    def refusals(self, props: AggregatePolicyProps) -> Iterator[str]:
        yield from super().refusals(props)
        if is_known(props.policies) and props.name in props.policies:
            yield f"policies holds {shown(props.name)}, which is itself; leave it out"


class AggregatePolicy(KeycloakResource, module="keycloak", name="AggregatePolicy"):
    """An aggregate policy on a resource server.

    :param resource_server: the client id of the resource server.
    :param name: unique among the policies and permissions of the resource server; changes in place.
    :param policies: ids, such as ``policy.id``, or names of policies of the same resource server.
    :param decision_strategy: ``UNANIMOUS``: all must match; ``AFFIRMATIVE``: one; ``CONSENSUS``: more than do not.
    :param logic: ``POSITIVE`` or ``NEGATIVE``.
    :param adopt: take over a policy of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]
    policies: pulumi.Output[Sequence[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        policies: Texts,
        description: Text | None = None,
        decision_strategy: Text | None = None,
        logic: Text | None = None,
        resource_server_uuid: Text | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(AggregatePolicyProvider(), resource_name, locals(), opts)
