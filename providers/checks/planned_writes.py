"""Which clients a grant's parts write, and what: settings, marks and claims. Mappers, scopes and permissions write no client."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grants.plan import GrantPlan, scope_name
from kcadmin.authz.exchange_permission import Overview
from kcadmin.authz.management_permissions import KIND as MANAGEMENT
from kcadmin.guards.marks import KIND as GUARDS_KIND
from kcadmin.guards.marks import MARKED, label_for
from kcadmin.marks.ownership import hash16, stack_of
from kcadmin.objects.claims import Kind, claim_key, claim_of, claims
from kcadmin.objects.clients import ATTRIBUTE, Client
from kcadmin.objects.setting_claims import assignment_kind
from kcadmin.objects.shared_settings import is_written
from providers.base.props import REVOKE
from providers.full_scope_off import FullScopeOff, FullScopeOffProvider
from providers.refresh_tokens_off import RefreshTokensOff, RefreshTokensOffProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider, SwitchProps
from providers.token_lifespan import LifespanProps, TokenLifespan, TokenLifespanProvider
from reach.held_mappers import held_scopes

# Settings of a client: their kind, their place in a resource's name, and the attribute of a plan that names the clients
SETTINGS: tuple[tuple[type[FullScopeOff] | type[TokenLifespan] | type[RefreshTokensOff], str, str], ...] = (
    (FullScopeOff, "full-scope-off", "full_scope_off"),
    (TokenLifespan, "token-lifespan", "lifespans"),
    (RefreshTokensOff, "refresh-tokens-off", "refresh_off"),
)
PROVIDERS: Mapping[type, FullScopeOffProvider | TokenLifespanProvider | RefreshTokensOffProvider] = {
    FullScopeOff: FullScopeOffProvider(),
    TokenLifespan: TokenLifespanProvider(),
    RefreshTokensOff: RefreshTokensOffProvider(),
}


@dataclass(frozen=True)
class PlannedWrite:
    """A write of a client that a grant needs. values: fields, and attributes as ``attributes.<key>``.

    owner: who claims it. claim_only: only a claim, for an object that cannot have a mark. there: the object exists already.
    scope: the client scope that is the object, on a client that holds it. always: an existing value is claimed, too.
    """

    client: str
    owner: str
    kind: Kind
    values: Mapping[str, Any]
    claim_only: bool = False
    there: bool = False
    scope: str = ""
    always: bool = False

    def happens(self, client: Client, former: Collection[str] = ()) -> bool:
        """Whether the client will be written, given its present state.

        former: owners of the stack's own objects, whose claims move.
        """
        if not self.claim_only:
            return is_written(client, self.owner, self.kind, self.values, always=self.always)
        held = claims(client, self.kind)
        moves = any(stack_of(claim.owner) in former for claim in held)
        used = (self.scope in held_scopes(client) and not moves) or (self.there and not held)
        return claim_of(client, self.owner, self.kind) is None and (self.always or not used)

    def changes(self) -> dict[str, Any]:
        """The values that are sent, with the claim."""
        return {**self.values, ATTRIBUTE + claim_key(self.owner, self.kind): "claim"}


def planned_writes(grant: GrantPlan, guards: Collection[str], held: Overview | None) -> Iterator[PlannedWrite]:
    """The writes that a grant needs, each of one client. held: the legacy permissions, None where not read."""
    spec = grant.spec
    owner, always = spec.shared_owner, spec.on_remove == REVOKE
    for resource, _, attribute in SETTINGS:
        provider = PROVIDERS[resource]
        for client in getattr(grant, attribute):
            values = provider.values(LifespanProps(realm=spec.realm, client_id=client, seconds=spec.token_lifespan))
            yield PlannedWrite(client, owner, provider.KIND, values, always=always)
    switch = StandardTokenExchangeProvider()
    for client in grant.switches if spec.manage_switch else ():
        values = switch.values(SwitchProps(realm=spec.realm, client_id=client, allow_refresh=spec.allow_refresh))
        yield PlannedWrite(client, owner, switch.KIND, values, always=always)
    for client in sorted({flow.requester for flow in grant.flows}) if guards else ():
        marked = {MARKED: label_for(grant.uuids[client])}
        yield PlannedWrite(client, owner, GUARDS_KIND, marked, claim_only=True)
    if grant.scope and grant.scope.mark != hash16(spec.grant_owner):  # somebody else's scope
        name = scope_name(spec)
        for client in grant.scope_clients:
            kind = assignment_kind(name)
            yield PlannedWrite(client, spec.grant_owner, kind, {}, claim_only=True, scope=name, always=always)
    if grant.policy_clients:
        on = held is not None and grant.uuids[spec.target] in held.permissions
        yield PlannedWrite(spec.target, owner, MANAGEMENT, {}, claim_only=True, there=on, always=always)
