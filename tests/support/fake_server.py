"""A Keycloak in memory, behind the transport adapter of a session: no socket is opened, and urllib3's retries are the real ones.

It knows the few paths of the Admin REST API that unit tests need, with the quirks that the code under test works around.
"""

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import uuid4

import jwt
import pytest
import urllib3
from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest

from kcadmin.objects.claims import Claim, Kind, claims
from kcadmin.objects.clients import Client
from kcadmin.rest.connection import Connection, PasswordLogin
from kcadmin.rest.session import Session

URL = "https://keycloak.test"
PASSWORD = "pw-of-the-administrator"
SECRET = "secret-of-the-robot"
FEATURES = ("TOKEN_EXCHANGE_STANDARD_V2", "TOKEN_EXCHANGE", "ADMIN_FINE_GRAINED_AUTHZ")
SERVICES = "authorizationServicesEnabled"


@dataclass(frozen=True)
class Answer:
    """An answer; a ``str`` body is sent as it is, anything else as JSON."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """A request as it arrived. ``body``: the JSON, or the form's fields."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


Does = Answer | Exception | Callable[[Request], Answer | None]


class FakeKeycloak:
    """One server. ``requests`` are all that arrived; ``verified`` is what each was to verify the certificate with."""

    def __init__(self, url: str = URL, *, issuer: str | None = None, features: tuple[str, ...] = FEATURES) -> None:
        self.url = url
        self.issuer = issuer or url
        self.features = features
        self.requests: list[Request] = []
        self.verified: list[bool | str | None] = []
        self.token_seconds = 60.0
        self.tokens: set[str] = set()
        self.passwords = {"admin": PASSWORD}
        self.check_login: Callable[[Mapping[str, str]], bool] = self._check_login
        self.lock = threading.RLock()
        self._realms: dict[str, dict[str, dict[str, Any]]] = {"master": {}}
        self._servers: dict[str, dict[str, dict[str, Any]]] = {}
        self._roles: dict[str, set[str]] = {}
        self._interference: list[tuple[str, Does]] = []
        self.answers: dict[str, Any] = {}  # what GETs of other paths give, by path; absent is 404

    # What tests use

    @property
    def connection(self) -> Connection:
        """The administrator's login."""
        return Connection(self.url, PasswordLogin("admin", PASSWORD))

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "FakeKeycloak":
        """Every session made from now on talks to this server."""

        def adapter(**settings: Any) -> HTTPAdapter:
            return FakeAdapter(self, **settings)

        monkeypatch.setattr("kcadmin.rest.transport.BoundedAdapter", adapter)
        return self

    @cached_property
    def shared(self) -> Session:
        """One session for whoever needs no login of its own."""
        return self.session()

    def session(self, connection: Connection | None = None) -> Session:
        """A session that talks to this server, with the retries that it would make on a network."""
        session = Session(connection or self.connection)
        for http in (session.transport.repeating, session.transport.single):
            for prefix, adapter in list(http.adapters.items()):
                http.mount(prefix, FakeAdapter(self, max_retries=adapter.max_retries))  # type: ignore[attr-defined]
        return session

    def add_realm(self, realm: str = "r", **clients: Mapping[str, Any]) -> None:
        """A realm with ``realm-management`` and the named clients; ``_`` in a name stands for ``-``."""
        self._realms[realm] = {}
        for name, fields in {"realm_management": {}, **clients}.items():
            self.add_client(realm, name.replace("_", "-"), **fields)

    def add_client(self, realm: str, client_id: str, **fields: Any) -> str:
        """A confidential client; gives its UUID."""
        uuid = str(uuid4())
        self._realms[realm][uuid] = {
            "id": uuid,
            "clientId": client_id,
            "enabled": True,
            "protocol": "openid-connect",
            "publicClient": False,
            "secret": "s",
            "attributes": {},
            "protocolMappers": [],
            "standardFlowEnabled": True,
            "serviceAccountsEnabled": False,
            **fields,
        }
        if fields.get(SERVICES) or client_id == "realm-management":
            self._servers[uuid] = {"scopes": {}, "policies": {}}
        return uuid

    def client(self, client_id: str, realm: str = "r") -> dict[str, Any]:
        """A client as it is stored."""
        return next(each for each in self._realms[realm].values() if each["clientId"] == client_id)

    def uuid(self, client_id: str, realm: str = "r") -> str:
        """A client's UUID."""
        return str(self.client(client_id, realm)["id"])

    def claimed(self, client_id: str, kind: Kind) -> list[Claim]:
        """The claims of a kind that stand on a client."""
        client = self.client(client_id)
        return claims(Client(client["id"], client_id, client, realm="r"), kind)

    def remove_client(self, client_id: str, realm: str = "r") -> None:
        """Somebody deletes a client."""
        del self._realms[realm][self.uuid(client_id, realm)]

    def change(self, client_id: str, realm: str = "r", **fields: Any) -> None:
        """Somebody changes a client, as by a partial PUT."""
        client = self.client(client_id, realm)
        attributes = {**client["attributes"], **fields.pop("attributes", {})}
        client.update(fields, attributes={key: value for key, value in attributes.items() if value})

    def server(self, client_id: str, realm: str = "r") -> dict[str, dict[str, Any]]:
        """The scopes and policies of a resource server, by id."""
        return self._servers[self.uuid(client_id, realm)]

    def state(self, realm: str = "r") -> Any:
        """Everything in a realm, to be compared with later."""
        uuids = self._realms[realm]
        servers = {uuid: content for uuid, content in self._servers.items() if uuid in uuids}
        return json.loads(json.dumps([uuids, servers, {uuid: sorted(self._roles.get(uuid, ())) for uuid in uuids}]))

    def interfere(self, *does: Does, at: str = "") -> None:
        """The next requests that match ``at`` (searched in ``METHOD path``) meet these instead, in order.

        An answer is given, an exception raised; a callable is called, and where it gives None the request goes on.
        """
        self._interference += [(at, each) for each in does]

    def interfere_no_more(self) -> None:
        """What is left of it does not come."""
        self._interference.clear()

    def asked(self, at: str = "") -> list[Request]:
        """The requests that match."""
        return [each for each in self.requests if re.search(at, str(each))]

    def logins(self) -> list[Request]:
        """The token requests."""
        return self.asked("^POST .*/openid-connect/token$")

    # The server

    def handle(self, request: Request) -> Answer:
        """Answers a request."""
        with self.lock:
            self.requests.append(request)
            for index, (at, does) in enumerate(self._interference):
                if re.search(at, str(request)):
                    del self._interference[index]
                    if isinstance(does, Exception):
                        raise does
                    made = does if isinstance(does, Answer) else does(request)
                    if made is not None:
                        return made
                    break
            realm, *rest = [unquote(part) for part in request.path.split("/")[2:]] or [""]
            if request.path.startswith("/realms/"):
                return self._public(realm, rest, request)
            if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
                return Answer(401, {"error": "HTTP 401 Unauthorized"})
            if request.path == "/admin/serverinfo":
                return Answer(
                    200, {"features": [{"name": name, "enabled": name in self.features} for name in FEATURES]}
                )
            if request.method == "GET" and request.path in self.answers:
                return Answer(200, self.answers[request.path])
            _, realm, kind, *rest = [unquote(part) for part in request.path.split("/")[2:]] + ["", ""]
            if realm not in self._realms:
                return Answer(404, {"error": "Realm not found."})
            if kind in _MISSING and any(rest):
                return Answer(404, {"error": _MISSING[kind]})
            return self._clients(self._realms[realm], [part for part in rest if part], request)

    def _public(self, realm: str, rest: list[str], request: Request) -> Answer:
        if realm not in self._realms:
            return Answer(404, {"error": "Realm does not exist"})
        issuer = f"{self.issuer}/realms/{realm}"
        if rest[0] == ".well-known":
            return Answer(200, {"issuer": issuer})
        if not self.check_login(request.body):
            return Answer(401, {"error": "invalid_grant", "error_description": "Invalid user credentials"})
        token = jwt.encode({"iss": issuer, "jti": str(uuid4()), "iat": int(time.time())}, "k" * 32, "HS256")
        self.tokens.add(token)
        return Answer(200, {"access_token": token, "expires_in": self.token_seconds})

    def _check_login(self, form: Mapping[str, str]) -> bool:
        if form.get("grant_type") == "password":
            return self.passwords.get(form["username"]) == form["password"]
        return form.get("client_secret") == SECRET or "client_assertion" in form

    def _clients(self, clients: dict[str, dict[str, Any]], rest: list[str], request: Request) -> Answer:
        if "/client-policies/" in request.path:
            return Answer(200, {rest[0]: []})
        if not rest and request.path.endswith("/client-scopes"):
            return Answer(200, [])
        if not rest:
            wanted, first = request.query.get("clientId"), int(request.query.get("first", 0))
            ordered = sorted(clients.values(), key=lambda each: str(each["clientId"]))
            found = [each for each in ordered if wanted in (None, each["clientId"])]
            return Answer(200, found[first : first + int(request.query.get("max", len(found)))])
        client = clients.get(rest[0])
        if client is None:
            return Answer(404, {"error": "Could not find client"})
        match rest[1:]:
            case []:
                return Answer(200, client) if request.method == "GET" else self._put_client(client, request.body)
            case ["protocol-mappers", "models", *mapper]:
                return _mappers(client, mapper, request)
            case ["roles"]:
                return Answer(200, [{"name": role} for role in sorted(self._roles.get(client["id"], ()))])
            case ["scope-mappings"]:
                return Answer(200, {})
            case ["roles", role]:
                roles = self._roles.setdefault(client["id"], set())
                if role not in roles:
                    return Answer(404, {"error": "Could not find role"})
                if request.method == "DELETE":
                    roles.discard(role)
                    return Answer(204)
                return Answer(200, {"name": role})
            case ["authz", "resource-server", *authz]:
                server = self._servers.get(client["id"])
                return (
                    Answer(404, {"error": "HTTP 404 Not Found"})
                    if server is None
                    else _authz(server, {str(each["clientId"]): uuid for uuid, each in clients.items()}, authz, request)
                )
        return Answer(404, {"error": "no such path in the fake"})

    def _put_client(self, client: dict[str, Any], body: dict[str, Any]) -> Answer:
        if client["clientId"] == "realm-management":
            return Answer(403, {"error": "HTTP 403 Forbidden"})
        merged = {**client, **{key: value for key, value in body.items() if value is not None}}
        if body.get(SERVICES) and not merged["serviceAccountsEnabled"]:
            return Answer(500, {"error": "unknown_error"})
        if body.get(SERVICES):
            if client["id"] not in self._servers:
                self._servers[client["id"]] = {"scopes": {}, "policies": {}}
                self._roles.setdefault(client["id"], set()).add("uma_protection")
        else:  # the quirk: left out, it is switched off, and everything in it is deleted
            merged.pop(SERVICES, None)
            self._servers.pop(client["id"], None)
        if body.get("webOrigins") is None and merged.get("redirectUris"):  # the quirk: left out, it is filled
            merged["webOrigins"] = merged.get("webOrigins") or merged["redirectUris"]
        attributes = {**client["attributes"], **body.get("attributes", {})}
        client.clear()
        client.update(merged, attributes={key: str(value) for key, value in attributes.items() if value})
        return Answer(204)


def _mappers(client: dict[str, Any], rest: list[str], request: Request) -> Answer:
    mappers: list[dict[str, Any]] = client["protocolMappers"]
    if not rest:
        if any(each["name"] == request.body["name"] for each in mappers):
            return Answer(409, {"errorMessage": "Protocol mapper exists with same name"})
        made = _stored(str(uuid4()), request.body["name"], request.body)
        mappers.append(made)
        return Answer(201, None, {"Location": f"{URL}/somewhere/models/{made['id']}"})
    found = next((each for each in mappers if each["id"] == rest[0]), None)
    if found is None:
        return Answer(404, {"error": "Model not found"})
    if request.method == "DELETE":
        mappers.remove(found)
    elif request.method == "PUT":  # the name is not changed, whatever is sent
        mappers[mappers.index(found)] = _stored(found["id"], found["name"], request.body)
    return Answer(204)


def _stored(id_: str, name: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in sent["config"].items() if value}
    return {
        **sent,
        "id": id_,
        "name": name,
        "config": {"introspection.token.claim": "true", "userinfo.token.claim": "false", **kept},
    }


_MISSING = {
    "roles": "Could not find role",
    "roles-by-id": "Could not find role with id",
    "users": "User not found",
    "groups": "Could not find group by id",
    "client-scopes": "Could not find client scope",
    "group-by-path": "Group path does not exist",
}


def _authz(server: dict[str, dict[str, Any]], uuids: Mapping[str, str], rest: list[str], request: Request) -> Answer:
    """uuids: of the realm's clients, by client id."""
    scopes, policies, body = server["scopes"], server["policies"], request.body
    if isinstance(body, dict) and "clients" in body:  # each is a client id to Keycloak, or else a UUID
        body = {**body, "clients": [uuids.get(each, each) for each in body["clients"]]}
    missing = Answer(404, {"error": "HTTP 404 Not Found"})
    match request.method, rest:
        case "GET", ["settings"]:
            exported = [_exported(policies, each) for each in policies.values()]
            resources = [{"name": name} for name in server.get("resources", ())]
            return Answer(200, {"policies": exported, "scopes": list(scopes.values()), "resources": resources})
        case "GET", ["policy" | "permission" as kind]:
            return Answer(200, _listed(policies, kind, request.query))
        case "GET", ["scope"]:
            wanted = request.query.get("scopeId")
            return Answer(200, [each for each in scopes.values() if wanted in (None, each["id"])])
        case "GET", ["scope" | "policy" as kind, "search"]:
            objects = scopes if kind == "scope" else policies
            found = [each for each in objects.values() if each["name"] == request.query["name"]]
            return Answer(200, found[0]) if found else Answer(204)
        case "POST", ["scope"]:
            id_ = next((each["id"] for each in scopes.values() if each["name"] == body["name"]), str(uuid4()))
            scopes[id_] = {**body, "id": id_}  # the quirk: an existing one is overwritten
            return Answer(201, scopes[id_])
        case "POST", ["policy" | "permission", kind]:
            if any(each["name"] == body["name"] for each in policies.values()):
                return Answer(
                    409,
                    {
                        "error": f"Policy with name [{body['name']}] already exists",
                        "error_description": "Conflicting policy",
                    },
                )
            if not set(body.get("clients", ())) <= {*uuids.values()}:
                return Answer(500, {"error": "unknown_error"})
            id_ = str(uuid4())
            policies[id_] = {**body, "id": id_, "type": kind}
            return Answer(201, policies[id_])
        case "GET", ["policy", "providers"]:
            return Answer(200, [{"type": type_} for type_ in ("client", "role", "script-allow.js")])
        case "GET", ["policy", id_]:
            return Answer(200, _generic(policies[id_])) if id_ in policies else missing
        case "GET", ["policy", id_, "associatedPolicies"]:
            return Answer(200, list(_used(policies, id_))) if id_ in policies else missing
        case "GET", ["policy", id_, "dependentPolicies"]:
            return Answer(
                200, [each for each in policies.values() if id_ in [used["id"] for used in _used(policies, each["id"])]]
            )
        case "GET", ["permission", id_, "scopes"]:
            return Answer(200, [each for each in scopes.values() if each["name"] in policies[id_]["scopes"]])
        case "GET", ["permission", id_, "resources"]:
            return Answer(200, [])
        case method, ["scope", id_]:
            return _object(scopes, method, id_, body) if id_ in scopes else missing
        case "DELETE", ["policy", id_]:
            if id_ not in policies:
                return missing
            for user in list(policies.values()):
                used = [each["id"] for each in _used(policies, user["id"])]
                if used == [id_]:  # the quirk: a permission is deleted with its last policy
                    del policies[user["id"]]
            del policies[id_]
            return Answer(204)
        case method, ["policy" | "permission", _, id_]:
            return _object(policies, method, id_, body) if id_ in policies else missing
    return missing


def _generic(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy as the path without its type gives it: the fields of its type are texts in ``config``."""
    shared = ("id", "name", "type", "logic", "description", "decisionStrategy")
    common = {key: policy[key] for key in shared if key in policy}
    own = {key: value for key, value in policy.items() if key not in common}
    return {
        **common,
        "config": {key: value if isinstance(value, str) else json.dumps(value) for key, value in own.items()},
    }


def _exported(policies: Mapping[str, Any], policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy as the export gives it: those that it uses are names in a text."""
    used = [each["name"] for each in _used(policies, policy["id"])]
    return {**policy, "config": {"applyPolicies": json.dumps(used)}} if "policies" in policy else dict(policy)


def _listed(policies: Mapping[str, Any], kind: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """A page of policies, or of permissions, by a part of their name."""
    of_kind = [
        _generic(each)
        for each in sorted(policies.values(), key=lambda each: str(each["name"]))
        if query.get("name", "") in each["name"]
        and query.get("policyId") in (None, each["id"])
        and (each["type"] == "scope" or kind == "policy")
        and (each["type"] != "scope" or query.get("permission") != "false")
    ]
    return of_kind[int(query["first"]) :][: int(query["max"])]


def _used(policies: Mapping[str, Any], id_: str) -> Iterator[Any]:
    """The policies that a permission names, by id or name."""
    named = policies[id_].get("policies") or () if id_ in policies else ()
    return (each for each in policies.values() if each["id"] in named or each["name"] in named)


def _object(objects: dict[str, Any], method: str, id_: str, body: Any) -> Answer:
    if method == "GET":
        return Answer(200, {key: value for key, value in objects[id_].items() if key not in ("policies", "scopes")})
    if method == "DELETE":
        del objects[id_]
    else:
        kept = {key: objects[id_][key] for key in ("policies", "scopes", "resources") if key in objects[id_]}
        objects[id_] = {**kept, **body, "id": id_}
    return Answer(204)


class FakeAdapter(HTTPAdapter):
    """The adapter of ``requests`` with a pool whose connections end in the fake server."""

    def __init__(self, server: FakeKeycloak, **settings: Any) -> None:
        self._server = server
        super().__init__(**settings)

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> urllib3.HTTPConnectionPool:
        self._server.verified.append(verify)
        return _Pool(self._server, "keycloak.test")


class _Pool(urllib3.HTTPConnectionPool):
    """What urllib3 does around one request stays: retries, back-off, errors."""

    def __init__(self, server: FakeKeycloak, host: str) -> None:
        super().__init__(host)
        self._server = server

    def _make_request(  # type: ignore[override]
        self, conn: Any, method: str, url: str, body: Any = None, headers: Any = None, **_: Any
    ) -> urllib3.HTTPResponse:
        parts, text = urlsplit(url), (body or b"").decode() if isinstance(body, bytes) or not body else str(body)
        is_form = "urlencoded" in str((headers or {}).get("Content-Type"))
        content = dict(parse_qsl(text, keep_blank_values=True)) if is_form else json.loads(text or "null")
        made = self._server.handle(
            Request(method, parts.path, dict(parse_qsl(parts.query)), content, dict(headers or {}))
        )
        given = made.body if isinstance(made.body, str) else "" if made.body is None else json.dumps(made.body)
        kind = "text/html" if isinstance(made.body, str) else "application/json"
        return urllib3.HTTPResponse(
            io.BytesIO(given.encode()),
            {"Content-Type": kind, **made.headers},
            made.status,
            preload_content=False,
            request_method=method,
            request_url=url,
            enforce_content_length=True,
        )
