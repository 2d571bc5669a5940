"""When a field of a resource is unchanged: unknown values differ, unset ones have several spellings, sets have no order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi.dynamic import DiffResult, ReadResult

from kcadmin.marks.ownership import has_name_of
from kcadmin.rest.texts import shown
from providers.base.held import LOST
from providers.base.props import RESTORE
from providers.base.uuids import is_known


class Difference(DiffResult):
    """fields: the changed ones, of inputs and of constants of a live object."""

    def __init__(self, fields: Sequence[str], replaces: list[str]) -> None:
        super().__init__(changes=bool(fields), replaces=replaces, delete_before_replace=True)
        self.fields = tuple(dict.fromkeys(fields))


def is_same(provider: Any, field: str, old: Any, new: Any) -> bool:
    """Whether a field of a provider's resource has not changed. ``provider``: the class, which says what is a set."""
    if not is_known(new):
        return False
    if new is None and (field in provider.FREE_WHEN_UNSET or field in provider.CLIENTS.values()):
        return True
    if field in provider.SETS:
        return sorted(old or ()) == sorted(new or ())
    if field == "stack":
        return has_name_of(old or "", new or "")
    if field == "on_remove":
        return bool((old or RESTORE) == (new or RESTORE))
    return bool(old == new or (_is_unset(old) and _is_unset(new)))


def drift(provider: Any, state: Mapping[str, Any], now: ReadResult, wanted: Mapping[str, Any]) -> str:
    """What others changed on the server since the last run, among fields that the resource still wants; empty if nothing."""
    if not now.id:
        return "no longer exists on the server, is made again"
    return "; ".join(_changed(provider, state, now.outs or {}, wanted))


def _changed(
    provider: Any, state: Mapping[str, Any], server: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Iterator[str]:
    if server.get(LOST) and not state.get(LOST):
        yield "its mark is gone from the server, is written again"
    for field in (*provider.INPUTS, *provider.CONSTANT):
        now, want = server.get(field), wanted.get(field, provider.CONSTANT.get(field))
        if (
            field not in state
            or not is_same(provider, field, state[field], want)
            or is_same(provider, field, now, want)
        ):
            continue
        if field in provider.SENTENCES:
            yield from now or ()
        else:
            yield f"{field} is {_plainly(now)} on the server, is set to {_plainly(want)}"


def _plainly(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "unset" if value is None else shown(value)


def _is_unset(value: Any) -> bool:
    return value is None or value is False or value == ""
