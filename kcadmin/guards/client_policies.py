"""A realm's client policies and client profiles, which Keycloak evaluates at every token exchange, standard and legacy.

Keycloak has one list of each. A PUT replaces the whole list and does not note who wrote what: of four parallel writers three are
lost. So a list is read, changed in memory and sent whole immediately. It is read again immediately, after 0.3 s and after 0.6 s,
until it contains the change. A write by others in the milliseconds between our GET and our PUT is lost. Another stack
notices that when it reads again, and repeats its write. A person has to check it by hand.
https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kcadmin.objects.realm import Realm
from kcadmin.rest import waiting
from kcadmin.rest.errors import Forbidden, HttpError, KeycloakError, NotFound, NotImplementedHere, Refusal
from kcadmin.rest.session import Session, path, worth_repeating
from kcadmin.rest.texts import named

PROFILES, POLICIES = "profiles", "policies"
CONDITION, EXECUTOR = "condition", "executor"
JITTER_SECONDS = 0.1
LOOKS, ROUNDS = 3, 40
BAD_REQUEST = 400

Entry = Mapping[str, Any]
Change = Callable[[Sequence[Entry]], list[Entry]]


def entries(realm: Realm, kind: str) -> list[Entry] | None:
    """The realm's own client policies or profiles, in order and as stored; None when there is no such realm."""
    try:
        return list(_read(realm, kind)[kind])
    except NotFound:
        return None


def judging(realm: Realm, kind: str) -> list[Entry]:
    """Those that take effect: none if the server's feature is switched off, whatever the database contains."""
    try:
        return entries(realm, kind) or []
    except NotImplementedHere:
        return []


def write_until_kept(realm: Realm, *changes: tuple[str, Change]) -> None:
    """Makes changes of the lists, in this order, until they stay. A change that changes nothing is not written.

    :raises Refusal: the login may not write them, Keycloak refuses them, or they do not stay.
    """
    written, quiet, problem = False, 0, ""
    with realm.clients.lock("client-policies"):
        for _ in range(ROUNDS):
            try:
                again = sum(_write(realm, kind, change) for kind, change in changes) > 0
            except KeycloakError as busy:
                if not _passes(busy):
                    raise
                again, problem = True, busy.message if isinstance(busy, HttpError) else str(busy)
                time.sleep(random.uniform(0, JITTER_SECONDS))  # noqa: S311  # two writers in step would never settle
            quiet = 0 if again else quiet + 1
            written |= again
            if not written or quiet == LOOKS:
                return
            if quiet:
                waiting.settle()
    why = f"the last answer was: {problem}" if problem else "somebody else writes them"
    raise Refusal(
        f"client policies of realm {named(realm.name)}: {ROUNDS} writes did not stay, {why}; correct them in the Admin Console "
        "under Realm settings → Client policies, or find who else writes them, and run again."
    )


def missing_from_server(session: Session, conditions: Sequence[str], executors: Sequence[str]) -> list[str]:
    """What the server lacks of these conditions and executors, in words. The answer that it reads has 300 kB."""
    info = session.get("/admin/serverinfo")
    if any(feature["name"] == "CLIENT_POLICIES" and not feature["enabled"] for feature in info["features"]):
        return ["the feature client-policies"]
    return [
        f"the client policy {what} {named(name)}"
        for what, names in ((CONDITION, conditions), (EXECUTOR, executors))
        for name in names
        if name not in info["providers"].get(f"client-policy-{what}", {}).get("providers", {})
    ]


def _write(realm: Realm, kind: str, change: Change) -> bool:
    """Returns whether there was something to write. Unknown fields of the answer are sent back unchanged."""
    now = _read(realm, kind)
    then = change(now[kind])
    if then == now[kind]:
        return False
    try:
        realm.session.put_once(_path(realm, kind), {**now, kind: then})
    except Forbidden:
        raise _forbidden(realm, "write", "manage-realm") from None
    return True


def _read(realm: Realm, kind: str) -> dict[str, Any]:
    try:
        found = realm.session.get(_path(realm, kind))
    except Forbidden:
        raise _forbidden(realm, "read", "manage-realm (to read only, view-realm)") from None
    return {**found, kind: found.get(kind) or []}


def _passes(problem: KeycloakError) -> bool:
    """Whether another read may help: the server was busy, or a list names a profile that another stack writes again."""
    dangling = isinstance(problem, HttpError) and problem.status == BAD_REQUEST and "invalid profile" in problem.message
    return dangling or worth_repeating(problem)


def _forbidden(realm: Realm, what: str, role: str) -> Refusal:
    return Refusal(
        f"client policies of realm {named(realm.name)}: Keycloak does not let this login {what} them (403); give it the role "
        f"{role} of the client {named(realm.management_client_id)}."
    )


def _path(realm: Realm, kind: str) -> str:
    return path("admin", "realms", realm.name, "client-policies", kind)
