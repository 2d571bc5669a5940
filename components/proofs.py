"""A grant's proofs: one real exchange for each of its flows, after all of its parts."""

from collections.abc import Sequence

import pulumi

from components.grant_options import GrantOptions
from components.shared_parts import SharedParts
from grants.plan import EXCHANGE, LOGIN, GrantPlan, scope_name
from providers.base.resource import PartOfGrant
from providers.exchange_proof import ExchangeProof


def register_proofs(
    planned: GrantPlan,
    shared: SharedParts,
    own: Sequence[pulumi.Resource],
    grant: pulumi.Resource | None,
    given: GrantOptions,
) -> list[pulumi.Resource]:
    """Registers them as children of a grant. own: what it has beside the shared parts. given: the grant's options."""
    spec, names = planned.spec, shared.names
    parts = [*shared.of(planned), *own]
    ids = [part.id for part in parts if isinstance(part, pulumi.CustomResource)]
    scope = names.of(spec, scope_name)
    return [
        ExchangeProof(
            names.place(spec, spec.name, f"proof-{flow.flow}-{flow.source}"),
            realm=names.realm(spec),
            grant=spec.name,
            exchange=planned.exchange,
            flow=flow.flow,
            source=names.client(flow.source),
            requester=names.client(flow.requester),
            target=names.client(spec.target),
            audience=names.client(flow.audience) if flow.audience else None,
            login_scope=scope if flow.scope_at == LOGIN else None,
            exchange_scope=scope if flow.scope_at == EXCHANGE else None,
            needs_user=bool(spec.required_roles) or None,
            exact=spec.exact_audience or None,
            parts=ids,
            owner=spec.grant_owner,
            opts=names.options(given.on_child(PartOfGrant(parent=grant, depends_on=parts))),
        )
        for flow in planned.flows
    ]
