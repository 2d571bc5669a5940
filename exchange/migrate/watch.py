"""What callers notice of a switch, judged from events: refusals that it caused, and exchanges that are still legacy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exchange.migrate.progress import Moving, Stage
from kcadmin.objects.events import NOT_AVAILABLE, NOT_IN_AUDIENCE, Event
from kcadmin.objects.features import LEGACY, STANDARD

TYPE_UNSUPPORTED = "requested_token_type unsupported"
LEGACY_TOO = ("audience not found", "audience client disabled")  # what both exchanges refuse
LEGACY_TYPES = ("refresh_token", "saml2")  # token types that only legacy gives without asking
Known = frozenset[tuple[str, str]]


@dataclass
class Watched:
    """Grants of a realm that are switched together, since ``quiet_since`` without a legacy exchange (by the caller's clock).

    since: seconds since 1970, by the server's clock; earlier events came before the switch.
    known: (requester, reason) of refusals from before the switch. unsure: (requester, target) that a policy outside the
    stack may have allowed. refusal: the first one that the switch caused. legacy: the last exchange that legacy answered.
    is_back: the refusal has been rolled back. staying: clients whose switch stays on, since others claim it.
    """

    grants: Sequence[Moving]
    quiet_since: float
    since: float = 0.0
    known: Known = frozenset()
    unsure: Known = frozenset()
    refusal: Event | None = None
    legacy: Event | None = None
    is_back: bool = False
    staying: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """The grants' names."""
        return [each.name for each in self.grants]

    @property
    def realm(self) -> str:
        """The grants' realm."""
        return self.grants[0].realm

    @property
    def is_switched(self) -> bool:
        """Whether a run before this one has switched them."""
        return any(each.stage is Stage.BOTH for each in self.grants)

    def note(self, events: Iterable[Event], now: float) -> None:
        """Records new events, all from the grants' realm."""
        for event in (each for each in events if each.at >= self.since):
            if self.refusal is None and caused_by_switch(event, self):
                self.refusal = event
            if is_legacy_use(event, self.grants):
                self.legacy, self.quiet_since = event, now

    def left(self, grace: float, now: float) -> float:
        """Seconds of quiet that are still needed."""
        return max(0.0, self.quiet_since + grace - now)


def caused_by_switch(event: Event, watched: Watched) -> bool:
    """Whether standard refused what legacy would have allowed."""
    grants = [each for each in watched.grants if event.requester in each.requesters]
    reason = reason_of(event)
    if event.allowed or event.exchange != STANDARD or not grants:
        return False
    if reason in LEGACY_TOO or (event.requester, reason) in watched.known:
        return False
    if reason == NOT_IN_AUDIENCE:  # legacy checks this too if a token is exchanged without an audience
        return any(each.asks(event.requester) for each in grants)
    if reason == TYPE_UNSUPPORTED:
        return str(event.requested_type or "").endswith(LEGACY_TYPES)
    if reason.startswith(NOT_AVAILABLE):
        allowed = {each.target for each in grants} | {each for who, each in watched.unsure if who == event.requester}
        return any(map(event.audiences.may_include, allowed))
    return True


def is_legacy_use(event: Event, grants: Sequence[Moving]) -> bool:
    """Whether the legacy exchange still answered one of the grants' callers."""
    return (
        event.allowed
        and event.exchange == LEGACY
        and any(
            event.requester in each.requesters and (not event.audiences or event.audiences.may_include(each.target))
            for each in grants
        )
    )


def refusals_without_switch(events: Iterable[Event]) -> Known:
    """(requester, reason) of refusals that are not the standard exchange's."""
    return frozenset(
        (each.requester, reason_of(each)) for each in events if not each.allowed and each.exchange != STANDARD
    )


def reason_of(event: Event) -> str:
    """Why an exchange was refused, in Keycloak's words."""
    return event.reason or event.error or "no reason"
