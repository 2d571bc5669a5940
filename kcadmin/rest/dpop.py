"""A key of our own, and proofs that we have it (DPoP, RFC 9449), for clients whose token requests must be bound to one.

https://www.keycloak.org/securing-apps/dpop
"""

import time
import uuid
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import, and seldom used
    from cryptography.hazmat.primitives.asymmetric import ec

HEADER = "DPoP"
MISSING = "DPoP proof is missing"
"""Keycloak's words for a request without a proof, if the client must send one."""


class ProofKey:
    """A key that is made at its first use and kept only in memory."""

    @cached_property
    def _key(self) -> "ec.EllipticCurvePrivateKey":
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.generate_private_key(ec.SECP256R1())

    def header(self, address: str) -> dict[str, str]:
        """The header of one POST. address: the server's own, which may differ from the requested one."""
        import jwt
        from jwt.algorithms import ECAlgorithm

        claims = {"jti": str(uuid.uuid4()), "htm": "POST", "htu": address, "iat": int(time.time())}
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {HEADER: jwt.encode(claims, self._key, "ES256", {"typ": "dpop+jwt", "jwk": public})}
