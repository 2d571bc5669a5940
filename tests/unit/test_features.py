"""What ``/admin/serverinfo`` says of a server: features, those that its version cannot have, and that it is too old."""

import json
from typing import Any

import pytest

from kcadmin.objects.features import Features, read_features
from kcadmin.rest.errors import KeycloakError, Refusal
from tests.support.fake_server import URL, Answer, FakeKeycloak

OLD_REMEDY = "and 24.0 is the oldest that is supported; upgrade it."


def listed(**features: bool) -> list[dict[str, Any]]:
    return [{"name": name, "type": "PREVIEW", "enabled": on} for name, on in {"DOCKER": False, **features}.items()]


def asked(told: Any) -> Features:
    server = FakeKeycloak()
    server.interfere(Answer(200, told), at="serverinfo")
    return read_features(server.session())


NEWEST = listed(TOKEN_EXCHANGE_STANDARD_V2=True, TOKEN_EXCHANGE=False, ADMIN_FINE_GRAINED_AUTHZ=False)
BEFORE_STANDARD = listed(TOKEN_EXCHANGE=True, ADMIN_FINE_GRAINED_AUTHZ=True)


@pytest.mark.parametrize(
    ("told", "features"),
    [
        ({"features": NEWEST}, Features(True, False, False)),
        ({"features": NEWEST, "systemInfo": {"version": "26.7.3"}}, Features(True, False, False)),
        ({"features": NEWEST, "systemInfo": {"version": "26.7.4"}}, Features(True, False, False)),
        (
            {"features": NEWEST, "systemInfo": {"version": "26.7.5"}},
            Features(True, False, False, whole_tokens_in_aud=True),
        ),
        (
            {"features": NEWEST, "systemInfo": {"version": "999.0"}},
            Features(True, False, False, whole_tokens_in_aud=True),
        ),
        (
            {"features": NEWEST, "systemInfo": {"version": "999.0.0-SNAPSHOT"}},
            Features(True, False, False, whole_tokens_in_aud=True),
        ),
        ({"features": NEWEST, "systemInfo": {"version": "nightly"}}, Features(True, False, False)),
        ({"features": NEWEST, "systemInfo": None}, Features(True, False, False)),
        (
            {"features": BEFORE_STANDARD, "systemInfo": {"version": "24.0.5"}},
            Features(False, True, True, ("token-exchange-standard:v2",), scope_policies=False, whole_tokens=False),
        ),
        (
            {"features": listed(TOKEN_EXCHANGE_STANDARD_V2=True, ADMIN_FINE_GRAINED_AUTHZ=True)},
            Features(True, False, True, ("token-exchange:v1",)),
        ),
        (
            {
                "features": listed(
                    TOKEN_EXCHANGE_STANDARD_V2=True, TOKEN_EXCHANGE=True, ADMIN_FINE_GRAINED_AUTHZ=True, DPOP=False
                )
            },
            Features(True, True, True, dpop=False),
        ),
    ],
)
def test_what_is_on_and_what_the_version_does_not_know(told: dict[str, Any], features: Features) -> None:
    assert asked(told) == features


@pytest.mark.parametrize(
    ("told", "which"),
    [
        ({"features": BEFORE_STANDARD, "systemInfo": {"version": "23.0.7"}}, "is version 23.0.7"),
        ({"systemInfo": {"version": "21.1.2"}}, "is version 21.1.2"),
        ({"systemInfo": {"version": "9.0.3"}}, "is version 9.0.3"),
        ({"profileInfo": {"name": "default"}}, "lists no features, as old versions do"),
        ({}, "lists no features, as old versions do"),
    ],
    ids=json.dumps,
)
def test_an_older_server_is_refused(told: dict[str, Any], which: str) -> None:
    with pytest.raises(Refusal) as refused:
        asked(told)
    assert str(refused.value) == f"Keycloak at '{URL}': {which}, {OLD_REMEDY}"


@pytest.mark.parametrize(
    "told", [[], 1, {"features": [], "providers": {"x": 1}}, {"features": [], "providers": {"x": {"providers": True}}}]
)
def test_an_answer_of_another_shape_is_one_sentence(told: Any) -> None:
    with pytest.raises(KeycloakError, match="serverinfo answered 200 with JSON of another shape"):
        asked(told)


@pytest.mark.parametrize(
    ("features", "exchange", "words"),
    [
        (
            Features(False, True, True, ("token-exchange-standard:v2",)),
            "standard",
            "the standard exchange needs Keycloak 26.2 or later; upgrade it, or set exchange: legacy",
        ),
        (
            Features(False, False, False, ("token-exchange-standard:v2",)),
            "auto",
            "the server offers neither exchange; start Keycloak with --features=token-exchange:v1,admin-fine-grained-authz:v1"
            ", or use Keycloak 26.2 or later",
        ),
        (
            Features(False, True, False, ("token-exchange-standard:v2",)),
            "legacy",
            "the server has no legacy exchange; start Keycloak with --features=admin-fine-grained-authz:v1",
        ),
        (
            Features(True, False, False, ("token-exchange:v1", "admin-fine-grained-authz:v1")),
            "legacy",
            "this version of Keycloak has no legacy exchange any more; set exchange: standard",
        ),
        (
            Features(False, False, False, ("token-exchange:v1", "admin-fine-grained-authz:v1")),
            "auto",
            "the server offers neither exchange; start Keycloak with --features=token-exchange-standard:v2",
        ),
        (
            Features(False, True, False),
            "standard",
            "the server has no standard exchange; start Keycloak with --features=token-exchange-standard:v2",
        ),
    ],
)
def test_what_to_do_about_a_missing_exchange(features: Features, exchange: str, words: str) -> None:
    assert "; ".join(features.lack_of(exchange)) == words


@pytest.mark.parametrize(
    ("listed_types", "has"),
    [
        ({"openid-connect": [{"id": "mine"}, {"id": "yours"}]}, True),
        ({"openid-connect": [{"id": "yours"}], "saml": [{"id": "mine"}]}, False),
        *((odd, True) for odd in (None, {}, [], {"openid-connect": []}, {"openid-connect": {"id": "yours"}})),
    ],
)
def test_types_of_mappers(listed_types: Any, has: bool) -> None:
    """Where the server does not list them, a mapper of any type may act."""
    assert asked({"features": NEWEST, "protocolMapperTypes": listed_types}).has_mapper("mine") is has
