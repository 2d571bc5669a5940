"""A realm made by hand, through the Admin API alone: many exchanges of both kinds, each in a way that people make them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.realms import CONFIDENTIAL, TestRealm

SWITCH = "standard.token.exchange.enabled"
REFRESH = "standard.token.exchange.enableRefreshRequestedTokenType"
SILENT = {"directAccessGrantsEnabled": False, "standardFlowEnabled": False}  # logs nobody in
STACK = "another/project/stack"
USER_WITHOUT_ROLES = "testuser3"
CHUNK = 25


def switched(*mappers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A client whose standard exchange is on."""
    attributes = {SWITCH: "true", **more.pop("attributes", {})}
    return {"attributes": attributes, "protocolMappers": list(mappers), **more}


def plain(*mappers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"protocolMappers": list(mappers), **more}


def names(audience: str, name: str = "aud", *, key: str = "included.client.audience", **config: str) -> dict[str, Any]:
    """An audience mapper."""
    return {
        "name": f"{name} {audience}",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {key: audience, "access.token.claim": "true", "id.token.claim": "false", **config},
    }


STANDARD: dict[str, dict[str, Any]] = {
    # a source that asks; the target that exchanges, without and with its own audience; both
    "s01": switched(names("t01")),
    "t01": {},
    "s02": plain(names("t02")),
    "t02": switched(),
    "s03": plain(names("t03")),
    "t03": switched(names("t03", "self")),
    "s04": switched(names("t04")),
    "t04": switched(names("t04", "self")),
    # several sources
    "s05a": plain(names("t05")),
    "s05b": plain(names("t05")),
    "s05c": plain(names("t05")),
    "t05": switched(names("t05", "self")),
    "s06a": switched(names("t06")),
    "s06b": switched(names("t06")),
    "t06": {},
    # three clients: one in between that logs nobody in, and one that does
    "s07": plain(names("r07")),
    "r07": switched(names("t07"), names("r07", "self"), **SILENT),
    "t07": {},
    "s08": plain(names("r08")),
    "r08": switched(names("t08"), names("r08", "self")),
    "t08": {},
    # by client scopes: default, optional, for holders of a role, two targets
    "s09": switched(),
    "t09": {},
    "s10": switched(),
    "t10": {},
    "s11": switched(),
    "t11": {},
    "s12": switched(),
    "t12": {},
    "s13": switched(),
    "t13": {},
    "s14": switched(),
    "t14": {},
    "t14b": {},
    # mappers that are not as a grant makes them
    "s15": switched(names("t15", key="included.custom.audience")),
    "t15": {},
    "s16": switched(names("t16", **{"id.token.claim": "true"})),
    "t16": {},
    # nothing to exchange
    "s17": switched(names("https://api.example.com", key="included.custom.audience")),
    "s18": switched(),
    "s19": plain(names("t19")),  # without a switch: the legacy exchange serves it
    "t19": plain(names("t19", "self")),
    "s20": switched(names("t20"), attributes={REFRESH: "SAME_SESSION"}),
    "t20": {},
    "s21": switched(names("t21"), publicClient=True),
    "t21": {"publicClient": True},
    "s22": switched(names("t22")),
    "t22": {"enabled": False},
    "s23": switched(names("t23"), enabled=False),
    "t23": {},
    "s24": switched(),  # two scopes, each under its own condition
    "t24": {},
    "s25": plain(names("gone-25")),
    "s26": plain(names("t26"), publicClient=True),
    "t26": switched(names("t26", "self")),
    "s27": switched(),  # a role opens it, and so does any role of the target
    "t27": {},
    "s28": switched(names("r28")),  # there and back
    "r28": switched(names("s28")),
    "s29": switched(names("t29", **{"pulumi.owner": STACK})),
    "t29": {},
    "s30": {},  # three clients, the first step on request alone
    "r30": switched(names("t30"), names("r30", "self"), **SILENT),
    "t30": {},
}
LEGACY_CLIENTS = [
    *(f"{side}{number:02}" for number in range(1, 31) for side in ("a", "z")),
    *("b04", "c04", "b05", "b06", "b14", "z21b", "b26", "y21", "b28", "b20", "b19"),
]
LEGACY: dict[str, dict[str, Any]] = {
    **{name: {} for name in LEGACY_CLIENTS},
    "a22": {"enabled": False},
    "a25": switched(),
    "a29": plain(names("z29")),
    "z29": plain(names("z29", "self")),
}
# scope: the audiences it names, the roles it asks for ("role" or "client/role"), the client that holds it and in which list
SCOPES: list[tuple[str, Sequence[str], Sequence[str], str, str]] = [
    ("to-t09", ["t09"], [], "s09", "default"),
    ("to-t10", ["t10"], [], "s10", "optional"),
    ("to-t11", ["t11"], ["caller-11"], "s11", "default"),
    ("to-t12", ["t12"], ["t12/caller"], "s12", "default"),
    ("to-t13", ["t13"], ["caller-13"], "s13", "optional"),
    ("to-t14", ["t14", "t14b"], [], "s14", "default"),
    ("to-t24-by-role", ["t24"], ["caller-24"], "s24", "default"),
    ("to-t24-on-request", ["t24"], [], "s24", "optional"),
    ("to-t27", ["t27"], ["caller-27"], "s27", "default"),
    ("to-r30", ["r30"], [], "s30", "optional"),
]
HOURS = {"hour": "9", "hourEnd": "16"}
DATES = {"notBefore": "2020-01-01 00:00:00", "notOnOrAfter": "2099-01-01 00:00:00"}


def build(realm: TestRealm) -> None:
    """Makes everything in a realm without clients."""
    clients = [{"clientId": name, **CONFIDENTIAL, **changes} for name, changes in {**STANDARD, **LEGACY}.items()]
    for first in range(0, len(clients), CHUNK):
        body = {"ifResourceExists": "FAIL", "clients": clients[first : first + CHUNK]}
        realm.session.post(realm.at("partialImport"), body)
    realm.add_user(USER_WITHOUT_ROLES)
    for name, audiences, roles, holder, kind in SCOPES:
        _scope(realm, name, audiences, roles, holder, kind)
    realm.session.post(realm.at("clients", realm.uuid("t27"), "roles"), {"name": "viewer"})
    hand = Hand(realm)
    a = {number: f"a{number:02}" for number in range(1, 31)}
    hand.permission("z01", [hand.client("may exchange for z01", "a01")], "AFFIRMATIVE")
    hand.permission("z02", [hand.client("z02 clients", "a02")])
    hand.permission("z03", [hand.client("Dürfen: #3, tauschen!", "a03", description="für die Buchhaltung")])
    hand.permission("z04", [hand.client("three", "a04", "b04", "c04")])
    hand.permission("z05", [hand.client("first", "a05"), hand.client("second", "b05")], "AFFIRMATIVE")
    hand.permission("z06", [hand.client("both-1", "a06"), hand.client("both-2", "b06")])
    hand.permission("z07", [hand.client("all but", "a07", logic="NEGATIVE")])
    realm.session.post(realm.at("roles"), {"name": "service"})
    role = realm.get("roles", "service")["id"]
    hand.permission("z08", [hand.policy("role", "by role", roles=[{"id": role, "required": True}])])
    realm.session.post(realm.at("groups"), {"name": "services"})
    group = realm.get("groups")[0]["id"]
    hand.permission("z09", [hand.policy("group", "by group", groups=[{"id": group, "extendChildren": False}])])
    user = realm.get("users", username=realm.user, exact="true")[0]["id"]
    hand.permission("z10", [hand.policy("user", "by user", users=[user])])
    hand.permission("z11", [hand.policy("time", "by day", **HOURS)])
    hand.permission(
        "z12", [hand.both("by day for a12", hand.client("a12 may", a[12]), hand.policy("time", "in 12", **HOURS))]
    )
    odd = hand.policy("time", "first of the month", dayMonth="1")
    hand.permission("z13", [hand.both("first of the month for a13", hand.client("a13 may", a[13]), odd)])
    hand.permission(
        "z14", [hand.both("any", hand.client("one", "a14"), hand.client("other", "b14"), strategy="AFFIRMATIVE")]
    )
    email = next(each["id"] for each in realm.get("client-scopes") if each["name"] == "email")
    hand.permission("z15", [hand.policy("client-scope", "by scope", clientScopes=[{"id": email, "required": True}])])
    hand.permission("z16", [hand.policy("regex", "scope pattern", targetClaim="scope", pattern=".*email.*")])
    hand.permission("z17", [hand.policy("regex", "mail pattern", targetClaim="email", pattern=".*")])
    hand.permission("z18", [])
    hand.permission("z19", [hand.client("gone", "b19")])
    hand.permission("z20", [hand.client("all but the gone", "b20", logic="NEGATIVE")])
    shared = hand.client("shared", "a21", "y21")
    hand.permission("z21", [shared])
    hand.permission("z21b", [shared], "AFFIRMATIVE")
    hand.permission("z22", [hand.client("disabled", "a22")])
    hand.permission("z23", [hand.client("renamed", "a23")], name="my token exchange")
    hand.permission("z24", [hand.client("covered twice", "a24")])
    hand.second_permission("z24", [hand.policy("time", "also", **HOURS)])
    hand.permission("z25", [hand.client("served by the standard one", "a25")])
    hand.permission("z26", [hand.client("yes", "a26"), hand.client("no", "b26", logic="NEGATIVE")], "AFFIRMATIVE")
    hand.permission("z27", [hand.client("by consensus", "a27")], "CONSENSUS")
    hand.permission("z28", [hand.client("once", "a28", "b28"), hand.client("twice", "b28", "a28")], "AFFIRMATIVE")
    hand.permission("z29", [hand.client("a29 may", "a29")])
    dates = hand.policy("time", "in 30", **DATES)
    hand.permission("z30", [hand.both("until 2099", hand.client("a30 may", a[30]), dates)])
    hand.marked("of a stack", "a19", target="z19")
    for gone in ("b19", "b20"):
        realm.session.delete(realm.at("clients", realm.uuid(gone)))
    hand.identity_provider("partner", [hand.client("partner's", "a01")])
    hand.impersonation([hand.client("impersonators", "a01")])


class Hand:
    """Who clicks in the admin console."""

    def __init__(self, realm: TestRealm, *, first: str = "z01") -> None:
        self.realm = realm
        self.server = realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server")
        self._uuids = {each["clientId"]: each["id"] for each in realm.get("clients")}
        self._management(first)  # the first one makes the resource server

    def policy(self, type_: str, name: str, **fields: Any) -> str:
        body = {"name": name, "logic": "POSITIVE", **fields}
        return str(self.realm.session.post_json(f"{self.server}/policy/{type_}", body)["id"])

    def client(self, name: str, *clients: str, **fields: Any) -> str:
        return self.policy("client", name, clients=[self._uuids[each] for each in clients], **fields)

    def both(self, name: str, *policies: str, strategy: str = "UNANIMOUS") -> str:
        return self.policy("aggregate", name, policies=list(policies), decisionStrategy=strategy)

    def permission(self, target: str, policies: Sequence[str], strategy: str = "UNANIMOUS", name: str = "") -> None:
        permission = self._management(target)["scopePermissions"]["token-exchange"]
        self._fill(permission, name or f"token-exchange.permission.client.{self._uuids[target]}", policies, strategy)

    def second_permission(self, target: str, policies: Sequence[str]) -> None:
        resource = self._management(target)["resource"]
        scopes = self.realm.session.get(f"{self.server}/scope", name="token-exchange")
        body = {"name": "another", "type": "scope", "resources": [resource], "scopes": [scopes[0]["id"]]}
        self.realm.session.post(f"{self.server}/permission/scope", {**body, "policies": list(policies)})

    def marked(self, name: str, client: str, *, target: str) -> None:
        """A policy that another stack has made, beside those that are there."""
        made = self.client(name, client, description="for another [pulumi:0123456789abcdef]")
        found = self._management(target)["scopePermissions"]["token-exchange"]
        held = [each["id"] for each in self.realm.session.get(f"{self.server}/policy/{found}/associatedPolicies")]
        self.permission(target, [*held, made], "AFFIRMATIVE")

    def identity_provider(self, alias: str, policies: Sequence[str]) -> None:
        at = self.realm.at("identity-provider", "instances")
        config = {"authorizationUrl": "http://localhost/a", "tokenUrl": "http://localhost/t", "clientId": "x"}
        self.realm.session.post(at, {"alias": alias, "providerId": "oidc", "config": {**config, "clientSecret": "s"}})
        found = self.realm.session.put_json(f"{at}/{alias}/management/permissions", {"enabled": True})
        permission = found["scopePermissions"]["token-exchange"]
        internal = self.realm.session.get(f"{at}/{alias}")["internalId"]
        self._fill(permission, f"token-exchange.permission.idp.{internal}", policies, "UNANIMOUS")

    def impersonation(self, policies: Sequence[str]) -> None:
        found = self.realm.session.put_json(self.realm.at("users-management-permissions"), {"enabled": True})
        permission = found["scopePermissions"]["impersonate"]
        self._fill(permission, "admin-impersonating.permission.users", policies, "UNANIMOUS")

    def _management(self, target: str) -> dict[str, Any]:
        at = self.realm.at("clients", self._uuids[target], "management", "permissions")
        return dict(self.realm.session.put_json(at, {"enabled": True}))

    def _fill(self, permission: str, name: str, policies: Sequence[str], strategy: str) -> None:
        body = {"name": name, "type": "scope", "policies": list(policies), "decisionStrategy": strategy}
        self.realm.session.put(f"{self.server}/permission/scope/{permission}", body)


def _scope(realm: TestRealm, name: str, audiences: Sequence[str], roles: Sequence[str], holder: str, kind: str) -> None:
    body = {
        "name": name,
        "description": f"made by hand, for {', '.join(audiences)}",
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": json.dumps(kind == "optional")},
        "protocolMappers": [names(audience) for audience in audiences],
    }
    realm.session.post(realm.at("client-scopes"), body)
    scope = next(each["id"] for each in realm.get("client-scopes") if each["name"] == name)
    for role in roles:
        client, _, last = role.rpartition("/")
        realm.add_role(last, realm.user, client or None)
        at = realm.at("clients", realm.uuid(client)) if client else realm.at()
        found = realm.session.get(f"{at}/roles/{last}")
        place = ("clients", realm.uuid(client)) if client else ("realm",)
        realm.session.post(realm.at("client-scopes", scope, "scope-mappings", *place), [found])
    realm.session.put(realm.at("clients", realm.uuid(holder), f"{kind}-client-scopes", scope), None)
