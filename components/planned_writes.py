"""Which clients a grant's parts write, and what: settings, marks and claims. Mappers, scopes and permissions write no client."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.shared_parts import SETTINGS
from components.wiring import GrantPlan, scope_name
from kcadmin.claims import Kind, claim_key, claim_of
from kcadmin.clients import ATTRIBUTE, Client
from kcadmin.guard_marks import KIND as GUARDS_KIND
from kcadmin.guard_marks import MARKED, label_for
from kcadmin.management import KIND as MANAGEMENT
from kcadmin.permissions import Overview
from kcadmin.setting_claims import assignment_kind
from kcadmin.shared_settings import is_written
from providers.full_scope_off import FullScopeOff, FullScopeOffProvider
from providers.refresh_tokens_off import RefreshTokensOff, RefreshTokensOffProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.token_lifespan import TokenLifespan, TokenLifespanProvider

PROVIDERS: Mapping[type, FullScopeOffProvider | TokenLifespanProvider | RefreshTokensOffProvider] = {
    FullScopeOff: FullScopeOffProvider(),
    TokenLifespan: TokenLifespanProvider(),
    RefreshTokensOff: RefreshTokensOffProvider(),
}


@dataclass(frozen=True)
class PlannedWrite:
    """A write of a client that a grant needs. values: fields, and attributes as ``attributes.<key>``.

    claim_only: a claim alone, for an object that has no room for a mark.
    """

    client: str
    kind: Kind
    values: Mapping[str, Any]
    claim_only: bool = False

    def happens(self, client: Client, owner: str) -> bool:
        """Whether the client is written, by its state now."""
        if self.claim_only:
            return claim_of(client, owner, self.kind) is None
        return is_written(client, owner, self.kind, self.values)

    def changes(self, owner: str) -> dict[str, Any]:
        """What is sent, with the claim."""
        return {**self.values, ATTRIBUTE + claim_key(owner, self.kind): "claim"}


def planned_writes(grant: GrantPlan, guards: Collection[str], held: Overview | None) -> Iterator[PlannedWrite]:
    """The writes that a grant needs, each of one client. held: the legacy permissions, None where not read."""
    spec = grant.spec
    for resource, _, attribute in SETTINGS:
        provider = PROVIDERS[resource]
        for client in getattr(grant, attribute):
            yield PlannedWrite(client, provider.KIND, provider.values({"seconds": spec.token_lifespan}))
    switch = StandardTokenExchangeProvider()
    for client in grant.switches if spec.manage_switch else ():
        yield PlannedWrite(client, switch.KIND, switch.values({"allow_refresh": spec.allow_refresh}))
    for client in sorted({flow.requester for flow in grant.flows}) if guards else ():
        yield PlannedWrite(client, GUARDS_KIND, {MARKED: label_for(grant.uuids[client])}, claim_only=True)
    for client in grant.scope_clients if grant.scope else ():  # somebody else's scope
        yield PlannedWrite(client, assignment_kind(scope_name(spec)), {}, claim_only=True)
    if grant.policy_clients and not (held and grant.uuids[spec.target] in held.permissions):
        yield PlannedWrite(spec.target, MANAGEMENT, {}, claim_only=True)
