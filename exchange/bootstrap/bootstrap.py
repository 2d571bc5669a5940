"""``python -m exchange bootstrap``: makes the robot that manages grants instead of an administrator."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from exchange.bootstrap.key_file import Owner, new_key_file, read_key
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.objects.robot import Robot, make_robot
from kcadmin.objects.robot_issuer import SPIFFE, Issuer, delete_issuer, issuer_type, judge_issuer, make_issuer
from kcadmin.objects.robot_login import ByIssuer, ByKey, logs_in_by
from kcadmin.objects.robot_policies import judge_robot
from kcadmin.objects.robot_removal import Removed, find_robot, remove_robot
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import KeycloakError, Refusal, sentence
from kcadmin.rest.session import session_for
from kcadmin.rest.texts import named
from kcadmin.rest.variables import ASSERTION_COMMAND, ASSERTION_FILE


@dataclass(frozen=True)
class Bootstrapped:
    """A robot. key: where its key is by which it has logged in (PEM, for its owner alone to read).

    key is None where it logs in by the tokens of another issuer. audience: the only one that these may have; type: of the
    identity provider.
    """

    robot: Robot
    realm: str
    url: str
    key: Path | None
    audience: str = ""
    type: str = ""

    def config(self) -> dict[str, str]:
        """What the stack's config says to log in as the robot; the key or the token comes from the environment."""
        spiffe = {"clientAssertionType": "jwt-spiffe"} if self.type == SPIFFE else {}
        return {
            "url": self.url,
            "realm": self.realm,
            "loginRealm": self.realm,
            "clientId": self.robot.client_id,
            **spiffe,
        }


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
                make_robot(realm, client_id, roles, ByKey(pem), only, accepted), realm_name, connection.url, file
            )
    remedy = "name its file with --key, or give --new-key, which deletes the client and creates it again"
    if not file.exists():
        raise Refusal(f"key of client {named(client_id)}: is not in {named(file)}; {remedy}.")
    pem = read_key(file, owner)
    if existing and not logs_in_by(existing, ByKey(pem)):
        raise Refusal(
            f"client {named(client_id)} in realm {named(realm_name)}: has another key than that in {named(file)}; {remedy}."
        )
    robot = make_robot(realm, client_id, roles, ByKey(pem), only, accepted)
    return Bootstrapped(robot, realm_name, connection.url, file)


def bootstrap_federated(
    connection: Connection,
    realm_name: str,
    client_id: str,
    roles: Collection[str],
    login: ByIssuer,
    issuer: Issuer | None = None,
    *,
    only: Collection[str] = (),
    accepted: Collection[str] = (),
    tell: Callable[[str], None] = lambda sentence: None,
) -> Bootstrapped:
    """The same for a robot that logs in by the tokens of another issuer. One with the same issuer and subject is replaced.

    :param issuer: makes the identity provider, too; None takes one that exists as it is.
    :raises Refusal: as ``bootstrap`` and ``judge_issuer``; the robot exists with another login.
    """
    realm = realm_for(session_for(connection), realm_name)
    existing = find_robot(realm, client_id)
    if existing and not logs_in_by(existing, login):
        remedy = "correct the options, choose another --client-id, or run bootstrap with --remove first"
        raise Refusal(sentence("client", client_id, realm_name, "is a robot with another login", remedy))
    for note in judge_robot(realm, client_id, accepted, existing, ByIssuer):
        tell(note)
    config = judge_issuer(realm, client_id, login, issuer)
    try:
        if issuer and config:
            make_issuer(realm, client_id, login, issuer, config)
        robot = make_robot(realm, client_id, roles, login, only, accepted)
    except BaseException:
        if config:
            _take_back(realm, client_id, login.alias)
        raise
    audience = realm.session.issuer(realm_name)
    return Bootstrapped(robot, realm_name, connection.url, None, audience, issuer_type(realm, login.alias))


def remove(connection: Connection, realm_name: str, client_id: str) -> Removed | None:
    """Deletes the robot; its key file stays with its owner. None where nothing of it existed."""
    return remove_robot(realm_for(session_for(connection), realm_name), client_id)


def as_lines(made: Bootstrapped) -> list[str]:
    """What a person does next."""
    robot = made.robot
    reach = f" on {', '.join(robot.only)} alone" if robot.only else ""
    what = "Made" if robot.made else "Deleted and created again:"
    return [
        *robot.told,
        f"{what} client {named(robot.client_id)} in realm {named(made.realm)} with {', '.join(robot.roles)}"
        f"{reach}; {f'it logged in by its key in {named(made.key)}' if made.key else 'no secret of it is stored'}.",
        "For the stack's config:",
        *(f"  pulumi config set {key} {quote(value)}" for key, value in made.config().items()),
        *_how_to_log_in(made),
    ]


def as_json(made: Bootstrapped) -> str:
    """The same as an object."""
    robot = made.robot
    found = {
        "made": robot.made,
        "roles": robot.roles,
        "only": robot.only,
        "told": robot.told,
        **({"key": str(made.key)} if made.key else {"audience": made.audience}),
        "config": made.config(),
    }
    return json.dumps(found, indent=2)


def _how_to_log_in(made: Bootstrapped) -> list[str]:
    if made.key:
        return [f'  export KEYCLOAK_PRIVATE_KEY="$(cat {quote(str(made.key))})"']
    return [
        f"The pod or job needs a token whose only audience is {named(made.audience)}, and one of",
        f"  export {ASSERTION_FILE}=…      # the file of the token",
        f"  export {ASSERTION_COMMAND}=…   # a command that prints a new token",
    ]


def _take_back(realm: Realm, client_id: str, alias: str) -> None:
    try:
        delete_issuer(realm, client_id, alias)
    except KeycloakError as problem:
        wrong = f"was made and could not be deleted again ({problem.clause})"
        raise Refusal(
            sentence("identity provider", alias, realm.name, wrong, "run bootstrap again, or with --remove")
        ) from None


def _default_file(owner: Owner, existing: Client | None) -> Path:
    """An earlier bootstrap's file is taken only where the robot that exists holds its key."""
    former = owner.former_default_file
    if (
        existing
        and former.exists()
        and not owner.default_file.exists()
        and logs_in_by(existing, ByKey(read_key(former, owner)))
    ):
        return former
    return owner.default_file
