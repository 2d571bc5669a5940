"""What an owner left in a copied realm goes by a command, as its own ``destroy`` would take it; nothing of another owner does."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from exchange.release import release
from kcadmin.rest.session import session_for
from reach.leftovers import What
from tests.conftest import MakeRealm
from tests.support.copies import copied, exported
from tests.support.engine import forget
from tests.support.in_process import Killed, Stack, interrupted
from tests.support.realms import TestRealm

GONE, HERE = "first/exchange/prod", "second/exchange/staging"
GUARDS = ("requesters", "sources")
CLIENTS: dict[str, Any] = {name: {} for name in ("web", "shop", "api", "billing", "backend", "scoped", "parts")}


def grants(exchange: str, realm: str) -> list[dict[str, Any]]:
    """All kinds: both flows, a third client, required roles, on request, a lifespan, full scope off, a time window."""
    common = {"exchange": exchange, "realm": realm}
    return [
        {"name": "both", "sources": ["web"], "target": "api", "flows": ["recipient", "requester"], **common},
        {
            "name": "third",
            "sources": ["web"],
            "target": "backend",
            "requester": "billing",
            "tokenLifespan": 120,
            **common,
        },
        {
            "name": "roles",
            "sources": ["shop"],
            "target": "scoped",
            "flows": ["requester"],
            "requiredRoles": ["staff"],
            "restrictFullScope": True,
            **common,
        },
        *(
            [
                {
                    "name": "asked",
                    "sources": ["shop"],
                    "target": "parts",
                    "flows": ["requester"],
                    "audience": "optionalScope",
                    **common,
                }
            ]
            if exchange == "standard"
            else [
                {
                    "name": "window",
                    "sources": ["shop"],
                    "target": "parts",
                    "flows": ["requester"],
                    "timeWindow": {"start": "00:00", "end": "23:59"},
                    **common,
                }
            ]
        ),
    ]


@pytest.fixture
def clean(make_realm: MakeRealm, exchange: str) -> TestRealm:
    realm = make_realm(exchange, **CLIENTS)
    realm.add_role("staff", realm.user)
    if exchange == "legacy":  # whose resource server stays with the first permission, and changes its client in a copy
        for enabled in (True, False):
            permissions = realm.at("clients", realm.uuid("api"), "management", "permissions")
            realm.session.put_json(permissions, {"enabled": enabled})
    return realm


Copies = tuple[TestRealm, TestRealm]


@pytest.fixture
def copies(clean: TestRealm, exchange: str) -> Iterator[Copies]:
    """A copy of a realm before a stack worked in it, and one of the same realm with all that the stack made."""
    before = exported(clean)
    Stack(clean.connection, GONE, GUARDS, events=True).up(*grants(exchange, clean.name))
    both = copied(clean, before), copied(clean, exported(clean))
    forget()
    yield both
    for each in both:
        each.remove()


def same(one: TestRealm, other: TestRealm) -> bool:
    left, right = (exported_by_names(each) for each in (one, other))
    for ours, theirs in zip(left.pop("clients"), right.pop("clients"), strict=True):
        assert ours == theirs
    assert left == right
    return True


def exported_by_names(realm: TestRealm) -> Any:
    """An export in which two copies of one realm are equal: they have other names, and were made at other times."""
    named = json.loads(json.dumps(realm.export_but_for_permissions()).replace(realm.name, "REALM"))
    for client in named["clients"]:
        client.get("attributes", {}).pop("client.secret.creation.time", None)
    for user in named.get("users", ()):
        user.pop("createdTimestamp", None)
    return named


def found(realm: TestRealm, owner: str = GONE) -> release.Leavings:
    forget()
    return release.find(session_for(realm.connection), realm.name, owner)


def adopted(realm: TestRealm) -> release.Leavings:
    """As with --adopt, where the stack declares all that was left."""
    forget()
    session, keys = session_for(realm.connection), set()
    for each in release.find(session, realm.name, GONE).left:
        of_realm = each.what in (What.GUARD, What.EVENTS)
        keys.add((realm.name, each.what, "" if of_realm else each.client, "" if of_realm else each.name))
    return release.find(session, realm.name, GONE, by=HERE, keys=keys)


def released_though_killed(realm: TestRealm, find: Callable[[TestRealm], release.Leavings]) -> int:
    """Runs the command until it is through, killed at another write each time; how often."""
    for kills in count():
        seen = find(realm)
        try:
            with interrupted(kills % 4, after=kills % 2 == 0):
                done = release.take_away(session_for(realm.connection), seen)
        except Killed:
            continue
        assert [each for each in done if each.fault or each.stays] == []
        return kills
    raise AssertionError


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_what_an_owner_left_in_a_copy_goes_and_nothing_else(copies: Copies, exchange: str) -> None:
    clean, copy = copies
    seen = found(copy)
    assert {each.owner.split("#")[0] for each in seen.left} == {GONE} and not seen.others
    assert {What.MAPPER, What.SCOPE, What.GUARD, What.GUARD_MARK, What.EVENTS} <= {each.what for each in seen.left}
    ended = {"standard": "itself, 'backend'", "legacy": "'backend'"}[exchange]
    assert f"'billing' exchanges tokens of 'web' for {ended}" in seen.ends
    assert found(copy, "first/exchange").left == ()
    assert released_though_killed(copy, found) > 3
    assert found(copy).left == () and release.as_lines(found(copy)) == [
        f"realm '{copy.name}': owner '{GONE}' has nothing here"
    ]
    assert same(copy, clean)

    mine = Stack(copy.connection, HERE, GUARDS, events=True)
    mine.up(*grants(exchange, copy.name))
    assert "api" in copy.exchange("web", copy.user_token("web"), "api")["aud"]
    mine.up(*grants(exchange, copy.name))
    assert set(mine.changes.values()) == {"same"}
    assert found(copy).left == () and set(found(copy).others) == {HERE}
    mine.destroy()
    assert same(copy, clean)


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_another_owner_beside_keeps_all_of_its_own(clean: TestRealm, exchange: str) -> None:
    before = exported_by_names(clean)
    mine = Stack(clean.connection, HERE, GUARDS, events=True)
    mine.up(*grants(exchange, clean.name)[:2])
    gone = Stack(clean.connection, GONE, GUARDS, events=True)
    gone.up(*grants(exchange, clean.name)[:2])
    done = release.take_away(session_for(clean.connection), found(clean))
    assert [each for each in done if each.fault] == []
    assert any(HERE in each.stays for each in done)
    assert found(clean).left == ()
    assert "api" in clean.exchange("web", clean.user_token("web"), "api")["aud"]
    mine.up(*grants(exchange, clean.name)[:2])
    assert set(mine.changes.values()) == {"same"}
    mine.destroy()
    assert exported_by_names(clean) == before


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_what_is_declared_is_taken_over_however_often_it_is_killed(copies: Copies, exchange: str) -> None:
    clean, copy = copies
    if exchange == "standard":  # in a copied realm, a user has the roles of its new one
        assert "api" in copy.exchange("web", copy.user_token("web"), "api")["aud"]
    assert released_though_killed(copy, adopted) > 3
    seen = found(copy)
    assert seen.left == () and set(seen.others) == {HERE} and GONE not in json.dumps(copy.export())
    assert "api" in copy.exchange("web", copy.user_token("web"), "api")["aud"]
    mine = Stack(copy.connection, HERE, GUARDS, events=True)
    mine.up(*grants(exchange, copy.name))
    mine.up(*grants(exchange, copy.name))
    assert set(mine.changes.values()) == {"same"}
    mine.destroy()
    assert found(copy, HERE).left == () and same(copy, clean)
