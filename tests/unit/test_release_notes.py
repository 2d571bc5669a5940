"""Notes that others may have written, where no state says otherwise; and claims that are gone, or unreadable."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from exchange.release import removal
from exchange.release.removal import UNREADABLE, Stays, Unreadable, release_all
from kcadmin.objects.claims import claim_key
from kcadmin.objects.realm import realm_for
from kcadmin.rest.errors import Refusal
from kcadmin.rest.session import session_for
from providers.audience_scope import AudienceScopeProvider
from reach.leftovers import Leftover, LeftoverKind
from tests.support.engine import Engine, forget
from tests.support.fake_server import FakeKeycloak

GONE = "gone#g"
AT = "/admin/realms/r/client-scopes"
PAYER = {"id": "p", "name": "payer"}
WAS = {"name": "to-api", "description": "", "included_client": "api", "roles": [["", "payer"]], "in_token_scope": True}
FORGED: dict[str, dict[str, Any]] = {
    "audience": {"included_client": "admin-api"},
    "stored": {"stored": [["audience.access.token.claim", "true"], ["audience.included.client.audience", "admin-api"]]},
    "all users": {"roles": []},
}


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api={}, web={}, account={})
    config = {"included.client.audience": "api", "access.token.claim": "true"}
    mapper = {"id": "m", "name": "audience", "protocolMapper": "oidc-audience-mapper", "config": config}
    scope = {"id": "s", "name": "to-api", "attributes": {"pulumi.owner": GONE}, "protocolMappers": [mapper]}
    server.answers = {
        AT: [scope],
        f"{AT}/s/scope-mappings": {"realmMappings": [PAYER]},
        "/admin/realms/r/roles/payer": PAYER,
        "/admin/realms/r": {"realm": "r"},
        "/admin/realms/r/events/config": {"eventsEnabled": False, "enabledEventTypes": []},
    }
    forget()
    return server


def noted(keycloak: FakeKeycloak, of: str, forged: dict[str, Any]) -> str:
    key = claim_key(GONE, f"adopted:{of}")
    note = {"owner": GONE, "kind": f"adopted:{of}", "set": {}, "was": {**WAS, **forged}}
    keycloak.change("api", attributes={key: json.dumps(note)})
    return key


def done(keycloak: FakeKeycloak, *left: Leftover) -> list[removal.Released]:
    return list(release_all(realm_for(session_for(keycloak.connection), "r"), left))


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_note_changes_no_client_scope(keycloak: FakeKeycloak, forged: str) -> None:
    key = noted(keycloak, "x", FORGED[forged])
    (one,) = done(keycloak, Leftover(LeftoverKind.SCOPE, "", "to-api", GONE, "s"))
    assert f"attribute {key} of client 'api', which others may write" in one.fault
    assert not keycloak.asked(f"^(PUT|POST|DELETE) {AT}")


@pytest.mark.parametrize("forged", FORGED)
def test_nor_does_it_after_a_killed_up(keycloak: FakeKeycloak, forged: str) -> None:
    key = noted(keycloak, "s", FORGED[forged])
    wanted = {"realm": "r", "name": "to-api", "included_client": "api", "realm_roles": ["payer"], "owner": GONE}
    with pytest.raises(Refusal, match=f"attribute {key} of client 'api'.* another client scope before"):
        Engine(AudienceScopeProvider, keycloak.connection).up(**wanted, adopt=True)
    assert not keycloak.asked(f"^(PUT|POST|DELETE) {AT}")


@pytest.mark.parametrize("is_whole", [False, True])
def test_an_adopted_mapper_is_given_back_by_its_fields_or_whole(keycloak: FakeKeycloak, is_whole: bool) -> None:
    config = {
        "included.client.audience": "api",
        "access.token.claim": "false",
        "id.token.claim": "true",
        "more": "kept",
    }
    ours = {**config, "access.token.claim": "true", "pulumi.owner": GONE, "pulumi.exchange": "standard"}
    mapper = {"id": "a", "name": "n", "protocolMapper": "oidc-audience-mapper", "config": ours}
    fields = {"included_client": "api", "access_token": False, "id_token": True, "introspection": True}
    whole = {"stored": [*config.items()]} if is_whole else {}
    was = {"name": "n", "custom_audience": None, **fields, **whole}
    note = json.dumps({"owner": GONE, "kind": "adopted:a", "set": {}, "was": was})
    keycloak.change("web", protocolMappers=[mapper], attributes={claim_key(GONE, "adopted:a"): note})
    (one,) = done(keycloak, Leftover(LeftoverKind.MAPPER, "web", "n", GONE, "a"))
    (now,) = keycloak.client("web")["protocolMappers"]
    assert not one.fault and {key: now["config"].get(key) for key in config} == config
    assert not [key for key in now["config"] if key.startswith("pulumi.")]


@pytest.mark.parametrize(
    ("what", "problem", "stay"),
    [
        (LeftoverKind.SWITCH, Unreadable(UNREADABLE), True),
        (LeftoverKind.MANAGEMENT, Unreadable(UNREADABLE), True),
        (LeftoverKind.SWITCH, Stays("stays as it is for 'other'"), False),
    ],
    ids=["switch", "management", "others"],
)
def test_guards_stay_where_a_claim_does_not_say_how_to_close_what_they_guard(
    keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch, what: LeftoverKind, problem: Exception, stay: bool
) -> None:
    gone: list[LeftoverKind] = []

    def fails(*_: Any) -> None:
        raise problem

    def goes(of: LeftoverKind) -> Callable[..., None]:
        return lambda *_: gone.append(of)

    monkeypatch.setitem(removal._WAYS, what, fails)
    for each in (LeftoverKind.GUARD, LeftoverKind.GUARD_MARK):
        monkeypatch.setitem(removal._WAYS, each, goes(each))
    _, *guards = done(
        keycloak, *(Leftover(each, "web", "", GONE) for each in (what, LeftoverKind.GUARD, LeftoverKind.GUARD_MARK))
    )
    assert [bool(each.fault) for each in guards] == [stay, stay]
    assert gone == ([] if stay else [LeftoverKind.GUARD, LeftoverKind.GUARD_MARK])


@pytest.mark.parametrize(
    ("what", "client"),
    [(LeftoverKind.SWITCH, "web"), (LeftoverKind.MANAGEMENT, "web"), (LeftoverKind.EVENTS, "account")],
)
def test_a_claim_that_has_just_gone_is_no_unreadable_one(
    keycloak: FakeKeycloak, what: LeftoverKind, client: str
) -> None:
    (one,) = done(keycloak, Leftover(what, client, "", GONE))
    assert (one.stays, one.fault) == ("", "")
