"""Which things of a former owner are a stack's declared ones: by all that tells them, never by a name or a mark alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from exchange.release import adoption
from exchange.release.adoption import adopted, declared_by, declared_parts
from exchange.stack import place
from exchange.stack.stack import owner_by_name
from kcadmin.marks.ownership import owned_name, policy_title
from kcadmin.rest.connection import Connection, PasswordLogin
from reach.leftovers import Leftover, LeftoverKind

GONE = "gone/exchange/prod"
OURS = "pulumi-python:dynamic/keycloak:"
LONG = "target-" + 24 * "ten-letter"


def resource(kind: str, at: str = "", **inputs: Any) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:s::p::t::{at}", "type": f"{OURS}{kind}", "inputs": {"realm": "r", **inputs}}


WEB = {"client_id": "web", "client_uuid": "u"}
MAPPER = resource("AudienceMapper", included_client="api", owner=GONE, **WEB)
SCOPE = resource("AudienceScope", name="orders", included_client="api", owner=f"{GONE}#g")
POLICY = resource("ClientPolicy", name="p", resource_server="realm-management", owner=f"{GONE}#g")
NAMED = Leftover(LeftoverKind.MAPPER, "web", owned_name("audience-api", GONE), GONE, "1", audience=("api", None))
ORDERS = Leftover(LeftoverKind.SCOPE, "", "orders", f"{GONE}#g", "2", audience=("api", None))
P = Leftover(LeftoverKind.POLICY, "realm-management", "p", f"{GONE}#g", type="client")


@pytest.mark.parametrize(
    ("real", "alike"),
    [
        (NAMED, {"audience": ("admin-api", None)}),
        (NAMED, {"audience": (None, "api")}),
        (NAMED, {"client": "evil"}),
        (NAMED, {"owner": f"{GONE}#x"}),
        (NAMED, {"owner": "gone/exchange"}),
        (ORDERS, {"audience": ("admin-api", None)}),
        (ORDERS, {"audience": (None, None)}),
        (ORDERS, {"owner": f"{GONE}#g#h"}),
        (P, {"type": "role"}),
        (P, {"type": "js"}),
        (P, {"client": "evil"}),
        (P, {"owner": f"{GONE}#other"}),
        (P, {"what": LeftoverKind.PERMISSION}),
    ],
)
def test_what_is_like_a_declared_thing_is_not_one(real: Leftover, alike: dict[str, Any]) -> None:
    wanted = declared_by([MAPPER, SCOPE, POLICY], GONE)
    assert set(adopted([real, replace(real, **alike)], "r", wanted)) == {real}
    assert adopted([real], "another", wanted) == {}


@pytest.mark.parametrize("text", ["config:\n", "", "config:\n  keycloak-token-exchange:owner: ours\n"], ids=repr)
def test_a_preview_runs_under_the_former_owners_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    configs: list[Any] = []

    def pulumi(arguments: list[str], *_: object) -> str:
        if arguments[0] == "stack":
            return "prod\n"
        configs.append(yaml.safe_load(Path(arguments[arguments.index("--config-file") + 1]).read_text()))
        return json.dumps({"steps": [{"newState": MAPPER}]})

    monkeypatch.setattr(adoption, "run_pulumi", pulumi)
    here = place.Deployable(Connection("https://k", PasswordLogin("a", "p")), ("r",), frozenset({"ours"}), "ours")
    assert [each.what for each in declared_parts([], GONE, here)] == [LeftoverKind.MAPPER]
    assert configs == [{"config": {"keycloak-token-exchange:owner": GONE, "keycloak-token-exchange:url": "https://k"}}]


def test_a_long_name_of_a_policy_is_told_whole() -> None:
    def told(at: str, title: str) -> str:
        owner = f"{GONE}#g"
        made = resource("TimePolicy", f"r/{LONG}/{at}", name=owned_name(title, owner), owner=owner, resource_server="s")
        (found,) = declared_by([made], GONE)
        return found.title

    for part, at in (("", "g-requesters"), ("time 1", "g-time-1"), ("conditions", "g-conditions")):
        assert told(at, policy_title("g", LONG, part)) == policy_title("g", LONG, part)
    assert told("g-requesters", "of somebody's program") == ""


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("acme/keycloak-token-exchange/prod\n", "acme/keycloak-token-exchange/prod"),
        ("organization/keycloak-token-exchange/prod\n", ""),
        ("prod\n", ""),
    ],
)
def test_an_organization_names_an_owner(monkeypatch: pytest.MonkeyPatch, name: str, owner: str) -> None:
    answers = {
        "config": '{"keycloak-token-exchange:realm": {"value": "r"}, "keycloak-token-exchange:url": {"value": "https://k"}}'
    }

    def run(arguments: Any) -> str:
        return name if "--fully-qualify-stack-names" in arguments else answers.get(arguments[0], "{}")

    assert owner_by_name(run, []) == owner
    monkeypatch.setattr(place, "run_pulumi", run)
    monkeypatch.setenv("KEYCLOAK_ADMIN_PASS", "pw-admin")
    assert place.find_deployable(None, None, [], {}, needs_stack=True).owner == owner
    assert place.find_deployable(None, None, [], {}).owner == ""


def test_guards_and_events_are_the_realms() -> None:
    guards = resource("ExchangeGuards", owner=GONE, requesters=["web"], scopes=None)
    found = declared_by([guards, resource("ExchangeEvents", owner=GONE)], GONE)
    assert {each.what for each in found} >= {LeftoverKind.GUARD, LeftoverKind.EVENTS}
    left = [Leftover(LeftoverKind.GUARD, "", "any name", GONE), Leftover(LeftoverKind.EVENTS, "account", "", GONE)]
    assert set(adopted(left, "r", found)) == {*left}
