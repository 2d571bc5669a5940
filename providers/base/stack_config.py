"""What only the program can check in its stack's config: the plugin gets secrets like other values, in clear."""

import difflib
from collections.abc import Iterable, Sequence

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from kcadmin.rest import config_secrets
from kcadmin.rest.given_connection import KEYS as OF_CONNECTION
from kcadmin.rest.odd import Odd
from kcadmin.rest.texts import named
from providers.base.face import is_package

OF_GRANTS = ("realm", "grants", "grantsFile", "exchange", "owner", "guards", "events", "protect", "resources")
KEYS = (*(key for key in OF_CONNECTION if key != "name"), *OF_GRANTS)
"""All keys of a stack. A test compares them with Pulumi.yaml."""
UNREAD = Odd("config-key", "is read by nothing", "")
CLOSE = 0.82  # of 1; a less similar key belongs to the program


def secrets_in_clear() -> list[str]:
    """A sentence for each of the login's secrets that is set in plain text."""
    if is_package():  # it has checked when it got its config
        return []
    config = pulumi.Config()
    return config_secrets.plain_secrets(config.get, lambda key: is_config_secret(config.full_key(key)))


def mistyped_keys(*, only_ours: bool) -> list[str]:
    """A sentence for each key of the project that nothing reads.

    :param only_ours: the program reads no keys of its own. Else only a key that is nearly one of ours counts as a mistake.
    """
    if is_package():
        return []
    before = f"{pulumi.get_project()}:"
    given = [key.removeprefix(before) for key in {**get_config_env(), **CONFIG.get()} if key.startswith(before)]
    return mistyped(given, only_ours=only_ours)


def mistyped(given: Iterable[str], *, only_ours: bool, known: Sequence[str] = KEYS) -> list[str]:
    """The same for the given keys."""
    lower = {key.lower(): key for key in known}
    faults = []
    for key in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(key.lower(), lower, n=1, cutoff=0.6 if only_ours else CLOSE)
        longer = bool(near) and key.lower() != near[0] and key.lower().startswith(near[0])  # realms, url2
        if only_ours or (near and not longer):
            remedy = f"did you mean {named(lower[near[0]])}?" if near else f"take it out; known are {', '.join(known)}."
            faults.append(f"config {named(key)}: {UNREAD.wrong}; {remedy}")
    return faults
