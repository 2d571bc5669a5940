"""Sets the issuers and UUIDs in Pulumi's state to those of a moved server, or of a realm that was created again.

Nothing is written to Keycloak. Clients are the same by their client ids; objects with new ids are removed from the state by
the next ``pulumi refresh``, and found by their marks at ``pulumi up``.
https://www.pulumi.com/docs/iac/concepts/state-and-backends/#editing-state-manually
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import gmtime, strftime
from typing import Any

from exchange.stack.stack import NAMESPACE, STACK, Pulumi, StackProblem
from exchange.stack.state import Json, State, is_here
from kcadmin.marks import packed
from kcadmin.objects.realm import realm_for
from kcadmin.rest.config_secrets import SECRETS
from kcadmin.rest.errors import Refusal, sentence
from kcadmin.rest.given_connection import KEYS
from kcadmin.rest.session import Session
from kcadmin.rest.texts import camel, named
from policy.stack import GRANT, PACKAGE_PROVIDER, PROVIDER

PROVIDERS = {PROVIDER: f"{NAMESPACE}:", PACKAGE_PROVIDER: ""}  # the beginnings of their keys in the config
ISSUER, MANAGEMENT = "issuer", "management_uuid"
CONNECTION = tuple(key for key in KEYS if key not in ("name", *SECRETS))
"""The config keys of the connection that are not secret."""


@dataclass(frozen=True)
class ClientMove:
    """A client of a stack: the UUIDs that the state holds (none where a list leaves open whose is whose), and today's."""

    client_id: str
    old: tuple[str, ...]
    new: str

    @property
    def is_same(self) -> bool:
        return self.old == (self.new,)


@dataclass(frozen=True)
class RealmMove:
    """A realm of a stack: the issuers that the state holds, today's, and its clients."""

    realm: str
    old: tuple[str, ...]
    new: str
    clients: tuple[ClientMove, ...]

    @property
    def uuids(self) -> dict[str, str]:
        """Each UUID that changed, with the new one."""
        return {old: client.new for client in self.clients for old in client.old if old != client.new}


def compare_server(session: Session, state: State) -> tuple[list[RealmMove], list[str]]:
    """What the server has for each realm and client of the stack, and what prevents a rebind."""
    moves, faults = [], []
    for name, all_props in sorted(state.realms().items()):
        realm = realm_for(session, name)
        try:
            identity = realm.identity()
        except Refusal as problem:
            faults.append(str(problem))
            continue
        known: dict[str, set[str]] = {
            realm.management_client_id: {str(p[MANAGEMENT]) for p in all_props if MANAGEMENT in p}
        }
        for client_id, uuid in (pair for props in all_props for pair in _clients(props)):
            known.setdefault(client_id, set()).update([uuid] if uuid else [])
        found = {client_id: realm.clients.find(client_id) for client_id in sorted(known)}
        remedy = (
            f"point url at the stack's own server instead of {named(session.connection.url)}, or make the client first"
        )
        faults += [
            sentence("client", each, name, "is in the stack but not on this server", remedy)
            for each, client in found.items()
            if client is None
        ]
        moves.append(
            RealmMove(
                name,
                tuple(sorted({str(props[ISSUER]) for props in all_props if props.get(ISSUER)})),
                identity.issuer,
                tuple(
                    ClientMove(client_id, tuple(sorted(known[client_id])), client.uuid)
                    for client_id, client in found.items()
                    if client
                ),
            )
        )
    return moves, faults


def rebound(state: State, moves: Sequence[RealmMove], url: str, config: Mapping[str, str]) -> Json:
    """The state's document with today's issuers, UUIDs, address and connection; the same where the server is.

    :param config: the stack's, whose connection ``pulumi refresh`` and ``destroy`` would else take from their last ``up``.
    """
    document = deepcopy(state.document)
    by_realm = {move.realm: move for move in moves}
    everywhere = {old: new for move in moves for old, new in move.uuids.items()}
    for each in State("", document).resources:
        props = [each.get("inputs") or {}, each.get("outputs") or {}]
        move = next(
            (by_realm[realm] for realm in (str(part.get("realm")) for part in props) if realm in by_realm), None
        )
        if each["type"] in packed.HOLDERS and move:
            _rebind_packed(each, move)
        elif is_here(each) and move:
            _rebind_object(each, move)
        elif each["type"] in (STACK, GRANT) and each.get("outputs"):
            each["outputs"] = _swapped(each["outputs"], everywhere)
            if isinstance(each["outputs"].get("keycloak"), dict):
                each["outputs"]["keycloak"]["url"] = url
        elif each["type"] == PROVIDER or (each["type"] == PACKAGE_PROVIDER and not packed.explicit_name(each["urn"])):
            prefix = PROVIDERS[each["type"]]
            for part in props:
                today = {f"{prefix}{key}": config[key] for key in CONNECTION if key in config}
                part |= {key: value for key, value in today.items() if isinstance(part.get(key), str)}
    return document


def as_lines(state: State, moves: Sequence[RealmMove], document: Json) -> list[str]:
    """What was found, for people."""
    lines = []
    for move in moves:
        lines.append(f"realm {named(move.realm)}")
        old = ", ".join(move.old) or "none"
        lines.append(f"  issuer  {old}, the same" if move.old == (move.new,) else f"  issuer  {old} → {move.new}")
        lines += [f"  client {named(client.client_id)}  {_told(client)}" for client in move.clients]
    changed = _changed(state, document)
    told = f"{changed} resource{'s' * (changed != 1)} of the state get today's issuer, UUIDs and address."
    return [
        *lines,
        f"stack {named(state.name)}: {told if changed else 'its state is of this server already; nothing to do.'}",
    ]


def as_json(state: State, moves: Sequence[RealmMove], document: Json, backup: Path | None) -> str:
    """The moves, and with a backup that they were made, for programs."""
    realms = [
        {
            "realm": move.realm,
            "issuer": {"old": list(move.old), "new": move.new},
            "clients": [
                {"clientId": client.client_id, "old": list(client.old), "new": client.new} for client in move.clients
            ],
        }
        for move in moves
    ]
    found = {"stack": state.name, "realms": realms, "resources": _changed(state, document)}
    return json.dumps({**found, "backup": str(backup) if backup else None}, indent=2)


def store(run: Pulumi, chosen: Sequence[str], old: State, document: Json, backup: Path | None) -> Path:
    """Keeps the old state in a file and imports the new one. :raises StackProblem: somebody changed the state meanwhile."""
    kept = backup or Path(f"{old.name}-{strftime('%Y%m%dT%H%M%SZ', gmtime())}.state.json")
    try:
        _write_private(kept, old.text)
    except OSError as problem:
        raise StackProblem(
            f"backup {named(kept)}: cannot be written ({problem.strerror}); choose another with --backup."
        ) from None
    if json.loads(run(["stack", "export", *chosen])) != old.document:
        raise StackProblem(f"stack {named(old.name)}: its state was changed meanwhile; run this again.")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "state.json"
        _write_private(file, json.dumps(document))
        run(["stack", "import", "--file", str(file), *chosen])
    return kept


def _told(client: ClientMove) -> str:
    if client.is_same:
        return f"{client.new}, the same"
    return f"{', '.join(client.old)} → {client.new}" if client.old else client.new


def _changed(state: State, document: Json) -> int:
    pairs = zip(state.resources, State("", document).resources, strict=True)
    return sum(old != new for old, new in pairs)


def _rebind_object(resource: Json, move: RealmMove) -> None:
    today = {client.client_id: client.new for client in move.clients}
    resource["id"] = _swapped(resource.get("id"), move.uuids)
    there = packed.as_dynamic(resource)
    name = str if there is resource else camel
    for part in ("inputs", "outputs"):
        resource[part] = {name(key): each for key, each in _rebound(there.get(part) or {}, move, today).items()}


def _rebind_packed(resource: Json, move: RealmMove) -> None:
    today = {client.client_id: client.new for client in move.clients}
    for part in ("inputs", "outputs"):
        props = resource.get(part) or {}
        parts = {
            place: replace(each, props=_rebound(each.props, move, today), id=_swapped(each.id, move.uuids))
            for place, each in packed.parts_in(props).items()
        }
        grants = _swapped(packed.packed_grants(props), move.uuids)
        resource[part] = {**props, **packed.pack(parts, grants)}


def _rebound(props: Json, move: RealmMove, today: Mapping[str, str]) -> Json:
    props = _swapped(props, move.uuids)
    for names, key in _lists(props):
        props[key] = sorted(today[name] for name in props[names])
    if props.get(ISSUER):
        props[ISSUER] = move.new
    return props


def _clients(props: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Client id and UUID, by the names of the properties: ``client_id`` and ``client_uuid``, ``clients`` and ``client_uuids``."""
    for key, value in props.items():
        stem = key.removesuffix("_uuid")
        if stem != key and isinstance(value, str):
            name = props.get(stem, props.get(f"{stem}_id"))
            if isinstance(name, str):
                yield name, value
    for names, key in _lists(props):  # each is sorted by itself
        alone = props[key][0] if len(props[key]) == 1 else None
        yield from ((name, alone) for name in props[names])


def _lists(props: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = [(f"{key.removesuffix('_uuids')}s", key) for key in props if key.endswith("_uuids")]
    return [pair for pair in pairs if all(isinstance(props.get(each), list) for each in pair)]


def _swapped(value: Any, uuids: Mapping[str, str]) -> Any:
    """A value with old UUIDs replaced, all at once, also where they are a part of an id or a name."""
    if isinstance(value, str) and uuids:
        return re.sub("|".join(map(re.escape, uuids)), lambda found: uuids[found.group()], value)
    if isinstance(value, dict):
        return {key: _swapped(each, uuids) for key, each in value.items()}
    if isinstance(value, list):
        return [_swapped(each, uuids) for each in value]
    return value


def _write_private(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text)
