"""The clients of a realm: read once a process, changed only by partial PUTs.

A partial PUT merges; attributes merge key by key and an empty value removes one. A full PUT deletes mappers that others add
meanwhile, so there is none here. A partial PUT repeats fields that it would otherwise change, as read just before:
``kcadmin.writes.partial_put``.
https://www.keycloak.org/docs-api/latest/rest-api/index.html#_clients
"""

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from kcadmin.objects.bulk_reading import ReadAhead
from kcadmin.rest.errors import KeycloakError, NotFound
from kcadmin.rest.once import once
from kcadmin.rest.session import PAGE, Session, may_have_written, path, worth_repeating
from kcadmin.writes.executors import ATTRIBUTE as ATTRIBUTE
from kcadmin.writes.partial_put import as_body as as_body
from kcadmin.writes.partial_put import body_of
from kcadmin.writes.prediction import RealmPolicies, left_out, names_without
from kcadmin.writes.votes import Write, is_true
from kcadmin.writes.watch import accepted_now, compare, forgiven, is_refused, may_act

FULL_SCOPE = "fullScopeAllowed"
RECENT_SECONDS = 1.0
ATTEMPTS, PAUSE_SECONDS = 6, 0.1


@dataclass(frozen=True)
class Client:
    """A client as the server describes it. ``mappers``: the raw protocol mappers of its dedicated scope."""

    uuid: str
    client_id: str
    representation: Mapping[str, Any]
    mappers: tuple[Mapping[str, Any], ...] = ()
    seen_at: float = 0.0
    realm: str = ""

    @property
    def attributes(self) -> Mapping[str, str]:
        """Client attributes, string to string."""
        return self.representation.get("attributes") or {}

    def value(self, field: str) -> Any:
        """A setting: the name of a field, or ``attributes.<key>``; an attribute that is not there is None."""
        if field.startswith(ATTRIBUTE):
            return self.attributes.get(field.removeprefix(ATTRIBUTE)) or None
        return self.representation.get(field)

    def is_on(self, field: str) -> bool:
        """Whether a boolean setting is on, as Keycloak reads it: also an attribute that says TRUE."""
        return is_true(self.value(field))

    def is_older(self, seconds: float) -> bool:
        """Whether it was read longer ago than that."""
        return time.monotonic() - self.seen_at >= seconds

    def with_values(self, values: Mapping[str, Any]) -> "Client":
        """This client after a partial PUT of the values."""
        body = as_body(values)
        attributes = {**self.attributes, **body.pop("attributes", {})}
        kept = {key: value for key, value in attributes.items() if value}
        return replace(self, representation={**self.representation, **body, "attributes": kept})


class Clients:
    """The clients of one realm. A read brings settings, attributes and mappers; our own writes update them."""

    def __init__(
        self,
        session: Session,
        realm: str,
        keeps_accounts: Callable[[], bool] = lambda: True,
        policies: Callable[[], RealmPolicies] = RealmPolicies,
    ) -> None:
        """:param keeps_accounts: asks whether a service account survives a PUT that leaves it out; called once, if that matters.
        :param policies: asks for the realm's client policies; once, before the first write.
        """
        self._session = session
        self._policies = once(policies)
        self._keeps_accounts = once(keeps_accounts)
        self._at = ("admin", "realms", realm, "clients")
        self._known: dict[str, Client] = {}
        self._uuids: dict[str, str] = {}
        self._written: set[str] = set()
        self.expected = 0
        self._whole_at = 0.0  # when all clients were read; 0 if they were not, or must be read again
        self._listing, self._registry = threading.Lock(), threading.Lock()
        self._locks: dict[str, threading.RLock] = defaultdict(threading.RLock)
        at = path(*self._at)
        self._ahead = ReadAhead(lambda: self.expected, lambda number: session.has_more_than(number, at), self._read_all)

    def expect(self, number: int) -> None:
        """Announces how many distinct clients will be read. If the realm has few others, they are read in pages."""
        self.expected = max(self.expected, number)

    def path(self, uuid: str, *segments: str) -> str:
        """A path below a client."""
        return path(*self._at, uuid, *segments)

    def lock(self, key: str) -> threading.RLock:
        """The lock of one client; threads with different clients never wait for each other."""
        with self._registry:
            return self._locks[key]

    def find(self, client_id: str) -> Client | None:
        """The client of that name, or None; exact and case-sensitive."""
        with self.lock(f"name:{client_id}"):
            known = self._named(client_id) or (self._named(client_id) if self._ahead.ready() else None)
            if known:
                return known
            for found in self._session.get(path(*self._at), clientId=client_id):
                return self._remember(found)
            return None

    def ids_containing(self, part: str) -> frozenset[str]:
        """The client ids that contain a text. :raises Forbidden: the login may not read clients."""
        found = self._session.get(path(*self._at), clientId=part, search="true")  # ignores case, so it finds more
        return frozenset(str(each["clientId"]) for each in found if part in str(each["clientId"]))

    def pages(self, at_once: int = 1) -> Iterator[list[Client]]:
        """Every client of the realm, a page at a time. at_once: how many are asked for together after the first."""
        for page, _ in self._session.dated_pages(path(*self._at), {}, at_once=at_once):
            yield [self._remember(found) for found in page]

    def at_most(self, number: int, max_age: float = 0) -> list[Client] | None:
        """Every client of the realm; None where it has more. Read in pages, unless that was done ``max_age`` seconds ago."""
        with self._listing:
            is_young = self._ahead.done or time.monotonic() - self._whole_at < max_age
            if self._whole_at and is_young and self._written <= self._known.keys():  # none must be read again
                return list(self._known.values())
            found: list[Client] = []
            whole_at = time.monotonic()
            for page in self.pages():
                if len(page) == PAGE and not found and self._session.has_more_than(number, path(*self._at)):
                    return None
                found += page
            self._whole_at = whole_at
            return found

    def get(self, uuid: str, *, max_age: float = math.inf) -> Client | None:
        """The client with that UUID, or None. ``max_age``: seconds; 0 asks the server even when the client is known."""
        with self.lock(uuid):
            known = self._known.get(uuid)
            if known is None and max_age and self._ahead.ready():
                known = self._known.get(uuid)
            if known and not known.is_older(max_age):
                return known
            try:
                return self._remember(self._session.get(self.path(uuid)))
            except NotFound:
                self._known.pop(uuid, None)
                return None
            except KeycloakError as problem:
                if not is_refused(problem):
                    raise
                return self._listed(uuid, problem)

    def _listed(self, uuid: str, problem: KeycloakError) -> Client:
        """A client from a list. A client policy may refuse to show a single client, but not a list."""
        known, at = self._known.get(uuid), path(*self._at)
        by_name = [self._session.get(at, clientId=known.client_id)] if known else []
        for page in chain(by_name, self._session.pages(at)):
            for found in page:
                if found["id"] == uuid:
                    return self._remember(found)
        raise problem

    def forget(self, uuid: str) -> None:
        """The next read asks the server, since something of the client was written at another path."""
        with self.lock(uuid):
            self._written.add(uuid)
            self._known.pop(uuid, None)

    def forget_named(self, client_id: str, older_than: float = 0.0) -> None:
        """The same for the client that had that name when it was read.

        :param older_than: seconds; a younger copy stays. Clients read in pages are read again in pages, once.
        """
        with self.lock(f"name:{client_id}"):
            known = self._named(client_id)
            if older_than and (known is None or not known.is_older(older_than)):
                return
            if older_than and self._ahead.again():
                self._whole_at = 0.0
                for each in [each for each in self._known.values() if each.is_older(older_than)]:
                    self._known.pop(each.uuid, None)
            elif uuid := self._uuids.pop(client_id, None):
                self.forget(uuid)

    def change(self, uuid: str, values: Mapping[str, Any]) -> None:
        """One partial PUT: fields, and attributes as ``attributes.<key>``; None removes an attribute. Then one read.

        :raises Unannounced: it changed other fields, too: ``kcadmin.writes.watch``.
        """
        with self.lock(uuid):
            accepted, policies, attempt = accepted_now(), self._policies(), 0
            without: frozenset[str] = frozenset()
            less: Iterator[frozenset[str]] | None = None
            lost: Client | None = None  # as before the write whose answer was lost
            while True:  # each with a read of its own: a body sent again may be out of date
                client = self.get(uuid, max_age=0 if attempt or policies.acting else RECENT_SECONDS)
                if client is None:
                    raise NotFound(404, "PUT", self.path(uuid), "the client is gone")
                body, repeated = body_of(client.representation, values, policies, self._keeps_accounts, without)
                if attempt:  # a client of a partial import may have a service account without its user
                    body |= {field: value for field, value in values.items() if not field.startswith(ATTRIBUTE)}
                try:
                    self._session.put_once(self.path(uuid), body)
                except KeycloakError as problem:
                    if is_refused(problem):
                        less = less or left_out(names_without(accepted, repeated))
                        if without := next(less, frozenset()):
                            continue  # a policy may change these, so they are not repeated
                    lost = lost or (client if may_have_written(problem) else None)
                    attempt += 1
                    if attempt < ATTEMPTS and worth_repeating(problem):
                        time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
                    elif forgiven(problem, Write(client.representation, body), policies):
                        return
                    else:
                        raise
                    continue
                self._written.add(uuid)
                if now := self.get(uuid, max_age=0):
                    compare(
                        lost or client, now, values, accepted, lambda: may_act(policies, self._session, self._at[2])
                    )
                return

    def set_mapper(self, uuid: str, mapper: Mapping[str, Any]) -> str:
        """Creates a protocol mapper, or replaces the one with its ``id``; gives its id.

        :raises Conflict: the client has a mapper of that name.
        """
        with self.lock(uuid):
            mapper_id, at = mapper.get("id"), self.path(uuid, "protocol-mappers", "models")
            if mapper_id:
                self._session.put(f"{at}/{mapper_id}", dict(mapper))
            else:
                mapper_id = self._session.create(at, dict(mapper))
            self._replace_mapper(uuid, mapper_id, {**mapper, "id": mapper_id})
            return str(mapper_id)

    def delete_mapper(self, uuid: str, mapper_id: str) -> None:
        """Deletes a protocol mapper, if it still exists."""
        with self.lock(uuid):
            with suppress(NotFound):  # only 404 is success: the mapper, or its whole client, is gone
                self._session.delete(self.path(uuid, "protocol-mappers", "models", mapper_id))
            self._replace_mapper(uuid, mapper_id, None)

    def has_role(self, uuid: str, role: str) -> bool:
        """Whether the client defines a role of that name."""
        try:
            self._session.get(self.path(uuid, "roles", role))
        except NotFound:
            return False
        return True

    def _replace_mapper(self, uuid: str, mapper_id: str, mapper: Mapping[str, Any] | None) -> None:
        self._written.add(uuid)
        known = self._known.get(uuid)
        if known:
            others = tuple(each for each in known.mappers if each["id"] != mapper_id)
            self._known[uuid] = replace(known, mappers=(*others, mapper) if mapper else others)

    def _named(self, client_id: str) -> Client | None:
        known = self._known.get(self._uuids.get(client_id, ""))
        return known if known and known.client_id == client_id else None  # it may have been renamed

    def _read_all(self) -> None:
        """Takes clients from a page, except known and written ones, which may be newer than the page."""
        whole_at = time.monotonic()
        for page, asked_at in self._session.dated_pages(path(*self._at), {}, self.expected):
            for found in page:
                if found["id"] not in self._written and found["id"] not in self._known:
                    self._remember(found, asked_at)
        self._whole_at = whole_at

    def _remember(self, found: Mapping[str, Any], seen_at: float | None = None) -> Client:
        settings = {key: value for key, value in found.items() if key not in ("protocolMappers", "secret")}
        client = Client(
            str(found["id"]),
            str(found["clientId"]),
            settings,
            tuple(found.get("protocolMappers") or ()),
            time.monotonic() if seen_at is None else seen_at,
            self._at[2],
        )
        self._known[client.uuid] = client
        self._uuids[client.client_id] = client.uuid
        return client
