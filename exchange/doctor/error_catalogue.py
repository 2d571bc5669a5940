"""The errors of Keycloak's token endpoint at an exchange, and the possible causes of each.

A row is one answer: status, ``error``, ``error_description`` (``{x}`` stands for a name), which exchange says it, the event it
leaves, and its causes, the likeliest first. A cause is a name, which reading the realm may confirm. Those in ``REQUEST`` are
the caller's own, and the realm does not show them. All rows were seen on Keycloak 26.7.3.
https://www.keycloak.org/securing-apps/token-exchange
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kcadmin.objects.features import LEGACY, STANDARD

BOTH = "both"
SUBJECT, EXCHANGED = "subject", "exchanged"


class Logged(NamedTuple):
    """The content of the realm's event ``TOKEN_EXCHANGE_ERROR``. The reason is empty if there is none, or if it adds
    nothing."""

    error: str
    reason: str = ""


@dataclass(frozen=True)
class Row:
    """One answer of the token endpoint. status: HTTP's. token: whose audience it is about, ``subject`` or ``exchanged``."""

    status: int
    error: str
    description: str
    exchange: str
    causes: tuple[str, ...]
    remedy: str
    event: Logged | None = None
    token: str = ""


class Fault(NamedTuple):
    """A fault of the request, as the two halves of a sentence."""

    wrong: str
    remedy: str


REQUEST: Mapping[str, Fault] = {
    "client-id-of-nobody": Fault(
        "names a client_id that the realm does not have, or none", "send the requester's client_id"
    ),
    "secret-not-as-stored": Fault(
        "carries no client secret, or not the one that the realm has",
        "give the caller the secret of Clients → the requester → Credentials; set it in the environment to have it compared",
    ),
    "assertion-bad": Fault(
        "carries an invalid client assertion",
        "sign it with the key of the client's Keys tab; iss and sub are the client id, aud the realm's issuer, exp is near",
    ),
    "assertion-reused": Fault(
        "carries a client assertion that was used before", "make a new one, with a jti of its own, each time"
    ),
    "grant-type-misspelled": Fault(
        "has a grant_type that the server does not know", "send urn:ietf:params:oauth:grant-type:token-exchange"
    ),
    "parameter-twice": Fault("holds a parameter twice", "send each once; only audience and resource may be repeated"),
    "wrong-address": Fault("is sent to another realm, path or method", "POST to /realms/<realm>/protocol/openid-connect/token"),
    "subject-token-left-out": Fault("has no subject_token", "send the user's access token as subject_token"),
    "subject-token-type-left-out": Fault(
        "has no subject_token_type, which the standard exchange demands and the legacy one does not",
        "send urn:ietf:params:oauth:token-type:access_token",
    ),
    "subject-token-of-another-type": Fault(
        "says that its subject token is not an access token",
        "send the access token, and urn:ietf:params:oauth:token-type:access_token as subject_token_type",
    ),
    "legacy-parameter": Fault(
        "has a parameter that only the legacy exchange knows (requested_subject, requested_issuer, subject_issuer)",
        "leave it out; the standard exchange neither impersonates nor asks identity providers",
    ),
    "subject-token-stale": Fault(
        "carries a subject token that is expired, revoked, of an ended session, of another realm, damaged, or not an "
        "access token",
        "fetch a new access token at the source and exchange that; check its exp and iss",
    ),
    "subject-token-too-old": Fault(
        "carries a subject token that was issued before the audience was set up",
        "fetch a new one at the source: the aud of a token never changes",
    ),
    "audience-of-nobody": Fault("asks for an audience that is not a client of the realm", "send the target's client "
    "id as audience"),
    "requested-type-unknown": Fault(
        "asks for a requested_token_type that this exchange does not give",
        "leave it out, or ask for urn:ietf:params:oauth:token-type:access_token",
    ),
    "refresh-needs-session": Fault(
        "asks for a refresh token, but the subject token has no session to refresh (client credentials, or offline)",
        "ask for an access token",
    ),
    "offline-access-asked": Fault("asks for offline_access with a refresh token", "leave that scope out"),
    "scope-wider": Fault(
        "asks for scopes that the subject token does not have, which a guard of the realm forbids",
        "ask for scopes of the subject token, or log in at the source with them",
    ),
    "token-bound": Fault(
        "carries a token that is bound to its client's key (DPoP, mTLS), and another client sends it",
        "let the client that got the token exchange it, with its proof; a recipient cannot",
    ),
    "foreign-token-of-public-client": Fault(
        "comes from a public client, with the token of another client", "let a confidential client ask"
    ),
    "saml-asked": Fault("asks for a SAML assertion for a client that is not a SAML client", "ask for an access token"),
    "impersonation-refused": Fault(
        "asks to act as another user (requested_subject), which needs a permission of its own",
        "leave requested_subject out; grants do not cover impersonation",
    ),
    "issuer-unknown": Fault(
        "contains an issuer (requested_issuer, subject_issuer) for which the realm has no identity provider",
        "leave it out, or register the identity provider",
    ),
}  # fmt: skip
"""What no reading of a realm shows: the caller's request."""

_CALLER = ("requester-missing", "requester-disabled", "requester-authenticator", "requester-secret")
_NAMES = (
    "mapper-off", "mapper-lightweight", "scope-on-request", "user-role", "mapper-names-nobody",
    "mapper-names-another", "scope-not-held", "full-scope-off", "mapper-missing", "audience-missing",
)  # fmt: skip
_PERMISSION = (
    "no-fine-grained-permissions", "guide-objects", "permission-off", "permission-gone", "permission-renamed",
    "permission-empty", "permission-without-scope", "permission-beside-another", "permission-unanimous", "policy-broken",
    "policy-other-client", "policy-no-client", "policy-negative", "policy-never-matches", "policy-time-closed",
    "policy-service-account", "policy-scope", "policy-script",
)  # fmt: skip
_STALE = (
    "source-disabled", "user-disabled", "user-logged-out", "source-not-before", "realm-not-before", "source-missing",
    "subject-token-stale", "source-protocol", "source-bearer-only", "mapper-spoils",
)  # fmt: skip

ROWS: tuple[Row, ...] = (
    # Before either exchange is asked
    Row(401, "invalid_client", "Invalid client or Invalid client credentials", BOTH,
        ("requester-missing", "requester-disabled", "requester-shares-subject", "client-id-of-nobody"),
        "correct client_id, or enable that client", Logged("client_not_found")),
    Row(401, "unauthorized_client", "Invalid client or Invalid client credentials", BOTH,
        ("requester-secret", "requester-authenticator", "requester-bearer-only", "secret-not-as-stored"),
        "give the caller the secret as the realm holds it", Logged("invalid_client_credentials")),
    Row(400, "invalid_client", "Parameter client_assertion_type is missing", BOTH,
        ("requester-authenticator", "assertion-bad"), "let the caller sign an assertion, or switch the client to a secret",
        Logged("invalid_client_credentials")),
    Row(400, "invalid_client", "Client authentication with signed JWT failed: {why}", BOTH,
        ("requester-authenticator", "assertion-bad"), "sign the assertion as Keycloak expects it",
        Logged("invalid_client_credentials")),
    Row(400, "invalid_client", "Token reuse detected", BOTH, ("assertion-reused",), "a new assertion for each request"),
    Row(400, "invalid_client", "Bearer-only not allowed", BOTH, ("requester-bearer-only",), "make it a confidential client"),
    Row(400, "invalid_client", "Wrong client protocol.", BOTH, ("requester-protocol",), "let an OpenID Connect client ask"),
    Row(400, "unsupported_grant_type", "Unsupported grant_type", BOTH,
        ("no-exchange", "no-standard-exchange", "no-legacy-exchange", "grant-type-misspelled"),
        "start Keycloak with the feature of an exchange"),
    Row(400, "invalid_request", "duplicated parameter", BOTH, ("parameter-twice",), "send each parameter once"),
    Row(403, "access_denied", "Realm not enabled", BOTH, ("realm-disabled",), "enable the realm"),
    Row(404, "Realm does not exist", "", BOTH, ("realm-missing", "wrong-address"), "correct the realm in the URL"),
    # The standard exchange
    Row(400, "invalid_request", "Standard token exchange is not enabled for the requested client", STANDARD,
        ("switch-off",), "switch on Standard Token Exchange of the requester",
        Logged("invalid_request", "Standard token exchange is not enabled for the requested client")),
    Row(400, "invalid_request", "Parameter 'subject_token' required for standard token exchange", STANDARD,
        ("subject-token-left-out",), "send subject_token",
        Logged("invalid_request", "Parameter 'subject_token' required for standard token exchange")),
    Row(400, "invalid_request", "Parameter 'subject_token_type' required for standard token exchange", STANDARD,
        ("subject-token-type-left-out",), "send subject_token_type",
        Logged("invalid_request", "Parameter 'subject_token_type' required for standard token exchange")),
    Row(400, "invalid_request", "Parameter 'subject_token' supports access tokens only", STANDARD,
        ("subject-token-of-another-type",), "send an access token",
        Logged("invalid_request", "Parameter 'subject_token' supports access tokens only")),
    Row(400, "invalid_request", "Parameter '{parameter}' is not supported for standard token exchange", STANDARD,
        ("legacy-parameter",), "leave it out",
        Logged("invalid_request", "Parameter '{parameter}' is not supported for standard token exchange")),
    Row(400, "invalid_request", "Invalid token", BOTH, _STALE, "fetch a new subject token; check its user, session and client",
        Logged("invalid_token", "subject_token validation failure")),
    Row(403, "access_denied", "Client is not within the token audience", BOTH,
        (*_NAMES, "source-missing", "subject-token-too-old"),
        "an audience mapper for the requester on the source, then a new subject token",
        Logged("not_allowed", "client is not within the token audience"), SUBJECT),
    Row(400, "invalid_request", "Requested audience not available: {audience}", STANDARD,
        ("guard-scopes", *_NAMES, "target-protocol"), "an audience mapper for the target on the requester",
        Logged("invalid_request", "Requested audience not available: {audience}"), EXCHANGED),
    Row(400, "invalid_client", "Audience not found", BOTH, ("target-missing", "audience-of-nobody"),
        "send a client id as audience", Logged("client_not_found", "audience not found")),
    Row(400, "invalid_client", "Client disabled", BOTH, ("target-disabled",), "enable the target",
        Logged("client_disabled", "audience client disabled")),
    Row(400, "invalid_client", "Public client is not allowed to exchange token", STANDARD, ("requester-public",),
        "make the requester confidential", Logged("invalid_client", "Public client is not allowed to exchange token")),
    Row(400, "invalid_request", "requested_token_type unsupported", BOTH, ("refresh-off", "requested-type-unknown"),
        "ask for an access token, or allow refresh tokens", Logged("invalid_request", "requested_token_type unsupported")),
    Row(400, "invalid_request",
        "Refresh token not valid as requested_token_type because creating a new session is needed", STANDARD,
        ("refresh-needs-session",), "ask for an access token",
        Logged("invalid_request", "Refresh token not valid as requested_token_type because creating a new session is needed")),
    Row(400, "invalid_request", "Scope offline_access not allowed for token exchange", STANDARD, ("offline-access-asked",),
        "leave offline_access out", Logged("invalid_request", "Scope offline_access not allowed for token exchange")),
    Row(400, "invalid_scope", "Invalid scopes: {scopes}", STANDARD, ("scope-not-held-by-requester",),
        "give the requester that client scope, or do not ask for it", Logged("invalid_request", "Invalid scopes: {scopes}")),
    Row(400, "invalid_scope", "Missing consents for Token Exchange in client {client}", STANDARD, ("requester-consent",),
        "switch off Consent required of the requester",
        Logged("consent_denied", "Missing consents for Token Exchange in client {client}")),
    Row(400, "invalid_request", "Request not allowed", BOTH, ("guard-rejects",), "change the client policy that rejects",
        Logged("invalid_request", "client_policy_error")),
    Row(400, "invalid_request", "Value for claim '{claim}' not allowed", BOTH,
        ("guard-source", "guard-requester", "guard-user"), "let the guard name this client, or this user",
        Logged("invalid_request", "client_policy_error")),
    Row(400, "invalid_request", "Required claim '{claim}' is missing from the token", BOTH,
        ("guard-requester", "guard-user", "guard-source"), "put the claim into the source's tokens, or change the guard",
        Logged("invalid_request", "client_policy_error")),
    Row(400, "invalid_scope", "Scopes [{scopes}] not present in the initial access token [{held}]", BOTH, ("scope-wider",),
        "ask for no wider scopes", Logged("invalid_request", "client_policy_error")),
    Row(400, "invalid_request",
        "Sender-constrained token exchange rejected as the token was not issued for the requesting client", STANDARD,
        ("source-bound", "token-bound"), "exchange it with the client it is bound to", Logged("invalid_request")),
    Row(400, "invalid_request", "DPoP proof is missing", BOTH, ("requester-needs-proof", "token-bound"), "send the proof",
        Logged("invalid_dpop_proof")),
    # The legacy exchange, where it differs
    Row(403, "access_denied", "Client not allowed to exchange", LEGACY, ("switch-off", *_PERMISSION, "impersonation-refused"),
        "a policy for the requester on realm-management's token-exchange permission of the target",
        Logged("not_allowed", "client not allowed to exchange to audience")),
    Row(403, "access_denied", "Client not allowed to exchange", LEGACY, ("impersonation-refused",),
        "leave requested_subject out", Logged("not_allowed", "subject not allowed to impersonate")),
    Row(403, "access_denied", "Client is not the holder of the token", LEGACY,
        ("requester-public", "foreign-token-of-public-client"), "make the requester confidential",
        Logged("not_allowed", "client is not the token holder")),
    Row(400, "invalid_client", "Client requires user consent", LEGACY, ("target-consent",),
        "switch off Consent required of the target", Logged("consent_denied", "audience requires consent")),
    Row(400, "invalid_request", "Invalid token type, must be access token", LEGACY, ("subject-token-of-another-type",),
        "send an access token", Logged("invalid_token", "subject_token supports access tokens only")),
    Row(400, "invalid_client", "Client requires assertion consumer url set up", LEGACY, ("saml-asked",),
        "ask for an access token"),
    Row(400, "invalid_request", "Invalid issuer", LEGACY, ("issuer-unknown",), "leave the issuer out",
        Logged("unknown_identity_provider")),
    Row(400, "invalid_issuer", "Invalid subject_issuer parameter", LEGACY, ("issuer-unknown", "subject-token-stale"),
        "leave the issuer out", Logged("invalid_issuer")),
    Row(500, "unknown_error", "For more on this error consult the server log.", LEGACY,
        ("policy-broken", "mapper-fails", "subject-token-left-out"),
        "correct the time, group or client-scope policy, or the mapper that lacks a setting, or send subject_token"),
)  # fmt: skip

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "token exchange not enabled": (
        "switch-off", "no-exchange", "no-standard-exchange", "no-legacy-exchange", "no-fine-grained-permissions",
        "permission-off", "guide-objects",
    ),
    "scope not found": (
        "guide-objects", "permission-off", "permission-gone", "permission-without-scope", "no-fine-grained-permissions",
        "scope-not-held-by-requester", "scope-not-held",
    ),
    "invalid_client": (
        *_CALLER, "requester-protocol",
        "requester-public", "requester-bearer-only", "target-missing", "target-disabled", "target-consent",
        "client-id-of-nobody", "secret-not-as-stored",
    ),
}  # fmt: skip
"""Headings under which people search for help and that no server sends; others are the descriptions of rows."""
