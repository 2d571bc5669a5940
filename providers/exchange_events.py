"""Events of token exchanges: a realm records them, so that ``python -m exchange audit`` can tell who exchanged what.

Needs a login with ``manage-events``. https://www.keycloak.org/docs/latest/server_admin/#auditing-user-events
"""

from collections.abc import Iterator

import pulumi

from kcadmin.objects.events import NEEDED, EventsConfig
from kcadmin.objects.realm import Realm
from kcadmin.objects.recorded_events import (
    KIND,
    give_up_claim,
    holder,
    read_recorded,
    release_events,
    serves,
    take_events,
)
from kcadmin.objects.shared_settings import CLAIMED, USED, Taken
from kcadmin.rest.texts import shown
from providers.base.connections import Server
from providers.base.held import ObjectMark, writer
from providers.base.judged_writes import ClientWrite, claim_write
from providers.base.messages import info
from providers.base.provider import KeycloakProvider, Props
from providers.base.resource import KeycloakResource, Text, Texts
from providers.base.uuids import is_known


class ExchangeEventsProvider(KeycloakProvider):
    """Create, read, update and delete of one owner's part. ``event_types``: which of the needed types are recorded."""

    OBJECT = "exchange events"
    INPUTS = ("realm", "expiration")
    CONSTANT = {"enabled": True, "event_types": list(NEEDED)}
    REPLACE_ON = ("realm",)
    CLIENTS = {}

    def refusals(self, props: Props) -> Iterator[str]:
        seconds = props.get("expiration")
        if seconds is not None and is_known(seconds) and not seconds >= 1:
            yield f"expiration is {shown(seconds)}; give seconds, 1 or more, or leave it out to keep events as the realm does"

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        taken = take_events(realm, props["owner"], _expiration(props), writer=writer(props))
        return f"{realm.name}/{KIND}", {"found": taken.found, "was": dict(taken.was)}

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        by, former = writer(news), olds["owner"]
        taken = take_events(realm, news["owner"], _expiration(news), writer=by, remembered=_taken(olds), former=former)
        if news["owner"] != olds["owner"]:
            give_up_claim(realm, olds["owner"])
        return {"found": taken.found, "was": dict(taken.was)}

    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        seen, wanted = read_recorded(realm), _expiration(props)
        held = seen.of(props["owner"]) if seen.holds(props["owner"]) else None
        lost = self.lost(ObjectMark.of(held), id_, props) if props.get("found") == CLAIMED else {}
        recorded = {
            "enabled": seen.config.enabled,
            "event_types": [each for each in NEEDED if each not in seen.config.lacking],
            "expiration": wanted if _kept(seen.config, wanted) else seen.config.expiration,
        }
        return {**recorded, **lost}

    def client_writes(self, realm: Realm, olds: Props, props: Props) -> Iterator[ClientWrite]:
        seen, owner = read_recorded(realm), props["owner"]
        if not seen.of(owner) and (seen.claims or not serves(seen.config, _expiration(props))):
            yield claim_write(holder(realm), owner, KIND)

    def bears(self, realm: Realm, id_: str, props: Props) -> ObjectMark | None:
        return ObjectMark.of(read_recorded(realm).of(props["owner"]))

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        if release_events(realm, props["owner"], _expiration(props), _taken(props)):
            info(f"{self._named(props)}: stay on, another stack uses them.")
        elif props.get("found") == USED:
            info(f"{self._named(props)}: were already as wanted and are left unchanged.")

    def _named(self, props: Props) -> str:
        realm = props.get("realm")
        return f"{self.OBJECT} of realm {shown(realm if realm and is_known(realm) else '?')}"


def _expiration(props: Props) -> int | None:
    return int(props["expiration"]) if props.get("expiration") else None


def _kept(config: EventsConfig, wanted: int | None) -> bool:
    """Whether events are kept long enough, were they recorded."""
    return serves(EventsConfig(True, config.expiration, NEEDED), wanted)


def _taken(props: Props) -> Taken:
    return Taken(str(props.get("found")), dict(props.get("was") or {}))


class ExchangeEvents(KeycloakResource, module="keycloak", name="ExchangeEvents"):
    """Has a realm record its token exchanges, allowed and refused; gives back what was when the last owner leaves.

    Types of events that are recorded already stay, and so do listeners and admin events.

    :param expiration: seconds that events are kept at least. Never shortens what the realm keeps already, nor what another stack
        declares. Left out: as the realm keeps them, which is for ever where nobody has said otherwise.
    """

    enabled: pulumi.Output[bool]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        expiration: pulumi.Input[int] | None = None,
        owner: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(ExchangeEventsProvider(), resource_name, locals(), opts)
