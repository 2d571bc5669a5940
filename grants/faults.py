"""Finds all faults of one grant at once: against the server's features and against its clients."""

from collections.abc import Iterator

from grants.gate_faults import gate_faults, to_restrict
from grants.odd import CONSENT_LEGACY, MADE_BY
from grants.plan import flows_of, requesters, wire
from grants.spec import (
    KEEP,
    NO_KEEP_IN_LEGACY,
    NO_SWITCH_IN_LEGACY,
    NO_TIME_IN_STANDARD,
    RECIPIENT,
    REQUESTER,
    GrantSpec,
)
from kcadmin.authz.exchange_permission import AFFIRMATIVE
from kcadmin.marks.ownership import stack_of
from kcadmin.marks.whose import owner_remedy
from kcadmin.objects.features import LEGACY, STANDARD, Features
from kcadmin.rest.texts import first_few, named
from reach.facts import ClientFacts, Facts
from reach.fitness import Position, Unfit, unfit_for


def grant_faults(spec: GrantSpec, exchange: str, facts: Facts) -> Iterator[tuple[str, str]]:
    if spec.realm in facts.missing_realms:
        if spec.realm not in facts.coming.realms:
            yield (
                "the realm does not exist, or the login may not see it",
                f"correct the realm{facts.near.realm(spec.realm)}",
            )
        return
    if facts.features and not facts.features.offers(exchange):
        yield lack(spec, exchange, facts.features, facts.had.get(spec.name))
    if exchange == LEGACY and spec.exchange == "auto" and spec.on_remove == KEEP:
        yield NO_KEEP_IN_LEGACY
    if exchange == LEGACY and spec.exchange == "auto" and not spec.manage_switch:
        yield NO_SWITCH_IN_LEGACY
    by_scope = exchange == LEGACY and bool(spec.required_roles) and spec.flows != (RECIPIENT,)
    if by_scope and facts.features and not facts.features.scope_policies:
        yield (
            "sets requiredRoles, which this version of Keycloak cannot judge in the legacy requester flow: it answers 500",
            "use Keycloak 26.0 or later, or flows: [recipient]",
        )
    if exchange == STANDARD and spec.time_window and spec.exchange == "auto":
        yield NO_TIME_IN_STANDARD
    asking = requesters(spec)
    for _, client_id in sorted(spec.clients()):
        client = facts.clients.get((spec.realm, client_id))
        if client is None:
            if (spec.realm, client_id) not in facts.coming.clients:
                near = facts.near.client(spec.realm, client_id)
                yield f"client {named(client_id)} does not exist", f"create it, or correct the name{near}"
        elif client_id in (*asking, *spec.sources, spec.target):
            yield from _client_faults(client, spec, exchange, facts, client_id in asking)
    yield from _bound_sources(spec, exchange, facts)
    for role in spec.required_roles:
        if (spec.realm, role.client, role.role) in facts.missing_roles - facts.coming.roles:
            near = facts.near.role(spec.realm, role.role, role.client)
            yield f"required role {named(role)} does not exist", f"create it, or correct requiredRoles{near}"
        is_others = role.client not in ("", spec.target) and facts.coming.knows(role.client, spec.target)
        if exchange == STANDARD and is_others and _sends_audience(spec, exchange, facts):
            yield (
                f"required role {named(role)} is of another client, and the standard exchange checks only realm roles "
                "and those of "
                "the audience that it is asked for",
                f"require a realm role, or a role of {named(spec.target)}",
            )
    yield from gate_faults(spec, exchange, facts)
    yield from audiences_beside(spec, exchange, facts)


def lack(spec: GrantSpec, exchange: str, features: Features, had: str | None) -> tuple[str, str]:
    """What the server lacks for a grant, and what to do. had: the exchange that ``auto`` chose in the last run."""
    if spec.migration or had is None or spec.exchange != "auto":
        return features.lack_of(exchange if spec.migration else spec.exchange)
    wrong, remedy = features.lack_of(had)
    other = STANDARD if had == LEGACY else LEGACY
    moves = f", or set exchange: {other} to move the grant" if features.offers(other) else ""
    odd = MADE_BY.told(lack=wrong, remedy=f"{remedy}{moves}")
    return odd.wrong, odd.remedy


def _bound_sources(spec: GrantSpec, exchange: str, facts: Facts) -> Iterator[tuple[str, str]]:
    """Sources whose tokens Keycloak accepts from themselves only."""
    for flow in flows_of(spec):
        client = facts.clients.get((spec.realm, flow.source))
        foreign = flow.source != flow.requester
        if client and Unfit.BOUND in unfit_for(client, Position.SOURCE, exchange, foreign=foreign):
            yield (
                f"tokens of source {named(flow.source)} are bound to its caller's key ({' and '.join(client.bound_by)}), and the "
                f"standard exchange takes them only from {named(flow.source)}, not from {named(flow.requester)}",
                f"let {named(flow.source)} ask with flows: [requester], or switch the binding off there",
            )


def closed_doors(spec: GrantSpec, facts: Facts) -> Iterator[tuple[str, str]]:
    """Unmanaged policies under a strategy with which the grant would be denied, or would allow what they refuse."""
    target, there = facts.clients.get((spec.realm, spec.target)), facts.permissions.get(spec.realm)
    if target is None or there is None or not any(flow.flow == REQUESTER for flow in flows_of(spec)):
        return
    strategy, policies = there.permissions.get(target.uuid, (AFFIRMATIVE, ()))
    standing = wire(spec, LEGACY, facts).standing
    used = standing.name if standing else None
    unmanaged = sorted(name for name in policies if there.marks.get(name) is None and name != used)
    if strategy != AFFIRMATIVE and unmanaged:
        unmanaged = sorted({*unmanaged, *([used] if used else [])})
        yield (
            f"the token-exchange permission of target {named(spec.target)} holds the policies {', '.join(unmanaged)} under "
            f"{strategy}, with which this grant would be denied or would allow more than it declares",
            f"set its decision strategy to {AFFIRMATIVE} if each of them alone may allow the exchange, or take them out",
        )


def _sends_audience(spec: GrantSpec, exchange: str, facts: Facts) -> bool:
    return any(flow.audience for flow in wire(spec, exchange, facts).flows)


def audiences_beside(spec: GrantSpec, exchange: str, facts: Facts) -> Iterator[tuple[str, str]]:
    """What ``aud`` would contain besides the target: the legacy exchange keeps every audience of the target's tokens."""
    target = facts.clients.get((spec.realm, spec.target))
    if not spec.exact_audience or exchange != LEGACY or target is None:
        return
    ways = facts.other_audiences.get((spec.realm, spec.target), ())
    if ways:
        yield (
            f"exactAudience cannot be kept, since tokens of {named(spec.target)} have others in aud: by "
            f"{first_few(ways, between=' and by ')}",
            "take these away, or use exchange: standard, where the caller's audience filters",
        )
    if (target.full_scope or target.full_scope_returns) and not spec.restrict_full_scope:
        yield (
            f"exactAudience cannot be kept, since tokens of {named(spec.target)} contain each client whose roles the user has",
            to_restrict(spec.target),
        )


def _client_faults(
    client: ClientFacts, spec: GrantSpec, exchange: str, facts: Facts, asks: bool
) -> Iterator[tuple[str, str]]:
    name = f"client {named(client.client_id)}"
    position = Position.REQUESTER if asks else Position.SOURCE if client.client_id in spec.sources else Position.TARGET
    foreign = any(flow.source != flow.requester for flow in flows_of(spec) if flow.requester == client.client_id)
    found = unfit_for(client, position, exchange, foreign=foreign)
    if Unfit.DISABLED in found:
        yield f"{name} is disabled", "enable it"
    if Unfit.PROTOCOL in found:
        yield f"{name} is not an OpenID Connect client", "name one"
    if client.public and asks:
        why = "since Keycloak refuses its exchange" if Unfit.PUBLIC in found else "since anybody can ask in its name"
        yield f"requester {named(client.client_id)} is a public client", f"make it confidential, {why}"
    elif client.public and client.client_id in spec.sources and not spec.allow_public_source:
        yield (
            f"source {named(client.client_id)} is a public client",
            "set allowPublicSource: true, or make it confidential",
        )
    if Unfit.BEARER_ONLY in found and asks:
        yield (
            f"requester {named(client.client_id)} is bearer-only and cannot call the token endpoint",
            "make it confidential, or let the source ask with flows: [requester]",
        )
    if client.bearer_only and client.client_id in spec.sources:
        yield (
            f"source {named(client.client_id)} is bearer-only and gets no tokens",
            "name a client that users log in to",
        )
    if Unfit.CONSENT in unfit_for(client, Position.TARGET, exchange) and client.client_id == spec.target:
        odd = CONSENT_LEGACY.told(client=named(client.client_id))
        yield odd.wrong, odd.remedy
    switchers = {stack_of(owner) for owner in client.switch_owners}
    switched = bool(switchers) and switchers <= {spec.owner, *facts.own.owners}  # by this stack only
    if asks and exchange == LEGACY and client.switch_on and not switched:
        yield (
            f"requester {named(client.client_id)} has the standard exchange switched on, which would answer instead",
            "; ".join(
                [
                    "set exchange: standard, or switch it off",
                    *(owner_remedy(owner, spec.realm) for owner in sorted(switchers - {spec.owner})),
                ]
            ),
        )
    if asks and exchange == STANDARD and client.refresh_on and not client.switch_owners and not spec.allow_refresh:
        yield (
            f"requester {named(client.client_id)} gives refresh tokens at an exchange, which this grant would switch off",
            "set allowRefresh: true, or let its owner switch it off",
        )
    if asks and exchange == STANDARD and not spec.manage_switch and not client.switch_on:
        yield (
            f"requester {named(client.client_id)} has the standard exchange switched off, and manageSwitch is false",
            "let its owner set the client attribute standard.token.exchange.enabled to true "
            "(standard_token_exchange_enabled = true in Terraform and Pulumi)",
        )
