"""What a migration of each legacy grant would do, what its callers will see change, and what blocks it. Nothing is written."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from exchange.migrate import blocks
from exchange.migrate.progress import Call, Moving, StackObject, Stage, groups, made_at
from kcadmin.marks.ownership import hash16, mark_of
from kcadmin.objects.clients import Client
from kcadmin.objects.lifespans import LIFESPAN
from kcadmin.objects.shared_settings import gives_refresh_tokens
from kcadmin.rest.texts import named, quoted
from reach.audiences import added
from reach.proof import RECIPIENT, THIRD
from reach.survey import Survey

MARGIN_SECONDS = 2.0  # between a mapper's creation and the last token without it, on another node of a cluster
LEGACY_KINDS = (
    "ClientPolicy", "ClientScopePolicy", "AggregatePolicy", "TokenExchangePermission", "ManagementPermissions", "RefreshTokensOff"
)  # fmt: skip
Lives = Mapping[tuple[str, str], int | None]


@dataclass(frozen=True)
class Planned:
    """A grant's migration. together: the grants that are switched with it. wait: seconds; None where that cannot be known.

    remains: what this stack did not make, so it stays when the legacy parts are removed.
    """

    grant: Moving
    together: tuple[str, ...]
    wait: float | None
    steps: tuple[str, ...]
    changes: tuple[str, ...]
    blocks: tuple[str, ...]
    notes: tuple[str, ...]
    remains: tuple[str, ...]


def plan_migration(
    moving: Sequence[Moving],
    surveys: Mapping[str, Survey],
    parts: Sequence[StackObject],
    lives: Lives,
    config: Mapping[str, str],
) -> list[Planned]:
    """All grants that have not moved yet.

    :param surveys: by realm. lives: seconds that tokens of a (realm, client) live. config: the stack's.
    """
    return [
        _plan(
            each, group, surveys[each.realm], parts, lives, blocks.Situation(surveys[each.realm], moving, parts, config)
        )
        for group in groups([each for each in moving if each.stage is not Stage.STANDARD])
        for each in group
    ]


def wait_for(
    moving: Moving, parts: Sequence[StackObject], lives: Lives, survey: Survey | None, now: float
) -> float | None:
    """Seconds until no token is left that was issued before the mapper that its exchange needs; None where unknown.

    :param survey: of the realm; it shows mappers that exist already and are not the stack's.
    """
    waits: list[float | None] = [0.0]
    for call in moving.calls:
        audience = call.requester if call.flow in (THIRD, RECIPIENT) else None
        if audience is None or (call.flow == RECIPIENT and needs_scope(moving)):
            continue  # the exchange makes a new token of its own; a scope of the legacy grant exists already
        if not any(_is_mapper(part, moving.realm, call.source, audience) for part in parts):
            is_there = survey is not None and audience in audiences(survey.clients[call.source])
            made: float | None = None if is_there else now
        else:
            made = made_at(parts, "AudienceMapper", moving, call.source, included_client=audience)
        life = lives.get((moving.realm, call.source))
        if made is not None:
            waits.append(None if life is None else max(0.0, made + life + MARGIN_SECONDS - now))
    return None if None in waits else max(each for each in waits if each is not None)


def needs_scope(moving: Moving) -> bool:
    """Whether a client scope names the target, instead of a mapper in every token."""
    return bool(moving.declared.get("requiredRoles")) or moving.declared.get("audience") == "optionalScope"


def audiences(client: Client) -> set[str]:
    """What a client's own mappers put into its access tokens."""
    return {each.audience for each in added(client, {}) if each.audience}


def _plan(
    moving: Moving,
    group: Sequence[Moving],
    survey: Survey,
    parts: Sequence[StackObject],
    lives: Lives,
    facts: blocks.Situation,
) -> Planned:
    wait = wait_for(moving, parts, lives, survey, time.time()) if moving.stage < Stage.BOTH else 0.0
    found = list(blocks.blocks(moving, facts))
    if wait is None:
        found.append(
            "how long tokens of its sources live cannot be read; give --token-lifetime SECONDS, or give the login view-realm"
        )
    together = tuple(each.name for each in group if each.name != moving.name)
    return Planned(
        moving,
        together,
        wait,
        tuple(_steps(moving, survey, parts, wait)),
        tuple(seen_by_callers(moving, survey)),
        tuple(found),
        tuple(blocks.uncertain(moving, facts)),
        tuple(_remains(moving, survey, parts)),
    )


def _steps(moving: Moving, survey: Survey, parts: Sequence[StackObject], wait: float | None) -> Iterator[str]:
    if moving.stage < Stage.BOTH:
        new = [
            f"tokens of {named(client)} get {named(audience)} in aud"
            for client, audience in dict.fromkeys(pair for call in moving.calls for pair in _needed(call, moving))
            if not any(_is_mapper(part, moving.realm, client, audience) for part in parts)
            and not (client in survey.clients and audience in audiences(survey.clients[client]))
        ]
        yield f"mappers: {'; '.join(new) or 'all are there'}"
        if wait is None or wait > 0:
            how_long = "one lifetime of the sources' tokens" if wait is None else f"{wait:.0f} s"
            yield f"wait: {how_long}, until tokens without them have expired"
        yield f"switch: the standard exchange of {quoted(moving.requesters)} on, legacy parts stay"
    if moving.stage < Stage.ENDING:
        yield "watch: until there was no legacy exchange for the grace time; back to legacy if the switch causes a refusal"
    going = [part.name for part in parts if _is_legacy(part, moving)]
    yield f"end: {', '.join(going) + ' go' if going else 'no legacy part is left'}; config says exchange: standard"


def seen_by_callers(moving: Moving, survey: Survey) -> Iterator[str]:
    """What callers will see, claim by claim."""
    asking = [requester for requester in moving.requesters if moving.asks(requester)]
    yield "subject_token_type must be sent; characters 5 and 6 of jti are te instead of na"
    if asking:
        yield f"aud is {named(moving.target)} alone, and resource_access names no other client (when {quoted(asking)} asks)"
    if moving.declared.get("exactAudience") and RECIPIENT in {call.flow for call in moving.calls}:
        yield f"aud is {named(moving.target)} alone only where {named(moving.target)} sends audience={moving.target}"
    for requester in moving.requesters:
        client = survey.clients.get(requester)
        if client and gives_refresh_tokens(client):
            yield _refresh(requester, bool(moving.declared.get("allowRefresh")))
        target = survey.clients.get(moving.target)
        if client and target and moving.asks(requester):
            yield from _settings(client, target, moving)


def _refresh(requester: str, allowed: bool) -> str:
    if allowed:
        return f"{named(requester)} gets a refresh token only where it sends requested_token_type refresh_token"
    return f"{named(requester)} gets no refresh token, and is refused where it sends requested_token_type refresh_token"


def _settings(requester: Client, target: Client, moving: Moving) -> Iterator[str]:
    of_one, of_other = requester.value(LIFESPAN), target.value(LIFESPAN)
    if of_one != of_other and not moving.declared.get("tokenLifespan"):
        one, other = (f"{each} s" if each else "the realm's" for each in (of_one, of_other))
        yield f"lifespan is that of {named(requester.client_id)} ({one}) instead of {named(target.client_id)} ({other})"
    ours, theirs = (set(each.value("defaultClientScopes") or ()) for each in (requester, target))
    if ours != theirs:
        more = [f"more: {', '.join(sorted(ours - theirs))}"] if ours - theirs else []
        less = [f"less: {', '.join(sorted(theirs - ours))}"] if theirs - ours else []
        differing = "; ".join([*more, *less])
        yield (
            f"scopes and their claims are those of {named(requester.client_id)} instead of "
            f"{named(target.client_id)} ({differing})"
        )


def _remains(moving: Moving, survey: Survey, parts: Sequence[StackObject]) -> Iterator[str]:
    for part in parts:
        how = {"used": "unchanged", "adopted": "restored"}.get(str(part.props.get("found")))
        if how and _is_legacy(part, moving) and part.props.get("on_remove") != "revoke":
            yield f"{part.kind} {part.name}: {how}"
    permission = survey.permissions.get(moving.target)
    ours = {hash16(str(part.props.get("owner"))) for part in parts}
    for name in permission.policies if permission else ():
        if mark_of(survey.policies.get(name, {})) not in ours:
            yield f"policy {named(name)} on the token-exchange permission of {named(moving.target)}: not this stack's"


def _needed(call: Call, moving: Moving) -> Iterator[tuple[str, str]]:
    """(client, audience): what the standard exchange needs in every token of a client."""
    if call.flow == THIRD:
        yield call.source, call.requester
    if call.flow == RECIPIENT:
        yield moving.target, moving.target
    if not needs_scope(moving):
        yield (call.source if call.flow == RECIPIENT else call.requester), moving.target


def _is_mapper(part: StackObject, realm: str, client: str, audience: str) -> bool:
    wanted = {"realm": realm, "client_id": client, "included_client": audience}
    return part.kind == "AudienceMapper" and all(part.props.get(key) == value for key, value in wanted.items())


def _is_legacy(part: StackObject, moving: Moving) -> bool:
    """Whether an object of the stack goes with the legacy exchange of a grant."""
    place = f"{moving.realm}/{moving.target}/"
    own = part.name.startswith(f"{place}{moving.name}-") or part.name == f"{place}management-permissions"
    quiet = part.name in [f"{moving.realm}/{requester}/refresh-tokens-off" for requester in moving.requesters]
    return part.kind in LEGACY_KINDS and (own or quiet)
