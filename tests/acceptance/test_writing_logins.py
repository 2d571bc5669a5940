"""Client policies that ask who writes a client: what is known of a login before a write, and then what the server did."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kcadmin.objects.robot import GUARDS, STANDARD
from kcadmin.objects.writing_login import writing_login
from kcadmin.rest.connection import Connection, PasswordLogin
from kcadmin.rest.session import Session
from kcadmin.writes.prediction import RealmPolicies
from kcadmin.writes.votes import Vote, Write, holds
from local import keycloak
from local.layout import keycloak_version
from tests.conftest import MakeRealm
from tests.support.realms import PASSWORD, Arranging, TestRealm

CONTEXT, HOST = ("client-updater-context", "update-client-source"), ("client-updater-source-host", "trusted-hosts")
GROUPS, ROLES = ("client-updater-source-groups", "groups"), ("client-updater-source-roles", "roles")
ASKED: list[tuple[tuple[str, str], list[str]]] = [
    (CONTEXT, ["ByAuthenticatedUser"]),
    (CONTEXT, ["ByAnonymous", "ByInitialAccessToken", "ByRegistrationAccessToken"]),
    (HOST, ["127.0.0.1"]),
    (GROUPS, ["/ops/inner"]),
    (GROUPS, ["inner"]),
    (GROUPS, ["/ops"]),
    (GROUPS, ["team"]),
    (GROUPS, ["nobody", "/team"]),
    (ROLES, ["boss"]),
    (ROLES, ["of-team"]),
    (ROLES, ["realm-management.manage-clients"]),
    (ROLES, ["realm-management.impersonation"]),
    (ROLES, ["api.v1.admin"]),
    (ROLES, ["api.v1.a.b"]),
    (ROLES, ["ops.lead"]),
    (ROLES, ["api.v1.lead"]),
]
NEGATIVE = [(CONTEXT, ["ByAnonymous"]), (HOST, ["10.0.0.1"]), (GROUPS, ["team"]), (ROLES, ["boss"]), (ROLES, ["no"])]
CASES = [
    (name, {key: asked, "is-negative-logic": no})
    for no, found in ((False, ASKED), (True, NEGATIVE))
    for (name, key), asked in found
]
PROFILE = {"name": "asks", "executors": [{"executor": "consent-required", "configuration": {"auto-configure": True}}]}


def policies() -> RealmPolicies:
    """Each acts on the clients of its own case alone, and asks for their users' consent."""
    conditions = [
        {
            "condition": "client-attributes",
            "configuration": {"attributes": json.dumps([{"key": "case", "value": f"{n}"}])},
        }
        for n in range(len(CASES))
    ]
    made = [
        {
            "name": f"p{n}",
            "enabled": True,
            "profiles": ["asks"],
            "conditions": [only, {"condition": name, "configuration": config}],
        }
        for n, (only, (name, config)) in enumerate(zip(conditions, CASES, strict=True))
    ]
    return RealmPolicies(made, [PROFILE])


def logins(realm: TestRealm) -> Iterator[tuple[str, Connection]]:
    """A robot, one that may read its own account, a user who may do all, and an administrator of master. All but the last one
    are in the groups ``/ops/inner`` and ``/team`` and have the role ``chief``, which holds ``boss``."""
    for group in ("ops", "team"):
        realm.session.post(realm.at("groups"), {"name": group})
    ids = {each["name"]: each["id"] for each in realm.get("groups")}
    realm.session.post(realm.at("groups", ids["ops"], "children"), {"name": "inner"})
    (inner,) = realm.get("groups", ids["ops"], "children")
    for role in ("boss", "chief", "of-team", "ops.lead", "api.v1.lead"):
        realm.session.post(realm.at("roles"), {"name": role})
    realm.session.post(realm.at("roles", "chief", "composites"), [realm.get("roles", "boss")])
    realm.session.post(realm.at("groups", ids["team"], "role-mappings", "realm"), [realm.get("roles", "of-team")])
    for role in ("admin", "a.b", "lead"):
        realm.session.post(realm.at("clients", realm.uuid("api.v1"), "roles"), {"name": role})
    robots = {"robot": realm.robot(STANDARD), "robot that reads users": realm.robot(STANDARD, GUARDS)}
    users = {name: f"service-account-{made.login.client_id}" for name, made in robots.items()}
    realm.give_role("view-users", users["robot that reads users"], "realm-management")
    tokens = realm.at(
        "clients", realm.uuid(users["robot that reads users"].removeprefix("service-account-")), "scope-mappings"
    )
    manage = realm.uuid("realm-management")
    realm.session.post(f"{tokens}/clients/{manage}", [realm.get("clients", manage, "roles", "view-users")])
    realm.give_role("realm-admin", realm.user, "realm-management")
    for user in (*users.values(), realm.user):
        for role in ("chief", "ops.lead", "api.v1.lead"):
            realm.give_role(role, user)
        for role in ("admin", "a.b"):
            realm.give_role(role, user, "api.v1")
        (account,) = realm.get("users", username=user, exact="true")
        for group in (inner["id"], ids["team"]):
            realm.session.put(realm.at("users", account["id"], "groups", group), {})
    yield from robots.items()
    yield "user", replace(realm.connection, login=PasswordLogin(realm.user, PASSWORD), login_realm=realm.name)
    yield "of master", realm.connection


@pytest.mark.exchange_guards
def test_what_is_foretold_of_a_login_is_what_happens(make_realm: MakeRealm) -> None:
    names = ("robot", "robot that reads users", "user", "of master")
    realm = make_realm(
        "standard",
        **{f"{who} {n}": {"attributes": {"case": str(n)}} for who in names for n in range(len(CASES))},
        **{"api.v1": {}},
    )
    made = policies()
    own = dict(logins(realm))
    assert {*own} == {*names}
    realm.session.put(realm.at("client-policies", "profiles"), {"profiles": list(made.profiles)})
    realm.session.put(realm.at("client-policies", "policies"), {"policies": list(made.policies)})
    version: Any = keycloak.number(keycloak_version())
    before = {each["clientId"]: each for each in realm.get("clients", max="1000")}
    decided, wrong, foretold = dict.fromkeys(names, 0), [], dict[str, Vote]()
    for who, connection in own.items():
        writer = writing_login(Session(connection), realm.name, made)
        session = Arranging(connection)
        for n, policy in enumerate(made.policies):
            client = before[f"{who} {n}"]
            foretold[f"{who} {n}"] = holds(policy, Write(client, {}, None, writer, version))
            session.put(realm.at("clients", client["id"]), {"attributes": {"written": "yes"}})
    now = {each["clientId"]: each for each in realm.get("clients", max="1000")}
    for name, vote in foretold.items():
        who, _, n = name.rpartition(" ")
        assert now[name]["attributes"]["written"] == "yes"
        decided[who] += vote is not Vote.UNKNOWN
        if vote is not Vote.UNKNOWN and (vote is Vote.YES) != now[name]["consentRequired"]:
            wrong.append((who, CASES[int(n)], vote, now[name]["consentRequired"]))
    assert not wrong, "\n".join(map(str, wrong))
    hosts = sum(name == HOST[0] for name, _ in CASES)
    assert {decided[who] for who in names[1:]} == {len(CASES) - hosts} and decided["robot"] >= 3, decided
