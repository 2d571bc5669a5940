"""What a migration reads from the server, and its one own write there: switching a switch off at once."""

from collections.abc import Iterable

from exchange.migrate.progress import Moving
from exchange.migrate.watch import Known, refusals_without_switch
from kcadmin.objects.claims import claims
from kcadmin.objects.event_audiences import ClientIds
from kcadmin.objects.events import REFUSED, Event, read_config, read_events
from kcadmin.objects.features import SWITCH, SWITCH_CLAIM
from kcadmin.objects.lifespans import longest_token_life
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.rest.errors import Refusal
from kcadmin.rest.session import Session
from kcadmin.rest.texts import named
from kcadmin.writes.votes import is_true

BEFORE_SECONDS = 3600
OVERLAP_SECONDS = 3.0  # a node may store an event some time after the time that it bears


class NewEvents:
    """The exchanges of a realm from a time on (seconds since 1970, by the server's clock); each is given once."""

    def __init__(self, realm: Realm, since: float) -> None:
        self._realm = realm
        self._since, self._newest = since, since
        self._given: dict[str, float] = {}
        self._ids = ClientIds(realm)

    def new(self) -> list[Event]:
        """The events since the last call, oldest first."""
        since = max(self._since, self._newest - OVERLAP_SECONDS)
        found = [event for event in read_events(self._realm, since=since, ids=self._ids) if event.id not in self._given]
        self._newest = max([self._newest, *(event.at for event in found)])
        self._given = {id_: at for id_, at in self._given.items() if at >= self._newest - 2 * OVERLAP_SECONDS}
        self._given |= {event.id: event.at for event in found}
        return sorted(found, key=lambda event: event.at)


class Keycloak:
    """One server. token_lifetime: seconds for all clients, instead of reading their settings."""

    def __init__(self, session: Session, token_lifetime: int | None = None) -> None:
        self._session = session
        self._token_lifetime = token_lifetime

    def lives(self, grants: Iterable[Moving]) -> dict[tuple[str, str], int | None]:
        """How long access tokens of each source live, in seconds, by (realm, client id)."""
        found: dict[tuple[str, str], int | None] = {}
        for realm_name, source in sorted({(each.realm, source) for each in grants for source in each.sources}):
            realm = self._realm(realm_name)
            client = None if self._token_lifetime else realm.clients.find(source)
            found[realm_name, source] = longest_token_life(realm, client) if client else self._token_lifetime
        return found

    def unseen(self, realms: Iterable[str]) -> list[str]:
        """Why events of realms' exchanges cannot be read, a sentence each."""
        return [why for realm in sorted(set(realms)) if (why := _unseen(self._realm(realm)))]

    def latest(self, realm: str) -> float:
        """When the last exchange of a realm came, in seconds since 1970, by the server's clock; 0 where none is stored."""
        return next((event.at for event in read_events(self._realm(realm))), 0.0)

    def seen(self, realm: str, since: float) -> NewEvents:
        """The exchanges of a realm from a time on."""
        return NewEvents(self._realm(realm), since)

    def known_refusals(self, realm: str, until: float) -> Known:
        """What was refused in the hour before a time, while no switch was on."""
        return refusals_without_switch(read_events(self._realm(realm), since=until - BEFORE_SECONDS, types=(REFUSED,)))

    def switch_off(self, grants: Iterable[Moving]) -> list[str]:
        """Restores switches before the ``up`` that does so, too; one that another stack claims stays on.

        Returns the client ids whose standard exchange stays on.
        """
        staying = []
        for realm_name, requester in sorted({(each.realm, client) for each in grants for client in each.requesters}):
            clients = self._realm(realm_name).clients
            known = clients.find(requester)
            client = clients.get(known.uuid, max_age=0) if known else None
            held = claims(client, SWITCH_CLAIM)
            if client and len({claim.owner for claim in held}) == 1:
                clients.change(client.uuid, {SWITCH: held[0].was.get(SWITCH)})
                if is_true(held[0].was.get(SWITCH)):
                    staying.append(requester)
            elif client and client.is_on(SWITCH):
                staying.append(requester)
        return staying

    def _realm(self, name: str) -> Realm:
        return realm_for(self._session, name)


def _unseen(realm: Realm) -> str | None:
    try:
        config = read_config(realm)
        next(read_events(realm), None)
    except Refusal as problem:
        return str(problem)
    if not config.enabled:
        wrong = "are not saved"
    elif config.lacking:
        wrong = f"of the types {' and '.join(config.lacking)} are not saved"
    else:
        return None
    return f"events of realm {named(realm.name)}: {wrong}; set the stack's events: true and run `pulumi up`."
