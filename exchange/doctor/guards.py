"""The realm's client policies, which Keycloak evaluates at every exchange: guards of stacks, and what others wrote."""

from collections.abc import Iterator

from exchange.doctor.finding import Finding, Question
from kcadmin.guards.entries import DOWNSCOPE
from kcadmin.guards.marks import MARKED, is_borrowed, is_own
from kcadmin.objects.client_scopes import DEFAULT
from kcadmin.objects.clients import Client
from kcadmin.objects.mappers import LIGHTWEIGHT_TOKENS
from kcadmin.rest.texts import named, quoted
from reach.audiences import added
from reach.guards import AUTHORIZED_PARTY, is_of_requesters
from reach.held_mappers import held_scopes
from reach.policies import Act, Effect

WHERE = "Realm settings → Client policies"
KNOWN = {"preferred_username": ("username", "profile"), "email": ("email", "email")}
"""Claims with a known field of the user, and the client scope that writes each."""


def client_policies(q: Question) -> Iterator[Finding]:
    """What executors of client policies that hold, or may hold, do to this exchange."""
    client = q.requester
    if client is None:
        return
    yield from _mark(q, client)
    scopes = (
        frozenset((q.case.exchange_scope or "").split()) if q.grant else None
    )  # else nobody has said what is asked for
    for act in q.reader.acts(client, scopes):
        yield from _does(q, client, act)


def _mark(q: Question, client: Client) -> Iterator[Finding]:
    """A mark that guards of this project ask for, and that is not the client's own or can be computed."""
    mark, management = client.value(MARKED), q.reader.realm.management_uuid()
    if mark is None or is_own(mark, client.uuid):
        return
    if is_borrowed(client, management):
        cause, wrong = (
            "guard-mark-borrowed",
            "has a mark that was made for another client, so guards treat it as that one",
        )
    else:
        cause, wrong = (
            "guard-mark-computed",
            "has a mark of an earlier version, which anybody who knows its UUID can compute",
        )
    remedy = "run `pulumi up --refresh` of the stack that has the guards"
    yield q.found(cause, "client", client.client_id, wrong, remedy, field=MARKED, sure=False)


def _does(q: Question, client: Client, act: Act) -> Iterator[Finding]:
    if act.effect is Effect.NEEDS_CLAIM:
        yield from _enforces(q, client, act)
    elif act.effect is Effect.NARROWS:
        yield from _drops(q, client, act)
    else:
        refuses = act.effect is Effect.REFUSES
        what = "rejects" if refuses else f"runs the executor {named(act.cause.executor)}, which may refuse,"
        wrong = f"{what} each exchange of {named(client.client_id)}"
        remedy = f"take {named(client.client_id)} out of its conditions under {WHERE}, or disable it"
        yield _found(q, "guard-rejects", act, wrong, remedy, act.cause.executor, "on", sure=act.sure and refuses)


def _enforces(q: Question, client: Client, act: Act) -> Iterator[Finding]:
    claim, allowed = act.claim, act.pattern
    if is_of_requesters(act):
        wrong = f"lets only declared requesters exchange, and {named(client.client_id)} is none"
        remedy = q.declared("take it into requesters of the ExchangeGuards of the realm")
        yield _found(q, "guard-requester", act, wrong, remedy, claim, allowed, sure=act.sure)
    elif claim == AUTHORIZED_PARTY:
        if (lets := act.lets(q.case.source)) is not True:
            wrong = f"lets {named(client.client_id)} exchange tokens of {named(allowed)} only, and not of {named(q.case.source)}"
            remedy = q.declared(f"take {named(q.case.source)} into it under {WHERE}")
            yield _found(q, "guard-source", act, wrong, remedy, claim, allowed, sure=act.sure and lets is False)
    else:
        wrong = (
            f"lets {named(client.client_id)} exchange only tokens whose claim {named(claim)} matches {named(allowed)}"
        )
        remedy = f"check that claim of the subject token; change user_claims of the ExchangeGuards, or the policy under {WHERE}"
        said = _claim_of_user(q, claim)
        lets = None if said is None else act.lets(said)
        if lets is not True:
            more = "" if said is None else f", and for the user it is {named(said)}"
            yield _found(q, "guard-user", act, wrong + more, remedy, claim, allowed, sure=act.sure and lets is False)


def _claim_of_user(q: Question, claim: str) -> str | None:
    """What is known of the claim: a username or address, where the user is known and a scope of Keycloak's writes it."""
    user, source = q.reader.user(q.as_user) if q.as_user else None, q.source
    if claim not in KNOWN or not user or source is None or source.is_on(LIGHTWEIGHT_TOKENS):
        return None
    field, scope = KNOWN[claim]
    return str(user.get(field) or "") if held_scopes(source).get(scope) == DEFAULT else None


def _drops(q: Question, client: Client, act: Act) -> Iterator[Finding]:
    """The executor refuses wider scopes; at the standard exchange it leaves the mappers of the client itself out."""
    if q.grant and q.case.exchange_scope:
        wrong = (
            f"refuses scopes that the subject token has not, and {named(client.client_id)} asks for "
            f"{named(q.case.exchange_scope)}"
        )
        remedy = "log in at the source with that scope, or take noWiderScopes out of the guards"
        yield _found(q, "guard-scopes", act, wrong, remedy, DOWNSCOPE, "on", sure=False)
    if not q.standard or not (q.asks or q.case.audience):
        return
    found = added(client, q.reader.scopes(), q.reader.shapes(client))
    naming = [str(each.mapper["name"]) for each in found if not each.scopes and each.may_add(q.case.target)]
    others = [each for each in found if each.scopes and each.may_add(q.case.target)]
    if naming and not any(
        each.audience and not each.on_request and not each.renamed and not each.when for each in others
    ):
        wrong = (
            f"leaves out the mappers of {named(client.client_id)} itself, and only {quoted(naming)} there "
            f"{'always ' if others else ''}adds {named(q.case.target)} to aud"
        )
        remedy = "put the audience mapper into a default client scope, or take noWiderScopes out of the guards"
        yield _found(q, "guard-scopes", act, wrong, remedy, DOWNSCOPE, "on", sure=act.sure and not others)


def _found(
    q: Question, cause: str, act: Act, wrong: str, remedy: str, field: str, value: str, *, sure: bool
) -> Finding:
    return q.found(cause, "client policy", act.cause.policy, wrong, remedy, field=field, value=value, sure=sure)
