"""How a robot logs in: by a key of its own (private_key_jwt, RFC 7523), or by the tokens of another issuer."""

import json
from dataclasses import dataclass, field
from typing import ClassVar

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kcadmin.marks.ownership import hash16
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Refusal, TokenRefused, sentence
from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint

ALGORITHM = "RS256"
ISSUER, SUBJECT = "jwt.credential.issuer", "jwt.credential.sub"
"""Attributes of a client: the alias of an identity provider, and the subject of its tokens."""


@dataclass(frozen=True)
class ByKey:
    """A private key as PEM, RSA."""

    pem: str = field(repr=False)
    kind: ClassVar[str] = "client-jwt"
    words: ClassVar[str] = "private_key_jwt"

    @property
    def attributes(self) -> dict[str, str]:
        """The client attributes that hold its public part as a JWK set (RFC 7517)."""
        key = load_pem_private_key(self.pem.encode(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        public = jwt.get_algorithm_by_name(ALGORITHM).to_jwk(key.public_key(), as_dict=True)
        keys = {"keys": [{**public, "use": "sig", "alg": ALGORITHM, "kid": hash16(str(public["n"]))}]}
        return {"use.jwks.string": "true", "jwks.string": json.dumps(keys)}

    def seconds(self, realm: Realm, client_id: str, name: str, uuid: str) -> int:
        """When the server issued a token for the key, in its seconds. name: the client's now. :raises Refusal: it issues none."""
        try:
            issued = TokenEndpoint(realm.session, realm.name).for_service_account(ClientCredentials(name, self.pem))
        except TokenRefused as problem:
            wrong = f"cannot log in by its key ({problem.clause})"
            remedy = "correct the realm's flow for client authentication, its client policies, or this machine's clock"
            raise Refusal(sentence("client", client_id, realm.name, wrong, remedy)) from None
        return int(jwt.decode(issued.access_token, options={"verify_signature": False})["iat"])


@dataclass(frozen=True)
class ByIssuer:
    """The tokens that an identity provider's issuer issues for a subject. Only the subject has one."""

    alias: str
    subject: str
    kind: ClassVar[str] = "federated-jwt"
    words: ClassVar[str] = "the tokens of another issuer"

    @property
    def attributes(self) -> dict[str, str]:
        """The client attributes that name both."""
        return {ISSUER: self.alias, SUBJECT: self.subject}

    def seconds(self, realm: Realm, client_id: str, name: str, uuid: str) -> int:
        """The server's time in seconds, taken from an example of a token of the client."""
        user = realm.session.get(realm.clients.path(uuid, "service-account-user"))["id"]
        at = realm.clients.path(uuid, "evaluate-scopes", "generate-example-access-token")
        return int(realm.session.get(at, userId=str(user))["iat"])


RobotLogin = ByKey | ByIssuer


def logs_in_by(client: Client, login: RobotLogin) -> bool:
    """Whether a client has the public key, or the issuer and subject, of a login."""
    return all(client.attributes.get(key) == value for key, value in login.attributes.items())
