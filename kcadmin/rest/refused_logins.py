"""Why Keycloak refuses a login: what its token endpoint says to a password or to client credentials.

All rows were seen on Keycloak 26.7.3 or 26.7.5. It does not distinguish causes that would help to guess a password.
"""

from typing import NamedTuple

from kcadmin.rest.connection import ClientSecretLogin, Login, PasswordLogin, PrivateKeyLogin
from kcadmin.rest.odd import Odd

ROBOT = "log in as a robot instead (`python -m exchange bootstrap`)"
HOME = "a robot is in the realm that it manages, so check clientId and loginRealm"


class LoginCause(NamedTuple):
    """An answer.

    error: RFC 6749's. words: the beginning of its description. by: the kinds of login that it is for. is_secret: whether
    another secret may be the remedy.
    """

    error: str
    words: str
    odd: Odd
    by: tuple[type[Login], ...] = (PasswordLogin, ClientSecretLogin, PrivateKeyLogin)
    is_secret: bool = False


REQUIRED_ACTION = Odd(
    "login-required-action",
    "the user must first do what Keycloak asks for at a login (a required action, such as a new password)",
    f"log in once in a browser, remove the user's required actions, or {ROBOT}",
)
USER_DISABLED = Odd("login-user-disabled", "the user is disabled", f"enable the user, or {ROBOT}")
CREDENTIALS = Odd(
    "login-password",
    "Keycloak answers so for a wrong password, for a user that the realm does not have, of one who is locked after failed logins "
    "(brute-force detection), and of one with a one-time code, which no command can send",
    f"check name, password and loginRealm, and check the user in Keycloak; where there is a one-time code, {ROBOT}",
)
NO_CLIENT = Odd(
    "login-no-client",
    "the realm has no such client, it is disabled, or it logs in by a certificate or by a token of another issuer",
    f"{HOME}, and the client's Client Authenticator",
)
NO_ADMIN_CLI = Odd(
    "login-admin-cli",
    "passwords are sent through the client 'admin-cli', which is disabled, missing, without direct access grants, or no public "
    "client of OpenID Connect",
    f"make it so again in that realm, or {ROBOT}",
)
SECRET = Odd(
    "login-secret",
    "the secret is not the client's, it has expired (secret rotation), or the client is bearer-only",
    "take it from Keycloak: Clients → the client → Credentials",
)
NO_SERVICE_ACCOUNT = Odd(
    "login-no-service-account",
    "the client has no service account",
    "switch on its Service accounts roles, or name another client",
)
PUBLIC = Odd(
    "login-public-client", "the client is public", "switch on its Client authentication and Service accounts roles"
)
NO_ROBOT = Odd(
    "login-another-kind-of-client", "a client of this kind cannot log in", "name a confidential OpenID Connect client"
)
BY_ANOTHER_WAY = Odd(
    "login-by-another-way",
    "the client logs in by a signed JWT and not by a secret",
    "give its private key (privateKey, KEYCLOAK_PRIVATE_KEY), or set its Client Authenticator to a secret",
)
BY_SECRET = Odd(
    "login-by-secret",
    "the client does not log in by a signed JWT",
    "set its Client Authenticator to Signed JWT with the public key, or give its secret (clientSecret, KEYCLOAK_CLIENT_SECRET)",
)
KEY = Odd(
    "login-key",
    "the private key is not the client's, or this machine's clock is wrong",
    "compare the key with the client's Keys tab, and both clocks",
)
CONSENT = Odd(
    "login-consent",
    "the client asks users for their consent, which no command can give",
    f"switch its Consent required off, or {ROBOT}",
)
BOUND = Odd(
    "login-bound",
    "the client's tokens are bound to a key (DPoP) or a certificate, which this login does not have",
    "switch that off at the client, name another one, or log in by its certificate (clientCertificate)",
)
POLICY = Odd(
    "login-policy",
    "a client policy of the realm refuses such a login",
    f"let the policy leave this client out, or {ROBOT} that the policy allows",
)
REALM_DISABLED = Odd("login-realm-disabled", "the realm is disabled", "enable it, or correct loginRealm")
HTTPS = Odd("login-https", "the realm demands TLS", "set url to its https:// address")
OTHER = Odd("login-refused", "Keycloak gives no other reason", "check the name, its secret and loginRealm")

NOT_SET_UP, DISABLED = "Account is not fully set up", "Account disabled"
WRONG_PASSWORD, REALM_OFF = "Invalid user credentials", "Realm not enabled"
NO_DIRECT_GRANTS = "Client not allowed for direct access grants"
NO_ACCOUNT = "Client not enabled to retrieve service account"
BEARER_ONLY, ANOTHER_PROTOCOL = "Bearer-only not allowed", "Wrong client protocol"
INVALID = "Invalid client or Invalid client credentials"
ROWS = (
    LoginCause("invalid_grant", NOT_SET_UP, REQUIRED_ACTION),
    LoginCause("invalid_grant", DISABLED, USER_DISABLED),
    LoginCause("invalid_request", "User '", USER_DISABLED),
    LoginCause("invalid_grant", WRONG_PASSWORD, CREDENTIALS, is_secret=True),
    LoginCause("invalid_client", INVALID, NO_ADMIN_CLI, by=(PasswordLogin,)),
    LoginCause("unauthorized_client", INVALID, NO_ADMIN_CLI, by=(PasswordLogin,)),
    LoginCause("unauthorized_client", NO_DIRECT_GRANTS, NO_ADMIN_CLI),
    LoginCause("invalid_client", INVALID, NO_CLIENT, by=(ClientSecretLogin, PrivateKeyLogin)),
    LoginCause("unauthorized_client", INVALID, BY_SECRET, by=(PrivateKeyLogin,)),
    LoginCause("unauthorized_client", INVALID, SECRET, by=(ClientSecretLogin,), is_secret=True),
    LoginCause("unauthorized_client", NO_ACCOUNT, NO_SERVICE_ACCOUNT),
    LoginCause("unauthorized_client", "Public client not allowed to retrieve service account", PUBLIC),
    LoginCause("invalid_request", "The associated service account for the client does not exist", NO_SERVICE_ACCOUNT),
    LoginCause("invalid_client", BEARER_ONLY, NO_ADMIN_CLI, by=(PasswordLogin,)),
    LoginCause("invalid_client", ANOTHER_PROTOCOL, NO_ADMIN_CLI, by=(PasswordLogin,)),
    LoginCause("invalid_client", BEARER_ONLY, NO_ROBOT, by=(ClientSecretLogin, PrivateKeyLogin)),
    LoginCause("invalid_client", ANOTHER_PROTOCOL, NO_ROBOT, by=(ClientSecretLogin, PrivateKeyLogin)),
    LoginCause("invalid_client", "Client requires user consent", CONSENT),
    LoginCause("invalid_request", "DPoP proof is missing", BOUND),
    LoginCause("invalid_request", "Client Certification missing for MTLS HoK Token Binding", BOUND),
    LoginCause("invalid_grant", "resource owner password credentials grant is prohibited", POLICY),
    LoginCause("invalid_request", "Request not allowed", POLICY),
    LoginCause("invalid_request", "Configured client authentication method not allowed for client", POLICY),
    LoginCause("invalid_client", "Parameter client_assertion_type is missing", BY_ANOTHER_WAY),
    LoginCause("invalid_client", "Client authentication with signed JWT failed", KEY, is_secret=True),
    LoginCause("invalid_client", "Unable to load public key", KEY),
    LoginCause("access_denied", REALM_OFF, REALM_DISABLED),
    LoginCause("invalid_request", "HTTPS required", HTTPS),
)
ODD = (*dict.fromkeys(row.odd for row in ROWS), OTHER)


def cause(login: Login, error: str, description: str) -> LoginCause:
    """Why a login was refused; ``OTHER`` if nothing else fits. Assertions of other issuers have their own remedies."""
    for row in ROWS:
        if row.error == error and description.startswith(row.words) and isinstance(login, row.by):
            return row
    return LoginCause(error, "", OTHER, is_secret=True)
