"""What a legacy grant has to itself: its policies on ``realm-management``, attached to the target's token-exchange permission.

A grant with conditions attaches one aggregate policy, in which all of them must match.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.grant_options import GrantOptions
from components.names import Names
from components.shared_parts import SharedParts
from grants.conditions import TimeWindow
from grants.plan import GrantPlan, flows_of, policy_name, scope_name
from grants.spec import REQUESTER, GrantSpec
from kcadmin.authz.exchange_permission import UNANIMOUS
from kcadmin.authz.time_windows import time_parts
from kcadmin.objects.realm import management_client_id
from providers.aggregate_policy import AggregatePolicy
from providers.base.resource import PartOfGrant
from providers.client_policy import ClientPolicy
from providers.client_scope_policy import ClientScopePolicy
from providers.time_policy import TimePolicy
from providers.token_exchange_permission import TokenExchangePermission
from reach.existing_policies import CLIENTS, CONDITIONS


def register_legacy_parts(
    planned: GrantPlan, shared: SharedParts, grant: pulumi.Resource | None, given: GrantOptions
) -> list[pulumi.Resource]:
    """Registers the policies of a grant and their binding, as its children. grant: None without one. given: its options."""
    spec, names = planned.spec, shared.names
    common: dict[str, Any] = {
        "realm": names.realm(spec),
        "resource_server": names.of(spec, lambda named: management_client_id(named.realm)),
        "owner": spec.grant_owner,
        "opts": names.options(given.on_child(PartOfGrant(parent=grant, depends_on=[shared.permissions(planned)]))),
    }
    place = names.place(spec, spec.target, spec.name)
    policy: ClientPolicy | AggregatePolicy
    policy = clients = ClientPolicy(
        f"{place}-requesters",
        **_named(planned, names, CLIENTS, names.of(spec, _text_of_clients)),
        clients=[names.client(client) for client in planned.policy_clients],
        client_uuids=[names.uuid(planned, client) for client in planned.policy_clients],
        **common,
    )
    conditions: list[pulumi.Resource] = []
    if spec.required_roles:
        after_scope = pulumi.ResourceOptions.merge(common["opts"], PartOfGrant(depends_on=[shared.scope(planned)]))
        conditions.append(
            ClientScopePolicy(
                f"{place}-roles",
                name=names.of(spec, lambda named: policy_name(named, "roles")),
                client_scopes=[{"scope": names.of(spec, scope_name), "required": True}],
                **{**common, "opts": after_scope},
            )
        )
    if spec.time_window:
        conditions += _times(planned, names, spec.time_window, place, common)
    if conditions:
        last = conditions[-1]
        members = [clients, *(each for each in conditions if isinstance(each, ClientScopePolicy) or each is last)]
        policy = _aggregate(f"{place}-conditions", _named(planned, names, CONDITIONS), members, UNANIMOUS, common)
        conditions.append(policy)
    binding = TokenExchangePermission(
        f"{place}-permission",
        realm=names.realm(spec),
        client_id=names.client(spec.target),
        client_uuid=names.uuid(planned, spec.target),
        policies=[policy.id],
        with_policies=True,
        on_remove=spec.on_remove if planned.standing else None,
        owner=spec.grant_owner,
        accept_policy_changes=list(spec.accept_policy_changes) or None,
        opts=names.options(
            given.on_child(PartOfGrant(parent=grant))
        ),  # its policy waits for the management permissions
    )
    return [clients, *conditions, binding]


def _times(
    planned: GrantPlan, names: Names, window: TimeWindow, place: str, common: Mapping[str, Any]
) -> list[pulumi.Resource]:
    """The time policies of a window; the last one represents all of them."""
    parts = time_parts(window.start, window.end, **window.dates())
    policies: list[pulumi.Resource] = [
        TimePolicy(
            f"{place}-time-{number}",
            **_named(planned, names, f"time {number}"),
            logic=part.logic,
            **part.fields,  # type: ignore[arg-type]
            **common,
        )
        for number, part in enumerate(parts.policies, 1)
    ]
    if len(policies) > 1:
        named = _named(planned, names, "times")
        policies.append(_aggregate(f"{place}-times", named, policies, parts.decision_strategy, common))
    return policies


def _text_of_clients(spec: GrantSpec) -> str:
    asking = dict.fromkeys(flow.requester for flow in flows_of(spec) if flow.flow == REQUESTER)
    return f"{', '.join(asking)} may exchange for {spec.target}"[:200]


def _named(planned: GrantPlan, names: Names, part: str, description: str | None = None) -> dict[str, Any]:
    """A policy's name and description: those of the existing policy, else the grant's own."""
    if planned.standing:
        name = planned.standing.parts[part]
        return {"name": name, "description": planned.standing_texts[name]}
    return {"name": names.of(planned.spec, lambda named: policy_name(named, part)), "description": description}


def _aggregate(
    place: str, named: Mapping[str, Any], members: Sequence[pulumi.Resource], strategy: str, common: Mapping[str, Any]
) -> AggregatePolicy:
    ids = [member.id for member in members if isinstance(member, pulumi.CustomResource)]
    return AggregatePolicy(place, policies=ids, decision_strategy=strategy, **named, **common)
