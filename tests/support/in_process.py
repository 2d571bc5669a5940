"""A whole stack in one process: the real components and providers against a real server, with an engine of our own.

Pulumi's mocks hand each registered resource to ``Engine``, so a test can kill a run before or after any single write.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any
from unittest import mock

import pulumi

from components import token_exchange_grant
from components.settings import Settings
from components.token_exchange_grant import TokenExchangeGrant, register_grants
from grants.spec import GrantSpec, read_grant
from kcadmin.rest.answers import Answer
from kcadmin.rest.connection import Connection
from kcadmin.rest.session import Session
from providers.base.provider import KeycloakProvider
from tests.support.engine import Engine, forget
from tests.support.resources import RESOURCES
from tests.support.robots import purposes_of

PROVIDERS: dict[str, type[KeycloakProvider]] = {
    f"pulumi-python:dynamic/{each.token}": each.provider
    for each in RESOURCES.values()
    if each.in_grants or each.beside_grants or each.in_late_grants
}


class Killed(BaseException):
    """The process dies here."""


NAME = "None/project/stack"
"""The stack's, as marks have it."""

Robots = Callable[..., Connection]


class Stack:
    """A stack's state and its runs. ``changes``: what the last run did, by resource name. ``leaving``: what is replaced and not
    deleted yet.

    :param late: grants whose names are outputs, each for itself.
    :param login: gives the robot for purposes, as ``TestRealm.robot`` does; then each run is that of the robot with the roles
        for what the stack has held so far, and no others. Or one login for all.
    """

    def __init__(
        self,
        login: Connection | Robots,
        owner: str = "org/project/stack",
        guards: Collection[str] = (),
        *,
        events: bool = False,
        late: bool = False,
    ) -> None:
        self.guards = guards
        self.late = late
        self.events = events
        self._login = login
        self._purposes: frozenset[str] = frozenset()
        self.owner = owner
        self.state: dict[str, Engine] = {}
        self.leaving: list[Engine] = []
        self.changes: dict[str, str] = {}
        self.exported: dict[str, Any] = {}

    def up(self, *grants: dict[str, Any], replace: bool | Collection[str] = False) -> None:
        """Creates and updates what the grants need, then deletes what they need no more, as ``pulumi up`` does.

        :param replace: all that the stack holds, as ``--replace '**'`` does, or the names of resources: made again first, deleted
            at the end.
        """
        forget()
        replaced = ({*self.state} if replace else set()) if isinstance(replace, bool) else {*replace}
        self.changes = {}
        failures: list[BaseException] = []
        registered: list[str] = []
        specs = self._specs(grants)
        self._purposes |= purposes_of(specs, self.guards, events=self.events)
        self.exported = _run(
            specs,
            self.connection,
            self.guards,
            self.events,
            self.late,
            self.held,
            lambda name, type_, inputs: self._register(name, type_, inputs, registered, failures, replaced),
        )
        if failures:
            raise failures[0]
        self._delete_leaving()
        for name in [name for name in reversed(self.state) if name not in registered]:
            self._delete(name)

    def refresh(self) -> None:
        """Reads everything; what is gone leaves the state."""
        forget()
        for name, engine in list(self.state.items()):
            engine.connection = self.connection
            if not engine.refresh():
                del self.state[name]

    def destroy(self) -> None:
        """Deletes everything, last made first."""
        forget()
        self._delete_leaving()
        for name in list(reversed(self.state)):
            self._delete(name)

    def held(self) -> dict[str, Any]:
        """What the engine answers that the state holds."""
        types = {provider: type_ for type_, provider in PROVIDERS.items()}
        held = {
            f"urn:pulumi:stack::project::{types[engine.provider]}::{name}": {
                "type": types[engine.provider],
                "outputs": engine.outputs,
            }
            for name, engine in self.state.items()
        }
        return {"outputs": held}

    @property
    def connection(self) -> Connection:
        return self._login if isinstance(self._login, Connection) else self._login(*self._purposes)

    def _specs(self, grants: Sequence[dict[str, Any]]) -> list[GrantSpec]:
        specs = []
        for grant in grants:
            spec, faults = read_grant(grant, {"owner": self.owner})
            assert spec is not None, faults
            specs.append(spec)
        return specs

    def _register(
        self,
        name: str,
        type_: str,
        inputs: dict[str, Any],
        registered: list[str],
        failures: list[BaseException],
        replaced: Collection[str],
    ) -> tuple[str, dict[str, Any]]:
        if type_ not in PROVIDERS:
            return name, {}
        registered.append(name)
        if failures:  # the engine starts nothing more after a failure
            return name, inputs
        before = self.state.get(name)
        engine = before if before and name not in replaced else Engine(PROVIDERS[type_], self.connection)
        engine.connection = self.connection
        try:
            self.changes[name] = engine.up(**{key: value for key, value in inputs.items() if key != "__provider"})
        except BaseException as failure:
            failures.append(failure)
            return name, inputs
        if before and engine is not before:
            self.leaving.append(before)
        self.state[name] = engine
        return str(engine.id), engine.outputs

    def _delete_leaving(self) -> None:
        while self.leaving:
            self.leaving[-1].connection = self.connection
            self.leaving[-1].destroy()
            self.leaving.pop()

    def _delete(self, name: str) -> None:
        self.state[name].connection = self.connection
        self.state[name].destroy()
        self.changes[name] = "delete"
        del self.state[name]


def _run(
    specs: list[GrantSpec],
    connection: Connection,
    guards: Collection[str],
    events: bool,
    late: bool,
    held: Callable[[], dict[str, Any]],
    register: Callable[[str, str, dict[str, Any]], tuple[str, dict[str, Any]]],
) -> dict[str, Any]:
    exported: dict[str, Any] = {}
    one_at_a_time = threading.Lock()

    class Mocks(pulumi.runtime.Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
            with one_at_a_time:
                return register(args.name, args.typ, dict(args.inputs))

        def call(self, args: pulumi.runtime.MockCallArgs) -> dict[Any, Any]:
            return held() if args.token == "pulumi:pulumi:readStackResourceOutputs" else {}

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pulumi.runtime.settings.ROOT.set(None)  # a program of its own, with shared parts of its own
    pulumi.runtime.set_mocks(Mocks(), preview=False)

    async def program() -> None:
        if late:
            exported.update({spec.name: _late(spec, connection).description for spec in specs})
        else:
            exported.update(register_grants(specs, connection, guards, events=events))

    try:
        pulumi.runtime.test(program)()
    finally:
        loop.close()  # some tests make thousands of runs, and each loop has open files
        asyncio.set_event_loop(_loop_between_runs())
    return exported


@functools.cache
def _loop_between_runs() -> asyncio.AbstractEventLoop:
    """What other tests of this process find, as they would without us: a loop that is open."""
    return asyncio.new_event_loop()


def _late(spec: GrantSpec, connection: Connection) -> TokenExchangeGrant:
    """A grant whose names are outputs."""
    given = {each.name: getattr(spec, each.name) for each in fields(spec) if getattr(spec, each.name) != each.default}
    roles = [{key: text for key, text in asdict(role).items() if text} for role in spec.required_roles]
    if spec.time_window:
        names = {"not_before": "notBefore", "not_on_or_after": "notOnOrAfter"}
        window = {names.get(key, key): text for key, text in asdict(spec.time_window).items() if text}
        given["time_window"] = window
    late = {key: pulumi.Output.from_input(given[key]) for key in ("realm", "target", "requester") if key in given}
    sources = [pulumi.Output.from_input(source) for source in spec.sources]
    settings = Settings(connection, spec.realm, {}, ())
    with mock.patch.object(token_exchange_grant, "read_settings", lambda **_: settings):
        return TokenExchangeGrant(**{**given, **late, "sources": sources, "required_roles": roles or ()})


@contextmanager
def interrupted(at: int, *, after: bool) -> Iterator[list[str]]:
    """Kills the run before, or just after, its write number ``at`` (from 0). Yields the writes as they happen.

    What it does afterwards to clean up writes nothing either.
    """
    writes: list[str] = []
    is_dead: list[bool] = []
    original = Session._send

    def send(self: Session, method: str, path: str, **arguments: Any) -> Answer:
        if method == "GET" or path.endswith("/token"):
            return original(self, method, path, **arguments)
        if is_dead:
            raise Killed
        number = len(writes)
        writes.append(f"{method} {path}")
        if number == at and not after:
            is_dead.append(True)
            raise Killed
        answer = original(self, method, path, **arguments)
        if number == at:
            is_dead.append(True)
            raise Killed
        return answer

    Session._send = send  # type: ignore[method-assign]
    try:
        yield writes
    finally:
        Session._send = original  # type: ignore[method-assign]
