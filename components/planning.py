"""Plans all grants of a program together, and says what they open beyond what each declares."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from components.faults import closed_doors, conflicts, duplicates, grant_faults
from components.grant_spec import GrantSpec
from components.wiring import GrantPlan, choose_exchange, wire
from providers.preflight import LEGACY, STANDARD, Facts


@dataclass(frozen=True)
class Plan:
    """All grants of a program, what is wrong with them, and what people should know."""

    grants: tuple[GrantPlan, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def plan(specs: Sequence[GrantSpec], facts: Facts) -> Plan:
    """Plans grants together; with faults, nothing may be registered."""
    chosen = {spec.name: choose_exchange(spec, facts) for spec in specs}
    faults = [*duplicates(specs)]
    for spec in specs:
        faults += [spec.describe(*fault) for fault in grant_faults(spec, chosen[spec.name], facts)]
        if chosen[spec.name] == LEGACY:
            faults += [spec.describe(*fault) for fault in closed_doors(spec, facts)]
    grants = tuple(wire(spec, chosen[spec.name], facts) for spec in specs)
    faults += conflicts(grants)
    if faults:
        return Plan((), tuple(dict.fromkeys(faults)), ())
    return Plan(grants, (), tuple(dict.fromkeys([*notes(grants, facts), *implied(grants)])))


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


def notes(grants: Iterable[GrantPlan], facts: Facts) -> Iterator[str]:
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
