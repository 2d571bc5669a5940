"""What client policies would do to a planned write of a client, in sentences for people: refused unless accepted."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import sentence
from kcadmin.rest.texts import named
from kcadmin.writes.executors import ATTRIBUTE
from kcadmin.writes.partial_put import body_of
from kcadmin.writes.policies import ROLE
from kcadmin.writes.prediction import NO_ROTATION, Cause, Change, Prediction, RealmPolicies, foretell, left_out, weak
from kcadmin.writes.votes import Write
from kcadmin.writes.watch import shown_value

WAIT = "wait until the former secret has expired"


@dataclass(frozen=True)
class WriteInWords:
    """A write in words.

    when: the command that makes it. ways_out: remedies against a policy. accept: how to accept ``{fields}``.
    """

    client_id: str
    realm: str
    when: str
    ways_out: str
    accept: str
    accepted: Collection[str] = ()

    def faults(self, foretold: Prediction) -> Iterator[str]:
        """Why it is refused, a sentence each."""
        if foretold.refused:
            cause, why = foretold.refused
            wrong = f"{cause} would refuse what {self.when} writes, since {why}"
            yield sentence("client", self.client_id, self.realm, wrong, self.ways_out)
        for cause_, changes in _by_cause(foretold.changes).items():
            refused = [change for change in changes if _name(change) not in self.accepted]
            if refused:
                accept = self.accept.format(fields=", ".join(_name(change) for change in refused))
                wrong = f"{cause_} would change {', '.join(map(_change, refused))} when {self.when} writes this client"
                ways = WAIT if cause_ == NO_ROTATION else self.ways_out
                yield sentence("client", self.client_id, self.realm, wrong, f"{ways}; or accept it by {accept}")

    def notes(self, foretold: Prediction) -> Iterator[str]:
        """Notes on what was accepted, and on what only the server can tell."""
        changes = [change for change in foretold.changes if _name(change) in self.accepted]
        if changes:
            what = (
                f"{', '.join(map(_change, changes))} when {self.when} writes it, as accepted; nothing gives that back"
            )
            yield f"note on client {named(self.client_id)} in realm {named(self.realm)}: client policies change {what}."
        if foretold.undecided:
            causes = ", ".join(map(str, foretold.undecided))
            wrong = f"only the server can tell what {causes} does when {self.when} writes this client"
            yield sentence(
                "client", self.client_id, self.realm, wrong, f"{self.when} compares the client after each write"
            )


def foretell_put(plain: Write, values: Mapping[str, Any], policies: RealmPolicies) -> Prediction:
    """The result of a PUT that repeats what policies check. If Keycloak refuses it, of a PUT that lets them change it."""

    def of(without: Collection[str] = ()) -> tuple[Prediction, Mapping[str, Any]]:
        body, repeated = body_of(plain.client, values, policies, lambda: True, without)
        return foretell(replace(plain, body=body), policies), repeated

    whole, repeated = of()
    if whole.refused:
        for without in left_out(weak(repeated)):
            changed = of(without)[0]
            if not changed.refused:
                return changed
    return whole


def policies_unread(realm: Realm) -> str:
    """That the policies of a realm may not be read."""
    return (
        f"client policies of realm {named(realm.name)}: this login may not read them, so what they change or refuse when clients "
        f"are written is not known before; give it the role {ROLE} of the client {named(realm.management_client_id)}."
    )


def _by_cause(changes: Sequence[Change]) -> dict[Cause | str, list[Change]]:
    found: dict[Cause | str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.cause, []).append(change)
    return found


def _name(change: Change) -> str:
    return change.field.removeprefix(ATTRIBUTE)


def _change(change: Change) -> str:
    return (
        f"{_name(change)} from {shown_value(change.field, change.before)} to {shown_value(change.field, change.after)}"
    )
