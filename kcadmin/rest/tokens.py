"""The token endpoint of a realm: requests and exchanges tokens, verifies them with the realm's keys, and ends them.

https://www.keycloak.org/securing-apps/oidc-layers and https://www.rfc-editor.org/rfc/rfc8693#section-2
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kcadmin.rest.answers import Answer
from kcadmin.rest.dpop import MISSING, ProofKey
from kcadmin.rest.errors import AWAY, InvalidSettings, KeycloakError, TokenRefused
from kcadmin.rest.issuers import discovered_issuer, own_issuer
from kcadmin.rest.login import ASSERTION_TYPE, client_assertion
from kcadmin.rest.session import Session, path
from kcadmin.rest.texts import named

if TYPE_CHECKING:  # slow to import, and seldom used
    import jwt

EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
PEM_START = "-----BEGIN"
LEEWAY_SECONDS = 60
OK, NO_CONTENT = 200, 204
ENDED = "invalid_token"
"""Keycloak's words, with status 200, if a token was ended already."""
PASSING = (429, *AWAY)
"""The server does not answer now, which refuses nothing."""
# Only signatures with a public key: a token "signed" with the public key as an HMAC secret must never pass.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


class TokenInvalid(KeycloakError):
    """A token that is not valid by the realm's keys, issuer or clock."""


@dataclass(frozen=True)
class ClientCredentials:
    """How a client shows who it is. secret: a secret, a private key as PEM (private_key_jwt), or '' if public."""

    client_id: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class Issued:
    """The result of a token request. The refresh token serves to log the session out."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)


class TokenEndpoint:
    """One realm's token endpoint, with its discovery and keys read once."""

    def __init__(self, session: Session, realm: str, key: ProofKey | None = None) -> None:
        """:param key: its proof is sent for clients whose requests need one."""
        self.realm = realm
        self._session = session
        self._key = key
        self._with_proof: set[str] = set()
        self._issuer: str | None = None
        self._keys: dict[str, jwt.PyJWK] | None = None

    def for_user(self, client: ClientCredentials, username: str, password: str, *, scope: str | None = None) -> Issued:
        """A user's token by the password grant; the client needs direct access grants. :raises TokenRefused:"""
        return self._ask(client, {"grant_type": "password", "username": username, "password": password}, scope=scope)

    def for_service_account(self, client: ClientCredentials, *, scope: str | None = None) -> Issued:
        """The token of the client's own service account. :raises TokenRefused:"""
        return self._ask(client, {"grant_type": "client_credentials"}, scope=scope)

    def exchange(
        self, client: ClientCredentials, subject_token: str, *, audience: str | None = None, scope: str | None = None
    ) -> Issued:
        """Exchanges an access token (RFC 8693). ``audience``: a client id, or None. :raises TokenRefused:"""
        # The standard exchange demands the type; the legacy one takes an access token where it is missing.
        form = {"grant_type": EXCHANGE_GRANT, "subject_token": subject_token, "subject_token_type": ACCESS_TOKEN_TYPE}
        return self._ask(client, form, audience=audience, scope=scope)

    def log_out(self, client: ClientCredentials, refresh_token: str) -> None:
        """Ends the user's session that a refresh token belongs to, with every token of it. :raises TokenRefused:"""
        answer = self._post(client, "logout", {"refresh_token": refresh_token})
        if answer.status_code != NO_CONTENT:
            raise answer.unexpected()

    def revoke(self, client: ClientCredentials, access_token: str) -> None:
        """Ends one access token (RFC 7009); only the client it was issued to may. :raises TokenRefused:"""
        answer = self._post(client, "revoke", {"token": access_token, "token_type_hint": "access_token"})
        if answer.status_code != OK or (answer.content and answer.own_words() != ENDED):
            raise answer.unexpected()

    def knows(self, client: ClientCredentials) -> bool:
        """Whether the server accepts the client's secret: an introspection of no token (RFC 7662), which opens no session."""
        try:
            self._post(client, "token/introspect", {"token": "none"}).json()
        except TokenRefused:
            return False
        return True

    def claims(self, access_token: str) -> Mapping[str, Any]:
        """The claims of a token that this realm signed, for this issuer, and that is valid now.

        :raises TokenInvalid: saying why.
        """
        import jwt

        try:
            key_id = jwt.get_unverified_header(access_token).get("kid")
            key = self._realm_keys().get(str(key_id))
            if key is None:
                raise TokenInvalid(f"its key {named(key_id)} is none of realm {named(self.realm)}")
            claims: Mapping[str, Any] = jwt.decode(
                access_token,
                key,
                algorithms=ALGORITHMS,
                issuer=self.issuer(),
                leeway=LEEWAY_SECONDS,
                options={"verify_aud": False, "require": ["exp", "iat", "iss"]},
            )
        except jwt.PyJWTError as problem:
            raise TokenInvalid(str(problem)) from None
        except (TypeError, ValueError, OverflowError, RecursionError):  # PyJWT does not check the types of all claims
            raise TokenInvalid("it holds claims of another type") from None
        return claims

    def issuer(self) -> str:
        """The realm's issuer, from its discovery document."""
        if self._issuer is None:
            at = path("realms", self.realm, ".well-known", "openid-configuration")
            answer = self._session.public("GET", at)
            self._issuer = discovered_issuer(self._session.connection, self.realm, answer)
        return self._issuer

    def _realm_keys(self) -> "Mapping[str, jwt.PyJWK]":
        import jwt

        if self._keys is None:
            at = path("realms", self.realm, "protocol", "openid-connect", "certs")
            answer = self._session.public("GET", at)
            if not answer.ok:
                raise answer.error()
            try:
                keys = jwt.PyJWKSet.from_dict(dict(answer.json())).keys
            except (
                jwt.PyJWTError,
                ValueError,
                TypeError,
                LookupError,
                AttributeError,
            ):  # PyJWT checks the set, not its keys
                raise answer.unexpected("keys that cannot verify a signature") from None
            self._keys = {str(key.key_id): key for key in keys if key.key_id}
        return self._keys

    def _ask(self, client: ClientCredentials, form: Mapping[str, str], **optional: str | None) -> Issued:
        given = {name: value for name, value in optional.items() if value is not None}
        answer = self._post(client, "token", {**form, **given})
        token, _ = answer.token()
        if not token:
            raise KeycloakError(
                f"token endpoint of realm {named(self.realm)}: answered without an access token; "
                "check that url is Keycloak's own address."
            )
        refresh_token = answer.object().get("refresh_token")
        return Issued(token, str(refresh_token) if refresh_token else None)

    def _post(self, client: ClientCredentials, endpoint: str, form: Mapping[str, str]) -> Answer:
        at = path("realms", self.realm, "protocol", "openid-connect", *endpoint.split("/"))
        answer = self._posted(client, endpoint, at, form)
        if answer.ok:
            return answer
        body = answer.object()
        if body.get("error_description") == MISSING and self._key and client.client_id not in self._with_proof:
            self._with_proof.add(client.client_id)
            return self._post(client, endpoint, form)
        if not body.get("error") or answer.own_words() is None:
            raise answer.unexpected()
        if answer.status_code in PASSING:
            raise answer.error()
        words = str(body.get("error_description") or "no description")
        raise TokenRefused(answer.status_code, answer.hide(str(body["error"])), answer.hide(words))

    def _posted(self, client: ClientCredentials, endpoint: str, at: str, form: Mapping[str, str]) -> Answer:
        headers = {}
        if self._key and client.client_id in self._with_proof:
            headers = self._key.header(f"{self.issuer()}/protocol/openid-connect/{endpoint}")
        return self._session.public("POST", at, form={**form, **self._authentication(client)}, headers=headers)

    def _authentication(self, client: ClientCredentials) -> dict[str, str]:
        form = {"client_id": client.client_id}
        if client.secret.lstrip().startswith(
            PEM_START
        ):  # a new assertion each time, since Keycloak accepts each only once
            audience = own_issuer(self._session.connection, self.realm, self.issuer())
            try:
                assertion = client_assertion(client.client_id, client.secret, audience)
            except InvalidSettings:
                raise InvalidSettings(
                    [
                        f"client {named(client.client_id)}: its private key is not an unencrypted PEM key of "
                        "RSA, EC or Ed25519; give one."
                    ]
                ) from None
            return form | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return form | ({"client_secret": client.secret} if client.secret else {})
