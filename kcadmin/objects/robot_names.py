"""How a robot and its parts are recognized: a mark, and a name while it is made."""

import re
from secrets import token_hex

MARK = "pulumi.robot"
"""An attribute of the client. Anybody may write it, so it only tells which client may be deleted.

In the config of an identity provider, which only its administrators may write, it is the client id of the robot.
"""
RANDOM_BYTES = 8


def unfinished_name(client_id: str) -> str:
    """A name for a robot while it is made. Nobody has a token of it."""
    return f"{client_id}-{token_hex(RANDOM_BYTES)}"


def is_unfinished(name: str, client_id: str) -> bool:
    """Whether a name is that of a robot whose creation was not finished."""
    return bool(re.fullmatch(rf"{re.escape(client_id)}-[0-9a-f]{{{2 * RANDOM_BYTES}}}", name))
