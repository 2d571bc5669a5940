"""What a refusal of the token endpoint is about: the exchange, or something before it; and what to do."""

from collections.abc import Mapping

from kcadmin.objects.client_secrets import variable
from kcadmin.rest.dpop import MISSING
from kcadmin.rest.errors import TokenRefused
from kcadmin.rest.refused_logins import DISABLED, NO_ACCOUNT, NO_DIRECT_GRANTS, NOT_SET_UP, REALM_OFF, WRONG_PASSWORD
from kcadmin.rest.texts import named

STALE = "Invalid token"
UNAUTHORISED, TOO_MANY, BROKEN = 401, 429, 500
OF_A_CLIENT = ("invalid_client", "unauthorized_client")
NO_CERTIFICATE = "Client Certification missing for MTLS HoK Token Binding"
# What Keycloak answers with status 400 or 403 before it judges an exchange.
BEFORE_THE_EXCHANGE = (
    "Parameter client_assertion",
    "Client authentication with",
    "Token reuse",
    REALM_OFF,
    "DPoP proof",
    NO_CERTIFICATE,
)
BY_HAND = "its tokens are bound to its caller's {}, which is not known here: prove this exchange by hand, with it"
ANOTHER_USER = "choose another user with --as-user, or correct this one"
REMEDIES: Mapping[str, str] = {
    NO_DIRECT_GRANTS: (
        "let a grant of this stack give {client} its token, switch on its Direct access grants for the proof, or prove it by hand"
    ),
    NO_ACCOUNT: ("name a user with --as-user, or switch on the service account of {client}"),
    "Client requires user consent": (
        "a login by password asks for no consent: prove this exchange by hand, with a browser's login at {client}"
    ),
    WRONG_PASSWORD: "check the name, and the password in KEYCLOAK_USER_PASS",
    NOT_SET_UP: f"the user has a required action, or no password that lasts; {ANOTHER_USER}",
    DISABLED: ANOTHER_USER,
    "Account temporarily disabled": f"the user is locked by brute-force detection; wait, or {ANOTHER_USER}",
    MISSING: BY_HAND.format("key"),
    NO_CERTIFICATE: BY_HAND.format("certificate"),
}
"""The remedy for Keycloak's words, if they are about the login or the client and not about the exchange."""


def is_about_the_exchange(refused: TokenRefused) -> bool:
    """Whether Keycloak judged the exchange itself. After a wrong secret, or on a busy server, it did not."""
    answered = refused.status not in (UNAUTHORISED, TOO_MANY) and refused.status < BROKEN
    return answered and not refused.description.startswith(BEFORE_THE_EXCHANGE)


def told(refused: TokenRefused, client_id: str) -> str:
    """Keycloak's words, with the remedy if they are about the login of a client or a user."""
    remedy = REMEDIES.get(refused.description, "")
    if not remedy and refused.error in OF_A_CLIENT:
        remedy = (
            "check that {client} is enabled and logs in by "
            f"its secret or key, and that {variable(client_id)} holds it, where it is set"
        )
    return f"{refused}{'; ' if remedy else ''}{remedy.format(client=named(client_id))}"
