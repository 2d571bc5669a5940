"""The contents of a realm's guards when a stack's config makes them from its grants."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from grants.plan import EXCHANGE, GrantPlan, scope_name
from grants.spec import NO_WIDER_SCOPES, REQUESTERS, SOURCES
from kcadmin.guards.entries import sources_by_requester


def asked_scopes(grants: Iterable[GrantPlan]) -> dict[str, dict[str, tuple[str, ...]]]:
    """By requester and scope that it asks for at the exchange, the clients whose tokens it then exchanges."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for grant in grants:
        for flow in grant.flows:
            if flow.scope_at == EXCHANGE:
                scopes = found.setdefault(flow.requester, {})
                name = scope_name(grant.spec)
                scopes[name] = tuple(sorted({*scopes.get(name, ()), flow.source}))
    return found


def guards_of(grants: Sequence[GrantPlan], guards: Collection[str]) -> dict[str, Any]:
    """The arguments of ``ExchangeGuards`` for all grants of one realm.

    guards: of ``requesters``, ``sources`` and ``noWiderScopes``.
    """
    flows = [(flow.requester, flow.source) for grant in grants for flow in grant.flows]
    switched = {client for grant in grants for client in grant.switches}
    return {
        "requesters": sorted({requester for requester, _ in flows}) if REQUESTERS in guards else None,
        "sources": sources_by_requester(flows) if SOURCES in guards else None,
        "scopes": (asked_scopes(grants) if SOURCES in guards else {}) or None,
        "no_wider_scopes": sorted(switched) if NO_WIDER_SCOPES in guards else None,
    }
