"""Which token exchange a server offers, from ``/admin/serverinfo``.

https://www.keycloak.org/securing-apps/token-exchange
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kcadmin.marks.notes import BOOLEAN_TEXT
from kcadmin.objects.claims import Kind
from kcadmin.rest.errors import Refusal
from kcadmin.rest.odd import Odd
from kcadmin.rest.session import Session
from kcadmin.rest.texts import named

STANDARD, LEGACY = "standard", "legacy"
# The client's own switch of the standard exchange, and whether it also gives refresh tokens.
SWITCH = "attributes.standard.token.exchange.enabled"
REFRESH = "attributes.standard.token.exchange.enableRefreshRequestedTokenType"
SAME_SESSION = "SAME_SESSION"
SWITCH_CLAIM = Kind(
    "standard-exchange",
    {SWITCH: Literal["true"], REFRESH: Literal["SAME_SESSION"] | None},
    {SWITCH: BOOLEAN_TEXT, REFRESH: Literal["SAME_SESSION", "NO"] | None},
)
STANDARD_FEATURE, LEGACY_FEATURE = "token-exchange-standard:v2", "token-exchange:v1"
PERMISSIONS_FEATURE = "admin-fine-grained-authz:v1"
OLDEST_VERSION = (24, 0)
SCOPE_POLICIES_SINCE = (26, 0)
WHOLE_TOKENS_SINCE = (25, 0)
WHOLE_TOKENS_IN_AUD_SINCE = (26, 7, 5)
STANDARD_SINCE = "26.2"
LATER = Odd(
    "exchange-later", "the standard exchange needs Keycloak {version} or later", "upgrade it, or set exchange: legacy"
)
NO_MORE = Odd("exchange-no-more", "this version of Keycloak has no legacy exchange any more", "set exchange: standard")
MISSING = Odd("exchange-missing", "the server has no {exchange} exchange", "start Keycloak with --features={features}")
NEITHER = Odd("exchange-neither", "the server offers neither exchange", "start Keycloak with --features={features}")
ODD = (LATER, NO_MORE, MISSING, NEITHER)
# `jti` is <session type><token type><grant>:<uuid>, two letters each: onrtte:… standard, onrtna:… legacy. Before 26.2,
# which brought this and the standard exchange, it is <uuid>.
_ANSWERED = {"te": STANDARD, "na": LEGACY}
_LISTED_AS = {
    STANDARD_FEATURE: "TOKEN_EXCHANGE_STANDARD_V2",
    LEGACY_FEATURE: "TOKEN_EXCHANGE",
    PERMISSIONS_FEATURE: "ADMIN_FINE_GRAINED_AUTHZ",
}


@dataclass(frozen=True)
class Features:
    """What is switched on. Legacy needs both ``legacy_exchange`` and ``fine_grained_permissions``.

    unknown: features that this version of Keycloak does not have, so that nothing switches them on.
    scope_policies: whether a client-scope policy can judge an exchange; before 26.0 each such exchange ends in a 500.
    dpop: whether it applies a client's setting to bind its tokens by DPoP; before 26.4 a feature that is off by default.
    whole_tokens: whether a client may get complete tokens at introspection; 24.0 does not have that setting.
    whole_tokens_in_aud: whether only a client in their ``aud`` gets them.
    mapper_types: of its protocol mappers for OpenID Connect; None where it does not tell.
    version: its first three numbers; None where the login may not read it. Servers since 26 show it only to realm administrators.
    """

    standard_exchange: bool
    legacy_exchange: bool
    fine_grained_permissions: bool
    unknown: tuple[str, ...] = ()
    scope_policies: bool = True
    dpop: bool = True
    whole_tokens: bool = True
    whole_tokens_in_aud: bool = False
    mapper_types: frozenset[str] | None = field(default=None, compare=False, repr=False)
    version: tuple[int, ...] | None = field(default=None, compare=False)

    @property
    def refuses_disabled_targets(self) -> bool:
        """Whether the legacy exchange, too, gives no token for a disabled client: since 26.2, which brought the standard one."""
        return STANDARD_FEATURE not in self.unknown

    def missing_for(self, exchange: str) -> tuple[str, ...]:
        """The features to switch on for an exchange, as ``--features`` takes them."""
        wanted = {
            STANDARD: ((STANDARD_FEATURE, self.standard_exchange),),
            LEGACY: ((LEGACY_FEATURE, self.legacy_exchange), (PERMISSIONS_FEATURE, self.fine_grained_permissions)),
        }
        return tuple(feature for feature, on in wanted[exchange] if not on)

    @property
    def keeps_service_accounts(self) -> bool:
        """Whether a service account survives a PUT of its client that leaves it out, as since 26.2."""
        return STANDARD_FEATURE not in self.unknown

    def has_mapper(self, kind: str) -> bool:
        """Whether mappers of a type act on tokens. Where that is not known, they may."""
        return self.mapper_types is None or kind in self.mapper_types

    def offers(self, exchange: str) -> bool:
        """Whether the server offers an exchange whole."""
        return not self.missing_for(exchange)

    def lack_of(self, exchange: str) -> tuple[str, str]:
        """What is wrong and what to do if the wanted exchange is not offered; ``auto`` accepts either."""
        never = {each for each in (STANDARD, LEGACY) if set(self.missing_for(each)) & set(self.unknown)}
        if exchange == STANDARD and STANDARD in never:
            return _halves(LATER.told(version=STANDARD_SINCE))
        if exchange == LEGACY and LEGACY in never:
            return _halves(NO_MORE)
        if exchange in (STANDARD, LEGACY):
            return _halves(MISSING.told(exchange=exchange, features=",".join(self.missing_for(exchange))))
        wanted = self.missing_for(LEGACY if STANDARD in never else STANDARD)
        wrong, remedy = _halves(NEITHER.told(features=",".join(wanted)))
        later = f", or use Keycloak {STANDARD_SINCE} or later" if STANDARD in never else ""
        return wrong, remedy + later

    def lack_in_words(self, exchange: str) -> str:
        """What the server lacks, and the remedy, in one clause."""
        wrong, remedy = self.lack_of(exchange)
        return f"{wrong} ({remedy})"


def read_features(session: Session) -> Features:
    """Asks the server; any role of ``realm-management`` suffices. The answer is 300 kB: ask once.

    :raises Refusal: the server is older than we know.
    """
    told = session.get("/admin/serverinfo")
    _refuse_older(told, session.connection.url)
    on = {str(feature["name"]): bool(feature["enabled"]) for feature in told["features"]}
    standard, legacy, permissions = (on.get(_LISTED_AS[feature], False) for feature in _LISTED_AS)
    version = _version(told)
    return Features(
        standard,
        legacy,
        permissions,
        unknown=tuple(feature for feature, name in _LISTED_AS.items() if name not in on),
        scope_policies=version is None or version >= SCOPE_POLICIES_SINCE,
        dpop=on.get("DPOP", True),
        whole_tokens=version is None or version >= WHOLE_TOKENS_SINCE,
        whole_tokens_in_aud=version is not None and version >= WHOLE_TOKENS_IN_AUD_SINCE,
        mapper_types=_mapper_types(told),
        version=version,
    )


def _refuse_older(told: Mapping[str, Any], url: str) -> None:
    """Newer servers show their version only to realm administrators, but the old ones that are refused show it to every login."""
    version = _version(told)
    if version and version >= OLDEST_VERSION:
        return
    if version or "features" not in told:
        oldest = ".".join(str(part) for part in OLDEST_VERSION)
        which = f"is version {told['systemInfo']['version']}" if version else "lists no features, as old versions do"
        raise Refusal(f"Keycloak at {named(url)}: {which}, and {oldest} is the oldest that is supported; upgrade it.")


def _version(told: Mapping[str, Any]) -> tuple[int, ...] | None:
    number = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", str((told.get("systemInfo") or {}).get("version") or ""))
    return tuple(int(part) for part in number.groups(default="0")) if number else None


def _mapper_types(told: Mapping[str, Any]) -> frozenset[str] | None:
    by_protocol = told.get("protocolMapperTypes")
    listed = by_protocol.get("openid-connect") if isinstance(by_protocol, dict) else None
    if not listed or not isinstance(listed, list):
        return None
    return frozenset(str(each["id"]) for each in listed if isinstance(each, dict) and "id" in each)


def _halves(odd: Odd) -> tuple[str, str]:
    return odd.wrong, odd.remedy


def answered_by(jti: str) -> str | None:
    """The exchange that made a token, by its id: ``standard`` or ``legacy``; None if the id does not show it."""
    prefix, colon, _ = jti.partition(":")
    return _ANSWERED.get(prefix[4:6]) if colon else None
