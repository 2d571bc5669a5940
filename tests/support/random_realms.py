"""Realms and conditional grants made at random, the same again for the same seed."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kcadmin.rest.session import Session
from reach.written_audiences import lacks
from tests.support.mapper_kinds import kind
from tests.support.realms import CONFIDENTIAL, LIGHTWEIGHT, TestRealm

OWNER = "org/project/stack"
CLIENTS = 5
NAMES = (
    "a",
    "ab",
    "a b",
    "a,b",
    "a.b",
    "b",
    "B",
    "api/v1 ✓",
    "0f6c8c5e-3c0c-4a52-9d7c-0a1b2c3d4e5f",
    "account-b",
    "[a]",
    "a#b",
    "'a'",
    "aud",
)
REALM_ROLES = ("plain", "other", "whole", "given")
"""``whole`` brings ``plain``; ``given`` is a default role of the realm."""
USERS = ("holds-all", "holds-none", "holds-some", "holds-others")
SWITCH = "standard.token.exchange.enabled"
SETTABLE = ("access.token.claim", "lightweight.claim")
ON = ("true", "true", "TRUE", "True")
"""How an attribute may say that something is on. A mapper's setting is on only as ``true``."""
SAID = ("true", "true", "true", "true", "true", "false", "TRUE", None)


@dataclass
class Scope:
    """A client scope: its mappers, the roles of which a user must have one, and who holds it how."""

    name: str
    mappers: list[dict[str, Any]]
    roles: list[tuple[str, str]]
    holders: dict[str, str]
    owner: str | None = None


@dataclass
class RandomRealm:
    """What ``make`` makes. roles: (client id or "", name). composites: which of them bring which.

    accounts: what the service accounts of clients hold. given: what each new user gets. in_group: the user who has roles by a
    group in another. keeps_given: the one who still has what each new user gets.
    """

    seed: int
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    mappers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    scopes: list[Scope] = field(default_factory=list)
    roles: list[tuple[str, str]] = field(default_factory=list)
    composites: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    mapped: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    held: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    without_roles_scope: list[str] = field(default_factory=list)
    accounts: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    given: list[tuple[str, str]] = field(default_factory=list)
    in_group: str = ""
    keeps_given: str = ""

    @property
    def names(self) -> list[str]:
        return list(self.clients)

    def make(self, url: str, admin_password: str) -> TestRealm:
        realm = TestRealm.make(url, admin_password, self.clients)
        send = realm.session
        _let_users_have_attributes(realm)
        uuids = {name: realm.uuid(name) for name in self.clients}
        found: dict[tuple[str, str], Any] = {}
        for holder, name in self.roles:
            at = realm.at("clients", uuids[holder]) if holder else realm.at()
            send.post(f"{at}/roles", {"name": name})
            found[holder, name] = send.get(f"{at}/roles/{name}")
        for whole, parts in self.composites.items():
            send.post(realm.at("roles-by-id", found[whole]["id"], "composites"), [found[part] for part in parts])
        default = realm.get("roles", f"default-roles-{realm.name}")
        send.post(realm.at("roles-by-id", default["id"], "composites"), [found[each] for each in self.given])
        for client, roles in self.mapped.items():
            _map(send, realm.at("clients", uuids[client], "scope-mappings"), roles, found, uuids)
        for client, mappers in self.mappers.items():
            for number, mapper in enumerate(mappers):
                at = realm.at("clients", uuids[client], "protocol-mappers", "models")
                send.post(at, {"name": f"m{number}", **mapper})
        for scope in self.scopes:
            body = {
                "name": scope.name,
                "protocol": "openid-connect",
                "attributes": {"pulumi.owner": scope.owner} if scope.owner else {},
                "protocolMappers": [{"name": f"m{number}", **each} for number, each in enumerate(scope.mappers)],
            }
            scope_id = send.create(realm.at("client-scopes"), body)
            _map(send, realm.at("client-scopes", scope_id, "scope-mappings"), scope.roles, found, uuids)
            for client, how in scope.holders.items():
                send.put(realm.at("clients", uuids[client], f"{how}-client-scopes", scope_id), None)
        scopes = {each["name"]: each["id"] for each in realm.get("client-scopes")}
        for client in self.without_roles_scope:
            send.delete(realm.at("clients", uuids[client], "default-client-scopes", scopes["roles"]))
        for client, roles in self.accounts.items():
            account = realm.get("clients", uuids[client], "service-account-user")["id"]
            _map(send, realm.at("users", account, "role-mappings"), roles, found, uuids)
        for username, roles in self.held.items():
            realm.add_user(username)
            user = realm.get("users", username=username, exact="true")[0]
            send.put(realm.at("users", user["id"]), {**user, "attributes": {"who": [self.names[0]]}})
            at = realm.at("users", user["id"], "role-mappings")
            if username != self.keeps_given:
                send.delete(f"{at}/realm", [default])
            if username == self.in_group:
                at = realm.at("groups", _joined(realm, user["id"]), "role-mappings")
            _map(send, at, roles, found, uuids)
        return realm


def random_realm(seed: int, exchange: str, *, odd: bool = False) -> RandomRealm:
    """exchange: which most of its clients are set up for. odd: with clients that no exchange, or not each, serves."""
    dice = random.Random(f"{seed} {exchange} realm")  # noqa: S311 (the same again for a seed)
    made = RandomRealm(seed)
    names = dice.sample(NAMES, CLIENTS)
    for name in names:
        public, standard = dice.random() < 0.1, dice.random() < (0.5 if exchange == "standard" else 0.15)
        attributes = {
            **({SWITCH: dice.choice(ON)} if standard else {}),
            **({LIGHTWEIGHT: dice.choice(ON)} if dice.random() < 0.2 else {}),
        }
        made.clients[name] = {
            "publicClient": public,
            "enabled": dice.random() > 0.03,
            "fullScopeAllowed": dice.random() < 0.5,
            "attributes": attributes,
            **({} if not public else {"secret": None}),
            **({"consentRequired": True} if odd and dice.random() < 0.12 else {}),
            **({"bearerOnly": True} if odd and not public and dice.random() < 0.1 else {}),
        }
    made.roles = [("", name) for name in REALM_ROLES]
    made.roles += [(name, role) for name in names for role in ("u", "v") if dice.random() < 0.35]
    made.composites["", "whole"] = [("", "plain"), *dice.sample(made.roles[4:], min(1, len(made.roles) - 4))]
    of_clients = [role for role in made.roles if role[0]]
    if len(of_clients) > 1 and dice.random() < 0.4:
        whole, part = dice.sample(of_clients, 2)
        if part not in made.composites["", "whole"]:
            made.composites[whole] = [part]
    for name in names:
        made.mappers[name] = [_mapper(dice, names, made.roles, odd=odd) for _ in range(dice.choice((0, 0, 0, 0, 1, 2)))]
        made.mapped[name] = dice.sample(made.roles, dice.choice((0, 0, 1, 2)))
        if dice.random() < 0.2:
            made.without_roles_scope.append(name)
    for number in range(dice.choice((1, 2, 3))):
        holders = {name: dice.choice(("default", "optional")) for name in names if dice.random() < 0.3}
        mappers = [_mapper(dice, names, made.roles, odd=odd) for _ in range(dice.choice((1, 1, 2)))]
        roles = dice.sample(made.roles, dice.choice((0, 0, 1, 2)))
        owner = f"{OWNER}#g0" if dice.random() < 0.3 else None
        made.scopes.append(Scope(f"scope-{number}", mappers, roles, holders, owner))
    made.held = {
        "holds-all": list(made.roles),
        "holds-none": [],
        "holds-some": dice.sample(made.roles, min(3, len(made.roles))),
        "holds-others": [],
    }
    _more(made, exchange, odd=odd)
    return made


def _more(made: RandomRealm, exchange: str, *, odd: bool) -> None:
    """What changes nothing of the rest that a seed makes."""
    dice = random.Random(f"{made.seed} {exchange} more")  # noqa: S311 (the same)
    of_clients = [role for role in made.roles if role[0]]
    made.given = [("", "given"), *dice.sample(of_clients, min(len(of_clients), dice.choice((0, 1))))]
    made.in_group = dice.choice(("holds-some", ""))
    made.keeps_given = dice.choice(("holds-none", "", ""))
    for name, client in made.clients.items():
        if not odd or client["publicClient"] or client.get("bearerOnly"):
            continue
        if dice.random() < 0.3:
            client["serviceAccountsEnabled"] = True
            made.accounts[name] = dice.sample(made.roles, dice.choice((0, 1, 2)))
        if dice.random() < 0.12:
            made.mappers[name].append(_odd_mapper(dice, made.names))
        if dice.random() < 0.03:
            client["attributes"]["access.token.signed.response.alg"] = dice.choice(("none", "HS512", "ES256"))


def _odd_mapper(dice: random.Random, names: Sequence[str]) -> dict[str, Any]:
    """One that writes what Keycloak may not take, or another ``sub``."""
    claim, value, label = dice.choice(
        (
            ("nbf", "x", "String"),
            ("nbf", "5", "long"),
            ("sid", "x", "String"),
            ("cnf.jkt", "x", "String"),
            ("realm_access", '{"roles": ["x"]}', "JSON"),
            ("email", "{}", "JSON"),
            ("allowed-origins", "x", "String"),
            ("azp", dice.choice(names), "String"),
        )
    )
    fixed = kind("oidc-hardcoded-claim-mapper", claim_name=claim, claim_value=value, jsonType_label=label)
    of_user = kind("oidc-usermodel-attribute-mapper", claim_name=claim, user_attribute=dice.choice(("who", "none")))
    pairwise = kind("oidc-sha256-pairwise-sub-mapper", pairwiseSubAlgorithmSalt="x")
    return dice.choice((fixed, fixed, of_user, pairwise))


def random_grants(made: RandomRealm, realm_name: str, exchange: str) -> list[dict[str, Any]]:
    """Grants that each have a condition."""
    dice = random.Random(f"{made.seed} {exchange}")  # noqa: S311 (the same)
    found = []
    for number in range(6):
        names = dice.sample(made.names, 4)
        shape = dice.choice(("recipient", "requester", "both", "third"))
        kinds = dice.choice(("role", "role", "request", "both"))
        near = [role for role in made.roles if role[0] in ("", names[2])]
        roles = dice.sample(near if dice.random() < 0.8 else made.roles, dice.choice((1, 1, 2)))
        conditions: dict[str, Any] = {}
        if kinds != "request":
            conditions["requiredRoles"] = [{"client": of, "role": name} if of else name for of, name in roles]
        if kinds != "role":
            conditions["audience"] = "optionalScope"
        found.append(
            {
                "name": f"g{number}",
                "realm": realm_name,
                "sources": names[: dice.choice((1, 1, 2))],
                "target": names[2],
                **({"requester": names[3]} if shape == "third" else {}),
                **({"flows": ["recipient", "requester"] if shape == "both" else [shape]} if shape != "third" else {}),
                "exchange": exchange,
                "allowPublicSource": True,
                "restrictFullScope": dice.random() < 0.7,
                **conditions,
            }
        )
    return found


def plain(grant: Mapping[str, Any]) -> dict[str, Any]:
    """A grant without its conditions."""
    return {key: value for key, value in grant.items() if key not in ("requiredRoles", "audience", "restrictFullScope")}


def _mapper(
    dice: random.Random, names: Sequence[str], roles: Sequence[tuple[str, str]], *, odd: bool
) -> dict[str, Any]:
    """Any kind; audience mappers more often than all others together. A few say nothing, or are of another protocol.

    :param odd: also those that say nothing at which Keycloak answers 500, so that no token of their client can be tried.
    """
    client = dice.choice(names)
    holder, role = dice.choice(roles)
    spelt = f"{holder}.{role}" if holder else role
    claim = {"claim_name": "aud", "jsonType_label": "String"}
    made: dict[str, Any] = dice.choice(
        (
            *[kind("oidc-audience-mapper", included_client_audience=client)] * 6,
            *[kind("oidc-audience-mapper", included_custom_audience=client)] * 3,
            kind("oidc-audience-mapper", included_client_audience=client, included_custom_audience=dice.choice(names)),
            kind("oidc-hardcoded-claim-mapper", claim_value=client, **claim),
            kind("oidc-usermodel-attribute-mapper", user_attribute="who", **claim),
            kind("oidc-usermodel-realm-role-mapper", multivalued="true", **claim),
            kind("oidc-hardcoded-role-mapper", role=spelt),
            kind("oidc-role-name-mapper", role=spelt, new_role_name=f"{client}.new"),
            kind("oidc-audience-resolve-mapper"),
        )
    )
    empty, of_other = dice.random() < 0.06, dice.random() < 0.04
    made = {**made, "protocol": "saml"} if of_other else made
    if empty and (odd or not lacks({**made, "config": {}})):
        return {**made, "config": {}}
    said = {setting: dice.choice(SAID) for setting in SETTABLE}
    config = {key: value for key, value in {**made["config"], **said}.items() if value is not None}
    if dice.random() < 0.2:
        config["pulumi.owner"] = OWNER
    return {**made, "config": config}


def _map(
    send: Session,
    at: str,
    roles: Sequence[tuple[str, str]],
    found: Mapping[tuple[str, str], Any],
    uuids: Mapping[str, str],
) -> None:
    for place, some in _by_place(roles, uuids):
        send.post(f"{at}/{place}", [found[role] for role in some])


def _by_place(
    roles: Sequence[tuple[str, str]], uuids: Mapping[str, str]
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for holder in sorted({holder for holder, _ in roles}):
        yield (f"clients/{uuids[holder]}" if holder else "realm"), [role for role in roles if role[0] == holder]


def _joined(realm: TestRealm, user: str) -> str:
    """A group in another, of which the user is a member."""
    above = realm.session.create(realm.at("groups"), {"name": "above"})
    group = realm.session.create(realm.at("groups", above, "children"), {"name": "within"})
    realm.session.put(realm.at("users", user, "groups", group), None)
    return group


def _let_users_have_attributes(realm: TestRealm) -> None:
    profile = realm.get("users", "profile")
    realm.session.put_json(realm.at("users", "profile"), {**profile, "unmanagedAttributePolicy": "ENABLED"})


__all__ = ["CONFIDENTIAL", "OWNER", "RandomRealm", "plain", "random_grants", "random_realm"]
