"""What the engine's calls to the package become: names, secrets, unknowns, refusals by field, previews that write nothing."""

import asyncio
import re
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.dynamic import CreateResult, DiffResult, UpdateResult
from pulumi.output import UNKNOWN as UNKNOWN_VALUE
from pulumi.output import Unknown
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto import status_pb2

from kcadmin.rest.connection import Connection, PasswordLogin
from kcadmin.rest.errors import Refusal
from package import config
from package.all_of_realm import AllOfRealm
from package.arguments import faults_of_all, plain_faults
from package.failures import CallFailed, told_as_sentences
from package.resources import Resources
from package.servicer import Servicer
from package.wire import OUTPUT, SECRET, SIGNATURE, UNKNOWN, decoded, encoded
from providers.base.compare import Difference
from providers.base.provider import KeycloakProvider

NAME = "keycloak-token-exchange"
URN = "urn:pulumi:dev::shop::keycloak-token-exchange:index:AudienceMapper::m"
MAPPER = {"realm": "r", "client_id": "web", "included_client": "api"}
T = TypeVar("T")
LOGIN = PasswordLogin("admin", "secret")


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    json_format.ParseDict(dict(values), made)
    return made


def secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE: SECRET, "value": value}


@pytest.fixture
def resources(monkeypatch: pytest.MonkeyPatch) -> Resources:
    """No client is asked for."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///tmp/state")
    monkeypatch.setattr("providers.base.provider.derive_uuids", lambda *_: None)
    monkeypatch.setattr(KeycloakProvider, "_forget", lambda *_: None)
    monkeypatch.setattr(KeycloakProvider, "may_write", lambda *_: False)
    return Resources(Connection("http://localhost", LOGIN), {"owner": "team"})


def in_a_loop(call: Coroutine[Any, Any, T]) -> T:
    """Of its own, while the thread keeps the one that it has."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(call)
    finally:
        loop.close()


class Called:
    """Stands for a provider, and notes what it is asked to do."""

    def __init__(self, **answers: Any) -> None:
        self.asked: list[str] = []
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        def called(*_: Any) -> Any:
            self.asked.append(name)
            if isinstance(self._answers[name], Exception):
                raise self._answers[name]
            return self._answers[name]

        return called


def test_fields_are_named_as_in_our_code() -> None:
    sent = struct({"clientId": "a", "clients": [UNKNOWN, "b"], "roles": [{"clientId": "kept"}], "none": None})
    props, hidden = decoded(sent)
    assert props == {"client_id": "a", "clients": [props["clients"][0], "b"], "roles": [{"clientId": "kept"}]}
    assert isinstance(props["clients"][0], Unknown) and hidden == set()
    assert encoded(props) == struct({"clientId": "a", "clients": [UNKNOWN, "b"], "roles": [{"clientId": "kept"}]})


def test_secrets_stay_secrets() -> None:
    sent = struct({"clientId": secret("a"), "clients": ["x", secret(UNKNOWN)], "name": "n"})
    props, hidden = decoded(sent)
    assert (props["client_id"], props["clients"][0], hidden) == ("a", "x", {"client_id", "clients"})
    assert isinstance(props["clients"][1], Unknown)
    assert encoded(props, hidden) == struct({"clientId": secret("a"), "clients": secret(["x", UNKNOWN]), "name": "n"})
    output = {SIGNATURE: OUTPUT, "value": "v", "secret": True, "dependencies": []}
    assert decoded(struct({"a": output, "b": {SIGNATURE: OUTPUT}}))[1] == {"a"}


def test_a_resource_gets_what_a_program_in_python_gives_it(resources: Resources) -> None:
    answer = resources.check("AudienceMapper", URN, {}, dict(MAPPER))
    assert answer.failures == ()
    assert answer.inputs == {
        **MAPPER,
        "access_token": True,
        "id_token": False,
        "introspection": True,
        "owner": "team#m",
        "stack": answer.inputs["stack"],
    }
    assert answer.inputs["stack"].startswith("organization/shop/dev")


def test_a_refusal_names_its_field(resources: Resources) -> None:
    failures = resources.check("AudienceMapper", URN, {}, {"realm": "r", "included_client": "api"}).failures
    assert failures == ("audience mapper '?' in realm 'r': clientId is not set; give a text.",)
    (text,) = resources.check("AudienceMapper", URN, {}, {**MAPPER, "custom_audience": "client_id"}).failures
    assert "includedClient is 'api' and customAudience is 'client_id'; set exactly one" in text
    (text,) = resources.check("AudienceMapper", URN, {}, {**MAPPER, "client": "x"}).failures
    assert text.startswith("AudienceMapper 'm': client is not one of its inputs, which are realm, ")


def test_without_an_owner_a_command_sets_one(resources: Resources) -> None:
    resources._config = {}
    (text,) = resources.check("AudienceMapper", URN, {}, dict(MAPPER)).failures
    assert "run `pulumi config set keycloak-token-exchange:owner shop-dev-" in text
    assert not resources.check("AudienceMapper", URN, {}, {**MAPPER, "owner": "mine"}).failures
    held = {**MAPPER, "owner": "o'k#m"}  # by a state of before
    (text,) = resources.check("AudienceMapper", URN, held, dict(MAPPER)).failures
    assert (
        "run `pulumi config set keycloak-token-exchange:owner 'o'\"'\"'k'` to keep it, or `pulumi config set " in text
    )


def test_a_backend_with_organizations(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://app.pulumi.com")
    resources._config = {}
    failures = resources.check("AudienceMapper", URN, {}, dict(MAPPER)).failures
    assert ["pulumi config set keycloak-token-exchange:organization" in text for text in failures] == [True]
    resources._config = {"organization": "acme"}
    inputs = resources.check("AudienceMapper", URN, {}, dict(MAPPER)).inputs
    assert (inputs["owner"], inputs["stack"]) == ("acme/shop/dev#m", "acme/shop/dev")


def test_a_state_of_the_other_face_is_written_anew_without_a_request(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.base.face._config", {})
    olds = {**MAPPER, "number": "1", "__provider": "x"}
    same = Called(diff=Difference([], []), update=UpdateResult({}))
    resources.providers["AudienceMapper"] = same  # type: ignore[assignment]
    assert resources.diff("AudienceMapper", "id", olds, dict(MAPPER)).fields == ("__provider",)
    assert resources.update("AudienceMapper", "id", olds, dict(MAPPER)).props == {**MAPPER, "number": "1"}
    assert "update" not in same.asked
    changed = Called(diff=Difference(["name"], []), update=UpdateResult({"name": "n"}))
    resources.providers["AudienceMapper"] = changed  # type: ignore[assignment]
    assert resources.diff("AudienceMapper", "id", olds, dict(MAPPER)).fields == ("name",)
    assert resources.update("AudienceMapper", "id", olds, dict(MAPPER)).props == {"name": "n"}


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (
            Refusal("realm 'r': `pulumi config set url x`."),
            "realm 'r': `pulumi config set keycloak-token-exchange:url x`.",
        ),
        (ValueError("\x1b[31mred"), "ValueError: \\u001b[31mred"),
    ],
)
def test_what_fails_is_a_sentence(
    resources: Resources, problem: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("package.resources.left_behind", lambda *_: None)
    resources.providers["AudienceMapper"] = Called(create=problem)  # type: ignore[assignment]
    with pytest.raises(CallFailed) as failed, told_as_sentences():
        resources.create("AudienceMapper", {})
    assert str(failed.value) == told


class Context:
    async def abort(self, _code: object, text: str) -> None:
        raise AssertionError(text)


def test_a_preview_asks_no_provider_to_write(resources: Resources) -> None:
    servicer = Servicer("")
    asked = resources.providers["AudienceMapper"] = Called(create=CreateResult("id", dict(MAPPER)))  # type: ignore[assignment]
    servicer._resources = resources
    props = encoded(MAPPER)

    async def calls() -> tuple[Any, ...]:
        made = await servicer.Create(messages.CreateRequest(urn=URN, properties=props, preview=True), Context())
        changed = await servicer.Update(
            messages.UpdateRequest(urn=URN, olds=props, news=props, preview=True), Context()
        )
        assert asked.asked == []
        return made, changed, await servicer.Create(messages.CreateRequest(urn=URN, properties=props), Context())

    made, changed, real = in_a_loop(calls())
    assert made.id == "" and made.properties == changed.properties == props
    assert real.id == "id" and asked.asked == ["create"]


def test_a_diff_names_each_field_and_what_becomes_of_it(resources: Resources) -> None:
    servicer = Servicer("")
    found = Difference(["name", "id_token", "custom_audience"], ["name"])
    resources.providers["AudienceMapper"] = Called(diff=found)  # type: ignore[assignment]
    servicer._resources = resources
    olds, news = struct({"name": "a", "idToken": False}), struct({"name": "b", "customAudience": "x"})
    request = messages.DiffRequest(urn=URN, id="id", olds=olds, news=news, old_inputs=olds)
    answer = in_a_loop(servicer.Diff(request, Context()))
    kinds = {key: messages.PropertyDiff.Kind.Name(each.kind) for key, each in answer.detailedDiff.items()}
    assert kinds == {"name": "UPDATE_REPLACE", "idToken": "DELETE", "customAudience": "ADD"}
    assert list(answer.replaces) == ["name"] and answer.deleteBeforeReplace and answer.hasDetailedDiff


def test_no_value_is_shown_beside_a_refusal(resources: Resources) -> None:
    """The engine shows the value of the property that a failure names: hidden from nobody, and as it is."""
    servicer = Servicer("")
    news = struct({"url": "http://localhost", "clientId": "a", "clientSecret": secret("b"), "privateKey": secret("c")})
    urn = "urn:pulumi:dev::shop::pulumi:providers:keycloak-token-exchange::own"
    answer = in_a_loop(servicer.CheckConfig(messages.CheckRequest(urn=urn, news=news), Context()))
    assert answer.failures and not any(each.property for each in answer.failures)
    servicer._resources = resources
    news = struct({"realm": "r", "clientId": "web", "includedClient": "\x1b[2J", "customAudience": "x"})
    answer = in_a_loop(servicer.Check(messages.CheckRequest(urn=URN, news=news), Context()))
    assert answer.failures and not any(each.property or "\x1b" in each.reason for each in answer.failures)


def test_faults_of_the_config_name_their_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEYCLOAK_URL", "KEYCLOAK_ADMIN_PASS"):
        monkeypatch.delenv(name, raising=False)
    given = {"url": "ftp://x", "adminUsername": "a", "adminPassword": "p", "exchange": "fast", "protect": "yes"}
    found = config.faults(given)
    assert [re.search(r"config '(\w+)'", text)[1] for text in found] == ["url", "exchange", "protect"]  # type: ignore[index]
    there = {**given, "url": "http://localhost", "exchange": "auto", "protect": True}
    for urn in ("", "urn:pulumi:dev::shop::pulumi:providers:x::other"):  # of an explicit provider, too
        (text,) = config.faults({**there, "ownr": "x", "version": "0.1.0"}, urn)
        assert "'ownr'" in text and text.endswith("did you mean 'owner'?")
    assert config.faults({"url": UNKNOWN_VALUE}) == []
    (text,) = config.faults({"url": "http://localhost"}, "urn:pulumi:dev::shop::pulumi:providers:x::other")
    assert "'adminPassword'" in text and "OTHER_KEYCLOAK_ADMIN_PASS" in text, text


def test_what_only_a_program_of_this_project_obeys_is_refused() -> None:
    there = {"url": "http://localhost", "adminUsername": "a", "adminPassword": "p"}
    found = config.faults({**there, "resources": "realm", "guards": '["sources"]', "events": "true", "grants": "[]"})
    assert len(found) == 3 and all(
        any(f"'{key}'" in text for text in found) for key in ("resources", "guards", "events")
    )
    assert any("ExchangeGuards of the program" in text for text in found)
    assert config.faults({**there, "resources": "each", "events": "false"}) == []


def test_two_resources_of_one_object(resources: Resources) -> None:
    named = {**MAPPER, "name": "n"}
    assert not resources.check("AudienceMapper", URN, {}, named).failures
    assert not resources.check("AudienceMapper", URN, {}, named).failures  # asked again
    with pytest.raises(CallFailed, match="is declared by the resource 'other', and by 'm'"), told_as_sentences():
        resources.check("AudienceMapper", URN.replace("::m", "::other"), {}, named)


def test_after_a_cancel_nothing_begins(resources: Resources) -> None:
    servicer = Servicer("")
    asked = resources.providers["AudienceMapper"] = Called(create=CreateResult("id", {}))  # type: ignore[assignment]
    servicer._resources = resources

    async def calls() -> None:
        await servicer.Cancel(None, Context())
        with pytest.raises(AssertionError, match="was cancelled"):
            await servicer.Create(messages.CreateRequest(urn=URN, properties=encoded(MAPPER)), Context())

    in_a_loop(calls())
    assert asked.asked == []


def test_what_a_failed_create_has_left_is_kept_in_the_state(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    servicer = Servicer("")
    resources.providers["AudienceMapper"] = Called(create=Refusal("one.", "two."))  # type: ignore[assignment]
    monkeypatch.setattr("package.resources.left_behind", lambda _, props: ("id", {**props, "found": "created"}))
    servicer._resources = resources
    given: list[Any] = []

    class Told(Context):
        async def abort_with_status(self, status: Any) -> None:
            given.append(status)
            raise AssertionError

    async def call() -> None:
        props = struct({**MAPPER, "clientId": secret("web")})
        with pytest.raises(AssertionError):
            await servicer.Create(messages.CreateRequest(urn=URN, properties=props), Told())

    in_a_loop(call())
    ((key, packed),) = given[0].trailing_metadata
    (detail,) = status_pb2.Status.FromString(packed).details
    kept = messages.ErrorResourceInitFailed()
    assert key == "grpc-status-details-bin" and detail.Unpack(kept)
    assert (kept.id, list(kept.reasons)) == ("id", ["one.", "two."])
    props, hidden = decoded(kept.properties)
    assert props["found"] == "created" and len(props["number"]) == 8 and hidden == {"client_id"}


def test_an_explicit_provider_takes_no_secret_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_ADMIN_PASS", "the stack's")
    texts, urn = {"url": "http://localhost", "adminPassword": "its own"}, "urn:pulumi:d::s::pulumi:providers:x::"
    logins = [config.connection(texts, urn + name).login for name in ("default", "default_0_1_0", "eu_1")]
    stack, own = PasswordLogin("admin", "the stack's"), PasswordLogin("admin", "its own")
    assert logins == [stack, stack, own]
    monkeypatch.setenv("EU_1_KEYCLOAK_ADMIN_PASS", "rotated")
    assert config.connection(texts, urn + "eu_1").login == PasswordLogin("admin", "rotated")


def test_a_secret_in_plain_config_is_refused() -> None:
    given = {f"{NAME}:adminPassword": "p", f"{NAME}:url": "u", "shop:adminPassword": "p"}
    (text,) = config.plain_in_stack(given, [])
    assert "run `pulumi config set --secret keycloak-token-exchange:adminPassword`" in text
    assert config.plain_in_stack(given, [f"{NAME}:adminPassword"]) == []


def test_what_a_grant_needs_before_it_names_its_parts_is_plain() -> None:
    grants = {"g": {"sources": ["web", UNKNOWN_VALUE], "target": "api"}, "h": {"sources": ["web"], "target": "api"}}
    of_one = {"sources": [UNKNOWN_VALUE], "flows": ["recipient", UNKNOWN_VALUE], "allow_refresh": UNKNOWN_VALUE}
    assert [*plain_faults("g", of_one)] == [
        "grant 'g': flows[1] is an output or a secret; give a plain value.",
        "grant 'g': allowRefresh is an output or a secret; give a plain value.",
    ]
    (late,) = faults_of_all("all", {"grants": grants, "realm": "r"})
    assert late.startswith(
        "grants 'all': grants.g.sources[1] is an output or a secret; give a plain value, or make that"
    )
    assert [*faults_of_all("all", {"grants": [], "realms": "r"})] == [
        "grants 'all': realms is not one of its inputs, which are grants, realm.",
        "grants 'all': grants is not a map of grants by their names; give each with sources and target.",
    ]


@pytest.mark.parametrize(("changes", "fields"), [(None, ("grants",)), (True, ("grants",)), (False, ())])
def test_what_differs_of_all_grants_of_a_realm(changes: bool | None, fields: tuple[str, ...]) -> None:
    held = AllOfRealm({})
    held._provider = Called(diff=DiffResult(changes=changes))  # type: ignore[assignment]
    found = held.diff("", "r", {"grants": {"g": {"target": "a", "lifespan": 60.0}}}, {"grants": {"g": {"target": "b"}}})
    assert (found.changes, found.fields) == (changes is not False, fields)


def test_a_grant_that_fails_leaves_the_others_in_the_state() -> None:
    held = AllOfRealm({})
    outs = {"realm": "r", "parts": {"TokenLifespan": {"r/web/lifespan": {"seconds": 60}}}, "failed": {"b": ["b: no."]}}
    held._provider = Called(create=CreateResult("r", outs), update=UpdateResult(outs))  # type: ignore[assignment]
    for call in (lambda: held.create("", {}), lambda: held.update("", "r", {}, {})):
        with pytest.raises(CallFailed, match="b: no") as failed:
            call()
        assert failed.value.left == ("r", outs)
