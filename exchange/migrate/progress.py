"""The phase of each grant of a stack, by the stack's config, outputs and state alone.

With ``migration: mappers`` the mappers of the standard exchange exist and legacy answers. With ``migration: both`` standard
answers and the legacy parts exist. With ``exchange: standard`` the migration ends. So a killed migration goes on where it
was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from exchange.stack.stack import StackOutputs, StackProblem, cases_of
from exchange.stack.state import OBJECTS, State
from grants.listed import GRANTS, Listed, listed_grants
from kcadmin.objects.features import LEGACY, STANDARD
from reach.proof import RECIPIENT

MAPPERS, BOTH = "mappers", "both"
AUTO = "auto"


class Stage(IntEnum):
    """How far a grant is. ENDING: its config says standard, and the legacy parts may still exist."""

    LEGACY = 0
    MAPPERS = 1
    BOTH = 2
    ENDING = 3
    STANDARD = 4


@dataclass(frozen=True)
class Call:
    """One exchange of a grant. flow: ``recipient``, ``requester`` or ``third``."""

    flow: str
    source: str
    requester: str


@dataclass(frozen=True)
class Moving:
    """A grant of a stack. listed: in its config or its files; else the stack's program makes it.

    declared: its config. waiting: its config has another exchange than the deployed stack.
    """

    name: str
    realm: str
    sources: tuple[str, ...]
    target: str
    calls: tuple[Call, ...]
    stage: Stage
    listed: bool
    declared: Mapping[str, Any]
    waiting: bool = False

    @property
    def requesters(self) -> tuple[str, ...]:
        """The clients that call the token endpoint."""
        return tuple(dict.fromkeys(call.requester for call in self.calls))

    def asks(self, requester: str) -> bool:
        """Whether a client asks for the target as audience, instead of exchanging what it received."""
        return any(call.requester == requester and call.flow != RECIPIENT for call in self.calls)


@dataclass(frozen=True)
class StackObject:
    """An object of the stack. made: when Pulumi made it, in seconds since 1970; 0 if its state does not have it."""

    kind: str
    name: str
    made: float
    protected: bool
    props: Mapping[str, Any]


def movings(stack: StackOutputs) -> list[Moving]:
    """All grants that the stack was deployed with. :raises StackProblem: the config or the outputs cannot be read."""
    listed = {str(each.given.get("name")): each.given for each in listed_in(stack.config)}
    usual = stack.config.get("exchange") or AUTO
    found = []
    for name, deployed in stack.grants.items():
        declared = listed.get(name, {})
        stage, waiting = stage_of(declared, usual, deployed)
        calls = tuple(Call(case.flow, case.source, case.requester) for case in cases_of(name, deployed))
        sources = tuple(map(str, deployed["sources"]))
        target, realm = str(deployed["target"]), str(deployed["realm"])
        found.append(Moving(name, realm, sources, target, calls, stage, name in listed, declared, waiting))
    return found


def listed_in(config: Mapping[str, str]) -> Sequence[Listed]:
    """The grants that a stack lists; none where its program makes them. :raises StackProblem: they cannot be read."""
    listing = listed_grants({**config, GRANTS: config.get(GRANTS) or "[]"}.get)
    if listing.faults:
        raise StackProblem(*listing.faults)
    return listing.grants


def stage_of(declared: Mapping[str, Any], usual: str, deployed: Mapping[str, Any]) -> tuple[Stage, bool]:
    """How far a grant is, and whether its config waits for an ``up`` that is not part of the migration.

    :param usual: the stack's ``exchange``. deployed: the grant's output.
    """
    wanted, phase = str(declared.get("exchange") or usual), declared.get("migration")
    now, before = deployed.get("exchange"), deployed.get("migration")
    if wanted == STANDARD and (phase or before):
        return Stage.ENDING, False
    if phase in (MAPPERS, BOTH):
        return (Stage.MAPPERS if phase == MAPPERS else Stage.BOTH), False
    stage = Stage.STANDARD if now == STANDARD else Stage.LEGACY
    return stage, bool(before) or (wanted in (STANDARD, LEGACY) and wanted != now)


def groups(of: Iterable[Moving]) -> list[list[Moving]]:
    """Grants that must be switched together: those of a realm that share a requester, directly or through others."""
    found: list[list[Moving]] = []
    for moving in of:
        shares = [group for group in found if any(_share(moving, each) for each in group)]
        found = [group for group in found if group not in shares]
        found.append([*(each for group in shares for each in group), moving])
    return found


def objects_in(state: State) -> list[StackObject]:
    """The Keycloak objects in a stack's state."""
    return [
        StackObject(
            str(each["type"]).removeprefix(OBJECTS),
            str(each["urn"]).split("::", 3)[3],
            _seconds(each.get("created")),
            bool(each.get("protect")),
            {**(each.get("inputs") or {}), **(each.get("outputs") or {})},
        )
        for each in state.each
        if str(each.get("type")).startswith(OBJECTS) and not each.get("delete")
    ]


def made_at(parts: Sequence[StackObject], kind: str, moving: Moving, client: str, **props: str) -> float | None:
    """When the stack made an object of a client; None if it does not exist, or is not the stack's and only used."""
    for part in parts:
        wanted = {"realm": moving.realm, "client_id": client, **props}
        if part.kind == kind and all(part.props.get(key) == value for key, value in wanted.items()):
            return None if part.props.get("found") == "used" else part.made
    return None


def _share(one: Moving, other: Moving) -> bool:
    return one.realm == other.realm and bool(set(one.requesters) & set(other.requesters))


def _seconds(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
