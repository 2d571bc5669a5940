"""Causes in the request itself, which the realm does not show: from the error text, and from what the request needs of the
requester."""

from collections.abc import Iterator

from exchange.doctor.error_catalogue import REQUEST
from exchange.doctor.finding import Finding, Question
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL
from kcadmin.objects.features import REFRESH, SAME_SESSION
from kcadmin.objects.shared_settings import REFRESH_TOKENS, gives_refresh_tokens
from kcadmin.rest import texts
from reach.held_mappers import held_scopes

ORGANIZATION = "organization"
"""The client scope that Keycloak gives each realm for the claim of the same name."""


def scopes(q: Question) -> Iterator[Finding]:
    """The requester holds the client scopes that are asked for at the exchange."""
    client = q.requester
    named = (q.reading.values.get("scopes") or "") if q.reading and q.may_be("scope-not-held-by-requester") else ""
    asked = [*(q.case.exchange_scope or "").split(), *named.replace(",", " ").split()]
    held = {
        name: kind
        for kind in (DEFAULT, OPTIONAL)
        for name in (client.value(f"{kind}ClientScopes") if client else ()) or ()
    }
    for scope in dict.fromkeys(asked):
        if q.standard and scope not in held and scope != "openid":
            wrong = f"holds no client scope {texts.named(scope)}, which is asked for at the exchange"
            by_hand = f"add it under Clients → {q.case.requester} → Client scopes, or do not ask for it"
            yield q.found(
                "scope-not-held-by-requester", "client", q.case.requester, wrong, q.mend(by_hand) if not named else by_hand,
                field=f"{OPTIONAL}ClientScopes", value=", ".join(held),
            )  # fmt: skip


def has_organizations(q: Question) -> bool:
    """Whether tokens of the source may have the claim on organizations."""
    enabled = (q.reader.settings() or {}).get("organizationsEnabled")
    return bool(q.standard and enabled and q.source and ORGANIZATION in held_scopes(q.source))


def organization(q: Question) -> Iterator[Finding]:
    """The exchanged token has the claim on organizations only where the caller asks for it."""
    client = q.requester
    if client is None:
        return
    wrong = (
        f"leaves out the claim '{ORGANIZATION}' unless the caller asks for scope {ORGANIZATION}:<alias>, and then "
        "gives any organization of the user, not only that of the subject token"
    )
    remedy = f"let the caller send scope={ORGANIZATION}:<alias>, and restrict it by the guard noWiderScopes"
    if ORGANIZATION not in held_scopes(client):
        wrong = f"has no client scope '{ORGANIZATION}', so the exchanged token leaves out that claim"
        remedy = f"add it under Clients → {client.client_id} → Client scopes if the API needs the claim"
    yield q.found("organization-left-out", "client", client.client_id, wrong, remedy, sure=False)


def refresh(q: Question) -> Iterator[Finding]:
    """The requester may get refresh tokens, where somebody wanted one."""
    client = q.requester
    if client is None:
        return
    name = q.case.requester
    if q.standard and client.value(REFRESH) != SAME_SESSION:
        wrong = "gets no refresh token at an exchange"
        remedy = "set allowRefresh: true, or let the caller ask for an access token"
        value = str(client.value(REFRESH) or "not set")
        yield q.found("refresh-off", "client", name, wrong, remedy, field=REFRESH, value=value, sure=False)
    elif not gives_refresh_tokens(client):
        wrong, remedy = "gives no refresh tokens at all", "let the caller ask for an access token"
        yield q.found("refresh-off", "client", name, wrong, remedy, field=REFRESH_TOKENS, value="false", sure=False)


def request_faults(q: Question) -> list[Finding]:
    """Faults of the caller that the error text may mean, the likeliest first."""
    causes = q.reading.causes if q.reading else ()
    return [
        q.found(cause, "request of client", q.case.requester, REQUEST[cause].wrong, REQUEST[cause].remedy, sure=False)
        for cause in causes
        if cause in REQUEST
    ]
