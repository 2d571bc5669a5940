"""What each grant needs on the server: which exchange, flows, mappers, switches and policies. Without any I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.grant_spec import RECIPIENT, REQUESTER, GrantSpec
from providers.preflight import (
    LEGACY,
    STANDARD,
    Facts,
    Questions,
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
    return owned_name(_policy(spec), spec.grant_owner)


def requesters(spec: GrantSpec) -> tuple[str, ...]:
    """The clients that call the token endpoint."""
    return tuple(dict.fromkeys(flow.requester for flow in flows_of(spec)))


def flows_of(spec: GrantSpec) -> Iterator[Flow]:
    for source in spec.sources:
        if spec.requester:
            yield Flow(REQUESTER, source, spec.requester, spec.target)
        if RECIPIENT in spec.flows:
            yield Flow(RECIPIENT, source, spec.target, None)
        if REQUESTER in spec.flows:
            yield Flow(REQUESTER, source, source, spec.target)


def wire(spec: GrantSpec, exchange: str, facts: Facts) -> GrantPlan:
    flows = tuple(flows_of(spec))
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


def choose_exchange(spec: GrantSpec, facts: Facts) -> str:
    if spec.exchange != "auto":
        return spec.exchange
    features = facts.features
    if features is None or not features.offers(STANDARD):
        return LEGACY
    return LEGACY if _is_legacy_already(spec, facts) else STANDARD


def _is_legacy_already(spec: GrantSpec, facts: Facts) -> bool:
    """Whether legacy parts of a grant of this name are there, also under an owner that was since renamed."""
    marks = [
        facts.clients[spec.realm, client].audiences.get(spec.target)
        for client in (*spec.sources, spec.target)
        if (spec.realm, client) in facts.clients
    ]
    there = facts.permissions.get(spec.realm)
    has_policy = there is not None and any(
        mark and name.startswith(f"{_policy(spec)} [") for name, mark in there.marks.items()
    )
    return has_policy or (LEGACY in marks and RECIPIENT in spec.flows)


def _policy(spec: GrantSpec) -> str:
    return f"{spec.name}: may exchange for {spec.target}"
