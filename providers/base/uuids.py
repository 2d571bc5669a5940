"""From the names that people type to Keycloak's ids: each is read once, and Pulumi's unknowns are allowed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pulumi.output import Unknown

from kcadmin.objects.near_names import near_clients
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import NotFound, Refusal, sentence

_PLAIN = (str, bool, int, float)  # most values are of one of these types


def derive_uuids(
    fields: Mapping[str, str], realm: Callable[[], Realm], olds: Mapping[str, Any], props: dict[str, Any]
) -> None:
    """Fills in the UUIDs of existing clients.

    A client that the same run creates follows later.
    :param fields: the input with a client id, or a list of them, to the input with the UUID, or a list of them.
    :param olds: the inputs of the last run, whose UUIDs are valid while the names are the same.
    """
    for id_key, uuid_key in fields.items():
        names = props.get(id_key)
        if uuid_key in props or not names or not is_known(names) or not isinstance(props.get("realm"), str):
            continue
        if (olds.get("realm"), olds.get(id_key)) == (props["realm"], names) and olds.get(uuid_key):
            props[uuid_key] = olds[uuid_key]
            continue
        try:
            found = [realm().clients.find(name) for name in _listed(names)]
        except NotFound:  # the same run creates the realm, too
            continue
        if all(found):
            props[uuid_key] = _like(names, [client.uuid for client in found if client])


def require_uuids(fields: Mapping[str, str], realm: Realm, props: dict[str, Any], kind: str) -> None:
    """Fills in all UUIDs before a write. :raises Refusal: a client does not exist."""
    for id_key, uuid_key in fields.items():
        if props.get(uuid_key):
            continue
        uuids = []
        for name in _listed(props[id_key]):
            found = realm.clients.find(name)
            if found is None:
                remedy = f"create it, or correct {id_key} of this {kind}{near_clients(realm, name)}"
                raise Refusal(sentence("client", name, realm.name, "does not exist", remedy))
            uuids.append(found.uuid)
        props[uuid_key] = _like(props[id_key], uuids)


def is_known(value: Any) -> bool:
    """Whether nothing in a value is Pulumi's unknown."""
    if value is None or isinstance(value, _PLAIN):
        return True
    if isinstance(value, Unknown):
        return False
    if isinstance(value, Mapping):
        return all(is_known(each) for each in value.values())
    if isinstance(value, Sequence):
        return all(is_known(each) for each in value)
    return True


def known(given: Mapping[str, str]) -> dict[str, str]:
    """The entries of a map that are known by now."""
    return {} if isinstance(given, Unknown) else {key: each for key, each in given.items() if is_known(each)}


def _listed(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _like(names: str | Sequence[str], uuids: list[str]) -> str | list[str]:
    return uuids[0] if isinstance(names, str) else sorted(uuids)
