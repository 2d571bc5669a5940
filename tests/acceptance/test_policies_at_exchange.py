"""Client policies that act on exchanges: what graph, doctor and dry run say of random ones, and what Keycloak then does."""

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from exchange.inventory.grants import inventory
from kcadmin.objects.client_scopes import OPTIONAL
from kcadmin.objects.features import SWITCH
from reach.allowed import realm_reach
from reach.held_mappers import held_scopes
from reach.roles import survey_roles
from reach.survey import survey
from tests.acceptance.test_gates import FIRST, NUMBER
from tests.acceptance.test_one_answer import Triple, against_inventory, against_keycloak, let_through
from tests.support.engine import forget
from tests.support.random_realms import RandomRealm, random_realm
from tests.support.random_users import Users
from tests.support.realms import TOKEN_EXCHANGE, TestRealm

pytestmark = pytest.mark.usefixtures("no_waiting")
POLICY_SETS, EXCHANGES, USERS = 4, 4, ("holds-all", "holds-none")
REFUSING: tuple[list[dict[str, Any]], list[dict[str, Any]]] = (
    [
        {
            "name": "always",
            "enabled": True,
            "conditions": [{"condition": "grant-type", "configuration": {"grant_types": [TOKEN_EXCHANGE]}}],
            "profiles": ["always"],
        }
    ],
    [{"name": "always", "executors": [{"executor": "reject-request", "configuration": {}}]}],
)
"""A policy that refuses every exchange, and its profile."""
SILENT = {"pkce-enforcer": {"auto-configure": True}, "use-lightweight-access-token": {}, "secure-session": {}}


@pytest.mark.exchange_guards
@pytest.mark.parametrize("seed", range(FIRST, FIRST + NUMBER))
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_all_commands_say_what_client_policies_do(servers: Callable[[str], Any], exchange: str, seed: int) -> None:
    server, made = servers(exchange), random_realm(seed, exchange)
    realm = made.make(server.url, server.admin_password)
    dice = random.Random(f"{seed} {exchange} policies")  # noqa: S311 (the same again for a seed)
    try:
        if exchange == "legacy":
            for target, requester in dice.sample([*itertools.permutations(made.names, 2)], 6):
                let_through(realm, target, requester)
        users, wrong, changed = Users(realm, made), [], 0
        for client, user in itertools.product(made.names, USERS):
            users.token(client, user)  # policies act on logins, too
        triples: list[Triple] = [
            (requester, source, audience)
            for requester, source in itertools.product(made.names, made.names)
            for audience in (None, *made.names)
            if audience != requester and (source, audience) != (requester, None)
        ]
        forget()
        found = survey(realm.session, realm.name)
        facts = survey_roles(realm.session, found)
        without = realm_reach(found, facts)
        likely = [each for each in triples if without.verdict(*each).allowed]
        for _ in range(POLICY_SETS):
            policies, profiles = random_policies(dice, made)
            put(realm, policies, profiles)
            forget()
            found = survey(realm.session, realm.name)
            reach = realm_reach(found, facts)
            case = json.dumps([policies, profiles])
            wrong += [
                f"{case}\n{each}" for each in against_inventory(reach, inventory(found, facts, {}), made, triples)
            ]
            for triple in dice.sample(likely, min(len(likely), EXCHANGES)):
                held = held_scopes(found.clients[triple[0]])
                asked = [name for name, kind in sorted(held.items()) if kind == OPTIONAL and name.startswith("scope-")]
                scope = dice.choice(asked) if asked and dice.random() < 0.6 else ""
                wrong += [
                    f"{case}\n{each}"
                    for each in against_keycloak(realm, reach, users, triple, dice.choice(USERS), scope)
                ]
            changed += sum(reach.verdict(*each) != without.verdict(*each) for each in likely)
            put(realm, [], [])
        if likely:  # one that acts, whatever the dice say: of the policies above, none need hold
            put(realm, *REFUSING)
            forget()
            found = survey(realm.session, realm.name)
            reach = realm_reach(found, facts)
            wrong += against_keycloak(realm, reach, users, likely[0], dice.choice(USERS), "")
            changed += sum(reach.verdict(*each) != without.verdict(*each) for each in likely)
        assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)
        assert not likely or changed
    finally:
        realm.remove()


def put(realm: TestRealm, policies: list[dict[str, Any]], profiles: list[dict[str, Any]]) -> None:
    """Profiles come before the policies that name them, and go after them."""
    realm.session.put(realm.at("client-policies", "policies"), {"policies": []})
    realm.session.put(realm.at("client-policies", "profiles"), {"profiles": profiles})
    realm.session.put(realm.at("client-policies", "policies"), {"policies": policies})


def random_policies(dice: random.Random, made: RandomRealm) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    profiles = [
        {"name": f"profile-{number}", "executors": [_executor(dice, made) for _ in range(dice.choice((1, 1, 2)))]}
        for number in range(2)
    ]
    policies = [
        {
            "name": f"policy-{number}",
            "enabled": dice.random() < 0.9,
            "conditions": [_condition(dice, made) for _ in range(dice.choice((1, 1, 2)))],
            "profiles": [dice.choice(profiles)["name"]],
            **({"mode": "STRICT"} if dice.random() < 0.15 else {}),
        }
        for number in range(dice.choice((1, 2, 3)))
    ]
    return policies, profiles


def _condition(dice: random.Random, made: RandomRealm) -> dict[str, Any]:
    switch = json.dumps([{"key": SWITCH.removeprefix("attributes."), "value": "true"}])
    scopes = [scope.name for scope in made.scopes]
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("any-client", {}),
        ("grant-type", {"grant_types": [dice.choice((TOKEN_EXCHANGE, TOKEN_EXCHANGE, "password"))]}),
        ("client-access-type", {"type": [dice.choice(("confidential", "public"))]}),
        ("client-attributes", {"attributes": switch}),
        ("client-roles", {"roles": [dice.choice(("u", "v"))]}),
        ("client-type", {"protocol": dice.choice(("openid-connect", "saml"))}),
        ("client-scopes", {"type": "Optional", "scopes": [dice.choice(scopes)]}),
        ("client-scopes", {"type": "Default", "scopes": [dice.choice([*scopes, "roles"])]}),
        ("client-updater-context", {"update-client-source": ["ByAuthenticatedUser"]}),
        ("client-updater-source-host", {"trusted-hosts": ["10.0.0.1"]}),
    ]
    name, config = dice.choice(kinds)
    return {"condition": name, "configuration": {"is-negative-logic": dice.random() < 0.25, **config}}


def _executor(dice: random.Random, made: RandomRealm) -> dict[str, Any]:
    some = dice.sample(made.names, 2)
    listed = f"^({'|'.join(some)})$"
    claims = [
        ("azp", listed),
        ("azp", some[0][:2]),
        ("azp", ".*"),
        ("preferred_username", USERS[0]),
        ("nonesuch", ".*"),
    ]
    claim, allowed = dice.choice(claims)
    enforcer = ("jwt-claim-enforcer", {"claim-name": claim, "allowed-value": allowed})
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("reject-request", {}),
        enforcer,
        enforcer,
        ("downscope-assertion-grant-enforcer", {}),
        dice.choice([*SILENT.items()]),
    ]
    name, config = dice.choice(kinds)
    return {"executor": name, "configuration": config}
