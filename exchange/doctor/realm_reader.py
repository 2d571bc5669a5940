"""Reads what a realm has about one exchange: each object once, when it is first needed, and for the named clients alone.

Nothing is written. What the login may not read raises ``Forbidden`` or ``Refusal``, each time that it is asked for.
https://www.keycloak.org/docs-api/latest/rest-api/index.html
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from kcadmin.authz.exchange_permission import ENFORCING, UNANIMOUS
from kcadmin.guards.client_policies import POLICIES, PROFILES, Entry, judging
from kcadmin.objects.clients import Client
from kcadmin.objects.events import REFUSED
from kcadmin.objects.features import Features
from kcadmin.objects.realm import Realm, features_of
from kcadmin.objects.resource_server import ResourceServer, resource_name
from kcadmin.rest.errors import HttpError, KeycloakError, NotFound, Refusal, TokenRefused
from kcadmin.rest.session import Session, path
from kcadmin.rest.texts import named
from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint
from kcadmin.writes.prediction import RealmPolicies
from kcadmin.writes.votes import ROLES
from reach.audiences import AS_ISSUED, Shapes
from reach.example_tokens import example_token
from reach.heeded import as_heeded, heeded_scopes
from reach.lightweight import lighteners
from reach.policies import Act, ActingPolicies, Asking
from reach.proof import Case, Claims

EVENT_SECONDS, EVENTS = 3600, 20
T = TypeVar("T")
Json = Mapping[str, Any]


class AnswerCache:
    """Answers that are kept, refusals too. ``features`` are the server's, for all realms. They are read if they are not known
    already."""

    def __init__(self, session: Session, features: Features | None = None) -> None:
        self.session = session
        self._answers: dict[object, object] = {"features": features} if features else {}
        self._realms: dict[str, RealmReader] = {}

    def once(self, key: object, ask: Callable[[], T]) -> T:
        """The first answer for a key."""
        if key not in self._answers:
            try:
                self._answers[key] = ask()
            except (HttpError, Refusal) as problem:
                self._answers[key] = problem
        answer = self._answers[key]
        if isinstance(answer, KeycloakError):
            raise answer
        return answer  # type: ignore[return-value]

    @property
    def features(self) -> Features:
        """Which exchanges the server offers."""
        return self.once("features", lambda: features_of(self.session))

    def realm(self, name: str) -> "RealmReader":
        """One realm."""
        return self._realms.setdefault(name, RealmReader(self, name))

    def expect(self, cases: Iterable[Case]) -> None:
        """Announces the clients of these exchanges, so that they are read in pages only where that is cheaper."""
        named: dict[str, set[str]] = {}
        for case in cases:
            named.setdefault(case.realm, set()).update((case.source, case.requester, case.target))
        for realm, clients in named.items():
            self.realm(realm).realm.clients.expect(len(clients) + 1)  # and realm-management


class RealmReader:
    """The objects of one realm, each read once."""

    def __init__(self, cache: AnswerCache, name: str) -> None:
        self.cache = cache
        self.name = name
        self.realm = Realm(cache.session, name)  # not the process's own, which may hold older answers

    def _once(self, key: tuple[str, ...], ask: Callable[[], T]) -> T:
        return self.cache.once((self.name, *key), ask)

    def _get(self, *segments: str, **query: str) -> Any:
        at = path("admin", "realms", self.name, *segments)
        return self._once(
            ("GET", at, *(f"{key}={query[key]}" for key in query)), lambda: self._session.get(at, **query)
        )

    @property
    def _session(self) -> Session:
        return self.cache.session

    def settings(self) -> Json | None:
        """The realm's own settings; its name alone for a login without view-realm; None if the realm does not exist."""
        try:
            return dict(self._get())
        except NotFound:
            return None

    def client(self, client_id: str) -> Client | None:
        """:raises Refusal: the realm does not exist."""
        try:
            found = self._once(("client", client_id), lambda: self.realm.clients.find(client_id))
        except NotFound:
            raise Refusal(
                f"realm {named(self.name)}: does not exist, or the login may not see it; correct it."
            ) from None

        return as_heeded(found, lambda: self.cache.features) if found else None

    def client_of(self, uuid: str) -> Client | None:
        """A client by its UUID."""
        return self._once(("uuid", uuid), lambda: self.realm.clients.get(uuid))

    def has_client_roles(self, client: Client) -> bool:
        """Whether the client defines a role."""
        return bool(self._get("clients", client.uuid, "roles", first="0", max="1"))

    def scopes(self) -> Mapping[str, Json]:
        """The realm's client scopes with their mappers, by name."""
        return self._once(
            ("scopes",), lambda: heeded_scopes(self.realm.client_scopes.all(), lambda: self.cache.features)
        )

    def scope_roles(self, scope_id: str) -> tuple[tuple[str, str], ...]:
        """(client id or '', role): whose holders a client scope counts for; none where it counts for all."""

        def ask() -> tuple[tuple[str, str], ...]:
            found = self.realm.client_scopes.get(scope_id)
            return found.roles if found else ()

        return self._once(("scope roles", scope_id), ask)

    def user(self, username: str) -> Json | None:
        """A user by the exact name."""
        found = self._once(("user", username), lambda: self.realm.users_named(username))
        return found[0] if found else None

    def some_user(self) -> Json | None:
        """Any one user, for whom tokens can be computed; None where there is none."""
        found = self._get("users", first="0", max="1")
        return dict(found[0]) if found else None

    def service_account(self, client: Client) -> Json | None:
        """The user of a client's service account; None where it has none."""
        return self._once(("service account", client.uuid), lambda: self.realm.service_account(client))

    def roles_of(self, user_id: str, client_id: str) -> dict[str, str]:
        """The roles that a user holds, id to name: of the realm where the client id is ''; composite ones resolved."""
        client = self.client(client_id) if client_id else None
        if client_id and client is None:
            return {}
        place = ("clients", client.uuid) if client else ("realm",)
        found = self._get("users", user_id, "role-mappings", *place, "composite")
        return {str(role["id"]): str(role["name"]) for role in found}

    def role(self, role_id: str) -> Json | None:
        """A role by its id."""
        try:
            return dict(self._get("roles-by-id", role_id))
        except NotFound:
            return None

    def groups_of(self, user_id: str) -> dict[str, str]:
        """The groups that a user is in, id to path."""
        return {str(each["id"]): str(each["path"]) for each in self._get("users", user_id, "groups")}

    def consents_of(self, user_id: str) -> Sequence[Json]:
        """What a user has consented to, by client."""
        return self._once(("consents", user_id), lambda: self.realm.consents_of(user_id))

    def fresh_token(
        self, client: Client, user_id: str, scope: str | None = None, audience: str | None = None
    ) -> Claims:
        """The claims of a client's access token for a user, computed by the server without a login.

        audience: what a standard exchange asks for. A token that would not name it is refused, and shown here without it.
        """
        asked = f"openid {scope}" if scope else "openid"

        def made() -> Claims:
            try:
                return example_token(self.realm, client, user_id, scope=asked, audience=audience)
            except TokenRefused:
                whole = example_token(self.realm, client, user_id, scope=asked)
                return replace(whole, aud=tuple(each for each in whole.aud if each != audience))

        return self._once(("token", client.uuid, user_id, asked, audience or ""), made)

    def permission_resource(self, client: Client) -> Json | None:
        """The resource that a client has while its management permissions are on. Their own GET would create it again if it
        is gone."""
        name = resource_name(client.uuid)
        return self._once(("resource", client.uuid), lambda: self.permissions_server().resource_named(name))

    def permissions_server(self) -> ResourceServer:
        """Where Keycloak evaluates the legacy exchange."""
        return self._once(("server",), self.realm.permissions_server)

    def own_server(self, client: Client) -> Json | None:
        """The whole export of a client's own resource server; None without authorization services."""
        return self._once(("own", client.uuid), self.realm.resource_server(client.uuid).settings)

    def client_policies(self) -> Sequence[Entry]:
        """The realm's client policies. :raises Refusal: the login may not read them."""
        return self._once((POLICIES,), lambda: judging(self.realm, POLICIES))

    def client_profiles(self) -> Mapping[str, Entry]:
        """The realm's client profiles, by name. :raises Refusal: the login may not read them."""
        found = self._once((PROFILES,), lambda: judging(self.realm, PROFILES))
        return {str(each["name"]): each for each in found}

    def shapes(self, client: Client) -> Shapes:
        """By which client policies a client's tokens may be lightweight, as far as the login may read them."""
        try:
            return Shapes(lighteners(client, self.client_policies(), [*self.client_profiles().values()]))
        except Refusal:
            return AS_ISSUED

    def acts(self, client: Client, scopes: frozenset[str] | None) -> list[Act]:
        """What client policies do to an exchange of a requester that asks for scopes. :raises Refusal: they may not be read."""
        policies = RealmPolicies(self.client_policies(), [])
        if not policies.acting:
            return []
        policies = replace(policies, profiles=[*self.client_profiles().values()])
        defined = None
        if policies.asks_for(ROLES):
            defined = frozenset(str(role["name"]) for role in self._get("clients", client.uuid, "roles"))
        return ActingPolicies(policies, self.cache.features.version).acts(Asking(client, defined, scopes))

    def permissions_rules(self) -> tuple[str, str]:
        """The enforcement mode and the decision strategy of that server."""
        found = self._once(("rules",), self.permissions_server().rules) or {}
        return str(found.get("policyEnforcementMode") or ENFORCING), str(found.get("decisionStrategy") or UNANIMOUS)

    def refused_exchanges(self, client_id: str) -> Sequence[Json]:
        """The events of refused exchanges of a requester within the last hour, the newest first."""
        found = self._get("events", type=REFUSED, client=client_id, max=str(EVENTS))
        since = (time.time() - EVENT_SECONDS) * 1000
        return [each for each in found if float(each.get("time") or 0) >= since]

    def shows_who_it_is(self, client_id: str, secret: str) -> bool:
        """Whether the server takes a secret, or a private key as PEM, for that client. Asked of the introspection endpoint,
        which opens no session."""
        endpoint = TokenEndpoint(self._session, self.name)
        return self._once(("secret", client_id), lambda: endpoint.knows(ClientCredentials(client_id, secret)))
