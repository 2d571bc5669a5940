"""When a field of a resource is the same as before: unknowns differ, unset ones have no fixed spelling, sets no order."""

from typing import Any

from kcadmin.marks.ownership import has_name_of
from providers.base.uuids import is_known

RESTORE, REVOKE, KEEP = "restore", "revoke", "keep"


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


def _is_unset(value: Any) -> bool:
    return value is None or value is False or value == ""
