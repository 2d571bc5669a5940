"""The rules of the policy pack on what ``pulumi stack export`` says."""

import json
from typing import Any

import pytest

from exchange.doctor.rules import SECRET_MARK, broken_rules, plain_value, state_for_rules
from exchange.stack.stack import StackProblem

PREFIX = "urn:pulumi:prod::keycloak-token-exchange::"
GRANT, DYNAMIC = "keycloak-token-exchange:index:TokenExchangeGrant", "pulumi-python:dynamic/keycloak:"
SECRET = {SECRET_MARK: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def resource(kind: str, name: str, **outputs: Any) -> dict[str, Any]:
    return {"urn": f"{PREFIX}{kind}::{name}", "type": kind, "inputs": {"left": "alone"}, "outputs": outputs}


def grant(name: str, source: str, target: str, **more: Any) -> dict[str, Any]:
    flow = {"flow": "requester", "requester": source, "audience": target}
    facts = {source: {"public": False, "fullScope": False}}
    said = {
        "exchange": "standard",
        "flows": [flow],
        "requesters": facts,
        "reviewBy": "2199-12-31",
        "reason": "billing",
        **more,
    }
    return resource(GRANT, name, realm="r", sources=[source], target=target, **said)


def exported(*resources: dict[str, Any], **config: Any) -> str:
    provider = "pulumi:providers:pulumi-python"
    settings = {f"keycloak-token-exchange:{key}": value for key, value in config.items()}
    made = {"urn": f"{PREFIX}{provider}::default", "type": provider, "inputs": settings, "outputs": settings}
    return json.dumps({"version": 3, "deployment": {"resources": [made, *resources]}})


def broken(*resources: dict[str, Any], **config: Any) -> list[tuple[str, str]]:
    asked: list[list[str]] = []

    def run(arguments: Any) -> str:
        asked.append(list(arguments))
        return exported(*resources, **{"clientId": "robot", **config})

    found = broken_rules(run, ["--stack", "prod"])
    assert asked == [["stack", "export", "--stack", "prod"]]
    return [(each.rule.severity, each.rule.name) for each in found]


def test_a_state_that_keeps_the_rules() -> None:
    assert broken(grant("g", "a", "b"), clientSecret=SECRET) == []


def test_mandatory_rules_come_first() -> None:
    lifespan = resource(f"{DYNAMIC}TokenLifespan", "l", realm="r", client_id="b", seconds=3600.0)
    found = broken(lifespan, grant("g", "a", "b"), grant("h", "b", "a", exchange="legacy", reviewBy=None))
    assert found[:3] == [
        ("mandatory", "grants-form-no-cycle"),
        ("mandatory", "legacy-requesters-are-guarded"),
        ("mandatory", "production-grants-are-to-be-reviewed"),
    ]
    assert ("advisory", "exchanged-tokens-are-short-lived") in found


def test_how_a_stack_logs_in_is_read_from_its_provider() -> None:
    assert ("mandatory", "production-logs-in-without-a-password") in broken(clientId="")


def test_what_is_about_to_be_deleted_does_not_count() -> None:
    assert broken(grant("g", "a", "b"), {**grant("h", "b", "a"), "delete": True}) == []


def test_a_secret_is_nothing_and_a_whole_number_an_int() -> None:
    assert plain_value({"a": [SECRET, 3.0, 3.5, "x", None, {"b": True}]}) == {
        "a": [None, 3, 3.5, "x", None, {"b": True}]
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"deployment": 3}', '{"deployment": {"resources": [{}]}}'])
def test_what_is_no_state(text: str) -> None:
    with pytest.raises(StackProblem, match="its answer is not a state"):
        state_for_rules(text)
    assert state_for_rules('{"deployment": {}}').grants == ()
