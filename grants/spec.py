"""A grant as people write it: in a stack's config (camelCase) or as Python arguments (snake_case)."""

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, get_type_hints

from grants.conditions import RequiredRole, TimeWindow, read_roles, read_window
from grants.fault import GrantFault, subject
from grants.unquoted import day_of, in_quotes, is_a_day, no_day
from kcadmin.marks.proposals import HOLDS_SEPARATOR
from kcadmin.objects.client_scopes import scope_token
from kcadmin.rest import texts
from kcadmin.rest.texts import camel, shown, snake, unfit
from kcadmin.writes.executors import CHANGED

RECIPIENT, REQUESTER = "recipient", "requester"
EXCHANGES = ("auto", "standard", "legacy")
GUARDS = REQUESTERS, SOURCES, NO_WIDER_SCOPES = "requesters", "sources", "noWiderScopes"
NAME_LIMIT = 255
OWNER_LIMIT = 150
LIFESPAN_LIMIT = 2**31 - 1
MAPPER, OPTIONAL_SCOPE = "mapper", "optionalScope"
MIGRATIONS = MAPPERS, BOTH = "mappers", "both"
KEEP = "keep"
NO_KEYS = frozenset({"scoped", "late", "place", "kept_scope"})  # of a grant, given by the stack or the program
NO_KEEP_IN_LEGACY = (
    "onRemove is keep, but no other tool can take over the policies of a legacy grant",
    "choose restore or revoke, or set exchange: standard",
)
NO_SWITCH_IN_LEGACY = ("manageSwitch is false, but the legacy exchange has no switch", "leave it out")
NO_TIME_IN_STANDARD = (
    "sets timeWindow, but Keycloak's standard exchange has no condition on time",
    "leave it out and switch the grant by schedule, or use exchange: legacy where the server offers it",
)


@dataclass(frozen=True)
class GrantSpec:
    """Who may act for whom.

    sources, target, requester: client ids. flows: who calls the token endpoint, ``recipient`` (the target) or ``requester``
    (each source); none with a third client as requester. exchange: ``auto``, ``standard`` or ``legacy``. required_roles: users
    must hold one of them. audience: which tokens of the source name the target, all (``mapper``) or only those requested with a
    scope (``optionalScope``). scope: the name of the client scope that adds it; an existing one is used as it is.
    token_lifespan: seconds. migration: from legacy to standard. ``mappers``: legacy still answers, beside what standard
    needs. ``both``: standard answers, and the legacy parts still exist. accept_policy_changes: fields of clients
    that the realm's client policies may change when the grant's parts are written.
    """

    name: str
    sources: tuple[str, ...]
    target: str
    realm: str
    owner: str
    flows: tuple[str, ...] = ()
    requester: str | None = None
    exchange: str = "auto"
    migration: str | None = None
    required_roles: tuple[RequiredRole, ...] = ()
    audience: str = MAPPER
    scope: str | None = None
    exact_audience: bool = False
    restrict_full_scope: bool = False
    token_lifespan: int | None = None
    time_window: TimeWindow | None = None
    allow_refresh: bool = False
    allow_public_source: bool = False
    manage_switch: bool = True
    on_remove: str = "restore"
    adopt: bool = False
    prove: bool = False
    protect: bool = False
    accept_policy_changes: tuple[str, ...] = ()
    reason: str | None = None
    review_by: str | None = None
    scoped: bool = False  # the stack's guard noWiderScopes leaves out mappers that are not in client scopes
    late: bool = False  # its clients come in the same run, so its parts are its own
    place: str = field(default="", compare=False)  # the file and the line that it is in, as sentences name them
    kept_scope: str = ""  # the name of the grant's client scope in the stack's state, made under a former owner

    @property
    def grant_owner(self) -> str:
        """The owner of objects that belong to this grant alone."""
        return f"{self.owner}#{self.name}"

    @property
    def shared_owner(self) -> str:
        """The owner of what grants share. Late grants share it on the server only, each by a claim of its own."""
        return self.grant_owner if self.late else self.owner

    def clients(self) -> frozenset[tuple[str, str]]:
        """The clients that the grant names, as (realm, client id)."""
        return self._clients

    @functools.cached_property
    def _clients(self) -> frozenset[tuple[str, str]]:
        roles = {role.client for role in self.required_roles if role.client}
        named = {*self.sources, self.target, *([self.requester] if self.requester else []), *roles}
        return frozenset((self.realm, client_id) for client_id in named)

    def describe(self, wrong: str, remedy: str) -> str:
        """A fault of this grant, in one sentence."""
        return GrantFault(self.name, self.realm, f"{wrong}; {remedy}", self.place)

    def note(self, text: str) -> str:
        """What people should know about this grant."""
        return f"note on {subject(self.name, self.realm)}: {text}."


def read_grant(
    raw: Mapping[str, Any], defaults: Mapping[str, Any], position: int = 0, place: str = ""
) -> tuple[GrantSpec | None, list[str]]:
    """A grant from its camelCase keys, or what is wrong with it, all at once.

    :param defaults: ``realm``, ``exchange`` and ``owner`` of the stack. place: the file and the line that it is in, if any.
    """
    types = _types()
    values: dict[str, Any] = {**{key: value for key, value in defaults.items() if value}}
    faults: list[str] = []
    for key, value in raw.items():
        name = snake(key) if isinstance(key, str) else str(key)
        if name not in types or key != camel(name):
            faults.append(f"has the unknown key {shown(key)}; {_suggestion(str(key), types)}")
        elif value is not None:
            checked, fault = _checked(key, day_of(value) if name == "review_by" else value, types[name])
            values[name] = checked
            faults += [fault] if fault else []
    faults += _missing(values)
    if faults:
        return None, _told({**defaults, **raw}, faults, position, place)
    return checked_grant(values, place)


def checked_grant(values: Mapping[str, Any], place: str = "") -> tuple[GrantSpec | None, list[str]]:
    """A grant from its fields, or what is wrong with it; None is unset, and flows default to ``recipient``."""
    typed: dict[str, Any] = {}
    faults: list[str] = []
    for name, value in values.items():
        if value is not None:
            typed[name], fault = (value, None) if value == () else _checked(camel(name), value, _types()[name])
            faults += [fault] if fault else []
    faults += _missing(typed)
    if faults:
        return None, _told(values, faults, place=place)
    spec = GrantSpec(**typed, place=place)
    if not spec.requester and not spec.flows:
        spec = replace(spec, flows=(RECIPIENT,))
    faults = [spec.describe(*fault) for fault in _faults(spec)]
    return (None, faults) if faults else (spec, [])


def _missing(values: Mapping[str, Any]) -> list[str]:
    needed = [each.name for each in fields(GrantSpec) if each.default is MISSING]
    return [f"has no {camel(field)}; set it" for field in needed if field not in values]


def _told(named: Mapping[str, Any], faults: Sequence[str], position: int = 0, place: str = "") -> list[str]:
    """Faults of a grant that could not be read, with its name and realm if they are texts."""
    name, realm = (text if isinstance(text, str) and text.strip() else "" for text in map(named.get, ("name", "realm")))
    who = subject(name or f"#{position + 1}", realm or "?", place)
    return [f"{who}: {fault}{'' if fault.endswith('?') else '.'}" for fault in dict.fromkeys(faults)]


def _faults(spec: GrantSpec) -> Iterator[tuple[str, str]]:
    for key in ("name", "target", "realm", "requester", "owner"):
        value = getattr(spec, key)
        if value is not None and (not value.strip() or (len(value) > NAME_LIMIT and key != "owner")):
            yield f"{key} has {len(value)} characters", f"give it 1 to {NAME_LIMIT}"
    for key in ("name", "target", "realm", "requester", "owner", "reason", "review_by"):
        if wrong := unfit(getattr(spec, key) or "", lines=key == "reason"):
            yield f"{camel(key)} {wrong}", "correct it"
    if spec.review_by is not None and no_day(spec.review_by):
        yield f"reviewBy is {shown(spec.review_by)}, which is not a day", "give one such as 2027-06-30, or leave it out"
    for key in ("name", "owner"):
        if "#" in getattr(spec, key):
            yield f"{key} {HOLDS_SEPARATOR[0]}", HOLDS_SEPARATOR[1]
    if len(spec.grant_owner) > OWNER_LIMIT and len(spec.name) <= NAME_LIMIT:
        yield (
            f"owner {shown(spec.owner)} and name have {len(spec.grant_owner)} characters",
            f"shorten them to {OWNER_LIMIT}",
        )
    if not spec.sources:
        yield "sources is empty", "name at least one client"
    for key in ("sources", "flows"):
        for each in sorted(each for each, times in Counter(getattr(spec, key)).items() if times > 1):
            yield f"{key} contains {shown(each)} twice", "list it once"
    for wrong in sorted({unfit(source) or "" for source in spec.sources} - {""}):
        yield f"sources {wrong}", "leave it out"
    if any(not source.strip() or len(source) > NAME_LIMIT for source in spec.sources):
        yield "sources contains an empty or too long name", f"give each 1 to {NAME_LIMIT} characters"
    if spec.target in spec.sources:
        yield f"target {shown(spec.target)} is also a source", "name two clients"
    if spec.requester and spec.flows:
        yield (
            f"sets flows {', '.join(map(shown, spec.flows))} beside requester {shown(spec.requester)}",
            "keep one of them",
        )
    if spec.requester in spec.sources:
        yield f"requester {shown(spec.requester)} is a source", "leave requester out and set flows: [requester]"
    if spec.requester == spec.target:
        yield f"requester {shown(spec.requester)} is the target", "leave requester out and set flows: [recipient]"
    for flow in dict.fromkeys(spec.flows):
        if flow not in (RECIPIENT, REQUESTER):
            yield f"flows holds {shown(flow)}", f"choose from {RECIPIENT}, {REQUESTER}"
    if spec.exchange not in EXCHANGES:
        yield f"exchange is {shown(spec.exchange)}", f"choose one of {', '.join(EXCHANGES)}"
    if spec.on_remove not in ("restore", "revoke", KEEP):
        yield f"onRemove is {shown(spec.on_remove)}", "choose restore, revoke or keep"
    if spec.on_remove == KEEP and (spec.exchange == "legacy" or spec.migration):
        yield NO_KEEP_IN_LEGACY
    if spec.audience not in (MAPPER, OPTIONAL_SCOPE):
        yield f"audience is {shown(spec.audience)}", f"choose {MAPPER} or {OPTIONAL_SCOPE}"
    if spec.scope is not None and (scope_token(spec.scope) != spec.scope or not 0 < len(spec.scope) <= NAME_LIMIT):
        yield (
            f"scope is {shown(spec.scope)}, which is not a valid scope name",
            "give it 1 to 255 characters without spaces",
        )
    if spec.scope and spec.exchange == "legacy" and spec.flows == (REQUESTER,) and not spec.required_roles:
        yield "sets scope, which the legacy exchange ignores in the requester flow", "leave it out"
    if spec.token_lifespan is not None and not 0 < spec.token_lifespan <= LIFESPAN_LIMIT:
        yield f"tokenLifespan is {spec.token_lifespan}", f"give seconds, 1 to {LIFESPAN_LIMIT}"
    conditional = spec.required_roles or spec.audience == OPTIONAL_SCOPE
    if spec.restrict_full_scope and not (conditional or spec.exact_audience):
        yield (
            "sets restrictFullScope, which serves requiredRoles, audience: optionalScope and exactAudience only",
            "set one of them, or leave it out",
        )
    if spec.exchange == "legacy" and not spec.manage_switch:
        yield NO_SWITCH_IN_LEGACY
    if spec.exchange == "standard" and spec.time_window:
        yield NO_TIME_IN_STANDARD
    for each in dict.fromkeys(spec.accept_policy_changes):
        if each not in CHANGED:
            yield (
                f"acceptPolicyChanges holds {shown(each)}, which no client policy changes",
                f"choose from {', '.join(sorted(CHANGED))}",
            )
    yield from _migration_faults(spec)
    if spec.time_window and RECIPIENT in spec.flows:
        yield (
            "sets timeWindow, but the legacy exchange evaluates no policy in the recipient flow",
            "let the source ask with flows: [requester]",
        )


def _migration_faults(spec: GrantSpec) -> Iterator[tuple[str, str]]:
    if spec.migration is None:
        return
    if spec.migration not in MIGRATIONS:
        yield f"migration is {shown(spec.migration)}", f"choose {' or '.join(MIGRATIONS)}, or leave it out"
    if spec.exchange == "standard":
        yield "sets migration, which ends with exchange: standard", "leave migration out"
    if spec.exchange == "auto" and not spec.manage_switch:  # with legacy, a fault already
        yield (
            "sets migration, but manageSwitch is false",
            "leave manageSwitch out, since the migration is by the switch",
        )
    if spec.time_window:
        yield NO_TIME_IN_STANDARD


def _checked(key: str, value: Any, type_: Any) -> tuple[Any, str | None]:
    if type_ is bool:
        return value, None if isinstance(value, bool) else f"{key} is {shown(value)}; set true or false"
    if type_ == tuple[RequiredRole, ...]:
        return read_roles(key, value)
    if type_ == TimeWindow | None:
        return read_window(key, value)
    if type_ == int | None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value, None if whole else f"{key} is {shown(value)}; give a whole number"
    if type_ == tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not all(
            isinstance(each, str) and not is_a_day(each) for each in value
        ):
            return (), f"{key} is {shown(value)}; give a list of names{in_quotes(value)}"
        return tuple(value), None
    is_text = isinstance(value, str) and not is_a_day(value)
    return value, None if is_text else f"{key} is {shown(value)}; give a text{in_quotes(value)}"


def _suggestion(key: str, types: Mapping[str, Any]) -> str:
    known = [camel(field) for field in types]
    return texts.meant(camel(snake(key)), known) or f"known are {', '.join(known)}"


@functools.cache
def _types() -> dict[str, Any]:
    return {key: type_ for key, type_ in get_type_hints(GrantSpec).items() if key not in NO_KEYS}
