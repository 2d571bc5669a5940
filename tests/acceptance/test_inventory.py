"""A realm made by hand becomes grants, whatever the names; ``up`` of them writes next to nothing, ``destroy`` leaves all.

Sixty ways in which people allow exchanges, in one realm on a server with both: tests/support/handmade.py.
"""

import json
from typing import Any

import pytest

from exchange.inventory.config_file import take_inventory
from exchange.inventory.grants import Inventory
from exchange.inventory.remarks import Level
from kcadmin.rest.tokens import TokenRefused
from tests.conftest import Servers
from tests.support import handmade
from tests.support.engine import forget
from tests.support.in_process import Stack, interrupted
from tests.support.realms import TestRealm

pytestmark = pytest.mark.standard_exchange

NEVER = 10**6
RECIPIENT, REQUESTER = ["recipient"], ["requester"]
BOTH = [*RECIPIENT, *REQUESTER]


def standard(sources: str, target: str, **more: Any) -> dict[str, Any]:
    return {"sources": sources.split(), "target": target, "exchange": "standard", **more}


def legacy(sources: str, target: str, flows: list[str] = REQUESTER, **more: Any) -> dict[str, Any]:
    return {
        "sources": sources.split(),
        "target": target,
        "flows": flows,
        "exchange": "legacy",
        "allowRefresh": True,
        **more,
    }


GRANTS = {
    "s01-to-t01": standard("s01", "t01", flows=REQUESTER),
    "s02-to-t02": standard("s02", "t02", flows=RECIPIENT),
    "s03-to-t03": standard("s03", "t03", flows=RECIPIENT),
    "s04-to-t04": standard("s04", "t04", flows=BOTH),
    "to-t05": standard("s05a s05b s05c", "t05", flows=RECIPIENT),
    "to-t06": standard("s06a s06b", "t06", flows=REQUESTER),
    "s07-to-r07": standard("s07", "r07", flows=RECIPIENT),
    "s07-by-r07-to-t07": standard("s07", "t07", requester="r07"),
    "s08-to-r08": standard("s08", "r08", flows=RECIPIENT),
    "r08-to-t08": standard("r08", "t08", flows=REQUESTER),
    "s08-by-r08-to-t08": standard("s08", "t08", requester="r08"),
    "s09-to-t09": standard("s09", "t09", flows=REQUESTER, scope="to-t09"),
    "s10-to-t10": standard("s10", "t10", flows=REQUESTER, scope="to-t10", audience="optionalScope"),
    "s11-to-t11": standard("s11", "t11", flows=REQUESTER, scope="to-t11", requiredRoles=["caller-11"]),
    "s12-to-t12": standard(
        "s12", "t12", flows=REQUESTER, scope="to-t12", requiredRoles=[{"client": "t12", "role": "caller"}]
    ),
    "s13-to-t13": standard(
        "s13", "t13", flows=REQUESTER, scope="to-t13", audience="optionalScope", requiredRoles=["caller-13"]
    ),
    "s14-to-t14": standard("s14", "t14", flows=REQUESTER),
    "s14-to-t14b": standard("s14", "t14b", flows=REQUESTER),
    "s15-to-t15": standard("s15", "t15", flows=REQUESTER),
    "s16-to-t16": standard("s16", "t16", flows=REQUESTER),
    "s19-to-t19": legacy("s19", "t19", RECIPIENT),
    "s20-to-t20": standard("s20", "t20", flows=REQUESTER, allowRefresh=True),
    "s26-to-t26": standard("s26", "t26", flows=RECIPIENT, allowPublicSource=True),
    "s28-to-r28": standard("s28", "r28", flows=BOTH),
    "r28-to-s28": standard("r28", "s28", flows=BOTH),
    "s30-to-r30": standard("s30", "r30", flows=RECIPIENT, scope="to-r30", audience="optionalScope"),
    "a01-to-z01": legacy("a01", "z01"),
    "a02-to-z02": legacy("a02", "z02"),
    "a03-to-z03": legacy("a03", "z03"),
    "to-z04": legacy("a04 b04 c04", "z04"),
    "a05-to-z05": legacy("a05", "z05"),
    "b05-to-z05": legacy("b05", "z05"),
    "a12-to-z12": legacy("a12", "z12", timeWindow={"start": "09:00", "end": "17:00"}),
    "to-z21": legacy("a21 y21", "z21"),
    "to-z21b": legacy("a21 y21", "z21b"),
    "a26-to-z26": legacy("a26", "z26"),
    "a27-to-z27": legacy("a27", "z27"),
    "to-z28": legacy("a28 b28", "z28"),
    "a29-to-z29": legacy("a29", "z29", BOTH),
    "a30-to-z30": legacy(
        "a30", "z30", timeWindow={"notBefore": "2020-01-01 00:00:00", "notOnOrAfter": "2099-01-01 00:00:00"}
    ),
}
# what the finding is about → its level, and words of what it says
PERMISSION = "token-exchange permission of"
LOST, STACKS, EMPTY, ADDED, NOTE = Level.LOST, Level.STACKS, Level.EMPTY, Level.ADDED, Level.NOTE
LEFT: dict[str, tuple[Level, str]] = {
    "s22 → t22": (LOST, "client 't22' is disabled"),
    "switch of client 's23'": (LOST, "client 's23' is disabled"),
    "s24 → t24": (LOST, "each under its own condition"),
    "s27 → t27": (LOST, "also for users with any role of it (viewer)"),
    "s28 → r28 → s28": (LOST, "'r28' may turn tokens of 's28' into new ones for 's28' itself"),
    "r28 → s28 → r28": (LOST, "'s28' may turn tokens of 'r28' into new ones for 'r28' itself"),
    "s30 → r30 → t30": (LOST, "only under a condition, which a grant with a third client cannot express"),
    f"{PERMISSION} 'z06'": (LOST, "UNANIMOUS: all of these must match: client policy 'both-1' lets 'a06' through;"),
    "policy 'all but' of 'z07'": (LOST, "(NEGATIVE) lets every client but 'a07' through"),
    "policy 'by role' of 'z08'": (LOST, "lets clients whose service account has the role 'service' through"),
    "policy 'by group' of 'z09'": (LOST, "lets clients whose service account is in the group '/services' through"),
    "policy 'by day' of 'z11'": (LOST, "lets every client at hour 9, hourEnd 16 through"),
    "policy 'first of the month for a13' of 'z13'": (
        LOST,
        "what all of its policies let through (client policy 'a13 may' lets 'a13' through; time",
    ),
    "policy 'any' of 'z14'": (
        LOST,
        "aggregate policy 'any' lets through what any of its policies let through (client policy",
    ),
    "policy 'by scope' of 'z15'": (LOST, "lets any client with a token of the scope 'email' through"),
    "policy 'scope pattern' of 'z16'": (LOST, "lets any client with a token whose scope matches '.*email.*' through"),
    "policy 'all but the gone' of 'z20'": (
        LOST,
        "lets every client through, since those that it excepts were deleted",
    ),
    "policy 'disabled' of 'z22'": (LOST, "client 'a22' is disabled"),
    f"{PERMISSION} 'z24'": (LOST, "permission 'another' covers the same, and all must grant"),
    "policy 'served by the standard one' of 'z25'": (LOST, "has the standard exchange on, which answers instead"),
    "policy 'no' of 'z26'": (LOST, "(NEGATIVE) lets every client but 'b26' through"),
    f"{PERMISSION} identity provider 'partner'": (LOST, "client policy \"partner's\" lets 'a01' through"),
    "impersonation permission 'admin-impersonating.permission.users'": (LOST, "'impersonators' lets 'a01' through"),
    "owner 'another/project/stack'": (STACKS, "has objects here: 1 × audience mapper"),
    "owner '0123456789abcdef'": (STACKS, "has objects here: 1 × policy"),
    "s29 → t29": (STACKS, "belongs to the stack 'another/project/stack'"),
    "policy 'of a stack' of 'z19'": (STACKS, "bears the mark of a stack"),
    "audience 'https://api.example.com' in tokens of 's17'": (EMPTY, "there is no client of that name"),
    "audience 'gone-25' in tokens of 's25'": (EMPTY, "there is no client of that name"),
    "switch of client 's17'": (EMPTY, "is on but has no effect"),
    "switch of client 's18'": (EMPTY, "is on but has no effect"),
    "switch of client 'a25'": (EMPTY, "is on but has no effect"),
    "switch of client 's21'": (EMPTY, "client 's21' is public"),
    "s21 → t21": (EMPTY, "client 't21' is public"),
    "policy 'by user' of 'z10'": (EMPTY, "is a user policy"),
    "policy 'mail pattern' of 'z17'": (EMPTY, "is a regex policy on 'email'"),
    f"{PERMISSION} 'z18'": (EMPTY, "holds no policy"),
    "policy 'gone' of 'z19'": (EMPTY, "lets nobody through, since its clients were deleted"),
    "permission 'my token exchange' of 'z23'": (
        EMPTY,
        "Keycloak expects the name 'token-exchange.permission.client.",
    ),
    "impersonation permission 'user-impersonated.permission.users'": (EMPTY, "holds no policy"),
    "policy 'shared'": (
        NOTE,
        "is used by the permissions of z21, z21b: client policy 'shared' lets 'a21' and 'y21' through",
    ),
    "policy 'twice' of 'z28'": (NOTE, "allows the same as 'once'"),
}
ADDS = {  # (client, audience) of the mappers that `up` makes
    ("t02", "t02"),
    ("s14", "t14"),
    ("s14", "t14b"),
    ("s15", "t15"),
    ("s16", "t16"),
    ("r28", "r28"),
    ("s28", "s28"),
}
GATED = ("s11-to-t11", "s12-to-t12", "s13-to-t13")


@pytest.fixture(scope="module")
def realm(servers: Servers) -> TestRealm:
    server = servers("legacy")
    made = TestRealm.make(server.url, server.admin_password, {})
    handmade.build(made)
    return made  # it goes with the server: deleting a realm of 150 clients takes longer than a test


@pytest.fixture(scope="module")
def found(realm: TestRealm) -> Inventory:
    return take_inventory(realm.session, realm.name)


def test_each_grant(found: Inventory) -> None:
    configs = {
        grant.name: {key: value for key, value in grant.config().items() if key != "name"} for grant in found.grants
    }
    assert set(configs) == set(GRANTS)
    for name, expected in GRANTS.items():
        assert configs[name] == expected, name


def test_each_thing_that_is_left(found: Inventory) -> None:
    left = [each for each in found.findings if each.level not in (ADDED, NOTE)]
    for about, (level, words) in LEFT.items():
        says = [each.says for each in found.findings if each.about == about.strip() and each.level == level]
        assert len(says) == 1 and words in says[0], (about, says)
    assert {(each.about, each.level) for each in left} == {
        (about.strip(), level) for about, (level, _) in LEFT.items() if level != NOTE
    }
    assert found.lost
    asking = {
        name
        for grant in GRANTS.values()
        if grant["exchange"] == "legacy" and grant["flows"] != RECIPIENT
        for name in grant["sources"]
    }
    noted = [
        each.about for each in found.findings if each.level == NOTE and "may exchange any client's token" in each.says
    ]
    assert noted == [f"legacy requesters {', '.join(sorted(asking))}"]
    (beside,) = [
        each.about for each in found.findings if each.level == NOTE and "by the legacy exchange too" in each.says
    ]
    assert (
        {"s01 → t01", "s06b → t06", "s14 → t14b"} <= set(beside.split(", "))
        and "t19" not in beside
        and "s23" not in beside
    )
    assert {each.about for each in found.findings if each.level == ADDED} == {
        f"audience mapper for '{audience}' to client '{client}'" for client, audience in ADDS
    }


def test_up_writes_the_named_mappers_alone_and_destroy_leaves_all(realm: TestRealm, found: Inventory) -> None:
    before, worked = realm.export(), outcomes(realm)
    stack = Stack(realm.robot)
    grants = [{"realm": realm.name, **grant.config()} for grant in found.grants]
    with interrupted(NEVER, after=False) as writes:
        stack.up(*grants)
    at = {realm.at("clients", realm.uuid(client), "protocol-mappers", "models") for client, _ in ADDS}
    assert sorted({write.removeprefix("POST ") for write in writes}) == sorted(at) and len(writes) == len(ADDS), writes
    assert without_added(realm.export()) == before
    forget()
    assert outcomes(realm) == worked
    with interrupted(NEVER, after=False) as writes:
        stack.refresh()
        stack.up(*grants)
    assert writes == [] and set(stack.changes.values()) == {"same"}
    again = take_inventory(realm.session, realm.name)
    assert {grant.name for grant in again.grants} < set(GRANTS)  # what bears our mark now is of a stack
    assert {"s15 → t15", "s24 → t24", "s29 → t29"} <= {each.about for each in again.findings}
    stack.destroy()
    assert realm.export() == before


def test_a_grant_that_grows_makes_its_own_policy_beside_and_revoke_removes_what_existed(realm: TestRealm) -> None:
    before = realm.export()
    stack = Stack(realm.robot)
    grant = {"name": "g", "realm": realm.name, **GRANTS["a01-to-z01"]}
    stack.up(grant)
    assert held(realm, "z01") == ["may exchange for z01"]
    stack.up({**grant, "sources": ["a01", "a02"]})
    ours, found = sorted(held(realm, "z01"))
    assert ours.startswith("g: may exchange for z01 [") and found == "may exchange for z01"
    stack.up(grant)
    assert sorted(held(realm, "z01")) == [ours, found] and works(realm, GRANTS["a01-to-z01"], "a01", "requester")
    stack.destroy()
    assert realm.export() == before
    stack.up({**grant, "onRemove": "revoke"})
    stack.destroy()
    assert held(realm, "z01") == []
    assert not works(realm, GRANTS["a01-to-z01"], "a01", "requester")


def held(realm: TestRealm, target: str) -> list[str]:
    """The policies on a target's permission."""
    name = f"token-exchange.permission.client.{realm.uuid(target)}"
    policies = {each["name"]: each for each in realm.authz("realm-management")["policies"]}
    return list(json.loads((policies.get(name) or {}).get("config", {}).get("applyPolicies", "[]")))


def outcomes(realm: TestRealm) -> dict[tuple[str, ...], bool]:
    """Whether each exchange of each grant works, for a user with the roles and, where they matter, for one without."""
    results = {}
    for name, grant in GRANTS.items():
        for source in grant["sources"]:
            for flow in grant.get("flows", ["third"]):
                results[name, source, flow] = works(realm, grant, source, flow)
                if name in GATED:
                    results[name, source, flow, "without"] = works(
                        realm, grant, source, flow, handmade.USER_WITHOUT_ROLES
                    )
    refused = {key for key, worked in results.items() if not worked}
    assert refused - {("a12-to-z12", "a12", "requester")} == {key for key in results if key[-1] == "without"}
    return results


def works(realm: TestRealm, grant: dict[str, Any], source: str, flow: str, user: str | None = None) -> bool:
    requester = {"recipient": grant["target"], "requester": source}.get(flow, grant.get("requester"))
    asked = {"scope": grant["scope"]} if grant.get("audience") == "optionalScope" else {}
    at_login = asked if flow == "recipient" else {}
    token = realm.user_token(source, user, **at_login)
    audience = None if flow == "recipient" else grant["target"]
    try:
        claims = realm.exchange(str(requester), token, audience, **({} if at_login else asked))
    except TokenRefused:
        return False
    kind = "rtte" if grant["exchange"] == "standard" else "rtna"
    return bool(
        claims["azp"] == requester and kind in claims["jti"][:8] and (not audience or audience in claims["aud"])
    )


def without_added(export: Any) -> Any:
    """The export without the mappers that bear our mark."""
    clients = []
    for client in export["clients"]:
        mappers = [
            each
            for each in client.get("protocolMappers", [])
            if each["config"].get("pulumi.owner") != "org/project/stack"
        ]
        kept = {key: value for key, value in client.items() if key != "protocolMappers"}
        clients.append({**kept, **({"protocolMappers": mappers} if mappers else {})})
    return {**export, "clients": clients}
