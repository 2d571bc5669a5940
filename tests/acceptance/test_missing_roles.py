"""A 403 names the role that is missing: with it the same request is let through, and without it not."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from kcadmin.rest.connection import ClientSecretLogin
from kcadmin.rest.errors import Forbidden, KeycloakError
from kcadmin.rest.missing_roles import roles_needed
from kcadmin.rest.session import Session
from local.keycloak import number
from local.layout import keycloak_version
from tests.support.realms import TestRealm

NOBODY = "00000000-0000-0000-0000-000000000000"
REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "clients", None),
    ("GET", "clients/{client}", None),
    ("PUT", "clients/{client}", {"clientId": "frontend"}),
    ("POST", "clients", {}),
    ("POST", "clients/{client}/protocol-mappers/models", {}),
    ("DELETE", "clients/{client}/protocol-mappers/models/{nobody}", None),
    ("PUT", "clients/{client}/optional-client-scopes/{nobody}", None),
    ("POST", "clients/{client}/scope-mappings/realm", "role"),
    ("GET", "clients/{client}/evaluate-scopes/generate-example-access-token?userId={user}", None),
    ("GET", "clients/{services}/authz/resource-server/policy", None),
    ("GET", "clients/{services}/authz/resource-server/settings", None),
    ("POST", "clients/{services}/authz/resource-server/policy/client", {}),
    ("GET", "client-scopes", None),
    ("POST", "client-scopes", {}),
    ("GET", "roles", None),
    ("GET", "roles/staff", None),
    ("GET", "client-policies/policies", None),
    ("PUT", "client-policies/policies", {"policies": []}),
    ("GET", "users/{user}", None),
    ("GET", "users?username=x", None),
    ("PUT", "users/{user}", {}),
    ("GET", "events", None),
    ("PUT", "events/config", {}),
    ("GET", "identity-provider/instances", None),
    ("POST", "partial-export", None),
    ("PUT", "", {}),
)

NEWER = {"manage-realm": "/scope-mappings/", "view-users": "/evaluate-scopes/"}
"""Roles that 26.2.5 does not ask for there, and 26.7.3 does; what is between was not tried."""


def ask(session: Session, method: str, at: str, body: Any) -> None:
    """Whatever else is wrong with the request comes after the roles. :raises Forbidden:"""
    try:
        at, _, query = at.partition("?")
        session._authorised(method, at, body=body, query=dict(parse_qsl(query)))
    except Forbidden:
        raise
    except KeycloakError:
        pass


def test_each_request_names_its_role(realm: TestRealm) -> None:
    realm.session.post(realm.at("roles"), {"name": "staff"})
    realm.change("api", serviceAccountsEnabled=True, authorizationServicesEnabled=True)
    names = {"client": realm.uuid("frontend"), "services": realm.uuid("api"), "nobody": NOBODY}
    names["user"] = realm.get("users", username=realm.user)[0]["id"]
    realm.add_client("robot", serviceAccountsEnabled=True)
    account = realm.get("clients", realm.uuid("robot"), "service-account-user")["id"]
    management = realm.uuid("realm-management")
    roles = {each["name"]: each for each in realm.get("clients", management, "roles")}
    held = realm.at("users", account, "role-mappings", "clients", management)
    staff = [realm.get("roles", "staff")]
    connection = replace(realm.connection, login=ClientSecretLogin("robot", "s"), login_realm=realm.name)
    older = number(keycloak_version()) < number("26.7")
    for method, path, body in REQUESTS:
        at, body = f"{realm.at()}/{path.format(**names)}".rstrip("/"), staff if body == "role" else body
        needed = roles_needed(method, at.partition("?")[0])
        assert needed, at
        for left_out in needed:
            if older and NEWER.get(left_out, "?") in at:
                continue
            for role in {*needed} - {left_out}:
                realm.session.post(held, [roles[role]])
            with pytest.raises(Forbidden) as caught:
                ask(Session(connection), method, at, body)
            said = str(caught.value)
            assert f"'{left_out}'" in said and f"of client 'realm-management' in realm '{realm.name}'." in said, said
            realm.session.delete(held, [roles[role] for role in needed])
        realm.session.post(held, [roles[role] for role in needed])
        ask(Session(connection), method, at, body)
        realm.session.delete(held, [roles[role] for role in needed])
