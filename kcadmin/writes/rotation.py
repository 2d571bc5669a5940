"""Secrets that client policies rotate: any write of such a client may make a new secret, or end the former one at once.

Proven on 26.7.3 with the feature client-secret-rotation. Under a policy with the executor ``secret-rotation`` the first
write after the secret's expiry makes a new one, and the former one stays valid for a while. A write while no such policy
holds, or on a
server without the feature, deletes the former one.
https://www.keycloak.org/docs/latest/server_admin/#_client_secret_rotation
"""

import time
from collections.abc import Mapping
from typing import Any

SECRET_ROTATION = "secret-rotation"
SECRET, NEW_SECRET = "secret", "a new one"
PREFIX = "client.secret."
ROTATED = f"attributes.{PREFIX}rotated"
"""The attribute of a former secret that is still valid. No text ever holds its value."""
EXPIRES, FORMER_EXPIRES = f"{PREFIX}expiration.time", f"{PREFIX}rotated.expiration.time"
MARGIN_SECONDS = 3600  # seconds between a preview and its write


def rotates_now(client: Mapping[str, Any]) -> bool:
    """Whether a write under a policy that rotates secrets makes a new one."""
    if client.get("publicClient") or client.get("bearerOnly"):
        return False
    ends = _seconds(client, EXPIRES)
    return ends is not None and ends < time.time() + MARGIN_SECONDS


def has_former_secret(client: Mapping[str, Any]) -> bool:
    """Whether a client has a former secret that is still valid."""
    attributes = client.get("attributes") or {}
    ends = _seconds(client, FORMER_EXPIRES)
    return bool(attributes.get(f"{PREFIX}rotated")) and (ends is None or ends > time.time())


def _seconds(client: Mapping[str, Any], name: str) -> int | None:
    text = str((client.get("attributes") or {}).get(name) or "")
    return int(text) if text.isascii() and text.isdigit() else None
