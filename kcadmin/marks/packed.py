"""How Pulumi's state keeps many parts of grants as one resource: what parts of a kind have in common is kept once.

Contains only texts, numbers, lists and maps. Knows neither Pulumi nor the meaning of parts.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.rest.texts import snake

Json = dict[str, Any]
OBJECT, PACKAGED = "pulumi-python:dynamic/keycloak:", "keycloak-token-exchange:index:"
TOKEN, GRANT = f"{OBJECT}RealmGrants", f"{PACKAGED}TokenExchangeGrant"
REALM_GRANTS, PACKED = f"{PACKAGED}RealmGrants", f"{PACKAGED}RealmParts"
"""In the package the grants of a realm are a component; below it is the resource that a program here registers by itself."""
HOLDERS, COMPONENTS = (TOKEN, PACKED), (GRANT, REALM_GRANTS)
GRANTS = "grants"
ID, AFTER, UNSET = "id", "after", "unset"
CLIENT, UUID = "client_id", "client_uuid"
PLACE_OF_UUID = "{client_uuid}"
OFFERED = "standardOffered"
USUAL = {"public": False, "fullScope": True}  # of a client that exchanges
_NOTHING = object()


@dataclass(frozen=True)
class Part:
    """A Keycloak object of a grant. kind: its resource's class. after: the places of those that come before it.

    id: empty for one that is only declared.
    """

    kind: str
    props: Json
    after: tuple[str, ...] = ()
    id: str = ""


def pack(parts: Mapping[str, Part], grants: Mapping[str, Json], like: Mapping[str, Any] | None = None) -> Json:
    """Parts by their places, and grants by their names, as the state keeps them.

    :param like: what was packed before, so that a diff shows only what changed.
    """
    clients = {name: uuid for grant in grants.values() for name, uuid in (grant.get("clients") or {}).items()}
    clients |= {str(each.props[CLIENT]): str(each.props[UUID]) for each in parts.values() if _names_client(each.props)}
    rows: dict[str, dict[str, Json]] = {GRANTS: {name: _grant_row(grant) for name, grant in grants.items()}}
    for place, part in parts.items():
        rows.setdefault(part.kind, {})[place] = _row(part, clients)
    known = (like or {}).get("common") or {}
    common = {kind: dict(known.get(kind) or {}) if like else _common(held) for kind, held in rows.items()}
    packed = {
        kind: {name: _less(row, common[kind]) for name, row in sorted(held.items())} for kind, held in rows.items()
    }
    return {
        "clients": dict(sorted(clients.items())),
        "common": {kind: each for kind, each in sorted(common.items()) if each},
        GRANTS: packed.pop(GRANTS),
        "parts": dict(sorted(packed.items())),
    }


def repacked(parts: Mapping[str, Part], props: Mapping[str, Any], like: Mapping[str, Any] | None = None) -> Json:
    """The inputs or outputs of a realm's grants with these parts. like: see ``pack``."""
    return {"realm": props["realm"], **pack(parts, packed_grants(props), like)}


def parts_in(packed: Mapping[str, Any]) -> dict[str, Part]:
    """The parts of what was packed, by their places."""
    common, clients = packed.get("common") or {}, packed.get("clients") or {}
    return {
        place: _part(kind, _whole(row, common.get(kind) or {}), clients)
        for kind, rows in (packed.get("parts") or {}).items()
        for place, row in rows.items()
    }


def packed_grants(packed: Mapping[str, Any]) -> dict[str, Json]:
    """The grants of what was packed, by their names."""
    common = (packed.get("common") or {}).get(GRANTS) or {}
    clients = packed.get("clients") or {}
    return {name: _grant(_whole(row, common), clients) for name, row in (packed.get(GRANTS) or {}).items()}


def declared_in(packed: Mapping[str, Any]) -> dict[str, Json]:
    """The same without fields that follow from the server's version and features, since an upgrade changes no grant."""
    return {
        name: {key: value for key, value in grant.items() if key != OFFERED}
        for name, grant in packed_grants(packed).items()
    }


def as_int(value: Any) -> Any:
    """A whole number as ``int``: Pulumi hands every number over as a float. Any other value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def explicit_name(provider: str) -> str:
    """The name of a provider that a program makes, by its URN or a reference to it; empty for the one that Pulumi makes."""
    name = (provider.split("::") + [""] * 4)[3]
    return "" if re.fullmatch("default(_.*)?", name) else name


def as_dynamic(resource: Json) -> Json:
    """A resource of the package as a dynamic one would be, by type and names of fields; any other as it is."""
    kind = str(resource.get("type"))
    if kind in COMPONENTS or not kind.startswith(PACKAGED) or not resource.get("custom", True):
        return resource
    held = {part: _in_snake(resource[part]) for part in ("inputs", "outputs") if resource.get(part)}
    return {**resource, "type": TOKEN if kind == PACKED else OBJECT + kind.removeprefix(PACKAGED), **held}


def each_of(resources: Iterable[Json]) -> Iterator[Json]:
    """Resources of a state as dynamic ones. A packed resource is replaced by its parts, each as a resource.

    When a part was made is not known; it was at the latest when its resource was last changed.
    """
    for resource in map(as_dynamic, resources):
        if resource.get("type") != TOKEN:
            yield resource
            continue
        at = str(resource.get("urn")).rsplit("::", 2)[0]
        known = {"created": resource.get("modified") or resource.get("created"), "protect": resource.get("protect")}
        inputs, outputs = resource.get("inputs") or {}, resource.get("outputs") or {}
        declared, made = parts_in(inputs), parts_in(outputs)
        for place, part in {**declared, **made}.items():
            kind, before = f"{OBJECT}{part.kind}", declared[place].props if place in declared else {}
            props = {"inputs": before, "outputs": made[place].props if place in made else {}}
            yield {**known, "type": kind, "urn": f"{at}::{kind}::{place}", "id": part.id, **props}
        for name, grant in (packed_grants(outputs) or packed_grants(inputs)).items():
            yield {**known, "type": GRANT, "urn": f"{at}::{GRANT}::{name}", "inputs": {}, "outputs": grant}


def _in_snake(props: Mapping[str, Any]) -> Json:
    return {snake(key): value for key, value in props.items()}


def _row(part: Part, clients: Mapping[str, str]) -> Json:
    row, uuid = dict(part.props), str(part.props.get(UUID) or "")
    if _names_client(row) and clients[str(row[CLIENT])] == uuid:
        del row[UUID]
    own: Json = {AFTER: list(part.after)} if part.after else {}
    if part.id:
        own[ID] = part.id.replace(uuid, PLACE_OF_UUID) if uuid else part.id
    return {**row, **own}


def _part(kind: str, row: Json, clients: Mapping[str, str]) -> Part:
    after, id_ = tuple(row.pop(AFTER, None) or ()), str(row.pop(ID, None) or "")
    if UUID not in row and row.get(CLIENT) in clients:
        row[UUID] = clients[row[CLIENT]]
    return Part(kind, row, after, id_.replace(PLACE_OF_UUID, str(row.get(UUID) or PLACE_OF_UUID)))


def _grant_row(grant: Json) -> Json:
    """Leaves out what follows from the rest, and shortens ``flows``, since the state keeps no null in a list."""
    row, named = dict(grant), _named(grant)
    if sorted(row.get("clients") or ()) == named:
        del row["clients"]
    if row.get("requesters") == dict.fromkeys(_requesters(grant), USUAL):
        del row["requesters"]
    scopes = [flow.get("requestScope") or {} for flow in grant.get("flows") or ()]
    row["flows"] = [
        [flow["flow"], flow["requester"], flow["audience"] or "", *(scope[key] for key in ("name", "at") if scope)]
        for flow, scope in zip(grant.get("flows") or (), scopes, strict=True)
    ]
    return row


def _grant(row: Json, clients: Mapping[str, str]) -> Json:
    flows = [
        {
            "flow": kind,
            "requester": requester,
            "audience": audience or None,
            "requestScope": {"name": scope[0], "at": scope[1]} if scope else None,
        }
        for kind, requester, audience, *scope in row.get("flows") or ()
    ]
    grant = {**row, "flows": flows}
    grant.setdefault("clients", {name: clients[name] for name in _named(grant) if name in clients})
    grant.setdefault("requesters", {name: dict(USUAL) for name in _requesters(grant)})
    return grant


def _named(grant: Mapping[str, Any]) -> list[str]:
    return sorted({*(grant.get("sources") or ()), str(grant.get("target")), *_requesters(grant)})


def _requesters(grant: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(str(flow["requester"]) for flow in grant.get("flows") or ()))


def _names_client(props: Mapping[str, Any]) -> bool:
    return isinstance(props.get(CLIENT), str) and isinstance(props.get(UUID), str)


def _common(rows: Mapping[str, Json]) -> Json:
    """For each field that all rows have, its most frequent value."""
    fields = set.intersection(*(set(row) for row in rows.values())) if len(rows) > 1 else set[str]()
    return {field: value for field in sorted(fields) for value in _usual([row[field] for row in rows.values()])}


def _usual(values: list[Any]) -> Iterator[Any]:
    text, times = max(Counter(map(_text, values)).items(), key=lambda each: (each[1], each[0]))
    if times > 1:
        yield json.loads(text)


def _less(row: Json, common: Json) -> Json:
    own = {field: value for field, value in row.items() if common.get(field, _NOTHING) != value}
    unset = sorted(set(common) - set(row))
    return {**own, UNSET: unset} if unset else own


def _whole(row: Mapping[str, Any], common: Json) -> Json:
    unset = row.get(UNSET) or ()
    whole = {**common, **row}
    return {field: value for field, value in whole.items() if field not in unset and field != UNSET}


_text = json.JSONEncoder(sort_keys=True).encode
