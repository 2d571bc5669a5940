"""What every state file holds of our code: a rename here needs a shim at the old path and a line in CHANGELOG.md."""

import base64
import importlib
import inspect
import pickle
import pkgutil
import re
from dataclasses import MISSING, fields
from types import NoneType
from typing import get_args, get_type_hints

import pytest
from pulumi.dynamic import Resource
from pulumi.dynamic.dynamic import serialize_provider

import providers
from components.token_exchange_grant import TokenExchangeGrant
from kcadmin.rest.connection import Connection, PasswordLogin
from policy import stack as policy
from providers.base import own_state
from providers.base.provider import KeycloakProvider
from providers.grant_check import GrantCheckProvider
from tests.support.resources import RESOURCES


def classes(of: type) -> set[type]:
    """All classes of a kind in the modules of ``providers``."""
    found: set[type] = set()
    for module in pkgutil.iter_modules(providers.__path__, "providers."):
        names = vars(importlib.import_module(module.name)).values()
        found |= {each for each in names if issubclass(type(each), type) and issubclass(each, of)}
    return {each for each in found if re.fullmatch(r"providers\.\w+", each.__module__)}  # without the templates


HOLDER = ("providers.realm_grants", "RealmGrants")  # of parts, each by one of these providers
EACH = [pytest.param(provider, id=provider.__name__) for provider in RESOURCES]


def test_each_provider_and_resource_is_declared() -> None:
    """In ``tests/resources``, where a row says what every state file holds of it."""
    declared = RESOURCES.values()
    assert classes(KeycloakProvider) == {*RESOURCES}
    assert {(each.__module__, each.__name__) for each in classes(Resource)} - {HOLDER} == {
        (each.provider.__module__, each.resource) for each in declared
    }


@pytest.mark.parametrize("provider", EACH)
def test_type_tokens_are_frozen(provider: type[KeycloakProvider]) -> None:
    declared = RESOURCES[provider]
    resource = getattr(importlib.import_module(provider.__module__), declared.resource)
    assert resource._resource_type_name == f"dynamic/{declared.token}"


def test_the_components_type_token_is_frozen() -> None:
    assert own_state.GRANT == policy.GRANT == "keycloak-token-exchange:index:TokenExchangeGrant"
    assert "super().__init__(GRANT, name" in inspect.getsource(TokenExchangeGrant.__init__)


@pytest.mark.parametrize("provider", EACH)
def test_inputs_are_frozen(provider: type[KeycloakProvider]) -> None:
    """The names of inputs and notes are state format too: a run of an older version wrote them."""
    declared, kind = RESOURCES[provider], getattr(provider, "KIND", None)
    assert sorted(provider.INPUTS) == sorted(declared.inputs.split())
    assert declared.claim == (str(kind) if kind else None)


@pytest.mark.parametrize("provider", EACH)
def test_a_resource_takes_what_its_provider_declares(provider: type[KeycloakProvider]) -> None:
    """Both are written by hand: for people and their editors, and for what comes from Pulumi."""
    resource = getattr(importlib.import_module(provider.__module__), RESOURCES[provider].resource)
    given = dict(inspect.signature(resource).parameters)
    needed = {name for name, each in given.items() if each.default is each.empty and name != "owner"}
    given = {name: each for name, each in given.items() if name not in ("resource_name", "opts", "connection")}
    declared = {each.name: each for each in fields(provider.PROPS)}
    assert given.keys() <= declared.keys()
    assert {*provider.INPUTS} - given.keys() == (
        {"uuids", "facts", "scope"} if provider is GrantCheckProvider else set()
    )
    must = {name for name, each in declared.items() if each.default is MISSING and each.default_factory is MISSING}
    may = {name for name, each in given.items() if NoneType in get_args(each.annotation)}
    assert must == needed - {"resource_name"} - may


@pytest.mark.parametrize("provider", EACH)
def test_a_providers_methods_take_its_own_fields(provider: type[KeycloakProvider]) -> None:
    """The templates hand them over untyped."""
    for each in vars(provider).values():
        hints = get_type_hints(each) if inspect.isfunction(each) else {}
        for name in {"props", "olds", "news"} & hints.keys():
            assert provider.PROPS in (hints[name], *get_args(hints[name])), f"{each.__qualname__}: {name}"


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
