"""``python -m exchange bootstrap``: makes the robot that manages grants instead of an administrator, and its private key."""

import json
import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kcadmin.connection import Connection, PrivateKeyLogin
from kcadmin.errors import Refusal, sentence
from kcadmin.realm import realm_for
from kcadmin.robot import Robot, make_robot, public_keys, remove_robot, robot_exists
from kcadmin.session import Session, session_for

KEY_BITS = 2048


@dataclass(frozen=True)
class Bootstrapped:
    """A robot, where its key is (PEM, for its owner alone to read), and whether it was seen to log in."""

    robot: Robot
    realm: str
    url: str
    key: Path

    def config(self) -> dict[str, str]:
        """What the stack's config says to log in as the robot; the key comes from ``KEYCLOAK_PRIVATE_KEY``."""
        return {"url": self.url, "realm": self.realm, "loginRealm": self.realm, "clientId": self.robot.client_id}


def bootstrap(
    connection: Connection,
    realm_name: str,
    client_id: str,
    roles: Collection[str],
    key: Path,
    *,
    only: Collection[str] = (),
    new_key: bool = False,
) -> Bootstrapped:
    """Makes the robot, or gives one that is there exactly these roles; then logs in as it.

    The key is written first, so that no robot is left whose key nobody has.

    :raises Refusal: the robot is there and its key is not in the file, or the file is there and is no robot's; or the server
        does not let it see a client of ``only``.
    """
    realm = realm_for(session_for(connection), realm_name)
    there = robot_exists(realm, client_id)
    if there and not new_key and not key.exists():
        raise Refusal(f"key of client '{client_id}': is not in '{key}'; name its file with --key, or give --new-key.")
    public = public_keys(_read(key) if key.exists() and not new_key else _write_new(key))
    robot = make_robot(realm, client_id, roles, public, only)
    _look_as_robot(connection, realm_name, robot, key)
    return Bootstrapped(robot, realm_name, connection.url, key)


def remove(connection: Connection, realm_name: str, client_id: str) -> bool:
    """Deletes the robot; its key file stays with its owner. Gives whether it was there."""
    return remove_robot(realm_for(session_for(connection), realm_name), client_id)


def as_lines(made: Bootstrapped) -> list[str]:
    """What a person does next."""
    robot = made.robot
    reach = f" on {', '.join(robot.only)} alone" if robot.only else ""
    return [
        f"{'Made' if robot.made else 'Found'} client '{robot.client_id}' in realm '{made.realm}' with {', '.join(robot.roles)}"
        f"{reach}; it logged in by its key in '{made.key}'.",
        "For the stack's config:",
        *(f"  pulumi config set {key} {quote(value)}" for key, value in made.config().items()),
        f'  export KEYCLOAK_PRIVATE_KEY="$(cat {quote(str(made.key))})"',
    ]


def as_json(made: Bootstrapped) -> str:
    """The same as an object."""
    robot = made.robot
    found = {
        "made": robot.made,
        "roles": robot.roles,
        "only": robot.only,
        "key": str(made.key),
        "config": made.config(),
    }
    return json.dumps(found, indent=2)


def _look_as_robot(connection: Connection, realm: str, robot: Robot, key: Path) -> None:
    """Logs in as the robot and looks at its clients; one that it has made and that is of no use, it takes away.

    Keycloak 26.2 lists the clients that fine-grained admin permissions v2 let somebody see, but gives none of them alone.
    """
    login = PrivateKeyLogin(robot.client_id, key.read_text())
    clients = realm_for(Session(replace(connection, login=login, login_realm=realm)), realm).clients
    for name in robot.only or (robot.client_id,):
        if not clients.find(name) and robot.only:
            if robot.made:
                remove(connection, realm, robot.client_id)
            wrong = f"the server does not let '{robot.client_id}' see it, though it has the permission to"
            raise Refusal(
                sentence("client", name, realm, wrong, "use Keycloak 26.7 or later, or bootstrap without --only")
            )


def _write_new(key: Path) -> rsa.RSAPrivateKey:
    """A new key in a file that only its owner can read, in one step; it takes the place of a key alone."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    if key.exists():
        _read(key, ", and what it holds would be lost; name another with --key")
    scratch = key.with_name(f"{key.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(pem)
        scratch.replace(key)
    except OSError as problem:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise Refusal(f"key file '{key}': cannot be written ({problem.strerror}); name another with --key.") from None
    return made


def _read(key: Path, remedy: str = "; name another with --key") -> rsa.RSAPrivateKey:
    try:
        found = load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        found = None
    if not isinstance(found, rsa.RSAPrivateKey):
        raise Refusal(f"key file '{key}': holds no unencrypted RSA key{remedy}.")
    return found
