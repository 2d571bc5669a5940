"""What the realm's client policies would do to the robot that bootstrap makes, reported before anything is written."""

from collections.abc import Collection

from kcadmin.objects.clients import Client
from kcadmin.objects.predicted_writes import WriteInWords, foretell_put, policies_unread
from kcadmin.objects.realm import Realm
from kcadmin.objects.robot import representation
from kcadmin.objects.robot_login import ByKey, RobotLogin
from kcadmin.objects.writing_login import writing_login
from kcadmin.rest.errors import Refusal, sentence
from kcadmin.writes.executors import ATTRIBUTE
from kcadmin.writes.prediction import Prediction, foretell, foretell_delete
from kcadmin.writes.votes import Write

ACCEPT = "--accept-policy-changes, repeated for each of {fields}"
WAYS_OUT = "change the policy's conditions so that it leaves this client out, or disable it while bootstrap runs"


def judge_robot(
    realm: Realm,
    client_id: str,
    accepted: Collection[str],
    existing: Client | None = None,
    login: type[RobotLogin] = ByKey,
) -> tuple[str, ...]:
    """What to tell beforehand, a sentence each.

    :param accepted: fields that policies may change, attributes without ``attributes.``. existing: the robot that is replaced.
    :raises Refusal: a policy would change another field, or refuse a write; all of it at once.
    """
    policies, readable = realm.policies()
    if not policies.acting:
        return () if readable else (policies_unread(realm),)
    writer, version = writing_login(realm.session, realm.name, policies), realm.features().version
    planned = WriteInWords(client_id, realm.name, "bootstrap", WAYS_OUT, ACCEPT, accepted)
    making = Write({}, representation(client_id, {}, login), frozenset(), writer, version)
    made = foretell(making, policies)
    named = Write(_after(making, made), {}, frozenset(), writer, version)
    writes = [made]
    if not made.refused:  # then it is given its name
        writes.append(foretell_put(named, {"clientId": client_id, "notBefore": 1}, policies))
    gone = Prediction()
    if existing:
        gone = foretell_delete(Write(existing.representation, {}, frozenset(), writer, version), policies)
    faults = dict.fromkeys(fault for each in writes for fault in planned.faults(each))
    if gone.refused:
        cause, why = gone.refused
        wrong = f"{cause} would refuse that bootstrap deletes the robot that exists, since {why}"
        faults[sentence("client", client_id, realm.name, wrong, WAYS_OUT)] = None
    if faults:
        raise Refusal(*faults)
    notes = dict.fromkeys(note for each in writes for note in planned.notes(each))
    if gone.undecided:
        causes = ", ".join(map(str, gone.undecided))
        wrong = f"only the server can tell whether {causes} refuses that bootstrap deletes the robot that exists"
        notes[sentence("client", client_id, realm.name, wrong, "where it does, the new robot is deleted again")] = None
    return tuple(notes)


def _after(write: Write, foretold: Prediction) -> dict[str, object]:
    """The client as a write leaves it."""
    found = write.merged()
    for change in foretold.changes:
        if change.field.startswith(ATTRIBUTE):
            found["attributes"][change.field.removeprefix(ATTRIBUTE)] = change.after
        else:
            found[change.field] = change.after
    return found
