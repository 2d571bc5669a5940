"""Plans all grants of a program together, and reports what people should know about them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from grants.conflicts import conflicts, duplicates
from grants.faults import closed_doors, grant_faults
from grants.gate_faults import open_doors, unenforced
from grants.odd import CONSENT
from grants.plan import GrantPlan, choose_exchange, flows_of, requesters, wire_all
from grants.spec import NO_WIDER_SCOPES, SOURCES, GrantSpec
from kcadmin.marks.ownership import hash16, stack_of
from kcadmin.objects.features import LEGACY, STANDARD
from kcadmin.rest.texts import named, quoted
from reach.facts import Facts
from reach.fitness import proofs


@dataclass(frozen=True)
class Plan:
    """All grants of a program, their faults, and notes for people."""

    grants: tuple[GrantPlan, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def plan(specs: Sequence[GrantSpec], facts: Facts, guards: Collection[str] = ()) -> Plan:
    """Plans grants together. If there are faults, nothing may be registered. guards: see ``register_grants``."""
    specs = [replace(spec, scoped=NO_WIDER_SCOPES in guards) for spec in specs]
    grants = tuple(wire_all(spec, choose_exchange(spec, facts), facts) for spec in specs)
    faults = tuple(dict.fromkeys([*duplicates(specs), *faults_of(grants, facts), *conflicts(grants)]))
    if faults:
        return Plan((), faults, ())
    return Plan(grants, (), tuple(dict.fromkeys(_notes(grants, facts, SOURCES in guards))))


def faults_of(grants: Sequence[GrantPlan], facts: Facts) -> Iterator[str]:
    """The faults of each grant by itself."""
    marks = {hash16(grant.spec.grant_owner) for grant in grants}
    for grant in grants:
        spec = grant.spec
        needed = (LEGACY, STANDARD) if spec.migration else (grant.exchange,)
        for exchange in needed:
            yield from (spec.describe(*fault) for fault in grant_faults(spec, exchange, facts))
        if LEGACY in needed:
            found = (*unenforced(spec, facts), *closed_doors(spec, facts), *open_doors(spec, facts, marks))
            yield from (spec.describe(*fault) for fault in found)


def _notes(grants: Collection[GrantPlan], facts: Facts, sources_guarded: bool) -> Iterator[str]:
    """What people should know about planned grants."""
    given = {
        (grant.spec.realm, flow.requester)
        for grant in grants
        for flow in flows_of(grant.spec)
        if flow.source != flow.requester
    }
    for grant in grants:
        yield from _exchange(grant, facts)
        if grant.policy_clients and not grant.spec.required_roles and not sources_guarded:
            yield grant.spec.describe(
                "with the legacy exchange its sources may exchange any client's token for the target, not only their own",
                "use exchange: standard where offered, or the stack's guards: [sources]",
            )
        yield from _refresh_tokens(grant)
        yield from _given_up(grant, facts)
        yield from _settings(grant)
        yield from _without_token(grant.spec, facts, given)
        yield from _bound(grant, facts)
        for name in grant.switches:
            if facts.clients[grant.spec.realm, name].consent_required:
                odd = CONSENT.told(client=named(name))
                yield grant.spec.describe(odd.wrong, odd.remedy)


def _exchange(grant: GrantPlan, facts: Facts) -> Iterator[str]:
    """Which exchange answers, where people may expect the other one."""
    spec = grant.spec
    if spec.migration:
        yield spec.note(
            f"is being migrated to the standard exchange, and {grant.exchange} answers now; "
            "`python -m exchange migrate apply` continues"
        )
    elif spec.exchange == "auto" and grant.exchange == LEGACY and facts.features and facts.features.offers(STANDARD):
        yield spec.describe(
            "stays on the legacy exchange, since its legacy parts exist", "set exchange: standard to move it"
        )


def _refresh_tokens(grant: GrantPlan) -> Iterator[str]:
    """That the legacy exchange gives refresh tokens, too."""
    loud = [client for client in requesters(grant.spec) if client not in grant.refresh_off]
    if grant.exchange == LEGACY and not grant.spec.allow_refresh and loud:
        callers = quoted(loud) if grant.refresh_off else "its callers"  # alike, many grants are one sentence
        yield grant.spec.describe(
            f"the legacy exchange gives {callers} a refresh token, which can be switched off only together "
            "with those of its own logins",
            "let it send requested_token_type urn:ietf:params:oauth:token-type:access_token",
        )


def _given_up(grant: GrantPlan, facts: Facts) -> Iterator[str]:
    """The switches that this stack has, and will not have any more."""
    spec, ours = grant.spec, {grant.spec.owner, *facts.own.owners}
    held = [each for each in grant.switches if ours & {*map(stack_of, facts.clients[spec.realm, each].switch_owners)}]
    if held and not spec.manage_switch:
        yield spec.describe(
            f"manageSwitch is false, so this stack gives up the standard exchange of {quoted(held)}, which it had "
            "switched on: it is switched off, unless the last `pulumi up` had onRemove: keep",
            "run `pulumi up` with onRemove: keep before it",
        )


def _settings(grant: GrantPlan) -> Iterator[str]:
    """What a client's settings change for all of its tokens."""
    for setting, what in (
        (grant.lifespans, f"a lifespan of {grant.spec.token_lifespan} seconds counts for all access tokens of"),
        (grant.full_scope_off, "roles that are not mapped to it are taken out of all tokens of"),
        (grant.refresh_off, "no refresh token is given any more to"),
    ):
        if setting:
            yield grant.spec.note(f"{what} {quoted(setting)}")


def _without_token(spec: GrantSpec, facts: Facts, given: Collection[tuple[str, str]]) -> Iterator[str]:
    """The sources that can get no token. given: by realm and client id, those that a grant gives one."""
    for source in spec.sources:
        client = facts.clients[spec.realm, source]
        own = client.standard_flow or client.direct_access_grants or client.service_account
        if not own and (spec.realm, source) not in given:
            yield spec.describe(
                f"source {named(source)} has neither standard flow, direct access grants nor a service "
                "account, and no grant of this stack gives it a token, so it may get none to exchange",
                "switch one on if it should",
            )


def _bound(grant: GrantPlan, facts: Facts) -> Iterator[str]:
    """What callers need for tokens that are bound to a key, and where an exchange removes the binding."""
    spec = grant.spec
    for flow in grant.flows:
        requester, source = (facts.clients[spec.realm, name] for name in (flow.requester, flow.source))
        for needed in proofs(flow.requester, requester.bound_by, own=requester is source):
            yield spec.note(f"Keycloak refuses the exchange unless {needed}")
        if grant.exchange == LEGACY and source.bound_by and requester is not source:
            yield spec.describe(
                f"the legacy exchange takes bound tokens of source {named(flow.source)} from {named(flow.requester)} "
                "without their key, "
                "and gives one that is not bound to it",
                f"use exchange: standard with flows: [requester], where the key of {named(flow.source)} counts",
            )
