"""What each grant needs on the server, and what grants open together: planned at once, without any I/O."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from components.grant_spec import RECIPIENT, REQUESTER, GrantSpec
from providers.preflight import (
    AFFIRMATIVE,
    FEATURES_FLAG,
    LEGACY,
    STANDARD,
    ClientFacts,
    Facts,
    Questions,
    hash16,
    owned_name,
)


@dataclass(frozen=True)
class Flow:
    """One exchange that a grant allows: ``requester`` turns ``source``'s token into one for the target."""

    flow: str
    source: str
    requester: str
    audience: str | None


@dataclass(frozen=True)
class GrantPlan:
    """A grant with what it needs. ``mappers``: (client, audience). ``switches``, ``policy_clients``: client ids."""

    spec: GrantSpec
    exchange: str
    flows: tuple[Flow, ...]
    mappers: tuple[tuple[str, str], ...]
    switches: tuple[str, ...]
    policy_clients: tuple[str, ...]
    uuids: dict[str, str]

    def line(self) -> str:
        """Who may act for whom, in a line."""
        spec = self.spec
        how = f"requester {spec.requester}" if spec.requester else " and ".join(spec.flows)
        return f"{spec.name}: {', '.join(spec.sources)} → {spec.target}, {self.exchange}, {how}"


@dataclass(frozen=True)
class Plan:
    """All grants of a program, what is wrong with them, and what people should know."""

    grants: tuple[GrantPlan, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def questions(specs: Sequence[GrantSpec]) -> Questions:
    """What planning needs to know of the server."""
    return Questions(
        clients=frozenset().union(*(spec.clients() for spec in specs)),
        ask_features=any(spec.exchange != STANDARD for spec in specs),
        permissions=frozenset(spec.realm for spec in specs if spec.exchange != STANDARD and spec.flows != (RECIPIENT,)),
        switches=frozenset(
            (spec.realm, client) for spec in specs if spec.exchange != LEGACY for client in requesters(spec)
        ),
    )


def policy_name(spec: GrantSpec) -> str:
    """The name of a grant's client policy on ``realm-management``; another target makes another policy."""
    return owned_name(f"{spec.name}: may exchange for {spec.target}", spec.grant_owner)


def requesters(spec: GrantSpec) -> tuple[str, ...]:
    """The clients that call the token endpoint."""
    return tuple(dict.fromkeys(flow.requester for flow in _flows(spec)))


def plan(specs: Sequence[GrantSpec], facts: Facts) -> Plan:
    """Plans grants together; with faults, nothing may be registered."""
    chosen = {spec.name: _exchange(spec, facts) for spec in specs}
    faults = [*_duplicates(specs)]
    owners = {hash16(spec.grant_owner) for spec in specs}
    for spec in specs:
        faults += [spec.describe(*fault) for fault in _grant_faults(spec, chosen[spec.name], facts)]
        if chosen[spec.name] == LEGACY:
            faults += [spec.describe(*fault) for fault in _closed_doors(spec, facts, owners)]
    grants = tuple(_wire(spec, chosen[spec.name], facts) for spec in specs)
    faults += _conflicts(grants)
    if faults:
        return Plan((), tuple(dict.fromkeys(faults)), ())
    return Plan(grants, (), tuple(dict.fromkeys([*_notes(grants, facts), *implied(grants)])))


def implied(grants: Iterable[GrantPlan]) -> Iterator[str]:
    """What grants open together beyond what each declares: A→B and B→C let B turn A's tokens into tokens for C."""
    standard = [grant for grant in grants if grant.exchange == STANDARD]
    declared = {
        (grant.spec.realm, flow.requester, flow.source, grant.spec.target) for grant in standard for flow in grant.flows
    }
    holders: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)  # whose tokens name a client, by which grant
    for grant in standard:
        for client, audience in grant.mappers:
            if client != audience:
                holders[grant.spec.realm, audience].setdefault(client, grant.spec.name)
    callers = {(grant.spec.realm, requester) for grant in standard for requester in grant.switches}
    for grant in standard:
        realm = grant.spec.realm
        for requester, audience in grant.mappers:
            if requester == audience or (realm, requester) not in callers:
                continue
            for source, by in sorted(holders[realm, requester].items()):
                if source != audience and (realm, requester, source, audience) not in declared:
                    yield (
                        f"implied by grants '{by}' and '{grant.spec.name}' in realm '{realm}': '{requester}' may also turn "
                        f"tokens of '{source}' into tokens for '{audience}'."
                    )


def _flows(spec: GrantSpec) -> Iterator[Flow]:
    for source in spec.sources:
        if spec.requester:
            yield Flow(REQUESTER, source, spec.requester, spec.target)
        if RECIPIENT in spec.flows:
            yield Flow(RECIPIENT, source, spec.target, None)
        if REQUESTER in spec.flows:
            yield Flow(REQUESTER, source, source, spec.target)


def _wire(spec: GrantSpec, exchange: str, facts: Facts) -> GrantPlan:
    flows = tuple(_flows(spec))
    mappers: list[tuple[str, str]] = []
    for flow in flows:
        if flow.flow == RECIPIENT:  # the target must be in what it receives, and in what it gets
            mappers += [(flow.source, spec.target), (spec.target, spec.target)]
        elif exchange == STANDARD:
            mappers += [(flow.source, flow.requester)] if flow.requester != flow.source else []
            mappers += [(flow.requester, spec.target)]
    legacy = exchange == LEGACY
    asks = tuple(dict.fromkeys(flow.requester for flow in flows if legacy and flow.flow == REQUESTER))
    return GrantPlan(
        spec,
        exchange,
        flows,
        tuple(dict.fromkeys(mappers)),
        switches=() if legacy else requesters(spec),
        policy_clients=asks,
        uuids={
            name: facts.clients[realm, name].uuid
            for realm, name in sorted(spec.clients())
            if (realm, name) in facts.clients
        },
    )


def _exchange(spec: GrantSpec, facts: Facts) -> str:
    if spec.exchange != "auto":
        return spec.exchange
    features = facts.features
    if features is None or not features.offers(STANDARD):
        return LEGACY
    return LEGACY if _is_legacy_already(spec, facts) else STANDARD


def _is_legacy_already(spec: GrantSpec, facts: Facts) -> bool:
    marks = [
        facts.clients[spec.realm, source].audiences.get(spec.target)
        for source in spec.sources
        if (spec.realm, source) in facts.clients
    ]
    there = facts.permissions.get(spec.realm)
    has_policy = there is not None and there.marks.get(policy_name(spec)) == hash16(spec.grant_owner)
    return has_policy or (LEGACY in marks and RECIPIENT in spec.flows)


def _grant_faults(spec: GrantSpec, exchange: str, facts: Facts) -> Iterator[tuple[str, str]]:
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


def _closed_doors(spec: GrantSpec, facts: Facts, owners: set[str]) -> Iterator[tuple[str, str]]:
    """Strangers' policies that all must allow: beside them a grant would be denied, or open what they close."""
    target, there = facts.clients.get((spec.realm, spec.target)), facts.permissions.get(spec.realm)
    if target is None or there is None or not any(flow.flow == REQUESTER for flow in _flows(spec)):
        return
    strategy, policies = there.permissions.get(target.uuid, (AFFIRMATIVE, ()))
    strangers = sorted(name for name in policies if there.marks.get(name) not in owners)
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
    if asks and exchange == STANDARD and not spec.manage_switch and not client.switch_on:
        yield (
            f"requester '{client.client_id}' has the standard exchange switched off, and manageSwitch is false",
            "let its owner set the client attribute standard.token.exchange.enabled to true "
            "(standard_token_exchange_enabled = true in Terraform and Pulumi)",
        )


def _duplicates(specs: Sequence[GrantSpec]) -> Iterator[str]:
    names = [spec.name for spec in specs]
    for spec in specs:
        if names.count(spec.name) > 1:
            yield spec.describe("the name is used by several grants", "give each its own")


def _conflicts(grants: Sequence[GrantPlan]) -> Iterator[str]:
    """Options of one client on which two grants differ."""
    for index, grant in enumerate(grants):
        for other in grants[:index]:
            if grant.spec.realm != other.spec.realm:
                continue
            for client in sorted(set(grant.switches) & set(other.switches)):
                for option, text in (
                    ("allow_refresh", "allowRefresh"),
                    ("manage_switch", "manageSwitch"),
                    ("on_remove", "onRemove"),
                ):
                    ours, theirs = getattr(grant.spec, option), getattr(other.spec, option)
                    if ours != theirs:
                        yield grant.spec.describe(
                            f"wants {text} {_text(ours)} for client '{client}', grant '{other.spec.name}' "
                            f"wants {_text(theirs)}",
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


def _notes(grants: Iterable[GrantPlan], facts: Facts) -> Iterator[str]:
    for grant in grants:
        spec = grant.spec
        if spec.exchange == "auto" and grant.exchange == LEGACY and facts.features and facts.features.offers(STANDARD):
            yield spec.describe(
                "stays with the legacy exchange, where its parts are", "set exchange: standard to move it"
            )
        if grant.policy_clients:
            yield spec.describe(
                f"with the legacy exchange '{', '.join(grant.policy_clients)}' may turn any client's token "
                "into one for the target, not the sources' alone",
                "use exchange: standard where offered",
            )
        for source in spec.sources:
            client = facts.clients[spec.realm, source]
            if not (client.standard_flow or client.direct_access_grants or client.service_account):
                yield spec.describe(
                    f"source '{source}' has neither standard flow, direct access grants nor a service "
                    "account, so it may get no token to exchange",
                    "switch one on if it should",
                )
        asking = grant.spec.target if grant.exchange == LEGACY else None
        for name in [asking] if asking else grant.switches:
            if facts.clients[spec.realm, name].consent_required:
                yield spec.describe(
                    f"client '{name}' requires consent, without which Keycloak refuses the exchange",
                    "switch consent off, or see that users have given it",
                )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
