"""A key of our own, and proofs that we hold it (DPoP, RFC 9449): for clients whose token requests Keycloak wants bound to one.

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
"""What Keycloak says to a request without a proof of a client that must send one."""


class ProofKey:
    """A key that is made at its first use, kept in memory alone, and gone with this object."""

    @cached_property
    def _key(self) -> "ec.EllipticCurvePrivateKey":
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.generate_private_key(ec.SECP256R1())

    def header(self, address: str) -> dict[str, str]:
        """The header of one POST. address: as the server calls itself, which may differ from the one that is asked."""
        import jwt
        from jwt.algorithms import ECAlgorithm

        claims = {"jti": str(uuid.uuid4()), "htm": "POST", "htu": address, "iat": int(time.time())}
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {HEADER: jwt.encode(claims, self._key, "ES256", {"typ": "dpop+jwt", "jwk": public})}
