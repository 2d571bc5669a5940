"""The realm, the server's features, the three clients, the requester's credentials and switch, and the user."""

import time
from collections.abc import Iterator
from dataclasses import replace

from exchange.doctor.finding import Finding, Question
from exchange.terminal.printing import utc
from kcadmin.objects.client_secrets import BY_SECRET, SIGNED_JWT, variable
from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, SWITCH
from kcadmin.objects.federated_clients import clients_with_subject
from kcadmin.objects.robot_login import ISSUER, SUBJECT, ByIssuer
from kcadmin.rest.texts import named, quoted
from kcadmin.rest.tokens import PEM_START
from reach.consents import granted, needed
from reach.fitness import BOUND_BY, DPOP, OPENID_CONNECT, Position, Unfit, bound_by, unfit_for

NOT_BEFORE = "notBefore"
ENABLE = "enable it under Clients → {0} → Settings"


def realm(q: Question) -> Iterator[Finding]:
    """The realm exists and is enabled."""
    settings = q.reader.settings()
    if settings is None:
        remedy = "correct the realm's name, and in the caller's URL, too"
        yield q.found("realm-missing", "realm", q.case.realm, "does not exist, or the login may not see it", remedy)
    elif settings.get("enabled") is False:
        wrong = "is disabled, so its token endpoint answers nobody"
        remedy = "enable it under Realm settings"
        yield q.found("realm-disabled", "realm", q.case.realm, wrong, remedy, field="enabled", value="false")


def features(q: Question) -> Iterator[Finding]:
    """The server offers the exchange that is checked."""
    has = q.reader.cache.features
    url = q.reader.cache.session.connection.url
    if not has.standard_exchange and not has.legacy_exchange:
        wrong, remedy = has.lack_of("auto")
        yield q.found(
            "no-exchange", "server", url, f"{wrong}, so it knows no such grant_type", remedy, field="features"
        )
    elif q.standard and not has.standard_exchange:
        wrong, remedy = has.lack_of(q.case.exchange)
        yield q.found("no-standard-exchange", "server", url, wrong, remedy, field="features")
    elif q.legacy and not has.legacy_exchange:
        wrong, remedy = has.lack_of(q.case.exchange)
        yield q.found("no-legacy-exchange", "server", url, wrong, remedy, field="features")
    elif q.legacy and q.asks and not has.fine_grained_permissions:
        remedy = f"start Keycloak with --features={','.join(has.missing_for(LEGACY))}, or set exchange: standard"
        wrong = "has the legacy exchange without fine-grained permissions, so nothing can allow it to another client"
        yield q.found("no-fine-grained-permissions", "server", url, wrong, remedy, field="features")


def requester(q: Question) -> Iterator[Finding]:
    """The requester exists, is enabled and confidential, and may ask."""
    client, name = q.requester, q.case.requester
    if client is None:
        wrong = "does not exist, or the login may not see it, and it is the requester"
        yield q.found("requester-missing", "client", name, wrong, "create it, or correct the client id")
        return
    found = unfit_for(client, Position.REQUESTER, q.case.exchange, foreign=q.foreign)
    if Unfit.DISABLED in found:
        wrong = "is disabled, and it is the requester"
        yield _field(q, "requester-disabled", client, "enabled", wrong, ENABLE.format(name))
    if Unfit.PROTOCOL in found:
        wrong = f"speaks {named(client.value('protocol'))}, so the token endpoint does not serve it"
        yield _field(q, "requester-protocol", client, "protocol", wrong, f"let an {OPENID_CONNECT} client ask")
    if Unfit.BEARER_ONLY in found:
        wrong = "is bearer-only, so the token endpoint does not serve it"
        remedy = "make it confidential (bearerOnly false), and give the caller its new secret"
        yield _field(q, "requester-bearer-only", client, "bearerOnly", wrong, remedy)
    elif Unfit.PUBLIC in found:
        those = "no token of another client" if q.legacy else "no token"
        wrong = f"is a public client, which shows nobody who it is, so it may exchange {those}"
        remedy = f"switch on Client authentication under Clients → {name} → Settings"
        yield _field(q, "requester-public", client, "publicClient", wrong, remedy)


def needs_proof(q: Question) -> bool:
    return q.requester is not None and DPOP in bound_by(q.requester)


def proof(q: Question) -> Iterator[Finding]:
    """A requester whose tokens are bound by DPoP sends a proof; no reading of the realm shows whether it does."""
    client, name = q.requester, q.case.requester
    if client:
        wrong = "has tokens that are bound by DPoP, so Keycloak refuses each request of it without a DPoP proof"
        remedy = f"let the caller send the header DPoP, or switch that off under Clients → {name}"
        yield replace(_field(q, "requester-needs-proof", client, _binding(client), wrong, remedy), sure=False)


def credentials(q: Question) -> Iterator[Finding]:
    """How the requester authenticates, and its secret if the caller's is known."""
    client, name = q.requester, q.case.requester
    if client is None or client.is_on("publicClient") or client.is_on("bearerOnly") or not client.is_on("enabled"):
        return
    kind = str(client.value("clientAuthenticatorType") or BY_SECRET)
    given = None if q.secret is None else SIGNED_JWT if q.secret.lstrip().startswith(PEM_START) else BY_SECRET
    if (given and kind != given) or (not given and kind != BY_SECRET):
        shows = {SIGNED_JWT: "a JWT signed with its key", BY_SECRET: "its secret"}.get(kind, f"itself by {named(kind)}")
        wrong = f"must show {shows}" + (
            f", and the caller has {'a secret' if given == BY_SECRET else 'a private key'}" if given else ""
        )
        remedy = f"let the caller do that, or choose another under Clients → {name} → Credentials"
        more = {
            "field": "clientAuthenticatorType",
            "value": kind,
            "sure": given is not None and kind in (BY_SECRET, SIGNED_JWT),
        }
        yield q.found("requester-authenticator", "client", name, wrong, remedy, **more)
    elif q.secret and not q.reader.shows_who_it_is(name, q.secret):
        wrong = f"does not take what {variable(name)} holds"
        remedy = f"give the caller the secret or key of Clients → {name} → Credentials"
        yield q.found("requester-secret", "client", name, wrong, remedy, field="secret", value="(not shown)")


def logs_in_by_issuer(q: Question) -> bool:
    return q.requester is not None and q.requester.value("clientAuthenticatorType") == ByIssuer.kind


def assertion_subject(q: Question) -> Iterator[Finding]:
    """A requester that logs in by another issuer's tokens has a subject that no other client has."""
    client = q.requester
    if client is None:
        return
    alias, sub = client.attributes.get(ISSUER, ""), client.attributes.get(SUBJECT, "")
    for each in clients_with_subject(q.reader.realm, alias, sub) if sub else ():
        if each["id"] != client.uuid and each.get("enabled"):
            wrong = f"has the subject of {named(each['clientId'])}, so Keycloak takes neither, or for a while the one it knows"
            remedy = "give one of the two another subject, or disable it"
            yield replace(_field(q, "requester-shares-subject", client, SUBJECT, wrong, remedy), sure=False)


def switch(q: Question) -> Iterator[Finding]:
    """The requester's switch fits the exchange that is checked."""
    client, name = q.requester, q.case.requester
    if client is None:
        return
    on, has = client.is_on(SWITCH), q.reader.cache.features
    if q.standard and has.standard_exchange and not on:
        wrong = "has Standard token exchange switched off, and it is the requester"
        if has.legacy_exchange:
            wrong += ", so the legacy exchange answers in its place"
        by_hand = f"switch it on under Clients → {name} → Capability config"
        yield _field(q, "switch-off", client, SWITCH, wrong, q.declared(by_hand))
    elif q.legacy and has.standard_exchange and on:
        wrong = "has Standard token exchange switched on, so the legacy exchange and its permissions are never used"
        remedy = f"set exchange: standard, or switch it off under Clients → {name} → Capability config"
        yield _field(q, "switch-on", client, SWITCH, wrong, remedy)


def source(q: Question) -> Iterator[Finding]:
    """The source exists and its tokens are valid."""
    client, name = q.source, q.case.source
    if client is None:
        wrong = "does not exist, or the login may not see it, so no token is issued for it"
        yield q.found("source-missing", "client", name, wrong, "create it, or correct the client id")
        return
    found = unfit_for(client, Position.SOURCE, q.case.exchange) if q.foreign else []
    if Unfit.DISABLED in found:
        wrong = "is disabled, so each of its tokens is an 'Invalid token'"
        yield _field(q, "source-disabled", client, "enabled", wrong, ENABLE.format(name))
    if Unfit.PROTOCOL in found:
        wrong = f"speaks {named(client.value('protocol'))}, so no token is issued for it"
        yield _field(q, "source-protocol", client, "protocol", wrong, f"name an {OPENID_CONNECT} client")
    if Unfit.BEARER_ONLY in found:
        wrong = "is bearer-only, so no token is issued for it"
        yield _field(q, "source-bearer-only", client, "bearerOnly", wrong, "name a client that users log in to")
    if Unfit.BOUND in found:
        wrong = f"has tokens that are bound to its caller's key, and the standard exchange takes them only from {named(name)}"
        remedy = f"let {named(name)} ask itself (flows: [requester]), or switch the binding off under Clients → {name}"
        yield _field(q, "source-bound", client, _binding(client), wrong, remedy)
    seconds = _seconds(client.value(NOT_BEFORE))
    if seconds and (seconds > time.time() or q.may_be("source-not-before")):
        yield _not_before(q, "source-not-before", "client", name, seconds, f"Clients → {name} → Advanced → Revocation")
    seconds = _seconds((q.reader.settings() or {}).get(NOT_BEFORE))
    if seconds and (seconds > time.time() or q.may_be("realm-not-before")):
        where = "Sessions → Revocation"
        yield _not_before(q, "realm-not-before", "realm", q.case.realm, seconds, where)


def target(q: Question) -> Iterator[Finding]:
    """The target, where another client asks for it."""
    client, name = q.target, q.case.target
    if client is None:
        wrong = "does not exist, or the login may not see it, so it cannot be an audience"
        yield q.found("target-missing", "client", name, wrong, "create it, or correct the client id")
        return
    disabled_targets = not q.reader.cache.features.refuses_disabled_targets
    found = unfit_for(client, Position.TARGET, q.case.exchange, disabled_targets=disabled_targets) if q.asks else []
    if Unfit.DISABLED in found:
        wrong = "is disabled, so nobody may ask for it"
        yield _field(q, "target-disabled", client, "enabled", wrong, ENABLE.format(name))
    if Unfit.PROTOCOL in found:
        wrong = f"speaks {named(client.value('protocol'))}, so nobody may ask for it"
        yield _field(q, "target-protocol", client, "protocol", wrong, f"name an {OPENID_CONNECT} client")


def consent(q: Question) -> Iterator[Finding]:
    """No consent is missing: to the requester in the standard exchange, to the target in the legacy one."""
    client = q.requester if q.standard else q.target
    if client is None or not client.is_on("consentRequired"):
        return
    name = client.client_id
    if q.standard and q.as_user:
        user, scopes = q.reader.user(q.as_user), q.reader.scopes()
        wanted = needed(client, scopes, q.case.exchange_scope)
        missing = wanted - (granted(q.reader.consents_of(str(user["id"])), client) if user else frozenset())
        if not missing:
            return
        wrong = f"lacks the consent of user {named(q.as_user)} to {quoted(sorted(missing))}, which an exchange cannot ask for"
        remedy = f"let the user log in to {name} once, or switch off Consent required under Clients → {name} → Settings"
        yield _field(q, "requester-consent", client, "consentRequired", wrong, remedy)
        return
    wrong = "demands the user's consent, which an exchange cannot ask for"
    remedy = f"switch off Consent required under Clients → {name} → Settings"
    cause = "requester-consent" if q.standard else "target-consent"
    yield _field(q, cause, client, "consentRequired", wrong, remedy)


def user(q: Question) -> Iterator[Finding]:
    """The user exists, is enabled, and was not logged out after the token was issued."""
    name = str(q.as_user)
    found = q.reader.user(name)
    if found is None:
        wrong = "does not exist"
        yield q.found("user-missing", "user", name, wrong, "give the username as Keycloak has it")
        return
    if found.get("enabled") is False:
        wrong = "is disabled, so each of the user's tokens is an 'Invalid token'"
        yield q.found("user-disabled", "user", name, wrong, "enable it under Users", field="enabled", value="false")
    seconds = _seconds(found.get(NOT_BEFORE))
    if seconds and q.may_be("user-logged-out"):
        wrong = f"was logged out everywhere at {utc(seconds)}, and tokens from before are invalid"
        remedy = "let the user log in again, and exchange that token"
        yield q.found("user-logged-out", "user", name, wrong, remedy, field=NOT_BEFORE, value=str(seconds), sure=False)


def _not_before(q: Question, cause: str, kind: str, name: str, seconds: int, where: str) -> Finding:
    ahead = seconds > time.time()
    wrong = f"accepts no token that was issued before {utc(seconds)}" + (", which is still to come" if ahead else "")
    remedy = f"clear it under {where}" if ahead else "fetch a new subject token and exchange that"
    return q.found(cause, kind, name, wrong, remedy, field=NOT_BEFORE, value=str(seconds), sure=ahead)


def _binding(client: Client) -> str:
    return next(setting for setting in BOUND_BY if client.is_on(setting))


def _field(q: Question, cause: str, client: Client, name: str, wrong: str, remedy: str) -> Finding:
    value = client.value(name)
    text = "not set" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return q.found(cause, "client", client.client_id, wrong, remedy, field=name, value=text)


def _seconds(value: object) -> int:
    """Since the epoch; 0, as Keycloak says it, where there is no such time."""
    return value if isinstance(value, int) else 0
