"""Ways to break a working grant of ``frontend`` and ``api``, each undone when its block ends.

Written against the Admin API directly, apart from the code under test.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from kcadmin.rest.errors import NotFound
from tests.support.realms import TOKEN_EXCHANGE, TestRealm

Break = Callable[[TestRealm], AbstractContextManager[None]]
HOUR = 3600


def undone(make: Callable[[TestRealm], Iterator[None]]) -> Break:
    """A break from what does it, yields, and undoes it; undone also when the test within fails."""

    @contextmanager
    def run(realm: TestRealm) -> Iterator[None]:
        steps = make(realm)
        next(steps)
        try:
            yield
        finally:
            next(steps, None)

    return run


def client(client_id: str, undo: dict[str, Any] | None = None, **fields: Any) -> Break:
    """Fields of a client, which are false or as ``undo`` says before."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        realm.change(client_id, **fields)
        yield
        realm.change(client_id, **(undo or {name: not value for name, value in fields.items()}))

    return change


def attribute(client_id: str, name: str, value: str, before: str = "") -> Break:
    """An attribute of a client; an empty one is taken out."""
    return client(client_id, {"attributes": {name: before}}, attributes={name: value})


def settings(undo: dict[str, Any], **fields: Any) -> Break:
    """Settings of the realm."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        realm.session.put(realm.at(), fields)
        yield
        realm.session.put(realm.at(), undo)

    return change


def user(undo: dict[str, Any], **fields: Any) -> Break:
    """Fields of the user."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        found = realm.get("users", username=realm.user, exact="true")[0]
        at = realm.at("users", found["id"])
        realm.session.put(at, {**found, **fields})
        yield
        realm.session.put(at, {**found, **undo})

    return change


@undone
def logged_out(realm: TestRealm) -> Iterator[None]:
    """The user is logged out everywhere; what was issued in that second counts again only later."""
    found = realm.get("users", username=realm.user, exact="true")[0]
    realm.session.post(realm.at("users", found["id"], "logout"), None)
    yield
    time.sleep(max(0.0, 1.1 - time.time() % 1))


@undone
def nothing(realm: TestRealm) -> Iterator[None]:
    """The realm is as it should be; the caller does something wrong."""
    yield


def _mappers(realm: TestRealm, client_id: str) -> list[dict[str, Any]]:
    found = realm.client(client_id).get("protocolMappers") or []
    return [each for each in found if each["protocolMapper"] == "oidc-audience-mapper"]


def _models(realm: TestRealm, client_id: str) -> str:
    return realm.at("clients", realm.uuid(client_id), "protocol-mappers", "models")


def mapper(client_id: str, **config: str | None) -> Break:
    """The config of a client's audience mappers; None takes a key out."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        at, found = _models(realm, client_id), _mappers(realm, client_id)
        for each in found:
            changed = {**each["config"], **{key.replace("_", "."): value for key, value in config.items()}}
            kept = {key: value for key, value in changed.items() if value is not None}
            realm.session.put(f"{at}/{each['id']}", {**each, "config": kept})
        yield
        for each in found:
            realm.session.put(f"{at}/{each['id']}", each)

    return change


def no_mapper(client_id: str) -> Break:
    """Somebody deletes the audience mappers of a client."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        at, found = _models(realm, client_id), _mappers(realm, client_id)
        for each in found:
            realm.session.delete(f"{at}/{each['id']}")
        yield
        for each in found:
            realm.session.post(at, each)

    return change


def together(*breaks: Break) -> Break:
    """All of them, undone the other way round."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        if not breaks:
            yield
            return
        with breaks[0](realm), together(*breaks[1:])(realm):
            yield

    return change


def in_scope(client_id: str, audience: str, kind: str | None, role: str | None = None, **config: str) -> Break:
    """The audience stands in a client scope that the client holds as ``kind``, or not at all; only for a role's holders."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        body = {
            "name": f"to-{audience}",
            "protocol": "openid-connect",
            "protocolMappers": [
                {
                    "name": "audience",
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-audience-mapper",
                    "config": {"included.client.audience": audience, "access.token.claim": "true", **config},
                }
            ],
        }
        scope = realm.session.create(realm.at("client-scopes"), body)
        if role:
            realm.session.post(realm.at("roles"), {"name": role})
            roles = [realm.get("roles", role)]
            realm.session.post(realm.at("client-scopes", scope, "scope-mappings", "realm"), roles)
        if kind:
            realm.session.put(realm.at("clients", realm.uuid(client_id), f"{kind}-client-scopes", scope), None)
        with no_mapper(client_id)(realm):
            yield
        realm.session.delete(realm.at("client-scopes", scope))
        if role:
            realm.session.delete(realm.at("roles", role))

    return change


@undone
def only_by_roles(realm: TestRealm) -> Iterator[None]:
    """``api`` stood in aud through a role of its own, until somebody switched full scope off."""
    realm.add_role("reader", realm.user, "api")
    with no_mapper("frontend")(realm), client("frontend", {"fullScopeAllowed": True}, fullScopeAllowed=False)(realm):
        yield
    realm.session.delete(realm.at("clients", realm.uuid("api"), "roles", "reader"))


def renamed(client_id: str, name: str) -> Break:
    """A client gets another client id."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        realm.change(client_id, clientId=name)
        yield
        realm.change(name, clientId=client_id)

    return change


def guard(*executors: dict[str, Any], conditions: list[dict[str, Any]] | None = None) -> Break:
    """A client policy for token exchange with executors."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        grant_type = {"is-negative-logic": False, "grant_types": [TOKEN_EXCHANGE]}
        held = [{"condition": "grant-type", "configuration": grant_type}, *(conditions or [])]
        profile = {"name": "p", "description": "d", "executors": list(executors)}
        policy = {"name": "a-guard", "enabled": True, "profiles": ["p"], "conditions": held}
        realm.session.put(realm.at("client-policies", "profiles"), {"profiles": [profile]})
        realm.session.put(realm.at("client-policies", "policies"), {"policies": [policy]})
        yield
        realm.session.put(realm.at("client-policies", "policies"), {"policies": []})
        realm.session.put(realm.at("client-policies", "profiles"), {"profiles": []})

    return change


def enforces(claim: str, pattern: str) -> dict[str, Any]:
    """An executor that lets only some tokens through."""
    return {"executor": "jwt-claim-enforcer", "configuration": {"claim-name": claim, "allowed-value": pattern}}


# The legacy exchange's permission


class Permission:
    """The token-exchange permission of ``api``, and how it is made whole again."""

    def __init__(self, realm: TestRealm) -> None:
        self.realm = realm
        self.uuid = realm.uuid("api")
        self.server = realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server")
        self.manage = realm.at("clients", self.uuid, "management", "permissions")
        ids = realm.session.get(self.manage)
        self.id = ids["scopePermissions"]["token-exchange"]
        self.policies = [each["id"] for each in self.get("policy", self.id, "associatedPolicies")]
        self.resource = ids["resource"]

    @property
    def name(self) -> str:
        return f"token-exchange.permission.client.{self.uuid}"

    def get(self, *segments: str) -> Any:
        return self.realm.session.get("/".join([self.server, *segments]))

    def put(self, **fields: Any) -> None:
        body = {"name": self.name, "type": "scope", "decisionStrategy": "AFFIRMATIVE", **fields}
        self.realm.session.put(f"{self.server}/permission/scope/{self.id}", body)

    def make(self, kind: str, name: str, **fields: Any) -> str:
        return str(self.realm.session.post_json(f"{self.server}/policy/{kind}", {"name": name, **fields})["id"])

    def delete(self, policy_id: str) -> None:
        self.realm.session.delete(f"{self.server}/policy/{policy_id}")


def permission(**fields: Any) -> Break:
    """Fields of the permission."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        now = Permission(realm)
        now.put(**fields)
        yield
        now.put(policies=now.policies, scopes=["token-exchange"], resources=[now.resource])

    return change


def instead(kind: str, strategy: str = "AFFIRMATIVE", beside: bool = False, **fields: Any) -> Break:
    """A policy of another kind in the place of the grant's, or beside it."""

    @undone
    def change(realm: TestRealm) -> Iterator[None]:
        now = Permission(realm)
        filled = {key: value(realm) if callable(value) else value for key, value in fields.items()}
        made = now.make(kind, "another", **filled)
        now.put(policies=[made, *(now.policies if beside else ())], decisionStrategy=strategy)
        yield
        now.put(policies=now.policies)
        now.delete(made)

    return change


@undone
def aggregate(realm: TestRealm) -> Iterator[None]:
    """The grant's policy and a time that is over, within an aggregate policy."""
    now = Permission(realm)
    over = now.make("time", "over", notOnOrAfter="2001-01-01 00:00:00")
    both = now.make("aggregate", "both", policies=[*now.policies, over], decisionStrategy="UNANIMOUS")
    now.put(policies=[both])
    yield
    now.put(policies=now.policies)
    now.delete(both)
    now.delete(over)


@undone
def permission_off(realm: TestRealm) -> Iterator[None]:
    """Somebody switches the management permissions of ``api`` off, which deletes the permission."""
    now = Permission(realm)
    realm.session.put_json(now.manage, {"enabled": False})
    yield
    _anew(now)


@undone
def permission_gone(realm: TestRealm) -> Iterator[None]:
    """Somebody deletes the last policy, and the permission with it."""
    now = Permission(realm)
    last = now.make("client", "last", clients=[realm.uuid("frontend")])
    now.put(policies=[last])
    now.delete(last)
    yield
    _anew(now)


def _anew(now: Permission) -> None:
    ids = now.realm.session.put_json(now.manage, {"enabled": True})
    now.id = ids["scopePermissions"]["token-exchange"]
    now.put(policies=now.policies)


@undone
def second_permission(realm: TestRealm) -> Iterator[None]:
    """A permission beside the one that counts, on the same resource and scope, with a policy that denies."""
    now = Permission(realm)
    no = now.make("client", "no", clients=[realm.uuid("third")])
    body = {
        "name": "beside",
        "type": "scope",
        "resources": [now.resource],
        "scopes": ["token-exchange"],
        "policies": [no],
    }
    made = realm.session.post_json(f"{now.server}/permission/scope", body)["id"]
    yield
    now.delete(made)
    try:
        now.delete(no)
    except NotFound:
        return


@undone
def guide_objects(realm: TestRealm) -> Iterator[None]:
    """Policy, scope and permission on the target's own resource server, as the guide makes them."""
    with client("api", {"authorizationServicesEnabled": False}, **_SERVICES)(realm):
        server = realm.at("clients", realm.uuid("api"), "authz", "resource-server")
        realm.session.post_json(f"{server}/scope", {"name": "token-exchange"})
        policy = {"name": "frontend-can-exchange", "clients": [realm.uuid("frontend")]}
        made = realm.session.post_json(f"{server}/policy/client", policy)["id"]
        body = {"name": "token-exchange.permission", "type": "scope", "scopes": ["token-exchange"], "policies": [made]}
        realm.session.post_json(f"{server}/permission/scope", body)
        yield
    realm.change("api", serviceAccountsEnabled=False)


_SERVICES = {"serviceAccountsEnabled": True, "authorizationServicesEnabled": True}


def some_role(realm: TestRealm) -> list[dict[str, Any]]:
    """For a role policy: a role that no service account has."""
    return [{"id": realm.get("roles", "offline_access")["id"], "required": True}]


def some_group(realm: TestRealm) -> list[dict[str, Any]]:
    """For a group policy."""
    found = realm.get("groups", search="staff") or []
    group = found[0]["id"] if found else realm.session.create(realm.at("groups"), {"name": "staff"})
    return [{"id": group, "extendChildren": False}]


def some_scope(realm: TestRealm) -> list[dict[str, Any]]:
    """For a client-scope policy: a scope that no token has unless it is asked for."""
    return [
        {"id": next(each["id"] for each in realm.get("client-scopes") if each["name"] == "phone"), "required": True}
    ]


def the_user(realm: TestRealm) -> list[str]:
    """For a user policy."""
    return [str(realm.get("users", username=realm.user, exact="true")[0]["id"])]


def client_uuids(*client_ids: str) -> Callable[[TestRealm], list[str]]:
    """For a client policy."""
    return lambda realm: [realm.uuid(each) for each in client_ids]


def answer(realm: TestRealm, requester: str, token: str, **form: str) -> tuple[str | None, str | None]:
    """The token endpoint's refusal as people have it, or the token that it gives."""
    body = {"grant_type": TOKEN_EXCHANGE, "client_id": requester, "client_secret": "s", "subject_token": token, **form}
    kept = {key: value for key, value in body.items() if value}
    got = realm.session.public("POST", f"/realms/{realm.name}/protocol/openid-connect/token", form=kept)
    return (
        (None, str(got.json()["access_token"]))
        if got.ok
        else (f"HTTP/1.1 {got.status_code}\n\n{got.content.decode()}", None)
    )
