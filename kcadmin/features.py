"""Which token exchange a server offers, from ``/admin/serverinfo``.

https://www.keycloak.org/securing-apps/token-exchange
"""

from dataclasses import dataclass

from kcadmin.session import Session

STANDARD, LEGACY = "standard", "legacy"
STANDARD_FEATURE, LEGACY_FEATURE = "token-exchange-standard:v2", "token-exchange:v1"
PERMISSIONS_FEATURE = "admin-fine-grained-authz:v1"


@dataclass(frozen=True)
class Features:
    """What is switched on. Legacy needs both ``legacy_exchange`` and ``fine_grained_permissions``."""

    standard_exchange: bool
    legacy_exchange: bool
    fine_grained_permissions: bool

    def missing_for(self, exchange: str) -> tuple[str, ...]:
        """The features to switch on for an exchange, as ``--features`` takes them."""
        wanted = {
            STANDARD: ((STANDARD_FEATURE, self.standard_exchange),),
            LEGACY: ((LEGACY_FEATURE, self.legacy_exchange), (PERMISSIONS_FEATURE, self.fine_grained_permissions)),
        }
        return tuple(feature for feature, on in wanted[exchange] if not on)

    def offers(self, exchange: str) -> bool:
        """Whether the server offers an exchange whole."""
        return not self.missing_for(exchange)


def read_features(session: Session) -> Features:
    """Asks the server; any role of ``realm-management`` suffices. The answer is 300 kB: ask once."""
    on = {str(feature["name"]) for feature in session.get("/admin/serverinfo")["features"] if feature["enabled"]}
    return Features("TOKEN_EXCHANGE_STANDARD_V2" in on, "TOKEN_EXCHANGE" in on, "ADMIN_FINE_GRAINED_AUTHZ" in on)
