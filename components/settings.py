"""A stack's config, read and checked: every fault at once, each in one sentence, before anything is registered."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from grants.listed import listed_grants
from grants.spec import EXCHANGES, GUARDS, GrantSpec, read_grant
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.texts import named, shown
from providers.base import messages
from providers.base.face import config_value, stack_connection
from providers.base.identity import default_owner, no_owner, stack_owner
from providers.base.own_state import stack_name
from providers.base.stack_config import mistyped_keys, secrets_in_clear

EACH, REALM = "each", "realm"  # one resource for each Keycloak object, or one for all of a realm's


@dataclass(frozen=True)
class Settings:
    """How to reach the server, the grants of the stack, and what a grant takes from the stack (``defaults``).

    guards: what the realms' ``ExchangeGuards`` are to hold, of ``requesters``, ``sources`` and ``noWiderScopes``.
    events: whether the realms record their exchanges. in_bulk: whether all grants of a realm are one resource.
    """

    connection: Connection
    realm: str
    defaults: Mapping[str, Any]
    grants: tuple[GrantSpec, ...]
    guards: frozenset[str] = frozenset()
    events: bool = False
    in_bulk: bool = False


def read_settings(*, grants: bool = True, owner: bool = True, only_ours: bool = False) -> Settings:
    """The selected stack's settings. :raises pulumi.RunError: with all faults.

    grants: the stack must list them. owner: the stack must have one. only_ours: the program reads no keys of its own.
    """
    faults = [*_faults_of_stack(owner=owner), *mistyped_keys(only_ours=only_ours)]
    try:
        settings = parse_settings(config_value, default_owner() or stack_name(), grants=grants)
    except InvalidSettings as found:
        raise messages.program_error([*faults, *found.faults]) from None
    if faults:
        raise messages.program_error(faults)
    messages.warn_insecure(settings.connection)
    return settings


def read_defaults(*, owner: bool = True) -> Mapping[str, Any]:
    """What a grant with a connection of its own takes from the stack, which then needs none.

    :raises pulumi.RunError: with all faults. owner: the stack must have one.
    """
    faults = [*_faults_of_stack(owner=owner), *mistyped_keys(only_ours=False)]
    defaults = _defaults(config_value, default_owner() or stack_name(), faults)
    if faults:
        raise messages.program_error(faults)
    return defaults


def parse_settings(get: Callable[[str], str | None], owner: str, *, grants: bool = True) -> Settings:
    """:param get: gives the text of a config key, or None. owner: the default. :raises InvalidSettings: with all faults."""
    faults: list[str] = []
    connection: Connection | None = None
    try:
        connection = stack_connection(get)
    except InvalidSettings as found:
        faults += found.faults
    defaults = _defaults(get, owner, faults)
    events, guards = read_flag(get, "events", faults), _read_guards(get("guards"), faults)
    in_bulk = _read_resources(get("resources") or EACH, faults)
    specs = _read_grants(get, defaults, faults) if grants else ()
    if faults:
        raise InvalidSettings(dict.fromkeys(faults))
    assert connection is not None
    return Settings(connection, str(defaults["realm"]), defaults, specs, guards, events, in_bulk)


def _faults_of_stack(*, owner: bool) -> list[str]:
    return [*secrets_in_clear(), *([no_owner()] if owner and stack_owner() is None else [])]


def _defaults(get: Callable[[str], str | None], owner: str, faults: list[str]) -> dict[str, Any]:
    realm, exchange = get("realm") or "", get("exchange") or "auto"
    if exchange not in EXCHANGES:
        faults.append(f"config 'exchange': is {shown(exchange)}; choose one of {', '.join(EXCHANGES)}.")
        exchange = "auto"
    protect = read_flag(get, "protect", faults)
    return {"realm": realm, "exchange": exchange, "owner": get("owner") or owner, "protect": protect}


def read_flag(get: Callable[[str], str | None], key: str, faults: list[str]) -> bool:
    """A config key that is true or false; false where it is not set. Adds what is wrong to ``faults``."""
    text = get(key) or "false"
    if text not in ("true", "false"):
        faults.append(f"config {named(key)}: is {shown(text)}; set true or false.")
    return text == "true"


def _read_resources(text: str, faults: list[str]) -> bool:
    if text not in (EACH, REALM):
        faults.append(f"config 'resources': is {shown(text)}; set {EACH} or {REALM}.")
    return text == REALM


def _read_guards(text: str | None, faults: list[str]) -> frozenset[str]:
    try:
        raw = json.loads(text or "[]")
    except (ValueError, RecursionError):
        raw = text
    if not isinstance(raw, list) or not all(each in GUARDS for each in raw):
        faults.append(f"config 'guards': is {shown(raw)}; give a list of {', '.join(GUARDS)}, or leave it out.")
        return frozenset()
    return frozenset(raw)


def _read_grants(
    get: Callable[[str], str | None], defaults: Mapping[str, Any], faults: list[str]
) -> tuple[GrantSpec, ...]:
    listing = listed_grants(get)
    faults += listing.faults
    grants: list[GrantSpec] = []
    for each in listing.grants:
        grant, wrong = read_grant(each.given, defaults, each.number, each.place)
        faults += wrong
        grants += [grant] if grant else []
    return tuple(grants)
