"""What client policies do to our writes, foretold and then seen: random policies, clients and writes on a real server."""

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest

from kcadmin.objects.clients import Clients
from kcadmin.objects.robot import representation
from kcadmin.rest.errors import HttpError
from kcadmin.writes.executors import value_of
from kcadmin.writes.prediction import RealmPolicies, foretell
from kcadmin.writes.votes import Write, WritingLogin
from local import keycloak
from local.layout import keycloak_version
from tests.support.realms import Arranging, TestRealm
from tests.support.renewed import renewed_realm

CASES = 10
realm = renewed_realm("standard")
FIELDS = (
    "consentRequired",
    "fullScopeAllowed",
    "implicitFlowEnabled",
    "directAccessGrantsEnabled",
    "clientAuthenticatorType",
)
ROBOTS_FIELDS = tuple(f"attributes.{name}" for name in (
    "dpop.bound.access.tokens", "tls.client.certificate.bound.access.tokens", "pkce.code.challenge.method",
    "id.token.as.detached.signature", "access.token.signed.response.alg", "id.token.signed.response.alg",
    "user.info.response.signature.alg", "request.object.signature.alg", "token.endpoint.auth.signing.alg",
    "ciba.backchannel.auth.request.signing.alg", "pulumi.robot",
))  # fmt: skip
MARKED = {"tier": "gold"}
AUTO = ("consent-required", "full-scope-disabled", "holder-of-key-enforcer", "pkce-enforcer", "secure-response-type",
        "reject-implicit-grant", "reject-ropc-grant", "dpop-bind-enforcer")  # fmt: skip
SILENT = ("downscope-assertion-grant-enforcer", "jwt-claim-enforcer", "secure-session", "confidential-client")
AUTHENTICATORS = ("client-secret", "client-jwt", "client-secret-jwt")


@pytest.mark.exchange_guards
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_writes_end_as_foretold(realm: TestRealm, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    own = realm.get("client-policies", "profiles", **GLOBAL)["globalProfiles"]
    changed = refused = undecided = 0
    for number in range(CASES):
        made = _policies(chance, [str(each["name"]) for each in own])
        policies = RealmPolicies(made.policies, made.profiles, own)
        repeating = chance.random() < 0.5  # as our writes do
        write = _write(realm, _client(realm, chance, f"client-{number}"), policies if repeating else RealmPolicies())
        foretold = foretell(write, policies)
        _set(realm, made)
        happened = _happens(realm, write)
        case = json.dumps([made.policies, made.profiles, write.client, write.body], indent=1)
        _set(realm, RealmPolicies())
        if foretold.undecided:
            undecided += 1
            continue
        if happened is None:
            refused += 1
            assert foretold.refused, f"{case}\nwas refused, and this was foretold: {foretold}"
            continue
        assert not foretold.refused, f"{case}\nwas taken, and this was foretold: {foretold.refused}"
        seen = {key: after for key, (before, after) in _differences(write.merged(), happened).items()}
        assert seen == {each.field: _plain(each.after) for each in foretold.changes}, case
        changed += bool(seen)
    assert changed and refused and undecided < CASES / 2, (changed, refused, undecided)


@pytest.mark.exchange_guards
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_policies_do_to_a_new_robot_what_was_foretold(realm: TestRealm, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    own = realm.get("client-policies", "profiles", **GLOBAL)["globalProfiles"]
    writer, version = WritingLogin(), keycloak.number(keycloak_version())
    for number in range(CASES):
        made = _policies(chance, [str(each["name"]) for each in own])
        write = Write({}, representation(f"robot-{number}", {}), frozenset(), writer, version)  # type: ignore[arg-type]
        foretold = foretell(write, RealmPolicies(made.policies, made.profiles, own))
        _set(realm, made)
        try:
            realm.session.create(realm.at("clients"), write.body)
            happened = True
        except HttpError as problem:
            assert problem.status in (400, 500), problem
            happened = False
        case = json.dumps([made.policies, made.profiles], indent=1)
        _set(realm, RealmPolicies())
        if foretold.undecided:
            continue
        assert happened == (foretold.refused is None), f"{case}\n{foretold}"
        if happened:
            now = realm.client(f"robot-{number}")
            sent = {field: _plain(value_of(write.body, field)) for field in (*FIELDS, *ROBOTS_FIELDS)}
            seen = {field: _plain(value_of(now, field)) for field in sent}
            expected = sent | {each.field: _plain(each.after) for each in foretold.changes if each.field in sent}
            assert {each.field for each in foretold.changes} <= sent.keys(), foretold
            assert {key: bool(value) and value for key, value in seen.items()} == {
                key: bool(value) and value for key, value in expected.items()
            }, case


class Noting(Arranging):
    """Notes the body of a write, and does not send it."""

    body: Mapping[str, Any]

    def put_once(self, at: str, body: object) -> None:
        self.body = dict(body)  # type: ignore[call-overload]


GLOBAL = {"include-global-profiles": "true"}


def _policies(chance: random.Random, own: list[str]) -> RealmPolicies:
    profiles = [
        {"name": f"profile-{number}", "executors": [_executor(chance) for _ in range(chance.randint(1, 3))]}
        for number in range(2)
    ]
    names = [str(each["name"]) for each in profiles]
    policies = [
        {
            "name": f"policy-{number}",
            "enabled": chance.random() < 0.9,
            "conditions": [_condition(chance) for _ in range(chance.randint(1, 2))],
            "profiles": [chance.choice([*names, *names, chance.choice(own)])],
        }
        for number in range(chance.randint(1, 2))
    ]
    return RealmPolicies(policies, profiles)


def _condition(chance: random.Random) -> dict[str, Any]:
    name, config = chance.choice(
        [
            ("any-client", {}),
            ("any-client", {}),
            (
                "client-access-type",
                {"type": chance.sample(["confidential", "public", "bearer-only"], chance.randint(1, 2))},
            ),
            (
                "client-attributes",
                {"attributes": json.dumps([{"key": key, "value": each} for key, each in MARKED.items()])},
            ),
            ("client-roles", {"roles": ["special"]}),
            (
                "client-updater-context",
                {"update-client-source": [chance.choice(["ByAuthenticatedUser", "ByAnonymous"])]},
            ),
            *([("client-updater-source-host", {"trusted-hosts": ["10.0.0.1"]})] if chance.random() < 0.3 else []),
            ("grant-type", {"grant_types": ["password"]}),
            ("client-scopes", {"type": "Optional", "scopes": ["offline_access"]}),
        ]
    )
    return {"condition": name, "configuration": {"is-negative-logic": chance.random() < 0.25, **config}}


def _executor(chance: random.Random) -> dict[str, Any]:
    name = chance.choice([*AUTO, *SILENT, "secure-client-authenticator", "secure-signature-algorithm", "secure-logout",
                          "secure-redirect-uris-enforcer", *(["reject-request"] if chance.random() < 0.2 else [])])  # fmt: skip
    config: dict[str, Any] = {}
    if name in AUTO:
        config = {"auto-configure": chance.random() < 0.6}
    elif name == "secure-client-authenticator":
        allowed = chance.sample(AUTHENTICATORS, chance.randint(1, 2))
        config = {"allowed-client-authenticators": allowed}
        config |= {"default-client-authenticator": chance.choice(AUTHENTICATORS)} if chance.random() < 0.7 else {}
    elif name == "secure-signature-algorithm":
        config = {"default-algorithm": chance.choice(["PS256", "ES512"])}
    elif name == "secure-logout":
        config = {"allow-front-channel-logout": chance.random() < 0.5}
    elif name == "jwt-claim-enforcer":
        config = {"claim-name": "azp", "allowed-value": ".*"}
    return {"executor": name, "configuration": config}


def _client(realm: TestRealm, chance: random.Random, name: str) -> str:
    """A client with random settings; its id."""
    bound = {"dpop.bound.access.tokens": "true"} if chance.random() < 0.3 else {}
    signed = {"access.token.signed.response.alg": chance.choice(["ES512", "RS256"])} if chance.random() < 0.3 else {}
    realm.add_client(
        name,
        publicClient=chance.random() < 0.2,
        consentRequired=chance.random() < 0.3,
        fullScopeAllowed=chance.random() < 0.5,
        directAccessGrantsEnabled=chance.random() < 0.5,
        implicitFlowEnabled=chance.random() < 0.3,
        frontchannelLogout=chance.random() < 0.3,
        clientAuthenticatorType=chance.choice(AUTHENTICATORS[:2]),
        redirectUris=["https://app.example/*"] if chance.random() < 0.5 else [],
        attributes={**bound, **signed, **(MARKED if chance.random() < 0.5 else {})},
    )
    if chance.random() < 0.4:
        realm.session.post(realm.at("clients", realm.uuid(name), "roles"), {"name": "special"})
    return name


def _set(realm: TestRealm, policies: RealmPolicies) -> None:
    """Profiles come before the policies that name them, and go after them."""
    realm.session.put(realm.at("client-policies", "policies"), {"policies": []})
    realm.session.put(realm.at("client-policies", "profiles"), {"profiles": list(policies.profiles)})
    realm.session.put(realm.at("client-policies", "policies"), {"policies": list(policies.policies)})


def _write(realm: TestRealm, client_id: str, policies: RealmPolicies) -> Write:
    """The write that switches the standard exchange of a client on."""
    found = realm.client(client_id)
    noting = Noting(realm.connection)
    Clients(noting, realm.name, policies=lambda: policies).change(
        str(found["id"]), {"attributes.standard.token.exchange.enabled": "true"}
    )
    return Write(
        found,
        noting.body,
        frozenset(str(each["name"]) for each in realm.get("clients", found["id"], "roles")),
        WritingLogin(),
        keycloak.number(keycloak_version()),  # type: ignore[arg-type]
    )


def _happens(realm: TestRealm, write: Write) -> Mapping[str, Any] | None:
    """The client after the write; None where Keycloak refused it."""
    try:
        realm.session.put_once(realm.at("clients", str(write.client["id"])), write.body)
    except HttpError as problem:
        assert problem.status in (400, 500), problem
        return None
    return realm.client(str(write.client["clientId"]))


def _differences(expected: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    attributes = {f"attributes.{key}" for each in (expected, now) for key in each.get("attributes") or ()}
    fields = {*expected, *now, *attributes} - {"attributes", "access", "secret"}
    pairs = {field: (_plain(value_of(expected, field)), _plain(value_of(now, field))) for field in fields}
    return {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}


def _plain(value: Any) -> Any:
    return {"true": True, "false": False, "": None}.get(value, value) if isinstance(value, str) else value
