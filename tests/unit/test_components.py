"""What a program registers, by Pulumi's mocks, with a server in memory behind the preflight."""

import asyncio
import functools
import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from inspect import isawaitable
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.settings import ROOT

from components import registration, shared_parts
from components.part_options import for_scope
from components.program import ERROR_ALREADY_SHOWN, end_with_sentences
from components.settings import read_settings
from components.token_exchange_grant import TokenExchangeGrant, register_grants, register_many_grants
from grants.plan import GrantPlan, policy_name
from grants.spec import GrantSpec
from kcadmin.marks.ownership import hash16
from kcadmin.objects.audience_scopes import AudienceScope as ExistingScope
from kcadmin.objects.claims import Claim
from kcadmin.objects.features import SWITCH_CLAIM
from kcadmin.rest.config_secrets import SECRETS
from providers.audience_mapper import AudienceMapper
from providers.audience_scope import AudienceScope
from providers.base import messages
from providers.base.identity import stack_owner
from providers.base.other_providers import this_program
from providers.base.provider import Alone
from providers.base.resource import UsesExisting
from providers.hardcoded_claim_mapper import HardcodedClaimMapper
from providers.management_permissions import ManagementPermissions
from providers.standard_token_exchange import StandardTokenExchange
from providers.token_exchange_permission import TokenExchangePermission
from providers.token_lifespan import TokenLifespan
from tests.support import surveys
from tests.support.fake_server import PASSWORD, URL, FakeKeycloak

OWNER = "acme/keycloak-token-exchange/dev"
MAPPER, SWITCH, MANAGEMENT, POLICY, BINDING, PROOF, SCOPE = (
    f"pulumi-python:dynamic/keycloak:{name}"
    for name in (
        "AudienceMapper",
        "StandardTokenExchange",
        "ManagementPermissions",
        "ClientPolicy",
        "TokenExchangePermission",
        "ExchangeProof",
        "AudienceScope",
    )
)
STACK = "keycloak-token-exchange-dev"
GRANT = "keycloak-token-exchange:index:TokenExchangeGrant"


@dataclass
class Registered:
    """A resource as the engine would hear of it."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    depends_on: set[str]


@dataclass
class Program(Mocks):
    """Stands in for the engine: outputs are the inputs, and an id."""

    resources: dict[str, Registered] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    asked_for_state: int = 0
    _inputs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self._inputs[args.name] = dict(args.inputs)
        return f"id of {args.name}", {key: value for key, value in args.inputs.items() if key != "__provider"}

    def call(self, args: Any) -> tuple[dict[str, Any], list[Any]]:
        assert args.token == "pulumi:pulumi:readStackResourceOutputs", "a dynamic provider offers no invoke"
        self.asked_for_state += 1
        return {"outputs": self.state}, []

    def heard(self, request: Any) -> None:
        """One registration; each URN only once, or the real engine stops."""
        if request.type == "pulumi:pulumi:Stack":
            return
        assert request.name not in self.resources, f"{request.name} was registered twice"
        self.resources[request.name] = Registered(
            request.type,
            request.name,
            self._inputs[request.name],
            short(request.parent),
            {short(urn) for urn in request.dependencies},
        )

    def names(self, type_: str) -> list[str]:
        """The names of a type."""
        return sorted(name for name, each in self.resources.items() if each.type == type_)

    def run(self, program: Callable[[], Any]) -> Any:
        """What a program gives, once all of it is registered."""
        found: list[Any] = []

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        async def inner() -> None:
            given = program()
            found.append(await given if isawaitable(given) else given)

        inner()
        return found[0]


class Monitor(MockMonitor):
    """Mocks are not told parents and dependencies; the monitor is."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        self.mocks.heard(request)  # type: ignore[attr-defined]
        return answer


def short(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", frontend={}, mobile={}, api={}, gateway={}, billing={})
    return server


@pytest.fixture
def program(keycloak: FakeKeycloak) -> Program:
    made = Program()

    class Says(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno > logging.DEBUG:
                made.said.append(f"{record.levelname}: {record.getMessage()}")

    logger = logging.Logger("mocks")
    logger.addHandler(Says())
    ROOT.set(None)  # a new program has a new root
    pulumi.runtime.set_mocks(
        made,
        project="keycloak-token-exchange",
        stack="dev",
        organization="acme",
        preview=False,
        monitor=Monitor(made),
        logger=logger,
    )
    this_program(starts=True)
    configure(url=keycloak.url, adminPassword=PASSWORD, realm="r", grants="[]")
    return made


def configure(**values: str) -> None:
    """A stack's config, its login's secrets set as secrets."""
    keys = {key: f"keycloak-token-exchange:{key}" for key in values}
    secret = [keys[key] for key in SECRETS if key in keys]
    pulumi.runtime.set_all_config({keys[key]: value for key, value in values.items()}, secret)


def grant(name: str = "g", **changes: Any) -> GrantSpec:
    given = {"sources": ("frontend",), "target": "api", "realm": "r", "owner": OWNER, **changes}
    if "requester" not in given:
        given.setdefault("flows", ("recipient",))
    return GrantSpec(name, **given)


def register(program: Program, keycloak: FakeKeycloak, *specs: GrantSpec) -> dict[str, Any]:
    return dict(program.run(lambda: register_grants(specs, keycloak.connection)))


def test_register_grants_is_for_a_resource_each(program: Program, keycloak: FakeKeycloak) -> None:
    configure(url=keycloak.url, adminPassword=PASSWORD, realm="r", resources="realm")
    with pytest.raises(
        pulumi.RunError, match="is realm, which register_grants does not do; await register_many_grants"
    ):
        register(program, keycloak, grant())
    assert program.resources == {}


def register_many(program: Program, keycloak: FakeKeycloak, *specs: GrantSpec) -> dict[str, Any]:
    return dict(program.run(lambda: register_many_grants(specs, keycloak.connection)))


# What is registered


@pytest.mark.parametrize("elsewhere", [False, True], ids=["the stack's", "another"])
def test_a_scope_keeps_its_name_under_a_new_owner_in_each_keycloak(
    program: Program, keycloak: FakeKeycloak, elsewhere: bool
) -> None:
    connection, name = replace(keycloak.connection, name="second" if elsewhere else ""), "g-api-0123abcd"
    keycloak.change("frontend", optionalClientScopes=[name])
    place = f"{'second/' if elsewhere else ''}r/api/g/scope"
    made = {"name": name, "realm": "r", "owner": "former#g", "number": "0000000a"}
    there = {"connection": {"name": "second", "url": connection.url}} if elsewhere else {}
    program.state = {f"urn:pulumi:dev::p::{SCOPE}::{place}": {"type": SCOPE, "outputs": {**made, **there}}}
    asks = grant(flows=("requester",), audience="optionalScope")
    program.run(lambda: register_grants([asks], connection))
    assert program.resources[place].inputs["name"] == name


def test_a_standard_grant(program: Program, keycloak: FakeKeycloak) -> None:
    register(program, keycloak, grant())
    assert program.names(MAPPER) == ["r/api/audience-api", "r/frontend/audience-api"]
    assert program.names(SWITCH) == ["r/api/standard-exchange"] and program.names(GRANT) == ["g"]
    assert len(program.resources) == 4
    assert {each.parent for each in program.resources.values()} == {STACK}
    assert program.resources["r/api/standard-exchange"].depends_on == {"r/frontend/audience-api", "r/api/audience-api"}


@pytest.fixture
def ten_grants(keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch) -> list[GrantSpec]:
    """Of forty resources, of which two may wait for the engine."""
    monkeypatch.setattr(registration, "UNANSWERED", 2)
    keycloak.add_realm("many", **{f"c{number}": {} for number in range(20)})
    return [
        grant(f"g{number}", realm="many", sources=(f"c{number}",), target=f"c{number + 10}") for number in range(10)
    ]


def resources_ahead(program: Program, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The most resources that the program has begun and the engine has not heard of, as it runs."""
    begun, most = [0], [0]
    begin = pulumi.Resource.__init__

    def counted(*arguments: Any, **named: Any) -> None:
        begun[0] += 1
        most[0] = max(most[0], begun[0] - len(program.resources))
        begin(*arguments, **named)

    monkeypatch.setattr(pulumi.Resource, "__init__", counted)
    return most


def test_few_resources_wait_for_the_engine_at_a_time(
    program: Program, keycloak: FakeKeycloak, ten_grants: list[GrantSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    most = resources_ahead(program, monkeypatch)
    described = register_many(program, keycloak, *ten_grants)
    assert len(program.resources) == 40 and described["g3"]["sources"] == ["c3"] and len(described) == 10
    assert 2 < most[0] <= 4


def test_warnings_of_many_grants_that_are_as_before_are_one_sentence(
    program: Program, keycloak: FakeKeycloak, ten_grants: list[GrantSpec]
) -> None:
    legacy = [replace(each, exchange="legacy", flows=("requester",)) for each in ten_grants]
    described = register(program, keycloak, *legacy)
    told = [each for each in program.said if "may exchange any client's token" in each]
    assert len(told) == len(legacy), "new ones are told each"
    program.said.clear()
    program.resources.clear()
    program.state = {
        f"urn:pulumi:dev::p::{GRANT}::{name}": {"type": GRANT, "outputs": each} for name, each in described.items()
    }
    ROOT.set(None)  # another run
    register(program, keycloak, *legacy[:9], replace(legacy[9], token_lifespan=60))
    told = [each for each in program.said if "may exchange any client's token" in each]
    assert [each.partition(": with")[0] for each in told] == [
        "WARNING: grants 'g0', 'g1', 'g2' and 6 more in realm 'many'",
        "WARNING: grant 'g9' in realm 'many'",
    ]


def test_nothing_more_is_registered_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "UNANSWERED", 2)
    begun: list[int] = []
    debug = pulumi.log.debug

    async def answer(number: int) -> None:
        if number == 3:
            raise RuntimeError("no room")

    def resources() -> Iterator[Any]:
        for number in range(10):
            begun.append(number)
            yield SimpleNamespace(urn=SimpleNamespace(future=functools.partial(answer, number)))

    loop = asyncio.new_event_loop()
    with closing(loop), pytest.raises(RuntimeError, match="no room"):
        loop.run_until_complete(registration.register_in_turn(resources()))
    assert begun == [0, 1, 2, 3, 4, 5] and pulumi.log.debug is debug


def test_the_engine_is_told_no_debug_message_a_resource(
    program: Program, keycloak: FakeKeycloak, ten_grants: list[GrantSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "debug", told.append)
    register_many(program, keycloak, *ten_grants)
    assert len(told) < len(program.resources) == 40
    pulumi.log.debug("after it")
    assert told[-1] == "after it"


def test_proofs_wait_for_the_engine_like_all_else(
    program: Program, keycloak: FakeKeycloak, ten_grants: list[GrantSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    most = resources_ahead(program, monkeypatch)
    register_many(program, keycloak, *(replace(each, prove=True) for each in ten_grants))
    assert len(program.resources) == 50 and len(program.names(PROOF)) == 10
    assert 2 < most[0] <= 6


def test_what_each_resource_is_given(program: Program, keycloak: FakeKeycloak) -> None:
    register(program, keycloak, grant(flows=("requester",), allow_refresh=True, on_remove="revoke"))
    mapper, switch = (
        dict(program.resources[name].inputs) for name in ("r/frontend/audience-api", "r/frontend/standard-exchange")
    )
    common = {
        "realm": "r",
        "client_id": "frontend",
        "client_uuid": keycloak.uuid("frontend"),
        "owner": OWNER,
        "stack": OWNER,
        "on_remove": "revoke",
    }
    for inputs in (mapper, switch):
        assert len(inputs.pop("__provider")) < 200
    assert mapper == {**common, "included_client": "api", "exchange": "standard", "alone": Alone.IN_GRANT}
    assert switch == {**common, "allow_refresh": True}


def test_a_legacy_grant(program: Program, keycloak: FakeKeycloak) -> None:
    spec = grant(exchange="legacy", flows=("recipient", "requester"))
    register(program, keycloak, spec)
    assert program.names(SWITCH) == [] and program.names(MANAGEMENT) == ["r/api/management-permissions"]
    policy, binding = program.resources["r/api/g-requesters"], program.resources["r/api/g-permission"]
    assert (policy.parent, binding.parent) == ("g", "g")
    assert policy.inputs["name"] == policy_name(spec) and policy.inputs["resource_server"] == "realm-management"
    assert policy.inputs["clients"] == ["frontend"] and policy.inputs["client_uuids"] == [keycloak.uuid("frontend")]
    assert policy.inputs["owner"] == binding.inputs["owner"] == f"{OWNER}#g"
    assert binding.inputs["policies"] == ["id of r/api/g-requesters"]
    assert policy.depends_on == {"r/api/management-permissions"} and binding.depends_on == {"r/api/g-requesters"}
    assert program.resources["r/api/management-permissions"].inputs["owner"] == OWNER
    assert {program.resources[name].inputs["exchange"] for name in program.names(MAPPER)} == {"legacy"}


def test_in_master_the_permissions_are_master_realms(program: Program, keycloak: FakeKeycloak) -> None:
    for name in ("master-realm", "frontend", "api"):
        keycloak.add_client("master", name)
    register(program, keycloak, grant(realm="master", exchange="legacy", flows=("requester",)))
    assert program.resources["master/api/g-requesters"].inputs["resource_server"] == "master-realm"


def test_what_grants_share_is_registered_once(program: Program, keycloak: FakeKeycloak) -> None:
    register(
        program,
        keycloak,
        grant("a"),
        grant("b", sources=("mobile",)),
        grant("c", flows=("requester",)),
        grant("d", sources=("frontend", "mobile")),
    )
    assert program.names(SWITCH) == ["r/api/standard-exchange", "r/frontend/standard-exchange"]
    assert program.names(MAPPER) == ["r/api/audience-api", "r/frontend/audience-api", "r/mobile/audience-api"]
    assert program.names(GRANT) == ["a", "b", "c", "d"]
    assert {each.parent for each in program.resources.values()} == {STACK}, (
        "shared parts are the stack's, not a grant's"
    )


def test_shared_permissions_are_registered_once_and_policies_by_grant(program: Program, keycloak: FakeKeycloak) -> None:
    legacy = {"exchange": "legacy", "flows": ("requester",)}
    register(program, keycloak, grant("a", **legacy), grant("b", sources=("mobile",), **legacy))
    assert len(program.names(MANAGEMENT)) == 1 and len(program.names(POLICY)) == len(program.names(BINDING)) == 2
    assert {program.resources[name].parent for name in program.names(POLICY)} == {"a", "b"}


def test_all_mappers_come_before_switches_which_wait_for_those_of_every_grant(
    program: Program, keycloak: FakeKeycloak
) -> None:
    register(
        program,
        keycloak,
        grant("a"),
        grant("b", sources=("mobile",)),
        grant("c", sources=("api",), target="billing", flows=("requester",)),
    )
    order = [each.type for each in program.resources.values() if each.type in (MAPPER, SWITCH)]
    assert order == sorted(order, key=[MAPPER, SWITCH].index)
    assert program.resources["r/api/standard-exchange"].depends_on == {
        "r/frontend/audience-api",
        "r/api/audience-api",
        "r/mobile/audience-api",
        "r/api/audience-billing",
    }


def test_a_switch_that_is_not_ours_to_manage_is_not_registered(program: Program, keycloak: FakeKeycloak) -> None:
    keycloak.change("api", attributes={"standard.token.exchange.enabled": "true"})
    register(program, keycloak, grant(manage_switch=False))
    assert program.names(SWITCH) == [] and len(program.names(MAPPER)) == 2


def test_removing_a_grant_touches_no_other(program: Program, keycloak: FakeKeycloak) -> None:
    def inputs(*specs: GrantSpec) -> dict[str, Any]:
        program.resources.clear()
        shared_parts._programs.clear()
        register(program, keycloak, *specs)
        return {name: (each.type, each.inputs, each.parent) for name, each in program.resources.items()}

    one, other = grant("a"), grant("b", sources=("mobile",))
    both, alone = inputs(one, other), inputs(other)
    assert {name: both[name] for name in alone} == alone and len(both) > len(alone)


def test_a_proof_a_flow_that_waits_for_the_whole_grant(program: Program, keycloak: FakeKeycloak) -> None:
    register(program, keycloak, grant(prove=True, flows=("recipient", "requester")))
    assert program.names(PROOF) == ["r/g/proof-recipient-frontend", "r/g/proof-requester-frontend"]
    parts = {*program.names(MAPPER), *program.names(SWITCH)}
    for name in program.names(PROOF):
        assert program.resources[name].depends_on >= parts and program.resources[name].parent == "g"
        assert program.resources[name].inputs["parts"] == [
            f"id of {part}"
            for part in (
                "r/frontend/audience-api",
                "r/api/audience-api",
                "r/api/standard-exchange",
                "r/frontend/standard-exchange",
            )
        ]
    assert program.resources["r/g/proof-requester-frontend"].inputs["audience"] == "api"
    assert "audience" not in program.resources["r/g/proof-recipient-frontend"].inputs


def test_no_input_holds_a_secret(program: Program, keycloak: FakeKeycloak) -> None:
    register(
        program,
        keycloak,
        grant(prove=True, flows=("recipient", "requester")),
        grant("l", exchange="legacy", sources=("mobile",), target="billing", flows=("requester",)),
    )
    assert PASSWORD not in json.dumps([each.inputs for each in program.resources.values()]) + "".join(program.said)


# What it gives and says


@pytest.mark.parametrize(
    ("changes", "flows"),
    [
        ({}, [("recipient", "api", None)]),
        ({"flows": ("requester", "recipient")}, [("recipient", "api", None), ("requester", "frontend", "api")]),
        (
            {"sources": ("frontend", "mobile"), "flows": ("recipient", "requester")},
            [("recipient", "api", None), ("requester", "frontend", "api"), ("requester", "mobile", "api")],
        ),
        ({"requester": "gateway", "sources": ("frontend", "mobile")}, [("requester", "gateway", "api")]),
    ],
    ids=str,
)
def test_the_shape_of_the_export(
    program: Program, keycloak: FakeKeycloak, changes: dict[str, Any], flows: list[Any]
) -> None:
    spec = grant(**changes)
    found = register(program, keycloak, spec)
    options = {"flows": list(spec.flows), "requester": spec.requester}
    assert found == {
        "g": {
            "realm": "r",
            "sources": list(spec.sources),
            "target": "api",
            "exchange": "standard",
            "flows": [
                {"flow": flow, "requester": requester, "audience": audience, "requestScope": None}
                for flow, requester, audience in flows
            ],
            "clients": {name: keycloak.uuid(name) for _, name in sorted(spec.clients())},
            "options": {key: value for key, value in options.items() if value},
        }
    }
    assert json.loads(json.dumps(found)) == found


def test_a_map_by_name(program: Program, keycloak: FakeKeycloak) -> None:
    assert list(register(program, keycloak, grant("b"), grant("a", sources=("mobile",)))) == ["b", "a"]
    assert register(program, keycloak) == {}


def test_each_note(program: Program, keycloak: FakeKeycloak) -> None:
    keycloak.change("frontend", standardFlowEnabled=False)
    register(program, keycloak, grant("a"), grant("b", sources=("api",), target="billing", flows=("requester",)))
    assert any(
        line.startswith("WARNING: grant 'a' in realm 'r': source 'frontend' has neither") for line in program.said
    )
    assert any(line.startswith("INFO: implied by grants 'a' and 'b'") for line in program.said)


def test_one_login_and_one_read_of_each_client(program: Program, keycloak: FakeKeycloak) -> None:
    register(program, keycloak, grant("a", exchange="standard"), grant("b", sources=("mobile",), exchange="standard"))
    assert len(keycloak.logins()) == 1
    assert len([each for each in keycloak.asked("^GET .*/clients$") if each.query.get("clientId") == "api"]) == 1
    assert [each for each in keycloak.requests if each.method not in ("GET", "POST")] == []


@pytest.mark.parametrize("lacking", [None, "frontend", "api"])
def test_what_was_not_opened_before_is_read_and_nothing_else(
    program: Program, keycloak: FakeKeycloak, lacking: str | None
) -> None:
    claim = Claim("another", SWITCH_CLAIM, {}, {})
    keycloak.change("api", attributes={"standard.token.exchange.enabled": "true", claim.key: claim.text()})
    for client in {"frontend", "api"} - {lacking}:
        keycloak.change(client, protocolMappers=[surveys.mapper("api")])
    register(program, keycloak, grant(exchange="standard"))
    asked = [each.path.removeprefix("/admin/realms/r/") for each in keycloak.asked("^GET /admin")]
    if lacking is None:
        assert asked == ["clients", "clients", "client-policies/policies"]  # each by its name; our claim is written
    else:
        assert (
            asked.count("/admin/serverinfo") == 1 and "client-scopes" in asked and "client-policies/policies" in asked
        )
    assert any(line.startswith("INFO: implied") for line in program.said) is False


def test_no_grants_ask_nothing(program: Program, keycloak: FakeKeycloak) -> None:
    register(program, keycloak)
    assert keycloak.requests == []


# Refusals, before anything is registered


def test_all_faults_before_anything_is_registered(program: Program, keycloak: FakeKeycloak) -> None:
    keycloak.change("api", enabled=False)
    with pytest.raises(pulumi.RunError) as caught:
        register(program, keycloak, grant("a"), grant("b", target="nobody", sources=("mobile",)))
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        "grant 'a' in realm 'r'",
        "grant 'b' in realm 'r'",
    ]
    assert program.resources == {} and caught.value.__suppress_context__


def test_a_server_that_does_not_answer_is_one_sentence(
    program: Program, keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    keycloak.interfere(*[OSError("down")] * 9)
    with pytest.raises(pulumi.RunError, match=rf"^Keycloak at '{URL}': no answer .*\.$"):
        register(program, keycloak, grant())
    assert program.resources == {}


def test_a_grant_stays_legacy_where_our_policy_is(program: Program, keycloak: FakeKeycloak) -> None:
    spec = grant(flows=("requester",))
    keycloak._servers[keycloak.uuid("realm-management")]["policies"]["p"] = {
        "id": "p",
        "type": "client",
        "name": policy_name(spec),
        "description": f"x [pulumi:{hash16(f'{OWNER}#g')}]",
    }
    assert register(program, keycloak, spec)["g"]["exchange"] == "legacy"
    assert any(
        line.startswith("WARNING: grant 'g' in realm 'r': stays on the legacy exchange") for line in program.said
    )


# One grant alone


def test_a_grant_alone_plans_itself_from_the_stacks_config(program: Program, keycloak: FakeKeycloak) -> None:
    found = program.run(lambda: TokenExchangeGrant("g", sources=["frontend"], target="api").description)
    assert found["exchange"] == "standard" and found["realm"] == "r"
    assert program.names(MAPPER) == ["r/api/audience-api", "r/frontend/audience-api"]
    assert program.resources["r/api/standard-exchange"].inputs["owner"] == OWNER == stack_owner()


def test_two_grants_alone_share_too(program: Program, keycloak: FakeKeycloak) -> None:
    def both() -> None:
        TokenExchangeGrant("a", sources=["frontend"], target="api")
        TokenExchangeGrant("b", sources=["mobile"], target="api", owner="another")

    program.run(both)
    assert program.names(SWITCH) == ["r/api/standard-exchange"] and len(program.names(MAPPER)) == 3
    assert len(keycloak.logins()) == 1


def test_what_waits_for_a_grant_waits_for_what_it_shares(program: Program, keycloak: FakeKeycloak) -> None:
    """And the grant's shared parts wait for what the grant waits for."""

    def after() -> None:
        first = TokenLifespan("first", realm="r", client_id="billing", seconds=60)
        ahead = pulumi.ResourceOptions(depends_on=[first])
        grant = TokenExchangeGrant("a", sources=["frontend"], target="api", opts=ahead)
        TokenLifespan(
            "last", realm="r", client_id="gateway", seconds=60, opts=pulumi.ResourceOptions(depends_on=[grant])
        )
        TokenExchangeGrant("b", sources=["mobile"], target="api")

    program.run(after)
    shared = {"r/api/audience-api", "r/frontend/audience-api", "r/api/standard-exchange"}
    assert program.resources["last"].depends_on == shared
    assert all("first" in program.resources[name].depends_on for name in shared)


def test_an_option_that_comes_too_late_for_what_is_shared(program: Program, keycloak: FakeKeycloak) -> None:
    def both() -> None:
        TokenExchangeGrant("a", sources=["frontend"], target="api")
        TokenExchangeGrant("b", sources=["mobile"], target="api", protect=True)

    with pytest.raises(
        pulumi.RunError, match=r"grant 'b' in realm 'r': protect does not reach AudienceMapper 'r/api/a"
    ):
        program.run(both)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sources": [], "target": "api"}, "sources is empty"),
        ({"sources": ["frontend"], "target": ""}, "target has 0 characters"),
        ({"sources": ["frontend"], "target": "api", "flows": ["x"]}, "flows holds 'x'"),
        ({"sources": ["frontend"], "target": "nobody"}, "client 'nobody' does not exist"),
    ],
    ids=str,
)
def test_a_grant_alone_is_refused_before_it_is_registered(
    program: Program, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        program.run(lambda: TokenExchangeGrant("g", **arguments))
    assert program.resources == {}


# Around it


def test_a_resource_alone_is_owned_by_the_stack_and_its_name(program: Program) -> None:
    program.run(lambda: StandardTokenExchange("mine", realm="r", client_id="api"))
    assert program.resources["mine"].inputs["owner"] == f"{OWNER}#mine"
    assert set(program.resources["mine"].inputs) == {"realm", "client_id", "owner", "stack", "alone", "__provider"}


def test_a_process_that_ran_another_program_takes_others_to_be_there(program: Program) -> None:
    """As with the Automation API: nobody has told of what the program made before the first of ours."""
    ROOT.set(None)
    pulumi.runtime.set_mocks(program, stack="dev", monitor=Monitor(program))
    program.run(lambda: StandardTokenExchange("mine", realm="r", client_id="api"))
    assert program.resources["mine"].inputs["beside_others"] is True


def test_the_programs_own_tracebacks_stay_whole(program: Program) -> None:
    before = getattr(sys, "tracebacklimit", None)
    program.run(lambda: StandardTokenExchange("mine", realm="r", client_id="api"))
    assert getattr(sys, "tracebacklimit", None) == before


def test_settings_of_the_selected_stack(program: Program) -> None:
    assert read_settings().connection.url == URL and read_settings().defaults["owner"] == OWNER
    configure(url=URL, adminPassword=PASSWORD, realm="r", grants="[]", insecureTls="true")
    read_settings()
    assert any(line.startswith("WARNING: insecureTls is true") for line in program.said)
    configure(url="", realm="r")
    with pytest.raises(pulumi.RunError) as caught:
        read_settings()
    assert len(str(caught.value).splitlines()) == 3


def test_a_program_ends_in_sentences(program: Program) -> None:
    with pytest.raises(SystemExit) as caught, end_with_sentences():
        raise pulumi.RunError("one; mend it.\ntwo; mend it.")
    assert caught.value.code == ERROR_ALREADY_SHOWN == 32
    assert program.said == ["ERROR: one; mend it.", "ERROR: two; mend it."]
    with pytest.raises(Exception, match=r"^$") as ours, end_with_sentences():
        raise KeyError("a\nerror: fake\x1b <{%reset%}>")
    assert "".join(traceback.format_exception_only(ours.value)) == (
        "KeyError: 'a\\nerror: fake\\x1b \\u003c{%reset%}>'\n"
    )
    assert ours.traceback[-1].name == "test_a_program_ends_in_sentences"


def test_a_fault_is_one_line_whatever_it_holds(program: Program) -> None:
    with pytest.raises(SystemExit), end_with_sentences():
        raise messages.program_error(["one\nerror: fake\u2028\x85\x1b[2K; mend it.", "two <{%reset%}>; mend it."])
    assert program.said == [
        "ERROR: one\\nerror: fake\\u2028\\u0085\\u001b[2K; mend it.",
        "ERROR: two \\u003c{%reset%}>; mend it.",
    ]


def test_what_a_resource_declares_can_be_read_and_is_no_input(program: Program) -> None:
    def resources() -> list[str]:
        policies = ["11111111-2222-3333-4444-555555555555"]
        permissions = ManagementPermissions("m", realm="r", client_id="api")
        switch = StandardTokenExchange("s", realm="r", client_id="api")
        binding = TokenExchangePermission("b", realm="r", client_id="api", client_uuid="u", policies=policies)
        outputs = [
            *(permissions.client_uuid, permissions.enabled, permissions.token_exchange_permission),
            *(switch.client_uuid, switch.enabled, binding.permission),
        ]
        return [type(each).__name__ for each in outputs]

    assert program.run(resources) == ["Output"] * 6
    assert set(program.resources["m"].inputs) == {"__provider", "realm", "client_id", "owner", "stack", "alone"}


def test_an_unmanaged_scope_serves_grants_of_one_program(program: Program) -> None:
    def several() -> None:
        for grant in ("a", "b"):
            AudienceScope(grant, realm="r", name="x", included_client="api", opts=UsesExisting())
        with pytest.raises(pulumi.RunError, match="is declared by the resource 'd', and by 'c'"):
            for alone in ("c", "d"):
                AudienceScope(alone, realm="r", name="x", included_client="api")

    program.run(several)


UNMANAGED = ExistingScope("x", "", "api", (), in_token_scope=False)


@pytest.mark.parametrize(
    ("scope", "shared"), [(None, False), (UNMANAGED, True), (replace(UNMANAGED, mark="theirs"), False)]
)
def test_a_scope_is_shared_where_it_exists_and_nobody_manages_it(scope: ExistingScope | None, shared: bool) -> None:
    options = for_scope(cast(GrantPlan, SimpleNamespace(scope=scope)), pulumi.ResourceOptions(protect=True))
    assert isinstance(options, UsesExisting) == shared and options.protect


def test_two_resources_of_one_object_are_refused(program: Program) -> None:
    """The mappers of a client share their names, whatever their types. Another client, another name: another object."""

    def one(resource: str, client: str = "frontend", name: str = "x") -> None:
        AudienceMapper(resource, realm="r", client_id=client, name=name, included_client="api")

    def several() -> None:
        one("a")
        one("b", client="api")
        one("c", name="y")
        with pytest.raises(pulumi.RunError) as caught:
            one("d")
        assert str(caught.value) == (
            "audience mapper 'x' in realm 'r': is declared by the resource 'd', and by 'a' as audience mapper; give one of them "
            "another name, or remove it."
        )
        with pytest.raises(pulumi.RunError, match=r"hardcoded claim mapper 'x' .*, and by 'a' as audience mapper"):
            HardcodedClaimMapper("a", realm="r", client_id="frontend", name="x", claim_name="c", claim_value="v")

    program.run(several)
