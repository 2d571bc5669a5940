"""Events of token exchanges: a realm records them, so that ``python -m exchange audit`` can show who exchanged what.

Needs a login with ``manage-events``. https://www.keycloak.org/docs/latest/server_admin/#auditing-user-events
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.objects.events import NEEDED
from kcadmin.objects.realm import Realm
from kcadmin.objects.recorded_events import (
    KIND,
    give_up_claim,
    holder,
    keeps,
    read_recorded,
    release_events,
    serves,
    take_events,
)
from kcadmin.objects.shared_settings import CLAIMED, USED
from kcadmin.rest.texts import shown
from providers.base.connections import Server
from providers.base.held import ObjectMark
from providers.base.messages import info
from providers.base.props import KeycloakProps, Outputs, outputs
from providers.base.provider import KeycloakProvider
from providers.base.resource import KeycloakResource, Text, Texts
from providers.base.uuids import is_known
from reach.judged_writes import ClientWrite, claim_write


@dataclass(frozen=True, kw_only=True)
class EventsProps(KeycloakProps):
    expiration: int | None = None


class ExchangeEventsProvider(KeycloakProvider):
    """Create, read, update and delete of one owner's part. ``event_types``: which of the needed types are recorded."""

    OBJECT = "exchange events"
    PROPS = EventsProps
    CONSTANT = {"enabled": True, "event_types": list(NEEDED)}
    REPLACE_ON = ("realm",)

    def refusals(self, props: EventsProps) -> Iterator[str]:
        seconds = props.expiration
        if seconds is not None and is_known(seconds) and seconds < 1:
            yield f"expiration is {shown(seconds)}; give seconds, 1 or more, or leave it out to keep events as the realm does"

    def create_in(self, realm: Realm, props: EventsProps) -> tuple[str, Outputs]:
        taken = take_events(realm, props.owner, props.expiration, writer=props.writer)
        return f"{realm.name}/{KIND}", outputs(found=taken.found, was=dict(taken.was))

    def change(self, realm: Realm, id_: str, olds: EventsProps, news: EventsProps) -> Outputs:
        by, former, was = news.writer, olds.owner, olds.taken
        taken = take_events(realm, news.owner, news.expiration, writer=by, remembered=was, former=former)
        if news.owner != olds.owner:
            give_up_claim(realm, olds.owner)
        return outputs(found=taken.found, was=dict(taken.was))

    def fetch(self, realm: Realm, id_: str, props: EventsProps) -> Outputs | None:
        seen, wanted = read_recorded(realm), props.expiration
        held = seen.of(props.owner) if seen.holds(props.owner) else None
        recorded = outputs(
            enabled=seen.config.enabled,
            event_types=[each for each in NEEDED if each not in seen.config.lacking],
            expiration=wanted if keeps(seen.config, wanted) else seen.config.expiration,
        )
        return {**recorded, **(self.lost(ObjectMark.of(held), id_, props) if props.found == CLAIMED else {})}

    def client_writes(self, realm: Realm, olds: EventsProps | None, props: EventsProps) -> Iterator[ClientWrite]:
        seen = read_recorded(realm)
        if not seen.of(props.owner) and (seen.claims or not serves(seen.config, props.expiration)):
            yield claim_write(holder(realm), props.owner, KIND)

    def bears(self, realm: Realm, id_: str, props: EventsProps) -> ObjectMark | None:
        return ObjectMark.of(read_recorded(realm).of(props.owner))

    def remove(self, realm: Realm, id_: str, props: EventsProps) -> None:
        if release_events(realm, props.owner, props.expiration, props.taken):
            info(f"{self.named(props)}: stay on, another stack uses them.")
        elif props.found == USED:
            info(f"{self.named(props)}: were already as declared and are left unchanged.")


class ExchangeEvents(KeycloakResource, module="keycloak", name="ExchangeEvents"):
    """Makes a realm record its token exchanges, allowed and refused. The last owner restores the former settings.

    Types of events that are recorded already stay, and so do listeners and admin events.

    :param expiration: seconds that events are kept at least. Never shortens what the realm keeps already, nor what another stack
        declares. Left out: as the realm keeps them, by default for ever.
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
