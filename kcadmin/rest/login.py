"""Turns a login into a token request: the form fields of RFC 6749 and RFC 7523."""

import os
import time
import uuid
from collections.abc import Mapping

from kcadmin.rest import assertions, certificates
from kcadmin.rest.certificates import CertificateLogin
from kcadmin.rest.connection import (
    AssertionLogin,
    ClientSecretLogin,
    Login,
    PasswordLogin,
    PrivateKeyLogin,
    variable_of,
)
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.refused_logins import cause
from kcadmin.rest.texts import named
from kcadmin.rest.variables import ADMIN_PASSWORD, CLIENT_SECRET, PRIVATE_KEY

ASSERTION_TYPE = assertions.TYPES["jwt-bearer"]
ASSERTION_SECONDS = 60
_SECRETS = {
    PasswordLogin: ("password", ADMIN_PASSWORD),
    ClientSecretLogin: ("client secret", CLIENT_SECRET),
    PrivateKeyLogin: ("private key", PRIVATE_KEY),
}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


def describe_login(login: Login) -> str:
    """Who logs in, for a message; never with a secret."""
    if isinstance(login, PasswordLogin):
        return f"user {named(login.username)}"
    return f"client {named(login.client_id)}" if login.client_id else "the client of an assertion"


def secrets_of(login: Login) -> tuple[str, ...]:
    """The parts of a login that no text may contain."""
    if isinstance(login, PasswordLogin):
        return (login.password,)
    if isinstance(login, AssertionLogin | CertificateLogin):
        return ()  # a text in the form of a token is cut out in any case, and a key in a file is never sent
    return (login.client_secret if isinstance(login, ClientSecretLogin) else login.private_key,)


def why_refused(
    login: Login,
    answer: Mapping[str, object],
    environ: Mapping[str, str] = os.environ,
    *,
    form: Mapping[str, str] | None = None,
    name: str = "",
) -> str:
    """The cause of a refused login and what to do, as the end of a message without its last dot.

    Pulumi keeps a stack's config in state, so a secret from there may be an old one.

    :param answer: what Keycloak said, form: what was sent. name: of a connection beside the stack's.
    """
    error, said = str(answer.get("error") or ""), str(answer.get("error_description") or "")
    if isinstance(login, AssertionLogin):
        return f"; {assertions.assertion_remedy(login, (form or {}).get('client_assertion', ''), f'{error}: {said}')}"
    if isinstance(login, CertificateLogin):
        return f"; {certificates.certificate_remedy(login)}"
    row = cause(login, error, said)
    told = f": {row.odd.wrong}; {row.odd.remedy}"
    secret, variable = _SECRETS[type(login)]
    variable = variable_of(variable, name)
    if not row.is_secret or environ.get(variable):
        return told
    return f"{told}, or set {variable}: refresh and destroy take the {secret} from the stack's last up"


def token_form(login: Login, issuer: str) -> dict[str, str]:
    """The form of a token request. ``issuer``: the audience of a client assertion.

    :raises InvalidSettings: the private key is not a PEM key that a JWT can be signed with.
    :raises LoginRefused: there is no client assertion, or it is for another server.
    """
    if isinstance(login, PasswordLogin):
        return {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": login.username,
            "password": login.password,
        }
    if isinstance(login, AssertionLogin):
        assertion = assertions.read_assertion(login)
        assertions.require_audience(login, assertion, issuer)
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": assertions.TYPES[login.kind],
            "client_assertion": assertion,
            **({"client_id": login.client_id} if login.client_id else {}),
        }
    form = {"grant_type": "client_credentials", "client_id": login.client_id}
    if isinstance(login, CertificateLogin):
        return form
    if isinstance(login, ClientSecretLogin):
        return form | {"client_secret": login.client_secret}
    return form | {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": client_assertion(login.client_id, login.private_key, issuer),
    }


def client_assertion(client_id: str, private_key: str, audience: str) -> str:
    """A JWT that proves a client's identity once (private_key_jwt, RFC 7523 section 2.2)."""
    import jwt  # slow to import, and seldom used

    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    return jwt.encode(claims, private_key, algorithm=_algorithm(private_key))


def _algorithm(private_key: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError):
        raise InvalidSettings(["config 'privateKey': is not an unencrypted PEM private key; give one."]) from None
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    raise InvalidSettings(["config 'privateKey': is not an RSA, EC or Ed25519 key; give one of those."])
