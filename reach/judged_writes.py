"""What client policies of a realm would do at writes of its clients: predicted before them, and refused unless accepted."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kcadmin.objects.claims import Kind, claim_key
from kcadmin.objects.clients import ATTRIBUTE, Client
from kcadmin.objects.predicted_writes import WriteInWords, foretell_put, policies_unread
from kcadmin.objects.realm import Realm
from kcadmin.objects.writing_login import writing_login
from kcadmin.rest.errors import Forbidden
from kcadmin.writes.prediction import Prediction, RealmPolicies
from kcadmin.writes.votes import ROLES, Write

UP, DESTROY = "`pulumi up`", "`pulumi destroy`"
EXEMPT = "take the client out of the policy's conditions"
CONFORM = "let the client's owner make it as the policy wants first"
OF_RESOURCE = f"{EXEMPT}, or {CONFORM}", "accept_policy_changes: [{fields}]"
"""The remedies for a resource outside of grants, and how it accepts fields."""


@dataclass(frozen=True)
class ClientWrite:
    """A planned write.

    values: what it sends, attributes as ``attributes.<key>``; a removal restores that. accepted: fields that policies may
    change, attributes without ``attributes.``. only: what makes it, if that is not an ``up`` and nothing restores it later.
    If Keycloak refuses such a write, all else goes on, and a note reports it.
    """

    client: Client
    values: Mapping[str, Any]
    accepted: Collection[str] = ()
    only: str = ""


@dataclass(frozen=True)
class PolicyChanges:
    """faults: why it is refused. notes: what was accepted, and what cannot be predicted. A sentence each."""

    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def claim_write(client: Client, owner: str, kind: Kind, values: Mapping[str, Any] | None = None) -> ClientWrite:
    """The write of a claim and its setting."""
    return ClientWrite(client, {**(values or {}), ATTRIBUTE + claim_key(owner, kind): "claim"})


def judge_writes(
    realm: Realm,
    writes: Iterable[ClientWrite],
    ways: tuple[str, str] = OF_RESOURCE,
) -> PolicyChanges:
    """What client policies do at the writes; nothing is read if there are no writes.

    :param ways: remedies against a policy, and how ``{fields}`` are accepted.
    :raises KeycloakError: the server cannot be reached.
    """
    coming = list(writes)
    if not coming:
        return PolicyChanges()
    faults: dict[str, None] = {}
    policies, readable = realm.policies()
    notes = dict.fromkeys([] if readable else [policies_unread(realm)])
    known = realm.features().version if policies.acting else None
    writer = writing_login(realm.session, realm.name, policies)
    for each in coming:
        client = each.client
        plain = Write(client.representation, {}, _defined(realm, client, policies), writer, known)
        for when, foretold in _foretold(each, plain, policies):
            said = WriteInWords(client.client_id, realm.name, when, *ways, each.accepted)
            (notes if each.only and foretold.refused else faults).update(dict.fromkeys(said.faults(foretold)))
            notes |= dict.fromkeys(said.notes(foretold))
    return PolicyChanges(tuple(faults), tuple(notes))


def _defined(realm: Realm, client: Client, policies: RealmPolicies) -> frozenset[str] | None:
    """The roles that a client defines, if a policy asks for some; None if they are not known."""
    if not policies.asks_for(ROLES):
        return None
    try:
        found = realm.session.get(realm.clients.path(client.uuid, "roles"))
    except Forbidden:
        return None
    return frozenset(str(each["name"]) for each in found)


def _foretold(write: ClientWrite, plain: Write, policies: RealmPolicies) -> Iterator[tuple[str, Prediction]]:
    """For the write that claims a setting, and for the one that restores it."""
    client, values = write.client, write.values
    if write.only:
        yield write.only, foretell_put(plain, values, policies)
        return
    back = {field: client.value(field) for field in values}
    for when, described, sent in ((UP, client, values), (DESTROY, client.with_values(values), back)):
        yield when, foretell_put(replace(plain, client=described.representation), sent, policies)
