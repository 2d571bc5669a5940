"""What is refused of all grants of a realm in a program of the package, before anything is planned."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime.proto import provider_pb2 as messages

from components import realm_grants
from components.grant_options import option_faults
from components.realm_grants import GrantsOfRealm
from package.servicer import Servicer
from providers.token_lifespan import TokenLifespan
from tests.support.fake_server import FakeKeycloak
from tests.unit.test_components import Program, keycloak, program  # noqa: F401 (fixtures)

GRANT = {"sources": ["web"], "target": "api"}


class Run:
    """A run of a program."""


def faults(name: str, **grant: object) -> list[str]:
    return realm_grants._read(name, {"g": {**GRANT, **grant}}, {"realm": "r", "owner": "o"})[1]


def test_a_realm_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    monkeypatch.setattr(realm_grants, "this_run", lambda: run)
    monkeypatch.setattr(realm_grants, "own_provider", lambda: "")
    assert faults("one") == faults("one") == []
    (told,) = faults("two")
    assert told == "grants 'two': are in realm 'r', as 'one' are; make one RealmGrants of the two."


def test_an_explicit_provider_and_what_is_of_all_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realm_grants, "this_run", lambda: None)
    monkeypatch.setattr(realm_grants, "own_provider", lambda: "other")
    provider, realm = faults("one", realm="s")
    assert "uses an explicit provider" in provider and "'g' sets realm" in realm


def test_options_reach_the_resource_or_are_refused(program: Program, keycloak: FakeKeycloak) -> None:  # noqa: F811
    def made(**options: Any) -> None:
        first = TokenLifespan("first", realm="r", client_id="mobile", seconds=60)
        given = {"g": {"sources": ["frontend"], "target": "api", "flows": ["recipient"]}}
        GrantsOfRealm("all", grants=given, opts=pulumi.ResourceOptions(depends_on=[first], **options))

    with pytest.raises(pulumi.RunError, match="grants 'all': opts has ignore_changes, which has no effect on what a"):
        program.run(lambda: made(ignore_changes=["grants"]))
    program.resources.clear()
    program.run(made)
    assert program.resources["r/grants"].parent == "all" and "first" in program.resources["r/grants"].depends_on


def test_options_that_pulumis_sdk_leaves_out_are_seen() -> None:
    request = messages.ConstructRequest(deleteBeforeReplace=True, additionalSecretOutputs=["grants"])
    request.customTimeouts.create = "1m"
    found = [wrong.split(",")[0] for wrong, _ in option_faults(Servicer._construct_options(request))]
    assert found == [
        f"opts has {each}" for each in ("delete_before_replace", "additional_secret_outputs", "custom_timeouts")
    ]
    assert not list(option_faults(Servicer._construct_options(messages.ConstructRequest())))
