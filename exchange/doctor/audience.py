"""Whether a fresh token of a client names another one in ``aud``, and if not, why."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from exchange.doctor.error_catalogue import EXCHANGED, SUBJECT
from exchange.doctor.finding import Finding, Question
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL
from kcadmin.objects.clients import FULL_SCOPE, Client
from kcadmin.objects.mappers import LIGHTWEIGHT_CLAIM, LIGHTWEIGHT_TOKENS, TOKEN_CLAIM, is_set
from kcadmin.rest import texts
from reach.audiences import AS_ISSUED, Added, Shapes, if_held, switched
from reach.held_mappers import AssignedScope, held_scopes
from reach.introspection import introspectors_for

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class ExpectedAudience:
    """holder's tokens should have ``named`` in aud. scope: requested besides the defaults. so: the consequence if they do not."""

    holder: Client
    named: str
    scope: str | None
    token: str
    so: str


def subject_audience(q: Question) -> Iterator[Finding]:
    """The subject token names the requester."""
    if q.source and q.requester:
        so = f"{texts.named(q.case.requester)} may not exchange its tokens"
        yield from _names(q, ExpectedAudience(q.source, q.case.requester, q.case.login_scope, SUBJECT, so))


def exchanged_audience(q: Question) -> Iterator[Finding]:
    """The exchanged token names the target."""
    if q.requester and q.target:
        asked = q.asks or q.case.audience
        so = (
            f"it gets none for {texts.named(q.case.target)}"
            if asked
            else "an API that checks aud refuses the exchanged token"
        )
        yield from _names(q, ExpectedAudience(q.requester, q.case.target, q.case.exchange_scope, EXCHANGED, so))


def subject_is_foreign(q: Question) -> bool:
    """Whether the requester must be in aud of the subject token. The legacy exchange for another client does not check it."""
    return q.foreign and not (q.legacy and q.asks)


def must_name_target(q: Question) -> bool:
    """Whether the requester's own token must name the target: not for the legacy exchange to another client."""
    return not (q.legacy and q.asks)


def _is_filtered(q: Question, naming: ExpectedAudience) -> bool:
    """Whether it is the token of a standard exchange that asks for an audience.

    Then of clients' roles only those of that audience count.
    """
    return naming.token == EXCHANGED and not q.legacy and bool(q.asks or q.case.audience)


def _names(q: Question, naming: ExpectedAudience) -> Iterator[Finding]:
    token = q.fresh_token(naming.holder, naming.scope, naming.named if _is_filtered(q, naming) else None)
    unordered = any(each.audience is None and each.on for each in _mappers(q, naming))  # it may come last, or not
    if token is not None and naming.named in token.aud and not unordered:
        return
    q.reader.realm.client_scopes.require_seen(naming.holder)
    doubtful = unordered or _is_hidden(q, naming)
    reasons = [replace(each, sure=False) if each and doubtful else each for each in _reasons(q, naming)]
    if token is not None and naming.named in token.aud:
        yield from (each for each in reasons if each and each.cause == "audience-missing")
        return
    if None in reasons and (token is None or _is_disabled(q, naming)):
        return  # the mapper is right; since 26.7.5 it acts only while the client is enabled, which another check reports
    found = [reason for reason in reasons if reason]
    if not found and token is not None and None in reasons:
        aud = ", ".join(token.aud) or "no client"
        wrong = (
            f"has a mapper for {texts.named(naming.named)}, but aud of its fresh tokens contains {aud}, so {naming.so}"
        )
        remedy = "check its other mappers, and the client policies"
        yield _at(q, naming, "audience-missing", wrong, remedy, "aud", aud, mended=False, sure=not unordered)
    yield from found or ([] if None in reasons else [_missing(q, naming, sure=not doubtful)])


def _is_disabled(q: Question, naming: ExpectedAudience) -> bool:
    named = q.reader.client(naming.named)
    return named is not None and not named.is_on("enabled")


def _reasons(q: Question, naming: ExpectedAudience) -> Iterator[Finding | None]:
    """Each thing that should add the client to aud: what is wrong with it, or None."""
    yield from _of_others(q, naming)
    for each in _mappers(q, naming):
        if each.audience is None and each.on:
            wrong = f"has {texts.named(naming.named)} in aud only if {each.by} writes it"
            remedy = f"add an audience mapper for {texts.named(naming.named)}"
            yield _at(q, naming, "audience-missing", wrong, remedy, "protocolMappers", each.by, sure=False)
        elif each.audience == naming.named and each.when:
            wrong = f"has {texts.named(naming.named)} in aud by {each.by} only if {each.when}"
            remedy = f"switch on access.token.claim and {LIGHTWEIGHT_CLAIM} of that mapper"
            yield _at(
                q, naming, "audience-missing", wrong, remedy, "protocolMappers", each.by, mended=False, sure=False
            )
        elif each.audience == naming.named and not each.on:
            yield _off(q, naming, each)
        elif each.audience == naming.named:
            yield from [found for scope in each.scopes for found in _held(q, naming, scope)] or (None,)
    yield from _not_held(q, naming)
    yield from _by_roles(q, naming)


def _mappers(q: Question, naming: ExpectedAudience) -> list[Added]:
    """Client policies that make tokens lightweight act at the login alone, and nobody introspects a token before it is made."""
    scopes = q.reader.scopes()
    if naming.token != SUBJECT:
        return switched(naming.holder, scopes)
    doubtful = any(each.when for each in switched(naming.holder, scopes, Shapes(("",))))
    shapes = q.reader.shapes(naming.holder) if doubtful else AS_ISSUED
    passing = introspectors_for(q.reader.realm, [naming.holder], scopes).of(naming.holder, scopes)
    return switched(naming.holder, scopes, replace(shapes, introspectors=passing))


def _off(q: Question, naming: ExpectedAudience, each: Added) -> Finding:
    """A mapper that does not act on access tokens, or not on lightweight ones."""
    name, light = str(each.mapper["name"]), naming.holder.is_on(LIGHTWEIGHT_TOKENS)
    if light and is_set(each.mapper, TOKEN_CLAIM):
        where = f" of the client scope {texts.named(each.scopes[0].name)}" if each.scopes else ""
        wrong = f"issues lightweight tokens, which leave out the audience mapper {texts.named(name)}{where}"
        remedy = f"switch on {LIGHTWEIGHT_CLAIM} of that mapper, or switch off lightweight access tokens"
        return _at(q, naming, "mapper-lightweight", wrong, remedy, LIGHTWEIGHT_TOKENS, "true", mended=False)
    setting = LIGHTWEIGHT_CLAIM if light else TOKEN_CLAIM
    wrong = (
        f"has the audience mapper {texts.named(name)} for {texts.named(naming.named)} switched off for access tokens"
    )
    if each.scopes:
        wrong = (
            f"holds the client scope {texts.named(each.scopes[0].name)}, whose mapper {texts.named(name)} is "
            "switched off for access tokens"
        )
    return _at(
        q, naming, "mapper-off", wrong, f"switch on {setting} of that mapper", f"{_place(each)}.{setting}", "false"
    )


def _place(each: Added) -> str:
    scope = f"clientScopes[{each.scopes[0].name}]." if each.scopes else ""
    return f"{scope}protocolMappers[{each.mapper['name']}]"


def _not_held(q: Question, naming: ExpectedAudience) -> Iterator[Finding]:
    holder = naming.holder
    held = held_scopes(holder)
    for name, scope in q.reader.scopes().items():
        if name not in held and any(each.on and each.audience == naming.named for each in if_held(holder, scope)):
            wrong = f"does not hold the client scope {texts.named(name)}, which adds {texts.named(naming.named)} to aud"
            remedy = f"add it under Clients → {holder.client_id} → Client scopes"
            yield _at(q, naming, "scope-not-held", wrong, remedy, f"{DEFAULT}ClientScopes", ", ".join(held))


def _held(q: Question, naming: ExpectedAudience, scope: AssignedScope) -> Iterator[Finding]:
    """Why a client scope that the client holds does not count; nothing if it does."""
    if scope.kind == OPTIONAL and scope.name not in (naming.scope or "").split():
        wrong = (
            f"holds the client scope {texts.named(scope.name)} for {texts.named(naming.named)} as an optional "
            "one, which nobody asks for"
        )
        where = "the login" if naming.token == SUBJECT else "the exchange"
        remedy = f"send scope={scope.name} at {where}, or make it a default scope"
        yield _at(q, naming, "scope-on-request", wrong, remedy, f"{OPTIONAL}ClientScopes", scope.name, mended=False)
    else:
        yield from _of_roles(q, naming, scope)


def _of_roles(q: Question, naming: ExpectedAudience, scope: AssignedScope) -> Iterator[Finding]:
    """A client scope with roles counts only for users who hold one of them."""
    scope_id = str(q.reader.scopes()[scope.name]["id"])
    roles = q.reader.scope_roles(scope_id)
    if not roles:
        return
    if _is_filtered(q, naming) and all(client not in (None, "", naming.named) for client, _ in roles):
        held = ", ".join(f"{client}/{role}" for client, role in roles)
        wrong = (
            f"adds {texts.named(naming.named)} to aud only for users who hold one of {held}, and an exchange that asks "
            f"for {texts.named(naming.named)} "
            "counts only realm roles and its own"
        )
        remedy = f"map the client scope {texts.named(scope.name)} to a realm role, or to a role of {texts.named(naming.named)}"
        yield _at(q, naming, "user-role", wrong, remedy, f"clientScopes[{scope.name}].roles", held, mended=False)
        return
    words = ", ".join(f"{client}/{role}" if client else role for client, role in roles)
    user, meant = q.subject_user()
    if user is not None and meant:
        if any(role in q.reader.roles_of(str(user["id"]), client).values() for client, role in roles):
            return
        wrong = (
            f"holds none of the roles ({words}) for which tokens of {texts.named(naming.holder.client_id)} have "
            f"{texts.named(naming.named)} in aud"
        )
        remedy = "give the user one under Users → Role mapping, or change the grant's requiredRoles"
        yield q.found(
            "user-role", "user", str(q.as_user), wrong, remedy, field="roles", value=words, token=naming.token
        )
        return
    wrong = f"adds {texts.named(naming.named)} to aud only for users who hold one of {words}"
    remedy = "give --as-user NAME to see whether the user does"
    place = f"clientScopes[{scope.name}].roles"
    yield _at(q, naming, "user-role", wrong, remedy, place, words, mended=False, sure=False)


def _of_others(q: Question, naming: ExpectedAudience) -> Iterator[Finding]:
    """Mappers that add no existing client to aud, or that have the client's name and add another."""
    for each in _mappers(q, naming):
        mapper = each.audience_mapper
        named = mapper.included_client if mapper else None
        if not mapper or not named or named == naming.named:
            continue
        place = f"{_place(each)}.included.client.audience"
        where = f" of the client scope {texts.named(each.scopes[0].name)}" if each.scopes else ""
        if q.reader.client(named) is None:
            of_uuid = q.reader.client_of(named) if _UUID.fullmatch(named) else None
            and_ = (
                f"that is the UUID of {texts.named(of_uuid.client_id)}, while aud holds client ids" if of_uuid else ""
            )
            wrong = (
                f"adds {texts.named(named)} to aud by its audience mapper {texts.named(mapper.name)}{where}, and "
                f"{and_ or 'there is no such client any more'}"
            )
            remedy = (
                f"let the mapper add {texts.named(naming.named)}; a mapper does not follow a client that is renamed"
            )
            yield _at(q, naming, "mapper-names-nobody", wrong, remedy, place, named)
        elif naming.named in mapper.name:
            wrong = (
                f"adds {texts.named(named)} to aud by its audience mapper {texts.named(mapper.name)}{where}, and not "
                f"{texts.named(naming.named)}"
            )
            remedy = f"let the mapper add {texts.named(naming.named)}"
            yield _at(q, naming, "mapper-names-another", wrong, remedy, place, named)


def _by_roles(q: Question, naming: ExpectedAudience) -> Iterator[Finding]:
    """Without a mapper, a client role of the user adds its client to aud, unless full scope is off."""
    named = q.reader.client(naming.named)
    holder = naming.holder
    if named is None or named.uuid == holder.uuid or holder.is_on(FULL_SCOPE) or not q.reader.has_client_roles(named):
        return
    if any(each.may_add(naming.named) for each in _mappers(q, naming) if not each.scopes):
        return
    wrong = f"has full scope switched off and no role of {texts.named(naming.named)} mapped, so its tokens carry none of them"
    remedy = (
        f"add an audience mapper for {texts.named(naming.named)}, or map one of its roles under Client scopes "
        "→ dedicated → Scope"
    )
    yield _at(q, naming, "full-scope-off", wrong, remedy, FULL_SCOPE, "false")


def _is_hidden(q: Question, naming: ExpectedAudience) -> bool:
    """Whether no example can show the client that a role adds: Keycloak's endpoint takes no client id with a blank."""
    named = q.reader.client(naming.named)
    blank = any(sign.isspace() for sign in naming.named)
    roles = blank and named is not None and naming.holder.is_on(FULL_SCOPE) and q.reader.has_client_roles(named)
    return roles and _is_filtered(q, naming)


def _missing(q: Question, naming: ExpectedAudience, *, sure: bool) -> Finding:
    others = sorted({each.audience or "" for each in _mappers(q, naming) if each.own} - {""})
    known = f"its audience mappers add {texts.first_few(others)}" if others else "it has no audience mapper"
    wrong = f"does not add {texts.named(naming.named)} to aud: {known}"
    remedy = (
        f"add an audience mapper for {texts.named(naming.named)} under Clients → {naming.holder.client_id} → "
        "Client scopes → dedicated"
    )
    return _at(q, naming, "mapper-missing", wrong, remedy, "protocolMappers", ", ".join(others), sure=sure)


def _at(
    q: Question,
    naming: ExpectedAudience,
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
