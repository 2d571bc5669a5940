"""Client scopes are listed once a process; what is written or given back is looked at again."""

from typing import Any

import pytest

from kcadmin.marks.ownership import Writer
from kcadmin.marks.packed import Part, pack
from kcadmin.objects.claims import Claim
from kcadmin.objects.features import Features
from kcadmin.objects.realm import realm_for
from kcadmin.objects.setting_claims import assignment_kind
from kcadmin.rest.errors import KeycloakError, Refusal
from package.resources import Resources
from providers.audience_scope import AudienceScopeProvider
from providers.base.held import STACK
from providers.bulk.engine import Engine as BulkEngine
from providers.client_scope_assignment import ClientScopeAssignmentProvider
from providers.realm_grants import RealmGrantsProvider
from reach.among_clients import reach_among_clients
from reach.gates import ways_in
from reach.survey import survey
from tests.support.engine import Engine, forget
from tests.support.fake_server import Answer, FakeKeycloak, Request

AT = "/admin/realms/r/client-scopes"
ARGS = {"realm": "r", "name": "to-api", "included_client": "api", "owner": "o/p/s#g"}


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api={})
    server.answers = {AT: [], f"{AT}/s/scope-mappings": {}}
    forget()
    return server


def stored(**fields: Any) -> dict[str, Any]:
    config = {"included.client.audience": "api", "access.token.claim": "true"}
    mapper = {"id": "m", "name": "audience", "protocolMapper": "oidc-audience-mapper", "config": config}
    return {"id": "s", "name": "to-api", "description": "", "attributes": {}, "protocolMappers": [mapper], **fields}


def test_what_another_stack_made_at_the_last_moment_is_named(keycloak: FakeKeycloak) -> None:
    def is_made(_: Request) -> Answer:
        keycloak.answers[AT] = [stored(attributes={"pulumi.owner": "o/p/other#g"})]
        return Answer(409, {"errorMessage": "Client Scope to-api already exists"})

    keycloak.interfere(is_made, at=f"^POST {AT}$")
    with pytest.raises(Refusal, match=r"belongs to .*owner"):
        Engine(AudienceScopeProvider, keycloak.connection).up(**ARGS)


PAGE = Answer(200, "<html>Log in</html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize("answer", [PAGE, Answer(200, {}), Answer(202, {})])
def test_a_role_that_a_gateway_took_is_not_mapped(keycloak: FakeKeycloak, answer: Answer) -> None:
    """Without its role the scope would be open to all."""
    keycloak.answers["/admin/realms/r/roles/staff"] = {"id": "1", "name": "staff"}
    keycloak.interfere(Answer(201, "", {"Location": f"{AT}/s"}), at=f"^POST {AT}$")
    keycloak.interfere(answer, at=f"^POST {AT}/s/scope-mappings/realm$")
    keycloak.interfere(Answer(204), at=f"^DELETE {AT}/s$")
    with pytest.raises(
        KeycloakError, match=r"POST .*/scope-mappings/realm answered 20\d with .*, which Keycloak never"
    ):
        Engine(AudienceScopeProvider, keycloak.connection).up(**ARGS, realm_roles=["staff"])
    assert keycloak.asked(f"^DELETE {AT}/s$")


def test_an_adopted_scope_keeps_what_others_changed_since_the_first_read(keycloak: FakeKeycloak) -> None:
    keycloak.answers[AT] = [stored(description="theirs")]
    keycloak.interfere(*[Answer(204)] * 4, at=f"^PUT {AT}/s(/.*/m)?$")
    engine = Engine(AudienceScopeProvider, keycloak.connection)
    engine.up(**ARGS, adopt=True)
    keycloak.answers[AT] = [stored(attributes={"pulumi.owner": ARGS["owner"]})]
    forget()
    assert engine.refresh()
    keycloak.answers[AT] = [stored(description="changed", attributes={"pulumi.owner": ARGS["owner"]})]
    engine.destroy()
    assert "description" not in keycloak.asked(f"^PUT {AT}/s$")[-1].body, "what a PUT leaves out stays as it is"


def test_a_scope_that_came_into_the_other_list_since_the_first_read_is_named(
    keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keycloak would answer 204 and do nothing."""
    now = [100.0]
    monkeypatch.setattr("kcadmin.objects.clients.time.monotonic", lambda: now[0])
    keycloak.add_client("r", "frontend")
    keycloak.answers[AT] = [stored(attributes={"pulumi.owner": ARGS["owner"]})]
    engine = Engine(ClientScopeAssignmentProvider, keycloak.connection)
    assert engine._fresh().realm(ARGS).clients.find("frontend")
    keycloak.change("frontend", optionalClientScopes=["to-api"])
    now[0] += 60
    keycloak.interfere(Answer(204), at="^PUT .*/default-client-scopes/s$")
    with pytest.raises(Refusal, match="holds 'to-api' as optional scope instead of default"):
        engine.up(realm="r", client_id="frontend", scope="to-api", kind="default", owner=ARGS["owner"])


@pytest.mark.parametrize("stack", ["o/p/s", "o/p/other"])
def test_an_assignment_is_continued_by_its_claim(keycloak: FakeKeycloak, stack: str) -> None:
    """Of an unmanaged scope. The claim of another stack with the same owner stays as it is."""
    keycloak.add_client("r", "frontend")
    keycloak.answers[AT] = [stored()]
    claim = Claim(ARGS["owner"], assignment_kind("to-api"), {}, {}, Writer(stack, "0000000a"))
    keycloak.change("frontend", defaultClientScopes=["to-api"], attributes={claim.key: claim.text()})
    engine = Engine(ClientScopeAssignmentProvider, keycloak.connection)
    wanted = {"realm": "r", "client_id": "frontend", "scope": "to-api", "kind": "default", "owner": ARGS["owner"]}
    if stack == "o/p/s":
        assert engine.up(**wanted, stack="o/p/s") == "create" and engine.outputs["continues"] == "0000000a"
    else:
        with pytest.raises(Refusal, match="is the owner of what the stack 'o/p/other' made"):
            engine.up(**wanted, stack="o/p/s")
        assert keycloak.client("frontend")["attributes"][claim.key] == claim.text()


@pytest.mark.parametrize(
    "answer", [Answer(200, []), Answer(403, {"error": "HTTP 403 Forbidden"})], ids=["empty", "403"]
)
def test_hidden_lists_are_no_drift(keycloak: FakeKeycloak, answer: Answer) -> None:
    """As Keycloak 26.8 answers a login without view on client scopes. Nothing is written then either."""
    keycloak.add_client("r", "frontend", defaultClientScopes=["to-api"], optionalClientScopes=[])
    keycloak.answers[AT] = [stored(attributes={"pulumi.owner": ARGS["owner"]})]
    wanted = {"realm": "r", "client_id": "frontend", "scope": "to-api", "kind": "default", "owner": ARGS["owner"]}
    engine = Engine(ClientScopeAssignmentProvider, keycloak.connection)
    engine.up(**wanted)
    keycloak.change("frontend", defaultClientScopes=[])
    words = (
        r"client 'frontend' in realm 'r': its client scopes cannot be seen by this login; give it the role view-clients"
    )
    for run in (engine.refresh, lambda: Engine(ClientScopeAssignmentProvider, keycloak.connection).up(**wanted)):
        forget()
        keycloak.requests.clear()
        keycloak.interfere(*[answer] * 2, at=f"^GET {AT}$")
        with pytest.raises(Refusal, match=words):
            run()
        assert not keycloak.asked("^(PUT|POST|DELETE) /admin/")
    forget()
    keycloak.interfere_no_more()
    assert not engine.refresh(), "who sees the scopes is told that it is gone"


def test_what_reads_a_realm_refuses_hidden_lists(keycloak: FakeKeycloak) -> None:
    """A condition is not accepted where a scope that is not seen may void it, and no command says what a realm allows."""
    keycloak.add_client("r", "frontend")
    for name in ("frontend", "api"):
        keycloak.change(name, defaultClientScopes=[], optionalClientScopes=[])
    session = keycloak.session()
    with pytest.raises(
        Refusal, match=r"^client 'frontend' in realm 'r': its client scopes cannot be seen by this login; give"
    ):
        ways_in(realm_for(session, "r"), "frontend", "api", full_scope_goes=False)
    with pytest.raises(
        Refusal, match=r"^realm 'r': its client scopes cannot be seen by this login, or it has none; give"
    ):
        survey(session, "r")
    with pytest.raises(Refusal, match="'frontend' in realm 'r': its client scopes cannot be seen"):
        reach_among_clients(realm_for(session, "r"), Features(True, False, False), ["frontend"])
    forget()
    keycloak.answers[AT] = [stored()]
    assert ways_in(realm_for(session, "r"), "frontend", "api", full_scope_goes=False).ways == ()


@pytest.mark.parametrize("face", ["realm", "package"])
def test_hidden_lists_are_no_drift_in_any_face(keycloak: FakeKeycloak, face: str) -> None:
    """One resource of a realm, and the package: by the same providers, so a refresh and a run refuse before any write."""
    kind, name = "ClientScopeAssignment", "r/frontend/scope-to-api"
    keycloak.add_client("r", "frontend", defaultClientScopes=["to-api"], optionalClientScopes=[])
    keycloak.answers[AT] = [stored(attributes={"pulumi.owner": ARGS["owner"]})]
    props = {"realm": "r", "client_id": "frontend", "scope": "to-api", "kind": "default", "owner": ARGS["owner"]}
    packaged = Resources(keycloak.connection, {})
    if face == "realm":
        held = RealmGrantsProvider()
        held._engine, held._runs = BulkEngine(packaged._provider), {}
        inputs = held.check({}, {"realm": "r", **pack({name: Part(kind, props)}, {})}).inputs
        made = held.create(inputs)
        assert made.outs and "failed" not in made.outs and not held.diff("r", made.outs, inputs).changes
        runs = [lambda: held.read("r", made.outs or {}), lambda: held.diff("r", made.outs or {}, inputs)]
    else:
        inputs = packaged.check(kind, "u", {}, {**props, STACK: None}).inputs
        done = packaged.create(kind, inputs)
        runs = [
            lambda: packaged.read(kind, "u", done.id, done.props),
            lambda: packaged.diff(kind, done.id, done.props, inputs),
        ]
    keycloak.change("frontend", defaultClientScopes=[])
    for run in runs:
        forget()
        keycloak.requests.clear()
        keycloak.interfere(*[Answer(200, [])] * 2, at=f"^GET {AT}$")
        with pytest.raises(
            KeycloakError, match="its client scopes cannot be seen by this login; give it the role view-clients"
        ):
            run()
        assert not keycloak.asked("^(PUT|POST|DELETE) /admin/")


@pytest.mark.parametrize("roles", ["payer", ["payer"], {"api": "payer"}, {"api": [7]}, {"": ["payer"]}], ids=str)
def test_roles_of_another_shape_are_refused(keycloak: FakeKeycloak, roles: Any) -> None:
    checked = AudienceScopeProvider().use(keycloak.connection).check({}, {**ARGS, "client_roles": roles})
    (failure,) = checked.failures
    assert "client scope 'to-api' in realm 'r': client_roles is " in failure.reason
    assert failure.reason.endswith("; give lists of role names by client id.")


def test_the_order_of_roles_is_no_change(keycloak: FakeKeycloak) -> None:
    provider = AudienceScopeProvider().use(keycloak.connection)
    given = [{"api": ["b", "a", "b"], "aaa": ["c"]}, {"aaa": ["c"], "api": ["a", "b"]}]
    one, other = (provider.check({}, {**ARGS, "client_roles": roles}).inputs for roles in given)
    assert one == other and one["client_roles"]["api"] == ["a", "b"]


THEIRS = {"included.client.audience": "other", "access.token.claim": "true"}
BESIDE: dict[str, dict[str, Any]] = {
    "its mapper 'theirs' puts 'other' into tokens beside 'api'": {"name": "theirs", "config": THEIRS},
    "its mapper 'theirs' puts 'a text' into tokens beside 'api'": {
        "name": "theirs",
        "config": {"included.custom.audience": "a text", "access.token.claim": "true"},
    },
    "its mapper 'audience' is 'oidc-full-name-mapper' and no audience mapper": {
        "name": "audience",
        "protocolMapper": "oidc-full-name-mapper",
        "config": {},
    },
}


@pytest.mark.parametrize("wrong", BESIDE)
def test_a_scope_that_cannot_become_ours_is_not_adopted(keycloak: FakeKeycloak, wrong: str) -> None:
    mapper = {"id": "t", "protocolMapper": "oidc-audience-mapper", **BESIDE[wrong]}
    keycloak.answers[AT] = [stored(description="theirs", protocolMappers=[mapper])]
    with pytest.raises(Refusal) as refused:
        Engine(AudienceScopeProvider, keycloak.connection).up(**ARGS, adopt=True)
    remedy = "delete that mapper, or choose another name for this scope"
    assert refused.value.faults == (f"client scope 'to-api' in realm 'r': {wrong}; {remedy}.",)
    assert not keycloak.asked("^(PUT|POST|DELETE) /admin/"), "nothing was noted either"
