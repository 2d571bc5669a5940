"""What people are told when a part of a grant was removed: each once, in words that hold, and never at the run's cost."""

from collections.abc import Callable

import pulumi
import pytest

from kcadmin.objects.claims import Claim
from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, REFRESH, STANDARD, SWITCH
from kcadmin.objects.lifespans import LIFESPAN, access_token_lifespan
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Forbidden
from providers.audience_mapper import AudienceMapperProvider
from providers.base.after_removal import never_in_the_way, tell_token_life, tell_token_life_of_grant
from providers.base.provider import Props
from providers.standard_token_exchange import KIND, StandardTokenExchangeProvider
from providers.token_lifespan import TokenLifespanProvider
from tests.support.engine import Engine, forget
from tests.support.fake_server import Answer, FakeKeycloak

OURS, THEIRS = "org/project/stack", "org/other/stack"
REMEDY = "; take that away if nobody needs it."
ON = {SWITCH.removeprefix("attributes."): "true"}
REALM_PATH = "/admin/realms/r"
REALM = f"^GET {REALM_PATH}$"

UNREAD = "up to the realm's access token lifespan, which could not be read"


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api={}, frontend={})
    server.answers[REALM_PATH] = {"accessTokenLifespan": 300}
    return server


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines for people, warnings with a ``!`` before them."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lines.append)
    monkeypatch.setattr(pulumi.log, "warn", lambda line: lines.append(f"! {line}"))
    return lines


@pytest.fixture
def realm(keycloak: FakeKeycloak) -> Realm:
    return Realm(keycloak.session(), "r")


def client(realm: Realm, client_id: str = "api") -> Client:
    found = realm.clients.find(client_id)
    assert found
    return found


@pytest.mark.parametrize(
    ("own", "realms", "said"),
    [
        (None, {"accessTokenLifespan": 300}, "up to 5 minutes"),
        (None, {"accessTokenLifespan": 61}, "up to 2 minutes"),
        ("60", {"accessTokenLifespan": 300}, "up to 1 minute"),
        ("5", {}, "up to 1 minute"),
        ("36000", {}, "up to 600 minutes"),
        ("-1", {"accessTokenLifespan": 300}, "until the user's session ends"),
        (None, {"realm": "r"}, "up to the realm's access token lifespan"),
        ("soon", {"accessTokenLifespan": 300}, "up to the realm's access token lifespan"),
        (None, Answer(403, {"error": "HTTP 403 Forbidden"}), "up to the realm's access token lifespan"),
        *((None, Answer(*each), UNREAD) for each in ((200, []), (200, "<html>"), (418, {"error": "teapot"}))),
    ],
)
def test_how_long_tokens_live(
    keycloak: FakeKeycloak, realm: Realm, told: list[str], own: str | None, realms: Answer | Props, said: str
) -> None:
    keycloak.change("api", attributes={LIFESPAN.removeprefix("attributes."): own})
    if isinstance(realms, Answer):
        keycloak.interfere(realms, at=REALM)
    else:
        keycloak.answers[REALM_PATH] = realms
    tell_token_life(realm, client(realm), STANDARD)
    (line,) = told
    line, _, why = line.partition(" (")
    assert (
        f"{line}{'.' if why else ''}"
        == f"client 'api' in realm 'r': access tokens that it got by exchange live {said}."
    )
    assert bool(why) == (said == UNREAD) and (not why or "GET /admin/realms/r" in why)


def test_the_realm_is_asked_once_and_each_line_said_once(keycloak: FakeKeycloak, realm: Realm, told: list[str]) -> None:
    for _ in range(2):
        tell_token_life(realm, client(realm), LEGACY)
        tell_token_life(realm, client(realm, "frontend"), STANDARD)
    assert told == [
        "client 'api' in realm 'r': access tokens that were exchanged for it live up to 5 minutes, refresh tokens, where "
        "given, until the user's session ends.",
        "client 'frontend' in realm 'r': access tokens that it got by exchange live up to 5 minutes.",
    ]
    assert len(keycloak.asked(REALM)) == 1


def test_a_lifespan_that_the_run_takes_away_still_counts(keycloak: FakeKeycloak, told: list[str]) -> None:
    engines = [
        Engine(provider, keycloak.connection) for provider in (TokenLifespanProvider, StandardTokenExchangeProvider)
    ]
    for engine, args in zip(engines, ({"seconds": 3600}, {}), strict=True):
        engine.up(realm="r", client_id="api", owner=OURS, **args)
    for engine in engines:
        engine.destroy()
    assert told == ["client 'api' in realm 'r': access tokens that it got by exchange live up to 60 minutes."]


def test_a_lifespan_of_its_own_needs_no_read_of_the_realm(keycloak: FakeKeycloak, realm: Realm) -> None:
    keycloak.change("api", attributes={LIFESPAN.removeprefix("attributes."): "60"})
    assert access_token_lifespan(realm, client(realm)) == 60
    assert not keycloak.asked(REALM)


@pytest.mark.parametrize(
    ("exchange", "switched_on", "said"),
    [
        (STANDARD, [], []),
        (STANDARD, ["frontend"], ["'frontend' in realm 'r': access tokens that it got by exchange"]),
        (STANDARD, ["frontend", "api"], ["'frontend'", "'api' in realm 'r': access tokens that it got by exchange"]),
        (LEGACY, ["frontend"], ["'api' in realm 'r': access tokens that were exchanged for it"]),
    ],
)
def test_a_grants_mapper_tells_of_whoever_keeps_its_switch(
    keycloak: FakeKeycloak, realm: Realm, told: list[str], exchange: str, switched_on: list[str], said: list[str]
) -> None:
    for name in switched_on:
        keycloak.change(name, attributes=ON)
    tell_token_life_of_grant(realm, "frontend", "api", exchange)
    assert len(told) == len(said) and all(part in line for part, line in zip(said, told, strict=True)), told


def test_information_never_ends_a_run(told: list[str]) -> None:
    with never_in_the_way("thing 'x' in realm 'r'"):
        raise Forbidden(403, "GET", "/somewhere", "no")
    (line,) = told
    assert line.startswith("! thing 'x' in realm 'r': is removed; what still allows an exchange could not be read (GET")


Prepare = Callable[[FakeKeycloak], object]


@pytest.mark.parametrize(
    ("prepare", "owner", "said"),
    [
        (lambda keycloak: None, OURS, None),
        (lambda keycloak: keycloak.change("api", attributes=ON), OURS, "was on before this stack and stays on"),
        (
            lambda keycloak: claimed_by(keycloak, f"{THEIRS}#g"),
            OURS,
            f"is used by '{THEIRS}#g' and stays on",
        ),
        (lambda keycloak: claimed_by(keycloak, f"{OURS}#other"), f"{OURS}#one", None),
    ],
    ids=["ours alone", "was on", "another stack's", "of our stack, too"],
)
def test_a_switch_that_stays_on(
    keycloak: FakeKeycloak, told: list[str], prepare: Prepare, owner: str, said: str | None
) -> None:
    prepare(keycloak)
    engine = Engine(StandardTokenExchangeProvider, keycloak.connection)
    engine.up(realm="r", client_id="api", owner=owner)
    forget()
    engine.destroy()
    warned = [f"! client 'api' in realm 'r': may still exchange tokens, since its standard exchange {said}{REMEDY}"]
    lives = ["client 'api' in realm 'r': access tokens that it got by exchange live up to 5 minutes."]
    assert told == lives + (warned if said else [])


def claimed_by(keycloak: FakeKeycloak, owner: str) -> None:
    claim = Claim(owner, KIND, {SWITCH: "true", REFRESH: None}, {SWITCH: None, REFRESH: None})
    keycloak.change("api", attributes={**ON, claim.key: claim.text()})


def test_a_switch_that_revoke_takes_away_is_not_warned_of(keycloak: FakeKeycloak, told: list[str]) -> None:
    keycloak.change("api", attributes=ON)
    engine = Engine(StandardTokenExchangeProvider, keycloak.connection)
    engine.up(realm="r", client_id="api", owner=OURS, on_remove="revoke")
    engine.destroy()
    assert not [line for line in told if line.startswith("!")]


def test_a_switch_that_is_kept(keycloak: FakeKeycloak, told: list[str]) -> None:
    engine = Engine(StandardTokenExchangeProvider, keycloak.connection)
    engine.up(realm="r", client_id="api", owner=OURS)
    assert engine.up(realm="r", client_id="api", owner=OURS, on_remove="keep") == "update"
    forget()
    engine.destroy()
    assert keycloak.client("api")["attributes"] == ON
    stays = "stays as it is (onRemove: keep), and this stack no longer manages it."
    assert told == [f"standard token exchange of client 'api' in realm 'r': {stays}"]


LEFT = "'frontend' in realm 'r': its tokens may still be exchanged for 'api', which the audience mapper {} puts into"


@pytest.mark.parametrize(
    ("found", "args", "said"),
    [
        ([], {}, None),
        ([{"name": "theirs"}], {}, "'theirs'"),
        ([{"name": "theirs"}], {"on_remove": "revoke"}, None),
        ([{"name": "theirs"}, {"name": "too"}], {"on_remove": "revoke"}, "'too'"),
        ([{"name": "theirs", "id.token.claim": "true"}], {}, "'theirs'"),
        ([{"name": "theirs", "access.token.claim": "false"}], {}, None),
        ([{"name": "theirs", "included.client.audience": "other"}], {}, None),
        ([{"name": "m", "pulumi.owner": THEIRS}], {}, f"'m' of '{THEIRS}'"),
        ([{"name": "m", "pulumi.owner": f"{OURS}#other"}], {}, "'m' (which bears this stack's mark)"),
    ],
    ids=[
        "ours alone",
        "used",
        "revoked",
        "one of two revoked",
        "beside ours",
        "in no access token",
        "of another audience",
        "another stack's",
        "that says to be of our stack",
    ],
)
def test_a_mapper_that_stays(
    keycloak: FakeKeycloak, told: list[str], found: list[dict[str, str]], args: Props, said: str | None
) -> None:
    for number, config in enumerate(found):
        keycloak.client("frontend")["protocolMappers"].append(
            {
                "id": str(number),
                "name": config["name"],
                "protocolMapper": "oidc-audience-mapper",
                "config": {"included.client.audience": "api", "access.token.claim": "true", **config},
            }
        )
    engine = Engine(AudienceMapperProvider, keycloak.connection)
    engine.up(realm="r", client_id="frontend", included_client="api", owner=OURS, **args)
    forget()
    engine.destroy()
    warned = [line for line in told if line.startswith("!")]
    assert len(warned) == (said is not None), told
    assert not said or LEFT.format(said) in warned[0]


def test_a_target_that_names_itself_is_no_matter(keycloak: FakeKeycloak, told: list[str]) -> None:
    keycloak.client("api")["protocolMappers"].append(
        {
            "id": "1",
            "name": "theirs",
            "protocolMapper": "oidc-audience-mapper",
            "config": {"included.client.audience": "api", "access.token.claim": "true"},
        }
    )
    engine = Engine(AudienceMapperProvider, keycloak.connection)
    engine.up(realm="r", client_id="api", included_client="api", owner=OURS)
    engine.destroy()
    assert told == ["audience mapper 'api' in realm 'r': already existed as declared and is left unchanged."]
