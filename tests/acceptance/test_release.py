"""What an owner left in a copied realm goes by a command, as its own ``destroy`` would take it; nothing of another owner does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from exchange import release
from kcadmin.leftovers import What
from kcadmin.release import Released
from tests.conftest import MakeRealm
from tests.support.copies import copied, exported
from tests.support.engine import forget
from tests.support.in_process import Killed, Stack, interrupted
from tests.support.realms import TestRealm

GONE = "first/exchange/prod"
CLIENTS: dict[str, Any] = {name: {} for name in ("web", "shop", "api", "billing", "backend", "scoped", "parts")}


def grants(exchange: str, realm: str) -> list[dict[str, Any]]:
    """All kinds: both flows, a third client, required roles, on request, a lifespan, full scope off, a time window."""
    common = {"exchange": exchange, "realm": realm}
    return [
        {"name": "both", "sources": ["web"], "target": "api", "flows": ["recipient", "requester"], **common},
        {"name": "third", "sources": ["web"], "target": "backend", "requester": "billing", "tokenLifespan": 120, **common},
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


def guards(exchange: str) -> tuple[str, ...]:
    return ("requesters", "sources")


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
    Stack(clean.connection, GONE, guards(exchange), events=True).up(*grants(exchange, clean.name))
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
    return named


def found(realm: TestRealm, owner: str = GONE) -> release.Found:
    forget()
    return release.find(realm.session, realm.name, owner)


def released(realm: TestRealm, owner: str = GONE) -> list[Released]:
    return release.take_away(realm.session, found(realm, owner))


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_what_an_owner_left_in_a_copy_goes_and_nothing_else(copies: Copies, exchange: str) -> None:
    clean, copy = copies
    seen = found(copy)
    assert {each.owner.split("#")[0] for each in seen.left} == {GONE} and not seen.others
    assert {What.MAPPER, What.SCOPE, What.GUARD, What.GUARD_MARK, What.EVENTS} <= {each.what for each in seen.left}
    ended = {"standard": "itself, 'backend'", "legacy": "'backend'"}[exchange]
    assert f"'billing' exchanges tokens of 'web' for {ended}" in seen.ends
    done = release.take_away(copy.session, seen)
    assert [each for each in done if each.fault or each.stays] == []
    assert found(copy).left == ()
    assert same(copy, clean)
