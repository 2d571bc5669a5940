"""What all providers share: check, diff, read and delete, with unknowns, floats and the wrong server."""

import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from pulumi.dynamic import ConfigureRequest
from pulumi.dynamic.config import Config
from pulumi.output import UNKNOWN

from kcadmin.marks.ownership import DESCRIPTION_LIMIT, MARK_LENGTH
from kcadmin.objects.realm import Realm
from kcadmin.rest.connection import PasswordLogin
from kcadmin.rest.errors import KeycloakError, NotFound, Refusal
from providers.audience_mapper import AudienceMapperProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.authorization_services import AuthorizationServicesProvider
from providers.base.held import LOST
from providers.base.props import ClientProps, Outputs, outputs
from providers.base.provider import ALONE, Alone, KeycloakProvider, Props
from providers.base.uuids import is_known
from providers.client_policy import ClientPolicyProvider
from providers.scope_permission import ScopePermissionProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.token_exchange_permission import TokenExchangePermissionProvider
from tests.support.engine import Engine, Refused, forget
from tests.support.fake_server import Answer, FakeKeycloak
from tests.support.resources import RESOURCES

CLIENT = {"realm": "r", "client_id": "api"}
LEAST = {provider: each.least for provider, each in RESOURCES.items() if each.least is not None}
ALL = [pytest.param(provider, id=provider.__name__) for provider in LEAST]


def spelled(each: Any) -> str:
    """A parameter's name in a test's id, the same in every process."""
    return getattr(each, "__name__", None) or re.sub(r"<[^>]*Unknown[^>]*>", "unknown", str(each))[:60]


@dataclass(frozen=True, kw_only=True)
class ThingProps(ClientProps):
    name: str | None = None
    tags: tuple[str, ...] | None = None
    seconds: int = 60
    kind: str | None = None

    @property
    def own(self) -> Outputs:
        tags = None if self.tags is None else list(self.tags)
        return outputs(name=self.name, tags=tags, seconds=self.seconds, kind=self.kind)


class Thing(KeycloakProvider):
    """An object kept in this class, in the place of a server's."""

    OBJECT = "thing"
    PROPS = ThingProps
    CONSTANT = {"enabled": True}
    FREE_WHEN_UNSET = ("name",)
    CHOICES = {"kind": ("a", "b")}
    things: ClassVar[dict[str, Props]] = {}
    removed: ClassVar[list[str]] = []

    def create_in(self, realm: Realm, props: ThingProps) -> tuple[str, Outputs]:
        Thing.things["1"] = {"enabled": True, **props.own}
        return "1", outputs(found="created")

    def change(self, realm: Realm, id_: str, olds: ThingProps, news: ThingProps) -> Outputs:
        Thing.things[id_].update(news.own)
        return {}

    def fetch(self, realm: Realm, id_: str, props: ThingProps) -> Outputs | None:
        return Thing.things.get(id_)

    def remove(self, realm: Realm, id_: str, props: ThingProps) -> None:
        Thing.things.pop(id_, None)
        Thing.removed.append(id_)


@pytest.fixture(autouse=True)
def no_things() -> Iterator[None]:
    Thing.things.clear()
    Thing.removed.clear()
    yield


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api={}, frontend={})
    return server


@pytest.fixture
def engine(keycloak: FakeKeycloak) -> Engine:
    return Engine(Thing, keycloak.connection)


def check(keycloak: FakeKeycloak, provider: type[KeycloakProvider], props: Props, olds: Props | None = None) -> Props:
    checked = provider().use(keycloak.connection).check(olds or {}, props)
    assert not checked.failures, [failure.reason for failure in checked.failures]
    return dict(checked.inputs)


def refusals(keycloak: FakeKeycloak, provider: type[KeycloakProvider], props: Props) -> list[str]:
    failures = provider().use(keycloak.connection).check({}, props).failures
    for failure in failures:
        assert failure.property == "", "else Pulumi prints the value, a secret one too"
        assert failure.reason.endswith(".") and "; " in failure.reason and "\n" not in failure.reason
        assert failure.reason.startswith(f"{provider.OBJECT} '") and " in realm '" in failure.reason
    return [failure.reason for failure in failures]


# Configure


def test_configure_stores_and_does_not_ask(keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    provider = Thing()
    provider.configure(ConfigureRequest(Config({"p:url": keycloak.url, "p:adminPassword": "pw"}, "p")))
    assert provider._connection.url == keycloak.url and provider._connection.login == PasswordLogin("admin", "pw")
    assert keycloak.requests == [] and sys.tracebacklimit == 0


@pytest.mark.parametrize("call", ["configure", "check", "diff", "create", "update", "read", "delete"])
def test_pulumi_shows_an_error_as_its_sentence_alone(
    keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    provider, config = Thing(), {"p:url": keycloak.url, "p:adminPassword": "pw"} if call != "configure" else {}
    wrong = "thing 'x' in realm 'r': is wrong; mend it."

    def refuse(*_: object) -> None:
        raise Refusal(wrong)

    monkeypatch.setattr(Thing, call, refuse) if call != "configure" else None
    try:
        provider.configure(ConfigureRequest(Config(config, "p")))
        if call == "configure":  # a program whose resources all have connections of their own needs no other
            provider.check({}, {"realm": "r"})
        getattr(provider, call)("1", {}, {})
    except Exception:
        told = traceback.format_exc()  # what pulumi.dynamic hands to the engine
    if call == "configure":
        assert [line.split(":")[0] for line in told.splitlines()] == ["config 'url'", "config 'adminPassword'"]
    else:
        assert told == f"{wrong}\n"


# Check


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ({}, {"seconds": 60, "enabled": True}),
        ({"seconds": 5.0, "on_remove": "revoke"}, {"seconds": 5.0, "on_remove": "revoke", "enabled": True}),
        ({"on_remove": "restore"}, {"seconds": 60, "enabled": True}),
        ({"seconds": None, "name": None, "__provider": "x"}, {"seconds": 60, "enabled": True}),
        ({"tags": ["b", "a", "b"]}, {"tags": ["a", "b"], "seconds": 60, "enabled": True}),
        ({"tags": []}, {"tags": [], "seconds": 60, "enabled": True}),
    ],
    ids=spelled,
)
def test_check_fills_in(keycloak: FakeKeycloak, given: Props, added: Props) -> None:
    assert check(keycloak, Thing, {**CLIENT, **given}) == {**CLIENT, "client_uuid": keycloak.uuid("api"), **added}


@pytest.mark.parametrize("provider", ALL)
def test_check_of_its_own_answer_changes_nothing(keycloak: FakeKeycloak, provider: type[KeycloakProvider]) -> None:
    once = check(keycloak, provider, {**LEAST[provider], "owner": "o"})
    assert check(keycloak, provider, dict(once)) == once
    assert check(keycloak, provider, {**LEAST[provider], "owner": "o"}, once) == once


def test_uuids_come_from_the_last_inputs_without_asking(keycloak: FakeKeycloak) -> None:
    olds = {**CLIENT, "client_uuid": "known"}
    assert check(keycloak, Thing, dict(CLIENT), olds)["client_uuid"] == "known" and keycloak.requests == []
    assert check(keycloak, Thing, {**CLIENT, "client_id": "frontend"}, olds)["client_uuid"] == keycloak.uuid("frontend")
    assert check(keycloak, Thing, {**CLIENT, "client_uuid": "given"})["client_uuid"] == "given"


def test_a_client_that_is_not_there_yet_is_looked_up_at_create(keycloak: FakeKeycloak, engine: Engine) -> None:
    args = {**CLIENT, "client_id": "later"}
    assert "client_uuid" not in check(keycloak, Thing, args)
    with pytest.raises(Refusal, match=r"^client 'later' in realm 'r': does not exist; .* client_id of this thing\.$"):
        engine.up(**args)
    keycloak.add_client("r", "later")
    assert engine.up(**args) == "create" and engine.outputs["client_uuid"] == keycloak.uuid("later")
    assert engine.up(**args) == "same"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "c"}, "kind is 'c'; choose one of a, b."),
        ({"on_remove": "keep"}, "on_remove is 'keep'; choose one of restore, revoke."),
        ({"name": ""}, "name has 0 characters; give it 1 to 255."),
        ({"name": " "}, "name has 1 characters; give it 1 to 255."),
        ({"name": "n" * 256}, "name has 256 characters; give it 1 to 255."),
        ({"realm": ""}, "realm has 0 characters; give it 1 to 255."),
        ({"client_id": ""}, "client_id has 0 characters; give it 1 to 255."),
    ],
    ids=spelled,
)
def test_check_refuses_in_a_sentence(keycloak: FakeKeycloak, given: Props, words: str) -> None:
    (reason,) = refusals(keycloak, Thing, {**CLIENT, **given})
    assert reason.endswith(f": {words}")
    assert keycloak.requests == []


def test_check_refuses_all_at_once(keycloak: FakeKeycloak) -> None:
    assert len(refusals(keycloak, Thing, {**CLIENT, "kind": "c", "on_remove": "x", "name": ""})) == 3


@pytest.mark.parametrize(
    ("provider", "given", "words"),
    [
        (AudienceMapperProvider, {"included_client": None}, "set exactly one"),
        (AudienceMapperProvider, {"custom_audience": "x"}, "set exactly one"),
        (AudienceMapperProvider, {"custom_audience": UNKNOWN}, "set exactly one"),
        (AudienceMapperProvider, {"included_client": ""}, "1 to 255"),
        (AudienceMapperProvider, {"included_client": None, "custom_audience": " "}, "1 to 255"),
        (AudienceMapperProvider, {"access_token": False}, "maps nothing"),
        (AuthorizationScopeProvider, {"resource_server": "realm-management"}, "Keycloak's own"),
        (ClientPolicyProvider, {"clients": []}, "clients is empty"),
        (ClientPolicyProvider, {"clients": None}, "clients is not set; give a list of texts"),
        (ClientPolicyProvider, {"logic": "MAYBE"}, "POSITIVE, NEGATIVE"),
        (ClientPolicyProvider, {"description": "d" * (DESCRIPTION_LIMIT - MARK_LENGTH + 1)}, "shorten it to 207"),
        (ScopePermissionProvider, {"scopes": []}, "scopes is empty"),
        (ScopePermissionProvider, {"decision_strategy": "ALL"}, "UNANIMOUS, AFFIRMATIVE, CONSENSUS"),
        (ScopePermissionProvider, {"description": "d" * 230}, "shorten it"),
        (TokenExchangePermissionProvider, {"policies": []}, "policies is empty"),
        (TokenExchangePermissionProvider, {"policies": ["may"]}, "policies holds 'may', which is not an id"),
    ],
    ids=spelled,
)
def test_what_each_object_refuses(
    keycloak: FakeKeycloak, provider: type[KeycloakProvider], given: Props, words: str
) -> None:
    (reason,) = refusals(keycloak, provider, {**LEAST[provider], **given})
    assert words in reason


@pytest.mark.parametrize("provider", ALL)
def test_unknowns_are_never_refused_nor_looked_up(keycloak: FakeKeycloak, provider: type[KeycloakProvider]) -> None:
    for field in LEAST[provider]:
        for unknown in (UNKNOWN, *([[UNKNOWN], ["x", UNKNOWN]] if isinstance(LEAST[provider][field], list) else [])):
            given = {**LEAST[provider], field: unknown}
            checked = provider().use(keycloak.connection).check({}, dict(given))
            assert not checked.failures and checked.inputs[field] == unknown
            alone = {**given, "owner": "o#g", "adopt": True, ALONE: Alone.IN_PROGRAM}
            assert not provider().use(keycloak.connection).check({}, alone).failures
            assert provider().use(keycloak.connection).compare(checked.inputs, checked.inputs).changes
    everything = {
        field: UNKNOWN for field in (*provider.INPUTS, "owner", "on_remove", "adopt") if field != "custom_audience"
    }
    before = len(keycloak.requests)
    assert not provider().use(keycloak.connection).check({}, everything).failures and len(keycloak.requests) == before


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (1, True),
        (None, True),
        ("x", True),
        ([], True),
        ({}, True),
        (UNKNOWN, False),
        ([1, UNKNOWN], False),
        ([["x", UNKNOWN]], False),
        ({"a": UNKNOWN}, False),
        ({"a": [{"b": UNKNOWN}]}, False),
        ((UNKNOWN,), False),
    ],
    ids=spelled,
)
def test_is_known(value: Any, known: bool) -> None:
    assert is_known(value) is known


# Fields


def test_a_state_without_a_field_that_must_be_there_is_refused(keycloak: FakeKeycloak) -> None:
    wrong = r"^thing '\?' in realm 'r': the state has no client_id; restore the state from a backup, or "
    with pytest.raises(Refusal, match=wrong):
        Thing().use(keycloak.connection).delete("1", {"realm": "r"})
    assert Thing.removed == []


def test_a_misnamed_field_is_an_error(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be lost, and its loss be seen by nobody."""
    monkeypatch.setattr(Thing, "create_in", lambda *_: ("1", outputs(fuond="created")))
    with pytest.raises(TypeError, match=r"^Thing gives fuond, which ThingProps lacks$"):
        engine.up(**CLIENT)


def test_a_field_is_read_as_it_is_declared(keycloak: FakeKeycloak) -> None:
    """Pulumi hands numbers over as floats, and leaves out what has no value. A preview may not know some fields."""
    read = Thing().parse({**CLIENT, "seconds": 5.0, "tags": ["a", UNKNOWN], "name": UNKNOWN, "other": "x"})
    assert (read.seconds, type(read.seconds), read.tags, read.kind) == (5, int, ("a", UNKNOWN), None)
    assert read.name is UNKNOWN and read.on_remove == "restore" and not hasattr(read, "other")


# Diff

OLDS = {
    **CLIENT,
    "client_uuid": "u",
    "name": "n",
    "tags": ["a", "b"],
    "seconds": 60.0,
    "kind": "a",
    "enabled": True,
    "owner": "o",
    "on_remove": "restore",
    "found": "created",
    "issuer": "i",
}


@pytest.mark.parametrize(
    ("olds", "news", "changes", "replaces"),
    [
        ({}, {}, False, []),
        ({}, {"seconds": 60}, False, []),
        ({}, {"seconds": 61}, True, []),
        ({}, {"tags": ["b", "a"]}, False, []),
        ({}, {"tags": ["a"]}, True, []),
        ({}, {"tags": ["a", "c"]}, True, []),
        ({"tags": []}, {"tags": None}, False, []),
        ({"tags": None}, {"tags": []}, False, []),
        ({}, {"tags": None}, True, []),
        ({"name": None}, {"name": "n"}, True, []),
        ({}, {"name": None}, False, []),
        ({"kind": None}, {"kind": None}, False, []),
        ({}, {"kind": None}, True, []),
        ({"kind": ""}, {"kind": None}, False, []),
        ({"adopt": False}, {}, False, []),
        ({}, {"adopt": False}, False, []),
        ({}, {"adopt": True}, True, []),
        ({"enabled": False}, {}, True, []),
        ({"enabled": None}, {}, True, []),
        ({}, {"owner": "p"}, True, []),
        ({"owner": ""}, {}, True, []),
        ({LOST: True}, {}, True, []),
        ({}, {"on_remove": None}, False, []),
        ({"on_remove": None}, {"on_remove": "restore"}, False, []),
        ({"on_remove": None}, {"on_remove": "revoke"}, True, []),
        ({"on_remove": "revoke"}, {"on_remove": None}, True, []),
        ({}, {"realm": "s"}, True, ["realm"]),
        ({}, {"client_uuid": "v"}, True, ["client_uuid"]),
        ({}, {"client_uuid": None}, False, []),
        ({}, {"client_id": "x"}, True, []),
        ({}, {"realm": "s", "kind": "b"}, True, ["realm"]),
        ({}, {"kind": UNKNOWN}, True, []),
        ({}, {"tags": ["a", UNKNOWN]}, True, []),
        ({}, {"realm": UNKNOWN}, True, ["realm"]),
        ({"issuer": "elsewhere", "found": "adopted", "more": 1}, {"unmanaged": 1}, False, []),
        # an unmanaged object that was used unchanged is never changed
        ({"found": "used"}, {}, False, []),
        ({"found": "used"}, {"kind": "b"}, True, ["kind"]),
        ({"found": "used", "kind": "b"}, {}, True, ["kind"]),
        ({"found": "used"}, {"seconds": UNKNOWN}, True, ["seconds"]),
        ({"found": "used"}, {"owner": "p"}, True, []),
        ({"found": "used"}, {"adopt": True}, True, []),
        ({"found": "used"}, {"realm": "s"}, True, ["realm"]),
    ],
    ids=spelled,
)
def test_diff(olds: Props, news: Props, changes: bool, replaces: list[str]) -> None:
    before = {key: value for key, value in {**OLDS, **olds}.items() if value is not None}
    inputs = {key: value for key, value in OLDS.items() if key not in ("found", "issuer")}
    after = {key: value for key, value in {**inputs, **news}.items() if value is not None}
    found = Thing().compare(before, after)
    assert (found.changes, found.replaces, found.delete_before_replace) == (changes, replaces, True)


@pytest.mark.parametrize("provider", ALL)
def test_every_object_is_deleted_before_it_is_replaced(provider: type[KeycloakProvider]) -> None:
    olds = {**LEAST[provider], "realm": "other"}
    found = provider().compare(olds, LEAST[provider])
    assert found.replaces == ["realm"] and found.delete_before_replace


# Create, update, read, delete


def test_a_life(engine: Engine, keycloak: FakeKeycloak) -> None:
    args = {**CLIENT, "tags": ["b", "a"]}
    assert engine.up(**args) == "create"
    assert engine.outputs["issuer"] == f"{keycloak.url}/realms/r" and "__provider" not in engine.outputs
    assert engine.outputs["management_uuid"] == keycloak.uuid("realm-management")
    assert engine.up(**args) == "same" and engine.refresh() and engine.up(**args) == "same"
    assert engine.up(**args, kind="b") == "update" and engine.outputs["found"] == "created"
    assert engine.outputs["issuer"] and engine.outputs["kind"] == "b"
    assert engine.up(**args, client_uuid="other") == "replace" and Thing.removed == ["1"]
    engine.destroy()
    assert Thing.things == {}


def test_read_gives_what_the_server_has_as_outputs_and_inputs(engine: Engine) -> None:
    engine.up(**CLIENT, tags=["a"])
    Thing.things["1"].update(kind="b", tags=["z"], enabled=False, name="free")
    assert engine.refresh()
    for side in (engine.outputs, engine.inputs):
        assert (side["kind"], side["tags"], side["enabled"], side["owner"]) == (
            "b",
            ["z"],
            False,
            "org/project/stack#test",
        )
        assert "name" not in side, "a name that the stack does not set is the server's own affair"
    assert "found" in engine.outputs and "issuer" in engine.outputs
    assert not {"found", "issuer", "management_uuid"} & set(engine.inputs)
    assert engine.up(**CLIENT, tags=["a"]) == "update"


def test_what_is_gone_is_dropped_from_the_state(engine: Engine) -> None:
    engine.up(**CLIENT)
    Thing.things.clear()
    assert not engine.refresh()


@pytest.mark.parametrize("act", ["refresh", "update", "delete"])
@pytest.mark.parametrize("how", ["another server", "a realm made anew"])
def test_the_wrong_server_is_never_read_as_gone_nor_written(
    engine: Engine, keycloak: FakeKeycloak, act: str, how: str
) -> None:
    engine.up(**CLIENT)
    if how == "another server":
        keycloak.issuer = "https://prod.example.com"
    else:
        keycloak.add_realm("r", api={})
    forget()
    kept = dict(Thing.things)
    if act == "refresh":
        Thing.things.clear()
    with pytest.raises(Refusal) as caught:
        engine.refresh() if act == "refresh" else engine.destroy() if act == "delete" else engine.up(
            **CLIENT, client_uuid=engine.outputs["client_uuid"], kind="b"
        )
    text = str(caught.value)
    assert text.startswith(
        f"thing 'api' in realm 'r': belongs to issuer '{keycloak.url}/realms/r', but '{keycloak.url}' is "
    )
    assert ("prod.example.com" if how == "another server" else "made anew") in text and text.endswith(".")
    assert Thing.removed == [] and (act == "refresh" or Thing.things == kept)


def test_a_realm_that_cannot_be_seen_is_not_read_as_gone(engine: Engine, keycloak: FakeKeycloak) -> None:
    engine.up(**CLIENT)
    Thing.things.clear()
    del keycloak._realms["r"]
    forget()
    with pytest.raises(KeycloakError):
        engine.refresh()


def test_deleting_twice_is_done(engine: Engine) -> None:
    engine.up(**CLIENT)
    id_, outputs = engine.id, dict(engine.outputs)
    engine.destroy()
    engine.id, engine.outputs = id_, outputs
    engine.destroy()


def test_an_error_of_the_server_is_not_read_as_gone(
    engine: Engine, keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.up(**CLIENT)

    def refuse(*_: Any) -> Props:
        raise NotFound(404, "GET", "/admin/x", "Could not find something else")

    monkeypatch.setattr(Thing, "fetch", refuse)
    with pytest.raises(NotFound):
        engine.refresh()


def test_check_refuses_before_the_engine_creates(engine: Engine) -> None:
    with pytest.raises(Refused, match="kind is 'c'"):
        engine.up(**CLIENT, kind="c")
    assert Thing.things == {}


@pytest.mark.parametrize(
    "provider", [StandardTokenExchangeProvider, AuthorizationServicesProvider, AudienceMapperProvider]
)
def test_a_client_that_was_deleted_is_gone_and_its_delete_is_done(
    keycloak: FakeKeycloak,
    provider: type[KeycloakProvider],
) -> None:
    engine = Engine(provider, keycloak.connection)
    engine.up(**LEAST[provider])
    id_, outputs = engine.id, dict(engine.outputs)
    keycloak.remove_client("api")
    forget()
    assert not engine.refresh()
    forget()
    engine.id, engine.outputs = id_, outputs
    engine.destroy()


@pytest.mark.parametrize(
    ("provider", "drift"),
    [
        (StandardTokenExchangeProvider, {"attributes": {"standard.token.exchange.enabled": "false"}}),
        (AuthorizationServicesProvider, {"serviceAccountsEnabled": False}),
    ],
    ids=["switch", "services"],
)
def test_a_setting_goes_back_to_what_it_was(
    keycloak: FakeKeycloak, provider: type[KeycloakProvider], drift: Props
) -> None:
    before = keycloak.state()
    engine = Engine(provider, keycloak.connection)
    assert engine.up(**CLIENT) == "create" and engine.refresh() and engine.up(**CLIENT) == "same"
    assert engine.up(**CLIENT, owner="another") == "update" and engine.refresh()
    assert engine.up(**CLIENT, owner="another") == "same"
    keycloak.change("api", **drift)
    forget()
    assert engine.refresh() and engine.outputs["enabled"] is False
    assert engine.up(**CLIENT, owner="another") == "update" and engine.refresh() and engine.outputs["enabled"] is True
    engine.destroy()
    assert keycloak.state() == before


@pytest.mark.parametrize(("length", "told"), [(233, "500 Internal Server Error"), (234, "up to 26.2 takes 233 here")])
def test_a_long_name_of_which_an_older_server_makes_a_longer_one(
    keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch, length: int, told: str
) -> None:
    monkeypatch.setattr("kcadmin.objects.clients.PAUSE_SECONDS", 0)
    keycloak.add_client("r", "c" * length)
    keycloak.interfere(*[Answer(500, {"error": "unknown_error"})] * 6, at="PUT ")
    with pytest.raises(KeycloakError, match=told) as refused:
        Engine(AuthorizationServicesProvider, keycloak.connection).up(realm="r", client_id="c" * length)
    assert isinstance(refused.value, Refusal) == (length == 234)


def test_a_claim_that_somebody_removed_comes_back_with_what_was(keycloak: FakeKeycloak) -> None:
    before = keycloak.state()
    engine = Engine(StandardTokenExchangeProvider, keycloak.connection)
    engine.up(**CLIENT)
    attributes = keycloak.client("api")["attributes"]
    keycloak.change("api", attributes={key: "" for key in attributes if key.startswith("pulumi.")})
    forget()
    assert engine.refresh() and engine.up(**CLIENT) == "update"
    forget()
    engine.outputs["was"] = {}  # as for another owner, who knows only what stands in the claim
    engine.destroy()
    assert keycloak.state() == before
