"""A realm as a run reads it: its clients, its resource servers and its identity."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from kcadmin.marks.notes import warn_again
from kcadmin.objects.cached_resource_server import CachedResourceServer
from kcadmin.objects.client_scopes import ClientScopes
from kcadmin.objects.clients import Client, Clients
from kcadmin.objects.features import Features, read_features
from kcadmin.objects.resource_server import ResourceServer
from kcadmin.rest.errors import Forbidden, NotFound, Refusal, sentence
from kcadmin.rest.once import once
from kcadmin.rest.session import Session, ask_all_again, path
from kcadmin.rest.texts import named
from kcadmin.writes.policies import known_policies

MANAGEMENT_CLIENTS = OF_REALM, OF_MASTER = "realm-management", "master-realm"


@dataclass(frozen=True)
class RealmIdentity:
    """What distinguishes realms of the same name: the issuer, and the UUID of the realm's own administration client."""

    issuer: str
    management_uuid: str


def management_client_id(realm: str) -> str:
    """The client id of a realm's own administration client."""
    return OF_MASTER if realm == "master" else OF_REALM


class Realm:
    """One realm of one server; safe to share between threads."""

    def __init__(self, session: Session, name: str) -> None:
        self.session = session
        self.name = name
        self.policies = once(lambda: known_policies(session, name))  # and whether the login may read them
        self._features = once(lambda: read_features(session))
        self.clients = Clients(
            session, name, lambda: features_of(session).keeps_service_accounts, lambda: self.policies()[0]
        )
        self.client_scopes = ClientScopes(session, self.clients, name)
        self.first_permission = threading.Lock()
        self.has_permissions = False  # as far as this process knows
        self.touched: set[str] = set()
        self._seen: CachedResourceServer | None = None
        self._seen_lock = threading.Lock()
        self._settings: tuple[float, Mapping[str, Any]] | None = None
        self._settings_lock = threading.Lock()

    def features(self) -> Features:
        """What its server offers."""
        return features_of(self.session)

    @property
    def management_client_id(self) -> str:
        """The client that holds the permissions of a realm's clients: ``realm-management``, in ``master`` ``master-realm``."""
        return management_client_id(self.name)

    def management_uuid(self) -> str:
        """:raises Refusal: the realm does not exist, or the login may not see its clients."""
        try:
            client = self.clients.find(self.management_client_id)
        except NotFound:
            raise Refusal(
                f"realm {named(self.name)}: does not exist, or the login may not see it; correct the realm; if it was deleted, "
                "`pulumi state delete` its resources."
            ) from None
        if client is None:
            raise Refusal(
                sentence(
                    "client",
                    self.management_client_id,
                    self.name,
                    "does not exist, or the login may not see it",
                    "correct the realm, or give the login the role view-clients of that client",
                )
            )
        return client.uuid

    def has_role(self, role: str, client_id: str | None = None) -> bool:
        """Whether a role of the realm, or of a client, exists. :raises Forbidden: the login may not see realm roles."""
        client = self.clients.find(client_id) if client_id else None
        if client_id:
            return client is not None and self.clients.has_role(client.uuid, role)
        try:
            self.session.get(path("admin", "realms", self.name, "roles", role))
        except NotFound:
            return False
        return True

    def consents_of(self, user_id: str) -> list[Mapping[str, Any]]:
        """What a user has consented to, by client. :raises Forbidden: the login lacks view-users."""
        return list(self.session.get(path("admin", "realms", self.name, "users", user_id, "consents")))

    def users_named(self, username: str) -> list[Mapping[str, Any]]:
        """The user of exactly that name, or none. :raises Forbidden: the login may not read users."""
        return list(self.session.get(path("admin", "realms", self.name, "users"), username=username, exact="true"))

    def service_account(self, client: Client) -> Mapping[str, Any] | None:
        """The user of a client's service account; None where it has none."""
        if not client.is_on("serviceAccountsEnabled"):
            return None
        return dict(self.session.get(self.clients.path(client.uuid, "service-account-user")))

    def resource_server(self, client_uuid: str) -> ResourceServer:
        """A client's authorization services."""
        return ResourceServer(self.session, self.clients, client_uuid, self.touched)

    def cached_resource_server(self, client_uuid: str) -> ResourceServer:
        """The same for reading. It may be a snapshot of the legacy permissions; no write is based on it."""
        if client_uuid == self.management_uuid():
            return self.cached_permissions_server()
        return self.resource_server(client_uuid)

    def cached_permissions_server(self) -> CachedResourceServer:
        """One snapshot per process of the realm's legacy permissions, if a stack has enough clients for one."""
        uuid = self.management_uuid()
        with self._seen_lock:
            self._seen = self._seen or CachedResourceServer(self.session, self.clients, uuid, self.touched)
            return self._seen

    def forget(self, client_ids: Iterable[str], older_than: float = 0.0) -> None:
        """Discards what was read of these clients, of client scopes, permissions and the realm's settings.

        The next use reads it again.

        :param older_than: seconds; what is younger stays.
        """
        for client_id in client_ids:
            self.clients.forget_named(client_id, older_than)
        self.client_scopes.forget(older_than)
        if self._seen:
            self._seen.forget(older_than)
        with self._settings_lock:
            if self._settings and time.monotonic() - self._settings[0] >= older_than:
                self._settings = None

    def settings(self) -> Mapping[str, Any]:
        """The realm's own settings, read once; nothing where the login may not view them. :raises KeycloakError:"""
        with self._settings_lock:
            if self._settings is None:
                at = time.monotonic()
                self._settings = at, self.read_settings()
            return self._settings[1]

    def read_settings(self) -> Mapping[str, Any]:
        """The same as they are now."""
        try:
            return dict(self.session.get(path("admin", "realms", self.name)))
        except Forbidden:
            return {}

    def permissions_server(self) -> ResourceServer:
        """The resource server on which Keycloak evaluates the legacy exchange."""
        return self.resource_server(self.management_uuid())

    def identity(self) -> RealmIdentity:
        """The realm's identity, read once a process."""
        return RealmIdentity(self.session.issuer(self.name), self.management_uuid())


Realms = dict[tuple[Session, str], Realm]

_realms: Realms = {}
_by_run: "WeakKeyDictionary[object, Realms]" = WeakKeyDictionary()
_of_now: ContextVar[Realms] = ContextVar("realms")
_realms_lock = threading.Lock()


def realm_for(session: Session, name: str) -> Realm:
    """The view of a realm that the run has, or else the process."""
    with _realms_lock:
        known = _of_now.get(_realms)
        if (session, name) not in known:
            known[session, name] = Realm(session, name)
        return known[session, name]


def features_of(session: Session) -> Features:
    """What a server offers: asked once a run, whichever realms it asks about."""
    return realm_for(session, session.connection.login_realm)._features()


@contextmanager
def realms_of_run(run: object | None) -> Iterator[None]:
    """Forgets realms with each run: the next run in the same process reads them again.

    :param run: identifies the run, and ends with it. None: the whole process is one run.
    """
    if run is None:
        yield
        return
    with _realms_lock:
        if run not in _by_run:
            ask_all_again()
            warn_again()
        known = _by_run.setdefault(run, {})
    before = _of_now.set(known)
    try:
        yield
    finally:
        _of_now.reset(before)
