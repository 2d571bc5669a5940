"""What each kind of mapper adds to ``aud``; tests/acceptance/test_gates.py has the same of a server."""

from dataclasses import replace
from typing import Any

import pytest

from kcadmin.objects.clients import Client
from kcadmin.objects.mappers import RESOLVE_MAPPER
from reach.audiences import Added, Shapes, added, if_held, resolvers, switched
from reach.held_mappers import AssignedScope
from reach.introspection import Introspector, Introspectors
from reach.readable_claims import matters
from reach.roles import may_name, touches_audience
from reach.written_audiences import CLAIM_MAPPERS, NEVER, ROLE_MAPPER, is_by_role, lacks, parties, written
from tests.support.mapper_kinds import KINDS, RESOLVE, SCRIPT, kind
from tests.support.surveys import ROLES_SCOPE, client

LIGHT = {"attributes": {"client.use.lightweight.access.token.enabled": "true"}}


def of(holder: Client, **scopes: Any) -> dict[str | None, Added]:
    return {each.audience: each for each in added(holder, {"roles": ROLES_SCOPE, **scopes})}


@pytest.mark.parametrize("name", KINDS)
def test_a_mapper_of_the_client(name: str) -> None:
    mapper, adds = KINDS[name]
    found = of(client("a", {"id": "m", "name": "m", **mapper}))
    assert set(found) == set(adds)
    light = client("a", {"id": "m", "name": "m", **mapper}, **LIGHT)
    by_roles = mapper["protocolMapper"] in ("oidc-hardcoded-role-mapper", "oidc-role-name-mapper")
    assert of(light) == {}  # roles are not resolved there
    resolved = client("a", {"id": "m", "name": "m", **mapper}, {"id": "r", "name": "r", **RESOLVE}, **LIGHT)
    assert set(of(resolved)) == (set(adds) if by_roles else set())


def test_a_mapper_that_is_not_keycloaks_may_add_any() -> None:
    mapper, adds = SCRIPT
    for fields in ({}, LIGHT):
        assert set(
            of(client("a", {"id": "m", "name": "m", "protocolMapper": mapper["protocolMapper"]}, **fields))
        ) == set(adds)
    assert of(client("a", {"id": "m", "name": "m", **mapper, "config": {"access.token.claim": "false"}})) == {}


@pytest.mark.parametrize(
    ("config", "on"),
    [
        ({"access.token.claim": "true"}, (True, False)),
        ({"access.token.claim": "false", "lightweight.claim": "true"}, (False, True)),
        ({"access.token.claim": "true", "lightweight.claim": "true"}, (True, True)),
        ({}, (False, False)),
    ],
)
def test_lightweight_tokens_have_a_setting_of_their_own(config: dict[str, str], on: tuple[bool, bool]) -> None:
    for fields, expected in zip(({}, LIGHT), on, strict=True):
        holder = client(
            "a", {"id": "m", "name": "m", **kind("oidc-audience-mapper", included_client_audience="b")}, **fields
        )
        holder.mappers[0]["config"].pop("access.token.claim")
        holder.mappers[0]["config"].update(config)
        assert [each.on for each in switched(holder, {})] == [expected]


@pytest.mark.parametrize(
    ("config", "acts"),
    [
        ({"access.token.claim": "false"}, (None, None)),
        ({"access.token.claim": "false", "introspection.token.claim": "true"}, ("if passed on", "if passed on")),
        ({"access.token.claim": "true"}, ("always", "if passed on")),
        ({"access.token.claim": "true", "introspection.token.claim": "false"}, ("always", None)),
    ],
)
def test_introspection_has_a_setting_of_its_own(config: dict[str, str], acts: tuple[str | None, str | None]) -> None:
    for fields, expected in zip(({}, LIGHT), acts, strict=True):
        mapper = {"id": "m", "name": "m", **kind("oidc-audience-mapper", included_client_audience="b")}
        holder = client("a", {**mapper, "config": {"included.client.audience": "b", **config}}, **fields)
        found = added(holder, {}, Shapes(introspectors="'gateway' or 'proxy'"))
        assert ["if passed on" if each.when else "always" for each in found] == ([expected] if expected else [])
        assert all("'gateway' or 'proxy' passes on" in each.when for each in found if each.when)
        assert [each.when for each in added(holder, {})] == ([None] if expected == "always" else [])


@pytest.mark.parametrize(
    ("config", "acts"),
    [
        ({}, ("always", "if passed on")),
        ({"access.token.claim": "false"}, ("if passed on", "if passed on")),
        ({"access.token.claim": "false", "introspection.token.claim": "false"}, (None, None)),
        ({"lightweight.claim": "true"}, ("always", "always")),
    ],
)
def test_an_audience_resolve_mapper_acts_where_it_says_nothing(
    config: dict[str, str], acts: tuple[str | None, str | None]
) -> None:
    """Realms of before Keycloak 23 have one without settings in their client scope ``roles``."""
    for fields, expected in zip(({}, LIGHT), acts, strict=True):
        holder = client("a", {"id": "m", "name": "m", **RESOLVE, "config": config}, defaultClientScopes=[], **fields)
        found = resolvers(holder, {}, Shapes(introspectors="'gateway'"))
        assert ["if passed on" if each.when else "always" for each in found] == ([expected] if expected else [])


def test_scopes_and_what_must_be_asked_for() -> None:
    mapper = {"id": "m", "name": "m", **kind("oidc-audience-mapper", included_client_audience="b")}
    scope = {"id": "s", "name": "s", "protocol": "openid-connect", "attributes": {}, "protocolMappers": [mapper]}
    default = of(client("a", defaultClientScopes=["s"]), s=scope)["b"]
    assert default.scopes == (AssignedScope("s", "default"),) and not default.on_request and default.own is None
    assert of(client("a", optionalClientScopes=["s"]), s=scope)["b"].on_request
    assert of(client("a"), s=scope) == {}
    assert "b" in of(client("a", defaultClientScopes=["s"]), s={**scope, "protocol": "oid4vc"})


@pytest.mark.parametrize("protocol", ["saml", "docker-v2", ""])
def test_a_mapper_of_another_protocol_does_nothing(protocol: str) -> None:
    for mapper in (
        kind("oidc-audience-mapper", included_client_audience="b"),
        kind("oidc-hardcoded-role-mapper", role="b.user"),
        SCRIPT[0],
    ):
        other = {"id": "m", "name": "m", **mapper, "protocol": protocol}
        scope = {"id": "s", "name": "s", "protocol": "openid-connect", "attributes": {}, "protocolMappers": [other]}
        assert of(client("a", other)) == of(client("a", defaultClientScopes=["s"]), s=scope) == {}
        assert not touches_audience(scope) and not may_name(scope, ["b"]) and not if_held(client("a"), scope)
        assert of(client("a", {**other, "protocol": "openid-connect"}))


def test_a_policy_that_is_not_seen_is_no_policy_of_some_name() -> None:
    mapper = {"id": "m", "name": "m", **kind("oidc-audience-mapper", included_client_audience="b")}
    unseen, odd = (added(client("a", mapper), {}, Shapes(names))[0].when for names in (None, ("?",)))
    assert odd == "client policy '?' does not make the token lightweight"
    assert unseen and "which this login may not read" in unseen and "?" not in unseen


def test_a_role_that_the_user_does_not_have_counts_where_roles_are_resolved() -> None:
    role = {"id": "m", "name": "m", **kind("oidc-hardcoded-role-mapper", role="b.c.user")}
    assert set(of(client("a", role))) == {"b.c"} and of(client("a", role, defaultClientScopes=[])) == {}
    assert of(client("b.c", role)) == {}  # a client's own roles do not name it
    on_request = client("a", role, defaultClientScopes=[], optionalClientScopes=["roles"])
    assert (
        of(on_request)["b.c"].scopes == (AssignedScope("roles", "optional"),)
        and len(resolvers(on_request, {"roles": ROLES_SCOPE})) == 1
    )


@pytest.mark.parametrize("config", [{}, {"claim.name": "aud"}, {"claim.name": "azp"}, {"claim.name": "x"}], ids=str)
@pytest.mark.parametrize("type_", sorted({*CLAIM_MAPPERS, *NEVER, RESOLVE_MAPPER, ROLE_MAPPER, "of-others"}))
def test_what_does_not_matter_writes_no_audience_and_breaks_no_token(type_: str, config: dict[str, str]) -> None:
    mapper = {"name": "m", "protocolMapper": type_, "config": {**config, "claim.value": "api"}}
    writes = is_by_role(mapper) or written(mapper) != () or parties(mapper) != ()
    assert matters(mapper) is (writes or lacks(mapper) is not None)


def test_who_gets_the_whole_token_of_a_client() -> None:
    """Where it must be in ``aud``, a mapper or a role may put it there, in any shape of the token."""
    asks = Introspector("gateway", only_in_aud=True, has_roles=False)
    scopes = {"roles": ROLES_SCOPE}
    plain = client("a")
    assert Introspector("gateway").gets(plain, scopes) and not asks.gets(plain, scopes)
    assert replace(asks, has_roles=True).gets(plain, scopes)
    assert not replace(asks, has_roles=True).gets(client("a", defaultClientScopes=[]), scopes)
    for config in (
        {"access.token.claim": "true"},
        {"introspection.token.claim": "true"},
        {"lightweight.claim": "true"},
    ):
        mapper = {"id": "m", "name": "m", **kind("oidc-audience-mapper", included_client_audience="gateway")}
        named = client("a", {**mapper, "config": {"included.client.audience": "gateway", **config}})
        assert asks.gets(named, scopes)
    both = Introspectors((asks, Introspector("proxy"), replace(asks, client_id="b", has_roles=True)))
    assert (
        both.of(plain, scopes) == "'b' or 'proxy'" and Introspectors(unseen="somebody").of(plain, scopes) == "somebody"
    )
    assert Introspectors((asks,)).of(plain, scopes) == ""
