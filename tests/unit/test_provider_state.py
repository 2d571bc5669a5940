"""What every state file holds of our code: a rename here needs a shim at the old path and a line in CHANGELOG.md."""

import base64
import importlib
import inspect
import pickle
import pkgutil

import pytest
from pulumi.dynamic import Resource
from pulumi.dynamic.dynamic import serialize_provider

import providers
from components.token_exchange_grant import TokenExchangeGrant
from kcadmin.rest.connection import Connection, PasswordLogin
from providers.base.owned import OwnedObjectProvider
from providers.base.policy import PolicyProvider
from providers.base.provider import KeycloakProvider
from providers.base.resource import KeycloakResource
from providers.base.shared_setting import SharedSettingProvider

TEMPLATES = {KeycloakProvider, OwnedObjectProvider, PolicyProvider, SharedSettingProvider, KeycloakResource, Resource}
# Frozen: module, provider, resource, type token.
STATE = [
    ("providers.aggregate_policy", "AggregatePolicyProvider", "AggregatePolicy", "keycloak:AggregatePolicy"),
    ("providers.client_scope_policy", "ClientScopePolicyProvider", "ClientScopePolicy", "keycloak:ClientScopePolicy"),
    ("providers.group_policy", "GroupPolicyProvider", "GroupPolicy", "keycloak:GroupPolicy"),
    ("providers.regex_policy", "RegexPolicyProvider", "RegexPolicy", "keycloak:RegexPolicy"),
    ("providers.role_policy", "RolePolicyProvider", "RolePolicy", "keycloak:RolePolicy"),
    ("providers.script_policy", "ScriptPolicyProvider", "ScriptPolicy", "keycloak:ScriptPolicy"),
    ("providers.time_policy", "TimePolicyProvider", "TimePolicy", "keycloak:TimePolicy"),
    ("providers.user_policy", "UserPolicyProvider", "UserPolicy", "keycloak:UserPolicy"),
    ("providers.audience_mapper", "AudienceMapperProvider", "AudienceMapper", "keycloak:AudienceMapper"),
    ("providers.audience_scope", "AudienceScopeProvider", "AudienceScope", "keycloak:AudienceScope"),
    (
        "providers.client_scope_assignment",
        "ClientScopeAssignmentProvider",
        "ClientScopeAssignment",
        "keycloak:ClientScopeAssignment",
    ),
    ("providers.full_scope_off", "FullScopeOffProvider", "FullScopeOff", "keycloak:FullScopeOff"),
    ("providers.refresh_tokens_off", "RefreshTokensOffProvider", "RefreshTokensOff", "keycloak:RefreshTokensOff"),
    ("providers.token_lifespan", "TokenLifespanProvider", "TokenLifespan", "keycloak:TokenLifespan"),
    (
        "providers.authorization_scope",
        "AuthorizationScopeProvider",
        "AuthorizationScope",
        "keycloak:AuthorizationScope",
    ),
    (
        "providers.authorization_services",
        "AuthorizationServicesProvider",
        "AuthorizationServices",
        "keycloak:AuthorizationServices",
    ),
    ("providers.client_policy", "ClientPolicyProvider", "ClientPolicy", "keycloak:ClientPolicy"),
    ("providers.exchange_events", "ExchangeEventsProvider", "ExchangeEvents", "keycloak:ExchangeEvents"),
    ("providers.exchange_guards", "ExchangeGuardsProvider", "ExchangeGuards", "keycloak:ExchangeGuards"),
    ("providers.exchange_proof", "ExchangeProofProvider", "ExchangeProof", "keycloak:ExchangeProof"),
    (
        "providers.management_permissions",
        "ManagementPermissionsProvider",
        "ManagementPermissions",
        "keycloak:ManagementPermissions",
    ),
    ("providers.scope_permission", "ScopePermissionProvider", "ScopePermission", "keycloak:ScopePermission"),
    (
        "providers.standard_token_exchange",
        "StandardTokenExchangeProvider",
        "StandardTokenExchange",
        "keycloak:StandardTokenExchange",
    ),
    (
        "providers.token_exchange_permission",
        "TokenExchangePermissionProvider",
        "TokenExchangePermission",
        "keycloak:TokenExchangePermission",
    ),
]
# The names of inputs and notes are state format too: a run of an older version wrote them.
INPUTS = {
    "AggregatePolicyProvider": "realm resource_server resource_server_uuid name description policies decision_strategy logic",
    "ClientScopePolicyProvider": "realm resource_server resource_server_uuid name description client_scopes logic",
    "GroupPolicyProvider": "realm resource_server resource_server_uuid name description groups groups_claim logic",
    "RegexPolicyProvider": "realm resource_server resource_server_uuid name description target_claim pattern "
    "target_context_attributes logic",
    "RolePolicyProvider": "realm resource_server resource_server_uuid name description roles fetch_roles logic",
    "ScriptPolicyProvider": "realm resource_server resource_server_uuid name description policy_type logic",
    "TimePolicyProvider": "realm resource_server resource_server_uuid name description not_before "
    "not_on_or_after year year_end month month_end day_month day_month_end hour hour_end minute minute_end logic",
    "UserPolicyProvider": "realm resource_server resource_server_uuid name description users logic",
    "AudienceMapperProvider": "realm client_id client_uuid name included_client custom_audience access_token id_token "
    "introspection exchange",
    "AudienceScopeProvider": "realm name description included_client included_client_uuid realm_roles client_roles "
    "in_token_scope",
    "AuthorizationScopeProvider": "realm resource_server resource_server_uuid name display_name icon_uri",
    "AuthorizationServicesProvider": "realm client_id client_uuid",
    "ClientPolicyProvider": "realm resource_server resource_server_uuid name description clients client_uuids logic",
    "ClientScopeAssignmentProvider": "realm client_id client_uuid scope scope_id kind takes_away",
    "ExchangeEventsProvider": "realm expiration",
    "ExchangeGuardsProvider": "realm requesters sources no_wider_scopes user_claims scopes",
    "ExchangeProofProvider": "realm grant exchange flow source requester target audience login_scope "
    "exchange_scope needs_user exact parts",
    "FullScopeOffProvider": "realm client_id client_uuid",
    "ManagementPermissionsProvider": "realm client_id client_uuid",
    "RefreshTokensOffProvider": "realm client_id client_uuid",
    "ScopePermissionProvider": "realm resource_server resource_server_uuid name description scopes policies resources "
    "logic decision_strategy",
    "StandardTokenExchangeProvider": "realm client_id client_uuid allow_refresh",
    "TokenExchangePermissionProvider": "realm client_id client_uuid policies with_policies",
    "TokenLifespanProvider": "realm client_id client_uuid seconds",
}
KINDS = {
    "AuthorizationServicesProvider": "authorization-services",
    "FullScopeOffProvider": "full-scope",
    "RefreshTokensOffProvider": "refresh-tokens",
    "TokenLifespanProvider": "token-lifespan",
    "StandardTokenExchangeProvider": "standard-exchange",
}


def classes(of: type) -> set[type]:
    """All classes of a kind in the modules of ``providers``."""
    found: set[type] = set()
    for module in pkgutil.iter_modules(providers.__path__, "providers."):
        names = vars(importlib.import_module(module.name)).values()
        found |= {
            each for each in names if issubclass(type(each), type) and issubclass(each, of) and each not in TEMPLATES
        }
    return found


def provider_class(module: str, name: str) -> type[KeycloakProvider]:
    found = getattr(importlib.import_module(module), name)
    assert issubclass(found, KeycloakProvider)
    return found  # type: ignore[no-any-return]


EACH = [pytest.param(provider_class(module, name), id=name) for module, name, _, _ in STATE]


def test_the_table_names_every_provider_and_resource() -> None:
    assert {(each.__module__, each.__name__) for each in classes(KeycloakProvider)} == {row[:2] for row in STATE}
    assert {(each.__module__, each.__name__) for each in classes(Resource)} == {(row[0], row[2]) for row in STATE}


@pytest.mark.parametrize(("module", "resource", "token"), [row[:1] + row[2:] for row in STATE], ids=lambda each: each)
def test_type_tokens_are_frozen(module: str, resource: str, token: str) -> None:
    assert getattr(importlib.import_module(module), resource)._resource_type_name == f"dynamic/{token}"


def test_the_components_type_token_is_frozen() -> None:
    assert '"keycloak-token-exchange:index:TokenExchangeGrant"' in inspect.getsource(TokenExchangeGrant.__init__)


@pytest.mark.parametrize("provider", EACH)
def test_inputs_are_frozen(provider: type[KeycloakProvider]) -> None:
    assert " ".join(provider.INPUTS) == INPUTS[provider.__name__]
    assert KINDS.get(provider.__name__, "None") == str(getattr(provider, "KIND", None))


@pytest.mark.parametrize("provider", EACH)
def test_a_provider_in_state_is_a_name_and_nothing_more(provider: type[KeycloakProvider]) -> None:
    text = serialize_provider(provider())
    assert len(text) < 200
    assert type(pickle.loads(base64.b64decode(text))) is provider  # noqa: S301
    assert vars(pickle.loads(base64.b64decode(text))) == {}  # noqa: S301


@pytest.mark.parametrize("provider", EACH)
def test_a_provider_takes_no_arguments_and_is_no_secret(provider: type[KeycloakProvider]) -> None:
    assert not any("__init__" in vars(each) for each in provider.__mro__ if each.__module__.startswith("providers"))
    assert provider.serialize_as_secret_always is False


@pytest.mark.parametrize("provider", EACH)
def test_an_instance_shows_no_secret(provider: type[KeycloakProvider]) -> None:
    used = provider().use(Connection("https://keycloak.test", PasswordLogin("admin", "very-secret")))
    assert "very-secret" not in repr(used) + repr(vars(used))


@pytest.mark.parametrize("provider", EACH)
def test_what_is_compared_is_declared(provider: type[KeycloakProvider]) -> None:
    names = {*provider.INPUTS, *provider.CONSTANT}
    for declared in (
        provider.SETS,
        provider.REPLACE_ON,
        provider.FREE_WHEN_UNSET,
        provider.CHOICES,
        provider.DEFAULTS,
        provider.CLIENTS,
        provider.CLIENTS.values(),
    ):
        assert set(declared) <= names
