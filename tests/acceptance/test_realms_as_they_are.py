"""Realms as people set them up: all commands agree with Keycloak, and say what to do."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.realm_reader import AnswerCache
from exchange.inventory.config_file import take_inventory
from exchange.inventory.remarks import Level
from kcadmin.objects.features import LEGACY, SWITCH
from reach.proof import Case, Subject
from tests.acceptance.test_verify import outputs, tried
from tests.support.engine import forget
from tests.support.in_process import Stack
from tests.support.mapper_kinds import kind
from tests.support.realms import PASSWORD, TestRealm

pytestmark = pytest.mark.standard_exchange

GRANT = {"name": "one", "sources": ["web"], "target": "api"}
ON = {SWITCH.removeprefix("attributes."): "true"}


def up(realm: TestRealm, *grants: dict[str, Any]) -> list[Case]:
    stack = Stack(realm.robot)
    stack.up(*({"realm": realm.name, **each} for each in grants or (GRANT,)))
    return outputs(realm, stack).cases()


def found_by_doctor(realm: TestRealm, cases: list[Case]) -> list[str]:
    doctor = Doctor(AnswerCache(realm.session), Asked(as_user=realm.user))
    return [each.sentence for diagnosis in doctor.examine(cases) for each in diagnosis.findings]


def found_by_inventory(realm: TestRealm) -> dict[str, list[Any]]:
    forget()
    found = take_inventory(realm.session, realm.name)
    told = [f"{each.level.value}: {each.sentence()}" for each in found.findings if each.level != Level.STACKS]
    return {"grants": [each.config() for each in found.grants], "told": told}


def name_in(realm: TestRealm, scope: str, audience: str, **kind: str) -> None:
    """An audience mapper in a client scope; in a new one with the client and the list that get it."""
    config = {"included.client.audience": audience, "access.token.claim": "true"}
    mapper = {"name": "aud", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", "config": config}
    if not kind:
        id_ = next(each["id"] for each in realm.get("client-scopes") if each["name"] == scope)
        realm.session.post(realm.at("client-scopes", id_, "protocol-mappers", "models"), mapper)
        return
    made = {"name": scope, "protocol": "openid-connect", "protocolMappers": [mapper]}
    id_ = realm.session.create(realm.at("client-scopes"), made)
    for client, held in kind.items():
        realm.session.put(realm.at("clients", realm.uuid(client), f"{held}-client-scopes", id_), {})


def give_consent(realm: TestRealm, client: str, *scopes: str) -> None:
    """As a login of the user would leave it."""
    user = {"username": realm.user, "enabled": True, "email": "two@example.com", "emailVerified": True}
    names = {"firstName": "Test", "lastName": "User", "credentials": [{"type": "password", "value": PASSWORD}]}
    consents = {"clientConsents": [{"clientId": client, "grantedClientScopes": list(scopes)}]}
    body = {"ifResourceExists": "OVERWRITE", "users": [{**user, **names, **consents}]}
    realm.session.post(realm.at("partialImport"), body)


def test_consent_is_read_of_the_user(renewed: Callable[..., TestRealm]) -> None:
    realm = renewed("standard", web={}, api={"consentRequired": True})
    cases = up(realm)
    user = Subject(realm.user, PASSWORD)
    for scopes, missing in (
        ((), "'email', 'profile', 'roles'"),
        (("email",), "'profile', 'roles'"),
        (("email", "profile", "roles"), ""),
    ):
        if scopes:
            give_consent(realm, "api", *scopes)
        (proved,), (dry,) = tried(realm, cases, user), tried(realm, cases, user, dry_run=True)
        assert proved.proved == dry.outlook == (not missing), (proved, dry)
        told = found_by_doctor(realm, cases)
        if missing:
            assert dry.reason == f"the user has not consented to client scope {missing} of 'api'"
            assert [f"lacks the consent of user '{realm.user}' to {missing}, which" in each for each in told] == [True]
        else:
            assert told == []
    (without,) = tried(realm, cases, None, secrets=lambda *_: "s", dry_run=True)
    assert without.outlook is None and "the user has consented to 'api'" in str(without.reason)


@pytest.mark.parametrize("flow", ["recipient", "requester"])
def test_the_legacy_exchange_never_gets_consent(renewed: Callable[..., TestRealm], flow: str) -> None:
    realm = renewed("legacy", web={}, api={"consentRequired": True})
    with pytest.raises(pulumi.RunError, match=r"target 'api' requires consent, and the legacy exchange refuses each"):
        up(realm, {**GRANT, "exchange": LEGACY, "flows": [flow]})


def test_a_scope_of_all_clients_is_one_finding(make_realm: Callable[..., TestRealm]) -> None:
    realm = make_realm("standard", web={}, gateway={}, backend={}, payroll={})
    name_in(realm, "basic", "gateway")
    (told,) = found_by_inventory(realm)["told"]
    assert told.startswith(
        "grants nothing: client scope 'basic': adds 'gateway' to aud in tokens of all 5 clients that hold it"
    )
    realm.change("gateway", attributes=ON)
    found = found_by_inventory(realm)
    (told,) = found["told"]
    assert found["grants"] == [] and told.endswith(
        "('account', 'account-console', 'backend', 'payroll', 'web'), so 'gateway' may exchange them all, and no grant says "
        "which of them should be; declare a grant of the clients that should be its sources, then take the mapper for 'gateway' "
        "out of that scope."
    )
    realm.mapper("web", "own", "gateway")
    assert [each["sources"] for each in found_by_inventory(realm)["grants"]] == [["web"]]


def test_a_uuid_as_audience_is_told(renewed: Callable[..., TestRealm]) -> None:
    realm = renewed("standard", web={}, api={}, third={})
    uuid = realm.uuid("api")
    name_in(realm, "shared", uuid, web="default")
    realm.mapper("third", "by hand", uuid)
    realm.change("api", attributes=ON)
    told = f"audience '{uuid}' in tokens of 'third', 'web': is the UUID of client 'api', and aud holds client ids"
    assert told in found_by_inventory(realm)["told"][0]
    of_uuid = "mapper 'aud' of the client scope 'shared', and that is the UUID of 'api', while aud holds client ids"
    case = Case("", realm.name, "standard", "recipient", "web", "api", "api")
    assert any(of_uuid in each for each in found_by_doctor(realm, [case]))


def test_a_public_source_is_proposed_as_one(renewed: Callable[..., TestRealm]) -> None:
    realm = renewed("standard", web={"publicClient": True}, api={"attributes": ON})
    told = found_by_doctor(realm, [Case("", realm.name, "standard", "recipient", "web", "api", "api")])
    proposed = "declare a grant (sources: [web], target: api, flows: [recipient], allowPublicSource: true) and run"
    assert any(proposed in each for each in told), told


@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_a_mapper_of_a_type_that_the_server_lacks_does_nothing(
    renewed: Callable[..., TestRealm], exchange: str
) -> None:
    theirs = {"name": "theirs", **kind("oidc-of-our-company", claim_name="aud", claim_value="api")}
    realm = renewed("legacy", web={"protocolMappers": [theirs]}, api={})
    realm.add_user("other")
    realm.add_role("vip", realm.user)
    held = {"name": "their-scope", "protocol": "openid-connect", "protocolMappers": [theirs]}
    scope_id = realm.session.create(realm.at("client-scopes"), held)
    realm.session.put(realm.at("clients", realm.uuid("web"), "default-client-scopes", scope_id), {})
    cases = up(realm, {**GRANT, "exchange": exchange, "requiredRoles": ["vip"]})
    for user, passes in ((realm.user, True), ("other", False)):
        subject = Subject(user, PASSWORD)
        (proved,), (dry,) = tried(realm, cases, subject), tried(realm, cases, subject, dry_run=True)
        assert proved.proved == dry.outlook == passes, (proved, dry)
    told = [*found_by_doctor(realm, cases), *found_by_inventory(realm)["told"]]
    assert not any("their" in each for each in told), told
