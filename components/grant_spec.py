"""A grant as people write it: in a stack's config (camelCase) or as Python arguments (snake_case)."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, get_type_hints

RECIPIENT, REQUESTER = "recipient", "requester"
EXCHANGES = ("auto", "standard", "legacy")
NAME_LIMIT = 255
OWNER_LIMIT = 150


@dataclass(frozen=True)
class GrantSpec:
    """Who may act for whom.

    sources, target, requester: client ids. flows: who calls the token endpoint, ``recipient`` (the target) or ``requester``
    (each source); none with a third client as requester. exchange: ``auto``, ``standard`` or ``legacy``.
    """

    name: str
    sources: tuple[str, ...]
    target: str
    realm: str
    owner: str
    flows: tuple[str, ...] = ()
    requester: str | None = None
    exchange: str = "auto"
    allow_refresh: bool = False
    allow_public_source: bool = False
    manage_switch: bool = True
    on_remove: str = "restore"
    adopt: bool = False
    prove: bool = False
    reason: str | None = None
    review_by: str | None = None

    @property
    def grant_owner(self) -> str:
        """The owner of what belongs to this grant alone."""
        return f"{self.owner}#{self.name}"

    def clients(self) -> frozenset[tuple[str, str]]:
        """The clients that the grant names, as (realm, client id)."""
        named = {*self.sources, self.target, *([self.requester] if self.requester else [])}
        return frozenset((self.realm, client_id) for client_id in named)

    def describe(self, wrong: str, remedy: str) -> str:
        """A fault of this grant, in one sentence."""
        return f"grant '{self.name}' in realm '{self.realm}': {wrong}; {remedy}."


def read_grant(
    raw: Mapping[str, Any], defaults: Mapping[str, Any], position: int = 0
) -> tuple[GrantSpec | None, list[str]]:
    """A grant from its camelCase keys, or what is wrong with it, all at once.

    :param defaults: ``realm``, ``exchange`` and ``owner`` of the stack.
    """
    name = raw.get("name") if isinstance(raw.get("name"), str) and str(raw.get("name")).strip() else f"#{position + 1}"
    realm = raw.get("realm") or defaults.get("realm") or "?"
    types = get_type_hints(GrantSpec)
    values: dict[str, Any] = {**{key: value for key, value in defaults.items() if value}}
    faults: list[str] = []
    for key, value in raw.items():
        field = _snake(key) if isinstance(key, str) else str(key)
        if field not in types or key != _camel(field):
            faults.append(f"has the unknown key '{key}'; {_suggestion(str(key), types)}")
        elif value is not None:
            checked, fault = _checked(key, value, types[field])
            values[field] = checked
            faults += [fault] if fault else []
    for each in fields(GrantSpec):
        if each.default is MISSING and each.name not in values:
            faults.append(f"has no {_camel(each.name)}; set it")
    if faults:
        return None, [
            f"grant '{name}' in realm '{realm}': {fault}{'' if fault.endswith('?') else '.'}" for fault in faults
        ]
    return checked_grant(values)


def checked_grant(values: Mapping[str, Any]) -> tuple[GrantSpec | None, list[str]]:
    """A grant from its fields, or what is wrong with it; flows default to ``recipient``."""
    spec = GrantSpec(**values)
    if not spec.requester and not spec.flows:
        spec = GrantSpec(**{**values, "flows": (RECIPIENT,)})
    faults = [spec.describe(*fault) for fault in _faults(spec)]
    return (None, faults) if faults else (spec, [])


def _faults(spec: GrantSpec) -> Iterator[tuple[str, str]]:
    for key in ("name", "target", "realm", "requester"):
        value = getattr(spec, key)
        if value is not None and (not value.strip() or len(value) > NAME_LIMIT):
            yield f"{key} has {len(value)} characters", f"give it 1 to {NAME_LIMIT}"
    if "#" in spec.name:
        yield "name holds '#', which parts an owner from its grant", "leave it out"
    if len(spec.grant_owner) > OWNER_LIMIT:
        yield f"owner '{spec.owner}' and name have {len(spec.grant_owner)} characters", f"shorten them to {OWNER_LIMIT}"
    if not spec.sources:
        yield "sources is empty", "name at least one client"
    for source in sorted({each for each in spec.sources if spec.sources.count(each) > 1}):
        yield f"sources names '{source}' twice", "name it once"
    if any(not source.strip() or len(source) > NAME_LIMIT for source in spec.sources):
        yield "sources holds an empty or too long name", f"give each 1 to {NAME_LIMIT} characters"
    if spec.target in spec.sources:
        yield f"target '{spec.target}' is also a source", "name two clients"
    if spec.requester and spec.flows:
        yield f"sets flows {', '.join(spec.flows)} beside requester '{spec.requester}'", "keep one of them"
    if spec.requester in spec.sources:
        yield f"requester '{spec.requester}' is a source", "leave requester out and set flows: [requester]"
    if spec.requester == spec.target:
        yield f"requester '{spec.requester}' is the target", "leave requester out and set flows: [recipient]"
    for flow in spec.flows:
        if flow not in (RECIPIENT, REQUESTER):
            yield f"flows holds '{flow}'", f"choose from {RECIPIENT}, {REQUESTER}"
    if spec.exchange not in EXCHANGES:
        yield f"exchange is '{spec.exchange}'", f"choose one of {', '.join(EXCHANGES)}"
    if spec.on_remove not in ("restore", "revoke"):
        yield f"onRemove is '{spec.on_remove}'", "choose restore or revoke"
    if spec.exchange == "legacy" and not spec.manage_switch:
        yield "manageSwitch is false, but the legacy exchange has no switch", "leave it out"


def _checked(key: str, value: Any, type_: Any) -> tuple[Any, str | None]:
    if type_ is bool:
        return value, None if isinstance(value, bool) else f"{key} is {value!r}; set true or false"
    if type_ == tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            return (), f"{key} is {value!r}; give a list of names"
        return tuple(value), None
    return value, None if isinstance(value, str) else f"{key} is {value!r}; give a text"


def _suggestion(key: str, types: Mapping[str, Any]) -> str:
    known = [_camel(field) for field in types]
    close = difflib.get_close_matches(_camel(_snake(key)), known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"


def _snake(key: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter.group().lower()}", key)


def _camel(field: str) -> str:
    return re.sub(r"_([a-z])", lambda letter: letter.group(1).upper(), field)
