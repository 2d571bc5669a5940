"""What goes on under another name, or is replaced by itself, is there afterwards: whatever failed, whichever process deletes.

``make test`` replaces one kind of resource alone; ``make test-crash`` each.
"""

from typing import Any

import pytest

from kcadmin.rest.errors import TokenRefused
from tests.conftest import MakeRealm
from tests.e2e import states
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, exchanged, grant
from tests.e2e.kill_points import ALL
from tests.e2e.stack import Stack
from tests.support.realms import PASSWORD, TestRealm

pytestmark = pytest.mark.exchange_guards
OUTSIDER = "somebody"
LIFESPAN_SECONDS = 60


@pytest.fixture
def realm(make_realm: MakeRealm) -> TestRealm:
    """``alone`` is for the resources that the program uses alone; ``proof`` for a grant that is proved.

    The mapper that is adopted has the audience already: a note of another one, which others may have written, is refused.
    """
    names = ("web", "orders", "frontend", "api", "proof", "shop", "other")
    clients: dict[str, dict[str, Any]] = {name: {} for name in names}
    found = {**states.FOUND, "config": {**states.FOUND["config"], "included.client.audience": "frontend"}}
    realm = make_realm("legacy", **clients, alone={"protocolMappers": [found]})
    realm.add_role("buyer", realm.user)
    realm.add_user(OUTSIDER)
    return realm


def grants(web: str) -> list[dict[str, Any]]:
    """All kinds of parts. ``web``: the client id of the requester, which is renamed."""
    return [
        grant(
            "new",
            source=web,
            target="orders",
            exchange="standard",
            flows=["requester"],
            restrictFullScope=True,
            tokenLifespan=LIFESPAN_SECONDS,
            audience="optionalScope",
            requiredRoles=["buyer"],
        ),
        grant("plain", source="shop", target=web, exchange="standard", flows=["recipient"]),
        grant("old", source="frontend", exchange="legacy", flows=["requester"], requiredRoles=["buyer"]),
        grant(
            "proved",
            source="shop",
            target="proof",
            exchange="standard",
            flows=["recipient"],
            allowRefresh=True,
            prove=True,
        ),
    ]


def works(realm: TestRealm, stack: Stack, web: str) -> None:
    """Each exchange is served, each condition holds, guards and events are there, and the next preview is quiet."""
    (flow,) = stack.grants()["new"]["flows"]
    scope = flow["requestScope"]["name"]
    claims = realm.exchange(web, realm.user_token(web), "orders", scope=scope)
    assert claims["aud"] == ["orders"] and claims["exp"] - claims["iat"] == LIFESPAN_SECONDS
    with pytest.raises(TokenRefused):
        realm.exchange(web, realm.user_token(web, OUTSIDER), "orders", scope=scope)
    with pytest.raises(TokenRefused):
        realm.exchange("frontend", realm.user_token("frontend", OUTSIDER), "api")
    exchanged(realm, web, web, "standard", source="shop")
    exchanged(realm, "proof", "proof", "standard", source="shop")
    exchanged(realm, "frontend", "api", "legacy", asks=True)
    assert realm.get("events", "config")["eventsEnabled"] is True
    policies = realm.get("client-policies", "policies")["policies"]
    assert any(each["name"] == "pulumi.exchange.requesters" for each in policies)
    stack.preview("--refresh", "--expect-no-changes")


def test_what_is_replaced_or_renamed_goes_on(realm: TestRealm, new_stack: NewStack) -> None:
    before = realm.export()
    stack = new_stack(realm, "legacy")
    states.run_program(stack)
    stack.env |= {"KEYCLOAK_USER": realm.user, "KEYCLOAK_USER_PASS": PASSWORD}
    config = {"exchange": "legacy", "guards": ["requesters", "sources"], "events": True}
    stack.configure(*grants("web"), **config)
    stack.up("--skip-preview")
    works(realm, stack, "web")
    held = number_of_objects(stack)

    replaced = stack.up("--skip-preview", "--replace", "**")  # the provider as well, so that another process deletes
    assert int(replaced.output.rpartition("+-")[2].split()[0]) >= held, replaced.output
    assert number_of_objects(stack) == held
    works(realm, stack, "web")

    kinds: dict[str, list[str]] = {}
    for urn, each in stack.export().items():
        if "dynamic/keycloak" in each["type"]:
            kinds.setdefault(each["type"].rpartition(":")[2], []).append(urn)
    assert len(kinds["TokenExchangePermission"]) == 2
    for kind in kinds if ALL else ["TokenExchangePermission"]:
        stack.up("--skip-preview", *(text for urn in kinds[kind] for text in ("--target-replace", urn)))
        works(realm, stack, "web")

    realm.change("web", clientId="site")
    stack.env["KEYCLOAK_USER_PASS"] = "wrong"
    more = grant("more", source="shop", target="other", exchange="standard", flows=["recipient"], prove=True)
    stack.configure(*grants("site"), more, **config)
    failed = stack.refused("up", "--yes", "--skip-preview")  # the new names are made, the old ones not yet deleted
    assert "is not proved" in failed.output, failed.output
    stack.env["KEYCLOAK_USER_PASS"] = PASSWORD
    deleted = stack.up("--skip-preview")
    assert deleted.counted()["deleted"] and "continues under another name" in deleted.output
    works(realm, stack, "site")

    stack.destroy("--skip-preview")
    realm.change("site", clientId="web")
    as_it_was(realm, before, "legacy")


def number_of_objects(stack: Stack) -> int:
    return len([each for each in stack.export().values() if "dynamic/keycloak" in each["type"]])
