"""What a client policy against wider scopes leaves of a requester's new token: as it is computed, and on a server."""

from dataclasses import replace
from typing import Any

import pytest

from kcadmin.guards.entries import DOWNSCOPE
from kcadmin.objects.features import STANDARD
from kcadmin.rest.errors import TokenRefused
from reach.allowed import RealmReach, realm_reach
from reach.prediction import Predictor
from reach.roles import survey_roles
from reach.survey import survey
from reach.verdict import REQUESTER, THIRD, Case
from tests.acceptance.test_policies_at_exchange import put
from tests.conftest import MakeRealm
from tests.support.engine import forget
from tests.support.mapper_kinds import kind
from tests.support.realms import TOKEN_EXCHANGE, TestRealm

SWITCHED = {"standard.token.exchange.enabled": "true"}
AUDIENCES = ("own", "told", "untold", "asked", "hard", "mapped", "both", "gated")
UNTOLD = {"include.in.token.scope": "false"}


def named(audience: str) -> dict[str, Any]:
    return {"name": f"to {audience}", **kind("oidc-audience-mapper", included_client_audience=audience)}


@pytest.fixture(scope="module")
def realm(make_module_realm: MakeRealm) -> TestRealm:
    """``web`` and others, which differ in their display name alone, name each audience in a way of its own."""
    asking = {"attributes": SWITCHED, "fullScopeAllowed": False}
    of_names = {"named-untold": "untold", "named-profile": "profile", "named-web": "web"}
    web = {"web": asking, **{client: {**asking, "name": name} for client, name in of_names.items()}}
    realm = make_module_realm("standard", app={}, **web, **{name: {} for name in AUDIENCES})
    session, uuids = realm.session, {name: realm.uuid(name) for name in ("app", *web, *AUDIENCES)}
    realm.add_role("user", realm.user, client_id="mapped")
    session.post(realm.at("clients", uuids["hard"], "roles"), {"name": "user"})
    realm.add_role("clerk", realm.user)
    session.post(realm.at("roles"), {"name": "boss"})
    for client in web:
        for mapper in (
            named("own"),
            named("both"),
            {"name": "hard", **kind("oidc-hardcoded-role-mapper", role="hard.user")},
        ):
            session.post(realm.at("clients", uuids[client], "protocol-mappers", "models"), mapper)
        role = realm.get("clients", uuids["mapped"], "roles", "user")
        session.post(realm.at("clients", uuids[client], "scope-mappings", "clients", uuids["mapped"]), [role])
        session.post(realm.at("clients", uuids["app"], "protocol-mappers", "models"), named(client))
    for name, how, attributes in (
        ("told", "default", {}),
        ("untold", "default", UNTOLD),
        ("asked", "optional", {}),
        ("both", "default", UNTOLD),
        ("gated", "default", UNTOLD),
    ):
        mappers = [named(name)]
        body = {"name": name, "protocol": "openid-connect", "attributes": attributes, "protocolMappers": mappers}
        scope = session.create(realm.at("client-scopes"), body)
        if name in ("both", "gated"):
            role = realm.get("roles", "boss" if name == "both" else "clerk")
            session.post(realm.at("client-scopes", scope, "scope-mappings", "realm"), [role])
        for client in web:
            session.put(realm.at("clients", uuids[client], f"{how}-client-scopes", scope), None)
    condition = {"condition": "grant-type", "configuration": {"grant_types": [TOKEN_EXCHANGE]}}
    profile = {"name": "narrow", "executors": [{"executor": DOWNSCOPE, "configuration": {}}]}
    put(realm, [{"name": "p", "enabled": True, "conditions": [condition], "profiles": ["narrow"]}], [profile])
    forget()
    return realm


@pytest.fixture(scope="module")
def reach(realm: TestRealm) -> RealmReach:
    found = survey(realm.session, realm.name)
    return realm_reach(found, survey_roles(realm.session, found))


def passes(realm: TestRealm, requester: str, token: str, audience: str, scope: str | None) -> tuple[bool, str]:
    try:
        said = realm.exchange(requester, token, audience, **({"scope": scope} if scope else {}))
    except TokenRefused as refused:
        return False, str(refused)
    return True, str(said.get("aud"))


@pytest.mark.exchange_guards
@pytest.mark.parametrize("source", ["app", "itself"])
@pytest.mark.parametrize("requester", ["web", "named-untold", "named-profile", "named-web"])
def test_what_is_left_of_a_new_token(realm: TestRealm, reach: RealmReach, requester: str, source: str) -> None:
    who = requester if source == "itself" else source
    token, wrong, seen = realm.user_token(who), [], {}
    for audience in AUDIENCES:
        for scope in (None, "asked") if audience == "asked" else (None,):
            passed, why = passes(realm, requester, token, audience, scope)
            flow = REQUESTER if who == requester else THIRD
            case = Case("g", realm.name, STANDARD, flow, who, requester, audience, audience, exchange_scope=scope)
            dry = Predictor(realm.session, [case], realm.user).predict(case)
            said = reach.verdict(requester, who, audience)
            of_nobody = Predictor(realm.session, [replace(case, roles=("some role",))]).predict(case)
            if of_nobody.outlook not in (None, passed):
                wrong.append(f"{audience}, {scope}: {passed} ({why}), dry run without a user: {of_nobody.outlook}")
            seen[audience, scope] = passed
            about = f"{audience}, {scope}: {passed} ({why})"
            if dry.outlook is not passed and not (dry.outlook is None and audience == "both"):
                wrong.append(f"{about}, dry run: {dry.outlook} {dry.reason}")
            if passed and not said.allowed:
                wrong.append(f"{about}, graph: {said.why_not}")
            if (
                not passed
                and audience in ("own", "hard", "mapped")
                and requester in ("web", "named-web")
                and said.allowed
            ):
                wrong.append(f"{about}, graph: {said}")
    print(requester, who, seen)
    assert not wrong, "\n" + "\n".join(wrong)
    assert seen["untold", None] and seen["gated", None] and not seen["asked", "asked"]
