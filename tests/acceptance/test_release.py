"""What an owner left in a copied realm goes by a command, as its own ``destroy`` would take it; nothing of another owner does."""

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from exchange.release import release
from exchange.release.adoption import declared_by
from kcadmin.guards.marks import KIND as GUARD_MARK
from kcadmin.guards.parts import MARK
from kcadmin.objects.claims import claim_key
from kcadmin.objects.features import SWITCH_CLAIM
from kcadmin.objects.recorded_events import KIND as EVENTS
from kcadmin.objects.setting_claims import FULL_SCOPE_CLAIM
from kcadmin.rest.answers import Answer
from kcadmin.rest.session import Session, session_for
from reach.leftovers import LeftoverKind
from tests.acceptance.test_policy_changes import AUTHENTICATOR, CONSENT, GRANT, demand
from tests.conftest import MakeRealm
from tests.support.copies import copied, exported
from tests.support.engine import forget
from tests.support.in_process import PROVIDERS, Killed, Stack, interrupted
from tests.support.realms import TestRealm

GONE, HERE = "first/exchange/prod", "second/exchange/staging"
GUARDS = ("requesters", "sources")
FORGED = 200  # notes, beside other things
PARTS = "parts-" + 23 * "long-names"  # of which the name of a policy lacks the end
CLIENTS: dict[str, Any] = {name: {} for name in ("web", "shop", "api", "billing", "backend", "scoped", "evil", PARTS)}


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
                    "target": PARTS,
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
                    "target": PARTS,
                    "flows": ["requester"],
                    "timeWindow": {"start": "00:00", "end": "23:59"},
                    **common,
                }
            ]
        ),
    ]


Resources = list[dict[str, Any]]


@dataclass(frozen=True)
class Left:
    """A realm in which a stack worked, and how it left it.

    without: what a copy exports that was made before the stack. copy: all that a copy needs with what the stack made, its
    ``resources``.
    """

    realm: TestRealm
    without: Any
    copy: dict[str, Any]
    resources: Resources


@pytest.fixture(scope="module")
def lefts(make_module_realm: MakeRealm) -> Callable[[str], Left]:
    """Made once for each exchange; the realm is as it was before the stack again."""

    @functools.cache
    def of(exchange: str) -> Left:
        realm = make_module_realm(exchange, **CLIENTS)
        realm.add_role("staff", realm.user)
        # A legacy grant's resource server stays with the first permission, and changes its client in a copy.
        for enabled in (True, False) if exchange == "legacy" else ():
            permissions = realm.at("clients", realm.uuid("api"), "management", "permissions")
            realm.session.put_json(permissions, {"enabled": enabled})
        copy = copied(realm, exported(realm))
        without = exported_by_names(copy)
        copy.remove()
        gone = Stack(realm.connection, GONE, GUARDS, events=True)
        gone.up(*grants(exchange, realm.name))
        types = {provider: type_ for type_, provider in PROVIDERS.items()}
        declared = [
            {"urn": f"::{name}", "type": types[each.provider], "inputs": each.inputs}
            for name, each in gone.state.items()
        ]
        left = Left(realm, without, exported(realm), json.loads(json.dumps(declared).replace(realm.name, "REALM")))
        gone.destroy()
        return left

    return of


@pytest.fixture
def left(lefts: Callable[[str], Left], exchange: str) -> Left:
    return lefts(exchange)


@pytest.fixture
def copy(left: Left) -> Iterator[TestRealm]:
    """A copy of the realm with all that the stack made."""
    made = copied(left.realm, left.copy)
    forget()
    yield made
    made.remove()


def same(copy: TestRealm, without: dict[str, Any]) -> bool:
    """Whether a copy is as one that was made before the stack."""
    ours = exported_by_names(copy)
    for one, other in zip(ours.pop("clients"), without["clients"], strict=True):
        assert one == other
    assert ours == {name: value for name, value in without.items() if name != "clients"}
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


def adopted(realm: TestRealm, resources: Resources) -> release.Leavings:
    """As with --adopt, where the stack declares what the first one did."""
    forget()
    here = json.loads(json.dumps(resources).replace("REALM", realm.name))
    return release.find(session_for(realm.connection), realm.name, GONE, by=HERE, wanted=declared_by(here, GONE))


def released_though_killed(realm: TestRealm, find: Callable[[TestRealm], release.Leavings]) -> int:
    """Runs the command until it is through, killed at another write each time; how often."""
    for kills in count():
        seen = find(realm)
        try:
            with interrupted(kills % 8, after=kills % 2 == 0):
                done = release.take_away(session_for(realm.connection), seen)
        except Killed:
            continue
        assert [each for each in done if each.fault or each.stays] == []
        return kills
    raise AssertionError


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_what_an_owner_left_in_a_copy_goes_and_nothing_else(left: Left, copy: TestRealm, exchange: str) -> None:
    seen = found(copy)
    assert {each.owner.split("#")[0] for each in seen.left} == {GONE} and not seen.others
    assert {
        LeftoverKind.MAPPER,
        LeftoverKind.SCOPE,
        LeftoverKind.GUARD,
        LeftoverKind.GUARD_MARK,
        LeftoverKind.EVENTS,
    } <= {each.what for each in seen.left}
    ended = {"standard": "itself, 'backend'", "legacy": "'backend'"}[exchange]
    assert f"'billing' exchanges tokens of 'web' for {ended}" in seen.ends
    assert found(copy, "first/exchange").left == ()
    assert released_though_killed(copy, found) > 3
    assert found(copy).left == () and release.as_lines(found(copy)) == [
        f"realm '{copy.name}': owner '{GONE}' has nothing here"
    ]
    assert same(copy, left.without)

    mine = Stack(copy.connection, HERE, GUARDS, events=True)
    mine.up(*grants(exchange, copy.name))
    assert "api" in copy.exchange("web", copy.user_token("web"), "api")["aud"]
    mine.up(*grants(exchange, copy.name))
    assert set(mine.changes.values()) == {"same"}
    assert found(copy).left == () and set(found(copy).others) == {HERE}
    mine.destroy()
    assert same(copy, left.without)


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_another_owner_beside_keeps_all_of_its_own(left: Left, exchange: str) -> None:
    clean = left.realm
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
def test_what_is_declared_is_taken_over_however_often_it_is_killed(left: Left, copy: TestRealm, exchange: str) -> None:
    resources = left.resources
    if exchange == "standard":  # in a copied realm, a user has the roles of its new one
        assert "api" in copy.exchange("web", copy.user_token("web"), "api")["aud"]
    assert not [each for each in adopted(copy, resources).left if each not in adopted(copy, resources).adopted]

    def adopted_without_a_gap(realm: TestRealm) -> release.Leavings:
        """Whatever the last run came to before it was killed, who was served before is served."""
        assert "backend" in realm.exchange("billing", realm.user_token("web"), "backend")["aud"]
        return adopted(realm, resources)

    assert released_though_killed(copy, adopted_without_a_gap) > 3
    seen = found(copy)
    assert seen.left == () and set(seen.others) == {HERE} and GONE not in json.dumps(copy.export())
    assert "api" in copy.exchange("web", copy.user_token("web"), "api")["aud"]
    mine = Stack(copy.connection, HERE, GUARDS, events=True)
    mine.up(*grants(exchange, copy.name))
    mine.up(*grants(exchange, copy.name))
    assert set(mine.changes.values()) == {"same"}
    mine.destroy()
    assert found(copy, HERE).left == () and same(copy, left.without)


@pytest.mark.exchange_guards
def test_what_client_policies_do_at_its_writes_is_told_before(realm: TestRealm) -> None:
    """Refused unless accepted; where they refuse the writes, the rest goes all the same."""
    session, named = session_for(realm.connection), {"realm": realm.name}
    Stack(realm.connection, GONE).up({**GRANT, **named})
    demand(realm, AUTHENTICATOR, CONSENT)
    before = realm.export()
    (switch,) = (each for each in found(realm).refused if "client 'api'" in each and "-authenticator)" in each)
    assert "would change clientAuthenticatorType from " in switch
    assert "when `python -m exchange release` writes this client; take the client out of the policy's" in switch
    assert switch.endswith("or accept it by --accept-policy-changes 'clientAuthenticatorType'.")
    assert realm.export() == before

    demand(realm, {"executor": "consent-required", "configuration": {"auto-configure": False}})
    seen = found(realm)
    assert seen.refused == () and any(
        "would refuse what `python -m exchange release` writes" in each for each in seen.told
    )
    done = release.take_away(session, seen)
    assert [each.left.what for each in done if each.fault] == [LeftoverKind.SWITCH]
    assert not realm.client("frontend").get("protocolMappers")

    demand(realm, CONSENT)
    forget()
    seen = release.find(session, realm.name, GONE, accepted=["consentRequired"])
    assert seen.refused == () and any("as accepted" in each for each in seen.told)
    assert [each.fault for each in release.take_away(session, seen, accepted=["consentRequired"])] == [""]
    assert realm.client("api")["consentRequired"] is True and "standard.token" not in str(
        realm.client("api")["attributes"]
    )


def forged(kind: str, owner: str = GONE, key_of: str = "", **entry: Any) -> tuple[str, str]:
    """A claim as somebody writes it who may change a client. key_of: the owner by whom its key is, where another one."""
    return claim_key(key_of or owner, kind), json.dumps({"owner": owner, "kind": kind, "set": {}, "was": {}, **entry})


def forge(realm: TestRealm) -> None:
    """What owners of the clients ``evil`` and ``web`` can write: marks, claims and notes that look like both owners'."""
    web, evil = realm.client("web"), realm.uuid("evil")
    mapper = next(each for each in web["protocolMappers"] if each["config"].get("pulumi.owner") == GONE)
    notes = dict(forged(f"adopted:{number}", f"{GONE}#{number}") for number in range(FORGED))
    on = {"was": {"attributes.standard.token.exchange.enabled": "true"}}
    claims = dict(
        [
            forged(EVENTS.name, was={"enabled": True, "expiration": 0}),
            forged(SWITCH_CLAIM.name, set=[1]),
            forged(SWITCH_CLAIM.name, f"{GONE}#both", set={"redirectUris": "*"}, **on),
            forged(GUARD_MARK.name, f"{GONE}#web"),
            forged(FULL_SCOPE_CLAIM.name, key_of=HERE),
            ("pulumi.claim.0123456789abcdef", "{{{"),
            ("pulumi.claim.fedcba9876543210", json.dumps([GONE] * 500)),
        ]
    )
    mark = web["attributes"].get(MARK)
    realm.change("evil", attributes={**notes, **claims, **({MARK: mark} if mark else {})})
    alike = {**mapper, "config": {**mapper["config"], "included.client.audience": "web"}}
    for where, each in ((evil, mapper), (web["id"], {**alike, "name": "of-the-gone"})):
        made = {key: value for key, value in each.items() if key != "id"}
        realm.session.post(realm.at("clients", where, "protocol-mappers", "models"), made)
    untrue = {"name": mapper["name"], "included_client": None, "custom_audience": "admin-api", "access_token": True}
    realm.change(
        "web",
        attributes=dict(
            [
                forged(f"adopted:{mapper['id']}", was={**untrue, "id_token": True, "introspection": True}),
                (claim_key(HERE, SWITCH_CLAIM.name), "no JSON"),
            ]
        ),
    )


@contextmanager
def written(to: str) -> Iterator[list[str]]:
    """The bodies of the writes whose path holds a text."""
    bodies: list[str] = []
    original = Session._send

    def send(self: Session, method: str, at: str, **arguments: Any) -> Answer:
        if method != "GET" and to in at:
            bodies.append(json.dumps(arguments.get("body")))
        return original(self, method, at, **arguments)

    Session._send = send  # type: ignore[method-assign]
    try:
        yield bodies
    finally:
        Session._send = original  # type: ignore[method-assign]


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_forged_marks_claims_and_notes_win_nothing(left: Left, copy: TestRealm, exchange: str) -> None:
    resources = left.resources
    forge(copy)
    seen = adopted(copy, resources)
    real = {(each.what, each.client, each.audience, each.type) for each in declared_by(resources, GONE)}
    with written(copy.uuid("evil")) as writes:
        done = release.take_away(session_for(copy.connection), seen)
    assert 0 < len(writes) < 20 and HERE not in "".join(writes)
    assert len(done) > FORGED and {each.left.what for each in done if each.fault} <= {LeftoverKind.GUARD_MARK}
    assert [each for each in done if "says that it gave tokens something else before" in each.stays]
    done = release.take_away(session_for(copy.connection), adopted(copy, resources))
    assert [each for each in done if each.fault or each.stays] == []
    of_realm = (LeftoverKind.GUARD, LeftoverKind.EVENTS)
    unnoted = (LeftoverKind.STRATEGY, LeftoverKind.ASSIGNMENT)  # the first grant's alone; the scope bears the mark
    assert {
        (each.what, "" if each.what in of_realm else each.client, each.audience, each.type)
        for each in found(copy, HERE).left
    } == {each for each in real if each[0] not in unnoted}
    mine = Stack(copy.connection, HERE, GUARDS, events=True)
    mine.up(*grants(exchange, copy.name))
    mine.up(*grants(exchange, copy.name))
    assert set(mine.changes.values()) == {"same"}
    mine.destroy()
    # At evil: no JSON, a list, and under the key of another owner; at web: no JSON, for a switch that legacy never claims.
    for client, number in {"evil": 3, "web": int(exchange == "legacy")}.items():
        nobodys = {key for key in copy.client(client)["attributes"] if key.startswith("pulumi.claim.")}
        assert len(nobodys) == number
        copy.change(client, attributes=dict.fromkeys(nobodys))
    assert same(copy, left.without)
