"""Many claims of one kind on one client go by few writes, and with them what would go if they went one by one."""

from collections.abc import Iterator

import pytest

from exchange.release.client_writes import _given_back
from exchange.release.crowds import HOLDS_POLICIES, UNREADABLE
from exchange.release.removal import Released, release_all
from kcadmin.authz.noted_strategy import STRATEGY
from kcadmin.marks.ownership import CLAIM_PREFIX
from kcadmin.objects.claims import Claim, Kind, claim_key
from kcadmin.objects.clients import ATTRIBUTE
from kcadmin.objects.features import SWITCH, SWITCH_CLAIM
from kcadmin.objects.lifespans import LIFESPAN
from kcadmin.objects.realm import realm_for
from kcadmin.objects.resource_server import permission_name
from kcadmin.objects.setting_claims import LIFESPAN_CLAIM, assignment_kind
from kcadmin.rest.session import session_for
from reach.leftovers import Leftover, LeftoverKind
from tests.support.engine import forget
from tests.support.fake_server import FakeKeycloak, Request
from tests.support.in_process import Killed, interrupted

MANY = 30
OTHER = "other/project/stack"
AT_SWITCH, AT_LIFESPAN = (each.removeprefix(ATTRIBUTE) for each in (SWITCH, LIFESPAN))


def owner(number: int) -> str:
    return f"gone#{number:02}"


def left(what: LeftoverKind, names: int = 1) -> list[Leftover]:
    return [Leftover(what, "api", f"s{number}" if names > 1 else "", owner(number)) for number in range(MANY)]


ALL = [*left(LeftoverKind.SWITCH), *left(LeftoverKind.ASSIGNMENT, MANY), *left(LeftoverKind.LIFESPAN)]


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    """A client whose switch, lifespan and client scopes ``gone`` claims with many grants; another owner the lifespan, too."""
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api={"optionalClientScopes": ["email"]})
    server.answers = {"/admin/realms/r": {"realm": "r"}}
    forget()
    return server


def claimed(keycloak: FakeKeycloak) -> None:
    noted = [Claim(owner(each), SWITCH_CLAIM, {SWITCH: "true"}, {SWITCH: None}) for each in range(MANY)]
    noted += [Claim(owner(each), assignment_kind(f"s{each}"), {}, {}) for each in range(MANY)]
    owners = (OTHER, *map(owner, range(MANY)))
    noted += [Claim(each, LIFESPAN_CLAIM, {LIFESPAN: "90"}, {LIFESPAN: "60"}) for each in owners]
    unfit = Claim(owner(7), Kind(SWITCH_CLAIM.name), {"enabled": False}, {})
    attributes = {each.key: each.text() for each in (*noted, unfit)}
    keycloak.change("api", attributes={AT_SWITCH: "true", AT_LIFESPAN: "90", **attributes})


def released(keycloak: FakeKeycloak, *crowd: Leftover) -> list[Released]:
    return list(release_all(realm_for(session_for(keycloak.connection), "r"), crowd or ALL))


def writes(keycloak: FakeKeycloak) -> Iterator[Request]:
    return (each for each in keycloak.requests if each.method != "GET" and "/clients/" in each.path)


def test_a_crowd_goes_by_few_writes_and_another_owner_keeps_its_own(keycloak: FakeKeycloak) -> None:
    claimed(keycloak)
    done = released(keycloak)
    attributes = keycloak.client("api")["attributes"]
    kept = claim_key(OTHER, LIFESPAN_CLAIM)
    assert [key for key in attributes if key.startswith(CLAIM_PREFIX)] == [kept]
    assert (attributes.get(AT_SWITCH), attributes[AT_LIFESPAN]) == (None, "90")
    assert len(list(writes(keycloak))) <= 8
    assert [each.left for each in done] == ALL and not [each for each in done if each.fault]
    told = {each.left: each.stays for each in done if each.stays}
    assert told == {ALL[7]: UNREADABLE, ALL[-1]: f"stays as it is for '{OTHER}'"}


def test_killed_at_any_write_a_next_run_ends_alike(keycloak: FakeKeycloak) -> None:
    claimed(keycloak)
    released(keycloak)
    end, number = keycloak.state(), len(list(writes(keycloak)))
    for last in range(number):
        for after in (False, True):
            claimed(keycloak)
            forget()
            with pytest.raises(Killed), interrupted(last, after=after):
                released(keycloak)
            forget()
            released(keycloak)
            assert keycloak.state() == end


def test_the_last_owner_alone_gives_a_setting_back(keycloak: FakeKeycloak) -> None:
    """What a release is predicted to write, before client policies judge it."""
    claimed(keycloak)
    client = realm_for(session_for(keycloak.connection), "r").clients.find("api")
    assert client
    gone = {*map(owner, range(MANY))}
    assert _given_back(client, LeftoverKind.LIFESPAN, gone) == {}  # another owner stays
    assert _given_back(client, LeftoverKind.LIFESPAN, {*gone, OTHER}) == {LIFESPAN: "60"}


@pytest.mark.parametrize("policies", [["ours"], []], ids=["holds one", "empty"])
def test_the_former_strategy_is_noted_while_the_permission_holds_a_policy(
    keycloak: FakeKeycloak, policies: list[str]
) -> None:
    both = {"logic": "POSITIVE", "decisionStrategy": "AFFIRMATIVE", "description": ""}
    name = permission_name(keycloak.uuid("api"))
    keycloak.server("realm-management")["policies"] |= {
        "p": {**both, "id": "p", "name": name, "type": "scope", "policies": policies, "scopes": []},
        "ours": {**both, "id": "ours", "name": "ours", "type": "client"},
    }
    noted = [Claim(owner(each), STRATEGY, {}, {"strategy": "UNANIMOUS"}) for each in range(MANY)]
    keycloak.change("api", attributes={each.key: each.text() for each in noted})
    done = released(keycloak, *left(LeftoverKind.STRATEGY))
    assert {each.stays for each in done} == {HOLDS_POLICIES if policies else ""}
    kept = [key for key in keycloak.client("api")["attributes"] if key.startswith(CLAIM_PREFIX)]
    assert len(kept) == (MANY if policies else 0)
