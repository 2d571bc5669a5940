"""Whether a fresh token of a client names another one in ``aud``, and if not, why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exchange.diagnosis.finding import Finding, Question
from kcadmin.audiences import FULL_SCOPE
from kcadmin.client_scopes import DEFAULT, OPTIONAL, audience_mappers
from kcadmin.clients import Client
from kcadmin.error_catalogue import EXCHANGED, SUBJECT
from kcadmin.mappers import AUDIENCE_MAPPER, LIGHTWEIGHT_CLAIM, LIGHTWEIGHT_TOKENS, AudienceMapper

TOKEN_CLAIM = "access.token.claim"  # noqa: S105  # a setting's name


@dataclass(frozen=True)
class Naming:
    """holder's tokens should name ``named``. scope: what is asked for besides the defaults. so: what follows if not."""

    holder: Client
    named: str
    scope: str | None
    token: str
    so: str


def subject_audience(q: Question) -> Iterator[Finding]:
    """The subject token names the requester."""
    if q.source and q.requester:
        so = f"'{q.case.requester}' may not exchange its tokens"
        yield from _names(q, Naming(q.source, q.case.requester, q.case.login_scope, SUBJECT, so))


def exchanged_audience(q: Question) -> Iterator[Finding]:
    """The exchanged token names the target."""
    if q.requester and q.target:
        asked = q.asks or q.case.audience
        so = f"it gets none for '{q.case.target}'" if asked else "an API that looks at aud refuses the exchanged token"
        yield from _names(q, Naming(q.requester, q.case.target, q.case.exchange_scope, EXCHANGED, so))


def subject_is_foreign(q: Question) -> bool:
    """Whether the subject token must name the requester: the legacy exchange to another client does not look."""
    return q.foreign and not (q.legacy and q.asks)


def must_name_target(q: Question) -> bool:
    """Whether the requester's own token must name the target: not for the legacy exchange to another client."""
    return not (q.legacy and q.asks)


def _names(q: Question, naming: Naming) -> Iterator[Finding]:
    token = q.fresh_token(naming.holder, naming.scope)
    if token is not None and naming.named in token.aud:
        return
    reasons = list(_reasons(q, naming))
    if token is None and any(reason is None for reason in reasons):
        return  # nothing could be computed, and a mapper stands there as it should
    found = [reason for reason in reasons if reason]
    if not found and token is not None and None in reasons:
        aud = ", ".join(token.aud) or "nobody"
        wrong = f"has a mapper for '{naming.named}', but its fresh tokens name {aud} in aud, so {naming.so}"
        remedy = "look at its other mappers, and at the client policies"
        yield _at(q, naming, "audience-missing", wrong, remedy, "aud", aud, mended=False)
    yield from found or ([] if None in reasons else [_missing(q, naming)])


def _reasons(q: Question, naming: Naming) -> Iterator[Finding | None]:
    """Each thing that ought to name the client and does not; None for one that does."""
    yield from _lightweight(q, naming)
    for mapper in _own(naming.holder):
        if naming.named in (mapper.included_client, mapper.custom_audience):
            place = f"protocolMappers[{mapper.name}].{TOKEN_CLAIM}"
            wrong = f"has the audience mapper '{mapper.name}' for '{naming.named}' switched off for access tokens"
            yield (
                None
                if mapper.access_token
                else _at(q, naming, "mapper-off", wrong, f"switch on {TOKEN_CLAIM} of that mapper", place, "false")
            )
    yield from _of_others(q, naming)
    yield from _of_scopes(q, naming)
    yield from _by_roles(q, naming)


def _lightweight(q: Question, naming: Naming) -> Iterator[Finding]:
    if not naming.holder.is_on(LIGHTWEIGHT_TOKENS):
        return
    for mapper in _own(naming.holder):
        named = naming.named in (mapper.included_client, mapper.custom_audience)
        if named and mapper.access_token and [LIGHTWEIGHT_CLAIM, "true"] not in [[*each] for each in mapper.stored]:
            wrong = f"issues lightweight tokens, which leave out the audience mapper '{mapper.name}'"
            remedy = f"switch on {LIGHTWEIGHT_CLAIM} of that mapper, or switch off lightweight access tokens"
            yield _at(q, naming, "mapper-lightweight", wrong, remedy, LIGHTWEIGHT_TOKENS, "true", mended=False)


def _of_scopes(q: Question, naming: Naming) -> Iterator[Finding | None]:
    holder, asked = naming.holder, (naming.scope or "").split()
    held = {name: kind for kind in (DEFAULT, OPTIONAL) for name in holder.value(f"{kind}ClientScopes") or ()}
    for scope in q.look.scopes():
        name = str(scope["name"])
        mappers = [
            each for each in audience_mappers(scope) if naming.named in (each.included_client, each.custom_audience)
        ]
        if not mappers:
            continue
        if name not in held:
            wrong = f"does not hold the client scope '{name}', which names '{naming.named}'"
            remedy = f"add it under Clients → {holder.client_id} → Client scopes"
            yield _at(q, naming, "scope-not-held", wrong, remedy, f"{DEFAULT}ClientScopes", ", ".join(held))
        elif not any(each.access_token for each in mappers):
            wrong = (
                f"holds the client scope '{name}', whose mapper '{mappers[0].name}' is switched off for access tokens"
            )
            place = f"clientScopes[{name}].protocolMappers[{mappers[0].name}].{TOKEN_CLAIM}"
            yield _at(q, naming, "mapper-off", wrong, f"switch on {TOKEN_CLAIM} of that mapper", place, "false")
        elif held[name] == OPTIONAL and name not in asked:
            wrong = f"holds the client scope '{name}' for '{naming.named}' as an optional one, which nobody asks for"
            where = "the login" if naming.token == SUBJECT else "the exchange"
            remedy = f"send scope={name} at {where}, or make it a default scope"
            yield _at(q, naming, "scope-on-request", wrong, remedy, f"{OPTIONAL}ClientScopes", name, mended=False)
        else:
            yield from _of_roles(q, naming, scope)


def _of_roles(q: Question, naming: Naming, scope: Mapping[str, Any]) -> Iterator[Finding | None]:
    """A client scope counts only for users who hold one of its roles."""
    roles = q.look.scope_roles(str(scope["id"]))
    if not roles:
        yield None
        return
    words = ", ".join(f"{client}/{role}" if client else role for client, role in roles)
    user, meant = q.subject_user()
    if user is not None and meant:
        if any(role in q.look.roles_of(str(user["id"]), client).values() for client, role in roles):
            yield None
            return
        wrong = f"holds none of the roles ({words}) for which '{naming.holder.client_id}' names '{naming.named}' in its tokens"
        remedy = "give the user one under Users → Role mapping, or change the grant's requiredRoles"
        yield q.found(
            "user-role", "user", str(q.as_user), wrong, remedy, field="roles", value=words, token=naming.token
        )
        return
    wrong = f"names '{naming.named}' only for users who hold one of {words}"
    remedy = "give --as-user NAME to see whether the user does"
    yield _at(
        q, naming, "user-role", wrong, remedy, f"clientScopes[{scope['name']}].roles", words, mended=False, sure=False
    )


def _of_others(q: Question, naming: Naming) -> Iterator[Finding]:
    """Mappers that name nobody, or that are called after the client and name another."""
    for mapper in _own(naming.holder):
        named = mapper.included_client
        if not named or named == naming.named:
            continue
        place = f"protocolMappers[{mapper.name}].included.client.audience"
        if q.look.client(named) is None:
            wrong = f"names '{named}' by its audience mapper '{mapper.name}', and there is no such client any more"
            remedy = f"let the mapper name '{naming.named}'; a mapper does not follow a client that is renamed"
            yield _at(q, naming, "mapper-names-nobody", wrong, remedy, place, named)
        elif naming.named in mapper.name:
            wrong = f"names '{named}' by its audience mapper '{mapper.name}', and not '{naming.named}'"
            yield _at(q, naming, "mapper-names-another", wrong, f"let the mapper name '{naming.named}'", place, named)


def _by_roles(q: Question, naming: Naming) -> Iterator[Finding]:
    """Without a mapper, a client role that the user holds names its client; not when full scope is off."""
    named = q.look.client(naming.named)
    holder = naming.holder
    if named is None or named.uuid == holder.uuid or holder.is_on(FULL_SCOPE) or not q.look.has_client_roles(named):
        return
    if any(naming.named in (each.included_client, each.custom_audience) for each in _own(holder)):
        return
    wrong = f"has full scope switched off and no role of '{naming.named}' mapped, so its tokens carry none of them"
    remedy = (
        f"add an audience mapper for '{naming.named}', or map one of its roles under Client scopes → dedicated → Scope"
    )
    yield _at(q, naming, "full-scope-off", wrong, remedy, FULL_SCOPE, "false")


def _missing(q: Question, naming: Naming) -> Finding:
    others = sorted({each.included_client or each.custom_audience or "" for each in _own(naming.holder)} - {""})
    known = f"its audience mappers name {', '.join(others)}" if others else "it has no audience mapper"
    wrong = f"names '{naming.named}' nowhere: {known}"
    remedy = f"add an audience mapper for '{naming.named}' under Clients → {naming.holder.client_id} → Client scopes → dedicated"
    return _at(q, naming, "mapper-missing", wrong, remedy, "protocolMappers", ", ".join(others))


def _own(client: Client) -> list[AudienceMapper]:
    return [AudienceMapper.read(each) for each in client.mappers if each["protocolMapper"] == AUDIENCE_MAPPER]


def _at(
    q: Question,
    naming: Naming,
    cause: str,
    wrong: str,
    remedy: str,
    place: str,
    value: str,
    *,
    mended: bool = True,
    sure: bool = True,
) -> Finding:
    said = wrong if naming.so in wrong else f"{wrong}, so {naming.so}"
    again = q.declared(remedy) if mended else remedy
    name = naming.holder.client_id
    return q.found(cause, "client", name, said, again, field=place, value=value, token=naming.token, sure=sure)
