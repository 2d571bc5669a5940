"""The claim on organizations: an exchange leaves it out unless the caller asks for it, and then gives any of the user's."""

import pytest

from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.realm_reader import AnswerCache
from kcadmin.rest.errors import TokenRefused
from kcadmin.rest.session import Session
from reach.verdict import Case
from tests.conftest import MakeRealm
from tests.support.engine import forget
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

CAUSE = "organization-left-out"
GRANT = {"sources": ["frontend"], "target": "api", "flows": ["recipient"], "exchange": "standard"}


@pytest.mark.standard_exchange
@pytest.mark.exchange_guards
def test_organizations_of_a_user(make_realm: MakeRealm) -> None:
    realm = make_realm("standard", frontend={}, api={})
    case = Case("g", realm.name, "standard", "recipient", "frontend", "api", "api")
    assert noted(realm, case) == []
    realm.session.put(realm.at(), {"organizationsEnabled": True})
    user = realm.get("users", username=realm.user)[0]["id"]
    for name in ("acme", "beta"):
        made = {"name": name, "alias": name, "domains": [{"name": f"{name}.example.com"}]}
        organization = realm.session.create(realm.at("organizations"), made)
        realm.session.post(realm.at("organizations", organization, "members"), user)
    grant = {"name": "g", "realm": realm.name, **GRANT}
    plain = Stack(realm.connection)
    plain.up(grant)
    token = realm.user_token("frontend", scope="openid organization:acme")
    assert "organization" not in realm.exchange("api", token)
    for wanted in ("acme", "beta"):
        assert of(realm.exchange("api", token, scope=f"organization:{wanted}")) == {wanted}
    (said,) = noted(realm, case)
    assert "leaves out the claim 'organization' unless" in said and "noWiderScopes" in said
    plain.destroy()

    fenced = Stack(realm.connection, guards=("noWiderScopes",))
    fenced.up(grant)
    assert of(realm.exchange("api", token, scope="organization:acme")) == {"acme"}
    with pytest.raises(TokenRefused):
        realm.exchange("api", token, scope="organization:beta")
    fenced.destroy()


def of(claims: dict[str, object]) -> set[str]:
    found = claims["organization"]
    assert isinstance(found, list | dict)
    return {*map(str, found)}


def noted(realm: TestRealm, case: Case) -> list[str]:
    forget()
    diagnosis = Doctor(AnswerCache(Session(realm.connection)), Asked()).examine([case])[0]
    return [each.sentence for each in diagnosis.notes if each.cause == CAUSE]
