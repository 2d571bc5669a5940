"""Calls a provider as Pulumi's engine does: check, diff, create or update, read, delete, keeping its state."""

import json
from typing import Any

from kcadmin.rest.connection import Connection
from providers.base.provider import KeycloakProvider


class Refused(Exception):
    """``check`` refused the inputs."""


class Engine:
    """One resource's life. A fresh provider instance per call and JSON in between, as between two processes."""

    def __init__(self, provider: type[KeycloakProvider], connection: Connection) -> None:
        self.provider = provider
        self.connection = connection
        self.id: str | None = None
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def up(self, **args: Any) -> str:
        """What happened: create, same, update or replace."""
        provider = self._fresh()
        checked = provider.check(_wire(self.inputs), _wire({"owner": "org/project/stack#test", **args}))
        if checked.failures:
            raise Refused("\n".join(failure.reason for failure in checked.failures))
        inputs = _wire(checked.inputs)
        if self.id is None:
            return self._create(inputs)
        difference = provider.diff(self.id, _wire(self.outputs), inputs)
        if not difference.changes:
            self.inputs = inputs
            return "same"
        if difference.replaces:
            assert difference.delete_before_replace
            self.destroy()
            self._create(inputs)
            return "replace"
        outs = self._fresh().update(self.id, _wire(self.outputs), inputs).outs
        self.inputs, self.outputs = inputs, _wire(outs)
        return "update"

    def refresh(self) -> bool:
        """Whether the object is still there."""
        assert self.id is not None
        now = self._fresh().read(self.id, _wire(self.outputs))
        if not now.id:
            self.id, self.inputs, self.outputs = None, {}, {}
            return False
        self.outputs, self.inputs = _wire(now.outs), _wire(now.inputs)
        return True

    def destroy(self) -> None:
        assert self.id is not None
        self._fresh().delete(self.id, _wire(self.outputs))
        self.id, self.inputs, self.outputs = None, {}, {}

    def _create(self, inputs: dict[str, Any]) -> str:
        created = self._fresh().create(_wire(inputs))
        self.id, self.inputs, self.outputs = created.id, inputs, _wire(created.outs)
        return "create"

    def _fresh(self) -> KeycloakProvider:
        return self.provider().use(self.connection)


def forget() -> None:
    """Drops what this process knows of servers, as a new plugin process would."""
    from kcadmin.objects import realm
    from kcadmin.rest import session

    realm._realms.clear()
    for each in session._sessions.values():
        each.transport.repeating.close()
    session._sessions.clear()
    forget_warnings()


def forget_warnings() -> None:
    """Lets each warning be given once more, as in a new process."""
    from kcadmin.marks import notes

    notes._said.clear()


def _wire(props: Any) -> dict[str, Any]:
    """Through JSON, as Pulumi's wire does: ints become floats, tuples lists, and maps lose what is None."""
    there: dict[str, Any] = _without_none(json.loads(json.dumps(props), parse_int=float))
    return there


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    return [_without_none(each) for each in value] if isinstance(value, list) else value
