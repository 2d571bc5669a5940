"""What comes of a write of a client while client policies act, others write, or an answer is lost."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from kcadmin.objects import clients as clients_module
from kcadmin.objects.claims import Claim
from kcadmin.objects.clients import Clients
from kcadmin.objects.features import SWITCH, SWITCH_CLAIM
from kcadmin.objects.realm import Realm
from kcadmin.objects.setting_claims import assignment_kind
from kcadmin.objects.shared_settings import write_claim
from kcadmin.rest.errors import HttpError, KeycloakError
from kcadmin.writes.watch import Unannounced, watched
from providers.base.announced import announced
from providers.client_scope_assignment import AssignedProps, ClientScopeAssignmentProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from tests.support.engine import Engine, forget
from tests.support.fake_server import Answer, FakeKeycloak, Request

POLICIES = "/admin/realms/r/client-policies/policies"
PROFILES = "/admin/realms/r/client-policies/profiles"
EVERY_CLIENT = [{"condition": "any-client", "configuration": {}}]
SWITCH_KEY = SWITCH.removeprefix("attributes.")
API = {"realm": "r", "client_id": "api"}
ALGORITHM = "access.token.signed.response.alg"


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    forget()
    monkeypatch.setattr(clients_module, "PAUSE_SECONDS", 0)
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api={})
    return server


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: texts.append(text))
    monkeypatch.setattr(pulumi.log, "info", lambda *_: None)
    return texts


def demand(keycloak: FakeKeycloak, *executors: dict[str, Any]) -> None:
    """One policy that holds for every client; without executors nothing foretells what it does."""
    policy = {"name": "secure", "enabled": True, "conditions": EVERY_CLIENT, "profiles": ["strict"]}
    keycloak.answers[POLICIES] = {"policies": [policy]}
    keycloak.answers[PROFILES] = {"profiles": [{"name": "strict", "executors": list(executors)}], "globalProfiles": []}


def meanwhile(keycloak: FakeKeycloak, **fields: Any) -> Callable[[Request], None]:
    """Another writer, or a policy, changes the client between a look and its write."""
    return lambda _: keycloak.change("api", **fields)


def clients_of(keycloak: FakeKeycloak) -> Clients:
    return Realm(keycloak.shared, "r").clients


# What a failed create leaves


@pytest.mark.parametrize(
    ("on_remove", "found_on"), [("restore", False), ("revoke", False), ("keep", False), ("revoke", True)]
)
def test_a_create_that_fails_restores_what_existed(keycloak: FakeKeycloak, on_remove: str, found_on: bool) -> None:
    demand(keycloak)
    keycloak.change("api", attributes={SWITCH_KEY: "true"} if found_on else {})
    before = dict(keycloak.client("api")["attributes"])
    engine = Engine(StandardTokenExchangeProvider, keycloak.connection)
    keycloak.interfere(meanwhile(keycloak, consentRequired=True), at="^PUT ")
    with pytest.raises(Unannounced, match="consentRequired from nothing to true"):
        engine.up(**API, on_remove=on_remove)
    assert keycloak.client("api")["attributes"] == before


def test_a_create_that_fails_leaves_what_another_resource_of_the_stack_had(keycloak: FakeKeycloak) -> None:
    """A rename in the program: the state holds the old resource until the new one is there."""
    demand(keycloak)
    old, new = (Engine(StandardTokenExchangeProvider, keycloak.connection) for _ in range(2))
    old.up(**API)
    keycloak.interfere(meanwhile(keycloak, consentRequired=True), at="^PUT ")
    with pytest.raises(Unannounced):
        new.up(**API)
    assert keycloak.client("api")["attributes"][SWITCH_KEY] == "true" and keycloak.claimed("api", SWITCH_CLAIM)
    assert new.up(**API) == "create"
    old.destroy()
    assert keycloak.client("api")["attributes"][SWITCH_KEY] == "true"
    new.destroy()
    assert keycloak.client("api")["attributes"] == {}


def test_a_scope_that_is_as_wanted_is_left_without_a_claim(keycloak: FakeKeycloak) -> None:
    """A failed create takes back with ``restore``, also where ``revoke`` has claimed what was found."""
    keycloak.change("api", defaultClientScopes=["s"])
    realm, uuid = Realm(keycloak.shared, "r"), keycloak.uuid("api")
    write_claim(realm.clients, uuid, Claim("o", assignment_kind("s"), {}, {}))
    noted = {"client_uuid": uuid, "owner": "o", "found": "used"}
    props = AssignedProps(**API, scope="s", kind="default", **noted)
    ClientScopeAssignmentProvider().use(keycloak.connection).remove(realm, "id", props)
    assert keycloak.client("api")["attributes"] == {} and keycloak.client("api")["defaultClientScopes"] == ["s"]


# Other writers


def test_another_writer_is_no_fault_where_no_policy_is_enabled(keycloak: FakeKeycloak, warned: list[str]) -> None:
    engine = Engine(StandardTokenExchangeProvider, keycloak.connection)
    keycloak.interfere(meanwhile(keycloak, description="mine"), at="^PUT ")
    assert engine.up(**API) == "create"
    (said,) = warned
    assert (
        "client 'api' in realm 'r': while this client was written, description from nothing to 'mine' changed" in said
    )
    assert keycloak.client("api")["attributes"][SWITCH_KEY] == "true"


@pytest.mark.parametrize("why", ["new policy", "unreadable", "no answer"])
def test_another_writer_may_be_a_policy(keycloak: FakeKeycloak, why: str) -> None:
    clients = clients_of(keycloak)
    clients.change(keycloak.uuid("api"), {"name": "n"})  # has read the policies: there are none
    if why == "new policy":
        demand(keycloak)
    else:
        keycloak.interfere(Answer(403 if why == "unreadable" else 400, {}), at="client-policies")
    keycloak.interfere(meanwhile(keycloak, consentRequired=True), at="^PUT ")
    with pytest.raises(Unannounced, match="consentRequired"):
        clients.change(keycloak.uuid("api"), {"name": "m"})


def test_a_former_secret_that_ends_is_told_also_without_policies(keycloak: FakeKeycloak) -> None:
    ends = {"client.secret.rotated": "former", "client.secret.rotated.expiration.time": "99999999999"}
    keycloak.change("api", attributes=ends)
    gone = meanwhile(keycloak, description="mine", attributes={"client.secret.rotated": ""})
    keycloak.interfere(gone, at="^PUT ")
    with pytest.raises(Unannounced) as told:
        clients_of(keycloak).change(keycloak.uuid("api"), {"name": "n"})
    assert "client.secret.rotated" in str(told.value) and "description" not in str(told.value)


@pytest.mark.parametrize("acts", [True, False])
def test_where_policies_act_each_write_has_a_read_of_its_own(keycloak: FakeKeycloak, acts: bool) -> None:
    if acts:
        demand(keycloak)
    clients = clients_of(keycloak)
    clients.get(keycloak.uuid("api"))
    clients.change(keycloak.uuid("api"), {"name": "n"})
    assert len(keycloak.asked(f"^GET .*/{keycloak.uuid('api')}$")) == (3 if acts else 2)


# Answers that are lost


@pytest.mark.parametrize(("answer", "is_told"), [(502, True), (503, True), (504, True), (409, False), (500, False)])
def test_a_write_whose_answer_was_lost_is_compared_with_what_was_before(
    keycloak: FakeKeycloak, answer: int, is_told: bool
) -> None:
    demand(keycloak)
    clients = clients_of(keycloak)

    def written(_: Request) -> Answer:
        keycloak.change("api", consentRequired=True, name="n")
        return Answer(answer, {})

    keycloak.interfere(written, at="^PUT ")
    with watched() as watch:
        clients.change(keycloak.uuid("api"), {"name": "n"})
    assert ["consentRequired" in each for each in watch.unannounced] == [True] * is_told
    assert len(keycloak.asked("^PUT ")) == 2


# What is left out


def test_a_refused_write_leaves_out_as_little_as_the_preview_says(keycloak: FakeKeycloak) -> None:
    demand(
        keycloak,
        {"executor": "secure-client-authenticator", "configuration": {}},
        {"executor": "secure-signature-algorithm", "configuration": {}},
    )
    keycloak.change("api", clientAuthenticatorType="client-x509", attributes={ALGORITHM: "RS256"})
    keycloak.interfere(*[Answer(400, {})] * 3, at="^PUT ")
    with watched(["clientAuthenticatorType", ALGORITHM]):
        clients_of(keycloak).change(keycloak.uuid("api"), {"name": "n"})
    sent = [
        ("clientAuthenticatorType" in put.body, ALGORITHM in put.body["attributes"]) for put in keycloak.asked("^PUT ")
    ]
    assert sent == [(True, True), (True, False), (False, True), (False, False)]


# Refusals at destroy


def test_a_server_that_fails_keeps_the_resource(keycloak: FakeKeycloak) -> None:
    """A 500 is no refusal, also where some policy is enabled."""
    demand(keycloak, {"executor": "consent-required", "configuration": {"auto-configure": "true"}})
    keycloak.change("api", consentRequired=True)
    engine = Engine(StandardTokenExchangeProvider, keycloak.connection)
    engine.up(**API)
    keycloak.interfere(*[Answer(500, {})] * clients_module.ATTEMPTS, at="^PUT ")
    with pytest.raises(HttpError, match="500"):
        engine.destroy()


def test_a_broken_profile_does_not(keycloak: FakeKeycloak, warned: list[str]) -> None:
    engine = Engine(StandardTokenExchangeProvider, keycloak.connection)
    engine.up(**API)
    demand(keycloak, {"executor": "consent-required", "configuration": {}})
    forget()
    keycloak.interfere(*[Answer(500, {})] * clients_module.ATTEMPTS, at="^PUT ")
    engine.destroy()
    assert any("Keycloak refuses the write" in each for each in warned)


def test_a_destroy_warns_of_what_its_write_changed_beside(keycloak: FakeKeycloak, warned: list[str]) -> None:
    """The object is gone, so its resource goes, and so does what it depends on."""
    demand(keycloak)
    engine = Engine(StandardTokenExchangeProvider, keycloak.connection)
    engine.up(**API)
    keycloak.interfere(meanwhile(keycloak, consentRequired=True), at="^PUT ")
    engine.destroy()
    assert engine.id is None and any("consentRequired from nothing to true" in each for each in warned)
    assert keycloak.client("api")["attributes"] == {}


# An error after the change


def test_an_error_does_not_hide_what_was_changed_before_it(keycloak: FakeKeycloak, warned: list[str]) -> None:
    with pytest.raises(Unannounced) as failed, announced({}) as watch:
        watch.unannounced.append("the cause.")
        raise KeycloakError("400 PUT.")
    assert failed.value.faults == ("the cause.", "400 PUT.")
    with pytest.raises(KeycloakError, match="404") as going, announced({}, removes="thing 'x'") as watch:
        watch.unannounced.append("the cause.")
        watch.refused.append(HttpError(400, "PUT", "/p", "no"))
        raise KeycloakError("404 GET.")
    assert going.value.faults == ("404 GET.",)
    assert "the cause." in warned and any(each.startswith("thing 'x': its client was not changed") for each in warned)


# A look that a policy refuses


def test_a_client_that_may_not_be_read_is_asked_for_by_its_name(keycloak: FakeKeycloak) -> None:
    clients = clients_of(keycloak)
    clients.get(keycloak.uuid("api"))
    keycloak.change("api", name="n")
    refusal = Answer(400, {"error": "invalid_request"})
    keycloak.interfere(refusal, at=f"^GET .*/{keycloak.uuid('api')}$")
    seen = clients.get(keycloak.uuid("api"), max_age=0)
    assert seen and seen.value("name") == "n"
    (asked,) = keycloak.asked("^GET .*/clients$")
    assert asked.query["clientId"] == "api"


def test_such_a_read_does_not_replace_what_is_known_of_others(keycloak: FakeKeycloak) -> None:
    keycloak.add_client("r", "another")
    clients, another = clients_of(keycloak), keycloak.uuid("another")
    fresh = clients.get(another)
    keycloak.interfere(Answer(400, {}), at=f"^GET .*/{keycloak.uuid('api')}$")
    assert clients.get(keycloak.uuid("api"), max_age=0)
    assert clients.get(another) is fresh
