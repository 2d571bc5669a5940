"""What a realm lets clients do, and whether it is as it was: real exchanges, whole exports."""

from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from kcadmin.rest.errors import TokenRefused
from tests.e2e.stack import Grant
from tests.support.realms import TestRealm

BOTH = ["recipient", "requester"]
ANSWERED = {"te": "standard", "na": "legacy"}
"""By letters 5 and 6 of a token's ``jti``."""


def made_by(claims: Mapping[str, Any]) -> str:
    """The exchange that made a token. Before 26.2, the first with both, ``jti`` is a UUID."""
    jti = str(claims["jti"])
    return ANSWERED[jti[4:6]] if ":" in jti else "legacy"


def grant(name: str = "g", *, source: str = "frontend", target: str = "api", **more: Any) -> Grant:
    """A grant as in a stack's config, with both flows unless ``flows`` or ``requester`` is given."""
    flows = {} if "requester" in more else {"flows": BOTH}
    return {"name": name, "sources": [source], "target": target, **flows, **more}


def exchanged(
    realm: TestRealm, requester: str, target: str, exchange: str, *, source: str = "frontend", asks: bool = False
) -> None:
    """The requester gets a token for the target, of the same user, by that exchange. ``asks``: with ``audience``."""
    token = realm.user_token(source)
    claims = realm.exchange(requester, token, audience=target if asks else None)
    assert target in claims["aud"]
    assert claims["azp"] == requester
    assert claims["sub"] == jwt.decode(token, options={"verify_signature": False})["sub"]
    assert made_by(claims) == exchange


def refused(realm: TestRealm, requester: str, *, source: str = "frontend", audience: str | None = None) -> None:
    """The requester gets no token."""
    with pytest.raises(TokenRefused):
        realm.exchange(requester, realm.user_token(source), audience=audience)


def both_flows(realm: TestRealm, exchange: str, *, source: str = "frontend", target: str = "api") -> None:
    """Both flows of a grant work."""
    exchanged(realm, target, target, exchange, source=source)
    exchanged(realm, source, target, exchange, source=source, asks=True)


def neither_flow(realm: TestRealm, *, source: str = "frontend", target: str = "api") -> None:
    """Neither flow of a grant works."""
    refused(realm, target, source=source)
    refused(realm, source, source=source, audience=target)


def as_it_was(realm: TestRealm, before: Any, exchange: str) -> None:
    """The realm's export equals an earlier one; after legacy grants an empty resource server stays, which is known."""
    if exchange == "legacy":
        assert realm.export_but_for_permissions() == realm.without_permissions(before)
    else:
        assert realm.export() == before
