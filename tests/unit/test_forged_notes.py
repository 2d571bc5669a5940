"""Anything in the place of our notes: no reader fails by it, and none writes a field that is not its own."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.authz.management_permissions import KIND as MANAGEMENT
from kcadmin.authz.management_permissions import release_management, take_management
from kcadmin.authz.noted_strategy import STRATEGY, forget_strategy, note_strategy, noted_strategy
from kcadmin.authz.policies import LOGIC, ClientPolicy
from kcadmin.authz.scopes_and_permissions import AuthorizationScope
from kcadmin.guards.client_policies import POLICIES, PROFILES
from kcadmin.guards.entries import Guards, guard_drift, guard_parts, merged, pattern_conflicts
from kcadmin.guards.parts import _HELD, GuardPart, held_parts
from kcadmin.marks.notes import fits
from kcadmin.objects.claims import Kind, adopted_kind, claim_key
from kcadmin.objects.event_audiences import ClientIds
from kcadmin.objects.events import Event
from kcadmin.objects.mappers import AudienceMapper
from kcadmin.objects.realm import Realm
from kcadmin.objects.recorded_events import KIND as EVENTS
from kcadmin.objects.recorded_events import recorded_since, release_events, take_events
from kcadmin.objects.shared_settings import CLAIMED, USED, Taken
from kcadmin.rest.errors import KeycloakError
from kcadmin.writes.partial_put import AUTHORIZATION_SERVICES, FRONT_CHANNEL, SERVICE_ACCOUNT, WEB_ORIGINS
from providers.audience_mapper import AudienceMapperProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.authorization_services import AuthorizationServicesProvider
from providers.base.provider import KeycloakProvider
from providers.base.shared_setting import SharedSettingProvider
from providers.client_policy import ClientPolicyProvider
from providers.full_scope_off import FullScopeOffProvider
from providers.refresh_tokens_off import RefreshTokensOffProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.token_lifespan import TokenLifespanProvider
from reach.guards import guard_reach
from reach.roles import RoleFacts
from tests.support.engine import Engine, Refused, forget
from tests.support.examples import examples
from tests.support.fake_server import SERVICES, Answer, FakeKeycloak, Request
from tests.support.surveys import survey

QUICK = examples(15)
OURS, RENAMED, THEIRS = "org/project/stack#test", "org/project/new#test", "x"
DEEP = "[" * 100_000, '{"kind":' * 50_000
"""Texts that no reader of JSON comes to the end of. Random notes have their beginnings, since reading the whole takes long."""
FOREIGN = {"redirectUris": ["https://evil.example/*"], "description": "evil", "attributes.evil": "1", "nosuch": 1}
SHARED: list[tuple[type[SharedSettingProvider], dict[str, Any]]] = [
    (StandardTokenExchangeProvider, {"allow_refresh": True}),
    (TokenLifespanProvider, {"seconds": 60}),
    (RefreshTokensOffProvider, {}),
    (FullScopeOffProvider, {}),
    (AuthorizationServicesProvider, {}),
]
OWNED: list[tuple[type[KeycloakProvider], type, dict[str, Any]]] = [
    (AudienceMapperProvider, AudienceMapper, {"client_id": "api", "name": "n", "included_client": "b"}),
    (ClientPolicyProvider, ClientPolicy, {"resource_server": "api", "name": "n", "clients": ["b"]}),
    (AuthorizationScopeProvider, AuthorizationScope, {"resource_server": "api", "name": "n", "display_name": "d"}),
]

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["true", "false", "\ud800", "\x1b[2K\n", "<{%x%}>", LOGIC.pattern, "UNANIMOUS", "60", "-1"]),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        *FOREIGN,
        *(field for provider, _ in SHARED for field in provider.KIND.was),
        *(
            *EVENTS.was,
            *EVENTS.set,
            *STRATEGY.was,
            *adopted_kind("", AudienceMapper).was,
            "clients",
            "display_name",
            "id",
        ),
    ]
)
HELD = st.dictionaries(FIELDS, JSON | st.sampled_from(list(FOREIGN.values())), max_size=4) | st.just(FOREIGN) | JSON


Notes = Callable[[Kind | str], dict[str, str]]


def well_formed(hints: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """What a claim may hold, by type; a text may be any."""
    return st.fixed_dictionaries({}, optional={field: st.from_type(hint) for field, hint in hints.items()})


@st.composite
def notes(draw: Callable[[Any], Any], shape: Kind) -> Notes:
    """Attributes of a client that are, or nearly are, claims of a kind of that shape."""
    drawn = []
    for _ in range(draw(st.integers(1, 4))):
        owner = draw(st.sampled_from([OURS, RENAMED, THEIRS]) | LEAVES)
        held = {"set": draw(well_formed(shape.set) | HELD), "was": draw(well_formed(shape.was) | HELD)}
        odd_kind, fitting = draw(st.none() | LEAVES), draw(st.sampled_from([True, True, False]))
        text = draw(
            st.none() | st.builds(json.dumps, JSON) | st.sampled_from(["", "no", *(text[:4_000] for text in DEEP)])
        )
        drawn.append((owner, odd_kind, held, fitting, text))

    def of(kind: Kind | str) -> dict[str, str]:
        found = {}
        for number, (owner, odd_kind, held, fitting, text) in enumerate(drawn):
            known = owner if isinstance(owner, str) and owner.isascii() else THEIRS
            key = claim_key(known, str(kind)) if fitting else f"pulumi.claim.{number:016x}"
            entry = {"owner": owner, "kind": str(kind) if odd_kind is None else odd_kind, **held}
            found[key] = json.dumps(entry) if text is None else text
        return found

    return of


class Server(FakeKeycloak):
    """With management permissions, and events, that may be switched."""

    def __init__(self) -> None:
        super().__init__()
        self.on = False
        self.events: dict[str, Any] = {"eventsEnabled": False, "eventsExpiration": 0, "enabledEventTypes": ["LOGIN"]}
        services = {SERVICES: True, "serviceAccountsEnabled": True}
        self.add_realm("r", api={"redirectUris": ["http://x"]}, b=services, account={"redirectUris": ["http://x"]})

    def handle(self, request: Request) -> Answer:
        if request.path.endswith("/management/permissions"):
            self.requests.append(request)
            self.on = request.body["enabled"] if request.method == "PUT" else self.on
            return Answer(200, {"enabled": self.on, "scopePermissions": {}})
        if request.path.endswith("/events/config"):
            self.requests.append(request)
            self.events |= request.body if request.method == "PUT" else {}
            return Answer(200, self.events) if request.method == "GET" else Answer(204)
        return super().handle(request)

    def forge(self, noted: Mapping[str, str], client_id: str = "api") -> None:
        self.client(client_id)["attributes"] |= {key: value for key, value in noted.items() if value}

    def only_wrote(self, kind: Kind, fields: Mapping[str, Any], client_id: str = "api") -> None:
        """Every PUT of the client held nothing but these fields, and claims of ours of that kind."""
        ours = {claim_key(owner, kind) for owner in (OURS, RENAMED)}
        allowed = {field.removeprefix("attributes.") for field in fields if field.startswith("attributes.")} | ours
        plain = {field for field in fields if "attributes." not in field} | {
            *(AUTHORIZATION_SERVICES, FRONT_CHANNEL, SERVICE_ACCOUNT, WEB_ORIGINS),
            "attributes",
        }
        for each in self.asked(f"^PUT .*/clients/{self.uuid(client_id)}$"):
            assert set(each.body) <= plain and set(each.body.get("attributes", ())) <= allowed, each.body
            values = {
                **each.body,
                **{f"attributes.{key}": value for key, value in each.body.get("attributes", {}).items()},
            }
            for field in fields:
                hints = (kind.set.get(field), kind.was.get(field))
                assert field not in values or any(
                    fits(hint, values[field] or None) or fits(hint, values[field]) for hint in hints
                )
        client = self.client(client_id)
        assert (
            client["redirectUris"] == ["http://x"]
            and "description" not in client
            and "evil" not in client["attributes"]
        )


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Server]:
    def make() -> Server:
        forget()
        server = Server()
        server.install(monkeypatch)
        return server

    return make


def life(server: Server, provider: type[KeycloakProvider], args: Mapping[str, Any], noted: Notes) -> None:
    """Made, continued without a state, changed, given to another owner and removed, with notes forged before each."""
    place = {"realm": "r", **args}
    for had_state in (True, False):
        engine = Engine(provider, server.connection)
        with suppress(KeycloakError, Refused):
            if had_state:
                engine.up(**place, owner=OURS)
            forge(server, provider, noted)
            engine.up(**place, owner=OURS)
            engine.refresh()
            forge(server, provider, noted)
            engine.up(**place, owner=OURS)
            forge(server, provider, noted)
            engine.up(**place, owner=RENAMED)
        forge(server, provider, noted)
        if engine.id:
            with suppress(KeycloakError):
                engine.destroy()


def forge(server: Server, provider: type[KeycloakProvider], noted: Notes) -> None:
    """Notes for the provider's kind, or for all objects that are there."""
    objects = [
        *server.client("api")["protocolMappers"],
        *server._servers.get(server.uuid("api"), {}).get("policies", {}).values(),
    ]
    objects += server._servers.get(server.uuid("api"), {}).get("scopes", {}).values()
    adopted = [str(adopted_kind(str(each["id"]))) for each in objects]
    for kind in [provider.KIND] if hasattr(provider, "KIND") else ["authorization-scope:n", *adopted]:
        server.forge(noted(kind))
    forget()


@pytest.mark.parametrize(("provider", "args"), SHARED, ids=lambda each: getattr(each, "OBJECT", ""))
@QUICK
@given(data=st.data())
def test_shared_settings(
    provider: type[SharedSettingProvider], args: dict[str, Any], data: st.DataObject, install: Callable[[], Server]
) -> None:
    server = install()
    life(server, provider, {"client_id": "api", **args}, data.draw(notes(provider.KIND)))
    server.only_wrote(provider.KIND, provider.KIND.was)


@pytest.mark.parametrize("text", DEEP, ids=["lists", "objects"])
@pytest.mark.parametrize(("provider", "args"), SHARED, ids=lambda each: getattr(each, "OBJECT", ""))
def test_a_note_that_is_too_deep(
    provider: type[SharedSettingProvider], args: dict[str, Any], text: str, install: Callable[[], Server]
) -> None:
    server, theirs = install(), claim_key(THEIRS, provider.KIND)
    life(server, provider, {"client_id": "api", **args}, lambda kind: {theirs: text})
    server.only_wrote(provider.KIND, provider.KIND.was)
    assert server.client("api")["attributes"][theirs] == text


@pytest.mark.parametrize("adopt", [True, False])
@pytest.mark.parametrize(("provider", "object_", "args"), OWNED, ids=lambda each: getattr(each, "OBJECT", ""))
@QUICK
@given(data=st.data())
def test_objects_that_one_owner_holds(
    provider: type[KeycloakProvider],
    args: dict[str, Any],
    object_: type,
    adopt: bool,
    data: st.DataObject,
    install: Callable[[], Server],
) -> None:
    server = install()
    server.change("api", **{SERVICES: True, "serviceAccountsEnabled": True})
    server._servers[server.uuid("api")] = {"scopes": {}, "policies": {}}
    theirs = {"included.client.audience": "b", "access.token.claim": "true", "id.token.claim": "true"}
    found = {"id": "m", "name": "n", "protocolMapper": "oidc-audience-mapper", "config": theirs}
    server.client("api")["protocolMappers"] += [found] if adopt else []
    life(server, provider, {**args, "adopt": adopt}, data.draw(notes(adopted_kind("", object_))))
    client = server.client("api")
    assert client["redirectUris"] == ["http://x"] and "description" not in client and "evil" not in client["attributes"]
    for each in server.asked("^(PUT|POST) .*/protocol-mappers/"):
        assert each.body["config"].get("included.client.audience") == "b" and "nosuch" not in each.body


@QUICK
@given(notes(MANAGEMENT), st.booleans(), st.booleans(), st.sampled_from([CLAIMED, USED, "None"]))
def test_management_permissions(noted: Notes, on: bool, state: bool, found: str) -> None:
    server = Server()
    server.on = on
    server.forge(noted(MANAGEMENT))
    realm, taken = Realm(server.shared, "r"), Taken(found, {"enabled": on} if state else {})
    take_management(realm, server.uuid("api"), OURS, taken if state else None)
    server.forge(noted(MANAGEMENT))
    realm.clients.forget(server.uuid("api"))
    release_management(realm, server.uuid("api"), OURS, taken, revoke=False)
    server.only_wrote(MANAGEMENT, {})
    assert all(each.body == {"enabled": each.body["enabled"]} for each in server.asked("^PUT .*/management/"))


@QUICK
@given(notes(STRATEGY), notes(MANAGEMENT))
def test_the_strategy_of_a_permission(noted: Notes, held: Notes) -> None:
    server = Server()
    server.forge({**noted(STRATEGY), **held(MANAGEMENT)})
    realm, uuid = Realm(server.shared, "r"), server.uuid("api")
    note_strategy(realm, uuid, OURS, "UNANIMOUS")
    assert noted_strategy(realm, uuid) in (None, "UNANIMOUS", "AFFIRMATIVE", "CONSENSUS")
    forget_strategy(realm, uuid)
    assert len(server.asked("^PUT")) <= 2, "one write for all notes"


@QUICK
@given(notes(EVENTS), st.booleans(), st.sampled_from([None, 60]))
def test_events(noted: Notes, state: bool, seconds: int | None) -> None:
    server = Server()
    realm, before = Realm(server.shared, "r"), dict(server.events)
    taken = take_events(realm, OURS, seconds) if state else Taken("None", {"enabled": False, "expiration": 0})
    server.forge(noted(EVENTS), "account")
    with suppress(KeycloakError):
        taken = take_events(realm, OURS, seconds, remembered=taken if state else None)
        recorded_since(realm)
        server.forge(noted(EVENTS), "account")
        release_events(realm, OURS, seconds, taken)
    server.only_wrote(EVENTS, {}, "account")
    types = {*before["enabledEventTypes"], "TOKEN_EXCHANGE", "TOKEN_EXCHANGE_ERROR"}
    for each in server.asked("^PUT .*/events/config"):
        assert set(each.body) <= {"eventsEnabled", "eventsExpiration", "enabledEventTypes"}
        assert "LOGIN" in each.body.get("enabledEventTypes", ["LOGIN"])
        assert set(each.body.get("enabledEventTypes", ())) <= types and 0 <= each.body["eventsExpiration"] <= 2**53
        assert isinstance(each.body["eventsEnabled"], bool)


def test_events_are_recorded_since_no_later_than_now() -> None:
    """The time is shown as people read it, and a calendar ends with the year 9999."""
    server = Server()
    was = {"enabled": False, "expiration": 0, "since": 2**53 - 1}
    text = json.dumps({"owner": THEIRS, "kind": str(EVENTS), "set": {}, "was": was})
    server.forge({claim_key(THEIRS, EVENTS): text}, "account")
    since = recorded_since(Realm(server.shared, "r"))
    assert since and since <= time.time()


PART = st.fixed_dictionaries(
    {"kind": st.sampled_from(["requesters", "sources", "user", "asked", "x"]) | LEAVES},
    optional={"marks": JSON, "claim": JSON, "allowed": JSON, "nosuch": LEAVES},
)
MINE = guard_parts(Guards(("api",), {"api": ("frontend",)}, (), {"api": {"sub": "a|b"}}), {"api": "m-api"})


@QUICK
@given(
    st.sampled_from(sorted(MINE)),
    st.builds(lambda held: _HELD + json.dumps(held), st.dictionaries(st.text(max_size=8), PART, max_size=3) | JSON)
    | st.sampled_from([_HELD + DEEP[0], _HELD, _HELD + '{"o":{},"o":{}}'])
    | st.builds(_HELD.__add__, st.text(max_size=8)),
)
def test_guards(name: str, description: str) -> None:
    for kind in (POLICIES, PROFILES):
        entry = {"name": name, "description": description, "enabled": True}
        held = held_parts(entry)
        assert all(fits(GuardPart, vars(part)) for part in held.values())
        (made, *_) = merged(kind, [entry], MINE, "o")
        assert held_parts(made) == {**held, "o": MINE[name]}
        assert list(guard_drift(kind, [entry], MINE, "o")) and isinstance(
            list(pattern_conflicts([entry], MINE, ["o"])), list
        )
        merged(kind, [entry], {}, "o", leaving=["o"], ours=MINE)
    guard_reach(survey(client_policies=[entry], client_profiles=[entry]), RoleFacts())


DETAILS = st.sampled_from(
    ["audience", "reason", "token_id", "username", "requested_token_type", "subject_token_client_id"]
)


@QUICK
@given(st.dictionaries(DETAILS, st.text()), st.text())
def test_details_of_an_event(details: dict[str, str], text: str) -> None:
    found = {"type": "TOKEN_EXCHANGE_ERROR", "time": 1, "clientId": text, "error": text, "details": details}
    assert Event.read(found, ClientIds()).requester == text


@pytest.mark.parametrize(("provider", "args"), SHARED, ids=lambda each: getattr(each, "OBJECT", ""))
@pytest.mark.parametrize("owner", [THEIRS, OURS])
def test_fields_of_another_setting_are_never_written(
    provider: type[SharedSettingProvider], args: dict[str, Any], owner: str, install: Callable[[], Server]
) -> None:
    server, kind = install(), provider.KIND
    engine = Engine(provider, server.connection)
    engine.up(realm="r", client_id="api", **args, owner=OURS)
    before = {field: engine.outputs["was"].get(field) for field in kind.set}
    values = provider().values(provider().parse({"realm": "r", "client_id": "api", **args}))
    wanted = {"owner": owner, "kind": str(kind), "set": {**values, **FOREIGN}, "was": FOREIGN}
    server.forge({claim_key(owner, kind): json.dumps(wanted), "pulumi.claim.0": json.dumps(wanted)})
    forget()
    engine.destroy()
    server.only_wrote(kind, kind.was)
    client = server.client("api")
    now = {
        field: client["attributes"].get(field.removeprefix("attributes.")) or client.get(field) for field in kind.set
    }
    assert {field: value or None for field, value in now.items()} == {
        field: value or None for field, value in before.items()
    }
