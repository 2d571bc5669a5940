"""A question that needs the roles of few clients reads those alone, and gets the same answer."""

from typing import Any, cast

import pytest

from exchange.inventory.grants import inventory
from kcadmin.rest.session import Session
from reach.guards import RealmGuards
from reach.roles import survey_roles
from reach.survey import Survey
from tests.support.surveys import ROLES_SCOPE, client, mapper, survey

BY_ROLE = {
    "id": "by-role",
    "name": "by-role",
    "protocol": "openid-connect",
    "protocolMappers": [mapper("api")],
}
POLICY = {
    "name": "p",
    "enabled": True,
    "conditions": [{"condition": "client-roles", "configuration": {"roles": ["x"]}}],
}


class Server:
    """Where ``api`` has two roles, ``narrow`` has one, and one of ``api``'s is needed for a client scope."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, at: str) -> Any:
        self.asked.append(at.removeprefix("/admin/realms/r/"))
        if at.endswith("/by-role/scope-mappings"):
            return {"clientMappings": {"api": {"mappings": [{"name": "reader"}]}}}
        roles = {"uuid-api": ("writer", "reader"), "uuid-narrow": ("any",)}
        return [{"name": name} for name in roles.get(at.split("/")[-2], ())] if at.endswith("/roles") else {}

    def roles(self) -> list[str]:
        """The clients whose roles were asked for."""
        return [at.split("/")[1].removeprefix("uuid-") for at in self.asked if at.endswith("/roles")]


def realm(**fields: Any) -> Survey:
    wide = {"fullScopeAllowed": True}
    scoped = {**wide, "defaultClientScopes": ["roles", "by-role"]}
    clients = (
        client("web", switch=True, **scoped),
        client("api", **wide),
        client("narrow"),
        *(client(f"other{number}", **wide) for number in range(9)),
    )
    return survey(*clients, scopes={"roles": ROLES_SCOPE, "by-role": BY_ROLE}, **fields)


def test_an_inventory_asks_for_the_roles_that_it_needs() -> None:
    found, late, whole = realm(), Server(), Server()
    facts = survey_roles(cast(Session, late), found, late=True)
    same = survey_roles(cast(Session, whole), found)
    assert late.roles() == ["narrow"] and len(whole.roles()) == len(found.clients)
    assert inventory(found, facts, {}) == inventory(found, same, {})
    assert late.roles() == ["narrow", "api"], "each once"
    assert dict(facts.defined) == same.defined == {"api": ("reader", "writer"), "narrow": ("any",)}


@pytest.mark.parametrize(("policies", "asked"), [((), 1), (({**POLICY, "conditions": []},), 1), ((POLICY,), 12)])
def test_client_policies_ask_for_roles_only_where_a_condition_does(policies: tuple[Any, ...], asked: int) -> None:
    found, late = realm(client_policies=policies, client_profiles=()), Server()
    RealmGuards(found, survey_roles(cast(Session, late), found, late=True)).reach()
    assert len(late.roles()) == asked
