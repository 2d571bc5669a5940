"""What somebody changed, deleted or made again behind our back is shown with both values, and mended."""

import json
import re
import socket
from typing import Any

import pytest

from local.commands import PULUMI_COMMANDS
from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import both_flows, grant, neither_flow
from tests.e2e.stack import Run, Stack
from tests.support.realms import TestRealm

CLEAN, BROKEN = 0, 1
SWITCH = "standard.token.exchange.enabled"
REFRESH = "standard.token.exchange.enableRefreshRequestedTokenType"
EXCHANGE = "token-exchange.permission.client."
GRANTS = (
    grant("old", source="frontend", target="api", exchange="legacy"),
    grant("new", source="web", target="orders", exchange="standard"),
)
OBJECT = re.compile(r"^ *[-+~]+ ?pulumi-python:dynamic/keycloak:", re.MULTILINE)


def works(realm: TestRealm, source: str = "frontend") -> None:
    both_flows(realm, "legacy", source=source, target="api")
    both_flows(realm, "standard", source="web", target="orders")


def shown(run: Run, kind: str, name: str, *lines: str) -> None:
    """The diff of an object holds these lines, but for alignment, and nothing was written."""
    assert run.writes == []
    parts = [part for part in OBJECT.split(run.output) if part.startswith(f"{kind}:") and f"::{name}]" in part]
    text = re.sub(r" +", " ", "\n".join(parts)).replace(" :", ":")
    for line in lines:
        assert line in text, f"{kind} {name}: {line}\n{text}\n{run.output}"


def comparable(realm: TestRealm) -> Any:
    """The realm's export without a default that the server notes when a mapper is written again."""
    export = json.dumps(realm.export())
    return json.loads(re.sub(r', "userinfo.token.claim": "false"|"userinfo.token.claim": "false", ', "", export))


def but_for_numbers(export: Any) -> Any:
    """An export without the numbers in marks and claims: what is made again has a new one."""
    numbers = r'("pulumi\.number": "|\\"number\\":\\"|\[pulumi:[0-9a-f]{16}\.[0-9a-f]{12}\.)[0-9a-f]{8}'
    return json.loads(re.sub(numbers, r"\1", json.dumps(export)))


def change_everything(realm: TestRealm) -> None:
    """One field or more of every object, by hand."""
    alone = realm.client("alone")
    for client, changes in (
        (alone, {"included.client.audience": "account", "id.token.claim": "true"}),
        (realm.client("web"), {"pulumi.owner": ""}),
    ):
        (mapper,) = client["protocolMappers"]
        at = realm.at("clients", client["id"], "protocol-mappers", "models", mapper["id"])
        realm.session.put(at, {**mapper, "config": {**mapper["config"], **changes}})
    realm.change("alone", authorizationServicesEnabled=True, attributes={SWITCH: "false", REFRESH: "NO"})
    realm.change("orders", attributes={key: "" for key in realm.client("orders")["attributes"] if "pulumi" in key})
    server = realm.at("clients", alone["id"], "authz", "resource-server")
    policy_id = realm.session.get(f"{server}/policy/search", name="may")["id"]
    policy = realm.session.get(f"{server}/policy/client/{policy_id}")
    mark = policy["description"].removeprefix("why")
    realm.session.put(
        f"{server}/policy/client/{policy_id}",
        {**policy, "clients": [realm.uuid("api")], "logic": "NEGATIVE", "description": f"other{mark}"},
    )
    scope = realm.session.get(f"{server}/scope/search", name="token-exchange")
    realm.session.put(f"{server}/scope/{scope['id']}", {"name": scope["name"], "displayName": "X"})
    set_permission(realm, server, "token-exchange.permission", "CONSENSUS")
    set_permission(realm, management(realm), EXCHANGE + realm.uuid("api"), "UNANIMOUS")


def lose_everything(realm: TestRealm) -> None:
    """Every object that can be deleted or switched off, by hand."""
    realm.session.put_json(realm.at("clients", realm.uuid("api"), "management", "permissions"), {"enabled": False})
    for policy in realm.session.get(f"{management(realm)}/policy"):
        if policy["name"].startswith("old: may exchange"):
            realm.session.delete(f"{management(realm)}/policy/{policy['id']}")
    for client in ("alone", "frontend", "api", "web", "orders"):
        realm.change(client, protocolMappers=[], authorizationServicesEnabled=False)
    for client in ("alone", "web", "orders"):
        realm.change(client, attributes={SWITCH: "false"})


def set_permission(realm: TestRealm, server: str, name: str, strategy: str) -> None:
    found = realm.session.get(f"{server}/policy/search", name=name)
    fields = {key: found[key] for key in ("id", "name", "type", "description") if key in found}
    realm.session.put(
        f"{server}/permission/scope/{found['id']}", {**fields, "decisionStrategy": strategy, "policies": []}
    )


def management(realm: TestRealm) -> str:
    return realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server")


@pytest.fixture
def realm(renewed: MakeRealm) -> TestRealm:
    return renewed("legacy", frontend={}, api={}, web={}, orders={}, alone={})


@pytest.fixture
def stack(realm: TestRealm, new_stack: NewStack) -> Stack:
    """A grant of each exchange; ``alone`` is a client for what a program adds to them."""
    stack = new_stack(realm, "legacy")
    stack.configure(*GRANTS)
    return stack


@pytest.mark.standard_exchange
def test_every_object(realm: TestRealm, stack: Stack) -> None:
    (stack.project / "__main__.py").rename(stack.project / "project_main.py")
    (stack.project / "__main__.py").symlink_to(PROJECT / "tests" / "fixtures" / "drift" / "__main__.py")
    stack.up("--skip-preview")
    works(realm)
    wired = comparable(realm)

    change_everything(realm)
    drifted = stack.try_(*PULUMI_COMMANDS["drift"], "--diff")
    assert drifted.code not in (CLEAN, BROKEN), drifted.output
    shown(drifted, "AudienceMapper", "named", '~ included_client: "account" => "frontend"', "~ id_token: true => false")
    shown(drifted, "StandardTokenExchange", "switch", "~ enabled: false => true", "~ allow_refresh: false => true")
    shown(
        drifted,
        "ClientPolicy",
        "policy",
        '~ [0]: "api" => "frontend"',
        '~ logic: "NEGATIVE" => "POSITIVE"',
        '~ description: "other" => "why"',
    )
    shown(drifted, "AuthorizationScope", "scope", '~ display_name: "X" => "Exchange"')
    shown(drifted, "ScopePermission", "permission", '~ decision_strategy: "CONSENSUS" => "AFFIRMATIVE"', '+ [0]: "may"')
    binding = f"{realm.name}/api/old-permission"
    shown(drifted, "TokenExchangePermission", binding, '~ decision_strategy: "UNANIMOUS" => "AFFIRMATIVE"', "+ [0]:")
    lost_mark = ("+ mark_lost: true", "- mark_lost: true")  # what the refresh finds, and what the update mends
    shown(drifted, "AudienceMapper", f"{realm.name}/web/audience-orders", *lost_mark)
    shown(drifted, "StandardTokenExchange", f"{realm.name}/orders/standard-exchange", *lost_mark)
    told = stack.up("--skip-preview").output  # which refreshes nothing, and says what it mends
    for sentence in (
        f"drift: standard token exchange of client 'alone' in realm '{realm.name}': "
        "allow_refresh is false on the server, is set to true; enabled is false on the server, is set to true.",
        f"drift: client policy 'may' in realm '{realm.name}': ",
        "logic is 'NEGATIVE' on the server, is set to 'POSITIVE'",
        f"drift: standard token exchange of client 'orders' in realm '{realm.name}': its mark is gone from the server",
        "included_client is 'account' on the server, is set to 'frontend'",
        "decision_strategy is 'UNANIMOUS' on the server, is set to 'AFFIRMATIVE'",
    ):
        assert sentence in told, told
    works(realm)
    assert comparable(realm) == wired

    lose_everything(realm)
    neither_flow(realm, source="web", target="orders")
    lost = stack.refresh("--skip-preview", "--diff")
    assert lost.counted()["deleted"] == 10, "five mappers, two policies, a scope, a permission, a binding"
    for kind, name in (
        ("AuthorizationServices", "services"),
        ("ManagementPermissions", f"{realm.name}/api/management-permissions"),
        ("StandardTokenExchange", f"{realm.name}/web/standard-exchange"),
    ):
        shown(lost, kind, name, "~ enabled: true => false")
    stack.up("--skip-preview")
    works(realm)
    assert but_for_numbers(comparable(realm)) == but_for_numbers(wired)
    quiet = stack.try_(*PULUMI_COMMANDS["drift"])
    assert (quiet.code, quiet.writes) == (CLEAN, []), quiet.output


@pytest.mark.standard_exchange
def test_clients_that_others_make_again_rename_or_delete(realm: TestRealm, stack: Stack) -> None:
    stack.up("--skip-preview")
    for client in ("web", "api"):
        realm.session.delete(realm.at("clients", realm.uuid(client)))
        realm.add_client(client)
    neither_flow(realm, source="web", target="orders")
    stack.up("--skip-preview")
    works(realm)

    realm.change("frontend", clientId="browser")
    absent = f"grant 'old' in realm '{realm.name}': client 'frontend' does not exist; create it, or correct the name."
    refused = stack.refused("preview", "--refresh", "--diff")
    shown(refused, "AudienceMapper", f"{realm.name}/frontend/audience-api", '~ client_id: "frontend" => "browser"')
    assert said(refused) == [absent], refused.output
    stack.configure(grant("old", source="browser", target="api", exchange="legacy"), GRANTS[1])
    stack.up("--skip-preview")
    works(realm, "browser")

    state = stack.export()
    url = stack.env["KEYCLOAK_URL"]
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        stack.env["KEYCLOAK_URL"] = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        unreachable = stack.refused("refresh", "--yes")
        assert unreachable.code == BROKEN and "no answer to" in unreachable.output
    stack.env["KEYCLOAK_URL"] = url
    assert stack.export() == state, "what cannot be reached is not gone"

    realm.session.delete(realm.at("clients", realm.uuid("orders")))
    refused = stack.refused("preview")
    assert said(refused) == [
        f"grant 'new' in realm '{realm.name}': client 'orders' does not exist; create it, or correct the name."
    ]
    before = {urn.rpartition("::")[2] for urn in stack.export()}
    stack.refresh("--skip-preview")
    gone = before - {urn.rpartition("::")[2] for urn in stack.export()}
    assert gone == {f"{realm.name}/orders/{part}" for part in ("audience-orders", "standard-exchange")}
    stack.configure(grant("old", source="browser", target="api", exchange="legacy"))
    stack.up("--skip-preview")
    assert "pulumi" not in str(realm.client("web"))


def said(run: Run) -> list[str]:
    """The errors that a command ends with, once each."""
    return re.findall(r"^ *error: (.*)$", run.output.rpartition("Diagnostics:")[2], re.MULTILINE)
