"""Scripts that are deployed on a server, and client scopes with a parameter: they judge, and they open gates."""

import os
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from kcadmin.rest.errors import Refusal, TokenRefused
from local import keycloak
from providers.script_policy import ScriptPolicyProvider
from tests.acceptance.test_open_gates import AUDIENCE, HOLDER, OTHER, OWNER, add, grant, passes
from tests.acceptance.test_policies import MANAGEMENT, Exchange, asked
from tests.support.engine import forget
from tests.support.in_process import Stack
from tests.support.mapper_kinds import SCRIPT
from tests.support.realms import TestRealm
from tests.support.robots import robot_engine
from tests.support.scripted_server import parameterized, scripted_server

pytestmark = pytest.mark.skipif(
    not os.environ.get("TEST_SCRIPTS"), reason="builds a server with a script: make test-scripts"
)
EXCHANGES = pytest.mark.parametrize("exchange", ["standard", "legacy"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[keycloak.Server]:
    with scripted_server(tmp_path_factory.mktemp("scripted")) as started:
        yield started


@pytest.fixture
def home(server: keycloak.Server) -> Iterator[TestRealm]:
    """One user holds the role ``vip``, another none."""
    realm = TestRealm.make(server.url, server.admin_password, {"web": {}, "api": {}})
    realm.add_user(OTHER)
    realm.add_role("vip", HOLDER)
    yield realm
    realm.remove()


def test_a_deployed_script_judges_the_address(server: keycloak.Server) -> None:
    realm = TestRealm.make(server.url, server.admin_password)
    path = realm.at("clients", realm.uuid("api"), "management", "permissions")
    realm.session.put_json(path, {"enabled": True})
    before = realm.export()
    exchange = Exchange(realm)
    args = {"realm": realm.name, "resource_server": MANAGEMENT, "name": "p", "description": "why"}
    engine = robot_engine(ScriptPolicyProvider, realm)
    assert engine.up(**args, policy_type="script-here.js") == "create"
    forget()
    assert engine.refresh()
    asked(engine, {**args, "policy_type": "script-here.js", "logic": "POSITIVE"})
    assert exchange.with_only(str(engine.id))
    assert engine.up(**args, policy_type="script-here.js", logic="NEGATIVE") == "update"
    assert not exchange.with_only(str(engine.id))
    assert engine.up(**args, policy_type="script-elsewhere.js") == "replace"
    assert not exchange.with_only(str(engine.id))
    with pytest.raises(Refusal, match=r"\(deployed scripts: script-elsewhere.js, script-here.js\)"):
        robot_engine(ScriptPolicyProvider, realm).up(**{**args, "name": "q"}, policy_type="script-no.js")
    engine.destroy()
    assert realm.export() == before


@EXCHANGES
def test_a_mapper_by_script_is_a_way_past_the_condition(home: TestRealm, exchange: str) -> None:
    """What the script does is not computed: it may add any client."""
    stack = Stack(home.robot, OWNER)
    stack.up(grant(home, exchange=exchange, requiredRoles=["vip"]))
    assert passes(home, HOLDER) and not passes(home, OTHER)
    mapper, _ = SCRIPT
    add(home, "web", {**mapper, "protocolMapper": "script-adds-api.js"})
    assert passes(home, OTHER)
    by = "by the mapper 'theirs' of type script-adds-api.js of 'web'; take these away"
    for condition in ({"requiredRoles": ["vip"]}, {"audience": "optionalScope"}):
        with pytest.raises(pulumi.RunError, match=by):
            stack.up(grant(home, exchange=exchange, **condition))
    stack.destroy()


@EXCHANGES
def test_a_client_scope_with_a_parameter_is_a_way_past_the_role(home: TestRealm, exchange: str) -> None:
    """Each value of the parameter asks for the scope, which the grant's own condition does not know."""
    stack = Stack(home.robot, OWNER)
    stack.up(grant(home, exchange=exchange, requiredRoles=["vip"]))
    word = parameterized()
    kinds = {"parameterized": {"type": "string"}, "dynamic": {"regexp": "room:*"}}[word]
    attributes = {f"is.{word}.scope": "true", **{f"{word}.scope.{key}": value for key, value in kinds.items()}}
    scope: dict[str, Any] = {"name": "room", "protocol": "openid-connect", "attributes": attributes}
    scope_id = home.session.create(home.at("client-scopes"), {**scope, "protocolMappers": [{"name": "m", **AUDIENCE}]})
    home.session.put(home.at("clients", home.uuid("web"), "optional-client-scopes", scope_id), None)
    assert not passes(home, OTHER)
    assert home.exchange("api", home.user_token("web", OTHER, scope="room:12"))["azp"] == "api"
    with pytest.raises(
        pulumi.RunError, match="without the required roles: by the optional client scope 'room' of 'web'"
    ):
        stack.up(grant(home, exchange=exchange, requiredRoles=["vip"]))
    home.session.post(home.at("client-scopes", scope_id, "scope-mappings", "realm"), [home.get("roles", "vip")])
    stack.up(grant(home, exchange=exchange, requiredRoles=["vip"]))
    with pytest.raises(TokenRefused):
        home.exchange("api", home.user_token("web", OTHER, scope="room:12"))
    stack.destroy()
