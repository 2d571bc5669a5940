"""The robot that the code under test logs in as: with exactly the roles that an object, or the grants of a stack, need."""

from collections.abc import Collection, Iterable, Mapping

from grants.spec import GrantSpec
from kcadmin.objects.robot import EVENTS, GUARDS, LEGACY, REALM_ROLES, ROLE_POLICIES, STANDARD, USER_POLICIES
from providers.aggregate_policy import AggregatePolicyProvider
from providers.audience_mapper import AudienceMapperProvider
from providers.audience_scope import AudienceScopeProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.authorization_services import AuthorizationServicesProvider
from providers.base.provider import KeycloakProvider
from providers.client_policy import ClientPolicyProvider
from providers.client_scope_assignment import ClientScopeAssignmentProvider
from providers.client_scope_policy import ClientScopePolicyProvider
from providers.exchange_events import ExchangeEventsProvider
from providers.exchange_guards import ExchangeGuardsProvider
from providers.exchange_proof import ExchangeProofProvider
from providers.full_scope_off import FullScopeOffProvider
from providers.group_policy import GroupPolicyProvider
from providers.management_permissions import ManagementPermissionsProvider
from providers.refresh_tokens_off import RefreshTokensOffProvider
from providers.regex_policy import RegexPolicyProvider
from providers.role_policy import RolePolicyProvider
from providers.scope_permission import ScopePermissionProvider
from providers.script_policy import ScriptPolicyProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.time_policy import TimePolicyProvider
from providers.token_exchange_permission import TokenExchangePermissionProvider
from providers.token_lifespan import TokenLifespanProvider
from providers.user_policy import UserPolicyProvider
from tests.support.engine import Engine
from tests.support.realms import TestRealm

PURPOSES: Mapping[type[KeycloakProvider], tuple[str, ...]] = {
    AggregatePolicyProvider: (LEGACY,),
    AudienceMapperProvider: (STANDARD,),
    AudienceScopeProvider: (STANDARD,),
    AuthorizationScopeProvider: (LEGACY,),
    AuthorizationServicesProvider: (LEGACY,),
    ClientPolicyProvider: (LEGACY,),
    ClientScopeAssignmentProvider: (STANDARD,),
    ClientScopePolicyProvider: (LEGACY,),
    ExchangeEventsProvider: (STANDARD, EVENTS),
    ExchangeGuardsProvider: (STANDARD, GUARDS),
    ExchangeProofProvider: (STANDARD,),
    FullScopeOffProvider: (STANDARD,),
    GroupPolicyProvider: (USER_POLICIES,),
    ManagementPermissionsProvider: (LEGACY,),
    RefreshTokensOffProvider: (STANDARD,),
    RegexPolicyProvider: (LEGACY,),
    RolePolicyProvider: (ROLE_POLICIES,),
    ScopePermissionProvider: (LEGACY,),
    ScriptPolicyProvider: (LEGACY,),
    StandardTokenExchangeProvider: (STANDARD,),
    TimePolicyProvider: (LEGACY,),
    TokenExchangePermissionProvider: (LEGACY,),
    TokenLifespanProvider: (STANDARD,),
    UserPolicyProvider: (USER_POLICIES,),
}


def robot_engine(provider: type[KeycloakProvider], realm: TestRealm) -> Engine:
    """An object's life, as the robot of its kind."""
    return Engine(provider, realm.robot(*PURPOSES[provider]))


def purposes_of(grants: Iterable[GrantSpec], guards: Collection[str] = (), *, events: bool = False) -> frozenset[str]:
    """What grants take a robot for, all together."""
    found = {*([GUARDS] if guards else []), *([EVENTS] if events else [])}
    for grant in grants:
        found.add(STANDARD if grant.exchange == "standard" else LEGACY)
        found |= {REALM_ROLES} if any(not role.client for role in grant.required_roles) else set()
    return frozenset(found)
