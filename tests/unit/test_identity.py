"""Whose a stack's objects are, by its config, its organization and its own state."""

import re
from collections.abc import Callable, Iterator, Mapping

import pulumi
import pytest
from pulumi.runtime.settings import ROOT

from components.settings import read_settings
from components.token_exchange_grant import TokenExchangeGrant
from providers.standard_token_exchange import StandardTokenExchange
from tests.support.fake_server import PASSWORD, URL, FakeKeycloak
from tests.unit.test_components import Monitor, Program, configure

NAMELESS = "organization/keycloak-token-exchange/dev"


@pytest.fixture(autouse=True)
def keycloak(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    FakeKeycloak().install(monkeypatch).add_realm("r", frontend={}, api={})
    yield
    pulumi.runtime.set_all_config({}, [])


def without_organizations(state: Mapping[str, str]) -> Program:
    """A program on a self-managed backend, with a state of mappers by name and owner."""
    type_ = "pulumi-python:dynamic/keycloak:AudienceMapper"
    held = {name: {"type": type_, "outputs": {"owner": owner}} for name, owner in state.items()}
    made = Program(state={f"urn:pulumi:dev::p::{type_}::{name}": each for name, each in held.items()})
    made.state["urn:pulumi:dev::p::other::x"] = {"type": "other", "outputs": {"owner": "nobody"}}
    ROOT.set(None)
    pulumi.runtime.set_mocks(
        made,
        project="keycloak-token-exchange",
        stack="dev",
        organization="organization",
        preview=False,
        monitor=Monitor(made),
    )
    configure(url=URL, adminPassword=PASSWORD, realm="r", grants="[]")
    return made


def refusal(entry: Callable[[], object]) -> str:
    with pytest.raises(pulumi.RunError) as caught:
        entry()
    return str(caught.value)


ENTRIES: list[Callable[[], object]] = [
    read_settings,
    lambda: TokenExchangeGrant("g", sources=["frontend"], target="api"),
    lambda: StandardTokenExchange("mine", realm="r", client_id="api"),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=["settings", "a grant alone", "a resource alone"])
def test_without_organizations_an_owner_must_be_set(entry: Callable[[], object]) -> None:
    program = without_organizations({})
    command = r"`pulumi config set owner ([\w.-]+-dev-[0-9a-f]{6})`"
    proposals = {re.search(command, refusal(entry))[1] for _ in range(2)}  # type: ignore[index]
    assert len(proposals) == 2  # two clones of a repository are told two
    assert program.asked_for_state == 1  # once a run

    for state, kept in (
        ({"a": f"{NAMELESS}#g", "b": NAMELESS, "c": "x", "d": "x", "e": "x#g"}, NAMELESS),
        ({"a": "o'k", "b": "o'k#g", "c": "x"}, "'o'\"'\"'k'"),
    ):
        without_organizations(state)
        told = refusal(entry)
        assert f"run `pulumi config set owner {kept}` to keep it, or `pulumi config set owner " in told
        assert told.count("\n") == 0 and "which stacks of other backends may have, too" in told


def test_a_chosen_owner_serves_all_of_a_stack() -> None:
    program = without_organizations({})
    configure(url=URL, adminPassword=PASSWORD, realm="r", grants="[]", owner="mine")
    assert read_settings().defaults["owner"] == "mine"
    program.run(lambda: StandardTokenExchange("alone", realm="r", client_id="api"))
    program.run(lambda: TokenExchangeGrant("g", sources=["frontend"], target="api"))
    owners = {each.inputs.get("owner") for each in program.resources.values()} - {None}
    assert owners == {"mine#alone", "mine"} and program.asked_for_state == 0


def test_an_argument_may_name_the_owner() -> None:
    program = without_organizations({})
    program.run(lambda: StandardTokenExchange("alone", realm="r", client_id="api", owner="theirs"))
    program.run(lambda: TokenExchangeGrant("g", sources=["frontend"], target="api", owner="theirs"))
    assert {each.inputs.get("owner") for each in program.resources.values()} - {None} == {"theirs"}
