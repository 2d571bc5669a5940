"""``python -m exchange bootstrap``: makes the robot that manages grants instead of an administrator, and its private key."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from exchange.bootstrap.key_file import Owner, new_key_file, read_key
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import realm_for
from kcadmin.objects.robot import Robot, holds_key, make_robot
from kcadmin.objects.robot_policies import judge_robot
from kcadmin.objects.robot_removal import Removed, find_robot, remove_robot
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import Refusal
from kcadmin.rest.session import session_for
from kcadmin.rest.texts import named


@dataclass(frozen=True)
class Bootstrapped:
    """A robot that has logged in by its key, and where that is (PEM, for its owner alone to read)."""

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
    key: Path | None = None,
    *,
    only: Collection[str] = (),
    new_key: bool = False,
    accepted: Collection[str] = (),
    tell: Callable[[str], None] = lambda sentence: None,
) -> Bootstrapped:
    """Makes the robot with exactly these roles. An existing robot with the key of the file is deleted and created again.

    :param key: the file of its key; None takes one that no other robot has. Where it does not exist it is made.
    :param new_key: make another key, and delete the robot that exists whatever its key is.
    :param accepted: fields of the client that client policies may change. tell: is given what to know of them beforehand.
    :raises Refusal: a client policy would change or refuse it, told before anything is written; as ``make_robot``;
        the robot exists with another key; others can read the file, or it is of another robot.
    """
    realm = realm_for(session_for(connection), realm_name)
    owner = Owner(client_id, realm_name, connection.url)
    existing = find_robot(realm, client_id)
    file = key or _default_file(owner, existing)
    for note in judge_robot(realm, client_id, accepted, existing):
        tell(note)
    if new_key or not (existing or file.exists()):
        with new_key_file(file, owner) as pem:
            return Bootstrapped(
                make_robot(realm, client_id, roles, pem, only, accepted), realm_name, connection.url, file
            )
    remedy = "name its file with --key, or give --new-key, which deletes the client and creates it again"
    if not file.exists():
        raise Refusal(f"key of client {named(client_id)}: is not in {named(file)}; {remedy}.")
    pem = read_key(file, owner)
    if existing and not holds_key(existing, pem):
        raise Refusal(
            f"client {named(client_id)} in realm {named(realm_name)}: has another key than that in {named(file)}; {remedy}."
        )
    return Bootstrapped(make_robot(realm, client_id, roles, pem, only, accepted), realm_name, connection.url, file)


def remove(connection: Connection, realm_name: str, client_id: str) -> Removed | None:
    """Deletes the robot; its key file stays with its owner. None where nothing of it existed."""
    return remove_robot(realm_for(session_for(connection), realm_name), client_id)


def as_lines(made: Bootstrapped) -> list[str]:
    """What a person does next."""
    robot = made.robot
    reach = f" on {', '.join(robot.only)} alone" if robot.only else ""
    what = "Made" if robot.made else "FOUND, deleted and made anew:"
    return [
        *robot.told,
        f"{what} client {named(robot.client_id)} in realm {named(made.realm)} with {', '.join(robot.roles)}"
        f"{reach}; it logged in by its key in {named(made.key)}.",
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
        "told": robot.told,
        "key": str(made.key),
        "config": made.config(),
    }
    return json.dumps(found, indent=2)


def _default_file(owner: Owner, existing: Client | None) -> Path:
    """An earlier bootstrap's file is taken only where the robot that exists holds its key."""
    former = owner.former_default_file
    if (
        existing
        and former.exists()
        and not owner.default_file.exists()
        and holds_key(existing, read_key(former, owner))
    ):
        return former
    return owner.default_file
