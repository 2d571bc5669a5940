"""What stands against grants: the server's features, their clients, and one another; every fault at once."""

from collections.abc import Iterator, Sequence

from components.grant_spec import REQUESTER, GrantSpec
from components.wiring import GrantPlan, flows_of, requesters
from providers.preflight import AFFIRMATIVE, FEATURES_FLAG, LEGACY, STANDARD, ClientFacts, Facts


def grant_faults(spec: GrantSpec, exchange: str, facts: Facts) -> Iterator[tuple[str, str]]:
    if spec.realm in facts.missing_realms:
        yield "the realm does not exist, or the login may not see it", "correct the realm"
        return
    missing = facts.features.missing_for(exchange) if facts.features else ()
    if missing:
        what = (
            "the server offers neither exchange"
            if spec.exchange == "auto"
            else f"the server has no {exchange} exchange"
        )
        features = ("token-exchange-standard:v2",) if spec.exchange == "auto" else missing
        yield what, f"start Keycloak with {FEATURES_FLAG}{','.join(features)}"
    if exchange == LEGACY and spec.exchange == "auto" and not spec.manage_switch:
        yield "manageSwitch is false, but the legacy exchange has no switch", "leave it out"
    asking = requesters(spec)
    for _, client_id in sorted(spec.clients()):
        client = facts.clients.get((spec.realm, client_id))
        if client is None:
            yield f"client '{client_id}' does not exist", "create it, or correct the name"
            continue
        yield from _client_faults(client, spec, exchange, client_id in asking)


def closed_doors(spec: GrantSpec, facts: Facts) -> Iterator[tuple[str, str]]:
    """Strangers' policies that all must allow: beside them a grant would be denied, or open what they close."""
    target, there = facts.clients.get((spec.realm, spec.target)), facts.permissions.get(spec.realm)
    if target is None or there is None or not any(flow.flow == REQUESTER for flow in flows_of(spec)):
        return
    strategy, policies = there.permissions.get(target.uuid, (AFFIRMATIVE, ()))
    strangers = sorted(name for name in policies if there.marks.get(name) is None)
    if strategy != AFFIRMATIVE and strangers:
        yield (
            f"the token-exchange permission of target '{spec.target}' holds the policies {', '.join(strangers)} under "
            f"{strategy}, beside which this grant would be denied or open more than it says",
            f"set its decision strategy to {AFFIRMATIVE} if each of them alone may allow the exchange, or take them out",
        )


def _client_faults(client: ClientFacts, spec: GrantSpec, exchange: str, asks: bool) -> Iterator[tuple[str, str]]:
    name = f"client '{client.client_id}'"
    if not client.enabled:
        yield f"{name} is disabled", "enable it"
    if not client.openid_connect:
        yield f"{name} is no OpenID Connect client", "name one"
    if client.public and asks:
        yield (
            f"requester '{client.client_id}' is a public client",
            "make it confidential, since Keycloak refuses its exchange",
        )
    elif client.public and client.client_id in spec.sources and not spec.allow_public_source:
        yield f"source '{client.client_id}' is a public client", "set allowPublicSource: true, or make it confidential"
    if client.bearer_only and asks:
        yield (
            f"requester '{client.client_id}' is bearer-only and cannot call the token endpoint",
            "make it confidential, or let the source ask with flows: [requester]",
        )
    if client.bearer_only and client.client_id in spec.sources:
        yield f"source '{client.client_id}' is bearer-only and gets no tokens", "name a client that users log in to"
    if asks and exchange == LEGACY and client.switch_on and set(client.switch_owners) != {spec.owner}:
        yield (
            f"requester '{client.client_id}' has the standard exchange switched on, which would serve it instead",
            "set exchange: standard, or switch it off",
        )
    if asks and exchange == STANDARD and client.refresh_on and not client.switch_owners and not spec.allow_refresh:
        yield (
            f"requester '{client.client_id}' gives refresh tokens at an exchange, which this grant would switch off",
            "set allowRefresh: true, or let its owner switch it off",
        )
    if asks and exchange == STANDARD and not spec.manage_switch and not client.switch_on:
        yield (
            f"requester '{client.client_id}' has the standard exchange switched off, and manageSwitch is false",
            "let its owner set the client attribute standard.token.exchange.enabled to true "
            "(standard_token_exchange_enabled = true in Terraform and Pulumi)",
        )


def duplicates(specs: Sequence[GrantSpec]) -> Iterator[str]:
    names = [spec.name for spec in specs]
    for spec in specs:
        if names.count(spec.name) > 1:
            yield spec.describe("the name is used by several grants", "give each its own")


def conflicts(grants: Sequence[GrantPlan]) -> Iterator[str]:
    """Options of one client on which two grants differ."""
    for index, grant in enumerate(grants):
        for other in grants[:index]:
            if grant.spec.realm != other.spec.realm:
                continue
            shared = sorted(set(grant.switches) & set(other.switches))
            held = sorted(
                {client for client, _ in {*grant.mappers} & {*other.mappers}} | _targets(grant) & _targets(other)
            )
            for option, text, clients in (
                ("allow_refresh", "allowRefresh", shared),
                ("manage_switch", "manageSwitch", shared),
                ("on_remove", "onRemove", sorted({*shared, *held})),
            ):
                ours, theirs = getattr(grant.spec, option), getattr(other.spec, option)
                for client in clients if ours != theirs else ():
                    yield grant.spec.describe(
                        f"wants {text} {_text(ours)} for client '{client}', grant '{other.spec.name}' wants {_text(theirs)}",
                        "agree on one",
                    )
            for standard, legacy in ((grant, other), (other, grant)):
                asking = {flow.requester for flow in legacy.flows} if legacy.exchange == LEGACY else set()
                for client in sorted(set(standard.switches) & asking):
                    yield legacy.spec.describe(
                        f"requester '{client}' is switched to the standard exchange by grant "
                        f"'{standard.spec.name}', which would serve it instead",
                        "use one exchange for both",
                    )


def _targets(grant: GrantPlan) -> set[str]:
    """The target, where the grant needs its management permissions."""
    return {grant.spec.target} if grant.policy_clients else set()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
