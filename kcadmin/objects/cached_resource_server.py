"""A read-only snapshot of the resource server of a realm's legacy permissions, instead of several requests per object.

Objects that this process has written since, or that the snapshot lacks, are read from the server. One write relies on it.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from kcadmin.objects.bulk_reading import SHARE, ReadAhead
from kcadmin.objects.clients import Clients
from kcadmin.objects.resource_server import (
    TOKEN_EXCHANGE,
    Json,
    ResourceServer,
    names_in,
    permission_name,
    resource_name,
)
from kcadmin.rest.errors import NotFound
from kcadmin.rest.session import Session

LATELY_SECONDS = 2.0
OBJECTS_A_CLIENT = 4  # a grant between two clients makes a policy and seven permissions


@dataclass(frozen=True)
class Snapshot:
    """A snapshot, from one export and two lists: policies and token-exchange permissions by id and by name, all names, the
    policies of each permission by its name, the other permissions on a client by its UUID, and the names of resources.
    ``good_for``: the seconds for which it may be used, depending on how long the reads took."""

    at: float
    good_for: float
    by_id: Mapping[str, Json] = field(default_factory=dict)
    by_name: Mapping[str, Json] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others: Mapping[str, list[str]] = field(default_factory=dict)
    resources: frozenset[str] = frozenset()


class CachedResourceServer(ResourceServer):
    """Reads from the snapshot, if a stack has enough clients for one."""

    def __init__(self, session: Session, clients: Clients, client_uuid: str, touched: set[str]) -> None:
        super().__init__(session, clients, client_uuid, touched)
        self._again = threading.Lock()
        self._kept = Snapshot(0.0, 0.0)
        self._ahead = ReadAhead(lambda: clients.expected, self._has_more_than, self._read)

    def policy(self, kind: str, policy_id: str) -> Json | None:
        found = self._known(policy_id)
        if found is None or kind != "client" or found["type"] != kind:
            return super().policy(kind, policy_id)
        return {**found, "clients": list(names_in(found, "clients"))}

    def policy_named(self, name: str) -> Json | None:
        """None also for one that somebody has made since; creating it then is a conflict."""
        snapshot = self._snapshot()
        if snapshot is None or name in self.touched or (name in snapshot.names and name not in snapshot.by_name):
            return super().policy_named(name)
        found = snapshot.by_name.get(name)
        return found if found is None or self._members(snapshot, found) is not None else super().policy_named(name)

    def policies_of(self, policy_id: str) -> list[Json]:
        snapshot, found = self._snapshot(), self._known(policy_id)
        members = self._members(snapshot, found) if snapshot and found else None
        return super().policies_of(policy_id) if members is None else members

    def permissions_on(self, client_uuid: str) -> bool:
        """Whether a client's management permissions were on. False also if there is no snapshot."""
        snapshot = self._snapshot()
        return (
            snapshot is not None
            and resource_name(client_uuid) in snapshot.resources
            and client_uuid not in self.touched
        )

    def held_beside_lately(self, client_uuid: str) -> list[str] | None:
        """The policies on a client's permissions, without token-exchange, some moments ago; None if they must be read.

        The only copy that a write is based on: ADR 0017.
        """
        snapshot = self._snapshot(lately=True)
        others = snapshot.others.get(client_uuid) if snapshot else None
        if snapshot is None or not others:
            return None
        held = [name for other in others for name in snapshot.held[other]]
        written = self.touched & {*others, *(str(snapshot.by_name.get(name, {}).get("id")) for name in held)}
        return None if written else held

    def forget(self, older_than: float = 0.0) -> None:
        """Reads the snapshot again, since another writer of the same run may have changed the objects.

        older_than: seconds; a younger one stays.
        """
        with self._again:
            if self._kept.good_for and time.monotonic() - self._kept.at >= older_than:
                self._read()

    def _known(self, policy_id: str) -> Json | None:
        snapshot = self._snapshot()
        return None if snapshot is None or policy_id in self.touched else snapshot.by_id.get(policy_id)

    def _members(self, snapshot: Snapshot, found: Json) -> list[Json] | None:
        """The policies of one; None if it, or one of them, is not in the snapshot or was written since."""
        names = snapshot.held.get(str(found["name"]))
        members = [snapshot.by_name.get(name) for name in names or ()]
        known = [each for each in members if each and each["id"] not in self.touched]
        return None if names is None or found["id"] in self.touched or len(known) < len(members) else known

    def _snapshot(self, *, lately: bool = False) -> Snapshot | None:
        if not self._ahead.ready():
            return None
        if lately:
            with self._again:
                if time.monotonic() - self._kept.at > self._kept.good_for:
                    self._read()
        return self._kept

    def _has_more_than(self, clients: int) -> bool:
        try:
            return self._session.has_more_than(OBJECTS_A_CLIENT * clients, self._path("policy"))
        except NotFound:  # before the first permission of a realm there is no resource server
            return False

    def _read(self) -> None:
        at, settings = time.monotonic(), self.settings()
        if settings is None:
            self._kept = Snapshot(at, LATELY_SECONDS)
            return
        exported = settings.get("policies") or []
        listed = [*self._all("policy", permission="false"), *self._all("permission", name=permission_name(""))]
        self._kept = Snapshot(
            at,
            max(LATELY_SECONDS, SHARE * (time.monotonic() - at)),
            {str(each["id"]): each for each in listed},
            {str(each["name"]): each for each in listed},
            frozenset(str(each["name"]) for each in exported),
            {str(each["name"]): names_in(each, "applyPolicies") for each in exported},
            _others(exported),
            frozenset(str(each["name"]) for each in settings.get("resources") or []),
        )

    def _all(self, kind: str, **query: str) -> Iterator[Json]:
        return chain.from_iterable(self._session.pages(self._path(kind), **query))


def _others(exported: Iterable[Json]) -> Mapping[str, list[str]]:
    found = defaultdict(list)
    for name in (str(each["name"]) for each in exported if each["type"] == "scope"):
        scope, _, client_uuid = name.partition(permission_name("", ""))
        if client_uuid and scope != TOKEN_EXCHANGE:
            found[client_uuid].append(name)
    return found
