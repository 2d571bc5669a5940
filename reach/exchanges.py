"""Every exchange that a realm allows, computed from what decides it: audiences of tokens, switches, permissions, guards.

The rules are Keycloak's own, proven by exchanges. The standard exchange alone serves a requester whose switch is on. The legacy
one serves any other, where the server has it. https://www.keycloak.org/securing-apps/token-exchange
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Audiences = Mapping[str, frozenset[str]]


class Exchange(NamedTuple):
    """``requester`` turns a token issued for ``source`` into one for ``audience``; None: into one of its own."""

    requester: str
    source: str
    audience: str | None


@dataclass(frozen=True)
class Reach:
    """What decides a realm's exchanges, by client id.

    audiences: by client, the clients in aud of its tokens. standard: clients whose switch is on. legacy: whether the server
    has that
    exchange.
    permissions: by target, whom a legacy policy lets through. requesters, sources: what guards allow; None or absent: all.
    asked: by requester, and by audience that only a guarded scope adds, the sources that the guard allows with it.
    """

    audiences: Audiences
    standard: frozenset[str] = frozenset()
    legacy: bool = False
    permissions: Audiences = field(default_factory=dict)
    requesters: frozenset[str] | None = None
    sources: Audiences = field(default_factory=dict)
    asked: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def allows(self, requester: str, source: str, audience: str | None) -> bool:
        """Whether a requester may turn a source's token into one for an audience; all are confidential clients."""
        if self.requesters is not None and requester not in self.requesters:
            return False
        if requester in self.sources and source not in self.sources[requester]:
            return False
        holds = source == requester or requester in self._named_by(source)
        if requester in self.standard:
            if not holds or audience is None:
                return holds
            allowed = self.asked.get((requester, audience))
            return audience in self._named_by(requester) and (allowed is None or source in allowed)
        if not self.legacy:
            return False
        if audience in (None, requester):
            return holds
        return requester in self.permissions.get(str(audience), frozenset())  # any client's token: it is not checked

    def exchanges(self, clients: Iterable[str]) -> Iterator[Exchange]:
        """Every allowed exchange among clients, in order."""
        known = sorted(clients)
        naming: dict[str, set[str]] = {}
        for client in known:
            for named in self._named_by(client):
                naming.setdefault(named, set()).add(client)
        permitted: dict[str, set[str]] = {}
        for target, requesters in self.permissions.items():
            for requester in requesters:
                permitted.setdefault(requester, set()).add(target)
        for requester in known:
            near = {requester, *naming.get(requester, ())}
            audiences: list[str | None] = [None, *sorted({requester, *self._named_by(requester)} & {*known})]
            apart = sorted((permitted.get(requester, set()) & {*known}) - {*audiences})
            for source in known if permitted.get(requester) and requester not in self.standard else sorted(near):
                for audience in (*audiences, *apart):
                    if self.allows(requester, source, audience):
                        yield Exchange(requester, source, audience)

    def _named_by(self, client: str) -> frozenset[str]:
        return self.audiences.get(client, frozenset())
