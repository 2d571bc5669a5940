"""The issuer whose tokens a robot logs in by: an identity provider of the realm, either made for the robot or already there.

A provider that bootstrap made has its mark in its config, which only administrators of identity providers may write. Another one
is never changed. A provider is made before the robot and deleted before it, so that a run that is killed leaves its alias known.
https://www.keycloak.org/docs/latest/server_admin/#_identity_broker
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kcadmin.objects.clients import Client
from kcadmin.objects.federated_clients import SPIFFE_ID, clients_of_provider, clients_with_subject
from kcadmin.objects.realm import Realm
from kcadmin.objects.robot_login import ISSUER, ByIssuer
from kcadmin.objects.robot_names import MARK, is_unfinished
from kcadmin.rest.errors import Conflict, Forbidden, HttpError, Refusal, sentence
from kcadmin.rest.hosts import is_loopback
from kcadmin.rest.session import path
from kcadmin.rest.texts import named, shown

KUBERNETES, OIDC, SPIFFE = TYPES = ("kubernetes", "oidc", "spiffe")
FEATURES = {KUBERNETES: "kubernetes-service-accounts", OIDC: "client-auth-federated", SPIFFE: "spiffe"}
ASSERTIONS = "supportsClientAssertions"
FEATURE, SINCE = "CLIENT_AUTH_FEDERATED", "26.6"
ACCOUNT = "system:serviceaccount:"
TRUST_DOMAIN = rf"{SPIFFE_ID}[a-z0-9._-]+"


@dataclass(frozen=True)
class Issuer:
    """A provider to make. issuer: a URL, of SPIFFE the trust domain. keys: URL of its keys, '' where its own document tells.

    reuse: whether a token is taken more than once; max_age: of a token, in seconds. Both of OpenID Connect alone.
    """

    type: str
    issuer: str
    keys: str = ""
    reuse: bool = False
    max_age: int | None = None

    def faults(self, subject: str) -> list[str]:
        """What is wrong with it by itself, a sentence each."""
        found = []
        for option, address in (("issuer", "" if self.type == SPIFFE else self.issuer), ("keys", self.keys)):
            if address and urlsplit(address).scheme != "https" and not is_loopback(address):
                found.append(
                    f"--{option}: is {shown(address)}, which anybody on the network can change; give https://…"
                )
        if self.type == SPIFFE:
            if not re.fullmatch(TRUST_DOMAIN, self.issuer):
                found.append(f"--issuer: is {shown(self.issuer)}; give the trust domain, such as spiffe://example.org")
            if not self.keys:
                found.append("--spiffe: has no --keys; give the address of the trust domain's bundle")
            if not subject.startswith(f"{self.issuer.rstrip('/')}/"):
                found.append(
                    f"--subject: is {shown(subject)}, no SPIFFE id of {shown(self.issuer)}; correct one of them"
                )
        if self.type == KUBERNETES and (not subject.startswith(ACCOUNT) or subject.count(":") != 3):
            found.append(f"--subject: is {shown(subject)}; give {ACCOUNT}<namespace>:<service account>")
        if self.type == KUBERNETES and self.keys:
            found.append("--keys: cannot be set for --kubernetes, whose issuer tells them; leave it out")
        if self.type != OIDC and (self.reuse or self.max_age is not None):
            found.append(f"--reuse and --max-age: have no effect on --{self.type}; leave them out")
        return [f"{each}." for each in found]

    def config(self, found: Mapping[str, Any]) -> dict[str, str]:
        """The provider's config. found: by Keycloak, of the issuer's own document."""
        if self.type == SPIFFE:
            return {"trustDomain": self.issuer, "bundleEndpoint": self.keys}
        if self.type == KUBERNETES:
            return {"issuer": self.issuer}
        age = {} if self.max_age is None else {"fedClientAssertionMaxExp": str(self.max_age)}
        return {
            "issuer": self.issuer,
            "useJwksUrl": "true",
            "jwksUrl": self.keys or str(found.get("jwksUrl") or ""),
            "validateSignature": "true",
            ASSERTIONS: "true",
            "supportsClientAssertionReuse": str(self.reuse).lower(),
            **age,
        }


def judge_issuer(realm: Realm, client_id: str, login: ByIssuer, made: Issuer | None) -> dict[str, str] | None:
    """Checks that the robot can log in like this, before anything is written.

    Gives the config of the provider that is to be made, or None.

    :raises Refusal: it could not; all reasons at once.
    """
    told = realm.session.get("/admin/serverinfo")
    if not any(each["name"] == FEATURE and each["enabled"] for each in told["features"]):
        wrong = "has no clients that log in by another issuer's tokens"
        remedy = f"use Keycloak {SINCE} or later with its feature client-auth-federated, or leave --federated out"
        raise Refusal(f"Keycloak at {named(realm.session.connection.url)}: {wrong}; {remedy}.")
    faults = [*_of_flow(realm), *_of_clients(realm, client_id, login)]
    existing = _find(realm, login.alias)
    config = None
    if made is None:
        faults += _unfit(realm, login.alias, existing)
    else:
        types = {str(each["id"]) for each in told.get("identityProviders") or () if isinstance(each, dict)}
        if made.type not in types:
            wrong = f"the server has no identity providers of the type {made.type}"
            remedy = f"start it with --features={FEATURES[made.type]}"
            faults.append(sentence("identity provider", login.alias, realm.name, wrong, remedy))
        if existing and existing["config"].get(MARK) != client_id:
            faults.append(_not_ours(realm, existing))
        elif not faults:
            config = made.config(_discovered(realm, login.alias, made))
            if existing:
                faults += _differences(realm, existing, made, config)
                config = None
    if faults:
        raise Refusal(*faults)
    return config


def make_issuer(realm: Realm, client_id: str, login: ByIssuer, made: Issuer, config: Mapping[str, str]) -> None:
    """Makes the provider. :raises Refusal: another one has the alias, or the issuer."""
    body = {
        "alias": login.alias,
        "displayName": f"Logs in {client_id}",
        "providerId": made.type,
        "enabled": True,
        "hideOnLogin": True,
        "config": {**config, MARK: client_id},
    }
    try:
        realm.session.post(_at(realm), body)
    except HttpError as problem:
        if not isinstance(problem, Conflict) and problem.status != 400:
            raise
        remedy = "correct it, or give the alias of the provider that exists with --federated and leave --issuer out"
        raise Refusal(
            sentence("identity provider", login.alias, realm.name, f"cannot be made ({problem.message})", remedy)
        ) from None


def issuer_type(realm: Realm, alias: str) -> str:
    """The type of the provider."""
    existing = _find(realm, alias)
    return str(existing.get("providerId")) if existing else ""


def delete_issuer(realm: Realm, client_id: str, alias: str) -> None:
    """Deletes the provider if it was made for the robot."""
    existing = _find(realm, alias)
    if existing and existing["config"].get(MARK) == client_id:
        realm.session.delete(_at(realm, alias))


def remove_issuers(realm: Realm, client_id: str, robot: Client | None) -> list[str]:
    """Deletes the providers that bootstrap made for a robot, and the one that it uses, unless somebody else uses them.

    Gives a sentence for each.
    """
    try:
        providers = _all(realm)
    except Forbidden:
        unseen = "its identity providers cannot be seen by this login, so none was deleted that bootstrap made"
        return [f"realm {named(realm.name)}: {unseen}."]
    used = robot.attributes.get(ISSUER) if robot else None
    told = []
    for each in providers:
        mark, alias = each["config"].get(MARK), str(each["alias"])
        if mark is None or (mark != client_id and alias != used):
            continue
        user = _user(realm, alias, robot)
        if user is None:
            realm.session.delete(_at(realm, alias))
        what = f"stays, since {user}" if user else "deleted"
        told.append(f"identity provider {named(alias)} in realm {named(realm.name)}: {what}.")
    return told


def _user(realm: Realm, alias: str, robot: Client | None) -> str | None:
    """Who else logs in by a provider."""
    for client in clients_of_provider(realm, alias):
        if robot is None or client["id"] != robot.uuid:
            return f"client {named(client['clientId'])} logs in by it"
    linked = realm.session.get(path("admin", "realms", realm.name, "users"), idpAlias=alias, max="1")
    return "users log in by it" if linked else None


def _unfit(realm: Realm, alias: str, existing: Mapping[str, Any] | None) -> Iterator[str]:
    """Why tokens of a provider that exists would not be taken."""

    def fault(wrong: str, remedy: str) -> str:
        return sentence("identity provider", alias, realm.name, wrong, remedy)

    if existing is None:
        yield fault("does not exist", f"correct --federated, or give --issuer with one of --{', --'.join(TYPES)}")
        return
    if not existing.get("enabled"):
        yield fault("is disabled", "enable it")
    if existing.get("providerId") not in TYPES:
        yield fault(f"is of the type {shown(existing.get('providerId'))}", f"give one of {', '.join(TYPES)}")
    elif existing["providerId"] == OIDC and existing["config"].get(ASSERTIONS) != "true":
        yield fault("does not take client assertions", "switch 'Supports client assertions' on")


def _not_ours(realm: Realm, existing: Mapping[str, Any]) -> str:
    mark = existing["config"].get(MARK)
    whose = f"was made for the robot {shown(mark)}" if mark else "exists and was not made by bootstrap"
    remedy = "leave --issuer out to use it as it is, or choose another alias with --federated"
    return sentence("identity provider", str(existing["alias"]), realm.name, whose, remedy)


def _differences(realm: Realm, existing: Mapping[str, Any], made: Issuer, config: Mapping[str, str]) -> Iterator[str]:
    now = {**existing["config"], "type": existing.get("providerId"), "enabled": str(existing.get("enabled")).lower()}
    wanted = {**config, "type": made.type, "enabled": "true"}
    if changed := sorted(key for key in wanted if now.get(key) != wanted[key]):
        each = ", ".join(f"{key} {shown(now.get(key))} and not {shown(wanted[key])}" for key in changed)
        remedy = "correct the options, or run bootstrap with --remove first, which deletes it"
        yield sentence("identity provider", str(existing["alias"]), realm.name, f"exists with {each}", remedy)


def _discovered(realm: Realm, alias: str, made: Issuer) -> Mapping[str, Any]:
    """What Keycloak itself reads in the issuer's document. :raises Refusal: it cannot, or that is another issuer's."""
    if made.type != OIDC or made.keys:
        return {}
    document = f"{made.issuer.rstrip('/')}/.well-known/openid-configuration"

    def refusal(wrong: str) -> Refusal:
        remedy = "correct --issuer, or give the address of its keys with --keys"
        return Refusal(sentence("identity provider", alias, realm.name, wrong, remedy))

    try:
        found = realm.session.post_json(
            path("admin", "realms", realm.name, "identity-provider", "import-config"),
            {"fromUrl": document, "providerId": OIDC},
        )
    except HttpError as problem:
        if isinstance(problem, Forbidden):
            raise
        raise refusal(f"the server cannot read {shown(document)}") from None
    if found.get("issuer") != made.issuer or not found.get("jwksUrl"):
        raise refusal(f"{shown(document)} names the issuer {shown(found.get('issuer'))}")
    return dict(found)


def _of_flow(realm: Realm) -> Iterator[str]:
    """Whether the realm's flow for clients knows the authenticator; an imported flow may not."""
    flow = str(realm.read_settings().get("clientAuthenticationFlow") or "clients")
    steps = realm.session.get(path("admin", "realms", realm.name, "authentication", "flows", flow, "executions"))
    if not any(each.get("providerId") == ByIssuer.kind and each.get("requirement") != "DISABLED" for each in steps):
        wrong = "does not have the step 'Signed JWT - Federated', or it is disabled"
        yield sentence("authentication flow", flow, realm.name, wrong, "add or enable that step")


def _of_clients(realm: Realm, client_id: str, login: ByIssuer) -> Iterator[str]:
    """Checks that no other client has the subject: of two, Keycloak accepts neither, or for a while the one that it remembers.

    :raises Refusal: another client has it, or the login may not see the realm's clients.
    """
    realm.management_uuid()
    for client in clients_with_subject(realm, login.alias, login.subject):
        if not _is_robot(client, client_id):
            wrong = f"has the subject {shown(login.subject)} of {named(client['attributes'][ISSUER])} already"
            remedy = "correct --subject, or delete that client: of two with the same subject Keycloak takes neither"
            yield sentence("client", client["clientId"], realm.name, wrong, remedy)


def _is_robot(client: Mapping[str, Any], client_id: str) -> bool:
    """The robot, or what a killed run left."""
    name = str(client["clientId"])
    return MARK in client["attributes"] and (name == client_id or is_unfinished(name, client_id))


def _find(realm: Realm, alias: str) -> dict[str, Any] | None:
    return next((each for each in _all(realm) if each["alias"] == alias), None)


def _all(realm: Realm) -> list[dict[str, Any]]:
    """Every provider, since Keycloak's answer for a missing one does not show that it is missing."""
    return [{**each, "config": each.get("config") or {}} for each in realm.session.get(_at(realm))]


def _at(realm: Realm, *alias: str) -> str:
    return path("admin", "realms", realm.name, "identity-provider", "instances", *alias)
