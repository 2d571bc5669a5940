"""Moves grants in the proven order: mappers, a wait for older tokens to expire, the switch, a watch, removal of the legacy parts.

Each phase is a change of the stack's config and an ``up``. After a kill, the next run continues from the config.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from exchange.migrate.plan import wait_for
from exchange.migrate.progress import BOTH, MAPPERS, Moving, Stage, made_at
from exchange.migrate.runs import RunFailed, StackRuns
from exchange.migrate.server import Keycloak, NewEvents
from exchange.migrate.watch import Known, Watched, reason_of
from exchange.stack.stack import StackProblem
from kcadmin.rest import texts
from kcadmin.rest.errors import KeycloakError

POLL_SECONDS = 1.0
MOMENT = 0.001  # an event bears milliseconds
SHOWN = 5
SWITCH_PART = "StandardTokenExchange"


class Tell(Protocol):
    """How progress is shown: a line for each step, and on a terminal the current state."""

    def line(self, text: str) -> None: ...

    def busy(self, text: str) -> AbstractContextManager[Callable[[str], None]]: ...


@dataclass(frozen=True)
class MigrateOptions:
    """grace: seconds without a legacy exchange that are needed.

    patience: seconds to wait for them at most. events: whether to watch at all.

    unsure: by realm, see ``Watched``.
    """

    grace: float
    patience: float
    events: bool
    unsure: Mapping[str, Known]


@dataclass(frozen=True)
class Outcome:
    """Names of the grants that have moved; the groups that were rolled back, and those that legacy still serves."""

    moved: tuple[str, ...] = ()
    back: tuple[Watched, ...] = ()
    held: tuple[Watched, ...] = ()

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(self.moved + other.moved, self.back + other.back, self.held + other.held)


class Migration:
    """One run of ``migrate apply``."""

    def __init__(
        self,
        runs: StackRuns,
        keycloak: Keycloak,
        settings: MigrateOptions,
        tell: Tell,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._runs, self._keycloak, self._settings, self._tell = runs, keycloak, settings, tell
        self._clock, self._sleep = clock, sleep
        self._seen: dict[str, NewEvents] = {}

    def move(self, groups: Sequence[Sequence[Moving]]) -> Outcome:
        """Moves groups together, whichever phase each is in. :raises KeycloakError: with what to do; the next run goes on."""
        grants = [each for group in groups for each in group]
        early = [each for each in grants if each.stage < Stage.BOTH]
        if early:
            self._make_mappers(early)
            self._wait(early)
        switched = [group for group in groups if min(each.stage for each in group) < Stage.ENDING]
        watched = self._start(switched)
        if watched:
            self._switch(watched, early)
            self._watch(watched) if self._settings.events else self._pass_grace(watched)
        back = tuple(each for each in watched if each.refusal)
        held = tuple(each for each in watched if not each.refusal and each.left(self._settings.grace, self._clock()))
        staying = {name for each in (*back, *held) for name in each.names}
        done = [each.name for each in grants if each.name not in staying]
        if done:
            self._runs.to_standard(done)
            self._up(f"{named_grants(done)}: removing the legacy parts")
        return Outcome(tuple(done), back, held)

    def _make_mappers(self, early: Sequence[Moving]) -> None:
        starting = [each.name for each in early if each.stage is Stage.LEGACY]
        self._runs.to_phase(starting, MAPPERS)
        try:
            self._up(f"{named_grants([each.name for each in early])}: adding the mappers that standard needs")
        except RunFailed:
            self._runs.to_phase(starting, None)  # a stack that refuses its config could not be deployed at all
            raise

    def _wait(self, early: Sequence[Moving]) -> None:
        parts, lives = self._runs.parts(), self._keycloak.lives(early)
        waits = [wait_for(each, parts, lives, None, self._clock()) for each in early]
        if None in waits:
            raise StackProblem(
                "tokens: how long those of the sources live cannot be read; give --token-lifetime SECONDS."
            )
        seconds = max(each for each in waits if each is not None)
        if seconds:
            self._tell.line(
                f"{named_grants([each.name for each in early])}: {seconds:.0f} s until older tokens have expired"
            )
            self._pass(seconds, "until older tokens have expired")

    def _start(self, groups: Sequence[Sequence[Moving]]) -> list[Watched]:
        """The groups to watch, from now on or since a killed run switched them."""
        watched = [Watched(group, self._clock()) for group in groups]
        if not self._settings.events:
            return watched
        parts = self._runs.parts() if any(each.is_switched for each in watched) else []
        latest = {realm: self._keycloak.latest(realm) for realm in sorted({each.realm for each in watched})}
        known = {realm: self._keycloak.known_refusals(realm, at) for realm, at in latest.items()}
        for each in watched:
            each.known, each.unsure = known[each.realm], self._settings.unsure.get(each.realm, frozenset())
            each.since = latest[each.realm] + MOMENT
            if each.is_switched:
                made = [made_at(parts, SWITCH_PART, grant, who) for grant in each.grants for who in grant.requesters]
                each.since = min([each.since, *(at for at in made if at)])
        for realm in latest:
            since = min(each.since for each in watched if each.realm == realm)
            self._seen[realm] = self._keycloak.seen(realm, since)
        return watched

    def _switch(self, watched: Sequence[Watched], early: Sequence[Moving]) -> None:
        self._runs.to_phase([each.name for each in early], BOTH)
        try:
            self._up(f"{named_grants(_names(watched))}: switching standard on, beside the legacy parts", watched)
        except RunFailed as problem:
            if early:
                self._tell.line(
                    f"{named_grants([each.name for each in early])}: back to legacy, since the switch failed"
                )
                try:
                    self._back_to_mappers(early)
                except KeycloakError as again:
                    raise RunFailed(f"{problem}\n{again}") from None
            raise

    def _watch(self, watched: Sequence[Watched]) -> None:
        """Reads events until each group is quiet, rolled back, or has waited too long."""
        began, grace = self._clock(), self._settings.grace
        for each in watched:
            each.quiet_since = began
        self._tell.line(
            f"{named_grants(_names(watched))}: standard answers; watching until there was no legacy exchange for {grace:g} s"
        )
        with self._tell.busy("watching") as show:
            while self._clock() - began <= self._settings.patience:
                self._look(watched)
                for each in watched:
                    if each.refusal and not each.is_back:
                        self._back_to_mappers(each.grants)
                        each.is_back = True
                left = max((each.left(grace, self._clock()) for each in watched if not each.refusal), default=0.0)
                if not left:
                    break
                show(f"{left:.0f}s without a legacy exchange are still needed")
                self._sleep(min(POLL_SECONDS, left))

    def _look(self, watched: Sequence[Watched]) -> None:
        """Records new events. A switch that caused a refusal is switched off at once, before any run of the stack."""
        for realm, seen in self._seen.items():
            events, now = seen.new(), self._clock()
            for each in watched:
                if each.realm == realm and not each.refusal:
                    each.note(events, now)
                    if each.refusal:
                        each.staying = self._keycloak.switch_off(each.grants)
                        said = f"standard refused {texts.named(each.refusal.requester)} ({reason_of(each.refusal)})"
                        back = (
                            f"the switch of {named_grants(each.staying)} stays on" if each.staying else "back to legacy"
                        )
                        self._tell.line(f"{named_grants(each.names)}: {said}; {back}")

    def _pass_grace(self, watched: Sequence[Watched]) -> None:
        self._tell.line(
            f"events are not read: {self._settings.grace:g} s without a check, so refused or legacy callers are not noticed"
        )
        self._pass(self._settings.grace, "of grace")

    def _back_to_mappers(self, grants: Sequence[Moving]) -> None:
        names = [each.name for each in grants]
        self._keycloak.switch_off(grants)  # an `up` takes seconds, in which callers would be refused
        self._runs.to_phase(names, MAPPERS)
        self._up(f"{named_grants(names)}: switching standard off")

    def _up(self, what: str, watched: Sequence[Watched] = ()) -> None:
        """Deploys the stack, and reads refusals meanwhile."""
        self._tell.line(what)
        with self._tell.busy(f"pulumi up: {what}"), ThreadPoolExecutor(1) as pool:
            run = pool.submit(self._runs.up)
            while watched and not wait([run], POLL_SECONDS).done:
                self._look(watched)
            run.result()

    def _pass(self, seconds: float, what: str) -> None:
        end = self._clock() + seconds
        with self._tell.busy(what) as show:
            while (left := end - self._clock()) > 0:
                show(f"{left:.0f} s {what}")
                self._sleep(min(POLL_SECONDS, left))


def batches(groups: Sequence[list[Moving]], size: int) -> Iterator[list[list[Moving]]]:
    """Groups of so many grants in all; those that have begun to move come first."""
    found: list[list[Moving]] = []
    for group in sorted(groups, key=lambda group: -max(each.stage for each in group)):
        if found and sum(map(len, found)) + len(group) > size:
            yield found
            found = []
        found.append(group)
    if found:
        yield found


def _names(watched: Iterable[Watched]) -> list[str]:
    return [name for each in watched for name in each.names]


def named_grants(names: Iterable[str]) -> str:
    """Grants in a line, the first ones of many."""
    found = list(names)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more
