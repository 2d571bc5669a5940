"""Whose a stack's objects are, by its config, its organization and its own state."""

import re
from collections.abc import Callable, Iterator, Mapping

import pulumi
import pytest
from pulumi.runtime.settings import ROOT

from components.settings import read_settings
from components.token_exchange_grant import TokenExchangeGrant
from kcadmin.marks.ownership import Writer, stack_digits
from kcadmin.marks.whose import TAKEN_OVER_BY
from kcadmin.objects.claims import Claim, Kind
from kcadmin.objects.features import SWITCH, SWITCH_CLAIM
from package.config import faults as package_faults
from providers.base.place import stack_here
from providers.base.provider import ALONE, Alone
from providers.standard_token_exchange import StandardTokenExchange, StandardTokenExchangeProvider
from tests.support.fake_server import PASSWORD, URL, FakeKeycloak
from tests.unit.test_components import Monitor, Program, configure

NAMELESS = "organization/keycloak-token-exchange/dev"


@pytest.fixture(autouse=True)
def keycloak(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKeycloak]:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", frontend={}, api={})
    stack_here.cache_clear()
    yield server
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
    assert len(proposals) == 1, "each resource of a run is told the same"
    assert program.asked_for_state == 1  # once a run
    without_organizations({})
    proposals |= {re.search(command, refusal(entry))[1]}  # type: ignore[index]
    assert len(proposals) == 2  # two clones of a repository are told two

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
    assert owners == {"mine#alone", "mine"} and program.asked_for_state == 1  # by the resource of no grant


def test_an_argument_may_name_the_owner() -> None:
    program = without_organizations({})
    program.run(lambda: StandardTokenExchange("alone", realm="r", client_id="api", owner="theirs"))
    program.run(lambda: TokenExchangeGrant("g", sources=["frontend"], target="api", owner="theirs"))
    assert {each.inputs.get("owner") for each in program.resources.values()} - {None} == {"theirs"}


@pytest.mark.parametrize("owner", ["team#g", " "])
def test_an_owner_that_counts_as_another_ones_grant_is_refused(owner: str, keycloak: FakeKeycloak) -> None:
    without_organizations({})
    configure(url=URL, adminPassword=PASSWORD, realm="r", grants="[]", owner=owner)
    told = refusal(lambda: StandardTokenExchange("mine", realm="r", client_id="api"))
    assert told.startswith("config 'owner': holds "), told
    assert told in package_faults({"url": URL, "adminPassword": PASSWORD, "owner": owner})
    long = {"realm": "r", "client_id": "api", "owner": f"{'x' * 1000}#s", "stack": NAMELESS}
    (refused,) = StandardTokenExchangeProvider().use(keycloak.connection).check({}, long).failures
    assert "owner has 1002 characters; give it 1 to 1000." in refused.reason  # no claim holds a longer one


ANOTHER = "organization/keycloak-token-exchange/other"
NUMBER = "0123abcd"


def claimed(server: FakeKeycloak, stack: str, owner: str = "mine", number: str = NUMBER) -> str:
    """A client's switch that a stack has claimed."""
    claim = Claim(owner, SWITCH_CLAIM, {SWITCH: "true"}, {SWITCH: None}, Writer(stack, number))
    server.client("api")["attributes"] |= {"standard.token.exchange.enabled": "true", claim.key: claim.text()}
    return claim.text()


def planned(state: Mapping[str, str], **outputs: str) -> Program:
    program = without_organizations(state)
    for each in program.state.values():
        each["outputs"] |= outputs if each["type"] != "other" else {}
    configure(url=URL, adminPassword=PASSWORD, realm="r", grants="[]", owner="mine")
    program.run(lambda: TokenExchangeGrant("g", sources=["frontend"], target="api"))
    return program


@pytest.mark.parametrize("stack", [ANOTHER, "acme/shop/prod", f"{NAMELESS}@0a1b", stack_digits(ANOTHER)])
def test_an_owner_of_two_stacks_is_refused_before_the_first_write(
    stack: str, keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///tmp/here")
    monkeypatch.setenv("PULUMI_CONFIG", "{}")
    claimed(keycloak, stack)
    beside = Claim(
        "mine", Kind("attached:p"), {}, {}, Writer(stack, NUMBER)
    )  # of a policy, which is no thing of its own
    keycloak.change("api", attributes={beside.key: beside.text()})
    with pytest.raises(pulumi.RunError) as caught:
        planned({})
    told = str(caught.value)
    who = {NAMELESS: f"the stack '{NAMELESS}' of another backend", "": "another stack"}
    whose = stack.partition("@")[0] if "/" in stack else ""
    assert told.startswith(
        f"owner 'mine' in realm 'r': is the owner of what {who.get(whose, f'the stack {whose!r}')} made "
        f"(standard-exchange of client 'api'), and this is the stack '{NAMELESS}'; "
    )
    assert re.search(
        r"run `pulumi config set owner dev-[0-9a-f]{6}`; if it is that stack, renamed or moved, bring", told
    )
    lost = "use its former backend" if whose == NAMELESS else "give this stack its former name"
    assert told.endswith(f"; if that state is lost, {lost} for one `pulumi up`."), told
    assert all(each.method == "GET" or "/token" in each.path for each in keycloak.asked())


def test_so_it_is_of_a_late_grant_by_the_clients_that_are_known(keycloak: FakeKeycloak) -> None:
    def run(**outputs: str) -> None:
        program = without_organizations({"a": "mine"})
        program.state[next(iter(program.state))]["outputs"] |= outputs
        configure(url=URL, adminPassword=PASSWORD, realm="r", grants="[]", owner="mine")
        late = pulumi.Output.from_input("frontend")
        program.run(lambda: TokenExchangeGrant("g", sources=[late], target="api", exchange="standard"))

    claimed(keycloak, ANOTHER, owner="mine#g")
    with pytest.raises(
        pulumi.RunError, match=f"^owner 'mine' in realm 'r': is the owner of what the stack '{ANOTHER}'"
    ):
        run()
    run(number=NUMBER)


@pytest.mark.parametrize("held", [None, [NUMBER]], ids=["a new resource", "of a stack that was renamed"])
def test_so_it_is_of_a_resource_in_a_preview(
    held: list[str] | None, keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(keycloak, ANOTHER, owner="mine#s")
    given = {
        "realm": "r",
        "client_id": "api",
        "owner": "mine#s",
        "stack": NAMELESS,
        ALONE: Alone.IN_PROGRAM,
        "held": held,
    }
    provider = StandardTokenExchangeProvider().use(keycloak.connection)

    def told() -> list[str]:
        return [each.reason for each in provider.check({}, dict(given)).failures]

    assert ["made (standard token exchange of client 'api'" in each for each in told()] == ([] if held else [True]), (
        told()
    )
    monkeypatch.setenv(TAKEN_OVER_BY, "mine")  # as `release --adopt` asks what a stack declares
    assert told() == []


def test_what_its_state_holds_is_a_stacks_own_whoever_wrote_it(keycloak: FakeKeycloak) -> None:
    claimed(keycloak, ANOTHER)  # before the stack was renamed
    assert planned({"a": "mine"}, number=NUMBER).asked_for_state == 1
    with pytest.raises(pulumi.RunError):
        planned({"a": "mine"}, number="another")
    there = {"client_uuid": keycloak.uuid("api")}
    planned({"a": "mine#g"}, **there)  # whatever the client's owner has written over the number
    with pytest.raises(pulumi.RunError):
        planned({"a": "another"}, **there)


@pytest.mark.parametrize(
    ("stack", "number"), [("", ""), (NAMELESS, NUMBER)], ids=["an earlier version", "a killed run"]
)
def test_a_stacks_own_marks_are_continued_without_its_state(stack: str, number: str, keycloak: FakeKeycloak) -> None:
    claimed(keycloak, stack, number=number)
    assert planned({}).asked_for_state == 0


def test_another_owners_marks_of_another_stack_are_no_matter(keycloak: FakeKeycloak) -> None:
    claimed(keycloak, ANOTHER, owner="theirs")
    planned({})
