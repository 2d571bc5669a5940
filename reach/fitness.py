"""Whether a client is fit for its role in an exchange: as requester, as source, as target.

Proven on Keycloak 26.7.3. https://www.keycloak.org/securing-apps/token-exchange
"""

from collections.abc import Collection
from enum import Enum
from typing import Protocol

from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, STANDARD
from kcadmin.rest.texts import named

OPENID_CONNECT = "openid-connect"
DPOP, MTLS = "DPoP", "mTLS"
BOUND_BY = {
    "attributes.dpop.bound.access.tokens": DPOP,
    "attributes.tls.client.certificate.bound.access.tokens": MTLS,
}
"""The settings by which a client's tokens are bound to a key of its caller, and to which kind."""


class Position(str, Enum):
    """The roles of a client in an exchange."""

    REQUESTER = "requester"
    SOURCE = "source"
    TARGET = "target"


class Unfit(str, Enum):
    """Why a client is not fit."""

    MISSING = "there is no such client"
    DISABLED = "it is disabled"
    PROTOCOL = "it is not an OpenID Connect client"
    BEARER_ONLY = "it is bearer-only"
    PUBLIC = "it is a public client"
    BOUND = "its tokens are bound to its caller's key, and the standard exchange takes them only from that client"
    CONSENT = "it requires consent, for which the legacy exchange cannot ask"


class ClientSettings(Protocol):
    """The settings of a client that count."""

    @property
    def enabled(self) -> bool: ...
    @property
    def openid_connect(self) -> bool: ...
    @property
    def bearer_only(self) -> bool: ...
    @property
    def public(self) -> bool: ...
    @property
    def consent_required(self) -> bool: ...
    @property
    def bound_by(self) -> tuple[str, ...]: ...


class SettingsOf:
    """The same, from a client as the server describes it."""

    def __init__(self, client: Client) -> None:
        self.enabled = client.is_on("enabled")
        self.openid_connect = client.value("protocol") in (None, OPENID_CONNECT)
        self.bearer_only = client.is_on("bearerOnly")
        self.public = client.is_on("publicClient")
        self.consent_required = client.is_on("consentRequired")
        self.bound_by = bound_by(client)


def bound_by(client: Client) -> tuple[str, ...]:
    """How the access tokens of a client are bound to a key: DPoP, mTLS, both, or not."""
    return tuple(kind for setting, kind in BOUND_BY.items() if client.is_on(setting))


def proofs(name: str, kinds: Collection[str], *, own: bool) -> tuple[str, ...]:
    """What a requester whose tokens are bound must send at the exchange, besides its credentials; a phrase each.

    :param own: whether it exchanges its own token. For another client's it needs no certificate, and gets an unbound token.
    """
    needed = {
        f"{named(name)} sends a DPoP proof": DPOP in kinds,
        f"{named(name)} shows the certificate that its token is bound to": MTLS in kinds and own,
    }
    return tuple(phrase for phrase, holds in needed.items() if holds)


def unfit_for(
    client: Client | ClientSettings | None,
    position: Position,
    exchange: str | None,
    *,
    foreign: bool = True,
    disabled_targets: bool = False,
) -> list[Unfit]:
    """Everything that makes a client unfit for its role.

    :param exchange: ``standard`` or ``legacy``. foreign: whether the requester exchanges another client's token: the legacy
        exchange lets a public client exchange its own, and the standard one takes bound tokens from their own client alone.
    :param disabled_targets: whether the server's legacy exchange gives tokens for disabled clients.
    """
    if client is None:
        return [Unfit.MISSING]
    said = SettingsOf(client) if isinstance(client, Client) else client
    legacy, asks = exchange == LEGACY, position is Position.REQUESTER
    is_target = position is Position.TARGET
    found = {
        Unfit.DISABLED: not said.enabled and not (is_target and legacy and disabled_targets),
        Unfit.PROTOCOL: not said.openid_connect,
        Unfit.BEARER_ONLY: said.bearer_only and not is_target,
        Unfit.PUBLIC: said.public and asks and not (legacy and not foreign),
        Unfit.BOUND: bool(said.bound_by) and position is Position.SOURCE and exchange == STANDARD and foreign,
        Unfit.CONSENT: said.consent_required and is_target and legacy,
    }
    return [why for why, holds in found.items() if holds]


def worded(why: Unfit, name: str) -> str:
    """The reason as a clause with the client's name."""
    return {
        Unfit.MISSING: f"there is no client {named(name)}",
        Unfit.DISABLED: f"{named(name)} is disabled",
        Unfit.PROTOCOL: f"{named(name)} is not an OpenID Connect client",
        Unfit.BEARER_ONLY: f"{named(name)} is bearer-only",
        Unfit.PUBLIC: f"{named(name)} is a public client",
        Unfit.BOUND: f"tokens of {named(name)} are bound to its caller's key, so {named(name)} alone may exchange them",
        Unfit.CONSENT: f"{named(name)} requires consent, which the legacy exchange refuses",
    }[why]
