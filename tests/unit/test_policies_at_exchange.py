"""What policies say about an exchange, and what is refused where they are attached."""

from typing import Any

import pulumi
import pytest

from kcadmin.authz.exchange_policies import cannot_match, judges_the_requester
from kcadmin.objects.resource_server import permission_name
from kcadmin.rest.errors import Refusal
from providers.token_exchange_permission import TokenExchangePermissionProvider
from tests.support.engine import Engine, forget
from tests.support.fake_server import FakeKeycloak

IDS = {
    name: f"{number}1111111-2222-3333-4444-555555555555"
    for number, name in enumerate(("client", "user", "role", "group", "regex", "scope", "time", "aggregate", "outer"))
}
POLICIES: dict[str, dict[str, Any]] = {
    "client": {"type": "client", "clients": []},
    "user": {"type": "user", "users": ["u"]},
    "role": {"type": "role", "roles": []},
    "group": {"type": "group", "groups": []},
    "regex": {"type": "regex", "targetClaim": "azp", "pattern": "a", "targetContextAttributes": False},
    "scope": {"type": "client-scope", "clientScopes": []},
    "time": {"type": "time", "hour": "1"},
    "aggregate": {"type": "aggregate", "policies": [IDS["client"], "user"]},
    "outer": {"type": "aggregate", "policies": ["aggregate", "role"]},
}
GENERIC_GET = r"^GET .*/resource-server/policy/[0-9a-f]1111111-[^/]+$"


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api={}, frontend={})
    policies = server.server("realm-management")["policies"]
    for name, fields in POLICIES.items():
        policies[IDS[name]] = {"id": IDS[name], "name": name, "logic": "POSITIVE", "description": "", **fields}
    permission = {"name": permission_name(server.uuid("api")), "type": "scope", "logic": "POSITIVE"}
    policies["permission"] = {
        **permission,
        "id": "permission",
        "decisionStrategy": "AFFIRMATIVE",
        "policies": [],
        "scopes": [],
    }
    return server


def attach(keycloak: FakeKeycloak, *names: str, **args: Any) -> Engine:
    engine = Engine(TokenExchangePermissionProvider, keycloak.connection)
    engine.up(realm="r", client_id="api", policies=[IDS.get(name, name) for name in names], **args)
    return engine


def on_it(keycloak: FakeKeycloak) -> list[str]:
    return list(keycloak.server("realm-management")["policies"]["permission"]["policies"])


@pytest.mark.parametrize(
    ("name", "logic", "words"),
    [
        (
            "user",
            "POSITIVE",
            "user policy 'user' in realm 'r': is a user policy, but at an exchange Keycloak checks the requester",
        ),
        (
            "user",
            "NEGATIVE",
            "not the token's user, so it lets everybody through; map the users' role to a client scope",
        ),
        (
            "regex",
            "POSITIVE",
            "on 'azp', but the only claim at an exchange is 'scope', so it never matches; aim it at 'scope'",
        ),
        ("aggregate", "POSITIVE", "user policy 'user' in realm 'r': is a user policy, but"),
        ("aggregate", "POSITIVE", "so it never matches (in aggregate policy 'aggregate'); map the users' role"),
        ("outer", "POSITIVE", "so it never matches (in aggregate policy 'aggregate'); map the users' role"),
        ("f1111111-2222-3333-4444-555555555555", "POSITIVE", "in realm 'r': does not exist; give the id of a policy"),
    ],
)
def test_what_matches_no_exchange_is_not_attached(keycloak: FakeKeycloak, name: str, logic: str, words: str) -> None:
    keycloak.server("realm-management")["policies"][IDS["user"]]["logic"] = logic
    with pytest.raises(Refusal) as refused:
        attach(keycloak, "client", name)
    assert words in str(refused.value) and len(str(refused.value).splitlines()) == 1
    assert on_it(keycloak) == [] and keycloak.asked("^PUT .*/admin") == []


def test_all_faults_are_told_at_once(keycloak: FakeKeycloak) -> None:
    with pytest.raises(Refusal) as refused:
        attach(keycloak, "user", "regex", "client")
    assert len(str(refused.value).splitlines()) == 2


def test_what_judges_the_requester_is_attached_with_a_warning(
    keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    attach(keycloak, "role", "group", "scope", "time", "client")
    assert len(on_it(keycloak)) == 5
    assert [text.split(";")[0] for text in warned] == [
        f"{name} policy '{name}' in realm 'r': checks the requester's service account, not the token's user"
        for name in ("role", "group")
    ]


def test_a_grants_own_policies_cost_no_read(keycloak: FakeKeycloak) -> None:
    attach(keycloak, "client", with_policies=True)
    assert keycloak.asked(GENERIC_GET) == [] and len(on_it(keycloak)) == 1
    forget()
    keycloak.requests.clear()
    keycloak.server("realm-management")["policies"]["permission"]["policies"] = []
    attach(keycloak, "client")
    assert len(keycloak.asked(GENERIC_GET)) == 1


def test_a_change_judges_what_is_new(keycloak: FakeKeycloak) -> None:
    engine = attach(keycloak, "client", "time")
    forget()
    keycloak.requests.clear()
    policies = [IDS["client"], IDS["scope"]]
    engine.up(realm="r", client_id="api", policies=policies)
    assert [each.path.rsplit("/", 1)[1] for each in keycloak.asked(GENERIC_GET)] == [IDS["scope"]]
    assert sorted(on_it(keycloak)) == sorted(policies)
    with pytest.raises(Refusal, match="never matches"):
        engine.up(realm="r", client_id="api", policies=[*policies, IDS["user"]])
    assert sorted(on_it(keycloak)) == sorted(policies)


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"type": "client"}, None),
        ({"type": "time", "config": {"hour": "1"}}, None),
        ({"type": "client-scope"}, None),
        ({"type": "script-allow.js"}, None),
        ({"type": "role"}, None),
        ({"type": "regex", "config": {"targetClaim": "scope", "pattern": "a"}}, None),
        ({"type": "regex", "config": {"targetClaim": "scope", "targetContextAttributes": "false"}}, None),
        (
            {"type": "regex", "config": {"targetClaim": "scope", "targetContextAttributes": "true"}},
            "attributes of the request",
        ),
        (
            {"type": "regex", "config": {"targetClaim": "kc.client.network.ip_address"}},
            "ip_address', but the only claim",
        ),
        ({"type": "user", "logic": "NEGATIVE"}, "so it lets everybody through"),
        ({"type": "user", "logic": "POSITIVE"}, "so it never matches"),
    ],
    ids=str,
)
def test_what_cannot_match(policy: dict[str, Any], told: str | None) -> None:
    found = cannot_match(policy)
    assert found is None if told is None else found and told in found
    assert judges_the_requester(policy) == (policy["type"] == "role")
