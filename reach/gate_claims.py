"""Claims that may void a condition: Keycloak or an API decides by them for whom a token is, whose it is, and what it may do."""

from reach.written_audiences import claim_parts

_MEANINGS = {
    "for whom a token is": ("aud", "azp", "client_id"),
    "whose a token is": ("sub", "username", "preferred_username", "email", "email_verified"),
    "what a token may do": (
        "scope",
        "roles",
        "realm_access",
        "resource_access",
        "groups",
        "authorization",
        "permissions",
    ),
    "who may use a token": ("cnf", "act", "may_act", "allowed-origins", "trusted-certs"),
    "how the user logged in": ("acr", "amr", "auth_time", "sid", "session_state"),
    "whether a token is valid": (
        "iss",
        "typ",
        "exp",
        "iat",
        "nbf",
        "jti",
        "nonce",
        "at_hash",
        "c_hash",
        "s_hash",
        "active",
    ),
}
GATES = {claim: meaning for meaning, claims in _MEANINGS.items() for claim in claims}


def gate_claim(claim_name: str) -> tuple[str, str] | None:
    """The claim that a mapper of this name writes, and what that decides; None where it opens no gate.

    :param claim_name: as in a mapper's configuration, where dots part it and backslashes escape.
    """
    first = next(iter(claim_parts(claim_name)), "")
    return (first, GATES[first]) if first in GATES else None
