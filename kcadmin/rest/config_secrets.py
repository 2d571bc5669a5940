"""The login's secrets in a stack's config: Pulumi encrypts them there and in its state only where they are set as secrets."""

from collections.abc import Callable

from kcadmin.rest.texts import named
from kcadmin.rest.variables import ADMIN_PASSWORD, CLIENT_SECRET, PRIVATE_KEY

SECRETS = {"adminPassword": ADMIN_PASSWORD, "clientSecret": CLIENT_SECRET, "privateKey": PRIVATE_KEY}
"""Config key → the environment variable that may hold the secret instead."""


def plain_secrets(config: Callable[[str], object], is_secret: Callable[[str], bool]) -> list[str]:
    """A sentence for each of the login's secrets that is set in plain text, also where the environment supplies it.

    :param config: gives the value of a key, or None; an empty text counts as unset.
    """
    return [
        f"config {named(key)}: is in plain text; run `{_command(key)}`, or remove it and set {variable}, "
        "and take a new secret if others could read it."
        for key, variable in SECRETS.items()
        if config(key) not in (None, "") and not is_secret(key)
    ]


def _command(key: str) -> str:
    """Without the value, which the shell's history would keep: Pulumi prompts for it, or reads it from stdin."""
    return f"pulumi config set --secret {key}{' < key.pem' if key == 'privateKey' else ''}"
