"""Turns a login into a token request: the form fields of RFC 6749 and RFC 7523."""

import os
import time
import uuid
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kcadmin.connection import (
    ADMIN_PASSWORD,
    CLIENT_SECRET,
    PRIVATE_KEY,
    ClientSecretLogin,
    Login,
    PasswordLogin,
    PrivateKeyLogin,
)
from kcadmin.errors import InvalidSettings

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
_SECRETS = {
    PasswordLogin: ("password", ADMIN_PASSWORD),
    ClientSecretLogin: ("client secret", CLIENT_SECRET),
    PrivateKeyLogin: ("private key", PRIVATE_KEY),
}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


def describe(login: Login) -> str:
    """Who logs in, for a message; never with a secret."""
    if isinstance(login, PasswordLogin):
        return f"user '{login.username}'"
    return f"client '{login.client_id}'"


def secrets_of(login: Login) -> tuple[str, ...]:
    """What no text may hold of a login."""
    if isinstance(login, PasswordLogin):
        return (login.password,)
    return (login.client_secret if isinstance(login, ClientSecretLogin) else login.private_key,)


def remedy(login: Login, environ: Mapping[str, str] = os.environ) -> str:
    """What to do about a refused login. Pulumi keeps a stack's config in state, so a secret from there may be an old one."""
    secret, variable = _SECRETS[type(login)]
    check = "check the name, its secret and loginRealm"
    if environ.get(variable):
        return check
    return f"{check}, or set {variable}: refresh and destroy take the {secret} from the stack's last up"


def token_form(login: Login, issuer: str) -> dict[str, str]:
    """The form of a token request. ``issuer``: the audience of a client assertion.

    :raises InvalidSettings: the private key is not a PEM key that a JWT can be signed with.
    """
    if isinstance(login, PasswordLogin):
        return {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": login.username,
            "password": login.password,
        }
    form = {"grant_type": "client_credentials", "client_id": login.client_id}
    if isinstance(login, ClientSecretLogin):
        return form | {"client_secret": login.client_secret}
    return form | {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": client_assertion(login.client_id, login.private_key, issuer),
    }


def client_assertion(client_id: str, private_key: str, audience: str) -> str:
    """A JWT that proves a client's identity once (private_key_jwt, RFC 7523 section 2.2)."""
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
    raise InvalidSettings(["config 'privateKey': is no RSA, EC or Ed25519 key; give one of those."])
