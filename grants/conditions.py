"""The conditions of a grant as people write them: roles that users must hold, and hours in which exchanges are allowed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grants.unquoted import time_of
from kcadmin.authz.time_windows import window_faults
from kcadmin.marks.ownership import NAME_LIMIT
from kcadmin.rest.texts import shown, unfit

_WINDOW = {"start": "start", "end": "end", "notBefore": "not_before", "notOnOrAfter": "not_on_or_after"}


@dataclass(frozen=True, order=True)
class RequiredRole:
    """A role that lets its holders through: of the realm, or of a client (a client id)."""

    role: str
    client: str = ""

    def __str__(self) -> str:
        return f"{self.client}/{self.role}" if self.client else self.role


@dataclass(frozen=True)
class TimeWindow:
    """When exchanges are allowed, by the server's own clock: hours of the day (``HH:MM``), and dates as Keycloak takes them."""

    start: str | None = None
    end: str | None = None
    not_before: str | None = None
    not_on_or_after: str | None = None

    def dates(self) -> dict[str, str | None]:
        """The dates, as the fields of a time policy."""
        return {"not_before": self.not_before, "not_on_or_after": self.not_on_or_after}


def read_roles(key: str, value: Any) -> tuple[tuple[RequiredRole, ...], str | None]:
    """Roles from a list of names and ``{client, role}``, each once, or what is wrong with it."""
    wrong = (), f"{key} is {shown(value)}; give a list of realm roles and {{client, role}}"
    if not isinstance(value, list | tuple):
        return wrong
    roles: list[RequiredRole] = []
    for each in value:
        given = {"role": each} if isinstance(each, str) else each
        if isinstance(given, RequiredRole):
            given = {"role": given.role, "client": given.client}
        if not (isinstance(given, Mapping) and set(given) <= {"role", "client"} and given.get("role")):
            return wrong
        if not all(isinstance(text, str) for text in given.values()):
            return wrong
        for name in filter(None, given.values()):
            if not name.strip() or len(name) > NAME_LIMIT or unfit(name):
                return (), f"{key} {unfit(name) or f'holds a name of {len(name)} characters'}; correct it"
        roles.append(RequiredRole(**given))
    return tuple(sorted(set(roles))), None if roles else f"{key} is empty; name a role, or leave it out"


def read_window(key: str, value: Any) -> tuple[TimeWindow | None, str | None]:
    """A time window from ``{start, end, notBefore, notOnOrAfter}``, or what is wrong with it."""
    if isinstance(value, TimeWindow):
        value = {name: getattr(value, field) for name, field in _WINDOW.items() if getattr(value, field)}
    if not isinstance(value, Mapping) or not value or not set(value) <= set(_WINDOW):
        return None, f"{key} is {shown(value)}; give {', '.join(_WINDOW)}, or some of them"
    value = {name: time_of(text) for name, text in value.items()}
    if not all(isinstance(text, str) for text in value.values()):
        return None, f"{key} is {shown(value)}; give each as text, in quotes"
    window = TimeWindow(**{_WINDOW[name]: text for name, text in value.items()})
    faults = list(window_faults(window.start, window.end, **window.dates()))
    return (None, f"{key}: {faults[0]}") if faults else (window, None)
