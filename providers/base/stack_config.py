"""What the program alone can tell of its stack's config: the plugin gets secrets and other values alike, in clear."""

import pulumi
from pulumi.runtime.config import is_config_secret

from kcadmin.rest import config_secrets


def plain_secrets() -> list[str]:
    """A sentence for each of the login's secrets that is set in plain text."""
    config = pulumi.Config()
    return config_secrets.plain_secrets(config.get, lambda key: is_config_secret(config.full_key(key)))
