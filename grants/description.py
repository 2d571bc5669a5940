"""A grant as the state keeps it and as people read it, and what changed in it since the last ``pulumi up``."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from grants.conditions import RequiredRole, TimeWindow
from grants.plan import GrantPlan, scope_name
from grants.spec import NO_KEYS, REQUESTER, GrantSpec
from kcadmin.marks.packed import as_int
from kcadmin.rest.texts import camel

Description = Mapping[str, Any]
OPTIONS = "options"
SHOWN = 20
"""So many grants are listed one by one; of more, their number."""
_PLACES = ("realm", "sources", "target", "exchange")
_OWN_KEYS = {*_PLACES, "migration", "requiredRoles", "exactAudience", "tokenLifespan", "reason"}
_NO_OPTIONS = {"name", "owner", *map(camel, NO_KEYS), *_OWN_KEYS}


def describe(planned: GrantPlan) -> dict[str, Any]:
    """A grant as its component's outputs keep it: docs/reference.md. ``audience`` is what the caller sends.

    ``options``: the other keys of its config that differ from their defaults.
    """
    spec = planned.spec
    flows = {
        (flow.flow, flow.requester, flow.audience): {
            "flow": flow.flow,
            "requester": flow.requester,
            "audience": flow.audience,
            "requestScope": {"name": scope_name(spec), "at": flow.scope_at} if flow.scope_at else None,
        }
        for flow in sorted(planned.flows, key=lambda flow: flow.flow == REQUESTER)
    }
    return {
        "realm": spec.realm,
        "sources": list(spec.sources),
        "target": spec.target,
        "exchange": planned.exchange,
        **({"migration": spec.migration} if spec.migration else {}),
        "flows": list(flows.values()),
        "clients": planned.uuids,
        **({"requiredRoles": [str(role) for role in spec.required_roles]} if spec.required_roles else {}),
        **({"exactAudience": True} if spec.exact_audience else {}),
        **({"tokenLifespan": spec.token_lifespan} if spec.token_lifespan else {}),
        **({"reason": spec.reason} if spec.reason else {}),
        OPTIONS: _options(spec),
    }


def title(planned: GrantPlan) -> str:
    """A grant's name, and who may act for whom."""
    return f"{planned.spec.name}: {line(describe(planned))}"


def line(description: Description) -> str:
    """Who may act for whom, in a line."""
    asked = {flow["requester"]: flow["flow"] for flow in description["flows"]}
    sources = list(description["sources"])
    third = next((who for who, flow in asked.items() if flow == REQUESTER and who not in sources), None)
    flows = dict.fromkeys(flow["flow"] for flow in description["flows"])
    how = f"requester {third}" if third else " and ".join(flows)
    return f"{', '.join(sources)} → {description['target']}, {description['exchange']}, {how}"


@dataclass(frozen=True)
class Changes:
    """Grants against the state, each in a line. same: how many are as they were."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    same: int = 0

    def lines(self) -> list[str]:
        """The lines for a preview; None if no grant changes."""
        kinds = {"new": self.new, "changed": self.changed, "removed": self.removed}
        told = {kind: grants for kind, grants in kinds.items() if grants}
        if not told:
            return []
        counts = [f"{len(grants)} {kind}" for kind, grants in told.items()]
        return [
            f"grants: {', '.join([*counts, f'{self.same} unchanged'])}",
            *(text for kind, grants in told.items() for text in _told(kind, grants)),
        ]


def changes(before: Mapping[str, Description], now: Mapping[str, Description], *, all_of_stack: bool) -> Changes:
    """The changes of grants in a run, by their names. before: from the state, perhaps of an earlier version.

    :param all_of_stack: the stack has no other grants than ``now``, so others of ``before`` are removed.
    """
    new = [f"{name}: {line(each)}" for name, each in now.items() if not before.get(name)]
    differing = {name: list(_differing(before[name], each)) for name, each in now.items() if before.get(name)}
    changed = [f"{name}: {'; '.join(found)}" for name, found in differing.items() if found]
    gone = [name for name in before if name not in now] if all_of_stack else []
    removed = [f"{name}: {line(before[name])}" if before[name] else name for name in gone]
    return Changes(tuple(new), tuple(changed), tuple(removed), len(differing) - len(changed))


def is_other(before: Description | None, now: Description) -> bool:
    """Whether a grant is new or changed. before: by the state."""
    return not before or any(_differing(before, now))


def _told(kind: str, grants: Sequence[str]) -> Iterator[str]:
    yield from (f"  {kind}: {each}" for each in grants[:SHOWN])
    if len(grants) > SHOWN:
        yield f"  {kind}: and {len(grants) - SHOWN} more"


def _differing(before: Description, now: Description) -> Iterator[str]:
    was, will = _keys(before, now), _keys(now, now)
    for key in dict.fromkeys((*will, *was)):
        old, new = was.get(key, _DEFAULTS.get(key)), will.get(key, _DEFAULTS.get(key))
        if old != new:
            yield f"{key} {_shown(old)} → {_shown(new)}"


def _keys(description: Description, like: Description) -> dict[str, Any]:
    """The config keys of a description. Options that an earlier version did not keep count as in ``like``."""
    own = {key: description[key] for key in description if key in _OWN_KEYS}
    return {**own, **(description.get(OPTIONS, like.get(OPTIONS)) or {})}


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "none"
    return value if isinstance(value, str) else json.dumps(as_int(value), ensure_ascii=False)


def _options(spec: GrantSpec) -> dict[str, Any]:
    given = ((key, _plain(getattr(spec, name))) for name, key in _OPTIONAL)
    return {key: value for key, value in given if value != _DEFAULTS[key]}


def _plain(value: Any) -> Any:
    """A value as the state keeps it."""
    if isinstance(value, TimeWindow):
        return {camel(key): text for key, text in asdict(value).items() if text}
    if isinstance(value, tuple):
        return [str(each) if isinstance(each, RequiredRole) else each for each in value]
    return value


_DEFAULTS: dict[str, Any] = {
    camel(each.name): None if each.default is MISSING else _plain(each.default) for each in fields(GrantSpec)
}
_OPTIONAL = [(each.name, key) for each in fields(GrantSpec) if (key := camel(each.name)) not in _NO_OPTIONS]
