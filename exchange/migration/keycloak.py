"""What a migration asks of the server, and the one thing that it writes there itself: a switch off, at once."""

from collections.abc import Iterable

from exchange.migration.blocks import SWITCH_KIND
from exchange.migration.grants import Moving
from exchange.migration.watch import Known, refusals_without_switch
from kcadmin.exchange_events_seen import REFUSED, ExchangesSeen, read_events, unseen_because
from kcadmin.features import SWITCH
from kcadmin.lifespans import longest_token_life
from kcadmin.ownership import claims
from kcadmin.realm import realm_for
from kcadmin.session import Session

BEFORE_MS = 3_600_000


class Keycloak:
    """One server. token_lifetime: seconds that count for all clients, where it cannot or should not be read."""

    def __init__(self, session: Session, token_lifetime: int | None = None) -> None:
        self._session = session
        self._token_lifetime = token_lifetime

    def lives(self, grants: Iterable[Moving]) -> dict[tuple[str, str], int | None]:
        """How long access tokens of each source live, in seconds, by (realm, client id)."""
        found: dict[tuple[str, str], int | None] = {}
        for realm_name, source in sorted({(each.realm, source) for each in grants for source in each.sources}):
            realm = realm_for(self._session, realm_name)
            client = None if self._token_lifetime else realm.clients.find(source)
            found[realm_name, source] = longest_token_life(realm, client) if client else self._token_lifetime
        return found

    def unseen(self, realms: Iterable[str]) -> list[str]:
        """Why exchanges of realms leave no events that can be read."""
        return [why for realm in sorted(set(realms)) if (why := unseen_because(self._session, realm))]

    def latest(self, realm: str) -> int:
        """When the last exchange of a realm came, in milliseconds, by the server's clock; 0 where none is stored."""
        return next((each.time for each in read_events(self._session, realm, 0, page_size=1)), 0)

    def seen(self, realm: str, since: int) -> ExchangesSeen:
        """The exchanges of a realm from a time on, in milliseconds."""
        return ExchangesSeen(self._session, realm, since)

    def known_refusals(self, realm: str, until: int) -> Known:
        """What was refused in the hour before a time, in milliseconds, though no switch was on."""
        return refusals_without_switch(read_events(self._session, realm, until - BEFORE_MS, (REFUSED,)))

    def switch_off(self, grants: Iterable[Moving]) -> None:
        """Gives switches back as they were found, ahead of the ``up`` that does so too; another stack's stays on."""
        for realm_name, requester in sorted({(each.realm, client) for each in grants for client in each.requesters}):
            clients = realm_for(self._session, realm_name).clients
            known = clients.find(requester)
            client = clients.get(known.uuid, max_age=0) if known else None
            held = claims(client.attributes, SWITCH_KIND) if client else []
            if client and len({claim.owner for claim in held}) == 1:
                clients.change(client.uuid, {SWITCH: held[0].was.get(SWITCH)})
