"""The resource server of a realm's legacy permissions as seen at one look, instead of several requests an object.

For looks that no write is made from, but for one. What this process has written since, and what was not to be seen, is asked for.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from kcadmin.authz import CLIENT_RESOURCE, EXCHANGE_PERMISSION, Json, ResourceServer, names_in
from kcadmin.errors import Forbidden
from kcadmin.read_ahead import SHARE, ReadAhead

PAGE = 100
LATELY_SECONDS = 2.0
OBJECTS_A_CLIENT = 4  # a grant between two clients brings a policy and seven permissions


@dataclass(frozen=True)
class Seen:
    """By one export and two lists: policies and token-exchange permissions by id and by name, all names, the policies that a
    permission holds by its name, and the UUIDs of clients whose management permissions are on. ``good_for``: seconds, by the
    time that the look took."""

    at: float
    good_for: float
    by_id: Mapping[str, Json] = field(default_factory=dict)
    by_name: Mapping[str, Json] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    switched_on: frozenset[str] = frozenset()


class SeenServer(ResourceServer):
    """Reads from the look, where a stack names enough clients for one. ``expected``: gives their number."""

    def look_ahead(self, expected: Callable[[], int]) -> "SeenServer":
        self._expected = expected
        self._ahead = ReadAhead()
        self._lock = threading.Lock()
        self._seen: Seen | None = None
        return self

    def policy(self, kind: str, policy_id: str) -> Json | None:
        found = self._known(policy_id)
        if found is None or kind != "client" or found["type"] != kind:
            return super().policy(kind, policy_id)
        return {**found, "clients": list(names_in(found, "clients"))}

    def policy_named(self, name: str) -> Json | None:
        """None also for one that somebody has made since: who creates it then meets a conflict."""
        seen = self._look()
        if seen is None or name in self.touched or (name in seen.names and name not in seen.by_name):
            return super().policy_named(name)
        found = seen.by_name.get(name)
        return found if found is None or self._members(seen, found) is not None else super().policy_named(name)

    def policies_of(self, policy_id: str) -> list[Json]:
        seen, found = self._look(), self._known(policy_id)
        members = self._members(seen, found) if seen and found else None
        return super().policies_of(policy_id) if members is None else members

    def permissions_on(self, client_uuid: str) -> bool:
        """Whether a client's management permissions were on. False also where nobody has looked."""
        seen = self._look()
        return seen is not None and client_uuid in seen.switched_on and client_uuid not in self.touched

    def names_held_lately(self, permission: str) -> tuple[str, ...] | None:
        """The names of the policies that a permission of that name held some moments ago; None where one must ask.

        The one look that a write is made from: ADR 0017.
        """
        seen = self._look(lately=True)
        return None if seen is None or permission in self.touched else seen.held.get(permission)

    def _known(self, policy_id: str) -> Json | None:
        seen = self._look()
        return None if seen is None or policy_id in self.touched else seen.by_id.get(policy_id)

    def _members(self, seen: Seen, found: Json) -> list[Json] | None:
        """The policies that one holds; None where it, or one of them, was not to be seen or was written since."""
        names = seen.held.get(str(found["name"]))
        members = [seen.by_name.get(name) for name in names or ()]
        known = [each for each in members if each and each["id"] not in self.touched]
        return None if names is None or found["id"] in self.touched or len(known) < len(members) else known

    def _look(self, *, lately: bool = False) -> Seen | None:
        with self._lock:  # who comes meanwhile waits for the look instead of asking on its own
            if self._seen and lately and time.monotonic() - self._seen.at > self._seen.good_for:
                self._seen = self._read()
            if self._seen is None:
                self._ahead.expected = self._expected()
                at_most = self._ahead.count()
                with suppress(Forbidden):  # which each look of its own then says
                    if at_most is not None and not self._list("policy", OBJECTS_A_CLIENT * at_most, 1):
                        self._seen = self._read()
            return self._seen

    def _read(self) -> Seen:
        at, settings = time.monotonic(), self.settings()
        if settings is None:
            return Seen(at, LATELY_SECONDS)
        listed = [*self._pages("policy", permission="false"), *self._pages("permission", name=EXCHANGE_PERMISSION)]
        exported = settings.get("policies") or []
        resources = [str(each["name"]) for each in settings.get("resources") or []]
        return Seen(
            at,
            max(LATELY_SECONDS, SHARE * (time.monotonic() - at)),
            {str(each["id"]): each for each in listed},
            {str(each["name"]): each for each in listed},
            frozenset(str(each["name"]) for each in exported),
            {str(each["name"]): names_in(each, "applyPolicies") for each in exported},
            frozenset(name.removeprefix(CLIENT_RESOURCE) for name in resources if name.startswith(CLIENT_RESOURCE)),
        )

    def _pages(self, kind: str, **query: str) -> Iterator[Json]:
        for first in count(0, PAGE):
            page = self._list(kind, first, PAGE, **query)
            yield from page
            if len(page) < PAGE:
                return

    def _list(self, kind: str, first: int, size: int, **query: str) -> list[Json]:
        return list(self._get_or_none(kind, first=str(first), max=str(size), **query) or ())
