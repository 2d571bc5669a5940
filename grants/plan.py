"""What each grant needs on the server: which exchange, flows, mappers, switches and policies. Without any I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from grants.gating import gate, going, is_gated
from grants.spec import BOTH, MAPPERS, OPTIONAL_SCOPE, RECIPIENT, REQUESTER, GrantSpec
from kcadmin.authz.exchange_permission import Overview
from kcadmin.marks.ownership import hash16, name_stem, owned_name, policy_title
from kcadmin.objects.audience_scopes import AudienceScope
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL, scope_token
from kcadmin.objects.features import LEGACY, STANDARD
from reach.existing_policies import ExistingPolicy, Window, description_of, existing_policy_for
from reach.facts import ClientFacts, Facts, Questions

LOGIN, EXCHANGE = "login", "exchange"


@dataclass(frozen=True)
class Flow:
    """One exchange that a grant allows: ``requester`` turns ``source``'s token into one for the target.

    audience: what the requester asks for. scope_at: where the grant's scope is to be asked for, ``login`` or ``exchange``.
    """

    flow: str
    source: str
    requester: str
    audience: str | None
    scope_at: str | None = None


@dataclass(frozen=True)
class GrantPlan:
    """A grant with what it needs, clients by their client ids. ``mappers``: (client, audience), in every token.

    ``scope_clients``: clients that get the scope with the target, for holders of a role or on request.
    ``policy_clients``: clients that a legacy policy permits. ``full_scope_off``, ``lifespans``, ``refresh_off``: settings.
    ``requesters``: the server's facts about the clients that exchange. ``standard_offered``: None where the server was not asked.
    ``standing``: an unmanaged policy that already allows what the grant's would. ``scope``: the existing scope of that
    name. ``takes_away``: by client, the ids of mappers that would void the grant's condition. They are deleted before it
    takes effect.
    """

    spec: GrantSpec
    exchange: str
    flows: tuple[Flow, ...]
    mappers: tuple[tuple[str, str], ...]
    switches: tuple[str, ...]
    policy_clients: tuple[str, ...]
    uuids: dict[str, str]
    scope_clients: tuple[str, ...] = ()
    full_scope_off: tuple[str, ...] = ()
    lifespans: tuple[str, ...] = ()
    refresh_off: tuple[str, ...] = ()
    requesters: tuple[ClientFacts, ...] = ()
    standard_offered: bool | None = None
    standing: ExistingPolicy | None = None
    standing_texts: Mapping[str, str] = field(default_factory=dict)
    scope: AudienceScope | None = None
    takes_away: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def audiences(self) -> tuple[tuple[str, str], ...]:
        """(client, audience), whether for all tokens or for some."""
        return (*self.mappers, *((client, self.spec.target) for client in self.scope_clients))


def questions(specs: Sequence[GrantSpec]) -> Questions:
    """What planning needs to know of the server."""
    return Questions(
        clients=frozenset().union(*(spec.clients() for spec in specs)),
        ask_features=any(spec.exchange != STANDARD for spec in specs),
        permissions=frozenset(spec.realm for spec in specs if spec.exchange != STANDARD and spec.flows != (RECIPIENT,)),
        switches=frozenset(
            (spec.realm, client) for spec in specs if spec.exchange != LEGACY for client in requesters(spec)
        ),
        roles=frozenset((spec.realm, role.client, role.role) for spec in specs for role in spec.required_roles),
        gates=frozenset(gate(spec, client) for spec in specs if is_gated(spec) for client in _may_be_gated(spec)),
        exact=frozenset(
            (spec.realm, spec.target) for spec in specs if spec.exact_audience and spec.exchange != STANDARD
        ),
        scopes=frozenset((spec.realm, spec.scope) for spec in specs if spec.scope),
        named_in=frozenset(
            (spec.realm, client)
            for spec in specs
            if is_gated(spec)
            for client in (*spec.sources, *([spec.requester] if spec.requester else ()))
        ),
        made=frozenset((spec.realm, scope_name(spec), spec.target) for spec in specs if is_gated(spec)),
    )


def scope_name(spec: GrantSpec) -> str:
    """The name of a grant's client scope, which callers request: the grant's ``scope``, else one that no other owner makes."""
    if spec.scope or spec.kept_scope:
        return spec.scope or spec.kept_scope
    return scope_prefix(spec) + scope_ending(spec, spec.target)


def scope_prefix(spec: GrantSpec) -> str:
    """The beginning of the name of a grant's client scope, the same for every owner."""
    return f"{scope_token(f'{spec.name}-{spec.target}')[:230]}-"


def scope_ending(spec: GrantSpec, target: str) -> str:
    """What it ends with."""
    return hash16(f"{spec.grant_owner}|{target}")[:8]


def policy_name(spec: GrantSpec, part: str = "") -> str:
    """The name of a grant's policy on ``realm-management``; another target makes another policy. part: of a condition."""
    return owned_name(policy_title(spec.name, spec.target, part), spec.grant_owner)


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


def scope_holder(flow: Flow, exchange: str) -> str:
    """The client whose tokens must have the target in aud.

    The legacy exchange checks the given token, the standard one makes a new one.
    """
    return flow.requester if flow.flow == REQUESTER and exchange == STANDARD else flow.source


def list_of_scope(grant: GrantPlan, client: str) -> str:
    """The list of a client that contains a grant's scope: ``default`` or ``optional``."""
    holders = {scope_holder(flow, exchange) for flow in grant.flows for exchange in exchanges_of(grant)}
    return OPTIONAL if grant.spec.audience == OPTIONAL_SCOPE and client in holders else DEFAULT


def exchanges_of(grant: GrantPlan) -> tuple[str, ...]:
    """The exchanges whose parts a grant has: one, or two while it moves from legacy to standard."""
    return (LEGACY, STANDARD) if grant.spec.migration else (grant.exchange,)


def in_token_scope(grant: GrantPlan) -> bool:
    """Whether tokens list the grant's scope in ``scope``. The legacy exchange's policies check that, and so may callers.

    A third client's own scope is never in the token that it receives, so it must not count as a wider one.
    """
    spec = grant.spec
    if grant.scope:
        return grant.scope.in_token_scope
    if LEGACY in exchanges_of(grant) or spec.audience == OPTIONAL_SCOPE:
        return True
    return bool(spec.required_roles) and not spec.requester


def wire(spec: GrantSpec, exchange: str, facts: Facts) -> GrantPlan:
    flows = tuple(_as_called(flow, spec, exchange) for flow in flows_of(spec))
    legacy = exchange == LEGACY
    in_scope = is_gated(spec) or bool(spec.scope) or (spec.scoped and not legacy)
    mappers: list[tuple[str, str]] = []
    holders: list[str] = []
    for flow in flows:
        asks = flow.flow == REQUESTER
        if asks and not legacy and flow.requester != flow.source:
            mappers.append((flow.source, flow.requester))
        if not asks or not legacy or spec.required_roles:
            holder = scope_holder(flow, exchange)
            holders += [holder] if in_scope else []
            mappers += [] if in_scope else [(holder, spec.target)]
        if not asks or (legacy and spec.exact_audience):  # the target must be in what it receives, and in what it gets
            holders += [spec.target] if spec.scoped and not legacy else []
            mappers += [] if spec.scoped and not legacy else [(spec.target, spec.target)]
    policy_clients = tuple(dict.fromkeys(flow.requester for flow in flows if legacy and flow.flow == REQUESTER))
    gates = [holder for holder in holders if holder != spec.target] if is_gated(spec) else []
    restricted = [*gates, *([spec.target] if legacy and spec.exact_audience else ())]
    lasting = ([spec.target] if legacy else requesters(spec)) if spec.token_lifespan else ()
    quiet = requesters(spec) if legacy and not spec.allow_refresh and not spec.late else ()  # depends on the client
    there = _existing(spec, policy_clients, facts)
    return GrantPlan(
        spec,
        exchange,
        flows,
        tuple(dict.fromkeys(mappers)),
        switches=() if legacy else requesters(spec),
        policy_clients=policy_clients,
        scope_clients=tuple(dict.fromkeys(holders)),
        full_scope_off=tuple(dict.fromkeys(restricted)) if spec.restrict_full_scope else (),
        lifespans=tuple(lasting),
        refresh_off=tuple(client for client in quiet if not _logs_users_in(spec, client, facts)),
        uuids={
            name: facts.clients[realm, name].uuid
            for realm, name in sorted(spec.clients())
            if (realm, name) in facts.clients
        },
        requesters=tuple(
            facts.clients[spec.realm, name] for name in requesters(spec) if (spec.realm, name) in facts.clients
        ),
        standard_offered=facts.features.offers(STANDARD) if facts.features else None,
        standing=there,
        standing_texts={
            name: description_of(facts.permissions[spec.realm].policies, name) for name in there.parts.values()
        }
        if there
        else {},
        scope=facts.scopes.get((spec.realm, spec.scope or "")),
        takes_away={client: ids for client in dict.fromkeys(gates) if (ids := going(spec, client, facts))},
    )


def _existing(spec: GrantSpec, clients: Sequence[str], facts: Facts) -> ExistingPolicy | None:
    """An unmanaged policy on the target's permission that already allows what this grant's would, unless it has one."""
    overview, target = facts.permissions.get(spec.realm), facts.clients.get((spec.realm, spec.target))
    if spec.late or not clients or spec.required_roles or overview is None or target is None:
        return None
    if _has_policy(spec, overview):
        return None
    window = Window(**asdict(spec.time_window)) if spec.time_window else None
    _, names = overview.permissions.get(target.uuid, ("", ()))
    return existing_policy_for(overview.policies, names, frozenset(clients), window)


def wire_all(spec: GrantSpec, exchange: str, facts: Facts) -> GrantPlan:
    """A grant with what it needs.

    While it moves to standard it has the parts of both exchanges, and the switch in the phase ``both``.
    """
    if not spec.migration:
        return wire(spec, exchange, facts)
    legacy, standard = wire(spec, LEGACY, facts), wire(spec, STANDARD, facts)
    switched = spec.migration == BOTH
    return replace(
        legacy,
        exchange=exchange,
        flows=(standard if switched else legacy).flows,
        mappers=tuple(dict.fromkeys([*legacy.mappers, *standard.mappers])),
        scope_clients=tuple(dict.fromkeys([*legacy.scope_clients, *standard.scope_clients])),
        full_scope_off=tuple(dict.fromkeys([*legacy.full_scope_off, *standard.full_scope_off])),
        lifespans=tuple(dict.fromkeys([*legacy.lifespans, *(standard.lifespans if switched else ())])),
        switches=standard.switches if switched else (),
        takes_away={**standard.takes_away, **legacy.takes_away},
    )


def _as_called(flow: Flow, spec: GrantSpec, exchange: str) -> Flow:
    """A flow with what its caller has to send."""
    exact = spec.exact_audience and flow.flow == RECIPIENT and exchange == STANDARD
    at = EXCHANGE if flow.flow == REQUESTER and exchange == STANDARD else LOGIN
    asked = spec.audience == OPTIONAL_SCOPE and (flow.flow == RECIPIENT or exchange == STANDARD or spec.required_roles)
    return replace(flow, audience=spec.target if exact else flow.audience, scope_at=at if asked else None)


def _may_be_gated(spec: GrantSpec) -> set[str]:
    return {scope_holder(flow, exchange) for flow in flows_of(spec) for exchange in (STANDARD, LEGACY)}


def _logs_users_in(spec: GrantSpec, client: str, facts: Facts) -> bool:
    known = facts.clients.get((spec.realm, client))
    return known is None or known.logs_users_in


def choose_exchange(spec: GrantSpec, facts: Facts) -> str:
    if spec.migration:
        return LEGACY if spec.migration == MAPPERS else STANDARD
    if spec.exchange != "auto":
        return spec.exchange
    features = facts.features
    if spec.name in facts.had:  # a feature that is switched off moves no grant
        return facts.had[spec.name]
    if features is None or not features.offers(STANDARD):
        return LEGACY
    return LEGACY if _is_legacy_already(spec, facts) else STANDARD


def _is_legacy_already(spec: GrantSpec, facts: Facts) -> bool:
    """Whether legacy parts of a grant of this name exist, also under an owner that was since renamed."""
    marks = [
        facts.clients[spec.realm, client].audiences.get(spec.target)
        for client in (*spec.sources, spec.target)
        if (spec.realm, client) in facts.clients
    ]
    there = facts.permissions.get(spec.realm)
    has_policy = there is not None and _has_policy(spec, there)
    return has_policy or (LEGACY in marks and RECIPIENT in spec.flows)


def _has_policy(spec: GrantSpec, there: Overview) -> bool:
    """Whether a policy of a grant of this name exists, also under an owner that was since renamed."""
    begin = f"{name_stem(policy_title(spec.name, spec.target))} ["
    return any(mark and name.startswith(begin) for name, mark in there.marks.items())
