"""``TokenExchangeGrant``: source clients may act, through an exchange, at a target client."""

from collections.abc import Sequence
from typing import Any

import pulumi

from components.faults import conflicts
from components.grant_spec import REQUESTER, GrantSpec, checked_grant
from components.planning import plan
from components.settings import read_settings
from components.shared_parts import SharedParts
from components.wiring import GrantPlan, policy_name, questions
from kcadmin.connection import Connection
from kcadmin.errors import KeycloakError
from providers import preflight
from providers.client_policy import ClientPolicy
from providers.exchange_proof import ExchangeProof
from providers.resource import short_traces
from providers.token_exchange_permission import TokenExchangePermission


class TokenExchangeGrant(pulumi.ComponentResource):
    """Wires sources, a target and perhaps a third client, so that the exchanges it names work (RFC 8693).

    :param name: the grant's name in its stack.
    :param sources: client ids that users' tokens are issued for. target: the client id that exchanged tokens are for.
    :param flows: ``recipient`` (the target exchanges what it received; the default), ``requester`` (each source asks for
        ``audience=<target>``). requester: a third client that asks instead; then no flows.
    :param realm, exchange, owner: the stack's config where not given. exchange: ``auto``, ``standard`` or ``legacy``.
    :raises pulumi.RunError: with everything that stands against the grant, before anything is registered.

    Grants of one program are planned together with ``register_grants``; one alone plans itself.
    """

    description: dict[str, Any]

    def __init__(
        self,
        name: str,
        *,
        sources: Sequence[str] = (),
        target: str = "",
        flows: Sequence[str] = (),
        requester: str | None = None,
        realm: str | None = None,
        exchange: str | None = None,
        allow_refresh: bool = False,
        allow_public_source: bool = False,
        manage_switch: bool = True,
        on_remove: str = "restore",
        adopt: bool = False,
        prove: bool = False,
        owner: str | None = None,
        reason: str | None = None,
        review_by: str | None = None,
        planned: GrantPlan | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        _refuse_other_types(name, {"sources": sources, "flows": flows}, {"target": target, "requester": requester})
        if planned is None:
            planned = _plan_alone(
                {
                    "name": name,
                    "sources": tuple(sources),
                    "target": target,
                    "flows": tuple(flows),
                    "requester": requester,
                    "realm": realm,
                    "exchange": exchange,
                    "allow_refresh": allow_refresh,
                    "allow_public_source": allow_public_source,
                    "manage_switch": manage_switch,
                    "on_remove": on_remove,
                    "adopt": adopt,
                    "prove": prove,
                    "owner": owner,
                    "reason": reason,
                    "review_by": review_by,
                }
            )
        shared = SharedParts.of_program()
        if faults := list(conflicts([*shared.grants, planned])):
            raise pulumi.RunError("\n".join(faults))
        shared.grants.append(planned)
        with short_traces():
            super().__init__("keycloak-token-exchange:index:TokenExchangeGrant", name, None, opts)
        shared.register([planned])
        parts = shared.of(planned)
        if planned.policy_clients:
            parts += self._legacy_parts(planned, shared.permissions(planned))
        if planned.spec.prove:
            self._prove(planned, parts)
        self.description = describe(planned)
        self.register_outputs(self.description)

    def _legacy_parts(self, planned: GrantPlan, permissions: pulumi.Resource) -> list[pulumi.Resource]:
        spec = planned.spec
        realm_management = "master-realm" if spec.realm == "master" else "realm-management"
        opts = pulumi.ResourceOptions(parent=self, depends_on=[permissions])
        place = f"{spec.realm}/{spec.target}/{spec.name}"
        policy = ClientPolicy(
            f"{place}-requesters",
            realm=spec.realm,
            resource_server=realm_management,
            name=policy_name(spec),
            description=f"{', '.join(planned.policy_clients)} may exchange for {spec.target}"[:200],
            clients=list(planned.policy_clients),
            owner=spec.grant_owner,
            opts=opts,
            client_uuids=sorted(planned.uuids[client] for client in planned.policy_clients),
        )
        binding = TokenExchangePermission(
            f"{place}-permission",
            realm=spec.realm,
            client_id=spec.target,
            client_uuid=planned.uuids[spec.target],
            policies=[policy.id],
            with_policies=True,
            owner=spec.grant_owner,
            opts=opts,
        )
        return [policy, binding]

    def _prove(self, planned: GrantPlan, parts: Sequence[pulumi.Resource]) -> None:
        spec = planned.spec
        ids = [part.id for part in parts if isinstance(part, pulumi.CustomResource)]
        for flow in planned.flows:
            ExchangeProof(
                f"{spec.realm}/{spec.name}/proof-{flow.flow}-{flow.source}",
                realm=spec.realm,
                grant=spec.name,
                exchange=planned.exchange,
                flow=flow.flow,
                source=flow.source,
                requester=flow.requester,
                target=spec.target,
                audience=flow.audience,
                parts=ids,
                owner=spec.grant_owner,
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(parts)),
            )


def _refuse_other_types(name: str, lists: dict[str, Any], texts: dict[str, Any]) -> None:
    """Planning asks the server about names, so they must be known before anything is made."""
    for key, value in {**lists, **texts}.items():
        if isinstance(value, str) if key in lists else value is not None and not isinstance(value, str):
            wanted = "a list of names" if key in lists else "a name as text, not the output of a resource"
            raise pulumi.RunError(f"grant '{name}': {key} is {type(value).__name__}; give {wanted}.")


def register_grants(specs: Sequence[GrantSpec], connection: Connection) -> dict[str, dict[str, Any]]:
    """Plans all grants of a program at once, registers them, and describes each by its name.

    :raises pulumi.RunError: with every fault of every grant, before anything is registered.
    """
    plans = _plan(specs, connection)
    SharedParts.of_program().register(plans)
    return {each.spec.name: TokenExchangeGrant(each.spec.name, planned=each).description for each in plans}


def describe(planned: GrantPlan) -> dict[str, Any]:
    """A grant as the stack exports it; ``audience`` is what the caller sends."""
    spec = planned.spec
    flows = {
        (flow.flow, flow.requester, flow.audience): {
            "flow": flow.flow,
            "requester": flow.requester,
            "audience": flow.audience,
            "requestScope": None,
        }
        for flow in sorted(planned.flows, key=lambda flow: flow.flow == REQUESTER)
    }
    return {
        "realm": spec.realm,
        "sources": list(spec.sources),
        "target": spec.target,
        "exchange": planned.exchange,
        "flows": list(flows.values()),
        "clients": planned.uuids,
    }


def _plan_alone(arguments: dict[str, Any]) -> GrantPlan:
    settings = read_settings(grants=False)
    given = {key: value for key, value in arguments.items() if value is not None}
    spec, faults = checked_grant({**settings.defaults, **given})
    if spec is None:
        raise pulumi.RunError("\n".join(faults)) from None
    return _plan([spec], settings.connection)[0]


def _plan(specs: Sequence[GrantSpec], connection: Connection) -> tuple[GrantPlan, ...]:
    if not specs:
        return ()
    try:
        planned = plan(specs, preflight.ask(connection, questions(specs)))
    except KeycloakError as problem:
        raise pulumi.RunError(str(problem)) from None
    if planned.faults:
        raise pulumi.RunError("\n".join(planned.faults)) from None
    for grant in planned.grants:
        pulumi.log.info(grant.line())
    for note in planned.notes:
        (pulumi.log.info if note.startswith("implied") else pulumi.log.warn)(note)
    return planned.grants
