"""Graph, doctor, inventory and dry run say the same of an exchange, and what Keycloak then does: on random realms."""

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.error_catalogue import EXCHANGED
from exchange.doctor.realm_reader import AnswerCache
from exchange.inventory.grants import inventory
from kcadmin.objects.features import LEGACY, STANDARD
from reach.allowed import RealmReach, realm_reach
from reach.prediction import Predictor
from reach.reasons import ROLES, always
from reach.roles import survey_roles
from reach.survey import survey
from reach.verdict import RECIPIENT, REQUESTER, THIRD, Case, Verdict
from tests.acceptance.test_gates import FIRST, NUMBER
from tests.support.engine import forget
from tests.support.random_realms import RandomRealm, random_realm
from tests.support.random_users import Users
from tests.support.realms import TestRealm

pytestmark = pytest.mark.usefixtures("no_waiting")
TRIED = 24
Triple = tuple[str, str, str | None]


@pytest.mark.parametrize("seed", range(FIRST, FIRST + NUMBER))
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_all_commands_say_what_keycloak_does(servers: Callable[[str], Any], exchange: str, seed: int) -> None:
    server, made = servers(exchange), random_realm(seed, exchange, odd=True)
    realm = made.make(server.url, server.admin_password)
    dice = random.Random(f"{seed} {exchange} triples")  # noqa: S311 (the same again for a seed)
    try:
        if exchange == "legacy":
            for target, requester in dice.sample([*itertools.permutations(made.names, 2)], 4):
                let_through(realm, target, requester)
        forget()
        found = survey(realm.session, realm.name)
        facts = survey_roles(realm.session, found)
        reach, users = realm_reach(found, facts), Users(realm, made)
        triples: list[Triple] = [
            (requester, source, audience)
            for requester, source in itertools.product(made.names, made.names)
            for audience in (None, *made.names)
            if audience != requester and (source, audience) != (requester, None)
        ]
        wrong = [*against_inventory(reach, inventory(found, facts, {}), made, triples)]
        likely = [each for each in triples if reach.verdict(*each).allowed]
        tried = [*dice.sample(likely, min(len(likely), TRIED // 2)), *dice.sample(triples, TRIED // 2)]
        for triple in dict.fromkeys(tried):
            wrong += against_keycloak(realm, reach, users, triple, dice.choice(("holds-all", "holds-none")))
        assert not wrong, "\n" + "\n".join(wrong)
    finally:
        realm.remove()


def let_through(realm: TestRealm, target: str, requester: str) -> None:
    """A client policy on a target's token-exchange permission, beside those that are there."""
    ids = realm.session.put_json(
        realm.at("clients", realm.uuid(target), "management", "permissions"), {"enabled": True}
    )["scopePermissions"]
    server = realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server")
    body = {"name": f"{requester} for {target}", "clients": [realm.uuid(requester)]}
    policy = realm.session.post_json(f"{server}/policy/client", body)["id"]
    at = f"{server}/permission/scope/{ids['token-exchange']}"
    permission = realm.session.get(at)
    beside = [each["id"] for each in realm.session.get(f"{server}/policy/{ids['token-exchange']}/associatedPolicies")]
    realm.session.put(at, {**permission, "policies": [*beside, policy], "decisionStrategy": "AFFIRMATIVE"})


def against_keycloak(
    realm: TestRealm, reach: RealmReach, users: Users, triple: Triple, user: str, scope: str = ""
) -> list[str]:
    """scope: that the requester asks for, which the graph does not know."""
    requester, source, audience = triple
    said = reach.verdict(*triple)
    flow = RECIPIENT if audience is None else REQUESTER if requester == source else THIRD
    case = Case("g", realm.name, said.exchange or STANDARD, flow, source, requester, audience or requester, audience)
    case = replace(case, exchange_scope=scope or None)
    token = users.token(source, user)
    if token is None and reach.clients[source].is_on("consentRequired"):
        return []  # it logs users in by a browser alone
    passed, why = users.exchange(requester, token, audience, scope) if token else (False, "no token")
    dry = Predictor(realm.session, [case]).predict(case)
    for_user = Predictor(realm.session, [case], user).predict(case)
    diagnosis = Doctor(AnswerCache(realm.session), Asked(as_user=user)).examine([case])[0]
    blocking = [each for each in diagnosis.findings if audience or each.token != EXCHANGED]
    about = f"{triple}, {user}, scope '{scope}': Keycloak {'allows it' if passed else f'refuses it ({why})'}"
    wrong = []
    if users.made.clients[source].get("serviceAccountsEnabled") and not scope:
        wrong += of_account(users, triple, said.allowed, dry)
    elif not scope and said.allowed != (dry.outlook is not False):
        wrong.append(f"graph {said.allowed} {said.why_not}, dry run {dry.outlook} {dry.reason}")
    if passed and not said.allowed:
        wrong.append(f"{about}, graph: {said.why_not}")
    if not passed and not scope and said.allowed and not said.conditions:
        wrong.append(f"{about}, graph: {said}")
    if for_user.outlook is not None and for_user.outlook != passed and not is_given_all_the_same(for_user, audience):
        wrong.append(f"{about}, dry run for the user: {for_user.outlook} {for_user.reason}")
    if passed and blocking:
        wrong.append(f"{about}, doctor: {[each.sentence for each in blocking]}")
    # of a client id with a blank Keycloak makes no example, and the doctor says that it did not see the token
    unseen = " " in case.target and any(why.startswith("the exchanged token") for _, why in diagnosis.unseen)
    if not passed and not blocking and not diagnosis.notes and not unseen:
        wrong.append(f"{about}, doctor: nothing")
    return wrong


def is_given_all_the_same(dry: Verdict, audience: str | None) -> bool:
    """Whether a token is not as a grant promises, for which Keycloak refuses no exchange."""
    empty = audience is None and "its aud is" in (dry.reason or "")  # it is not for the requester
    return empty or "which was asked for" in (dry.reason or "")  # a scope that the user's roles keep out


def of_account(users: Users, triple: Triple, allowed: bool, dry: Verdict) -> list[str]:
    """Without a user's name, a dry run is of the source's service account."""
    requester, source, audience = triple
    token = users.account_token(source)
    passed, why = users.exchange(requester, token, audience) if token else (False, "no token")
    about = f"{triple} of the service account: Keycloak {'allows it' if passed else f'refuses it ({why})'}"
    if passed and not allowed:
        return [f"{about}, graph does not"]
    if dry.outlook is not None and dry.outlook != passed and not is_given_all_the_same(dry, audience):
        return [f"{about}, dry run {dry.outlook} {dry.reason}"]
    return []


def against_inventory(reach: RealmReach, found: Any, made: RandomRealm, triples: list[Triple]) -> list[str]:
    """What grants say is allowed; what mappers and policies allow always is a grant, or is told as none."""
    granted = set()
    for grant in found.grants:
        for source in grant.sources:
            for flow in grant.flows or (THIRD,):
                asks = grant.requester or (source if flow == REQUESTER else grant.target)
                granted.add((asks, source, None if flow == RECIPIENT else grant.target))
    wrong = [
        f"inventory: {each}, graph: {reach.verdict(*each).why_not}"
        for each in granted
        if not reach.verdict(*each).allowed
    ]
    told = " ".join(f"{each.about} {each.says}" for each in found.findings)
    for requester, source, audience in triples:
        said = reach.verdict(requester, source, audience)
        ways = [
            tuple(way for way in some if way.kind != ROLES) for some in (said.source_ways, said.audience_ways) if some
        ]
        if not said.allowed or said.conditions or not all(always(some) for some in ways):
            continue
        if said.exchange == LEGACY and audience and source != requester:
            continue  # any client's token, which is told as such
        if (requester, source, audience) not in granted and not (
            f"'{requester}'" in told or f"→ {requester}" in told or f"{requester} →" in told
        ):
            wrong.append(f"graph allows {(requester, source, audience)}, inventory tells nothing of '{requester}'")
    return wrong
